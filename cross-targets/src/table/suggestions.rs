//! Suggests known triples for an unknown one.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::facts::target_facts::{Libc, TargetFacts, Tier};

/// The maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// The longest name that is compared, in bytes. No triple is as long.
const MAX_LENGTH: usize = 64;

/// Words that name a system. A name with one of them means no target of another system.
const SYSTEMS: [&str; 19] = [
    "android",
    "darwin",
    "dragonfly",
    "emscripten",
    "freebsd",
    "fuchsia",
    "illumos",
    "ios",
    "linux",
    "netbsd",
    "none",
    "ohos",
    "redox",
    "solaris",
    "tvos",
    "uefi",
    "visionos",
    "watchos",
    "windows",
];

/// Returns the triples in `rows` that are similar to `input`, most similar first.
///
/// A row is compared by all its names: the triple, and the names that GNU tools and Debian use.
/// `arm64` and `aarch64-linux-gnu` therefore find their triple. A part of a triple finds those that
/// have it: `x86_64-windows`, `macos`. Triples of the processor in `input` come first.
pub(crate) fn similar_triples<'a>(
    input: &str,
    rows: impl IntoIterator<Item = &'a TargetFacts>,
) -> Vec<&'static str> {
    if input.len() > MAX_LENGTH {
        return Vec::new();
    }
    let wanted = Wanted::new(input);
    let mut found: Vec<_> = rows
        .into_iter()
        .filter_map(|row| Some((wanted.distance(row)?, row)))
        .collect();
    // What is another spelling of one triple means no variant of it.
    if let Some(own) = found.iter().find(|(_, row)| wanted.is_spelling_of(row)) {
        let processor = processor(own.1);
        found.retain(|(_, row)| {
            let is_other = self::processor(row) != processor;
            wanted.is_spelling_of(row) || is_other && wanted.is_gnus_name_of(row)
        });
    }
    found.sort_by(|one, other| {
        let is_of_other = |row| wanted.processor != processor(row);
        let nearer = is_of_other(one.1).cmp(&is_of_other(other.1));
        let nearer = nearer.then(one.0.cmp(&other.0));
        let usual = || more_usual(one.1, other.1);
        let alike = || wanted.more_alike(one.1, other.1);
        match one.0 {
            0 => nearer.then_with(usual).then_with(alike),
            _ => nearer.then_with(alike).then_with(usual),
        }
    });
    let nearest = found.first().map_or(0, |&(near, _)| near);
    // If one name is a single edit away, names that are five edits away are noise.
    found.retain(|&(near, _)| near <= nearest + 1);
    found
        .into_iter()
        .map(|(_, row)| row.triple)
        .take(MAX_SUGGESTIONS)
        .collect()
}

/// A name that is no triple, in the forms that are compared.
struct Wanted {
    lower: String,
    normal: String,
    words: BTreeSet<String>,
    /// The first word, which names the processor if any does.
    processor: Option<String>,
    systems: Vec<&'static str>,
}

impl Wanted {
    fn new(input: &str) -> Self {
        let lower = input.to_lowercase();
        let words = words(&lower);
        let processor = words.first().cloned();
        let words: BTreeSet<_> = words.into_iter().collect();
        let named = SYSTEMS.into_iter().filter(|name| words.contains(*name));
        Wanted {
            normal: normalize(&lower),
            systems: named.collect(),
            words,
            processor,
            lower,
        }
    }

    /// Whether it is the row's triple in other letters, without its vendor, or by other words.
    fn is_spelling_of(&self, row: &TargetFacts) -> bool {
        self.words == words(row.triple).into_iter().collect()
    }

    /// Whether it is what GNU tools or Debian call the row.
    fn is_gnus_name_of(&self, row: &TargetFacts) -> bool {
        gnus_names(row).any(|name| normalize(name) == self.normal)
    }

    /// How far the row is from what is meant; 0 if it has all words. `None` if it is not similar.
    fn distance(&self, row: &TargetFacts) -> Option<usize> {
        let own = row_words(row);
        if self.systems.iter().any(|system| !own.contains(*system)) {
            return None;
        }
        if !self.words.is_empty() && self.words.is_subset(&own) {
            return Some(0);
        }
        let names = std::iter::once(row.triple).chain(gnus_names(row));
        let normal = names.filter_map(|name| within(&self.normal, &normalize(name)));
        // What is normalized away may be misspelled itself: `unkown`.
        normal.chain(within(&self.lower, row.triple)).min()
    }

    /// Orders rows by their spelling.
    fn more_alike(&self, one: &TargetFacts, other: &TargetFacts) -> Ordering {
        let edits = |row: &TargetFacts| edit_distance(&self.lower, row.triple);
        let alike = edits(one).cmp(&edits(other));
        alike.then_with(|| one.triple.cmp(other.triple))
    }
}

/// Orders rows by how many people build for them.
fn more_usual(one: &TargetFacts, other: &TargetFacts) -> Ordering {
    let key = |row: &TargetFacts| {
        let tier = match row.tier {
            Tier::One => 1,
            Tier::Two => 2,
            Tier::Three => 3,
        };
        (tier, !matches!(row.os, "linux" | "unknown"))
    };
    key(one).cmp(&key(other))
}

/// The maximum edit distance: a quarter of the letters, but at most four.
fn tolerance(wanted: &str) -> usize {
    (wanted.len() / 4).min(4)
}

/// The edit distance of two names, if it is within the tolerance.
fn within(wanted: &str, name: &str) -> Option<usize> {
    let most = tolerance(wanted);
    let is_near = name.len().abs_diff(wanted.len()) <= most;
    let edits = is_near.then(|| edit_distance(wanted, name));
    edits.filter(|&edits| edits <= most)
}

/// Lowercases a name and removes separators and insignificant vendors.
fn normalize(name: &str) -> String {
    significant(&name.to_lowercase()).collect()
}

/// The words of a name in lower case, without insignificant vendors.
fn significant(lower: &str) -> impl Iterator<Item = &str> {
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| !matches!(*word, "" | "unknown" | "pc"))
}

/// What GNU tools and Debian call the row.
fn gnus_names(row: &TargetFacts) -> impl Iterator<Item = &'static str> {
    let names = [Some(row.c_triple), row.multiarch, row.debian_arch];
    names.into_iter().flatten()
}

/// The word of a row's processor.
fn processor(row: &TargetFacts) -> Option<String> {
    words(row.triple).into_iter().next()
}

/// Names that are written as several words.
const JOINED: [(&str, &str); 4] = [
    ("x86_64", "x8664"),
    ("x86-64", "x8664"),
    ("wasi-preview1", "wasip1"),
    ("wasi-preview2", "wasip2"),
];

/// The words of a name in lower case as triples have them: the names of other tools and of older
/// compilers are replaced.
fn words(lower: &str) -> Vec<String> {
    let joined = JOINED.iter().fold(lower.to_owned(), |name, (apart, word)| {
        name.replace(apart, word)
    });
    let words = significant(&joined).flat_map(|word| -> Vec<String> {
        let as_in_triples: &[&str] = match word {
            "amd64" | "x64" => &["x8664"],
            "arm64" => &["aarch64"],
            "armv6m" => &["thumbv6m"],
            "armv7m" => &["thumbv7m"],
            "armv7em" => &["thumbv7em"],
            "armv8m" => &["thumbv8m"],
            "asmjs" => &["wasm32"],
            "simulator" => &["sim"],
            "universal" => &["universal2"],
            "xros" => &["visionos"],
            "mac" | "macos" | "macosx" | "osx" => &["darwin"],
            "win32" => &["i686", "windows"],
            "win64" => &["x8664", "windows"],
            "mingw" | "mingw32" => &["windows", "gnu"],
            "mingw64" => &["x8664", "windows", "gnu"],
            "w64" => &[],
            "wasm" => &["wasm32"],
            "wasi" => &["wasip1"],
            word => return vec![word.to_owned()],
        };
        as_in_triples.iter().map(|&word| word.to_owned()).collect()
    });
    words.collect()
}

/// The words by which a row is found: those of its triple, its processor, its system and its C
/// library. (`gnueabihf` and `gnuabi64` are GNU's, too.)
fn row_words(row: &TargetFacts) -> BTreeSet<String> {
    let mut own = words(row.triple);
    own.extend(words(row.arch));
    own.extend(words(row.os));
    let libc = match row.libc {
        Libc::Glibc | Libc::Mingw => Some("gnu"),
        Libc::Musl => Some("musl"),
        _ => None,
    };
    own.extend(libc.map(str::to_owned));
    own.into_iter().collect()
}

/// The number of insertions, deletions and substitutions of characters, and of transpositions of two
/// neighbors, that turn `a` into `b`. Used to suggest corrections for misspelled names.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let [a, b]: [Vec<char>; 2] = [a, b].map(|text| text.chars().collect());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let edits = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            let is_swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
            row.push(match is_swapped {
                true => edits.min(before[j - 1] + 1),
                false => edits,
            });
        }
        before = std::mem::replace(&mut above, row);
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
            ("eabifh", "eabihf", 1),
            ("gun", "gnu", 1),
            ("ab", "ba", 1),
            ("abc", "cab", 2),
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
    fn a_part_of_a_triple_finds_those_that_have_it() {
        for (input, meant) in [
            (
                "x86_64-pc-windows",
                &["x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc"][..],
            ),
            ("aarch64-apple-macos", &["aarch64-apple-darwin"]),
            ("macos", &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
            (
                "windows",
                &["x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc"],
            ),
            ("android", &["aarch64-linux-android"]),
            ("mingw64", &["x86_64-pc-windows-gnu"]),
            ("wasm", &["wasm32-unknown-unknown"]),
            ("x86_64", &["x86_64-unknown-linux-gnu"]),
            (
                "linux",
                &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"],
            ),
        ] {
            let found = names(input);
            let has = |triple: &&str| found.contains(triple);
            assert!(meant.iter().all(has), "{input}: {found:?}");
        }
    }

    #[test]
    fn no_suggestion_is_for_another_system() {
        assert_eq!(
            names("aarch64-pc-windows-gnu")[0],
            "aarch64-pc-windows-gnullvm"
        );
        for input in [
            "x86_64-pc-windows",
            "i686-pc-windows-gun",
            "aarch64-windows",
        ] {
            let found = names(input);
            let is_windows = |triple: &&str| triple.contains("windows");
            assert!(
                !found.is_empty() && found.iter().all(is_windows),
                "{input}: {found:?}"
            );
        }
    }

    #[test]
    fn an_older_or_another_name_finds_its_triple() {
        for (input, meant) in [
            ("wasm32-wasi", &["wasm32-wasip1"][..]),
            ("wasm32-wasi-preview1-threads", &["wasm32-wasip1-threads"]),
            ("asmjs-unknown-emscripten", &["wasm32-unknown-emscripten"]),
            ("aarch64-apple-xros", &["aarch64-apple-visionos"]),
            (
                "aarch64-apple-visionos-simulator",
                &["aarch64-apple-visionos-sim"],
            ),
            ("arm64-apple-ios-simulator", &["aarch64-apple-ios-sim"]),
            ("universal-darwin", &["universal2-apple-darwin"]),
            ("armv6m-none-eabi", &["thumbv6m-none-eabi"]),
            ("armv7m-none-eabi", &["thumbv7m-none-eabi"]),
            ("armv7em-none-eabihf", &["thumbv7em-none-eabihf"]),
            (
                "armv8m-none-eabi",
                &["thumbv8m.base-none-eabi", "thumbv8m.main-none-eabi"],
            ),
        ] {
            assert_eq!(names(input), meant, "{input}");
        }
    }

    #[test]
    fn the_processor_in_the_name_comes_first() {
        for (input, meant) in [
            ("mips64-unknown-linux-gnu", "mips64-unknown-linux-gnuabi64"),
            (
                "mips64el-unknown-linux-gnu",
                "mips64el-unknown-linux-gnuabi64",
            ),
            (
                "mips64-unknown-linux-musl",
                "mips64-unknown-linux-muslabi64",
            ),
            ("arm-unknown-linux-gnu", "arm-unknown-linux-gnueabi"),
            ("armv7-linux-gnu", "armv7-unknown-linux-gnueabi"),
        ] {
            assert_eq!(names(input).first(), Some(&meant), "{input}");
        }
        let bits = |triple: &&str| triple.starts_with("mips64");
        assert!(names("mips64-unknown-linux-gnu").iter().all(bits));
        assert!(names("mips64el-unknown-linux-gnu").iter().all(bits));
    }

    #[test]
    fn letters_in_the_wrong_order_are_one_slip() {
        for (input, meant) in [
            (
                "armv7-unknown-linux-gnueabifh",
                "armv7-unknown-linux-gnueabihf",
            ),
            ("thumbv7em-none-eabifh", "thumbv7em-none-eabihf"),
        ] {
            assert_eq!(names(input).first(), Some(&meant), "{input}");
        }
    }

    #[test]
    fn another_spelling_of_a_triple_is_not_of_its_variants() {
        for (input, meant) in [
            ("x86_64-linux-gnu", "x86_64-unknown-linux-gnu"),
            ("X86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"),
            ("arm64-apple-darwin", "aarch64-apple-darwin"),
            ("x86_64-w64-mingw32", "x86_64-pc-windows-gnu"),
        ] {
            assert_eq!(names(input), [meant], "{input}");
        }
        let hard_float = names("arm-linux-gnueabihf");
        assert_eq!(hard_float[0], "arm-unknown-linux-gnueabihf");
        assert!(hard_float.contains(&"armv7-unknown-linux-gnueabihf"));
    }

    #[test]
    fn a_misspelled_vendor_is_a_slip() {
        for (input, meant) in [
            ("x86_64-unkown-linux-gnu", "x86_64-unknown-linux-gnu"),
            ("wasm32-unknown-unknwon", "wasm32-unknown-unknown"),
            ("universal-apple-darwin", "universal2-apple-darwin"),
        ] {
            assert_eq!(names(input).first(), Some(&meant), "{input}");
        }
    }

    #[test]
    fn nothing_near_is_no_suggestion() {
        for input in [
            "",
            "-",
            "pc-unknown",
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
        assert!(ROWS.iter().all(|row| row.triple.len() < MAX_LENGTH));
        assert_eq!(names(&"aarch64-".repeat(1 << 20)), [""; 0]);
    }

    #[test]
    fn suggests_few() {
        for row in ROWS {
            assert!(names(&format!("{}x", row.triple)).len() <= MAX_SUGGESTIONS);
        }
    }
}
