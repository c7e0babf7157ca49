//! The user's cargo configuration as far as builds inside may see it: where crates come from.
//!
//! Linkers, wrappers and flags in it are the host's and would be wrong inside; tokens must not be
//! there at all. But with a source replacement the fetched crates lie below another name, and cargo
//! finds them only by the same replacement.

use std::path::Path;

use crate::model::error::{Error, ErrorKind, Result};

/// The tables that say where crates come from.
const TABLES: [&str; 3] = ["source", "registries", "registry"];
/// Their keys that are or lead to secrets.
const SECRETS: [&str; 4] = [
    "token",
    "secret-key",
    "credential-provider",
    "global-credential-providers",
];

/// The configuration for inside, or `None` where there is nothing to say.
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

/// Whether a configuration file that cargo reads inside, in `dir`, may say that rustc is started by a wrapper: it
/// names one, or includes other files. The user's own in `cargo_home` is not seen there.
pub(crate) fn may_name_a_wrapper(dir: &Path, cargo_home: &Path) -> bool {
    let above = dir.ancestors().map(|dir| dir.join(".cargo"));
    let files = above
        .filter(|dir| dir != cargo_home)
        .flat_map(|dir| [dir.join("config.toml"), dir.join("config")]);
    files
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .any(|text| text.contains("wrapper") || text.contains("include"))
}

fn filtered(text: &str) -> Result<Option<String>, toml::de::Error> {
    let mut all: toml::Table = text.parse()?;
    all.retain(|key, _| TABLES.contains(&key));
    for table in all
        .iter_mut()
        .map(|(_, it)| it)
        .filter_map(toml::Value::as_table_mut)
    {
        remove_secrets(table);
    }
    // A JSON string is a TOML string, so every value can be written without a TOML writer.
    let mut lines = Vec::new();
    let mut path = Vec::new();
    write_lines(&all, &mut path, &mut lines);
    Ok((!lines.is_empty()).then(|| lines.join("\n") + "\n"))
}

fn remove_secrets(table: &mut toml::Table) {
    table.retain(|key, _| !SECRETS.contains(&key));
    for inner in table
        .iter_mut()
        .map(|(_, it)| it)
        .filter_map(toml::Value::as_table_mut)
    {
        remove_secrets(inner);
    }
}

/// Every value as a line `a.b.c = value`.
fn write_lines<'a>(table: &'a toml::Table, path: &mut Vec<&'a str>, lines: &mut Vec<String>) {
    for (key, value) in table {
        path.push(key);
        match value {
            toml::Value::Table(inner) => write_lines(inner, path, lines),
            value => {
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
    fn sources_are_kept_and_everything_else_is_not() {
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
    fn a_wrapper_is_found_in_every_file_that_cargo_reads_inside() {
        let dir = tempfile::tempdir().unwrap();
        let (home, package) = (dir.path().join(".cargo"), dir.path().join("w/app"));
        let may = || may_name_a_wrapper(&package, &home);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::create_dir_all(package.join(".cargo")).unwrap();
        std::fs::create_dir_all(dir.path().join("w/.cargo")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(dir.path().join(path), text).unwrap();
        write(".cargo/config.toml", "build.rustc-wrapper = \"sccache\"");
        write("w/app/.cargo/config.toml", "[build]\njobs = 2\n");
        assert!(!may());
        for text in [
            "build.rustc-workspace-wrapper = \"x\"",
            "include = \"more.toml\"",
        ] {
            write("w/.cargo/config", text);
            assert!(may(), "{text}");
        }
    }

    #[test]
    fn nothing_to_say_is_no_file() {
        assert_eq!(filtered("[build]\njobs = 2\n").unwrap(), None);
    }
}
