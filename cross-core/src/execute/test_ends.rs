//! Checks that every test binary reported its results.
//!
//! Exit statuses and results come from the run, through several channels. A test that ends its
//! process early, or a binary that interferes with another, can make each channel report success.
//! The channels are therefore compared: every compiled binary has to run, every binary that runs
//! has to report results, and a failure in any channel is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cross_engine::RunSpec;
use cross_engine::process::untrusted::{RegularFile, limits};

use crate::cargo::products::{Product, Products};
use crate::execute::failure::{DOCUMENTATION_HELP, EARLY_HELP};
use crate::execute::harness_words;
use crate::execute::libtest::{self, StartedBinary};
use crate::execute::quoted::listed;
use crate::model::error::{Error, ErrorKind};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::test_summary::TestSummary;

/// Returns the error if a channel contradicts the success of a test run.
pub(crate) fn contradiction(
    reader: &libtest::Reader,
    built: &[Artifact],
    products: &Products,
    spec: &RunSpec,
) -> Option<Error> {
    let tests = reader.summary();
    if reader.is_full() {
        let message = "the tests report more results than the library stores";
        return Some(Error::new(ErrorKind::Untrusted, message));
    }
    if harness_words::reports_results(&spec.command) {
        let missing = without_result(reader, built, products);
        if !missing.is_empty() {
            let message = format!(
                "these test binaries ended without a result: {}",
                listed(missing.iter().map(String::as_str))
            );
            let error = failed(message).with_help(EARLY_HELP);
            let is_documentation = |name: &String| name.contains(libtest::DOCUMENTATION);
            return Some(match missing.iter().any(is_documentation) {
                true => error.with_help(DOCUMENTATION_HELP),
                false => error,
            });
        }
    }
    if tests.failed > 0 {
        let message = format!(
            "{} tests reported a failure, but cargo reported success",
            tests.failed
        );
        return Some(failed(message));
    }
    None
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::TestFailed, message)
}

/// Returns the names of the test binaries that were compiled or started, and reported no results.
fn without_result(
    reader: &libtest::Reader,
    built: &[Artifact],
    products: &Products,
) -> Vec<String> {
    let (started, mut missing) = (reader.started(), Vec::new());
    let relayed = reader.relayed().iter();
    for binary in relayed.filter(|binary| !binary.has_ended()) {
        missing.push(binary.with_unfinished());
    }
    let announced = started.iter().filter(|binary| !binary.is_relayed);
    for binary in announced.filter(|binary| !binary.has_ended) {
        if binary.file().is_none_or(|file| reports(file, products)) {
            missing.push(format!("`{}`", binary.name));
        }
    }
    if is_quiet(reader) {
        // Cargo does not print what it runs (`--quiet`), so only the number of results is known.
        let files = test_files(built);
        let reporting: Vec<_> = files.filter(|file| reports(file, products)).collect();
        if reporting.len() > reader.summary().binaries.len() {
            missing.extend(reporting.iter().map(|file| format!("one of `{file}`")));
        }
        return missing;
    }
    missing.extend(not_started(reader, built).map(|file| format!("`{file}`")));
    missing
}

/// Whether it is unknown which test binaries were started.
fn is_quiet(reader: &libtest::Reader) -> bool {
    let mut started = reader.started().iter();
    reader.relayed().is_empty() && started.all(StartedBinary::is_documentation)
}

/// Returns the file names of the test binaries that were compiled and not started. None if it is
/// unknown which were.
pub(crate) fn not_run(reader: &libtest::Reader, built: &[Artifact]) -> Vec<String> {
    match is_quiet(reader) {
        true => Vec::new(),
        false => not_started(reader, built).map(str::to_owned).collect(),
    }
}

/// Names each of the `tests`' binaries as cargo does, where cargo did not: a quiet one, or one that
/// did not come to it.
pub(crate) fn name_as_cargo(tests: &mut TestSummary, built: &[Artifact]) {
    let named = built.iter().filter_map(|artifact| {
        let (file, source) = (artifact.inside.file_name()?, artifact.source.as_ref()?);
        let name = format!("{source} ({})", artifact.inside.display());
        Some((file.to_str()?.to_owned(), name))
    });
    let mut names: BTreeMap<_, _> = named.collect();
    for binary in &mut tests.binaries {
        if let Some(name) = names.get(&binary.name) {
            binary.name.clone_from(name);
        }
    }
    names.retain(|file, _| tests.not_run.contains(file));
    tests.not_run_names = names;
}

fn not_started<'a>(
    reader: &'a libtest::Reader,
    built: &'a [Artifact],
) -> impl Iterator<Item = &'a str> {
    let has_started = |file: &&str| {
        let mut announced = reader.started().iter();
        let mut relayed = reader.relayed().iter();
        announced.any(|binary| binary.file() == Some(file))
            || relayed.any(|binary| binary.file == **file)
    };
    test_files(built).filter(move |file| !has_started(file))
}

/// The file names of the test binaries among `built`.
fn test_files(built: &[Artifact]) -> impl Iterator<Item = &str> {
    let tests = built
        .iter()
        .filter(|artifact| artifact.kind == ArtifactKind::Test);
    tests.filter_map(|artifact| artifact.inside.file_name()?.to_str())
}

/// Whether the test binary `file` has libtest's harness, which reports results.
pub(crate) fn reports(file: &str, products: &Products) -> bool {
    !products.of_test(file).any(has_custom_harness)
}

/// The names, as rustc has them, of the crates whose test binaries have libtest's harness. A name
/// that one without it has, too, is left out.
pub(crate) fn reporting_crates(products: &Products) -> BTreeSet<String> {
    let (custom, usual): (Vec<_>, Vec<_>) = products.iter().partition(|it| has_custom_harness(it));
    let mut names: BTreeSet<_> = usual.into_iter().map(Product::crate_name).collect();
    for product in custom {
        names.remove(&product.crate_name());
    }
    names
}

/// Whether the sources declare a custom harness, which may report anything or nothing.
fn has_custom_harness(product: &Product) -> bool {
    let read = |path: &Path| {
        let file = RegularFile::open(path);
        file.and_then(|file| file.text(limits::SOURCE))
            .unwrap_or_default()
    };
    product.is_without_harness(&read(&product.manifest))
        || read(&product.source).contains("custom_test_frameworks")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_engine::Root;
    use cross_engine::process::Stream;

    use super::*;
    use crate::cargo::json::Metadata;
    use crate::target::emulator_crash::EmulatorKind;

    const RESULT: &str = "test result: ok. 1 passed; 0 failed; 0 ignored;";

    /// A workspace with a library, and tests with and without libtest's harness.
    struct Project(tempfile::TempDir);

    impl Project {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let manifest = "[[test]]\nname = \"own\"\nharness = false\n";
            fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
            fs::write(dir.path().join("lib.rs"), "#![no_std]\n").unwrap();
            let framework = "#![feature(custom_test_frameworks)]\n";
            fs::write(dir.path().join("kernel.rs"), framework).unwrap();
            Project(dir)
        }

        fn products(&self) -> Products {
            // Windows accepts it, too, and JSON needs no escapes.
            let dir = self.0.path().display().to_string().replace('\\', "/");
            let target = |name: &str, kind: &str, source: &str| {
                format!(r#"{{"name":"{name}","kind":["{kind}"],"src_path":"{dir}/{source}.rs"}}"#)
            };
            let targets = [
                target("app", "lib", "lib"),
                target("it", "test", "it"),
                target("own", "test", "own"),
                target("kernel", "test", "kernel"),
            ];
            let metadata = format!(
                r#"{{"packages":[{{"id":"app","name":"app","version":"0.1.0","source":null,
                "manifest_path":"{dir}/Cargo.toml","dependencies":[],"targets":[{}]}}],
                "workspace_members":[],"workspace_root":"{dir}","target_directory":"{dir}"}}"#,
                targets.join(",")
            );
            let metadata = Metadata::parse(&metadata).unwrap();
            let all = metadata.packages.iter().flat_map(Product::of_package);
            Products::new(all.collect(), "t")
        }

        /// The contradiction of a run that printed `lines`, with these compiled binaries.
        fn contradiction(&self, lines: &[&str], built: &[&str], args: &[&str]) -> Option<Error> {
            let built: Vec<_> = built.iter().map(|name| artifact(name)).collect();
            let command = ["cargo", "test"].iter().chain(args);
            let spec = RunSpec::new(Root::Host, "/w", command.map(|arg| (*arg).to_owned()));
            let mut reader = libtest::Reader::new(EmulatorKind::None, &spec.command);
            for line in lines {
                let is_result = line.starts_with("test ");
                let stream = if is_result {
                    Stream::Stdout
                } else {
                    Stream::Stderr
                };
                reader.read(stream, line);
            }
            contradiction(&reader, &built, &self.products(), &spec)
        }
    }

    fn artifact(name: &str) -> Artifact {
        Artifact {
            name: name.to_owned(),
            kind: ArtifactKind::Test,
            ..Artifact::sample(Path::new("/t/deps").join(file(name)))
        }
    }

    fn file(name: &str) -> String {
        format!("{name}-0123456789abcdef")
    }

    fn running(name: &str) -> String {
        format!("     Running tests/{name}.rs (t/deps/{})", file(name))
    }

    #[test]
    fn binaries_that_reported_results_are_no_contradiction() {
        let project = Project::new();
        let [app, it] = ["app", "it"].map(running);
        let lines = [&app[..], RESULT, &it, RESULT];
        assert!(project.contradiction(&lines, &["app", "it"], &[]).is_none());
        assert!(project.contradiction(&[], &[], &[]).is_none());
    }

    #[test]
    fn a_binary_that_started_or_was_compiled_and_has_no_result_is_an_error() {
        let project = Project::new();
        let [app, it] = ["app", "it"].map(running);
        for lines in [vec![&app[..], RESULT, &it], vec![&app[..], RESULT]] {
            let error = project.contradiction(&lines, &["app", "it"], &[]).unwrap();
            assert_eq!(error.kind(), ErrorKind::TestFailed);
            let message = error.to_string();
            assert!(
                message.contains("it-0123456789abcdef") && !message.contains("app-"),
                "{message}"
            );
        }
        let quiet = project
            .contradiction(&[RESULT], &["app", "it"], &["-q"])
            .unwrap();
        assert!(
            quiet.to_string().contains("one of `it-0123456789abcdef`"),
            "{quiet}"
        );
        assert!(
            project
                .contradiction(&[RESULT, RESULT], &["app", "it"], &["-q"])
                .is_none()
        );
    }

    #[test]
    fn a_binary_with_a_custom_harness_need_not_report() {
        let project = Project::new();
        for name in ["own", "kernel"] {
            let running = running(name);
            assert!(
                project.contradiction(&[&running], &[name], &[]).is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn libtest_with_arguments_that_change_its_output_need_not_report() {
        let project = Project::new();
        let app = running("app");
        for args in [
            &["--", "--list"][..],
            &["--", "--format", "json"],
            &["--", "--format=junit"],
        ] {
            assert!(
                project.contradiction(&[&app], &["app"], args).is_none(),
                "{args:?}"
            );
        }
        assert!(
            project
                .contradiction(&[&app], &["app"], &["--", "list"])
                .is_some()
        );
    }

    #[test]
    fn a_failure_that_the_tests_report_contradicts_cargos_success() {
        let project = Project::new();
        let app = running("app");
        let failed = "test result: FAILED. 0 passed; 1 failed;";
        let error = project
            .contradiction(&[&app, failed], &["app"], &[])
            .unwrap();
        assert!(
            error.to_string().starts_with("1 tests reported a failure"),
            "{error}"
        );
    }
}
