//! The one snapshot function, and its like for other files that are made.

use std::fmt::Write as _;
use std::fs;

use crate::{ambient, tool};

/// How many lines around a difference are shown.
const CONTEXT: usize = 3;

/// Compares `actual` with the file `tests/snapshots/<name>.txt`. `name` may have directories.
///
/// With `UPDATE_SNAPSHOTS=1` in the environment the file is written instead.
///
/// # Panics
///
/// With a difference, when the two differ; and when there is no such file.
#[track_caller]
pub fn check(name: &str, actual: &str) {
    check_file(&format!("tests/tests/snapshots/{name}.txt"), actual);
}

/// The same for any file that is made: `path` is from the root of the repository.
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

/// The lines that differ and those near them: `-` marks the old only, `+` the new only.
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

/// The lines of both in one order, each with its mark.
fn aligned<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j]: how many lines the longest common subsequence of old[i..] and new[j..] has.
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
    fn a_difference_shows_what_went_and_what_came() {
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
