//! Arbitrary text does not panic, and every problem has a location.

use super::*;

/// Reads `text` as both kinds of file and checks invariants.
fn survives(text: &str) {
    let lines = text.matches('\n').count() + 1;
    let cross = cross_toml(Path::new("f"), text);
    let cargo = cargo_toml(Path::new("f"), text, Sections::Both);
    for problem in cross.problems.iter().chain(&cargo.problems) {
        let location = problem
            .location
            .as_ref()
            .unwrap_or_else(|| panic!("no place: {problem} in {text:?}"));
        let line = usize::try_from(location.line).unwrap();
        assert!((1..=lines).contains(&line), "{problem} in {text:?}");
        let width = text.split('\n').nth(line - 1).unwrap().chars().count();
        assert!(
            usize::try_from(location.column).unwrap() <= width + 1,
            "{problem} in {text:?}"
        );
    }
    assert!(
        cross
            .problems
            .is_sorted_by_key(|problem| problem.location.clone()),
        "{text:?}"
    );
}

#[test]
fn no_prefix_of_a_file_panics() {
    for (at, _) in SAMPLE.char_indices() {
        survives(&SAMPLE[..at]);
    }
}

#[test]
fn no_mutation_of_a_file_panics() {
    const PIECES: [&str; 16] = [
        "",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'''",
        "=",
        ".",
        "\n",
        "\r",
        "\0",
        "é",
        "\u{feff}",
        "[[target]]\n",
        "1e999",
    ];
    let chars: Vec<char> = SAMPLE.chars().collect();
    // A linear congruential generator (Knuth's constants): the same mutations on every machine.
    let mut state = 42_u64;
    let mut below = |limit: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    for _ in 0..1500 {
        let mut mutated = chars.clone();
        for _ in 0..=below(3) {
            let start = below(mutated.len());
            let end = (start + below(12)).min(mutated.len());
            mutated.splice(start..end, PIECES[below(PIECES.len())].chars());
        }
        survives(&mutated.into_iter().collect::<String>());
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    for piece in ["[", "{a=", "a."] {
        let text = format!("build.engine = {}", piece.repeat(50_000));
        assert!(!problems(&text).is_empty(), "{piece}");
    }
    survives(&"a.".repeat(10_000));
}
