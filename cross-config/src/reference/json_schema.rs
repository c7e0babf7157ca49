//! Generates the JSON Schema of a `Cross.toml` from the table of keys.

use cross_targets::Target;

use crate::keys::key::{Group, Key, Level, is_below};
use crate::keys::table::ALIASES;
use crate::reference::json::Json;
use crate::values::value_kind::ValueKind;

/// Returns the JSON Schema (draft 2020-12) of a `Cross.toml`, for completion and validation in
/// editors.
///
/// This crate reports everything that the schema rejects, but the schema does not validate the
/// content of strings. It lists all known triples for completion and accepts any other. The text is
/// deterministic.
#[must_use]
pub fn json_schema() -> String {
    let build = level(Level::Build, "for every target");
    let target = level(Level::Target, "for one target");
    let reference = || Json::object([("$ref", Json::text("#/$defs/target"))]);
    let known = Target::all().map(|target| (target.to_string(), reference()));
    let targets = Json::object([
        ("type", Json::text("object")),
        ("description", Json::text("what holds for one target each")),
        ("properties", Json::object(known)),
        ("patternProperties", Json::object([(".", reference())])),
        ("additionalProperties", Json::Bool(false)),
    ]);
    let root = Json::object([
        (
            "$schema",
            Json::text("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", Json::text("Cross.toml")),
        ("type", Json::text("object")),
        (
            "properties",
            Json::object([("build", build), ("target", targets)]),
        ),
        ("additionalProperties", Json::Bool(false)),
        ("$defs", Json::object([("target", target)])),
    ]);
    format!("{root}\n")
}

fn level(level: Level, description: &str) -> Json {
    let mut properties = properties(level, "");
    properties.extend(ALIASES.iter().filter_map(|alias| {
        let key = Key::find(alias.key, level)?;
        let about = format!("a deprecated name of `{}`", alias.key);
        let schema = one_of(key.kinds(), key.values, &about);
        Some((
            alias.name.to_owned(),
            with(schema, "deprecated", Json::Bool(true)),
        ))
    }));
    table(properties, description)
}

fn table(properties: Vec<(String, Json)>, description: &str) -> Json {
    Json::object([
        ("type", Json::text("object")),
        ("description", Json::text(description)),
        ("properties", Json::Object(properties)),
        ("additionalProperties", Json::Bool(false)),
    ])
}

/// The properties directly below `group`, or below the table of the level if `group` is empty.
fn properties(level: Level, group: &str) -> Vec<(String, Json)> {
    let mut properties: Vec<(String, Json)> = Vec::new();
    for key in Key::at(level) {
        let rest = if group.is_empty() {
            key.name
        } else if is_below(key.name, group) {
            &key.name[group.len() + 1..]
        } else {
            continue;
        };
        let name = rest.split('.').next().unwrap_or(rest);
        if properties.iter().any(|(property, _)| property == name) {
            continue;
        }
        let path = &key.name[..key.name.len() - rest.len() + name.len()];
        let schema = match Group::find(path, level) {
            Some(group) => group_row(level, group),
            None => key_row(key),
        };
        properties.push((name.to_owned(), schema));
    }
    properties
}

fn key_row(key: &Key) -> Json {
    let about = format!("{} (default: {})", key.meaning, key.default);
    one_of(key.kinds(), key.values, &about)
}

fn group_row(level: Level, group: &Group) -> Json {
    let table = table(properties(level, group.name), group.meaning);
    if group.shorthands.is_empty() {
        return table;
    }
    let shorthands = group
        .shorthands
        .iter()
        .map(|shorthand| kind_schema(shorthand.kind, &[]));
    Json::object([
        ("description", Json::text(group.meaning)),
        ("anyOf", Json::List(shorthands.chain([table]).collect())),
    ])
}

fn one_of(kinds: &[ValueKind], values: &[&str], description: &str) -> Json {
    let description = Json::text(description);
    match kinds {
        [kind] => with(kind_schema(*kind, values), "description", description),
        kinds => {
            let schemas = kinds.iter().map(|kind| kind_schema(*kind, values));
            Json::object([
                ("description", description),
                ("anyOf", Json::List(schemas.collect())),
            ])
        }
    }
}

fn kind_schema(kind: ValueKind, values: &[&str]) -> Json {
    let string = || Json::object([("type", Json::text("string"))]);
    match kind {
        ValueKind::Boolean => Json::object([("type", Json::text("boolean"))]),
        ValueKind::String if values.is_empty() => string(),
        ValueKind::String => with(string(), "enum", Json::texts(values.iter().copied())),
        ValueKind::Array => Json::object([("type", Json::text("array")), ("items", string())]),
        ValueKind::Table => Json::object([
            ("type", Json::text("object")),
            ("additionalProperties", string()),
        ]),
    }
}

/// Adds a keyword to `schema`.
fn with(schema: Json, keyword: &str, value: Json) -> Json {
    match schema {
        Json::Object(mut keywords) => {
            keywords.push((keyword.to_owned(), value));
            Json::Object(keywords)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
