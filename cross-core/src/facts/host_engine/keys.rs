//! What a configuration asks for that a machine without an environment cannot give.
//!
//! What replaces the environment, or promises something of it, is an error: another compiler or less
//! protection would be had than is written down. What only adds to an environment is a warning: whoever
//! names this engine answers for what is installed.

use cross_config::{DiagnosticCode, NetworkMode, Origin, Settings, TargetConfig};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;
use crate::target::runner;

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Fate {
    /// The request cannot be met.
    Refused,
    /// It does nothing, which is told.
    Idle,
}

/// A key: its name, what becomes of it, why, and what can be done.
struct Row {
    key: &'static str,
    fate: Fate,
    why: &'static str,
    help: &'static str,
    /// Where it is written, if it asks for something.
    asked: fn(&TargetConfig) -> Option<&Origin>,
}

const ANOTHER_ENGINE: &str = "name another engine, or take it out of the configuration";

const TABLE: [Row; 10] = [
    Row {
        key: "image",
        fate: Fate::Refused,
        why: "the host runs no image",
        help: "name docker or podman, or take it out of the configuration",
        asked: |it| it.image.as_ref().map(|it| &it.origin),
    },
    Row {
        key: "dockerfile",
        fate: Fate::Refused,
        why: "the host runs no image",
        help: "name docker or podman, or take it out of the configuration",
        asked: |it| it.dockerfile.as_ref().map(|it| &it.origin),
    },
    Row {
        key: "zig.image",
        fate: Fate::Refused,
        why: "the host runs no image",
        help: "name docker or podman, or take it out of the configuration",
        asked: |it| {
            let zig = it.zig.as_ref().filter(|it| it.value.enable)?;
            zig.value.image.as_ref().map(|_| &zig.origin)
        },
    },
    Row {
        key: "network",
        fate: Fate::Refused,
        why: "nothing keeps what runs on the host from the network",
        help: ANOTHER_ENGINE,
        asked: |it| {
            let network = it.network.as_ref()?;
            (network.value == NetworkMode::None).then_some(&network.origin)
        },
    },
    Row {
        key: "toolchain",
        fate: Fate::Refused,
        why: "there is no environment that could have a Rust of its own",
        help: "use the host's, or name the directory of one",
        asked: |it| {
            let toolchain = it.toolchain.as_ref()?;
            (toolchain.value == "image").then_some(&toolchain.origin)
        },
    },
    Row {
        key: "runner",
        fate: Fate::Refused,
        why: "a machine of its own is made in an environment",
        help: "use `qemu-user`, or name another engine",
        asked: |it| {
            let runner = it.runner.as_ref()?;
            (runner.value == runner::QEMU_SYSTEM).then_some(&runner.origin)
        },
    },
    Row {
        key: "sdk",
        fate: Fate::Refused,
        why: "an SDK completes an environment",
        help: ANOTHER_ENGINE,
        asked: |it| it.sdk.as_ref().map(|it| &it.origin),
    },
    Row {
        key: "pre-build",
        fate: Fate::Idle,
        why: "its commands are root's in an environment, and would change this machine",
        help: "do yourself what it does, as far as the build needs it",
        asked: |it| it.pre_build.as_ref().map(|it| &it.origin),
    },
    Row {
        key: "packages",
        fate: Fate::Idle,
        why: "nothing is installed on this machine",
        help: "install them yourself, those to link with for the target's architecture",
        asked: |it| it.packages.first().map(|it| &it.origin),
    },
    Row {
        key: "suite",
        fate: Fate::Idle,
        why: "the host is what it is",
        help: "for an older glibc name it with the target, as in `….2.17`, which Zig links with",
        asked: |it| it.suite.as_ref().map(|it| &it.origin),
    },
];

/// What the configuration asks for in vain.
///
/// # Errors
///
/// [`ErrorKind::EngineUnusable`] with the first key that cannot be met.
pub(crate) fn check(config: &TargetConfig, settings: &Settings) -> Result<Vec<Warning>> {
    let mut warnings = Vec::new();
    for row in &TABLE {
        let Some(origin) = (row.asked)(config) else {
            continue;
        };
        match row.fate {
            Fate::Refused => {
                let message = format!(
                    "the engine `host` cannot meet `{}` ({origin}): {}",
                    row.key, row.why
                );
                return Err(Error::new(ErrorKind::EngineUnusable, message).with_help(row.help));
            }
            Fate::Idle => warnings.push(idle(
                &format!("`{}` ({origin})", row.key),
                row.why,
                row.help,
            )),
        }
    }
    let options = &settings.container_opts;
    if !options.value.is_empty() {
        let help = "name docker or podman as the engine, or unset it";
        warnings.push(idle(
            &options.origin.to_string(),
            "the engine is the host",
            help,
        ));
    }
    Ok(warnings)
}

fn idle(what: &str, why: &str, help: &str) -> Warning {
    Warning {
        code: DiagnosticCode::NoEffect.as_str().to_owned(),
        message: format!("{what} has no effect: {why}"),
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
    fn what_cannot_be_met_is_refused_with_its_place() {
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
                text.starts_with(&format!("the engine `host` cannot meet `{key}` (")),
                "{text}"
            );
            assert!(text.contains("Cross.toml"), "{text}");
            assert!(error.help().is_some());
        }
    }

    #[test]
    fn what_only_adds_to_an_environment_is_told() {
        for (key, toml) in [
            ("pre-build", "pre-build = [\"true\"]"),
            ("packages", "packages = [\"libssl-dev\"]"),
            ("suite", "suite = \"trixie\""),
        ] {
            let told = checked(&format!("[target.aarch64-unknown-linux-gnu]\n{toml}\n")).unwrap();
            assert_eq!(told.len(), 1, "{key}");
            assert!(
                told[0].message.starts_with(&format!("`{key}` (")),
                "{}",
                told[0].message
            );
            assert_eq!(told[0].code, "no-effect");
        }
        let fine = "network = \"host\"\nrunner = \"qemu-user\"\n";
        let told = checked(&format!("[target.aarch64-unknown-linux-gnu]\n{fine}")).unwrap();
        assert_eq!(told, []);
    }
}
