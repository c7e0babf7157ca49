//! Settings of cargo's configuration that are made for the host, and what becomes of each inside.
//!
//! The workspace's files are visible in the environment, so that its flags, profiles and sources
//! count there. What in them names programs or directories of the host has to be overridden there,
//! or at least to be told. Cargo's variables go before its files.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::configs::Configs;

/// A setting that is made for the host, or could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct HostSetting {
    /// The key: `build.rustc-wrapper`.
    pub(crate) key: String,
    /// The file that has it.
    pub(crate) file: PathBuf,
    /// Its value as JSON, which for a text or a list is TOML too.
    pub(crate) value: String,
    /// What becomes of it in the environment.
    pub(crate) treatment: Treatment,
}

/// What becomes of a setting in the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Treatment {
    /// A variable of ours goes before it.
    Overridden {
        /// The variable.
        variable: String,
    },
    /// It counts for nothing there, because cargo is given another `--target`.
    Inert,
    /// It counts there as it does here.
    Kept,
    /// Its file lies outside the workspace, so nothing inside sees it.
    NotSeen,
}

/// What a pattern of keys means.
enum Meaning {
    /// A program or a directory of the host.
    Variable(&'static str),
    /// Likewise, of one target: `CARGO_TARGET_<TRIPLE>_<KEY>`.
    TargetVariable(&'static str),
    /// Flags.
    Flags,
}

const BUILD: &[(&str, Meaning)] = &[
    ("rustc", Meaning::Variable("RUSTC")),
    ("rustc-wrapper", Meaning::Variable("RUSTC_WRAPPER")),
    (
        "rustc-workspace-wrapper",
        Meaning::Variable("RUSTC_WORKSPACE_WRAPPER"),
    ),
    ("rustdoc", Meaning::Variable("RUSTDOC")),
    ("target-dir", Meaning::Variable("CARGO_TARGET_DIR")),
    ("build-dir", Meaning::Variable("CARGO_BUILD_BUILD_DIR")),
    ("rustflags", Meaning::Flags),
    ("rustdocflags", Meaning::Flags),
];

const TARGET: &[(&str, Meaning)] = &[
    ("linker", Meaning::TargetVariable("LINKER")),
    ("runner", Meaning::TargetVariable("RUNNER")),
    ("rustflags", Meaning::Flags),
    ("rustdocflags", Meaning::Flags),
];

/// Variables of `[env]` that build scripts take compilers, tools and libraries from, alone or with a
/// target behind (`CC_aarch64-unknown-linux-gnu`).
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

/// Finds the settings that are made for the host, strongest file first, for a build of `target` on a
/// machine of `host`.
pub(crate) fn find(
    configs: &Configs,
    workspace_root: &Path,
    host: &str,
    target: &str,
) -> Vec<HostSetting> {
    let mut found = Vec::new();
    for (file, table) in configs.files() {
        let seen = file.starts_with(workspace_root);
        let mut keep = |key: String, value: &toml::Value, treatment: Treatment| {
            found.push(HostSetting {
                key,
                file: file.to_owned(),
                value: serde_json::to_string(value).unwrap_or_default(),
                treatment: if seen { treatment } else { Treatment::NotSeen },
            });
        };
        let build = table.get("build").and_then(toml::Value::as_table);
        for (key, value, meaning) in rows(build, BUILD) {
            keep(format!("build.{key}"), value, treatment(meaning, target));
        }
        for (name, value) in tables(table.get("target")) {
            for (key, value, meaning) in rows(Some(value), TARGET) {
                if let Some(treatment) = of_target(name, key, meaning, host, target) {
                    keep(format!("target.{}.{key}", quoted(name)), value, treatment);
                }
            }
        }
        let env = table.get("env").and_then(toml::Value::as_table);
        for (name, value) in env.into_iter().flatten() {
            if is_tool(name) {
                keep(format!("env.{name}"), value, Treatment::Kept);
            }
        }
    }
    found
}

fn treatment(meaning: &Meaning, target: &str) -> Treatment {
    match meaning {
        Meaning::Variable(name) => Treatment::Overridden {
            variable: (*name).to_owned(),
        },
        Meaning::TargetVariable(key) => Treatment::Overridden {
            variable: variable(target, key),
        },
        Meaning::Flags => Treatment::Kept,
    }
}

/// `None` for a target that this build is not about.
fn of_target(
    name: &str,
    key: &str,
    meaning: &Meaning,
    host: &str,
    target: &str,
) -> Option<Treatment> {
    if name == target || name.starts_with("cfg(") {
        return Some(treatment(meaning, target));
    }
    if name != host {
        return None;
    }
    // Build scripts and procedural macros are linked for the host, whatever `--target` says; but
    // the host's flags and runner are for programs of the host alone.
    Some(match key {
        "linker" => treatment(meaning, host),
        _ => Treatment::Inert,
    })
}

/// Cargo's variable for a key of a target.
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
    known: &'static [(&'static str, Meaning)],
) -> impl Iterator<Item = (&'static str, &'a toml::Value, &'static Meaning)> {
    known.iter().filter_map(move |(key, meaning)| {
        let value = table?.get(*key)?;
        Some((*key, value, meaning))
    })
}

fn tables(value: Option<&toml::Value>) -> impl Iterator<Item = (&str, &toml::Table)> {
    let table = value.and_then(toml::Value::as_table);
    table
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_table()?)))
}

/// A key as TOML writes it.
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
        found.into_iter().map(|it| (it.key, it.treatment)).collect()
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
    fn programs_of_the_host_are_overridden_and_the_workspaces_flags_stay() {
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
        let expected: Vec<_> = expected.map(|(key, it)| (key.to_owned(), it)).into();
        let mut sorted = found.clone();
        sorted.sort_by_key(|(key, _)| expected.iter().position(|(it, _)| it == key));
        assert_eq!(sorted, expected);
    }

    #[test]
    fn the_hosts_flags_count_where_the_host_is_the_target() {
        let text = "target.x86_64-unknown-linux-gnu.rustflags = [\"--cfg\", \"x\"]";
        let found = settings("/w/.cargo/config.toml", text, HOST);
        assert_eq!(found[0].1, Treatment::Kept);
    }

    #[test]
    fn what_lies_outside_the_workspace_is_not_seen() {
        let found = settings("/home/u/.cargo/config.toml", TEXT, TARGET);
        assert_eq!(found.len(), 10);
        assert!(found.iter().all(|(_, it)| *it == Treatment::NotSeen));
    }

    #[test]
    fn nothing_for_the_host_is_nothing_to_tell() {
        let text = "[build]\njobs = 2\n[profile.dev]\nopt-level = 1\n[alias]\nx = \"run\"\n";
        assert_eq!(settings("/w/.cargo/config.toml", text, TARGET), []);
    }
}
