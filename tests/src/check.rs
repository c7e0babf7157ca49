//! The one snapshot function.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::ambient;

/// Compares `actual` with the file `tests/snapshots/<name>.txt`. `name` may have directories.
///
/// With `UPDATE_SNAPSHOTS=1` in the environment the file is written instead.
///
/// # Panics
///
/// With a difference, when the two differ; and when there is no such file.
#[track_caller]
pub fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(format!("{name}.txt"));
    if ambient::variable("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let Ok(expected) = fs::read_to_string(&path) else {
        panic!("there is no snapshot `{name}`; UPDATE_SNAPSHOTS=1 writes it:\n{actual}");
    };
    assert!(
        expected == actual,
        "snapshot `{name}` differs (UPDATE_SNAPSHOTS=1 rewrites it):\n{}",
        difference(&expected, actual)
    );
}

/// The lines of both, those of the old only marked `-`, those of the new only `+`.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
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
    let (mut text, mut i, mut j) = (String::new(), 0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            let _ = writeln!(text, "  {}", old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            let _ = writeln!(text, "- {}", old[i]);
            i += 1;
        } else {
            let _ = writeln!(text, "+ {}", new[j]);
            j += 1;
        }
    }
    text
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
    }
}
