//! What only variables say: how engines are driven, and the toolchain that is the user's own.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::diagnostic::{Code, Diagnostic};
use crate::env::Env;
use crate::flag;
use crate::origin::{Origin, Sourced};
use crate::shape::Row;
use crate::shell;
use crate::variables::*;
use crate::word::{absolute, is_blank};

/// What only variables say, for every target.
///
/// What is not set has its default, with [`Origin::BuiltIn`]; what has no default is `None`. `Debug`
/// hides the values that arguments give to variables, which may be secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// More arguments for the engine's `run`, split as a shell splits words.
    pub container_opts: Sourced<Vec<String>>,
    /// More arguments for the engine's `build`, split as a shell splits words.
    pub build_opts: Sourced<Vec<String>>,
    /// How the engine shows the progress of a build: `auto`, `plain` or `tty`.
    pub build_progress: Option<Sourced<String>>,
    /// The engine has no BuildKit.
    pub no_buildkit: Sourced<bool>,
    /// The engine runs without root; `None` is to find out.
    pub rootless: Option<Sourced<bool>>,
    /// The user namespace of containers.
    pub user_namespace: Sourced<UserNamespace>,
    /// The user's number inside containers; `None` is the caller's.
    pub uid: Option<Sourced<u32>>,
    /// The group's number inside containers; `None` is the caller's.
    pub gid: Option<Sourced<u32>>,
    /// The toolchain is the user's own: nothing is added to it.
    pub custom_toolchain: Sourced<bool>,
    /// The released toolchain that the user's own is like: `nightly-2026-01-01-x86_64-unknown-linux-gnu`.
    pub custom_toolchain_compat: Option<Sourced<String>>,
    /// Documentation tests are run, if the toolchain is a nightly one.
    pub doctests: Sourced<bool>,
    /// The directory of the Nix store; `None` is to find out.
    pub nix_store: Option<Sourced<PathBuf>>,
    /// This runs in a container itself. Its paths are not translated to those of the container's host: it
    /// is a warning where an engine would need that.
    pub in_container: Sourced<bool>,
    /// For how many seconds a container is kept that nobody uses; 0 and `None` are not at all.
    pub keep_warm: Option<Sourced<u32>>,
}

/// The user namespace of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UserNamespace {
    /// The host's: what `auto` is, and the default.
    #[default]
    Host,
    /// Nothing is said about it to the engine: `none`.
    None,
    /// As the engine takes it: `keep-id`.
    Named(String),
}

impl Default for Settings {
    fn default() -> Self {
        fn built_in<T: Default>() -> Sourced<T> {
            Sourced::new(T::default(), Origin::BuiltIn)
        }
        Self {
            container_opts: built_in(),
            build_opts: built_in(),
            build_progress: None,
            no_buildkit: built_in(),
            rootless: None,
            user_namespace: built_in(),
            uid: None,
            gid: None,
            custom_toolchain: built_in(),
            custom_toolchain_compat: None,
            doctests: built_in(),
            nix_store: None,
            in_container: built_in(),
            keep_warm: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings ")?;
        let rows = self.rows().map(|(name, row)| (name, row.value));
        f.debug_map().entries(rows).finish()
    }
}

/// One of the settings: everything that is known about it.
pub(crate) struct Setting {
    /// Its variables, the one that wins first.
    pub(crate) variables: &'static [&'static str],
    /// An old name of the first.
    pub(crate) deprecated: Option<&'static str>,
    /// What its text may be, for people.
    pub(crate) takes: &'static str,
    /// The texts that are values of it, where that is a closed set.
    pub(crate) values: &'static [&'static str],
    /// Whether `auto` is to say nothing.
    auto: bool,
    /// What holds if nobody says anything, for people.
    pub(crate) default: &'static str,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A text that it takes.
    pub(crate) example: &'static str,
    store: fn(&mut Settings, &str, Origin) -> Result<(), &'static str>,
    row: fn(&Settings) -> Option<Row>,
    cover: fn(&mut Settings, &Settings),
}

/// The columns that follow from the field.
macro_rules! setting {
    ($field:ident) => {
        Setting {
            variables: &[],
            deprecated: None,
            takes: "",
            values: &[],
            auto: false,
            default: "",
            meaning: "",
            example: "",
            store: |settings, text, origin| settings.$field.store(text, origin),
            row: |settings| settings.$field.row(),
            cover: |below, above| below.$field.cover(&above.$field),
        }
    };
}

const FLAG: &str = "a flag";
const WORDS: &str = "words, as a shell splits them";

/// Every setting, in the order in which they are explained.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        variables: &[CROSS_CONTAINER_OPTS],
        deprecated: Some(DOCKER_OPTS),
        takes: WORDS,
        default: "none",
        meaning: "more arguments for the container engine's `run`",
        example: "--memory 2g",
        ..setting!(container_opts)
    },
    Setting {
        variables: &[CROSS_BUILD_OPTS],
        takes: WORDS,
        default: "none",
        meaning: "more arguments for the container engine's `build`",
        example: "--network=host",
        ..setting!(build_opts)
    },
    Setting {
        variables: &[CROSS_BUILD_PROGRESS],
        takes: "`auto`, `plain` or `tty`",
        values: &["auto", "plain", "tty"],
        default: "`auto`",
        meaning: "how the container engine shows the progress of a build",
        example: "plain",
        ..setting!(build_progress)
    },
    Setting {
        variables: &[CROSS_CONTAINER_ENGINE_NO_BUILDKIT],
        takes: FLAG,
        default: "off",
        meaning: "the container engine has no BuildKit",
        example: "1",
        ..setting!(no_buildkit)
    },
    Setting {
        variables: &[CROSS_ROOTLESS_CONTAINER_ENGINE],
        takes: "`auto` or a flag",
        auto: true,
        default: "`auto`: the engine is asked",
        meaning: "the container engine runs without root",
        example: "auto",
        ..setting!(rootless)
    },
    Setting {
        variables: &[CROSS_CONTAINER_USER_NAMESPACE],
        takes: "`auto`, `none`, or a namespace as the engine takes it",
        default: "`auto`: the host's for docker, podman's own default for podman",
        meaning: "the user namespace of containers",
        example: "keep-id",
        ..setting!(user_namespace)
    },
    Setting {
        variables: &[CROSS_CONTAINER_UID],
        takes: "a number",
        default: "the caller's",
        meaning: "the user's number inside containers",
        example: "1000",
        ..setting!(uid)
    },
    Setting {
        variables: &[CROSS_CONTAINER_GID],
        takes: "a number",
        default: "the caller's",
        meaning: "the group's number inside containers",
        example: "1000",
        ..setting!(gid)
    },
    Setting {
        variables: &[CROSS_CONTAINER_IN_CONTAINER],
        deprecated: Some(CROSS_DOCKER_IN_DOCKER),
        takes: FLAG,
        default: "off",
        meaning: "this runs in a container itself; paths are not translated to its host's, which is a warning where an engine would need that",
        example: "true",
        ..setting!(in_container)
    },
    Setting {
        variables: &[CROSS_KEEP_WARM],
        takes: "a number of seconds",
        default: "not at all",
        meaning: "containers of docker and podman are kept for later builds, also of other processes, until nobody has used them for so long",
        example: "300",
        ..setting!(keep_warm)
    },
    Setting {
        variables: &[CROSS_CUSTOM_TOOLCHAIN],
        takes: FLAG,
        default: "off",
        meaning: "the toolchain is the user's own: nothing is added to it",
        example: "1",
        ..setting!(custom_toolchain)
    },
    Setting {
        variables: &[CROSS_CUSTOM_TOOLCHAIN_COMPAT],
        takes: "a toolchain's full name",
        default: "none",
        meaning: "the released toolchain that the user's own is like",
        example: "nightly-2026-01-01-x86_64-unknown-linux-gnu",
        ..setting!(custom_toolchain_compat)
    },
    Setting {
        variables: &[CROSS_UNSTABLE_ENABLE_DOCTESTS],
        takes: FLAG,
        default: "off",
        meaning: "documentation tests are run, if the toolchain is a nightly one",
        example: "true",
        ..setting!(doctests)
    },
    Setting {
        variables: &[NIX_STORE_DIR, NIX_STORE],
        takes: "a path",
        default: "`/nix/store`, if there is one",
        meaning: "the directory of the Nix store, which toolchains of Nix need",
        example: "/nix/store",
        ..setting!(nix_store)
    },
];

impl Settings {
    /// Reads every setting that `env` has.
    pub(crate) fn read(env: &Env, problems: &mut Vec<Diagnostic>) -> Self {
        let mut settings = Self::default();
        for setting in SETTINGS {
            setting.read(env, &mut settings, problems);
        }
        let version = env.get(CROSS_COMPATIBILITY_VERSION);
        if version.is_some_and(|it| !it.is_empty()) {
            let message = "there is no older behaviour to be compatible with";
            let warning = Diagnostic::warning(Code::NoEffect, message).help("unset it");
            problems.push(warning.variable(CROSS_COMPATIBILITY_VERSION));
        }
        settings
    }

    /// Puts what a later environment says over this one.
    pub(crate) fn cover(&mut self, above: &Self) {
        for setting in SETTINGS {
            (setting.cover)(self, above);
        }
    }

    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        if let Some(store) = &mut self.nix_store {
            store.value = absolute(base, &store.value);
        }
    }

    /// What is set, by the names of the variables.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, Row)> {
        SETTINGS
            .iter()
            .filter_map(|setting| Some((*setting.variables.first()?, (setting.row)(self)?)))
    }
}

impl Setting {
    fn read(&self, env: &Env, settings: &mut Settings, problems: &mut Vec<Diagnostic>) {
        let is_set = |name: &&'static str| env.get(name).is_some_and(|it| !it.is_empty());
        let old = self.deprecated.filter(is_set);
        let own = self.variables.iter().copied().find(is_set);
        let new = self.variables.first().copied().unwrap_or_default();
        problems.extend(old.map(|old| deprecation(old, new, own.is_none())));
        let Some(name) = own.or(old) else { return };
        let stored = match env.get_str(name) {
            Some("auto") if self.auto => Ok(()),
            Some(text) => self
                .store(settings, text, Origin::Variable(name.to_owned()))
                .map_err(|wanted| (format!("`{}` can't be used", text.escape_debug()), wanted)),
            None => Err(("its value is not UTF-8".to_owned(), self.takes)),
        };
        problems.extend(stored.err().map(|(message, wanted)| {
            Diagnostic::error(Code::InvalidValue, message)
                .help(format!("write {wanted}"))
                .variable(name)
        }));
    }

    fn store(
        &self,
        settings: &mut Settings,
        text: &str,
        origin: Origin,
    ) -> Result<(), &'static str> {
        let is_value = self.values.is_empty() || self.values.contains(&text);
        if !is_value || text.contains('\0') {
            return Err(self.takes);
        }
        (self.store)(settings, text, origin)
    }
}

/// A field of [`Settings`], whatever it holds.
trait Field {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str>;

    /// `None` if nobody says anything.
    fn row(&self) -> Option<Row>;

    fn cover(&mut self, above: &Self);
}

impl<T: Text + Clone> Field for Sourced<T> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Sourced::new(T::parse(text)?, origin);
        Ok(())
    }

    fn row(&self) -> Option<Row> {
        let is_set = self.origin != Origin::BuiltIn;
        is_set.then(|| Row::new(self.value.show(), &self.origin))
    }

    fn cover(&mut self, above: &Self) {
        if above.origin != Origin::BuiltIn {
            self.clone_from(above);
        }
    }
}

impl<T: Text + Clone> Field for Option<Sourced<T>> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Some(Sourced::new(T::parse(text)?, origin));
        Ok(())
    }

    fn row(&self) -> Option<Row> {
        self.as_ref()?.row()
    }

    fn cover(&mut self, above: &Self) {
        if above.is_some() {
            self.clone_from(above);
        }
    }
}

/// A text as a setting's value; the error says what it must be.
trait Text: Sized {
    fn parse(text: &str) -> Result<Self, &'static str>;

    /// For people, without secrets.
    fn show(&self) -> String;
}

impl Text for bool {
    fn parse(text: &str) -> Result<Self, &'static str> {
        flag::read(text).ok_or(flag::WANTED)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for u32 {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.trim().parse().map_err(|_| "a number")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for String {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a name");
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Text for Vec<String> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        shell::split(text).ok_or("words with every quote closed")
    }

    fn show(&self) -> String {
        let words = self.iter().map(|word| redacted(word));
        shell::join(words)
    }
}

impl Text for PathBuf {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a path");
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Text for UserNamespace {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(match text.trim() {
            "" => return Err("`auto`, `none`, or a namespace as the engine takes it"),
            "auto" | "host" => Self::Host,
            "none" => Self::None,
            other => Self::Named(other.to_owned()),
        })
    }

    fn show(&self) -> String {
        match self {
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
            Self::Named(name) => name.clone(),
        }
    }
}

/// An argument with the value of a variable that it may set hidden: `--env=TOKEN=x`, or the `TOKEN=x`
/// after `--env`. The values of other options are no secrets.
fn redacted(word: &str) -> String {
    let start = match word.strip_prefix("--") {
        Some(option) => option.find('=').map_or(word.len(), |at| at + 3),
        None => 0,
    };
    let (option, assignment) = word.split_at(start);
    match assignment.split_once('=') {
        Some((name, _)) => format!("{option}{name}=[redacted]"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests;
