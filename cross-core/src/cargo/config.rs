//! Cargo's configuration files without their secrets: tokens, and user names and passwords in URLs.

use std::path::{Path, PathBuf};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::redact;
use cross_engine::os::System;

/// The tables that define the sources of crates.
const TABLES: [&str; 3] = ["source", "registries", "registry"];
/// The keys of these tables that hold secrets or name programs that return them.
pub(crate) const SECRETS: [&str; 4] = [
    "token",
    "secret-key",
    "credential-provider",
    "global-credential-providers",
];

/// The files of cargo's in the directory `dir` of the sources that hold secrets, and those that
/// they include, each with the text that is seen in place of it.
pub(crate) fn without_secrets(dir: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut replaced = Vec::new();
    for name in ["credentials.toml", "credentials"] {
        let path = dir.join(name);
        if path.is_file() {
            replaced.push((path, String::new()));
        }
    }
    let mut files: Vec<_> = ["config.toml", "config"].map(|name| dir.join(name)).into();
    let mut read = Vec::new();
    while let Some(path) = files.pop() {
        let Some((text, mut table)) = parse(&path)? else {
            continue;
        };
        let around = path.parent().unwrap_or(dir);
        let included = included(&table).map(|file| around.join(file));
        files.extend(included.filter(|file| !read.contains(file)));
        read.push(path.clone());
        let clean = clean(&text, &mut table);
        replaced.extend(clean.map(|text| (path, text)));
    }
    Ok(replaced)
}

/// The text that is seen in place of the configuration file at `path`, if it holds secrets.
pub(crate) fn text_without_secrets(path: &Path) -> Result<Option<String>> {
    let parsed = parse(path)?;
    Ok(parsed.and_then(|(text, mut table)| clean(&text, &mut table)))
}

fn parse(path: &Path) -> Result<Option<(String, toml::Table)>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    let parsed: Result<toml::Table, _> = text.parse();
    let table = parsed.map_err(|error| not_toml(path, &error))?;
    Ok(Some((text, table)))
}

/// The table as a text without secrets, if it has any.
fn clean(text: &str, table: &mut toml::Table) -> Option<String> {
    if !has_secrets(text, table) {
        return None;
    }
    for (key, value) in &mut *table {
        if TABLES.contains(&key.as_str()) {
            value.as_table_mut().map(remove_secrets);
        }
        strip(value);
    }
    Some(written(table))
}

/// The files that a configuration includes.
fn included(table: &toml::Table) -> impl Iterator<Item = &str> {
    let entries = match table.get("include") {
        None => &[][..],
        Some(toml::Value::Array(entries)) => entries,
        Some(entry) => std::slice::from_ref(entry),
    };
    entries
        .iter()
        .filter_map(|entry| entry.as_str().or_else(|| entry.get("path")?.as_str()))
}

/// Whether anything of a file has to stay outside. A comment may hold a secret, too.
fn has_secrets(text: &str, table: &toml::Table) -> bool {
    let has_key = |table: &toml::Table| {
        let mut clean = table.clone();
        remove_secrets(&mut clean);
        clean != *table
    };
    let mut tables = TABLES
        .iter()
        .filter_map(|name| table.get(*name)?.as_table());
    redact::strip(text) != text || tables.any(has_key)
}

/// Removes user names, passwords and tokens from every URL in `value`.
pub(crate) fn strip(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) => *text = redact::strip(text).into_owned(),
        toml::Value::Array(values) => values.iter_mut().for_each(strip),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| strip(value)),
        _ => {}
    }
}

fn not_toml(path: &Path, error: &toml::de::Error) -> Error {
    let message = format!("`{}` is not TOML: {error}", path.display());
    Error::new(ErrorKind::Config, message)
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

/// Removes the keys that hold secrets.
pub(crate) fn remove_secrets(table: &mut toml::Table) {
    table.retain(|key, _| !SECRETS.contains(&key));
    for (_, value) in table {
        value.as_table_mut().map(remove_secrets);
    }
}

/// The table as TOML for a run, every value as a line `a.b.c = value`. Paths of Windows become
/// their places.
pub(crate) fn written(table: &toml::Table) -> String {
    written_on(System::HERE, table)
}

fn written_on(system: System, table: &toml::Table) -> String {
    let (mut path, mut lines) = (Vec::new(), Vec::new());
    let mut table = table.clone();
    for (_, value) in &mut table {
        place(system, value);
    }
    write_lines(&table, &mut path, &mut lines);
    match lines.is_empty() {
        true => String::new(),
        false => lines.join("\n") + "\n",
    }
}

fn place(system: System, value: &mut toml::Value) {
    match value {
        toml::Value::String(text) => *text = system.word_inside(text),
        toml::Value::Array(values) => values.iter_mut().for_each(|value| place(system, value)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| place(system, value)),
        _ => {}
    }
}

fn write_lines<'a>(table: &'a toml::Table, path: &mut Vec<&'a str>, lines: &mut Vec<String>) {
    for (key, value) in table {
        path.push(key);
        match value {
            toml::Value::Table(inner) => write_lines(inner, path, lines),
            value => {
                let keys: Vec<_> = path.iter().map(|key| string(key)).collect();
                lines.push(format!("{} = {}", keys.join("."), literal(value)));
            }
        }
        path.pop();
    }
}

/// A value in one line.
fn literal(value: &toml::Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        toml::Value::String(text) => string(text),
        toml::Value::Integer(number) => number.to_string(),
        // `1.0` stays a float.
        toml::Value::Float(number) => format!("{number:?}").replace("NaN", "nan"),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(values) => format!("[{}]", list(values.iter().map(literal).collect())),
        toml::Value::Table(table) => {
            let entry =
                |(key, value): (&String, _)| format!("{} = {}", string(key), literal(value));
            format!("{{ {} }}", list(table.iter().map(entry).collect()))
        }
    }
}

/// A string as TOML writes it. A JSON string is one, but for the character DEL.
fn string(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_finds_the_places_of_windows_paths() {
        let text = r#"
            source.v.directory = 'C:\w\vendor'
            build.rustflags = ['-Lnative=C:/lib', '-Cdebuginfo=0']
            env.DIR = { value = '\\?\D:\x', force = true }
        "#;
        let table = text.parse().unwrap();
        let expected = "\"build\".\"rustflags\" = [\"-Lnative=/c/lib\", \"-Cdebuginfo=0\"]\n\
            \"env\".\"DIR\".\"force\" = true\n\"env\".\"DIR\".\"value\" = \"/d/x\"\n\
            \"source\".\"v\".\"directory\" = \"/c/w/vendor\"\n";
        assert_eq!(written_on(System::Windows, &table), expected);
        let unchanged = written_on(System::Linux, &table);
        assert!(unchanged.contains(r"C:\\w\\vendor"), "{unchanged}");
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
    fn a_file_among_the_sources_is_seen_whole_but_for_its_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write(
            "config.toml",
            r#"
include = [{ path = "more.toml", optional = true }]
# https://me:s3cret@a.invalid/
[registries.mine]
index = "sparse+https://me:s3cret@a.invalid/index/?token=s3cret"
token = "s3cret"
[build]
rustflags = ["-C", "x=\"y\""]
jobs = 2
[env]
PROXY = { value = "http://u:s3cret@p:1", force = true }
"#,
        );
        write("more.toml", "[http]\nproxy = \"http://s3cret@p:1\"\n");
        write("credentials.toml", "[registry]\ntoken = \"s3cret\"\n");
        let mut seen = without_secrets(dir.path()).unwrap();
        seen.sort();
        let names: Vec<_> = seen
            .iter()
            .map(|(path, _)| path.file_name().unwrap())
            .collect();
        assert_eq!(names, ["config.toml", "credentials.toml", "more.toml"]);
        assert!(seen.iter().all(|(_, text)| !text.contains("s3cret")));
        let table: toml::Table = seen[0].1.parse().unwrap();
        let expected = r#"
include = [{ path = "more.toml", optional = true }]
registries.mine.index = "sparse+https://a.invalid/index/"
build = { rustflags = ["-C", "x=\"y\""], jobs = 2 }
env.PROXY = { value = "http://p:1", force = true }
"#;
        assert_eq!(table, expected.parse().unwrap());
        assert_eq!(seen[2].1, "\"http\".\"proxy\" = \"http://p:1\"\n");
    }

    #[test]
    fn a_file_without_secrets_is_seen_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[build]\nrustflags = []\n[source.x]\ngit = \"ssh://git@a.invalid/x\"\n";
        std::fs::write(dir.path().join("config.toml"), text).unwrap();
        assert_eq!(without_secrets(dir.path()).unwrap(), []);
    }
}
