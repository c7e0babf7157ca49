//! Which known names are near a name that is not known.

use crate::facts::target_facts::Facts;

/// How many names are suggested at most: more is a list, not a suggestion.
const MOST: usize = 3;

/// The triples of `rows` that `input` probably means, nearest first.
///
/// A row is as near as the nearest of its names: the triple, and what GNU tools and Debian call it,
/// so that `arm64` and `aarch64-linux-gnu` find their triple.
pub(crate) fn near<'a>(
    input: &str,
    rows: impl IntoIterator<Item = &'a Facts>,
) -> Vec<&'static str> {
    let wanted = essence(input);
    let mut found: Vec<(usize, usize, &'static str)> = rows
        .into_iter()
        .filter_map(|row| {
            let near = distance_to_row(&wanted, row)?;
            Some((near, edit_distance(input, row.triple), row.triple))
        })
        .collect();
    found.sort_unstable();
    let nearest = found.first().map_or(0, |&(near, _, _)| near);
    // A name that is one slip away makes one that is five slips away noise.
    found.retain(|&(near, _, _)| near <= nearest + 1);
    found
        .into_iter()
        .map(|(_, _, triple)| triple)
        .take(MOST)
        .collect()
}

/// A quarter of the letters may be wrong, and never more than four: beyond that it is another name.
fn tolerance(wanted: &str) -> usize {
    (wanted.len() / 4).min(4)
}

/// The distance to the nearest of the row's names, if it is tolerable.
fn distance_to_row(wanted: &str, row: &Facts) -> Option<usize> {
    let names = [
        Some(row.triple),
        Some(row.c_triple),
        row.multiarch,
        row.debian_arch,
    ];
    let most = tolerance(wanted);
    names
        .into_iter()
        .flatten()
        .map(essence)
        // Lengths that differ by more need no comparing: so no input, however long, costs much.
        .filter(|name| name.len().abs_diff(wanted.len()) <= most)
        .map(|name| edit_distance(wanted, &name))
        .filter(|&edits| edits <= most)
        .min()
}

/// What is left of a name without case, separators and the vendor parts that say nothing.
fn essence(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !matches!(*word, "unknown" | "pc"))
        .collect()
}

/// Insertions, deletions and replacements of characters that turn `a` into `b` (Levenshtein): what
/// suggestions for misspelled names are made from.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = above[0];
        above[0] = left;
        for (j, other) in b.iter().enumerate() {
            left = (diagonal + usize::from(letter != *other))
                .min(left + 1)
                .min(above[j + 1] + 1);
            diagonal = above[j + 1];
            above[j + 1] = left;
        }
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rows::ROWS;

    fn names(input: &str) -> Vec<&'static str> {
        near(input, ROWS)
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "axc", 1),
            ("abcd", "acd", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edit_distance(a, b), edits, "{a} -> {b}");
            assert_eq!(edit_distance(b, a), edits, "{b} -> {a}");
        }
    }

    #[test]
    fn essence_drops_case_separators_and_vendor() {
        assert_eq!(essence("X86-64_Unknown.linux--GNU"), "x8664linuxgnu");
        assert_eq!(essence("x86_64-pc-windows-gnu"), "x8664windowsgnu");
    }

    #[test]
    fn a_name_of_other_tools_finds_its_triple() {
        assert_eq!(names("aarch64-linux-gnu"), ["aarch64-unknown-linux-gnu"]);
        assert_eq!(names("ppc64el")[0], "powerpc64le-unknown-linux-gnu");
        assert_eq!(names("riscv64-linux-gnu")[0], "riscv64gc-unknown-linux-gnu");
        assert_eq!(names("x86_64-w64-mingw32")[0], "x86_64-pc-windows-gnu");
    }

    #[test]
    fn a_slip_finds_its_triple_first() {
        for (input, meant) in [
            ("x86-64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
            (
                "armv7-unknown-linux-gnueabihf2",
                "armv7-unknown-linux-gnueabihf",
            ),
            ("aarch64-unknown-linux-gun", "aarch64-unknown-linux-gnu"),
            ("AARCH64-UNKNOWN-LINUX-MUSL", "aarch64-unknown-linux-musl"),
            ("powerpc64le-linux-gnu", "powerpc64le-unknown-linux-gnu"),
            ("thumbv7em-none-eabi-hf", "thumbv7em-none-eabihf"),
        ] {
            assert_eq!(names(input).first(), Some(&meant), "{input}");
        }
    }

    #[test]
    fn nothing_near_is_no_suggestion() {
        for input in [
            "",
            "-",
            "linux",
            "z",
            "commodore-64",
            "aarch64-apple-darwin",
            "日本語",
        ] {
            assert_eq!(names(input), [""; 0], "{input}");
        }
    }

    #[test]
    fn a_very_long_name_is_answered_at_once() {
        assert_eq!(names(&"aarch64-".repeat(1 << 20)), [""; 0]);
    }

    #[test]
    fn suggests_few() {
        for row in ROWS {
            assert!(names(&format!("{}x", row.triple)).len() <= MOST);
        }
    }
}
