//! What the failure of a command means: which class, in whose words, and what to do about it.

use cross_engine::process::Exit;
use cross_engine::{Invocation, RunSpec};

use crate::execute::libtest;
use crate::model::error::{Error, ErrorKind};
use crate::model::step::HostFailure;
use crate::model::test_summary::TestSummary;
use crate::target::emulator_crash::{Crash, CrashDetector};

/// A failed command of the host.
pub(crate) fn host_failure(
    command: &Invocation,
    failure: HostFailure,
    exit: Exit,
    words: &str,
) -> Error {
    let program = command.program_name();
    let (kind, what, help) = match failure {
        HostFailure::Fetch => (
            ErrorKind::Fetch,
            "dependencies cannot be fetched",
            "dependencies are fetched on the host, with your own credentials and proxies: \
             `cargo fetch` shows the same message",
        ),
        HostFailure::Toolchain => (
            ErrorKind::Toolchain,
            "the toolchain lacks std for the target, and it cannot be installed",
            "install it with `rustup target add`, or set `toolchain = \"image\"` to use the \
             distribution's Rust",
        ),
    };
    Error::new(kind, format!("{what} (`{program}`: {exit}):\n{words}")).with_help(help)
}

/// How much of what was printed a message repeats, in bytes.
const QUOTED: usize = 1 << 10;
/// How many names a message lists.
const LISTED: usize = 20;

/// What was printed, as a message repeats it: not all of a long line.
fn quoted(words: &str) -> &str {
    let end = (0..=QUOTED.min(words.len()))
        .rev()
        .find(|end| words.is_char_boundary(*end));
    &words[..end.unwrap_or(0)]
}

/// Names that were printed, as a message lists them: not all of very many.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut listed: Vec<_> = names.take(LISTED).map(quoted).collect();
    let more = format!("{more} more");
    if !more.starts_with("0 ") {
        listed.push(&more);
    }
    listed.join(", ")
}

/// What the system says when a file system is full, in whatever a compiler or linker prints.
const DISK_FULL: &str = "No space left on device";

/// Whether `line` reports it, rather than being source code that speaks of it.
pub(crate) fn says_disk_full(line: &str) -> bool {
    let before = |words: &str| words.ends_with(": ");
    let after = |words: &str| words.starts_with(" (os error 28)");
    line.split_once(DISK_FULL)
        .is_some_and(|(head, tail)| before(head) || after(tail))
}

/// A cargo that failed for want of space, whatever complained of it first.
pub(crate) fn disk_full(spec: &RunSpec, exit: Exit) -> Error {
    let command = subcommand(spec);
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}: {DISK_FULL}"),
    )
    .with_help("free some space on the file system of the target directory")
    .with_code(exit.code)
}

/// `cargo build`, for messages.
fn subcommand(spec: &RunSpec) -> String {
    spec.command[..spec.command.len().min(2)].join(" ")
}

/// A failed cargo, with what is known of the reason.
pub(crate) fn cargo_failure(spec: &RunSpec, exit: Exit, first_error: Option<String>) -> Error {
    let command = subcommand(spec);
    let because = first_error
        .as_deref()
        .map_or(String::new(), |text| format!(": {}", quoted(text)));
    // A shell, and so a container's first process, says 128 + n for a signal.
    let killed = exit
        .signal
        .or(exit.code.filter(|code| *code == 137).map(|code| code - 128));
    if let Some(signal) = killed {
        return Error::new(
            ErrorKind::Killed,
            format!("{command} was killed by signal {signal}{because}"),
        )
        .with_help("signal 9 is often the system's, when memory runs out: try fewer `jobs`");
    }
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}{because}"),
    )
    .with_code(exit.code)
    .with_help("cargo's diagnostics say where and why")
}

const EMULATOR_HELP: &str = "it says nothing about the program, and may not happen again: a newer emulator may be \
    mended, which is a newer `suite` for this target";
const CRASH_HELP: &str = "`Request::gdb` runs it under a debugger, and `QEMU_STRACE=1` shows its system calls where \
    QEMU runs it";
const TESTS_HELP: &str =
    "what the tests printed says why; the argument `--nocapture` makes them print all of it";
const LACKING_HELP: &str = "a newer QEMU may have it, which is a newer `suite` for this target";

fn emulator_crash(target: &str, words: &str) -> Error {
    let message = format!("the emulator for {target} crashed: {}", quoted(words));
    Error::new(ErrorKind::EmulatorCrashed, message).with_help(EMULATOR_HELP)
}

/// `help`, after what the emulator said that it lacks.
fn help(watch: &CrashDetector, help: &str) -> String {
    match &watch.unsupported {
        Some(words) => format!("the emulator said `{}`: {LACKING_HELP}", quoted(words)),
        None => help.to_owned(),
    }
}

/// Tests that failed, and the exit of what ran them.
pub(crate) fn failed_tests(tests: TestSummary, exit: Exit) -> Error {
    let message = format!(
        "{} of {} tests failed: {}",
        tests.failed,
        tests.ran(),
        listed(tests.failures.iter().map(String::as_str))
    );
    Error::new(ErrorKind::TestFailed, message)
        .with_help(TESTS_HELP)
        .with_code(exit.code)
        .with_tests(tests)
}

/// A failed `cargo test` whose tests were compiled. `None` where it failed for another reason than
/// a test.
pub(crate) fn tests_failure(target: &str, reader: libtest::Reader, exit: Exit) -> Option<Error> {
    let tests = reader.summary();
    let libtest::Reader { watch, crash, .. } = reader;
    let failed = |message: String, usual: &str| {
        Error::new(ErrorKind::TestFailed, message)
            .with_help(help(&watch, usual))
            .with_code(exit.code)
    };
    let error = match (&crash, &watch.emulator_failure) {
        (Some((_, Crash::Emulator(words))), _) | (None, Some(words)) => {
            emulator_crash(target, words)
        }
        (Some((binary, Crash::Program(how))), _) => failed(
            format!("the test binary `{}` {}", quoted(binary), quoted(how)),
            CRASH_HELP,
        ),
        (None, None) if tests.failed > 0 => {
            let error = failed_tests(tests.clone(), exit);
            error.with_help(help(&watch, TESTS_HELP))
        }
        (None, None) => return None,
    };
    Some(error.with_tests(tests))
}

/// A program that failed: `name` of it, if it is known.
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
    let (message, usual) = match watch.program_crash(exit.code, exit.signal) {
        Some(Crash::Emulator(words)) => return emulator_crash(target, &words),
        Some(Crash::Program(how)) => (format!("{program} {}", quoted(&how)), CRASH_HELP),
        None => (
            format!("{program} ended with {exit}"),
            "the program itself returned this: what it printed says why",
        ),
    };
    Error::new(ErrorKind::ProgramFailed, message)
        .with_help(help(&watch, usual))
        .with_code(exit.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_repeats_a_beginning_of_what_is_long() {
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
