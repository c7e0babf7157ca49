//! Settings of cargo's configuration that name the host's programs, and their effect in an
//! environment.
//!
//! The workspace's configuration files are visible in the environment, so that its flags, profiles
//! and sources apply there. Settings that name programs or directories of the host are overridden
//! by cargo's variables, or at least reported.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::configs::Configs;

/// A setting that is for the host, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HostSetting {
    /// The key: `build.rustc-wrapper`.
    pub(crate) key: String,
    /// The file of the setting.
    pub(crate) file: PathBuf,
    /// The value as JSON, which is also TOML if the value is a string or a list.
    pub(crate) value: String,
    /// The setting's effect in the environment.
    pub(crate) treatment: Treatment,
}

/// The effect of a setting in the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Treatment {
    /// A variable overrides the setting.
    Overridden {
        /// The variable.
        variable: String,
    },
    /// The setting has no effect, because cargo builds for another `--target`.
    Inert,
    /// The setting has the same effect as on the host.
    Kept,
    /// The setting is not visible, because its file is outside the workspace.
    NotVisible,
}

/// The kind of a key.
enum KeyKind {
    /// A program or directory of the host, which this variable overrides.
    Variable(&'static str),
    /// A program of one target, which `CARGO_TARGET_<TRIPLE>_<KEY>` overrides.
    TargetVariable(&'static str),
    /// Flags.
    Flags,
}

const BUILD: &[(&str, KeyKind)] = &[
    ("rustc", KeyKind::Variable("RUSTC")),
    ("rustc-wrapper", KeyKind::Variable("RUSTC_WRAPPER")),
    (
        "rustc-workspace-wrapper",
        KeyKind::Variable("RUSTC_WORKSPACE_WRAPPER"),
    ),
    ("rustdoc", KeyKind::Variable("RUSTDOC")),
    ("target-dir", KeyKind::Variable("CARGO_TARGET_DIR")),
    ("build-dir", KeyKind::Variable("CARGO_BUILD_BUILD_DIR")),
    ("rustflags", KeyKind::Flags),
    ("rustdocflags", KeyKind::Flags),
];

const TARGET: &[(&str, KeyKind)] = &[
    ("linker", KeyKind::TargetVariable("LINKER")),
    ("runner", KeyKind::TargetVariable("RUNNER")),
    ("rustflags", KeyKind::Flags),
    ("rustdocflags", KeyKind::Flags),
];

/// Variables of `[env]` from which build scripts take compilers, tools and libraries, alone or with
/// a target as a suffix (`CC_aarch64-unknown-linux-gnu`).
const TOOLS: [&str; 15] = [
    "CC",
    "CXX",
    "AR",
    "LD",
    "RANLIB",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "CPPFLAGS",
    "PKG_CONFIG",
    "OPENSSL",
    "LIBCLANG_PATH",
    "CMAKE",
    "HOST_CC",
    "BINDGEN_EXTRA_CLANG_ARGS",
];

/// Finds the settings that are for the host, in a build for `target` on `host`, which is a triple.
/// The file with the highest precedence is first.
pub(crate) fn find(
    configs: &Configs,
    workspace_root: &Path,
    host: &str,
    target: &str,
) -> Vec<HostSetting> {
    let mut found = Vec::new();
    for (file, table) in configs.files() {
        let visible = file.starts_with(workspace_root);
        let mut add = |key: String, value: &toml::Value, treatment: Treatment| {
            found.push(HostSetting {
                key,
                file: file.to_owned(),
                value: serde_json::to_string(value).unwrap_or_default(),
                treatment: match visible {
                    true => treatment,
                    false => Treatment::NotVisible,
                },
            });
        };
        let build = table.get("build").and_then(toml::Value::as_table);
        for (key, value, kind) in rows(build, BUILD) {
            add(format!("build.{key}"), value, treatment(kind, target));
        }
        for (name, value) in tables(table.get("target")) {
            for (key, value, kind) in rows(Some(value), TARGET) {
                if let Some(treatment) = target_treatment(name, key, kind, host, target) {
                    add(format!("target.{}.{key}", quoted(name)), value, treatment);
                }
            }
        }
        let env = table.get("env").and_then(toml::Value::as_table);
        for (name, value) in env.into_iter().flatten() {
            if is_tool(name) {
                add(format!("env.{name}"), value, Treatment::Kept);
            }
        }
    }
    found
}

fn treatment(kind: &KeyKind, target: &str) -> Treatment {
    match kind {
        KeyKind::Variable(name) => Treatment::Overridden {
            variable: (*name).to_owned(),
        },
        KeyKind::TargetVariable(key) => Treatment::Overridden {
            variable: variable(target, key),
        },
        KeyKind::Flags => Treatment::Kept,
    }
}

/// The treatment of a key in the table of the target `name`; `None` for a target that is not built
/// for.
fn target_treatment(
    name: &str,
    key: &str,
    kind: &KeyKind,
    host: &str,
    target: &str,
) -> Option<Treatment> {
    if name == target || name.starts_with("cfg(") {
        return Some(treatment(kind, target));
    }
    if name != host {
        return None;
    }
    // With any `--target`, build scripts and procedural macros are linked for the host. The host's
    // flags and runner apply only to builds for the host.
    Some(match key {
        "linker" => treatment(kind, host),
        _ => Treatment::Inert,
    })
}

/// The name of cargo's variable for a key of a target.
pub(crate) fn variable(triple: &str, key: &str) -> String {
    let triple = triple.to_ascii_uppercase().replace(['-', '.'], "_");
    format!("CARGO_TARGET_{triple}_{key}")
}

fn is_tool(name: &str) -> bool {
    TOOLS.iter().any(|tool| {
        name.strip_prefix(tool)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

fn rows<'a>(
    table: Option<&'a toml::Table>,
    known: &'static [(&'static str, KeyKind)],
) -> impl Iterator<Item = (&'static str, &'a toml::Value, &'static KeyKind)> {
    known.iter().filter_map(move |(key, kind)| {
        let value = table?.get(*key)?;
        Some((*key, value, kind))
    })
}

fn tables(value: Option<&toml::Value>) -> impl Iterator<Item = (&str, &toml::Table)> {
    let table = value.and_then(toml::Value::as_table);
    table
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_table()?)))
}

/// A key in TOML's syntax.
fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("'{name}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::cli::configs::Origin;

    const HOST: &str = "x86_64-unknown-linux-gnu";
    const TARGET: &str = "thumbv8m.main-none-eabi";

    fn settings(file: &str, text: &str, target: &str) -> Vec<(String, Treatment)> {
        let origin = Origin::File(file.into());
        let configs = Configs::parse([(origin, text.to_owned())]).unwrap();
        let found = find(&configs, Path::new("/w"), HOST, target);
        let pairs = found.into_iter();
        pairs
            .map(|setting| (setting.key, setting.treatment))
            .collect()
    }

    fn overridden(variable: &str) -> Treatment {
        Treatment::Overridden {
            variable: variable.to_owned(),
        }
    }

    const TEXT: &str = r#"
        [build]
        rustc-wrapper = "/usr/bin/sccache"
        build-dir = "/fast/disk"
        rustflags = ["-Ctarget-cpu=native"]
        jobs = 2
        [target.x86_64-unknown-linux-gnu]
        linker = "clang"
        runner = "gdb"
        rustflags = ["-Clink-arg=-fuse-ld=mold"]
        [target."thumbv8m.main-none-eabi"]
        linker = "arm-none-eabi-gcc"
        rustflags = ["-Clink-arg=-Tlink.x"]
        [target.'cfg(unix)']
        runner = "sudo"
        [target.other]
        linker = "ld"
        [env]
        CC_other = "/opt/cc"
        CCACHE_DIR = "x"
        GREETING = "hello"
    "#;

    #[test]
    fn programs_of_the_host_are_overridden_and_the_workspaces_flags_are_kept() {
        let found = settings("/w/.cargo/config.toml", TEXT, TARGET);
        let expected = [
            ("build.rustc-wrapper", overridden("RUSTC_WRAPPER")),
            ("build.build-dir", overridden("CARGO_BUILD_BUILD_DIR")),
            ("build.rustflags", Treatment::Kept),
            (
                "target.'cfg(unix)'.runner",
                overridden("CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER"),
            ),
            (
                "target.'thumbv8m.main-none-eabi'.linker",
                overridden("CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_LINKER"),
            ),
            (
                "target.'thumbv8m.main-none-eabi'.rustflags",
                Treatment::Kept,
            ),
            (
                "target.x86_64-unknown-linux-gnu.linker",
                overridden("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER"),
            ),
            ("target.x86_64-unknown-linux-gnu.runner", Treatment::Inert),
            (
                "target.x86_64-unknown-linux-gnu.rustflags",
                Treatment::Inert,
            ),
            ("env.CC_other", Treatment::Kept),
        ];
        let expected = expected.map(|(key, treatment)| (key.to_owned(), treatment));
        let mut sorted = found.clone();
        sorted.sort_by_key(|(key, _)| expected.iter().position(|(other, _)| other == key));
        assert_eq!(sorted, expected);
    }

    #[test]
    fn the_hosts_flags_are_kept_if_the_host_is_the_target() {
        let text = "target.x86_64-unknown-linux-gnu.rustflags = [\"--cfg\", \"x\"]";
        let found = settings("/w/.cargo/config.toml", text, HOST);
        assert_eq!(found[0].1, Treatment::Kept);
    }

    #[test]
    fn settings_outside_the_workspace_are_not_visible() {
        let found = settings("/home/u/.cargo/config.toml", TEXT, TARGET);
        assert_eq!(found.len(), 10);
        assert!(
            found
                .iter()
                .all(|(_, treatment)| *treatment == Treatment::NotVisible)
        );
    }

    #[test]
    fn settings_that_are_not_for_the_host_are_not_reported() {
        let text = "[build]\njobs = 2\n[profile.dev]\nopt-level = 1\n[alias]\nx = \"run\"\n";
        assert_eq!(settings("/w/.cargo/config.toml", text, TARGET), []);
    }
}
