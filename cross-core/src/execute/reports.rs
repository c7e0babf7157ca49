//! Publishes what cargo and its tools leave in the target directory beside the directories of
//! targets: reports of times, of benchmarks, of tests and of coverage, and documentation.
//!
//! Their names below the directory of a tool are the tool's own. What stays inside is at the same
//! path on the host: `tmp`, in which tests leave what they like, and what tools compile for
//! themselves.

use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, Entry, FileKind, limits};

use crate::cargo::products::{Products, Site};
use crate::execute::publish::{copy_tree, destination};
use crate::model::error::{MapEngineError as _, Result};
use crate::model::step::Verb;
use crate::plan::nextest;
use crate::plan::strip;

/// The directory of cargo's reports of times.
const TIMINGS: &str = "cargo-timings";

/// The directories that are published whole: of criterion, of the documentation of procedural
/// macros, which cargo compiles for the host, and of cargo-llvm-cov.
const REPORTS: [&str; 3] = ["criterion", "doc", "llvm-cov"];

/// What cargo and this library themselves have beside the directories of targets and profiles.
const OWN: [&str; 11] = [
    TIMINGS,
    nextest::REPORTS,
    strip::DIRECTORY,
    "CACHEDIR.TAG",
    "host-tools",
    "outputs",
    "raw-profiles",
    "std-is-fetched",
    "tmp",
    "zig-cache",
    "build",
];

/// The directory in which test libraries compile, and what they call theirs.
const TESTS: &str = "tests";
const OF_TESTS: [&str; 3] = ["macrotest", "target", "trybuild"];

/// What tells a directory in which cargo compiles from one of a tool. The lock file is that of a
/// cargo script.
const OF_CARGO: [&str; 5] = [
    ".cargo-lock",
    ".fingerprint",
    "CACHEDIR.TAG",
    "Cargo.lock",
    "deps",
];

/// The directories of reports in the target directory `from`, which may not be there.
pub(crate) fn directories(from: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let names = [TIMINGS, nextest::REPORTS].into_iter().chain(REPORTS);
    names.map(|name| from.join(name))
}

/// Whether a program that runs for `verb` leaves reports that nobody fetches after what was built.
/// Tests leave none: criterion's benchmarks report nothing if they are run as tests.
pub(crate) fn come_from_a_run(verb: Verb, root: &Path) -> bool {
    match verb {
        Verb::Bench => true,
        Verb::Nextest => nextest::store(root).is_some(),
        _ => false,
    }
}

/// Copies the reports in the target directory `from` to `to`, and those of nextest to where the
/// workspace in `root` has them.
pub(crate) fn publish(from: &Dir, to: &Dir, root: &Path, cancel: &Cancel) -> Result<()> {
    timings(from, to, cancel)?;
    for name in REPORTS {
        if let Some(dir) = from.dir_if_any(name).map_engine_error()? {
            if !is_of_cargo(&dir) {
                copy_tree(&dir, to, Path::new(name), limits::DEPTH, cancel)?;
            }
        }
    }
    let of_nextest = from.dir_if_any(nextest::REPORTS).map_engine_error()?;
    let (Some(dir), Some(store)) = (of_nextest, nextest::store(root)) else {
        return Ok(());
    };
    let store = destination(&store)?;
    copy_tree(&dir, &store, Path::new(""), limits::DEPTH, cancel)
}

/// Copies cargo's reports of the times that units took.
fn timings(from: &Dir, to: &Dir, cancel: &Cancel) -> Result<()> {
    let Some(dir) = from.dir_if_any(TIMINGS).map_engine_error()? else {
        return Ok(());
    };
    to.sweep(TIMINGS);
    for entry in dir.entries().map_engine_error()? {
        let is_report = entry.name.to_str().is_some_and(is_report);
        if entry.kind == FileKind::Regular && is_report {
            let file = dir.file(&entry.name).map_engine_error()?;
            let path = Path::new(TIMINGS).join(&entry.name);
            if !to.has_newer(&file, &path) {
                to.publish(&file, path, cancel).map_engine_error()?;
            }
        }
    }
    Ok(())
}

/// Whether cargo calls a report of times so: `cargo-timing.html`, or with the time of the build.
fn is_report(name: &str) -> bool {
    let name = name.strip_prefix("cargo-timing");
    let time = name.and_then(|name| name.strip_suffix(".html"));
    time.is_some_and(|time| {
        time.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// The profiles that cargo has built in `from` for other targets than that of `products`.
pub(crate) fn of_other_targets(from: &Dir, products: &Products) -> Result<Vec<PathBuf>> {
    let mut profiles = Vec::new();
    for entry in from.entries().map_engine_error()? {
        let is_other = |name: &&str| products.is_of_another_target(name);
        let name = entry.name.to_str().filter(is_other);
        let Some(name) = name.filter(|_| entry.kind == FileKind::Directory) else {
            continue;
        };
        let dir = from.dir(name).map_engine_error()?;
        for profile in dir.entries().map_engine_error()? {
            if profile.kind == FileKind::Directory {
                let path = Path::new(name).join(&profile.name);
                let dir = from.dir(&path).map_engine_error()?;
                let is_shown = |entry: &Entry| {
                    let name = entry.name.to_str();
                    name.is_some_and(|name| {
                        products.can_be_called(name, Site::Profile)
                            && !products.can_be_dep_info(name, Site::Profile)
                    })
                };
                let entries = dir.entries().map_engine_error()?;
                let shown = entries.iter().filter(|entry| is_shown(entry));
                profiles.extend(shown.map(|entry| path.join(&entry.name)));
            }
        }
    }
    Ok(profiles)
}

/// The names in the target directory `from` that are nobody's known, and not in `to` either.
pub(crate) fn left(from: &Dir, to: &Dir) -> Result<Vec<PathBuf>> {
    let entries = from.entries().map_engine_error()?;
    let is_left = |entry: &Entry| {
        let name = entry.name.to_string_lossy();
        let is_known = name.starts_with('.')
            || OWN.contains(&&*name)
            || REPORTS.contains(&&*name)
            || entry.kind == FileKind::Directory
                && from
                    .dir(&entry.name)
                    .is_ok_and(|dir| is_of_cargo(&dir) || name == TESTS && is_of_tests(&dir));
        !is_known && to.path().join(&entry.name).symlink_metadata().is_err()
    };
    let left = entries.iter().filter(|entry| is_left(entry));
    Ok(left.map(|entry| PathBuf::from(&entry.name)).collect())
}

/// Whether cargo compiles in a directory.
fn is_of_cargo(dir: &Dir) -> bool {
    let has = |name: &str| dir.path().join(name).symlink_metadata().is_ok();
    OF_CARGO.iter().any(|name| has(name))
}

/// Whether nothing but test libraries compile in a directory.
fn is_of_tests(dir: &Dir) -> bool {
    let is_known = |entry: &Entry| OF_TESTS.iter().any(|name| entry.name == *name);
    dir.entries()
        .is_ok_and(|entries| entries.iter().all(is_known))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    fn dirs(files: &[&str]) -> (tempfile::TempDir, Dir, Dir) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join("inside").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let to = destination(&root.path().join("outside")).unwrap();
        let from = Dir::open(root.path().join("inside")).unwrap();
        (root, from, to)
    }

    #[test]
    fn reports_of_times_are_published() {
        let names = ["cargo-timing.html", "cargo-timing-20260102T030405Z.html"];
        let others = ["index.html", "cargo-timing.sh"];
        let files: Vec<_> = names.iter().chain(&others).collect();
        let files: Vec<_> = files
            .iter()
            .map(|name| format!("cargo-timings/{name}"))
            .collect();
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        let (root, from, to) = dirs(&files);
        publish(&from, &to, root.path(), &Cancel::new()).unwrap();
        let published = to.dir(TIMINGS).unwrap().entries().unwrap();
        let published: BTreeSet<_> = published.iter().filter_map(|it| it.name.to_str()).collect();
        assert_eq!(published, BTreeSet::from(names));
    }

    #[test]
    fn what_tools_report_is_published_and_what_nobody_knows_is_named() {
        let (root, from, to) = dirs(&[
            "criterion/fib/report/index.html",
            "doc/mac/index.html",
            "debug/.fingerprint/x",
            "nextest/ci/junit.xml",
            "llvm-cov-target/CACHEDIR.TAG",
            "tmp/left-by-a-test",
            "tests/trybuild/app/Cargo.toml",
            "stripped/triple/release/app",
            ".rustc_info.json",
            "include/app.h",
        ]);
        let project = root.path().join("project");
        fs::create_dir_all(project.join(".config")).unwrap();
        fs::write(project.join(".config/nextest.toml"), "").unwrap();
        publish(&from, &to, &project, &Cancel::new()).unwrap();
        let junit = fs::read_to_string(project.join("target/nextest/ci/junit.xml"));
        assert_eq!(junit.unwrap(), "nextest/ci/junit.xml");
        for file in ["criterion/fib/report/index.html", "doc/mac/index.html"] {
            let published = fs::read_to_string(root.path().join("outside").join(file));
            assert_eq!(published.unwrap(), file);
        }
        assert_eq!(to.entries().unwrap().len(), 2);
        assert_eq!(left(&from, &to).unwrap(), [PathBuf::from("include")]);
        fs::create_dir(root.path().join("outside/include")).unwrap();
        assert!(left(&from, &to).unwrap().is_empty());
        fs::write(root.path().join("inside/tests/report.txt"), "").unwrap();
        assert_eq!(left(&from, &to).unwrap(), [PathBuf::from("tests")]);
    }
}
