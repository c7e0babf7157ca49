//! The generated reference in Markdown: a section for each key, and a row for each setting.

use std::fmt::Write as _;

use cross_config::{KeyReference, SettingReference};

/// Returns an overview and a section for each key.
pub(crate) fn keys() -> String {
    let mut text = String::from(
        "| key | `[build]` | `[target.<triple>]` | type | default |\n\
         |---|---|---|---|---|\n",
    );
    for key in cross_config::keys() {
        let may = |level| if level { "yes" } else { "–" };
        let (build, target) = (may(key.build), may(key.target));
        let (link, types) = (link(key.name), types(&key));
        let default = key.default;
        row(&mut text, &[&link, build, target, &types, default]);
    }
    for key in cross_config::keys() {
        text.push('\n');
        text.push_str(&section(&key));
    }
    text
}

/// Returns the table of settings.
pub(crate) fn settings() -> String {
    let mut text = String::from(
        "| variable | takes | default | meaning | example |\n\
         |---|---|---|---|---|\n",
    );
    for setting in cross_config::settings() {
        let SettingReference {
            takes,
            default,
            meaning,
            ..
        } = setting;
        let example = format!("`{}`", setting.example);
        let names = variables_of(&setting);
        row(&mut text, &[&names, takes, default, meaning, &example]);
    }
    text
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        assert!(!cell.contains(['|', '\n']), "`{cell}` is no cell");
    }
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn section(key: &KeyReference) -> String {
    if let Some(new) = key.replaced_by {
        let (meaning, new) = (capitalised(key.meaning), link(new));
        return format!(
            "### `{}`\n\n{meaning}: write {new}.\n\n{}",
            key.name,
            variables(key)
        );
    }
    format!(
        "### `{}`\n\n{}.\n\n- where: {}\n- type: {}\n{}- default: {}\n\n```toml\n{}```\n",
        key.name,
        capitalised(key.meaning),
        places(key),
        types(key),
        variables(key),
        key.default,
        key.example,
    )
}

fn places(key: &KeyReference) -> String {
    let (build, target) = ("`[build]`", "`[target.<triple>]`");
    let places = [(key.build, build), (key.target, target)];
    let places = places
        .iter()
        .filter(|(may, _)| *may)
        .map(|(_, place)| *place);
    places.collect::<Vec<_>>().join(" and ")
}

fn types(key: &KeyReference) -> String {
    let kinds: Vec<_> = key.kinds.iter().map(ToString::to_string).collect();
    let kinds = alternatives(&kinds);
    match quoted(key.values) {
        values if values.is_empty() => kinds,
        values => format!("{kinds}: {}", alternatives(&values)),
    }
}

/// Returns the line with the variables of a key. A table has none: its keys have variables.
fn variables(key: &KeyReference) -> String {
    let build = quoted(&key.build_variables).join(", else ");
    let target = key.target_variable.as_ref().map(|name| format!("`{name}`"));
    let names: Vec<_> = [Some(build).filter(|name| !name.is_empty()), target]
        .into_iter()
        .flatten()
        .collect();
    match key.variable_format {
        Some(form) => format!("- variables: {}; {form}\n", names.join(" and ")),
        None => String::new(),
    }
}

fn variables_of(setting: &SettingReference) -> String {
    let names = quoted(setting.variables).join(", else ");
    match setting.deprecated {
        Some(old) => format!("{names} (old name: `{old}`)"),
        None => names,
    }
}

/// Returns the key with a link to its section.
fn link(key: &str) -> String {
    format!("[`{key}`](#{})", super::links::anchor(key))
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

/// Returns `a, b or c`.
fn alternatives(words: &[String]) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}
