//! The table of settings.

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::Origin;
use crate::settings::Settings;
use crate::settings::setting_value::SettingField;
use crate::values::value::Row;
use crate::variables::env::Env;
use crate::variables::*;

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
    pub(super) auto: bool,
    /// What holds if nobody says anything, for people.
    pub(crate) default: &'static str,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A text that it takes.
    pub(crate) example: &'static str,
    pub(super) store: fn(&mut Settings, &str, Origin) -> Result<(), &'static str>,
    pub(super) row: fn(&Settings) -> Option<Row>,
    pub(super) cover: fn(&mut Settings, &Settings),
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

impl Setting {
    pub(super) fn read(&self, env: &Env, settings: &mut Settings, problems: &mut Vec<Diagnostic>) {
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
