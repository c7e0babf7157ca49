//! The page `docs/targets.md`: a table of the proven rows, and a table of targets without a recipe.

use std::fmt::Write as _;

use cross_core::targets::{SupportLevel, Target, TargetEmulator, TargetFacts, TestSupport};

use super::evidence::Entry;

const HEAD: &str = "\
# Targets: the evidence

<!-- Made by `cargo xtask matrix`; a test compares it with docs/targets.json. -->

Every row is a run of `cargo xtask matrix` on a real machine. It makes the environment from the
target's recipe, builds the crate in [tests/proof](../tests/proof) with its C (SQLite) and C++
(containers, streams, exceptions), and runs its tests under the emulator. The compiler, libc and
emulator in the environment report the versions.

- **level**: the level of support: `tests` run in parallel, `programs` run (the target has no `std`
  to test with), or it `builds`.
- **std**: `rustup` (part of the host's toolchain), `package` (the distribution's), or `build-std`
  (built from source with the program).
- **tests**: passed/all. `links` means that no emulator here runs the target's programs, and the
  file was checked instead. A bare-metal target has one program, which runs under QEMU and whose
  exit status is the result.
- **floor**: the oldest glibc that the program runs with.
- **MB** and **from nothing**: the size of the environment, and how long it took to make, including
  the download of its packages. With the toolchain `image`, the environment has its own Rust. With
  `host`, rustup's toolchain is mounted.
";

const COLUMNS: &str = "\
| target | level | suite | C compiler | libc | floor | emulator | std | Rust | Rust/C/C++ | tests | MB | from nothing | engine | toolchain | date |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// Returns the page for the entries of `rows` and for the targets without a recipe.
pub(crate) fn markdown(rows: &[String], entries: &[Entry]) -> String {
    let mut page = HEAD.to_owned();
    let _ = write!(
        page,
        "\n## By recipe\n\n{}\n\n{COLUMNS}",
        summary(rows, entries)
    );
    for row in rows {
        let mut seen = entries
            .iter()
            .filter(|entry| entry.target == *row)
            .peekable();
        if seen.peek().is_none() {
            let _ = writeln!(
                page,
                "| {row} | not proven yet | | | | | | | | | | | | | | |"
            );
        }
        seen.for_each(|entry| page.push_str(&line(entry)));
    }
    crates(&mut page, entries);
    failures(&mut page, entries);
    unserved(&mut page);
    page
}

fn summary(rows: &[String], entries: &[Entry]) -> String {
    let good = |row: &&String| {
        entries
            .iter()
            .any(|entry| entry.target == **row && entry.error.is_none())
    };
    let tested = |row: &&String| {
        let mut entries = entries.iter();
        entries.any(|entry| entry.target == **row && entry.error.is_none() && entry.tests.is_some())
    };
    format!(
        "{} rows; {} build with C and C++; {} of these pass their tests, or run.",
        rows.len(),
        rows.iter().filter(good).count(),
        rows.iter().filter(tested).count(),
    )
}

fn line(entry: &Entry) -> String {
    let absent = "-";
    let or = |value: &Option<String>| value.clone().unwrap_or_else(|| absent.to_owned());
    let facts = Target::parse(&entry.target).ok().map(Target::facts);
    let built =
        ["rust", "c", "c++"].map(
            |part| match entry.built.iter().any(|proven| proven == part) {
                true => "✓",
                false => "✗",
            },
        );
    let tests = match entry.tests {
        Some((passed, all)) => format!("{passed}/{all}"),
        None if entry.error.is_none() && facts.is_some_and(links_only) => "links".to_owned(),
        None => absent.to_owned(),
    };
    let seconds = entry
        .environment_seconds
        .map(|seconds| format!("{seconds:.0} s"));
    let size = entry
        .size
        .as_deref()
        .map(|size| size.trim_end_matches("MB").to_owned());
    let cells = [
        entry.target.clone(),
        facts.map_or(absent, level).to_owned(),
        or(&entry.suite),
        or(&entry.versions.compiler),
        or(&entry.versions.libc),
        or(&entry.glibc),
        or(&entry.versions.emulator),
        entry.std.clone(),
        or(&entry.versions.rust),
        built.concat(),
        tests,
        or(&size),
        or(&seconds),
        entry.engine.clone(),
        entry.toolchain.clone(),
        entry.date.clone(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the level of support of a target.
fn level(facts: &TargetFacts) -> &'static str {
    match facts.tests {
        TestSupport::Parallel => "tests",
        TestSupport::Programs => "programs",
        _ => "builds",
    }
}

fn links_only(facts: &TargetFacts) -> bool {
    facts.tests == TestSupport::None
}

const CRATES: &str = "
## Popular crates with native code

Each crate is built and tested by itself, with the packages `libssl-dev` and `libclang-dev:native`.
`assembly` is ring, `bindgen` reads a header that includes the libc's, `cmake` is zlib-ng,
`cxx-bridge` is cxx with a class, and `openssl` is openssl-sys through pkg-config.

| target | engine | toolchain | crates |
|---|---|---|---|
";

fn crates(page: &mut String, entries: &[Entry]) {
    let mut tried = entries
        .iter()
        .filter(|entry| !entry.crates.is_empty())
        .peekable();
    if tried.peek().is_none() {
        return;
    }
    page.push_str(CRATES);
    for entry in tried {
        let result = |(name, error): (&String, &Option<String>)| match error {
            None => format!("{name} ✓"),
            Some(error) => format!("{name} ✗ ({error})"),
        };
        let results: Vec<_> = entry.crates.iter().map(result).collect();
        let [target, engine, toolchain] = [&entry.target, &entry.engine, &entry.toolchain];
        let _ = writeln!(
            page,
            "| {target} | {engine} | {toolchain} | {} |",
            results.join(", ")
        );
    }
}

fn failures(page: &mut String, entries: &[Entry]) {
    let failed: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.error.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return;
    }
    page.push_str("\n## Failed\n\n");
    for (entry, error) in failed {
        let _ = writeln!(
            page,
            "- {} ({}, {}): {error}",
            entry.target, entry.engine, entry.toolchain
        );
    }
}

fn unserved(page: &mut String) {
    page.push_str(
        "\n## Published image, not proven here\n\n\
         No distribution has packages for these targets. A request for one of them uses the image\n\
         that the `cross` project publishes, with a warning, on docker or podman.\n\n\
         | target | why there is no recipe | image | emulator |\n|---|---|---|---|\n",
    );
    for target in Target::all() {
        let facts = target.facts();
        let SupportLevel::NotYet { why, .. } = facts.support else {
            continue;
        };
        let image = target.published_image();
        let image = image.map_or("-".to_owned(), |image| format!("`{image}`"));
        let emulator = facts.emulator.map_or("-", TargetEmulator::program);
        let _ = writeln!(page, "| {target} | {why} | {image} | {emulator} |");
    }
}
