//! The page `docs/targets.md`: a table of the proven rows, and a table of targets without a recipe.

use std::fmt::Write as _;

use cross_core::targets::{
    DebianArch, Level, Runner, Sdk, SupportLevel, Target, TargetEmulator, TargetFacts, TestSupport,
};

use super::evidence::Entry;

const HEAD: &str = "\
# Targets: the evidence

<!-- Made by `cargo xtask matrix`; a test compares it with docs/targets.json. -->

Every row is a run of `cargo xtask matrix` on a real machine. It makes the environment from the
target's recipe, builds the crate in [tests/proof](../tests/proof) with its C (SQLite) and C++
(containers, streams, exceptions), and runs its tests under the emulator. The compiler, libc and
emulator in the environment report the versions.

- **level**: the level of support: `tests` run in parallel, `programs` run (the target has no `std`
  to test with, or one without threads), it `builds`, or it has `libraries` only, in Rust. What the
  key `sdk` adds follows. It was proven with a small directory in place of the vendor's SDK, which
  cannot be distributed. That for Windows, which the run makes, has imports of the system's DLLs and
  a C runtime of ours, and no C headers, so the C that clang-cl compiled there includes none. A DLL
  was found to arrive with its import library, and both it and a program with their `.pdb`
  ([tests/sdk/windows](../tests/sdk/windows)). Which of Apple's targets were proven is said
  [below](#what-the-others-need).
- **std**: `rustup` (part of the host's toolchain), `package` (the distribution's), or `build-std`
  (built from source with the program).
- **tests**: passed/all. `links` means that nothing here runs the target's programs, [for a
  reason](#what-is-built-and-not-run), and the file was checked instead. (QEMU could boot FreeBSD
  and NetBSD; no registry that was searched has their kernels.) A bare-metal target has one program,
  which runs under QEMU and whose exit status is the result.
- **floor**: the oldest glibc, or macOS, that the program runs with. A program for macOS was also
  found to load the system's libraries only, and to be signed where the processor wants it. For a
  universal binary, the newer version of its two processors counts, and each part was checked.
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
            let known = Target::parse(row).ok();
            let why = known.and_then(Target::std_from_rustup_only);
            let why = why.map_or_else(
                || "not proven yet".to_owned(),
                |why| format!("not proven, since no mirror here had its `std`: {why}"),
            );
            let _ = writeln!(page, "| {row} | {why} | | | | | | | | | | | | | | |");
        }
        seen.for_each(|entry| page.push_str(&line(entry)));
    }
    not_run(&mut page);
    libraries(&mut page);
    crates(&mut page, entries);
    failures(&mut page, entries);
    unserved(&mut page, entries);
    page
}

fn summary(rows: &[String], entries: &[Entry]) -> String {
    let passed = |row: &str| {
        let mut entries = entries.iter();
        entries
            .find(|entry| entry.target == row && entry.error.is_none())
            .cloned()
    };
    let good = |row: &&String| passed(row).is_some_and(|entry| !has_libraries_only(&entry));
    let library = |row: &&String| passed(row).is_some_and(|entry| has_libraries_only(&entry));
    let tested = |row: &&String| {
        let mut entries = entries.iter();
        entries.any(|entry| entry.target == **row && entry.error.is_none() && entry.tests.is_some())
    };
    format!(
        "{} rows; {} build with C and C++; {} of these pass their tests, or run. {} more build \
         libraries in Rust.",
        rows.len(),
        rows.iter().filter(good).count(),
        rows.iter().filter(tested).count(),
        rows.iter().filter(library).count(),
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
        None if entry.error.is_none() && (facts.is_some_and(links_only) || entry.sdk.is_some()) => {
            "links".to_owned()
        }
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
        Target::parse(&entry.target).map_or_else(|_| absent.to_owned(), level),
        or(&entry.suite),
        or(&entry.versions.compiler),
        or(&entry.versions.libc),
        match &entry.macos {
            Some(version) => format!("macOS {version}"),
            None => or(&entry.glibc),
        },
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

/// The architecture of the machines that prove the rows.
const MACHINE: DebianArch = DebianArch::Amd64;

/// The level of support, and what there is more with an SDK.
fn level(target: Target) -> String {
    let level = target.facts().level().as_str();
    match target.level_with_sdk(MACHINE) {
        Some(more) => format!("{level}; {} with `sdk`", more.as_str()),
        None => level.to_owned(),
    }
}

/// Whether a target's programs are linked and not run.
fn links_only(facts: &TargetFacts) -> bool {
    facts.tests == TestSupport::None && facts.level() == Level::Builds
}

/// Whether a target has libraries only, and no C.
fn has_libraries_only(entry: &Entry) -> bool {
    let facts = Target::parse(&entry.target).ok().map(Target::facts);
    facts.is_some_and(|facts| facts.level() == Level::Libraries)
}

fn not_run(page: &mut String) {
    page.push_str(
        "\n## What is built and not run\n\n\
         Programs of these targets are built, and a request that would start one says why none is.\n\n\
         | target | why no program is started |\n|---|---|\n",
    );
    for target in Target::all() {
        let is_run = target.runner(MACHINE) != Runner::None;
        if target.facts().level() != Level::Builds || is_run {
            continue;
        }
        let why = target.not_run();
        let why = why.split_once(": ").map_or(&*why, |(_, why)| why);
        let _ = writeln!(page, "| {target} | {why} |");
    }
}

fn libraries(page: &mut String) {
    page.push_str(
        "\n## What the others need\n\n\
         These targets have libraries only: what is not linked is built, checked and documented\n\
         without an SDK. A program fails to link with this reason as its message.\n\n\
         | target | why no program is linked |\n|---|---|\n",
    );
    for target in Target::all() {
        if let SupportLevel::Libraries { why, .. } = target.facts().support {
            let _ = writeln!(page, "| {target} | {why} |");
        }
    }
    page.push_str(APPLE);
}

const APPLE: &str = "
With an SDK of Apple's (`sdk`, `SDKROOT`), Debian's clang and lld link programs and frameworks for
these systems and for macOS. No such SDK is here. That was proven, for universal2-apple-darwin and
aarch64-apple-ios, with the smallest directory in their layout: `SDKSettings.json`, two headers and
the stubs (`.tbd`) of the C library and of one framework, which `tests/tests/apple.rs` writes. A
whole SDK has more headers, which were not compiled.
";

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

const WITH_AN_SDK: &str = "
## With an SDK of the user's, or a published image

No distribution has what these targets' programs link with. A request for one of them takes the
directory that `sdk` names, or else uses the image that the `cross` project publishes, with a
warning, on docker or podman. Those images were not tried here.

The recipe with `sdk` was proven with the smallest directory that a run can make in place of the
SDK: one header, a C library of ours, and the objects that programs start with, all compiled by the
compiler of the environment ([tests/sdk/unix](../tests/sdk/unix)). For Android, the compilers of
that directory are Debian's clang under the names of the NDK's. `links` says that a program
without `std` was linked with it, whose C includes the header and calls the library, and that the
file is one for the target. Nothing is said of the vendor's own headers and libraries, and nothing
was run.

| target | why there is no recipe without `sdk` | `sdk` | proven | C compiler | core | Rust | date | image | emulator in it |
|---|---|---|---|---|---|---|---|---|---|
";

fn unserved(page: &mut String, entries: &[Entry]) {
    page.push_str(WITH_AN_SDK);
    for target in Target::all() {
        let facts = target.facts();
        let SupportLevel::NotYet { why, .. } = facts.support else {
            continue;
        };
        let name = target.to_string();
        let entry = entries.iter().find(|entry| entry.target == name);
        let proof = entry.filter(|entry| entry.error.is_none());
        let or = |value: Option<&str>| value.unwrap_or("-").to_owned();
        let image = target.published_image();
        let cells = [
            name.clone(),
            why.to_owned(),
            or(facts.sdk.map(Sdk::describe)),
            or(proof.map(|_| "links")),
            or(proof.and_then(|entry| entry.versions.compiler.as_deref())),
            or(proof.map(|entry| entry.std.as_str())),
            or(proof.and_then(|entry| entry.versions.rust.as_deref())),
            or(proof.map(|entry| entry.date.as_str())),
            image.map_or("-".to_owned(), |image| format!("`{image}`")),
            or(facts.emulator.map(TargetEmulator::program)),
        ];
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_whose_programs_are_not_run_has_its_reason() {
        let mut page = String::new();
        not_run(&mut page);
        for target in Target::all() {
            let is_built = target.facts().level() == Level::Builds;
            let row = format!("\n| {target} | ");
            assert_eq!(page.contains(&row), is_built, "{target}");
        }
    }

    #[test]
    fn a_level_says_what_an_sdk_adds() {
        let level = |name: &str| level(Target::parse(name).unwrap());
        assert_eq!(level("aarch64-apple-ios"), "libraries; builds with `sdk`");
        assert_eq!(level("x86_64-apple-darwin"), "builds");
        assert_eq!(level("aarch64-unknown-fuchsia"), "libraries");
    }
}
