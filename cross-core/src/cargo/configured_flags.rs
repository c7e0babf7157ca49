//! The flags for the compiler that cargo's configuration has.

use toml::Value;

use crate::cargo::cli::configs::Configs;
use crate::host::toolchain::host_triple;

/// The keys with flags. In capitals, they end the names of the variables for them.
pub(crate) const KEYS: [&str; 2] = ["rustflags", "rustdocflags"];

/// The flags of `configs` that apply to `targets`, or may: each list in words.
pub(crate) fn find(configs: &Configs, targets: &[&str]) -> Vec<Vec<String>> {
    let mut lists = Vec::new();
    for (_, table) in configs.tables() {
        let tables = table.get("target").and_then(Value::as_table);
        let of_target = tables
            .into_iter()
            .flatten()
            .filter(|(name, _)| targets.contains(&name.as_str()) || name.starts_with("cfg("));
        let tables = table.get("build").into_iter();
        for table in tables.chain(of_target.map(|(_, table)| table)) {
            lists.extend(KEYS.iter().filter_map(|key| table.get(*key)).map(words));
        }
        lists.extend(of_overrides(table, targets));
    }
    lists
}

/// The values of the variables that `configs` set for compilers: those of the tables `env`.
pub(crate) fn variables(configs: &Configs) -> impl Iterator<Item = &str> {
    let tables = configs.tables().filter_map(|(_, table)| table.get("env"));
    let values = tables.filter_map(Value::as_table).flatten();
    values.filter_map(|(_, entry)| entry.get("value").unwrap_or(entry).as_str())
}

/// The flags of the tables that take the place of build scripts, by the name of what they link:
/// `target.<triple>.<links>`. The host's are those of what build scripts use.
fn of_overrides(table: &toml::Table, targets: &[&str]) -> Vec<Vec<String>> {
    let tables = table.get("target").and_then(Value::as_table);
    let host = host_triple();
    let of_target = tables
        .into_iter()
        .flatten()
        .filter(|(name, _)| targets.contains(&name.as_str()) || **name == host);
    let overrides = of_target.filter_map(|(_, table)| table.as_table());
    let overrides = overrides
        .flatten()
        .filter_map(|(_, table)| table.as_table());
    let mut lists = Vec::new();
    for table in overrides {
        let search = table.get("rustc-link-search").map(words);
        let search = search.into_iter().flatten();
        lists.extend(search.map(|path| vec!["-L".to_owned(), path]));
        lists.extend(table.get("rustc-flags").map(words));
    }
    lists
}

fn words(flags: &Value) -> Vec<String> {
    match flags {
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        }
        flags => {
            let words = flags.as_str().unwrap_or_default().split_ascii_whitespace();
            words.map(str::to_owned).collect()
        }
    }
}
