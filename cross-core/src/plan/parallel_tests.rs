//! Decides whether the test binaries of a request run side by side.

use std::ffi::OsString;

use cross_engine::{EnvValue, RunSpec};
use cross_targets::TestSupport;

use crate::facts::facts::Facts;
use crate::host::process_env;
use crate::model::test_run::{TEST_THREADS, TestRun};
use crate::request::request::{Options, Request};
use crate::target::emulator_crash::EmulatorKind;
use crate::target::runner::{QEMU_SYSTEM, WASM_BINDGEN};

/// Plans how the tests of `request` run under `emulator`.
pub(crate) fn plan(request: &Request, facts: &Facts, emulator: EmulatorKind) -> TestRun {
    let jobs = jobs(request, facts);
    TestRun {
        serial: serial_reason(&request.options, facts, emulator)
            .or_else(|| (jobs == 1).then(|| "there is one job".to_owned())),
        jobs,
    }
}

impl TestRun {
    /// Sets the number of test threads for `spec`, unless it is already set or equal to the
    /// default.
    pub(crate) fn bind(&self, spec: &mut RunSpec) {
        if self.jobs != process_env::processors() {
            let threads = || EnvValue::Plain(self.jobs.to_string());
            let variable = spec.env.entry(TEST_THREADS.to_owned());
            variable.or_insert_with(threads);
        }
    }
}

/// The maximum number of tests that run at once.
fn jobs(request: &Request, facts: &Facts) -> u32 {
    let shared = || request.cross.budget().map(|budget| budget.summary.jobs);
    let from_env = || match facts.inputs.env.get("CARGO_BUILD_JOBS") {
        Some(EnvValue::Plain(jobs)) => jobs.parse().ok(),
        _ => None,
    };
    let jobs = jobs_argument(&request.options.cargo);
    let jobs = jobs.or_else(shared).or_else(from_env);
    jobs.unwrap_or_else(process_env::processors).max(1)
}

/// Reads the number of jobs from cargo's arguments.
fn jobs_argument(args: &[String]) -> Option<u32> {
    let mut found = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        found = match arg.as_str() {
            "--jobs" | "-j" => rest.next().and_then(|jobs| jobs.parse().ok()),
            _ => arg
                .strip_prefix("--jobs=")
                .or_else(|| arg.strip_prefix("-j"))
                .and_then(|jobs| jobs.parse().ok())
                .or(found),
        };
    }
    found
}

/// Returns why the binaries run one after the other, or `None` if they can run side by side.
fn serial_reason(options: &Options, facts: &Facts, emulator: EmulatorKind) -> Option<String> {
    let config = &facts.config;
    let setting = config.serial_tests.as_ref();
    if let Some(setting) = setting.filter(|setting| setting.value) {
        return Some(format!("`serial-tests` is set ({})", setting.origin));
    }
    let is_threads = |arg: &OsString| arg.to_string_lossy().starts_with("--test-threads");
    let reason = if options.gdb.is_some() {
        "all of them wait for the debugger on one port"
    } else if options.stdin {
        "they read the caller's standard input"
    } else if options.trailing.iter().any(is_threads) {
        "`--test-threads` says how many tests run at once"
    } else if facts.inputs.env.contains_key(TEST_THREADS) {
        "`RUST_TEST_THREADS` says how many tests run at once"
    } else {
        return runner_reason(facts, emulator).or_else(|| cargo_runner_reason(facts));
    };
    Some(reason.to_owned())
}

/// Returns why the target's runner prevents it. A custom runner may be a single device.
fn runner_reason(facts: &Facts, emulator: EmulatorKind) -> Option<String> {
    let row = facts.target.known();
    let configured = facts.config.runner.as_ref();
    let is_own = |name: &str| matches!(name, "native" | "qemu-user" | QEMU_SYSTEM | WASM_BINDGEN);
    let custom = configured.filter(|runner| !is_own(&runner.value));
    match (emulator, custom) {
        (EmulatorKind::Machine, _) => {
            Some("each binary boots a virtual machine that uses all processors".to_owned())
        }
        (EmulatorKind::Wine, _) => {
            Some("they share a Wine prefix, which the first one initializes".to_owned())
        }
        (EmulatorKind::None | EmulatorKind::WasmBindgen, Some(runner)) => Some(format!(
            "the runner `{}` may run only one at a time ({})",
            runner.value, runner.origin
        )),
        _ if row.is_some_and(|row| row.facts().tests == TestSupport::Unproven) => {
            Some("the target's test support is unproven".to_owned())
        }
        _ => None,
    }
}

/// Returns the runner in cargo's own configuration that prevents it, unless a variable overrides
/// the runner.
fn cargo_runner_reason(facts: &Facts) -> Option<String> {
    if let Some(origin) = &facts.inputs.runner {
        return Some(format!("{origin} names a runner"));
    }
    let variable = facts.target.runner_variable();
    if facts.inputs.env.contains_key(&variable) {
        return None;
    }
    let mut programs = facts.inputs.programs.iter();
    let runner = programs.find(|program| program.variable == variable)?;
    Some(format!("`{}` names a runner", runner.file.display()))
}

/// Whether this cargo command stops at the first binary that fails.
pub(crate) fn is_fail_fast(command: &[String]) -> bool {
    let words = command.iter().take_while(|word| *word != "--");
    !words.into_iter().any(|word| word == "--no-fail-fast")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn jobs_are_read_as_cargo_reads_them() {
        for (args, expected) in [
            ("--jobs 3 --release", Some(3)),
            ("-j 4", Some(4)),
            ("-j5", Some(5)),
            ("--jobs=6 --jobs 7", Some(7)),
            ("--jobs default", None),
            ("--release", None),
        ] {
            assert_eq!(jobs_argument(&words(args)), expected, "{args}");
        }
    }

    #[test]
    fn arguments_after_the_separator_do_not_change_fail_fast() {
        assert!(is_fail_fast(&words("cargo test -- --no-fail-fast")));
        assert!(!is_fail_fast(&words("cargo test --no-fail-fast -- a")));
    }
}
