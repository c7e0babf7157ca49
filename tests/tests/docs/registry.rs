//! Checks that every key and variable is documented.

use crate::{CONFIGURATION, read, rust_files};

/// Returns the variables of the registry. Those of targets contain `<TRIPLE>`.
fn registered() -> Vec<String> {
    let text = read("cross-config/src/variables/mod.rs");
    let declared = text.lines().filter_map(|line| {
        let (name, text) = line.trim().strip_suffix("\";")?.split_once(" = \"")?;
        let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
        name.chars().all(is_name).then_some((name, text))
    });
    let named = declared.map(|(name, text)| match name.strip_prefix("TARGET_") {
        Some(suffix) => {
            assert_eq!(suffix, text);
            format!("CROSS_TARGET_<TRIPLE>_{text}")
        }
        None => text.to_owned(),
    });
    named.collect()
}

/// Returns the `CROSS_` variables in the sources `files`, without their tests.
fn named_in(files: impl Iterator<Item = String>) -> Vec<String> {
    let mut names = Vec::new();
    for path in files {
        let text = read(&path);
        let code = text.split("\n#[cfg(test)]").next().unwrap();
        let words = code.split('"').skip(1);
        let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
        let is_variable = |word: &&str| {
            word.starts_with("CROSS_") && !word.ends_with('_') && word.chars().all(is_name)
        };
        names.extend(words.filter(is_variable).map(str::to_owned));
    }
    names
}

/// Returns the variables that are refused, that cross-core reads, or that it sets in environments.
fn others() -> Vec<String> {
    let is_code =
        |path: &String| path.starts_with("cross-core/src/") && !path.ends_with("tests.rs");
    named_in(rust_files().filter(is_code))
}

#[test]
fn every_variable_is_documented() {
    let (registered, others) = (registered(), others());
    for setting in cross_config::settings() {
        for name in setting
            .variables
            .iter()
            .chain(setting.deprecated.as_slice())
        {
            assert!(registered.iter().any(|known| known == name), "{name}");
        }
    }
    for name in ["CROSS_CACHE_DIR", "CROSS_DEB_ARCH"] {
        assert!(others.iter().any(|known| known == name), "{others:?}");
    }
    let text = read(CONFIGURATION);
    for name in registered.iter().chain(&others) {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_key_is_documented() {
    let text = read(CONFIGURATION);
    for key in cross_config::keys() {
        let heading = format!("\n### `{}`\n", key.name);
        assert!(text.contains(&heading), "{}", key.name);
        let build = key.build_variables.iter().copied();
        for name in build.chain(key.target_variable.as_deref()) {
            assert!(text.contains(&format!("`{name}`")), "{name}");
        }
    }
}
