//! Compares every row with the installed compiler: `rustc --print target-list` and `--print cfg`.

use std::collections::BTreeMap;

use cross_targets::{Libc, Target, TargetFacts, Tier};

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
        // rustc builds its slices.
        .filter(|row| row.slices.is_empty())
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

/// The value of `target_env`, which mostly names the C library.
fn env_of(row: &TargetFacts) -> &'static str {
    let name = row.triple;
    match row.libc {
        Libc::Glibc | Libc::Mingw => "gnu",
        Libc::Musl => "musl",
        Libc::Msvc => "msvc",
        Libc::Wasi if name == "wasm32-wasip2" => "p2",
        Libc::Wasi => "p1",
        _ if name.ends_with("-sim") || name == "x86_64-apple-ios" => "sim",
        _ if name.ends_with("-macabi") => "macabi",
        _ if name.ends_with("-ohos") => "ohos",
        _ if name.ends_with("-sgx") => "sgx",
        _ if row.os == "redox" => "relibc",
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
            ("target_env", env_of(row)),
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
    assert_eq!(compared + GONE_FROM_RUSTC.len(), 118);
}

/// The targets of tier 1 on the platform support page of Rust 1.95.
const TIER_1: [&str; 8] = [
    "aarch64-apple-darwin",
    "aarch64-pc-windows-msvc",
    "aarch64-unknown-linux-gnu",
    "i686-pc-windows-msvc",
    "i686-unknown-linux-gnu",
    "x86_64-pc-windows-gnu",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-gnu",
];

#[test]
fn the_tiers_are_those_of_rusts_page() {
    let first = rows().filter(|row| row.tier == Tier::One);
    let first: Vec<_> = first.map(|row| row.triple).collect();
    assert_eq!(first, TIER_1);
    // rustup has a standard library for what is of tier 2, and for nothing of tier 3.
    let is_of_rustup = |row: &TargetFacts| RUSTUP_TARGETS.lines().any(|it| it == row.triple);
    for row in rows() {
        assert_eq!(row.tier != Tier::Three, is_of_rustup(row), "{}", row.triple);
    }
}

/// The targets that rustup installs a standard library for: those of the release whose toolchain
/// runs this test. Its manifest is beside the toolchain; a distribution's Rust has none.
#[test]
fn every_target_of_rustup_has_a_row() {
    let sysroot = rustc(&["--print", "sysroot"]);
    let manifest =
        std::path::Path::new(sysroot.trim()).join("lib/rustlib/multirust-channel-manifest.toml");
    let installed = std::fs::read_to_string(manifest).map(|text| targets_of(&text));
    let recorded: Vec<_> = RUSTUP_TARGETS.lines().map(str::to_owned).collect();
    for (release, targets) in [
        ("1.95", Ok(recorded)),
        ("the installed toolchain", installed),
    ] {
        let Ok(targets) = targets else { continue };
        assert!(
            targets.len() >= 100,
            "{release} has {} targets",
            targets.len()
        );
        let without_row: Vec<_> = targets
            .into_iter()
            .filter(|triple| Target::parse(triple).is_err())
            .collect();
        assert!(
            without_row.is_empty(),
            "targets of {release} without a row in table/rows.rs: {}",
            without_row.join(", ")
        );
    }
}

/// The targets of `rustup target list` for Rust 1.95, one a line.
const RUSTUP_TARGETS: &str = include_str!("rustup-targets-1.95.txt");

/// The targets that a release's manifest has a standard library for.
fn targets_of(manifest: &str) -> Vec<String> {
    let available = manifest.split("\n[");
    let of_std = available.filter_map(|table| {
        let (header, body) = table.split_once("]\n")?;
        let triple = header.strip_prefix("pkg.rust-std.target.")?;
        let is_available = body.lines().any(|line| line.trim() == "available = true");
        is_available.then(|| triple.trim_matches('"').to_owned())
    });
    of_std.collect()
}

#[test]
fn the_oldest_versions_of_apples_systems_are_those_of_rustc() {
    for row in rows() {
        let (Some(variable), Some(rusts)) = (row.deployment_variable(), row.oldest_of_rust())
        else {
            continue;
        };
        let oldest = row
            .oldest_system()
            .map_or(rusts, |system| system.max(rusts));
        let printed = rustc(&["--print", "deployment-target", "--target", row.triple]);
        assert_eq!(
            printed.trim(),
            format!("{variable}={oldest}"),
            "{}",
            row.triple
        );
    }
}
