//! Which program ran and failed is known: cargo, the emulator, the harness or the test itself.

use cross_core::outcome::{TestBinary, TestStatus};
use cross_core::{ErrorKind, Request};
use cross_tests::{NATIVE, Project, engines, on_engines};

use super::TARGET;
use super::test_ends::{binary, failed};
use TestStatus::{Passed, Unfinished};

on_engines! { a_cargo_that_starts_no_program_is_not_blamed_on_one }

/// A request of the host's Rust, which knows the target.
fn with(project: &Project, request: impl Fn(cross_core::Cross) -> Request) -> Request {
    let cross = project.cross().engine("sandbox").toolchain("host");
    request(cross)
}

fn statuses(binary: &TestBinary) -> Vec<TestStatus> {
    binary.tests.iter().map(|test| test.status).collect()
}

fn a_cargo_that_starts_no_program_is_not_blamed_on_one(engine: &'static str) {
    let project = Project::new("app").file(
        "src/bin/second.rs",
        "fn main() { std::process::exit(101) }\n",
    );
    let cross = project.cross().engine(engine);
    let error = cross.run(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed, "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("could not determine which binary to run"),
        "{message}"
    );
    let second = cross.run(NATIVE).cargo_args(["--bin", "second"]);
    let error = second.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProgramFailed, "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("`second`") && message.contains("exit status 101"),
        "{message}"
    );
}

#[test]
fn a_package_without_a_program_is_cargos_failure() {
    engines::need("sandbox");
    let project = Project::new("app")
        .file("src/lib.rs", "")
        .without("src/main.rs");
    let cross = project.cross().engine("sandbox");
    let error = cross.run(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed, "{error:?}");
}

/// Of several benchmarks, the one that failed is named.
#[test]
fn the_benchmark_that_failed_is_named() {
    engines::need("sandbox");
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [[bench]]\nname = \"fast\"\nharness = false\n[[bench]]\nname = \"slow\"\nharness = false\n";
    let project = Project::new("app")
        .file("Cargo.toml", manifest)
        .file("benches/fast.rs", "fn main() {}\n")
        .file("benches/slow.rs", "fn main() { std::process::exit(4) }\n");
    let cross = project.cross().engine("sandbox");
    let error = cross.bench(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProgramFailed, "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("`slow-") && message.contains("exit status 4"),
        "{message}"
    );
}

#[test]
fn a_runner_that_the_environment_lacks_started_nothing() {
    engines::need("sandbox");
    let runner = format!("[target.{TARGET}]\nrunner = \"no-such-runner -E\"\n");
    let project = Project::new("app").cross_toml(&runner);
    for request in [
        with(&project, |cross| cross.run(TARGET)),
        with(&project, |cross| cross.test(TARGET)),
    ] {
        let error = request.run().unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("was not started: its runner `no-such-runner -E`"),
            "{message}"
        );
        assert!(error.help().unwrap().contains("`runner`"), "{error:?}");
    }
}

/// What the tests of a workspace with a procedural macro end with.
const MACRO: &str = "use proc_macro::TokenStream;\n\
    #[proc_macro]\npub fn same(tokens: TokenStream) -> TokenStream { tokens }\n\
    #[test]\nfn a_passes() { assert_eq!(std::env::consts::ARCH, \"x86_64\"); }\n\
    #[test]\nfn b_ends() { END }\n";

/// The tests of a procedural macro run where cargo does. Cargo starts them first, before those for
/// the target.
#[test]
fn tests_of_procedural_macros_and_examples_are_known_as_others_are() {
    engines::need("sandbox");
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [[example]]\nname = \"show-it\"\ntest = true\n\
        [workspace]\nmembers = [\"mac\"]\n[dependencies]\nmac = { path = \"mac\" }\n";
    let lock = "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\
        dependencies = [\n \"mac\",\n]\n\n[[package]]\nname = \"mac\"\nversion = \"0.1.0\"\n";
    let of_macro = "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [lib]\nproc-macro = true\ndoctest = false\n";
    let mut project = Project::new("app")
        .file("Cargo.toml", manifest)
        .file("Cargo.lock", lock)
        .file("mac/Cargo.toml", of_macro)
        .file("tests/it.rs", "#[test]\nfn it() {}\n")
        .file(
            "tests/leaves.rs",
            "#[test]\nfn a_leaves() { std::process::exit(0) }\n",
        )
        .file(
            "examples/show-it.rs",
            "fn main() {}\n#[test]\nfn shown() { std::process::exit(3) }\n",
        );
    for (end, said) in [
        ("std::process::abort()", "was terminated by SIGABRT"),
        ("std::process::exit(3)", "ended with exit status 3"),
        ("std::process::exit(0)", "ended without a result"),
    ] {
        project = project.file("mac/src/lib.rs", &MACRO.replace("END", end));
        let request = with(&project, |cross| cross.test(TARGET))
            .cargo_args(["--workspace", "--no-fail-fast"])
            .args(["--test-threads=1"]);
        for serial in [true, false] {
            let (error, tests) = failed(request.clone().jobs(2).serial_tests(serial));
            let message = error.to_string();
            for part in [
                &format!("` {said} before these tests finished: b_ends"),
                "` ended without a result before these tests finished: a_leaves",
                "` ended with exit status 3 before these tests finished: shown",
            ] {
                assert!(message.contains(part), "{part}: {message}");
            }
            let of_macro = binary(&tests, "mac");
            assert_eq!(statuses(of_macro), [Passed, Unfinished], "{end}");
            assert!(of_macro.exit.is_some(), "{end}");
            assert_eq!(statuses(binary(&tests, "it")), [Passed], "{end}");
            assert!(binary(&tests, "it").exit.unwrap().success(), "{end}");
            assert_eq!(statuses(binary(&tests, "show_it")), [Unfinished], "{end}");
        }
    }
}

/// A program may print what an emulator prints when it fails.
#[test]
fn the_words_of_an_emulator_are_no_crash_of_it() {
    engines::need("sandbox");
    let says = "println!(\"qemu: fatal: of the log that is tested\");";
    let main = format!(
        "fn main() {{ {says} std::process::exit(3) }}\n\
         #[test]\nfn fails() {{ {says} panic!() }}\n#[test]\nfn passes() {{}}\n"
    );
    let project = Project::new("app").file("src/main.rs", &main);
    let (error, _) = failed(with(&project, |cross| cross.test(TARGET)));
    let message = error.to_string();
    assert!(message.contains("1 of 2 tests failed: fails"), "{message}");
    let error = with(&project, |cross| cross.run(TARGET)).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProgramFailed, "{error:?}");
    assert_eq!(error.code(), Some(3));
}

/// Since edition 2024, rustdoc puts them into one program.
#[test]
fn documentation_tests_have_a_process_each_if_programs_can_start_themselves() {
    engines::need("sandbox");
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let library = "//! ```\n//! let _ = 1;\n//! ```\n//! ```\n//! std::process::exit(0);\n//! ```\n\
         //! ```\n//! let _ = 2;\n//! ```\n";
    let project = Project::new("app")
        .file("Cargo.toml", manifest)
        .file("src/lib.rs", library)
        .without("src/main.rs");
    let request = with(&project, |cross| cross.test(NATIVE)).cargo_args(["--doc"]);
    let tests = request.run().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (3, 0), "{tests:?}");
    let (error, tests) = match with(&project, |cross| cross.test(TARGET)).run() {
        Ok(outcome) => {
            assert_eq!(outcome.tests.unwrap().passed, 3);
            return;
        }
        Err(error) => (error.to_string(), error.tests().cloned()),
    };
    // A kernel that starts no program of the target: then the loss is told.
    assert!(error.contains("`Doc-tests app`"), "{error} {tests:?}");
}

/// Cargo gives tests the programs of their package by a variable that no shell can name.
#[test]
fn tests_find_the_programs_of_their_package_when_they_run() {
    engines::need("sandbox");
    let test = "#[test]\nfn finds() {\n    \
        let now = std::env::var(\"CARGO_BIN_EXE_my-app\");\n    \
        assert_eq!(now.unwrap(), env!(\"CARGO_BIN_EXE_my-app\"));\n}\n";
    let project = Project::new("my-app").file("tests/it.rs", test);
    for target in [NATIVE, TARGET] {
        let request = with(&project, |cross| cross.test(target));
        let tests = request.run().unwrap().tests.unwrap();
        assert_eq!((tests.passed, tests.failed), (2, 0), "{target}: {tests:?}");
    }
}
