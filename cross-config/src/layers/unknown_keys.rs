//! The remedy for an unknown key: the place where it belongs, or the name that was meant.

use crate::keys::key::{Group, Key, Level, is_below};
use crate::keys::table::GROUPS;
use crate::text::nearest::nearest;

/// Keys of cargo's configuration that stand beside keys of `cross` in real files.
const OF_CARGO_CONFIG: [&str; 16] = [
    "ar",
    "incremental",
    "jobs",
    "linker",
    "rustc",
    "rustc-wrapper",
    "rustdocflags",
    "rustflags",
    "target-dir",
    // Tables.
    "alias",
    "http",
    "net",
    "registries",
    "registry",
    "source",
    "term",
];

/// Tables of a Cargo.toml.
const OF_MANIFEST: [&str; 8] = [
    "bin",
    "dependencies",
    "features",
    "lib",
    "package",
    "patch",
    "profile",
    "workspace",
];

/// The remedy for an unknown table or key beside `[build]` and `[target]`.
pub(super) fn help_at_root(name: &str) -> String {
    if let Some(help) = elsewhere(name) {
        return help;
    }
    let exact = tables(|level| names(level).any(|known| known == name));
    if !exact.is_empty() {
        return format!("`{name}` belongs in {exact}");
    }
    if let Some(key) = full_name(name, Level::Build).or(full_name(name, Level::Target)) {
        let tables = tables(|level| names(level).any(|known| known == key));
        return format!("write `{key}` in {tables}");
    }
    match nearest(name, ["build", "target"]) {
        Some(meant) => format!("did you mean `[{meant}]`?"),
        None => "the tables are `[build]` and `[target.<triple>]`".to_owned(),
    }
}

/// The remedy for the unknown key `path` at `level`.
pub(super) fn help(path: &str, level: Level) -> String {
    if names(level.other()).any(|name| name == path) {
        return format!("`{path}` belongs in `{}`", level.other().table());
    }
    if let Some(key) = full_name(path, level) {
        return format!("write `{key}`");
    }
    if let Some(help) = elsewhere(path) {
        return help;
    }
    if let Some(meant) = nearest(path, names(level)) {
        return format!("did you mean `{meant}`?");
    }
    if let Some(variable) = path.strip_prefix("env.").filter(|it| is_variable(it)) {
        return format!(
            "for the value of a variable, write `env.passthrough = [\"{variable}=value\"]`"
        );
    }
    let group = path.rsplit_once('.').map(|(group, _)| group);
    let mut known: Vec<_> = names(level)
        .filter_map(|name| match group {
            Some(group) if is_below(name, group) => name.get(group.len() + 1..),
            Some(_) => None,
            None => Some(name),
        })
        .filter_map(|name| name.split('.').next())
        .collect();
    known.sort_unstable();
    known.dedup();
    let table = group.unwrap_or(level.table());
    format!("the keys of `{table}` are {}", known.join(", "))
}

/// Whether a key is spelled as most variables are.
fn is_variable(name: &str) -> bool {
    let is_of_variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    // The crate `cc` reads `CC_aarch64_unknown_linux_gnu`.
    let beginning = name.split('_').next().unwrap_or(name);
    !beginning.is_empty() && beginning.chars().all(is_of_variable)
}

/// The tables for which `is_one` holds, as alternatives.
fn tables(is_one: impl Fn(Level) -> bool) -> String {
    let levels = [Level::Build, Level::Target].into_iter();
    let tables = levels.filter(|level| is_one(*level));
    let tables: Vec<_> = tables.map(|level| format!("`{}`", level.table())).collect();
    tables.join(" or ")
}

/// Whether a target's table has a key or a group `name`.
pub(super) fn is_of_target(name: &str) -> bool {
    names(Level::Target).any(|known| known == name)
}

/// The names of all keys and groups at `level`.
fn names(level: Level) -> impl Iterator<Item = &'static str> {
    let groups = GROUPS.iter().map(|group| group.name);
    let groups = groups.filter(move |name| Group::find(name, level).is_some());
    Key::at(level).map(|key| key.name).chain(groups)
}

/// The key or group at `level` whose last part is `name`, if it is the only one.
fn full_name(name: &str, level: Level) -> Option<&'static str> {
    let is_last = |known: &&str| known.rsplit_once('.').is_some_and(|(_, last)| last == name);
    let mut found = names(level).filter(is_last);
    found.next().filter(|_| found.next().is_none())
}

/// The remedy for a key of another file of cargo's.
fn elsewhere(name: &str) -> Option<String> {
    if OF_CARGO_CONFIG.contains(&name) {
        return Some(format!(
            "`{name}` is a setting of cargo's: write it in `.cargo/config.toml`"
        ));
    }
    OF_MANIFEST
        .contains(&name)
        .then(|| format!("`{name}` belongs in `Cargo.toml`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_at_the_root_belongs_in_a_table() {
        for (name, help) in [
            (
                "pre-build",
                "`pre-build` belongs in `[build]` or `[target.<triple>]`",
            ),
            ("env", "`env` belongs in `[build]` or `[target.<triple>]`"),
            ("image", "`image` belongs in `[target.<triple>]`"),
            ("default-target", "`default-target` belongs in `[build]`"),
            (
                "passthrough",
                "write `env.passthrough` in `[build]` or `[target.<triple>]`",
            ),
            ("buid", "did you mean `[build]`?"),
            (
                "nothing",
                "the tables are `[build]` and `[target.<triple>]`",
            ),
        ] {
            assert_eq!(help_at_root(name), help);
        }
    }

    #[test]
    fn a_key_without_its_table_is_written_with_it() {
        for level in [Level::Build, Level::Target] {
            assert_eq!(help("passthrough", level), "write `env.passthrough`");
            assert_eq!(help("volumes", level), "write `env.volumes`");
            assert_eq!(help("build-args", level), "write `dockerfile.build-args`");
            assert_eq!(help("context", level), "write `dockerfile.context`");
        }
        let variable = help("env.RUSTFLAGS", Level::Target);
        assert!(variable.ends_with("`env.passthrough = [\"RUSTFLAGS=value\"]`"));
        let of_target = help("env.CC_aarch64_unknown_linux_gnu", Level::Target);
        assert!(of_target.starts_with("for the value of a variable"));
        // The name of a setting, which no variable would have.
        let setting = help("env.ssh_agent_passthrough", Level::Build);
        assert_eq!(setting, "the keys of `env` are passthrough, volumes");
    }

    #[test]
    fn a_key_of_cargos_belongs_in_cargos_files() {
        for name in ["rustflags", "linker", "rustdocflags", "ar", "target-dir"] {
            for help in [help(name, Level::Target), help_at_root(name)] {
                assert!(help.contains("`.cargo/config.toml`"), "{help}");
            }
        }
        for name in ["dependencies", "profile", "package"] {
            assert!(help_at_root(name).ends_with("belongs in `Cargo.toml`"));
        }
    }
}
