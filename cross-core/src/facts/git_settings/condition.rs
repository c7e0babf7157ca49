//! The patterns in the conditions of included files.

use std::path::Path;

use cross_engine::os::System;

/// A part of a pattern.
enum Part {
    /// A character.
    One(char),
    /// `?`
    Any,
    /// `[a-z]` or `[!a-z]`
    Of(Vec<(char, char)>, bool),
    /// `*`
    Many,
    /// `**`
    All,
    /// `**/`, which may also be nothing.
    Dirs,
}

/// The pattern for a repository's directory, as a file in `dir` has it.
pub(super) fn of_directory(pattern: &str, home: Option<&Path>, dir: &Path) -> String {
    let beneath = |dir: &Path, rest: &str| format!("{}/{rest}", literal(dir));
    let pattern = if let (Some(rest), Some(home)) = (pattern.strip_prefix("~/"), home) {
        beneath(home, rest)
    } else if let Some(rest) = pattern.strip_prefix("./") {
        beneath(dir, rest)
    } else if Path::new(pattern).is_absolute() {
        pattern.to_owned()
    } else {
        format!("**/{pattern}")
    };
    with_all_below(&pattern)
}

/// A pattern that ends with a slash is for all that is below.
pub(super) fn with_all_below(pattern: &str) -> String {
    let below = if pattern.ends_with('/') { "**" } else { "" };
    format!("{pattern}{below}")
}

/// The path as git writes it, which separates directories with slashes on Windows, too.
pub(super) fn of_git(path: &Path) -> String {
    let text = path.to_string_lossy();
    match System::HERE {
        System::Windows => text.replace('\\', "/"),
        _ => text.into_owned(),
    }
}

/// The pattern for this path alone.
fn literal(path: &Path) -> String {
    let mut text = String::new();
    for c in of_git(path).chars() {
        if ['*', '?', '[', '\\'].contains(&c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Whether the pattern is for `text`. All ways to read it are followed at once, so that the time
/// has a limit whatever the pattern is.
pub(super) fn matches(pattern: &str, text: &str, ignores_case: bool) -> bool {
    let folded = |text: &str| match ignores_case {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    let parts = parts(&folded(pattern));
    let mut at = vec![false; parts.len() + 1];
    enter(&parts, &mut at, 0);
    for c in folded(text).chars() {
        let mut next = vec![false; parts.len() + 1];
        for (place, part) in parts.iter().enumerate().filter(|(place, _)| at[*place]) {
            let (stays, goes_on) = match part {
                Part::One(one) => (false, *one == c),
                Part::Any => (false, c != '/'),
                Part::Of(ranges, negated) => {
                    let is_in = ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                    (false, c != '/' && is_in != *negated)
                }
                Part::Many => (c != '/', c != '/'),
                Part::All => (true, true),
                Part::Dirs => (true, c == '/'),
            };
            next[place] |= stays;
            if goes_on {
                enter(&parts, &mut next, place + 1);
            }
        }
        at = next;
    }
    at[parts.len()]
}

/// Notes that `place` is reached, and what follows where it may be nothing.
fn enter(parts: &[Part], at: &mut [bool], mut place: usize) {
    at[place] = true;
    while let Some(Part::Many | Part::All | Part::Dirs) = parts.get(place) {
        place += 1;
        at[place] = true;
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        parts.push(match c {
            '*' if rest.starts_with("**/") => {
                length = 3;
                Part::Dirs
            }
            '*' if rest.starts_with("**") => {
                length = 2;
                Part::All
            }
            '*' => Part::Many,
            '?' => Part::Any,
            '[' => match set(&rest[1..]) {
                Some((part, read)) => {
                    length = 1 + read;
                    part
                }
                None => Part::One('['),
            },
            '\\' => {
                let next = rest[1..].chars().next().unwrap_or('\\');
                length += next.len_utf8();
                Part::One(next)
            }
            c => Part::One(c),
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    parts
}

/// The characters of a set, and how long its text is after the bracket.
fn set(text: &str) -> Option<(Part, usize)> {
    let negated = text.starts_with(['!', '^']);
    let start = usize::from(negated);
    // A bracket that comes first is one of the characters.
    let end = start + 1 + text.get(start + 1..)?.find(']')?;
    let chars: Vec<char> = text[start..end].chars().collect();
    let (mut ranges, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let to = if chars.get(at + 1) == Some(&'-') {
            chars.get(at + 2)
        } else {
            None
        };
        ranges.push((chars[at], *to.unwrap_or(&chars[at])));
        at += if to.is_some() { 3 } else { 1 };
    }
    Some((Part::Of(ranges, negated), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_could_be_read_in_many_ways_takes_no_time() {
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000), false));
        assert!(matches("**/a/**", "/x/y/a/b", false));
        assert!(matches("**/a", "a", false));
        assert!(matches("a[]x]c", "a]c", false));
        assert!(!matches("a[", "a", false));
        assert!(matches("a\\*", "a*", false));
        assert!(!matches("a\\*", "ab", false));
    }
}
