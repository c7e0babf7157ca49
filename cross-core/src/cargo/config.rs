//! The part of the user's cargo configuration that builds in an environment see: the sources of
//! crates.
//!
//! Linkers, wrappers and flags are the host's and would be wrong in the environment. Tokens must
//! never be in it. But with a source replacement, fetched crates are in a directory with the
//! replacement's name, and cargo finds them only with the same replacement.

use std::path::Path;

use crate::model::error::{Error, ErrorKind, Result};

/// The tables that define the sources of crates.
const TABLES: [&str; 3] = ["source", "registries", "registry"];
/// The keys of these tables that hold secrets or name programs that return them.
const SECRETS: [&str; 4] = [
    "token",
    "secret-key",
    "credential-provider",
    "global-credential-providers",
];

/// The configuration for the environment; `None` if it would be empty.
pub(crate) fn sources_only(cargo_home: &Path) -> Result<Option<String>> {
    let paths = [cargo_home.join("config.toml"), cargo_home.join("config")];
    let found = paths
        .iter()
        .find_map(|path| Some((path, std::fs::read_to_string(path).ok()?)));
    let Some((path, text)) = found else {
        return Ok(None);
    };
    filtered(&text).map_err(|error| {
        Error::new(
            ErrorKind::Config,
            format!("`{}` is not TOML: {error}", path.display()),
        )
    })
}

/// Whether a configuration file that cargo reads in the environment, for a project in `dir`, may
/// set a wrapper of rustc: the file names one or includes other files. The user's own file in
/// `cargo_home` is not visible in the environment.
pub(crate) fn may_name_a_wrapper(dir: &Path, cargo_home: &Path) -> bool {
    let above = dir.ancestors().map(|dir| dir.join(".cargo"));
    let files = above
        .filter(|dir| dir != cargo_home)
        .flat_map(|dir| [dir.join("config.toml"), dir.join("config")]);
    files
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .any(|text| text.contains("wrapper") || text.contains("include"))
}

/// The lines of the tables that define sources, without secrets.
fn filtered(text: &str) -> Result<Option<String>, toml::de::Error> {
    let mut config: toml::Table = text.parse()?;
    config.retain(|key, _| TABLES.contains(&key));
    for (_, value) in config.iter_mut() {
        remove_secrets(value);
    }
    let mut lines = Vec::new();
    let mut path = Vec::new();
    write_lines(&config, &mut path, &mut lines);
    Ok((!lines.is_empty()).then(|| lines.join("\n") + "\n"))
}

fn remove_secrets(value: &mut toml::Value) {
    let Some(table) = value.as_table_mut() else {
        return;
    };
    table.retain(|key, _| !SECRETS.contains(&key));
    for (_, inner) in table.iter_mut() {
        remove_secrets(inner);
    }
}

/// Writes every value as a line `a.b.c = value`.
fn write_lines<'a>(table: &'a toml::Table, path: &mut Vec<&'a str>, lines: &mut Vec<String>) {
    for (key, value) in table {
        path.push(key);
        match value {
            toml::Value::Table(inner) => write_lines(inner, path, lines),
            value => {
                // JSON strings and arrays are valid TOML, so no TOML writer is needed.
                if let Ok(value) = serde_json::to_string(value) {
                    let keys: Vec<_> = path.iter().map(|key| format!("{key:?}")).collect();
                    lines.push(format!("{} = {value}", keys.join(".")));
                }
            }
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_are_kept() {
        let text = r#"
[build]
rustc-wrapper = "/usr/bin/sccache"
[source.crates-io]
replace-with = "mirror"
[source.mirror]
registry = "sparse+https://mirror.invalid/index/"
[registries.internal]
index = "sparse+https://internal.invalid/"
token = "s3cret"
"#;
        let got = filtered(text).unwrap().unwrap();
        assert_eq!(
            got,
            "\"registries\".\"internal\".\"index\" = \"sparse+https://internal.invalid/\"\n\
             \"source\".\"crates-io\".\"replace-with\" = \"mirror\"\n\
             \"source\".\"mirror\".\"registry\" = \"sparse+https://mirror.invalid/index/\"\n"
        );
        assert!(got.parse::<toml::Table>().is_ok());
    }

    #[test]
    fn a_wrapper_is_found_in_every_file_that_cargo_reads_in_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let (home, package) = (dir.path().join(".cargo"), dir.path().join("w/app"));
        let has_wrapper = || may_name_a_wrapper(&package, &home);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::create_dir_all(package.join(".cargo")).unwrap();
        std::fs::create_dir_all(dir.path().join("w/.cargo")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
        write(".cargo/config.toml", "build.rustc-wrapper = \"sccache\"");
        write("w/app/.cargo/config.toml", "[build]\njobs = 2\n");
        assert!(!has_wrapper());
        for text in [
            "build.rustc-workspace-wrapper = \"x\"",
            "include = \"more.toml\"",
        ] {
            write("w/.cargo/config", text);
            assert!(has_wrapper(), "{text}");
        }
    }

    #[test]
    fn a_configuration_without_sources_makes_no_file() {
        assert_eq!(filtered("[build]\njobs = 2\n").unwrap(), None);
    }
}
