//! Code that does not compile, tests that fail, and emulators that crash.

use cross_core::{ErrorKind, events::EventKind};
use cross_tests::{Project, on_engines};

use crate::{Case, Fails as _, TARGET, fails, says};

on_engines! { compile_error failing_test test_that_crashes test_that_does_not_compile program_that_fails }

fn compile_error(engine: &str) {
    let broken = "fn main() {\n    let number: u32 = \"text\";\n}\n";
    let case = Case::of(Project::new("app").file("src/main.rs", broken), engine);
    let error = case.build_fails(ErrorKind::CargoFailed);
    assert_eq!(error.code(), Some(101));
    says(&error.to_string(), &["cargo build", "mismatched types"]);
    let shown = case.project.recorder().diagnostics().concat();
    says(
        &shown,
        &["error[E0308]: mismatched types", "--> src/main.rs:2:23"],
    );
}

fn failing_test(engine: &str) {
    let tests = "fn main() {}\n#[test]\nfn good() {}\n#[test]\nfn bad() { assert_eq!(1, 2); }\n";
    let case = Case::of(Project::new("app").file("src/main.rs", tests), engine);
    let error = case.test_fails(ErrorKind::TestFailed);
    assert_eq!(error.code(), Some(101));
    says(&error.to_string(), &["1 of 2 tests failed", "bad"]);
    let numbers = error.tests().unwrap();
    assert_eq!((numbers.passed, numbers.failed), (1, 1));
    assert_eq!(numbers.failures, ["bad"]);
    says(&case.project.recorder().output(), &["left: 1"]);
}

/// A crash of the program is a failure of the test, and not of the emulator.
fn test_that_crashes(engine: &str) {
    let tests = "fn main() {}\n#[test]\nfn crashes() { std::process::abort(); }\n";
    let case = Case::of(Project::new("app").file("src/main.rs", tests), engine);
    let error = case.test_fails(ErrorKind::TestFailed);
    says(
        &error.to_string(),
        &["the test binary `app-", "was terminated by SIGABRT"],
    );
}

on_engines! { @ program_that_crashes sandbox }

fn program_that_crashes(engine: &str) {
    let program = "fn main() { std::process::abort(); }\n";
    let case = Case::of(Project::new("app").file("src/main.rs", program), engine);
    let error = fails(ErrorKind::ProgramFailed, case.cross.run(TARGET).run());
    says(&error.to_string(), &["`app`", "was terminated by SIGABRT"]);
    case.leftovers.are_none();
}

/// A test that does not compile is not a failed test.
fn test_that_does_not_compile(engine: &str) {
    let tests = "fn main() {}\n#[test]\nfn broken() { missing(); }\n";
    let case = Case::of(Project::new("app").file("src/main.rs", tests), engine);
    let error = case.test_fails(ErrorKind::CargoFailed);
    says(
        &error.to_string(),
        &["cargo test", "cannot find function `missing`"],
    );
    assert!(error.tests().is_none());
}

fn program_that_fails(engine: &str) {
    let program = "fn main() { eprintln!(\"no luck\"); std::process::exit(3); }\n";
    let case = Case::of(Project::new("app").file("src/main.rs", program), engine);
    let error = fails(ErrorKind::ProgramFailed, case.cross.run(TARGET).run());
    assert_eq!(error.code(), Some(3));
    let heard = case.project.recorder().events();
    let said = |event: &cross_core::events::Event| matches!(&event.kind, EventKind::Output { line, .. } if line == "no luck");
    assert!(heard.iter().any(said));
    case.leftovers.are_none();
}

on_engines! { emulator_crash }

/// A program that unmaps the code of its emulator, which then crashes.
///
/// QEMU shares its address space with the program, and unmaps any address that the program asks
/// for, including its own code.
const SABOTAGE: &str = r#"
use std::ffi::c_void;

unsafe extern "C" {
    fn munmap(address: *mut c_void, length: usize) -> i32;
}

fn main() {}

#[test]
fn sabotage() {
    let (start, end) = (0x1_0000_usize, 0x7fff_ffff_0000_usize);
    let result = unsafe { munmap(start as *mut c_void, end - start) };
    panic!("the emulator survived: munmap returned {result}");
}
"#;

fn emulator_crash(engine: &str) {
    let case = Case::of(Project::new("app").file("src/main.rs", SABOTAGE), engine);
    let error = case.test_fails(ErrorKind::EmulatorCrashed);
    says(&error.to_string(), &["emulator", TARGET]);
}

on_engines! { @ emulator_that_reports_its_crash sandbox }

/// A configured runner that ends as QEMU does when an assertion in QEMU fails.
const FAILING: &str = "#!/bin/sh\n\
    echo 'ERROR:../../accel/tcg/cpu-exec.c:962:cpu_exec: assertion failed: (cpu == current_cpu)' >&2\n\
    kill -ABRT $$\n";

fn emulator_that_reports_its_crash(engine: &str) {
    let project = Project::new("app").file("fails.sh", FAILING);
    let script = project.path().join("fails.sh");
    let toml = format!("[target.{TARGET}]\nrunner = \"sh {}\"\n", script.display());
    let case = Case::of(project.cross_toml(&toml), engine);
    for error in [
        case.test_fails(ErrorKind::EmulatorCrashed),
        fails(ErrorKind::EmulatorCrashed, case.cross.run(TARGET).run()),
    ] {
        says(&error.to_string(), &[TARGET, "accel/tcg/cpu-exec.c:962"]);
    }
    case.leftovers.are_none();
}
