//! Other tools for tests than `cargo test`: nextest and coverage.

use cross_core::{ErrorKind, outcome::TestStatus};
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, tool};

use crate::AARCH64;

/// A library with a unit test and an integration test.
fn with_tests(integration_test: &str) -> Project {
    Project::new("app")
        .without("src/main.rs")
        .file(
            "src/lib.rs",
            "pub fn twice(n: u32) -> u32 { 2 * n }\n#[test]\nfn unit() { assert_eq!(twice(2), 4); }\n",
        )
        .file("tests/it.rs", integration_test)
}

const PASSES: &str = "#[test]\nfn is_for_the_target() { assert!(cfg!(target_arch = \"aarch64\")); }\n\
                      #[test]\nfn is_called() { assert_eq!(app::twice(4), 8); }\n";

#[test]
fn nextest_runs_under_the_emulator_and_reports_each_test() {
    engines::need("sandbox");
    tool::on_path("cargo-nextest");
    let project = with_tests(PASSES);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let tests = cross.nextest(AARCH64).run().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (3, 0));
    let mut names: Vec<_> = tests
        .binaries
        .iter()
        .map(|binary| binary.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["app::app", "app::it"]);

    let project = project.file("tests/it.rs", "#[test]\nfn fails() { panic!(\"said\") }\n");
    let request = cross.nextest(AARCH64).nextest_args(["--no-fail-fast"]);
    let error = request.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
    assert_eq!(error.to_string(), "1 of 2 tests failed: app::it fails");
    let told = &error.tests().unwrap().binaries;
    let it = told.iter().find(|binary| binary.name == "app::it").unwrap();
    assert_eq!(it.tests[0].status, TestStatus::Failed);
    let said = project.recorder().output();
    assert!(
        said.contains("said") && !said.contains("\"type\":\"test\""),
        "{said}"
    );
    leftovers.are_none();
}

/// A tool that drives cargo itself, with the compiler, linker and runner of an environment.
#[test]
fn nextest_on_the_host_takes_the_tools_of_an_environment() {
    engines::need("sandbox");
    let nextest = tool::on_path("cargo-nextest");
    let project = with_tests(PASSES);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let tools = cross.toolchain_env(AARCH64).unwrap();
    let target_dir = project.path().join("target").display().to_string();
    let mut run = Invocation::new(nextest)
        .args(["nextest", "run", "--offline", "--target", AARCH64])
        .cwd(project.path())
        .env("CARGO_TARGET_DIR", target_dir);
    for (name, value) in tools {
        run = run.env(name, value);
    }
    let ran = tool::output(&run);
    assert!(ran.exit.success(), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("3 tests run: 3 passed"),
        "{}",
        ran.stderr
    );
    leftovers.are_none();
}

#[test]
fn nextest_writes_an_archive_to_the_given_path() {
    engines::need("sandbox");
    let project = with_tests(PASSES);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let file = project.outer().join("packed/tests.tar.zst");
    cross.nextest(AARCH64).archive(&file).run().unwrap();
    assert!(file.metadata().unwrap().len() > 1000);
    // The nextest of the host can list the archive.
    let nextest = cross_engine::Invocation::new(tool::on_path("cargo-nextest")).args([
        "nextest",
        "list",
        "--list-type=binaries-only",
        "--archive-file",
        file.to_str().unwrap(),
        "--workspace-remap",
        project.path().to_str().unwrap(),
    ]);
    let listed = tool::output(&nextest);
    assert!(listed.exit.success(), "{}", listed.stderr);
    assert_eq!(
        listed.stdout.lines().collect::<Vec<_>>(),
        ["app", "app::it"]
    );
    leftovers.are_none();
}

#[test]
fn coverage_data_is_at_host_paths() {
    engines::need("sandbox");
    let project = with_tests(PASSES);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let request = cross.test(AARCH64).tests(true).coverage(true);
    for _ in 0..2 {
        let tested = request.run().unwrap();
        let [unit, it] = &tested.raw_profiles[..] else {
            panic!(
                "one for each test binary, and none of the run before: {:?}",
                tested.raw_profiles
            );
        };
        for file in [unit, it] {
            assert!(file.starts_with(project.path()), "{}", file.display());
            // The magic number of LLVM's raw profiles for 64-bit programs.
            let magic = std::fs::read(file).unwrap();
            assert_eq!(
                &magic[..8],
                [0x81, b'r', b'f', b'o', b'r', b'p', b'l', 0xff]
            );
        }
    }
    assert_eq!(cross.test(AARCH64).run().unwrap().raw_profiles.len(), 0);
    leftovers.are_none();
}
