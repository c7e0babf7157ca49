//! What tools of cargo's leave beside the directories of targets is where its user looks for it.

use std::fs;

use cross_core::events::EventKind;
use cross_tests::{Leftovers, NATIVE, Project, engines, shell, tool};

use super::TARGET;

/// A benchmark that leaves a report where criterion does, and fails if told to.
const BENCH: &str = "fn main() {\n    \
    let dir = std::env::var(\"CARGO_TARGET_DIR\").unwrap() + \"/criterion/fib/report\";\n    \
    std::fs::create_dir_all(&dir).unwrap();\n    \
    std::fs::write(dir + \"/index.html\", \"<html>\").unwrap();\n    \
    std::fs::write(env!(\"CARGO_TARGET_TMPDIR\").to_owned() + \"/kept\", \"\").unwrap();\n    \
    std::process::exit(END)\n}\n";

fn benchmark(end: &str) -> Project {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [[bench]]\nname = \"fib\"\nharness = false\n";
    Project::new("app")
        .file("Cargo.toml", manifest)
        .file("benches/fib.rs", &BENCH.replace("END", end))
}

/// A report of what failed is needed most.
#[test]
fn reports_of_benchmarks_arrive_however_these_end() {
    engines::need("sandbox");
    for (end, door) in [("0", false), ("1", false), ("1", true)] {
        let project = benchmark(end);
        if door {
            let env = Leftovers::of(&project).env();
            let env = env
                .set("CROSS_BUILD_TARGET", TARGET)
                .set("CROSS_BUILD_TOOLCHAIN", "host");
            let cross = [env!("CARGO_BIN_EXE_front-door"), "sandbox"];
            let said = shell(&project, &env, cross, "cross bench");
            assert!(!said.exit.success());
        } else {
            let cross = project.cross().engine("sandbox").toolchain("host");
            let run = cross.bench(TARGET).run();
            assert_eq!(run.is_ok(), end == "0", "{run:?}");
        }
        let report = project
            .path()
            .join("target/criterion/fib/report/index.html");
        assert_eq!(fs::read_to_string(report).unwrap(), "<html>", "{end}");
        // What tests leave for themselves stays: it is at the path that they know.
        let kept = project.path().join("target").join(TARGET).join("tmp");
        assert!(!kept.exists());
    }
}

/// Cargo compiles procedural macros for the host, and so it documents them there.
#[test]
fn the_documentation_of_procedural_macros_arrives() {
    engines::need("sandbox");
    let manifest = "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [lib]\nproc-macro = true\n";
    let library = "#[proc_macro]\npub fn same(it: proc_macro::TokenStream) -> proc_macro::TokenStream { it }\n";
    let project = Project::new("mac")
        .file("Cargo.toml", manifest)
        .file("src/lib.rs", library)
        .without("src/main.rs");
    let cross = project.cross().engine("sandbox").toolchain("host");
    cross.doc(TARGET).run().unwrap();
    let page = project.path().join("target/doc/mac/macro.same.html");
    assert!(page.is_file());
}

/// Nextest writes its reports beside the sources, which a run cannot write.
#[test]
fn reports_of_nextest_arrive() {
    engines::need("sandbox");
    tool::on_path("cargo-nextest");
    let config = "[store]\ndir = \"out/nx\"\n[profile.default.junit]\npath = \"junit.xml\"\n";
    let project = Project::new("app")
        .file("tests/it.rs", "#[test]\nfn fails() { panic!() }\n")
        .file(".config/nextest.toml", config);
    let cross = project.cross().engine("sandbox").toolchain("host");
    let error = cross.nextest(NATIVE).run().unwrap_err();
    assert_eq!(error.tests().unwrap().failures.len(), 1, "{error:?}");
    let junit = project.path().join("out/nx/default/junit.xml");
    assert!(fs::read_to_string(junit).unwrap().contains("<testsuites"));
}

/// Artifacts come in an order that does not change, and are announced when they can be read.
#[test]
fn artifacts_are_there_when_they_are_announced_and_sorted() {
    engines::need("sandbox");
    let mut project = Project::new("app").file("src/lib.rs", "");
    for name in ["d", "c", "b", "a"] {
        let program = format!("fn main() {{ println!(\"{name}\"); }}\n");
        project = project.file(&format!("src/bin/{name}.rs"), &program);
    }
    let cross = project.cross().engine("sandbox");
    let missing = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, announced) = (missing.clone(), std::sync::Arc::default());
    let count: std::sync::Arc<std::sync::Mutex<usize>> = std::sync::Arc::clone(&announced);
    let cross = cross.on_event(move |event| {
        if let EventKind::Artifact(artifact) = &event.kind {
            *count.lock().unwrap() += 1;
            if !artifact.path.is_file() {
                seen.lock().unwrap().push(artifact.path.clone());
            }
        }
    });
    let outcome = cross.build(NATIVE).run().unwrap();
    assert_eq!(*announced.lock().unwrap(), outcome.artifacts.len());
    assert_eq!(outcome.artifacts.len(), 6);
    assert!(missing.lock().unwrap().is_empty(), "{missing:?}");
    assert!(
        outcome
            .artifacts
            .is_sorted_by_key(|artifact| &artifact.path)
    );
}

/// What is in the way of an artifact is named, with what to do.
#[test]
fn what_is_in_the_way_of_an_artifact_is_named() {
    engines::need("sandbox");
    let project = Project::new("app");
    let profile = project.path().join("target").join(NATIVE).join("debug");
    fs::create_dir_all(profile.join("app/mine")).unwrap();
    let cross = project.cross().engine("sandbox");
    let error = cross.build(NATIVE).run().unwrap_err();
    assert!(error.help().unwrap().contains("move it away"), "{error:?}");
    fs::remove_dir_all(&profile).unwrap();
    let elsewhere = project.outer().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &profile).unwrap();
    let error = cross.build(NATIVE).run().unwrap_err();
    assert!(error.to_string().contains("gets no files"), "{error:?}");
    assert!(error.help().unwrap().contains("--target-dir"), "{error:?}");
}
