//! Suggests known triples for an unknown one.

use crate::facts::target_facts::TargetFacts;

/// The maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// Returns the triples in `rows` that are similar to `input`, most similar first.
///
/// A row is compared by all its names: the triple, and the names that GNU tools and Debian use.
/// `arm64` and `aarch64-linux-gnu` therefore find their triple.
pub(crate) fn similar_triples<'a>(
    input: &str,
    rows: impl IntoIterator<Item = &'a TargetFacts>,
) -> Vec<&'static str> {
    let wanted = normalize(input);
    let mut found: Vec<(usize, usize, &'static str)> = rows
        .into_iter()
        .filter_map(|row| {
            let near = distance_to_row(&wanted, row)?;
            Some((near, edit_distance(input, row.triple), row.triple))
        })
        .collect();
    found.sort_unstable();
    let nearest = found.first().map_or(0, |&(near, _, _)| near);
    // If one name is a single edit away, names that are five edits away are noise.
    found.retain(|&(near, _, _)| near <= nearest + 1);
    found
        .into_iter()
        .map(|(_, _, triple)| triple)
        .take(MAX_SUGGESTIONS)
        .collect()
}

/// The maximum edit distance: a quarter of the letters, but at most four.
fn tolerance(wanted: &str) -> usize {
    (wanted.len() / 4).min(4)
}

/// The edit distance to the most similar name of the row, if it is within the tolerance.
fn distance_to_row(wanted: &str, row: &TargetFacts) -> Option<usize> {
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
        .map(normalize)
        // Skipping names whose length differs too much bounds the cost for long inputs.
        .filter(|name| name.len().abs_diff(wanted.len()) <= most)
        .map(|name| edit_distance(wanted, &name))
        .filter(|&edits| edits <= most)
        .min()
}

/// Lowercases a name and removes separators and insignificant vendors.
fn normalize(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !matches!(*word, "unknown" | "pc"))
        .collect()
}

/// The Levenshtein distance: the number of insertions, deletions and substitutions of characters
/// that turn `a` into `b`. Used to suggest corrections for misspelled names.
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
        similar_triples(input, ROWS)
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
        assert_eq!(normalize("X86-64_Unknown.linux--GNU"), "x8664linuxgnu");
        assert_eq!(normalize("x86_64-pc-windows-gnu"), "x8664windowsgnu");
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
            "m68k-atari-tos",
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
            assert!(names(&format!("{}x", row.triple)).len() <= MAX_SUGGESTIONS);
        }
    }
}
