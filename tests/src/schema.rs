//! Validation by JSON schema, for the keywords that the derived schemas use. A field that the
//! schema does not name is an error.

use serde_json::Value;

/// Returns the first mismatch of `value` with `schema`, with its place.
pub fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    Schema(schema).mismatch(schema, value, "$")
}

struct Schema<'a>(&'a Value);

impl Schema<'_> {
    fn mismatch(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let named = self.0.pointer(reference.strip_prefix('#')?);
            return match named {
                Some(named) => self.mismatch(named, value, place),
                None => Some(format!("{place}: there is no {reference}")),
            };
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(all) = schema[choice].as_array() {
                let why: Option<Vec<_>> = all
                    .iter()
                    .map(|one| self.mismatch(one, value, place))
                    .collect();
                return why.map(|reasons| format!("none of these: {}", reasons.join("; ")));
            }
        }
        self.type_mismatch(schema, value, place)
            .or_else(|| self.part_mismatch(schema, value, place))
    }

    fn type_mismatch(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        let types = match &schema["type"] {
            Value::Array(several) => several.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let of = |name: &Value| match name.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("null") => value.is_null(),
            _ => false,
        };
        if !types.is_empty() && !types.iter().any(of) {
            return Some(format!("{place}: {value} is not {types:?}"));
        }
        let words = schema["enum"].as_array();
        let constant = schema.get("const");
        let is_other = words.is_some_and(|all| !all.contains(value))
            || constant.is_some_and(|one| one != value);
        is_other.then(|| format!("{place}: {value} is none of the words"))
    }

    fn part_mismatch(&self, schema: &Value, value: &Value, place: &str) -> Option<String> {
        if let Value::Array(items) = value {
            return items.iter().enumerate().find_map(|(n, item)| {
                let nth = schema["prefixItems"].get(n).unwrap_or(&schema["items"]);
                self.mismatch(nth, item, &format!("{place}[{n}]"))
            });
        }
        let fields = value.as_object()?;
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required
            .filter_map(Value::as_str)
            .find(|name| !fields.contains_key(*name));
        if let Some(name) = missing {
            return Some(format!("{place}: `{name}` is required"));
        }
        fields.iter().find_map(|(name, field)| {
            let place = format!("{place}.{name}");
            let known = schema["properties"].get(name);
            match known.or_else(|| schema.get("additionalProperties")) {
                Some(of) => self.mismatch(of, field, &place),
                None => Some(format!("{place}: there is no such field")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mismatch_has_a_place() {
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": {"a": {"$ref": "#/$defs/word"}, "b": {"type": ["array", "null"], "items": {"type": "integer"}}},
            "$defs": {"word": {"oneOf": [{"const": "x"}, {"enum": ["y", "z"]}]}},
        });
        let of = |value| mismatch(&schema, &value);
        assert_eq!(of(json!({"a": "x", "b": [1, 2]})), None);
        assert_eq!(of(json!({"a": "z", "b": null})), None);
        for (value, place) in [
            (json!([]), "$: "),
            (json!({"b": null}), "`a` is required"),
            (json!({"a": "w"}), "$.a: "),
            (json!({"a": "x", "b": ["1"]}), "$.b[0]: "),
            (json!({"a": "x", "c": 1}), "$.c: there is no such field"),
        ] {
            let why = of(value.clone()).unwrap_or_default();
            assert!(why.contains(place), "{value}: {why}");
        }
    }
}
