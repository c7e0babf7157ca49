//! What the schema accepts and rejects, checked by a validator for the keywords in it.

use serde_json::{Value, json};

use super::*;
use crate::reference::key_reference::keys;

fn schema() -> Value {
    serde_json::from_str(&json_schema()).unwrap()
}

/// Whether `value` is valid. Unknown keywords fail, so that none is left unchecked.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().unwrap();
    keywords
        .iter()
        .all(|(keyword, argument)| match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "deprecated" => true,
            "$ref" => {
                let path = argument.as_str().unwrap().strip_prefix('#').unwrap();
                is_valid(root, root.pointer(path).unwrap(), value)
            }
            "type" => match argument.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                other => panic!("type {other}"),
            },
            "enum" => argument.as_array().unwrap().contains(value),
            "anyOf" => argument
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| is_valid(root, schema, value)),
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| is_valid(root, argument, item))),
            "properties" => value.as_object().is_none_or(|members| {
                members.iter().all(|(name, member)| {
                    argument
                        .get(name)
                        .is_none_or(|schema| is_valid(root, schema, member))
                })
            }),
            "patternProperties" => {
                let any = &argument.as_object().unwrap()["."];
                let members = value.as_object().unwrap();
                members.values().all(|member| is_valid(root, any, member))
            }
            "additionalProperties" => value.as_object().is_none_or(|members| {
                members.iter().all(|(name, member)| {
                    let is_named = schema
                        .get("properties")
                        .is_some_and(|required| required.get(name).is_some());
                    let is_matched = schema.get("patternProperties").is_some() && !name.is_empty();
                    is_named
                        || is_matched
                        || (argument.is_object() && is_valid(root, argument, member))
                })
            }),
            other => panic!("keyword {other}"),
        })
}

fn takes(toml: &str) -> bool {
    let value: Value = toml::from_str(toml).unwrap();
    let schema = schema();
    is_valid(&schema, &schema, &value)
}

#[test]
fn every_example_is_valid() {
    for key in keys() {
        assert!(takes(key.example), "{}", key.example);
    }
}

#[test]
fn every_type_of_every_key_is_taken_and_every_other_is_refused() {
    let values = [
        (ValueKind::Boolean, "true"),
        (ValueKind::String, "'x'"),
        (ValueKind::Array, "['x']"),
        (ValueKind::Table, "{}"),
    ];
    for key in keys().filter(|key| key.values.is_empty()) {
        for table in ["build", "target.s390x-unknown-linux-gnu", "target.my-own"] {
            let stands = if table == "build" {
                key.build
            } else {
                key.target
            };
            for (kind, value) in values {
                let toml = format!("{table}.{} = {value}", key.name);
                assert_eq!(takes(&toml), stands && key.kinds.contains(&kind), "{toml}");
            }
            assert!(!takes(&format!("{table}.{} = 1", key.name)));
        }
    }
}

#[test]
fn a_closed_set_of_values_is_closed() {
    assert!(takes("build.network = 'none'"));
    assert!(!takes("build.network = 'nnone'"));
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    for toml in [
        "bild = {}",
        "build.engin = 'x'",
        "build.zig.x = 1",
        "build.env.x = []",
        "target.s390x-unknown-linux-gnu.engine = 'podman'",
        "build.image = 'x'",
        "build.dockerfile.build-args = { A = 1 }",
    ] {
        assert!(!takes(toml), "{toml}");
    }
}

#[test]
fn old_names_are_marked() {
    let schema = schema();
    for level in ["/properties/build", "/$defs/target"] {
        let xargo = schema
            .pointer(&format!("{level}/properties/xargo"))
            .unwrap();
        assert_eq!(xargo["deprecated"], json!(true));
    }
}

#[test]
fn every_known_triple_is_named_for_completion() {
    let schema = schema();
    let named = schema.pointer("/properties/target/properties").unwrap();
    for target in Target::all() {
        assert!(named.get(target.to_string()).is_some(), "{target}");
    }
}
