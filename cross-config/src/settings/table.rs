//! The table of settings.

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::Origin;
use crate::settings::Settings;
use crate::settings::setting_value::SettingField;
use crate::values::value::ValueRow;
use crate::variables::env::Env;
use crate::variables::*;

/// A setting. Its parser and its reference are derived from it.
pub(crate) struct Setting {
    /// The variables, highest precedence first.
    pub(crate) variables: &'static [&'static str],
    /// A deprecated name of the first variable.
    pub(crate) deprecated: Option<&'static str>,
    /// The accepted values, for messages and documentation.
    pub(crate) takes: &'static str,
    /// The accepted values, if they are a closed set.
    pub(crate) values: &'static [&'static str],
    /// Whether `auto` is accepted and leaves the setting unset.
    pub(super) auto: bool,
    /// The default, for documentation.
    pub(crate) default: &'static str,
    /// The meaning in one line, for documentation.
    pub(crate) meaning: &'static str,
    /// An example value.
    pub(crate) example: &'static str,
    pub(super) store: fn(&mut Settings, &str, Origin) -> Result<(), &'static str>,
    pub(super) row: fn(&Settings) -> Option<ValueRow>,
    pub(super) overlay: fn(&mut Settings, &Settings),
}

/// Columns that are derived from the field, and defaults of the others.
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
            overlay: |below, above| below.$field.overlay(&above.$field),
        }
    };
}

const FLAG: &str = "a flag";
const WORDS: &str = "shell words";

/// All settings, in the order of explanations.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        variables: &[CROSS_CONTAINER_OPTS],
        deprecated: Some(DOCKER_OPTS),
        takes: WORDS,
        default: "none",
        meaning: "additional arguments for the container engine's `run`",
        example: "--memory 2g",
        ..setting!(container_opts)
    },
    Setting {
        variables: &[CROSS_BUILD_OPTS],
        takes: WORDS,
        default: "none",
        meaning: "additional arguments for the container engine's `build`",
        example: "--network=host",
        ..setting!(build_opts)
    },
    Setting {
        variables: &[CROSS_BUILD_PROGRESS],
        takes: "`auto`, `plain` or `tty`",
        values: &["auto", "plain", "tty"],
        default: "`auto`",
        meaning: "the format of the container engine's build progress",
        example: "plain",
        ..setting!(build_progress)
    },
    Setting {
        variables: &[CROSS_CONTAINER_ENGINE_NO_BUILDKIT],
        takes: FLAG,
        default: "off",
        meaning: "whether the container engine has no BuildKit",
        example: "1",
        ..setting!(no_buildkit)
    },
    Setting {
        variables: &[CROSS_ROOTLESS_CONTAINER_ENGINE],
        takes: "`auto` or a flag",
        auto: true,
        default: "`auto`: detected",
        meaning: "whether the container engine is rootless",
        example: "auto",
        ..setting!(rootless)
    },
    Setting {
        variables: &[CROSS_CONTAINER_USER_NAMESPACE],
        takes: "`auto`, `none`, or a namespace that the engine supports",
        default: "`auto`: that of the host for docker, the default of podman for podman",
        meaning: "the user namespace of containers",
        example: "keep-id",
        ..setting!(user_namespace)
    },
    Setting {
        variables: &[CROSS_CONTAINER_UID],
        takes: "a number",
        default: "that of the caller",
        meaning: "the user ID in containers",
        example: "1000",
        ..setting!(uid)
    },
    Setting {
        variables: &[CROSS_CONTAINER_GID],
        takes: "a number",
        default: "that of the caller",
        meaning: "the group ID in containers",
        example: "1000",
        ..setting!(gid)
    },
    Setting {
        variables: &[CROSS_CONTAINER_IN_CONTAINER],
        deprecated: Some(CROSS_DOCKER_IN_DOCKER),
        takes: "`auto` or a flag",
        auto: true,
        default: "`auto`: detected",
        meaning: "whether the library runs in a container whose host runs the container engine, so that paths are translated to those of the host",
        example: "true",
        ..setting!(in_container)
    },
    Setting {
        variables: &[CROSS_REMOTE],
        takes: "`auto` or a flag",
        auto: true,
        default: "`auto`: detected",
        meaning: "whether the container engine is on another machine and sees none of the caller's files, which then go through volumes; `0` says that it sees them at the same paths",
        example: "0",
        ..setting!(remote)
    },
    Setting {
        variables: &[CROSS_REMOTE_COPY_REGISTRY],
        takes: FLAG,
        default: "off",
        meaning: "whether all fetched crates are sent to a remote engine, not only those in `Cargo.lock`",
        example: "1",
        ..setting!(remote_copy_registry)
    },
    Setting {
        variables: &[CROSS_REMOTE_COPY_CACHE],
        takes: FLAG,
        default: "off",
        meaning: "whether directories of the sources that are marked as caches (`CACHEDIR.TAG`) are sent to a remote engine",
        example: "1",
        ..setting!(remote_copy_cache)
    },
    Setting {
        variables: &[CROSS_REMOTE_COPY_FULL_TARGET_DIR],
        takes: FLAG,
        default: "off",
        meaning: "whether the whole target directory is fetched from a remote engine, not only what was built for the user",
        example: "1",
        ..setting!(remote_copy_full_target_dir)
    },
    Setting {
        variables: &[CROSS_REMOTE_SKIP_BUILD_ARTIFACTS],
        takes: FLAG,
        default: "off",
        meaning: "whether nothing that was built is fetched from a remote engine",
        example: "1",
        ..setting!(remote_skip_build_artifacts)
    },
    Setting {
        variables: &[CROSS_REUSE_CONTAINERS],
        takes: "a number of seconds",
        default: "0: disabled",
        meaning: "how long unused containers of docker and podman are kept for reuse by later builds, including those of other processes",
        example: "300",
        ..setting!(reuse_containers)
    },
    Setting {
        variables: &[CROSS_FROZEN],
        takes: FLAG,
        default: "on if `CI` is set and `Cross.lock` exists",
        meaning: "whether a target that `Cross.lock` does not have is refused",
        example: "1",
        ..setting!(frozen)
    },
    Setting {
        variables: &[CROSS_CUSTOM_TOOLCHAIN],
        takes: FLAG,
        default: "off",
        meaning: "whether the toolchain is a custom one, to which nothing is added",
        example: "1",
        ..setting!(custom_toolchain)
    },
    Setting {
        variables: &[CROSS_CUSTOM_TOOLCHAIN_COMPAT],
        takes: "the full name of a toolchain",
        default: "none",
        meaning: "the released toolchain that corresponds to the custom one",
        example: "nightly-2026-01-01-x86_64-unknown-linux-gnu",
        ..setting!(custom_toolchain_compat)
    },
    Setting {
        variables: &[CROSS_UNSTABLE_ENABLE_DOCTESTS],
        takes: FLAG,
        default: "off",
        meaning: "whether documentation tests run if the toolchain is a nightly",
        example: "true",
        ..setting!(doctests)
    },
    Setting {
        variables: &[NIX_STORE_DIR, NIX_STORE],
        takes: "a path",
        default: "`/nix/store`, if it exists",
        meaning: "the directory of the Nix store, which Nix toolchains need",
        example: "/nix/store",
        ..setting!(nix_store)
    },
];

impl Setting {
    pub(super) fn read(&self, env: &Env, settings: &mut Settings, problems: &mut Vec<Diagnostic>) {
        let is_set = |name: &&'static str| env.get(name).is_some_and(|value| !value.is_empty());
        let old = self.deprecated.filter(is_set);
        let own = self.variables.iter().copied().find(is_set);
        let new = self.variables.first().copied().unwrap_or_default();
        problems.extend(old.map(|old| deprecation(old, new, own.is_none())));
        let Some(name) = own.or(old) else { return };
        let stored = match env.get_str(name) {
            Some("auto") if self.auto => Ok(()),
            Some(text) => self
                .store(settings, text, Origin::Variable(name.to_owned()))
                .map_err(|expected| (format!("invalid value `{}`", text.escape_debug()), expected)),
            None => Err(("value is not valid UTF-8".to_owned(), self.takes)),
        };
        problems.extend(stored.err().map(|(message, expected)| {
            Diagnostic::error(DiagnosticCode::InvalidValue, message)
                .help(format!("write {expected}"))
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
