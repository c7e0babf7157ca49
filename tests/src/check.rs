//! Comparison of a text with a snapshot or another generated file.

use std::fmt::Write as _;
use std::fs;

use crate::{ambient, tool};

/// How many lines are shown around a difference.
const CONTEXT: usize = 3;

/// Compares `actual` with the file `tests/tests/snapshots/<name>.txt`. `name` may have directories.
///
/// With `UPDATE_SNAPSHOTS=1` in the environment the file is written instead.
///
/// # Panics
///
/// If the texts differ, with the difference, or if the file does not exist.
#[track_caller]
pub fn check(name: &str, actual: &str) {
    check_file(&format!("tests/tests/snapshots/{name}.txt"), actual);
}

/// Compares `actual` with any generated file. `path` is relative to the root of the repository.
///
/// # Panics
///
/// As [`check`] does.
#[track_caller]
pub fn check_file(path: &str, actual: &str) {
    let file = tool::repository().join(path);
    if ambient::variable("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, actual).unwrap();
        return;
    }
    let Ok(expected) = fs::read_to_string(&file) else {
        panic!("there is no `{path}`; UPDATE_SNAPSHOTS=1 writes it:\n{actual}");
    };
    assert!(
        expected == actual,
        "`{path}` differs (UPDATE_SNAPSHOTS=1 rewrites it):\n{}",
        difference(&expected, actual)
    );
}

/// Returns the lines that differ and the lines around them: `-` marks old lines, `+` new ones.
fn difference(old: &str, new: &str) -> String {
    let lines = aligned(
        &old.lines().collect::<Vec<_>>(),
        &new.lines().collect::<Vec<_>>(),
    );
    let is_near = |n: usize| {
        let near = n.saturating_sub(CONTEXT)..lines.len().min(n + CONTEXT + 1);
        lines[near].iter().any(|(mark, _)| *mark != ' ')
    };
    let (mut text, mut last) = (String::new(), 0);
    for n in (0..lines.len()).filter(|n| is_near(*n)) {
        if n > last {
            text.push_str("  …\n");
        }
        let _ = writeln!(text, "{} {}", lines[n].0, lines[n].1);
        last = n + 1;
    }
    text
}

/// Merges the lines of both texts, each with its mark.
fn aligned<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j] is the length of the longest common subsequence of old[i..] and new[j..].
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_removed_and_added_lines() {
        assert_eq!(
            difference("a\nb\nc\n", "a\nx\nc\nd\n"),
            "  a\n- b\n+ x\n  c\n+ d\n"
        );
        assert_eq!(
            difference("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\n"),
            "  …\n  3\n  4\n  5\n- 6\n"
        );
    }
}
