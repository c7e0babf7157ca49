//! Reads cargo's dep-info: the `.d` file beside an artifact, which lists the artifact's sources.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, limits};

use crate::host::files;
use crate::model::error::{MapEngineError as _, Result};

/// Returns the sources of the artifact at `artifact`, which is below `dir`.
pub(crate) fn sources_of(dir: &Dir, artifact: &Path) -> Result<Vec<PathBuf>> {
    let file = files::open(dir, &artifact.with_extension("d"))?;
    let text = file.text(limits::DEP_INFO).map_engine_error()?;
    Ok(parse(&text))
}

/// The prerequisites of the rules in `text`.
///
/// Cargo writes one rule per line, and escapes only spaces: any other backslash is part of a name.
/// A backslash at the end of a line continues the rule on the next line.
pub(crate) fn parse(text: &str) -> Vec<PathBuf> {
    let text = text.replace("\\\n", " ");
    let rules = text.lines().filter(|line| !line.starts_with('#'));
    rules
        .filter_map(|rule| {
            let end = rule.find(": ")?;
            Some(names(&rule[end + 2..]))
        })
        .flatten()
        .collect()
}

/// The names in `words`, separated by spaces.
fn names(words: &str) -> Vec<PathBuf> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next_if_eq(&' ').is_some() => name.push(' '),
            ' ' | '\t' => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names.into_iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let paths: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(parse(text), paths, "{text:?}");
    }

    #[test]
    fn prerequisites_follow_the_colon() {
        check(
            "/t/app: /w/src/main.rs /w/build.rs\n",
            &["/w/src/main.rs", "/w/build.rs"],
        );
        check("/t/app:\n", &[]);
        check("/t/app: \n", &[]);
        check("", &[]);
    }

    #[test]
    fn only_spaces_are_escaped() {
        check("/t/my\\ app: /w/a\\ b.rs /c\n", &["/w/a b.rs", "/c"]);
        check(
            "/t/app: /w/a\\b.rs /w/c\\\\d.rs\n",
            &["/w/a\\b.rs", "/w/c\\\\d.rs"],
        );
        check("/t/app: /w/a:b.rs /w/$c#.rs\n", &["/w/a:b.rs", "/w/$c#.rs"]);
        check("/t/a:\\ b: /w/c.rs\n", &["/w/c.rs"]);
    }

    #[test]
    fn a_rule_may_span_lines_and_be_followed_by_another() {
        check(
            "/t/a: /x \\\n  /y\n# a comment\n/t/b: /z\n",
            &["/x", "/y", "/z"],
        );
    }
}
