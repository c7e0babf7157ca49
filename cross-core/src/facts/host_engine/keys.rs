//! The configuration keys that the engine `host` cannot satisfy.
//!
//! A key that replaces the environment or guarantees a property of it is an error: the build would
//! have another compiler or less isolation than configured. A key that only adds to an environment
//! is a warning: the user of this engine is responsible for installing tools and libraries.

use cross_config::{DiagnosticCode, NetworkMode, Origin, Settings, TargetConfig};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;
use crate::target::runner;

/// The treatment of a key.
#[derive(Clone, Copy)]
enum Disposition {
    /// The key is an error.
    Refused,
    /// The key has no effect and is a warning.
    Ignored,
}

/// A key, with its treatment, the reason and the remedy.
struct Row {
    key: &'static str,
    disposition: Disposition,
    why: &'static str,
    help: &'static str,
    /// The origin of the key, if the configuration has a value that the engine cannot satisfy.
    origin: fn(&TargetConfig) -> Option<&Origin>,
}

const ANOTHER_ENGINE: &str = "use another engine, or remove the key";
const CONTAINER_ENGINE: &str = "use docker or podman, or remove the key";

const TABLE: [Row; 12] = [
    Row {
        key: "image",
        disposition: Disposition::Refused,
        why: "the host runs no image",
        help: CONTAINER_ENGINE,
        origin: |config| config.image.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "dockerfile",
        disposition: Disposition::Refused,
        why: "the host runs no image",
        help: CONTAINER_ENGINE,
        origin: |config| config.dockerfile.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "zig.image",
        disposition: Disposition::Refused,
        why: "the host runs no image",
        help: CONTAINER_ENGINE,
        origin: |config| {
            let zig = config.zig.as_ref().filter(|zig| zig.value.enable)?;
            zig.value.image.as_ref().map(|_| &zig.origin)
        },
    },
    Row {
        key: "network",
        disposition: Disposition::Refused,
        why: "programs on the host are not kept from the network",
        help: ANOTHER_ENGINE,
        origin: |config| {
            let network = config.network.as_ref()?;
            (network.value == NetworkMode::None).then_some(&network.origin)
        },
    },
    Row {
        key: "memory",
        disposition: Disposition::Refused,
        why: "only a container can limit memory",
        help: CONTAINER_ENGINE,
        origin: |config| config.memory.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "toolchain",
        disposition: Disposition::Refused,
        why: "there is no environment with a toolchain of its own",
        help: "use the host's toolchain, or the directory of a toolchain",
        origin: |config| {
            let toolchain = config.toolchain.as_ref()?;
            (toolchain.value == "image").then_some(&toolchain.origin)
        },
    },
    Row {
        key: "runner",
        disposition: Disposition::Refused,
        why: "an emulated machine needs an environment",
        help: "use `qemu-user`, or another engine",
        origin: |config| {
            let runner = config.runner.as_ref()?;
            (runner.value == runner::QEMU_SYSTEM).then_some(&runner.origin)
        },
    },
    Row {
        key: "sdk",
        disposition: Disposition::Refused,
        why: "an SDK is a part of an environment",
        help: ANOTHER_ENGINE,
        origin: |config| config.sdk.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "pre-build",
        disposition: Disposition::Ignored,
        why: "its commands run as root in an environment, and would change this machine",
        help: "run the commands that the build needs yourself",
        origin: |config| config.pre_build.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "packages",
        disposition: Disposition::Ignored,
        why: "nothing is installed on this machine",
        help: "install them yourself; libraries to link with for the target's architecture",
        origin: |config| config.packages.first().map(|key| &key.origin),
    },
    Row {
        key: "suite",
        disposition: Disposition::Ignored,
        why: "the host's distribution cannot be chosen",
        help: "for an older glibc, add its version to the target: Zig links with that of `….2.17`",
        origin: |config| config.suite.as_ref().map(|key| &key.origin),
    },
    Row {
        key: "snapshot",
        disposition: Disposition::Ignored,
        why: "nothing is installed on this machine",
        help: "remove it, or use another engine",
        origin: |config| config.snapshot.as_ref().map(|key| &key.origin),
    },
];

/// Checks the configuration, and returns a warning for each key that has no effect.
///
/// # Errors
///
/// [`ErrorKind::EngineUnusable`] for the first key that is refused.
pub(crate) fn check(config: &TargetConfig, settings: &Settings) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    for row in &TABLE {
        let Some(origin) = (row.origin)(config) else {
            continue;
        };
        match row.disposition {
            Disposition::Refused => {
                let message = format!(
                    "the engine `host` does not support `{}` ({origin}): {}",
                    row.key, row.why
                );
                return Err(Error::new(ErrorKind::EngineUnusable, message).with_help(row.help));
            }
            Disposition::Ignored => warnings.push(no_effect(
                &format!("`{}` ({origin})", row.key),
                row.why,
                row.help,
            )),
        }
    }
    let options = &settings.container_opts;
    if !options.value.is_empty() {
        let help = "use docker or podman as the engine, or unset it";
        warnings.push(no_effect(
            &options.origin.to_string(),
            "the engine is the host",
            help,
        ));
    }
    Ok(warnings)
}

/// The warning for a setting that has no effect.
fn no_effect(setting: &str, why: &str, help: &str) -> Warning {
    Warning {
        code: DiagnosticCode::NoEffect.as_str().to_owned(),
        message: format!("{setting} has no effect: {why}"),
        help: Some(help.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use cross_config::Env;

    use super::*;

    fn checked(toml: &str) -> Result<Vec<Warning>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cross.toml"), toml).unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        let loaded = cross_config::Loader::new(dir.path())
            .env(&Env::new())
            .load()
            .unwrap();
        let config = loaded.config.for_target("aarch64-unknown-linux-gnu");
        check(&config, loaded.config.settings())
    }

    #[test]
    fn an_unsupported_key_is_refused_with_its_origin() {
        for (key, toml) in [
            ("image", "image = \"a\""),
            ("dockerfile", "dockerfile = \"D\""),
            ("zig.image", "zig = { enable = true, image = \"a\" }"),
            ("network", "network = \"none\""),
            ("toolchain", "toolchain = \"image\""),
            ("runner", "runner = \"qemu-system\""),
            ("sdk", "sdk = \"/ndk\""),
        ] {
            let error =
                checked(&format!("[target.aarch64-unknown-linux-gnu]\n{toml}\n")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{key}");
            let text = error.to_string();
            assert!(
                text.starts_with(&format!("the engine `host` does not support `{key}` (")),
                "{text}"
            );
            assert!(text.contains("Cross.toml"), "{text}");
            assert!(error.help().is_some());
        }
    }

    #[test]
    fn a_key_that_only_adds_to_an_environment_is_a_warning() {
        for (key, toml) in [
            ("pre-build", "pre-build = [\"true\"]"),
            ("packages", "packages = [\"libssl-dev\"]"),
            ("suite", "suite = \"trixie\""),
            ("snapshot", "snapshot = \"http://127.0.0.1/{date}\""),
        ] {
            let toml = format!("[target.aarch64-unknown-linux-gnu]\n{toml}\n");
            let warnings = checked(&toml).unwrap();
            assert_eq!(warnings.len(), 1, "{key}");
            let message = &warnings[0].message;
            assert!(message.starts_with(&format!("`{key}` (")), "{message}");
            assert_eq!(warnings[0].code, "no-effect");
        }
        let supported = "network = \"host\"\nrunner = \"qemu-user\"\n";
        let warnings = checked(&format!("[target.aarch64-unknown-linux-gnu]\n{supported}"));
        assert_eq!(warnings.unwrap(), []);
    }
}
