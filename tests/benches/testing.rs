//! The cost of tests under emulation: parallel tests, compared with serial test binaries with one
//! thread (as in `cross`) and with one thread per processor (as in cargo). Ratios are of medians
//! within one run.
//!
//! ```sh
//! cargo bench --package cross-tests --bench testing  # aarch64, sandbox, every crate
//! cargo bench --package cross-tests --bench testing -- s390x-unknown-linux-gnu podman
//! cargo bench --package cross-tests --bench testing -- uneven small
//! ```
//!
//! The arguments may come in any order: an engine, a target, and crates by the distribution of
//! their tests: `even` (6 binaries of 40), `uneven` (one of 215 and five of 5), `small` (40 of 5).
//!
//! The time is that of a request whose tests are compiled: planning, cargo's check for changes, and
//! the tests.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use cross_core::{Cross, Request};
use cross_tests::measure::{Error, Times, Variant, alternate, head, milliseconds, row, words};

const ROUNDS: usize = 7;
/// The crates, each with its name and the number of tests in each binary.
const CRATES: [(&str, &[u32]); 3] = [
    ("even", &[40; 6]),
    ("uneven", &[5, 215, 5, 5, 5, 5]),
    ("small", &[5; 40]),
];

/// The code of each test, which takes about 15 ms under QEMU in the `dev` profile.
const WORK: &str = "fn work(seed: u64) -> u64 {
    let (mut state, mut sum) = (seed | 1, 0_u64);
    for _ in 0..180_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum = sum.wrapping_add(state);
    }
    sum
}
";

/// The options that a variant sets on a request.
type Change = fn(Request) -> Request;

/// The variants of running tests.
const VARIANTS: [(&str, Change); 3] = [
    ("one thread", |request| {
        request.serial_tests(true).arg("--test-threads=1")
    }),
    ("cargo's way", |request| request.serial_tests(true)),
    ("side by side", |request| request),
];

fn main() -> Result<(), Error> {
    let words = words();
    let is_crate = |word: &String| CRATES.iter().any(|(name, _)| name == word);
    let engines = ["sandbox", "docker", "podman"];
    let engine = words.iter().find(|word| engines.contains(&word.as_str()));
    let engine = engine.map_or("sandbox", String::as_str);
    let target = words.iter().find(|word| word.contains('-'));
    let target = target.map_or("aarch64-unknown-linux-gnu", String::as_str);
    println!("Tests for {target} in {engine}, medians of {ROUNDS} alternating rounds, ms:\n");
    println!(
        "{}",
        head(&[
            "crate",
            "binaries",
            "tests",
            "one thread",
            "cargo's way",
            "side by side",
            "/ one thread",
            "/ cargo's way",
        ])
    );
    for (name, binaries) in CRATES {
        if words.iter().any(is_crate) && !words.iter().any(|word| word == name) {
            continue;
        }
        let times = measure(engine, target, binaries)?;
        let [one, cargos, ours] = &times[..] else {
            return Err("three variants".into());
        };
        let counts = [
            binaries.len().to_string(),
            binaries.iter().sum::<u32>().to_string(),
        ];
        let ratios = [one, cargos].map(|times| format!("{:.2}", ours.median() / times.median()));
        let cells = counts
            .into_iter()
            .chain(times.iter().map(milliseconds))
            .chain(ratios);
        println!("{}", row([name.to_owned()].into_iter().chain(cells)));
    }
    Ok(())
}

/// Writes a crate whose test binaries have these numbers of tests.
fn write_crate(dir: &Path, binaries: &[u32]) -> Result<(), Error> {
    fs::create_dir_all(dir.join("src"))?;
    fs::create_dir_all(dir.join("tests"))?;
    let manifest = "[package]\nname = \"testing\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [lib]\ntest = false\ndoctest = false\n[workspace]\n";
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::write(dir.join("src/lib.rs"), "")?;
    for (n, tests) in binaries.iter().enumerate() {
        let mut text = WORK.to_owned();
        for test in 0..*tests {
            writeln!(
                text,
                "#[test]\nfn t{test}() {{ assert_ne!(work({test}), 0); }}"
            )?;
        }
        fs::write(dir.join(format!("tests/b{n:02}.rs")), text)?;
    }
    Ok(())
}

/// Returns the times of every variant.
fn measure(engine: &str, target: &str, binaries: &[u32]) -> Result<Vec<Times>, Error> {
    let dir = tempfile::tempdir()?;
    write_crate(dir.path(), binaries)?;
    let cross = Cross::at(dir.path()).engine(engine).toolchain("image");
    let expected = u64::from(binaries.iter().sum::<u32>());
    let run = |change: Change| {
        let tests = change(cross.test(target)).run()?.tests;
        match tests.map_or(0, |summary| summary.passed) {
            passed if passed == expected => Ok(()),
            passed => Err(format!("{passed} of {expected} tests passed").into()),
        }
    };
    let variants = VARIANTS.map(|(name, change)| Variant::new(name, move || run(change)));
    // The first round compiles and fills the caches.
    alternate(1, ROUNDS, variants.into())
}
