//! Converts the failures of commands into errors, with their kind, message and remedy.

use std::borrow::Cow;

use cross_engine::process::Exit;
use cross_engine::{Invocation, RunSpec};

use crate::cargo::advice;
use crate::execute::libtest::{self, FailedBinary};
use crate::model::error::{Error, ErrorKind};
use crate::model::printable::{beginning, printable};
use crate::model::step::HostFailure;
use crate::model::test_summary::TestSummary;
use crate::target::emulator_crash::{Crash, CrashDetector};

/// The error of a failed command on the host. `output` is the end of its output.
pub(crate) fn host_failure(
    command: &Invocation,
    failure: HostFailure,
    exit: Exit,
    output: &str,
) -> Error {
    let program = command.program_name();
    let (kind, problem, help) = match failure {
        HostFailure::Fetch => (
            ErrorKind::Fetch,
            "dependencies cannot be fetched",
            "dependencies are fetched on the host, with your own credentials and proxies; \
             `cargo fetch` reproduces the failure",
        ),
        HostFailure::Toolchain => (
            ErrorKind::Toolchain,
            "the toolchain lacks a component or the target, and rustup cannot install it",
            "install it with `rustup target add`, or set `toolchain = \"image\"` to use the \
             distribution's Rust",
        ),
    };
    let error = Error::new(kind, format!("{problem} (`{program}`: {exit}):\n{output}"));
    match advice::find(output) {
        Some(advice) => error.with_help(advice).and_help(help),
        None => error.with_help(help),
    }
}

/// The maximum length of quoted output in a message, in bytes.
const QUOTED: usize = 1 << 10;
/// The maximum number of names that a message lists.
const LISTED: usize = 20;

/// Output that a message quotes: its beginning, with its control characters escaped.
fn quoted(text: &str) -> Cow<'_, str> {
    printable(beginning(text, QUOTED))
}

/// Joins names for a message, and truncates a long list.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut listed: Vec<_> = names.take(LISTED).map(quoted).collect();
    if more > 0 {
        listed.push(Cow::Owned(format!("{more} more")));
    }
    listed.join(", ")
}

/// The system's message about a full file system, as compilers and linkers print it.
const DISK_FULL: &str = "No space left on device";

/// Whether `line` reports a full disk. Source code in a diagnostic may contain the same words.
pub(crate) fn is_disk_full(line: &str) -> bool {
    line.split_once(DISK_FULL).is_some_and(|(before, after)| {
        before.ends_with(": ") || after.starts_with(" (os error 28)")
    })
}

/// The error of a cargo that failed because the disk is full.
pub(crate) fn disk_full(spec: &RunSpec, exit: Exit) -> Error {
    let command = subcommand(spec);
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}: {DISK_FULL}"),
    )
    .with_help("free some space on the file system of the target directory")
    .with_code(exit.code)
}

/// Returns the command and its subcommand, such as `cargo build`, for messages.
fn subcommand(spec: &RunSpec) -> String {
    spec.command[..spec.command.len().min(2)].join(" ")
}

/// The error of a failed cargo, with its first error if there was one. A remedy is added where the
/// cause is recognized in the output, and only there.
pub(crate) fn cargo_failure(spec: &RunSpec, exit: Exit, first_error: Option<String>) -> Error {
    let command = subcommand(spec);
    let cause = first_error
        .as_deref()
        .map_or(String::new(), |text| format!(": {}", quoted(text)));
    // A shell, and so a container's first process, exits with 128 + n after signal n.
    let signal = exit
        .signal
        .or(exit.code.filter(|code| *code == 137).map(|code| code - 128));
    if let Some(signal) = signal {
        return Error::new(
            ErrorKind::Killed,
            format!("{command} was killed by signal {signal}{cause}"),
        )
        .with_help("the system sends signal 9 when memory runs out (`dmesg` tells): compile with fewer jobs (`Request::jobs`, \
             `--jobs 1`)");
    }
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}{cause}"),
    )
    .with_code(exit.code)
}

const EMULATOR_HELP: &str = "this is not a failure of the program, and may not happen again; a newer emulator may fix \
    this: set a newer `suite` for this target";
const CRASH_HELP: &str = "run it under a debugger with `Request::gdb`, or show its system calls with `QEMU_STRACE=1` under QEMU";
const TESTS_HELP: &str =
    "see the output of the tests; with the argument `--nocapture` they print all of it";
/// The remedy for a binary that ends before its harness does.
pub(crate) const EARLY_HELP: &str = "a test that ends its process (`std::process::exit`) prevents all later tests of its binary from \
    running; a target with a custom harness needs `harness = false` in its manifest";
const UNSUPPORTED_HELP: &str = "a newer QEMU may support it: set a newer `suite` for this target";

fn emulator_crash(target: &str, output: &str) -> Error {
    let message = format!("the emulator for {target} crashed: {}", quoted(output));
    Error::new(ErrorKind::EmulatorCrashed, message).with_help(EMULATOR_HELP)
}

/// Returns the remedy for a feature that the emulator reported as unsupported, else `help`.
fn help(watch: &CrashDetector, help: &str) -> String {
    match &watch.unsupported {
        Some(message) => format!(
            "the emulator printed `{}`: {UNSUPPORTED_HELP}",
            quoted(message)
        ),
        None => help.to_owned(),
    }
}

/// The error of failed tests.
pub(crate) fn failed_tests(tests: TestSummary, exit: Exit) -> Error {
    Error::new(ErrorKind::TestFailed, failed_names(&tests))
        .with_help(TESTS_HELP)
        .with_code(exit.code)
        .with_tests(tests)
}

fn failed_names(tests: &TestSummary) -> String {
    format!(
        "{} of {} tests failed: {}",
        tests.failed,
        tests.ran(),
        listed(tests.failures.iter().map(String::as_str))
    )
}

/// Says how a test binary failed, and which of its tests did not finish.
fn failed_binary(binary: &FailedBinary) -> String {
    let (file, how) = (quoted(&binary.file), quoted(&binary.how));
    let unfinished = listed(binary.unfinished.iter().map(String::as_str));
    match unfinished.is_empty() {
        true => format!("the test binary `{file}` {how}"),
        false => {
            format!("the test binary `{file}` {how} before these tests finished: {unfinished}")
        }
    }
}

/// The error of a failed `cargo test` whose tests were compiled. `None` if the reason is not a
/// test.
pub(crate) fn tests_failure(
    target: &str,
    reader: &libtest::Reader,
    tests: &TestSummary,
    exit: Exit,
) -> Option<Error> {
    let (watch, crash) = (&reader.watch, &reader.crash);
    let error = match (crash, &watch.emulator_failure) {
        (Some((_, Crash::Emulator(output))), _) | (None, Some(output)) => {
            emulator_crash(target, output)
        }
        _ => {
            let binaries = reader.failed_binaries();
            let failed = (tests.failed > 0).then(|| failed_names(tests));
            let parts = binaries.iter().map(failed_binary).take(LISTED);
            let parts: Vec<_> = failed.into_iter().chain(parts).collect();
            let message = match parts.is_empty() {
                true => quoted(reader.blamed.as_ref()?).into_owned(),
                false => parts.join("; "),
            };
            let is_early = |binary: &FailedBinary| !binary.unfinished.is_empty();
            let default_help = match crash {
                Some(_) => CRASH_HELP,
                None if binaries.iter().any(is_early) => EARLY_HELP,
                None => TESTS_HELP,
            };
            Error::new(ErrorKind::TestFailed, message)
                .with_help(help(watch, default_help))
                .with_code(exit.code)
        }
    };
    Some(error.with_tests(tests.clone()))
}

/// The error of a failed program. `name` is its name, if it is known.
pub(crate) fn program_failure(
    target: &str,
    name: Option<&str>,
    mut watch: CrashDetector,
    exit: Exit,
) -> Error {
    let program = match name {
        Some(name) => format!("the program `{name}` for {target}"),
        None => format!("the program for {target}"),
    };
    let (message, default_help) = match watch.program_crash(exit.code, exit.signal) {
        Some(Crash::Emulator(output)) => return emulator_crash(target, &output),
        Some(Crash::Program(how)) => (format!("{program} {}", quoted(&how)), CRASH_HELP),
        None => (
            format!("{program} ended with {exit}"),
            "the program itself exited with this status; see its output",
        ),
    };
    Error::new(ErrorKind::ProgramFailed, message)
        .with_help(help(&watch, default_help))
        .with_code(exit.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_truncate_long_output_and_long_lists() {
        assert_eq!(quoted("short"), "short");
        let long = "\u{fffd}".repeat(QUOTED);
        assert_eq!(quoted(&long).len(), QUOTED - QUOTED % 3);
        let names: Vec<_> = (0..LISTED + 2).map(|n| n.to_string()).collect();
        let some = |count: usize| listed(names[..count].iter().map(String::as_str));
        assert_eq!(some(2), "0, 1");
        assert!(some(LISTED).ends_with("18, 19"));
        assert!(some(LISTED + 2).ends_with("18, 19, 2 more"));
    }
}
