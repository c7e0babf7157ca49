//! Compares every row with the installed compiler: `rustc --print target-list` and `--print cfg`.

use std::collections::BTreeMap;

use cross_targets::{Libc, Target, TargetFacts};

/// Rows whose triple the installed compiler may no longer know, with the reason. Such rows are kept
/// as long as older compilers are supported, and have to be listed here.
const GONE_FROM_RUSTC: [(&str, &str); 0] = [];

#[expect(
    clippy::disallowed_methods,
    reason = "the compiler is the oracle; this crate starts no processes elsewhere"
)]
fn rustc(arguments: &[&str]) -> String {
    let output = std::process::Command::new("rustc")
        .args(arguments)
        .output()
        .expect("rustc starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rustc {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("rustc prints UTF-8")
}

fn rows() -> impl Iterator<Item = &'static TargetFacts> {
    let known = |row: &&TargetFacts| {
        !GONE_FROM_RUSTC
            .iter()
            .any(|(triple, _)| *triple == row.triple)
    };
    Target::all()
        .filter(|target| target.glibc().is_none())
        .map(Target::facts)
        .filter(known)
}

/// The `key="value"` lines of `rustc --print cfg` for the triple.
fn cfg(triple: &str) -> BTreeMap<String, String> {
    let printed = rustc(&["--print", "cfg", "--target", triple]);
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

/// The value of `target_env` for a C library.
fn env_of(libc: Libc) -> &'static str {
    match libc {
        Libc::Glibc | Libc::Mingw => "gnu",
        Libc::Musl => "musl",
        Libc::Wasi => "p1",
        _ => "",
    }
}

#[test]
fn every_triple_is_known_to_rustc() {
    let list = rustc(&["--print", "target-list"]);
    for row in rows() {
        assert!(
            list.lines().any(|triple| triple == row.triple),
            "{}",
            row.triple
        );
    }
    for (triple, reason) in GONE_FROM_RUSTC {
        assert!(
            !list.lines().any(|known| known == triple),
            "{triple} is back ({reason}): remove it from the list"
        );
    }
}

/// A triple that rustc knows is never taken for a spelling mistake.
#[test]
fn every_target_of_rustc_is_in_the_list() {
    for triple in rustc(&["--print", "target-list"]).lines() {
        let is_known = cross_targets::is_rustc_target(triple);
        assert!(is_known, "add `{triple}` to table/rustc_targets.rs");
    }
}

#[test]
fn every_row_says_what_rustc_says() {
    let mut compared = 0;
    for row in rows() {
        let said = cfg(row.triple);
        let width = row.pointer_width.to_string();
        let facts = [
            ("target_arch", row.arch),
            ("target_os", row.os),
            ("target_env", env_of(row.libc)),
            ("target_endian", row.endian.as_str()),
            ("target_pointer_width", &width),
        ];
        for (key, fact) in facts {
            assert_eq!(
                said.get(key).map(String::as_str),
                Some(fact),
                "{key} of {}",
                row.triple
            );
        }
        compared += 1;
    }
    assert_eq!(compared + GONE_FROM_RUSTC.len(), 57);
}
