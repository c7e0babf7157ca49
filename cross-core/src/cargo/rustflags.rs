//! Adds a request's flags for rustc to the flags that cargo already has.

use std::collections::BTreeMap;

use cross_engine::EnvValue;

/// The separator of the flags in `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// Adds `flags` for `triples`. If `env` has a variable that overrides cargo's configuration, the
/// flags are added to the variable. Otherwise they are returned as arguments for cargo. `inherited`
/// returns the value of a variable that cargo sees without `env`.
pub(crate) fn add(
    flags: &[String],
    triples: &[&str],
    env: &mut BTreeMap<String, EnvValue>,
    inherited: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    if flags.is_empty() {
        return Vec::new();
    }
    let Some(current) = overriding_flags(env, inherited) else {
        // An array of strings is the same in JSON and in TOML.
        let list = serde_json::Value::from(flags);
        let entry = |triple| format!("target.'{triple}'.rustflags={list}");
        let entries = triples.iter().map(entry);
        return entries
            .flat_map(|entry| ["--config".to_owned(), entry])
            .collect();
    };
    let all: Vec<&str> = current.iter().chain(flags).map(String::as_str).collect();
    env.insert(
        "CARGO_ENCODED_RUSTFLAGS".to_owned(),
        EnvValue::Plain(all.join(SEPARATOR)),
    );
    Vec::new()
}

/// The flags of the variable that overrides cargo's configuration, by cargo's precedence.
fn overriding_flags(
    env: &BTreeMap<String, EnvValue>,
    inherited: impl Fn(&str) -> Option<String>,
) -> Option<Vec<String>> {
    let flags = |name: &str, separator: &[char]| {
        let text = match env.get(name) {
            Some(EnvValue::Plain(text) | EnvValue::Secret(text)) => text.clone(),
            Some(EnvValue::Unset) => return None,
            _ => inherited(name)?,
        };
        let words = text.split(separator).filter(|word| !word.is_empty());
        Some(words.map(str::to_owned).collect())
    };
    flags("CARGO_ENCODED_RUSTFLAGS", &['\u{1f}']).or_else(|| flags("RUSTFLAGS", &[' ', '\t', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "aarch64-unknown-linux-gnu";

    fn flags() -> Vec<String> {
        ["--cfg", r#"name="a b""#].map(str::to_owned).to_vec()
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn encoded_flags_override_the_others_as_with_cargo() {
        let plain = |text: &str| EnvValue::Plain(text.to_owned());
        for (encoded, kept) in [("-Cdebuginfo=1", "-Cdebuginfo=1\u{1f}"), ("", "")] {
            let mut env = BTreeMap::from([
                ("RUSTFLAGS".to_owned(), plain("-Copt-level=1")),
                ("CARGO_ENCODED_RUSTFLAGS".to_owned(), plain(encoded)),
            ]);
            assert_eq!(add(&flags(), &[TARGET], &mut env, nothing), [""; 0]);
            let expected = format!("{kept}--cfg\u{1f}name=\"a b\"");
            assert_eq!(env["CARGO_ENCODED_RUSTFLAGS"], plain(&expected));
        }
    }

    #[test]
    fn flags_are_appended_to_an_inherited_variable() {
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            let inherited = |asked: &str| (asked == name).then(|| "-Cdebuginfo=1".to_owned());
            let mut env = BTreeMap::new();
            assert_eq!(
                add(&flags(), &[TARGET], &mut env, inherited),
                [""; 0],
                "{name}"
            );
            let expected = "-Cdebuginfo=1\u{1f}--cfg\u{1f}name=\"a b\"".to_owned();
            assert_eq!(env["CARGO_ENCODED_RUSTFLAGS"], EnvValue::Plain(expected));
            let mut unset = BTreeMap::from([(name.to_owned(), EnvValue::Unset)]);
            assert_eq!(
                add(&flags(), &[TARGET], &mut unset, inherited).len(),
                2,
                "{name}"
            );
        }
    }

    #[test]
    fn flags_are_added_to_those_of_the_configuration() {
        let mut env = BTreeMap::new();
        assert_eq!(add(&[], &[TARGET], &mut env, nothing), [""; 0]);
        let arguments = add(&flags(), &[TARGET], &mut env, nothing);
        assert_eq!(arguments[0], "--config");
        // Cargo parses the argument as TOML: a quote or space in a flag does not end the flag.
        let table: toml::Table = arguments[1].parse().unwrap();
        let list = table["target"][TARGET]["rustflags"].as_array().unwrap();
        let read: Vec<_> = list.iter().filter_map(toml::Value::as_str).collect();
        assert_eq!(read, flags());
        assert!(env.is_empty());
    }

    #[test]
    fn flags_are_appended_to_the_variable_that_overrides_the_configuration() {
        for (name, text) in [
            ("RUSTFLAGS", " -C  debuginfo=1"),
            ("CARGO_ENCODED_RUSTFLAGS", "-C\u{1f}debuginfo=1"),
        ] {
            let plain = EnvValue::Plain(text.to_owned());
            let mut env = BTreeMap::from([(name.to_owned(), plain)]);
            assert_eq!(
                add(&flags(), &[TARGET], &mut env, nothing),
                [""; 0],
                "{name}"
            );
            let expected = "-C\u{1f}debuginfo=1\u{1f}--cfg\u{1f}name=\"a b\"";
            let expected = EnvValue::Plain(expected.to_owned());
            assert_eq!(env["CARGO_ENCODED_RUSTFLAGS"], expected, "{name}");
        }
    }
}
