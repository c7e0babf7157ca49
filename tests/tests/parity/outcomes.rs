//! The exit code of a command line is that of cargo.

use cross_core::{ErrorKind, Result, cargo_cli::CargoOutcome};
use cross_tests::{Answer, Fakes};

use crate::case::{Case, T, for_t, on};

fn outcome(case: &Case, words: &[&str]) -> Result<CargoOutcome> {
    case.cross().cargo(words).run()
}

#[test]
fn the_exit_code_of_cargo_in_the_environment_is_returned() {
    for code in [0, 1, 42, 101] {
        let case = for_t().rule("docker", &["run"], Answer::fails(code, "error: no\n"));
        // A `build` that succeeds has to make something.
        let done = outcome(&case, &["check"]).unwrap();
        assert_eq!(done.code, i32::from(code));
    }
}

#[test]
fn the_exit_code_of_cargo_on_the_host_is_returned() {
    let case = on(Fakes::Nothing).rule("cargo", &["fmt"], Answer::fails(3, "no\n"));
    assert_eq!(outcome(&case, &["fmt"]).unwrap().code, 3);
}

#[test]
fn differs_several_targets_stop_at_the_first_failure() {
    let case = for_t().rule("docker", &["run"], Answer::fails(101, "error: no\n"));
    let words = [
        "build",
        "--target",
        T,
        "--target",
        "s390x-unknown-linux-gnu",
    ];
    let done = outcome(&case, &words).unwrap();
    assert_eq!((done.code, done.outcomes.len()), (101, 1));
}

#[test]
fn a_toolchain_that_cannot_be_completed_is_an_error() {
    let case = for_t().program("rustup").rule(
        "rustup",
        &[],
        Answer::fails(1, "error: no such component\n"),
    );
    let error = outcome(&case, &["build", "--target", "powerpc-unknown-linux-gnu"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Toolchain, "{error}");
    assert!(error.to_string().contains("no such component"), "{error}");
}
