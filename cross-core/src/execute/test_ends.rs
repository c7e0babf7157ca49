//! Whether every test binary that was announced has reported what came of it.
//!
//! Exit statuses and results come from the inside, by several ways. A test that ends its process
//! early, or a binary that interferes with another, can make each of them say that all is well. So
//! they are held against each other: what was compiled has to be run, what is run has to report,
//! and a failure by either account is one.

use std::path::Path;

use cross_engine::RunSpec;
use cross_engine::process::untrusted::{RegularFile, limits};

use crate::cargo::products::{Product, Products};
use crate::execute::failure::listed;
use crate::execute::libtest;
use crate::model::error::{Error, ErrorKind};
use crate::model::outcome::{Artifact, ArtifactKind};

const HELP: &str = "a test that ends its process (`std::process::exit`) ends all that come after it. Where a target has \
    a harness of its own, `harness = false` in its manifest says so";

/// What contradicts the success of a run of tests; `None` where nothing does.
pub(crate) fn contradiction(
    reader: &libtest::Reader,
    built: &[Artifact],
    products: &Products,
    spec: &RunSpec,
) -> Option<Error> {
    let tests = reader.summary();
    if tests.failed > 0 {
        let message = format!(
            "{} tests failed by their own account, and cargo reported success",
            tests.failed
        );
        return Some(failed(message));
    }
    if reader.is_full() {
        let message = "the tests report more than is kept: who of them ended is not known";
        return Some(Error::new(ErrorKind::Untrusted, message));
    }
    if !reports_results(&spec.command) {
        return None;
    }
    let lost = lost(reader, built, products);
    if lost.is_empty() {
        return None;
    }
    let message = format!(
        "these test binaries ended without a result: {}",
        listed(lost.iter().map(String::as_str))
    );
    Some(failed(message).with_help(HELP))
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::TestFailed, message)
}

/// What was announced and has reported nothing, by name.
fn lost(reader: &libtest::Reader, built: &[Artifact], products: &Products) -> Vec<String> {
    let (begun, mut lost) = (reader.begun(), Vec::new());
    for it in begun.iter().filter(|begun| !begun.has_ended) {
        if it.file().is_none_or(|file| reports(file, products)) {
            lost.push(format!("`{}`", it.name));
        }
    }
    let files = built
        .iter()
        .filter(|artifact| artifact.kind == ArtifactKind::Test)
        .filter_map(|artifact| artifact.inside.file_name()?.to_str());
    let is_silent = !begun.iter().any(|begun| !begun.is_documentation());
    if is_silent {
        // Cargo does not say what it runs (`--quiet`): only the number of results is known.
        let reporting: Vec<_> = files.filter(|file| reports(file, products)).collect();
        if reporting.len() > reader.summary().binaries.len() {
            lost.extend(reporting.iter().map(|file| format!("one of `{file}`")));
        }
        return lost;
    }
    let has_begun = |file: &&str| begun.iter().any(|begun| begun.file() == Some(file));
    lost.extend(
        files
            .filter(|file| !has_begun(file))
            .map(|file| format!("`{file}`")),
    );
    lost
}

/// Whether the test binary `file` has libtest's harness, which reports.
fn reports(file: &str, products: &Products) -> bool {
    !products.of_test(file).any(has_own_harness)
}

/// Whether the sources say that a target has a harness of its own, which may report anything or
/// nothing.
fn has_own_harness(product: &Product) -> bool {
    let read = |path: &Path| {
        let file = RegularFile::open(path);
        file.and_then(|file| file.text(limits::SOURCE))
            .unwrap_or_default()
    };
    product.is_without_harness(&read(&product.manifest))
        || read(&product.source).contains("custom_test_frameworks")
}

/// Whether libtest, as it is called, ends with its usual line.
fn reports_results(command: &[String]) -> bool {
    let mut words = command.iter().skip_while(|word| *word != "--");
    !words.any(|word| {
        matches!(word.as_str(), "--list" | "--help" | "-h" | "json" | "junit")
            || word.starts_with("--format=j")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_engine::Root;

    use super::*;
    use crate::cargo::json::Metadata;
    use crate::target::emulator_crash::EmulatorKind;

    const RESULT: &str = "test result: ok. 1 passed; 0 failed; 0 ignored;";

    /// A workspace with a library, and tests with and without a harness of libtest's.
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
            let dir = self.0.path().display();
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

        /// What contradicts the success of tests that printed `lines`, where these binaries were
        /// compiled.
        fn contradiction(&self, lines: &[&str], built: &[&str], words: &[&str]) -> Option<Error> {
            let mut reader = libtest::Reader::new(EmulatorKind::None);
            lines.iter().for_each(|line| {
                reader.read(line);
            });
            let built: Vec<_> = built.iter().map(|name| artifact(name)).collect();
            let words = ["cargo", "test"].iter().chain(words);
            let spec = RunSpec::new(Root::Host, "/w", words.map(|word| (*word).to_owned()));
            contradiction(&reader, &built, &self.products(), &spec)
        }
    }

    fn artifact(name: &str) -> Artifact {
        let inside = Path::new("/t/deps").join(file(name));
        Artifact {
            package: "app".to_owned(),
            name: name.to_owned(),
            kind: ArtifactKind::Test,
            profile: "dev".to_owned(),
            path: inside.clone(),
            inside,
            glibc: None,
            sha256: None,
        }
    }

    fn file(name: &str) -> String {
        format!("{name}-0123456789abcdef")
    }

    fn running(name: &str) -> String {
        format!("     Running tests/{name}.rs (t/deps/{})", file(name))
    }

    #[test]
    fn binaries_that_reported_contradict_nothing() {
        let project = Project::new();
        let [app, it] = ["app", "it"].map(running);
        let lines = [&app[..], RESULT, &it, RESULT];
        assert!(project.contradiction(&lines, &["app", "it"], &[]).is_none());
        assert!(project.contradiction(&[], &[], &[]).is_none());
    }

    #[test]
    fn a_binary_that_began_or_was_compiled_and_has_no_end_is_named() {
        let project = Project::new();
        let [app, it] = ["app", "it"].map(running);
        for lines in [vec![&app[..], RESULT, &it], vec![&app[..], RESULT]] {
            let error = project.contradiction(&lines, &["app", "it"], &[]).unwrap();
            assert_eq!(error.kind(), ErrorKind::TestFailed);
            let said = error.to_string();
            assert!(
                said.contains("it-0123456789abcdef") && !said.contains("app-"),
                "{said}"
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
    fn a_binary_with_a_harness_of_its_own_need_not_report() {
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
    fn a_harness_that_is_asked_for_something_else_need_not_report() {
        let project = Project::new();
        let app = running("app");
        for words in [
            &["--", "--list"][..],
            &["--", "--format", "json"],
            &["--", "--format=junit"],
        ] {
            assert!(
                project.contradiction(&[&app], &["app"], words).is_none(),
                "{words:?}"
            );
        }
        assert!(
            project
                .contradiction(&[&app], &["app"], &["--", "list"])
                .is_some()
        );
    }

    #[test]
    fn a_failure_by_the_tests_own_account_is_one() {
        let project = Project::new();
        let app = running("app");
        let failed = "test result: FAILED. 0 passed; 1 failed;";
        let error = project
            .contradiction(&[&app, failed], &["app"], &[])
            .unwrap();
        assert!(
            error
                .to_string()
                .starts_with("1 tests failed by their own account"),
            "{error}"
        );
    }
}
