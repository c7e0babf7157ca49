//! Converts the failures of commands into errors, with their kind, message and remedy.

use std::path::Path;

use cross_engine::process::{Exit, TailLines};
use cross_engine::{Invocation, RunSpec};

use crate::cargo::advice;
use crate::execute::libtest::{self, FailedBinary};
use crate::execute::nextest;
use crate::execute::quoted::{LISTED, listed, quoted};
use crate::model::error::{Error, ErrorKind};
use crate::model::step::HostFailure;
use crate::model::test_summary::TestSummary;
use crate::target::emulator_crash::{Crash, CrashDetector};
use crate::target::name::THROUGH_RUNNER;
use crate::target::runner;

/// How many of the last lines of a failed command on the host its error shows.
const ERROR_LINES: usize = 12;

/// What the error of a command on the host shows of its output: the end, up to a backtrace. Where
/// `RUST_BACKTRACE` is set, rustup prints one after the cause, and it has more lines than are kept.
#[derive(Debug)]
pub(crate) struct HostOutput {
    lines: TailLines,
    is_backtrace: bool,
}

impl HostOutput {
    pub(crate) fn new() -> Self {
        HostOutput {
            lines: TailLines::new(ERROR_LINES),
            is_backtrace: false,
        }
    }

    pub(crate) fn push(&mut self, line: &str) {
        self.is_backtrace |= line == "Stack backtrace:";
        if !self.is_backtrace {
            self.lines.push(line);
        }
    }

    pub(crate) fn text(&self) -> String {
        self.lines.text().trim_end().to_owned()
    }
}

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

/// The system's message about a full file system, as compilers and linkers print it.
const DISK_FULL: &str = "No space left on device";

/// Whether `line` reports a full disk. Source code in a diagnostic may contain the same words.
pub(crate) fn is_disk_full(line: &str) -> bool {
    line.split_once(DISK_FULL).is_some_and(|(before, after)| {
        before.ends_with(": ") || after.starts_with(" (os error 28)")
    })
}

/// The error of a cargo that failed because the disk is full: this machine's, or the engine's if it
/// `is_remote`.
pub(crate) fn disk_full(spec: &RunSpec, exit: Exit, is_remote: bool) -> Error {
    let command = subcommand(spec);
    let help = match is_remote {
        true => {
            "free some space on the engine's machine: remove volumes that are not needed (`Cross::volumes` lists them), \
             or what its engine does not use"
        }
        false => "free some space on the file system of the target directory",
    };
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}: {DISK_FULL}"),
    )
    .with_help(help)
    .with_code(exit.code)
}

/// Returns the command and its subcommand, such as `cargo build`, for messages.
pub(crate) fn subcommand(spec: &RunSpec) -> String {
    spec.command[..spec.command.len().min(2)].join(" ")
}

/// What is said of a cargo command line that failed, such as `cargo build`, with the exit code that
/// its caller gets. It is no error of the request.
pub(crate) fn failed_command_line(command: &str, code: i32) -> String {
    format!("{command} failed with exit status {code}")
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
        let error = Error::new(
            ErrorKind::Killed,
            format!("{command} was killed by signal {signal}{cause}"),
        );
        if signal != 9 {
            return error.with_help(
                "it crashed, or one of the limits that `ulimit -a` shows was reached, such as that of open files \
                 (`ulimit -n`)",
            );
        }
        return error.with_help("the system sends signal 9 when memory runs out (`dmesg` tells): compile with fewer jobs (`Request::jobs`, \
             `--jobs 1`)");
    }
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}{cause}"),
    )
    .with_code(exit.code)
}

/// The error of a run of cargo whose program has a runner that the environment lacks.
pub(crate) fn missing_runner(spec: &RunSpec, exit: Exit, runner: &str) -> Error {
    let message = format!(
        "the program of {} {}",
        subcommand(spec),
        quoted(&libtest::without_runner(runner))
    );
    Error::new(ErrorKind::ProgramFailed, message)
        .with_help(RUNNER_HELP)
        .with_code(exit.code)
}

/// The remedy for a runner that the environment lacks.
const RUNNER_HELP: &str = "the first word of `runner` in Cross.toml has to be a program of the environment, which \
    `packages` can add, or the path of an executable file that a run sees, such as a script of the \
    workspace: correct the key, or remove it";

/// How a test binary ended that no runner starts.
const REFUSED: &str = "exit status 126";

/// The exit code of cargo for tests that failed.
pub(crate) const TESTS_FAILED: i32 = 101;

const EMULATOR_HELP: &str = "this is not a failure of the program, and may not happen again; a newer emulator may fix \
    this: set a newer `suite` for this target";
const CRASH_HELP: &str = "run it under a debugger with `Request::gdb`, or show its system calls with `QEMU_STRACE=1` under QEMU";
const NOT_STARTED_HELP: &str = "its output (`Error::program_output`) says which of them; a runner has to be a program of the \
    environment, or a file that a run sees";
const STATUS_HELP: &str = "the program itself exited with this status; the end of its output is in `Error::program_output`";
const TOOL_HELP: &str = "its words are in `Error::program_output`; `strip = true` in the profile lets rustc strip instead";
const TESTS_HELP: &str =
    "see the output of the tests; with the argument `--nocapture` they print all of it";
/// The remedy for a binary that ends before its harness does.
pub(crate) const EARLY_HELP: &str = "a test that ends its process (`std::process::exit`) prevents all later tests of its binary from \
    running; a target with a custom harness needs `harness = false` in its manifest";
/// The remedy for documentation tests that end before their results.
pub(crate) const DOCUMENTATION_HELP: &str = "since edition 2024, the documentation tests of a library share a process where a runner starts them: mark \
    one that ends its process with `standalone_crate`";
const UNSUPPORTED_HELP: &str = "a newer QEMU may support it: set a newer `suite` for this target";

/// Whether a process ended by signal 9, or as a shell reports that.
pub(crate) fn is_killed(exit: Exit) -> bool {
    exit.signal == Some(KILL) || exit.code == Some(128 + KILL)
}

/// The signal that the kernel sends when memory runs out.
const KILL: i32 = 9;
/// How a test binary ended that got this signal.
pub(crate) const KILLED: &str = "was terminated by SIGKILL";

/// The remedy for a program or a test that was killed in a run with the limit of `memory` bytes.
pub(crate) fn killed_help(memory: Option<u64>) -> String {
    match memory {
        Some(bytes) => format!(
            "all processes of a run together may use {} MiB, and the kernel kills one when they need more: raise \
             `memory` in Cross.toml, or do less at once (`--jobs 1`; tests take `--test-threads 1`)",
            bytes >> 20
        ),
        None => "the program did not end itself: the kernel kills one when the machine's memory runs out (`dmesg` \
                 tells), or another process did it; do less at once (`--jobs 1`; tests take `--test-threads 1`)"
            .to_owned(),
    }
}

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

/// The error of a failed nextest whose tests were compiled. `None` if the reason is not a test.
pub(crate) fn nextest_failure(
    target: &str,
    ends: &nextest::Ends,
    tests: TestSummary,
    exit: Exit,
    memory: Option<u64>,
) -> Option<Error> {
    let of_emulator = ends.crashed.iter().find_map(|(_, crash)| match crash {
        Crash::Emulator(output) => Some(output),
        Crash::Program(_) => None,
    });
    // Nextest asks each binary for its tests before it runs any.
    let listing = ends.watch.emulator_failure.as_ref();
    let listing = listing.filter(|_| tests.ran() == 0);
    let runner = ends.missing_runner.as_ref().filter(|_| tests.ran() == 0);
    let error = match (of_emulator.or(listing), runner) {
        (Some(output), _) => emulator_crash(target, output),
        (None, Some(runner)) => {
            let how = libtest::without_runner(runner);
            let message = format!("the first test binary {}", quoted(&how));
            Error::new(ErrorKind::TestFailed, message)
                .with_help(RUNNER_HELP)
                .with_code(exit.code)
        }
        (None, None) if tests.failed == 0 => return None,
        (None, None) => {
            let crashed = ends.crashed.iter().filter_map(|(test, crash)| match crash {
                Crash::Program(how) => Some(FailedBinary {
                    file: test.clone(),
                    how: how.clone(),
                    unfinished: Vec::new(),
                }),
                Crash::Emulator(_) => None,
            });
            let crashed: Vec<_> = crashed.collect();
            let told = |test: &FailedBinary| {
                let (name, how) = (quoted(&test.file), quoted(&test.how));
                format!("`{name}` {how}")
            };
            let mut parts = vec![failed_names(&tests)];
            parts.extend(crashed.iter().map(told).take(LISTED));
            let has_others = tests.failed > crashed.len() as u64;
            let default_help = helps(None, &crashed, has_others, memory);
            Error::new(ErrorKind::TestFailed, parts.join("; "))
                .with_help(help(&ends.watch, &default_help))
                .with_code(exit.code)
        }
    };
    Some(error.with_tests(tests))
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
    tests: TestSummary,
    exit: Exit,
    memory: Option<u64>,
) -> Option<Error> {
    let (watch, crash) = (&reader.watch, &reader.crash);
    let printed = watch
        .emulator_failure
        .as_ref()
        .filter(|_| reader.is_unexplained());
    let error = match (crash, printed) {
        (Some((_, Crash::Emulator(output))), _) | (None, Some(output)) => {
            emulator_crash(target, output)
        }
        _ => {
            let binaries = reader.failed_binaries();
            let failed = (tests.failed > 0).then(|| failed_names(&tests));
            let parts = binaries.iter().map(failed_binary).take(LISTED);
            let parts: Vec<_> = failed.into_iter().chain(parts).collect();
            let message = match parts.is_empty() {
                true => quoted(reader.blamed.as_ref()?).into_owned(),
                false => parts.join("; "),
            };
            let is_refused = |binary: &FailedBinary| binary.how.ends_with(REFUSED);
            let refused = runner::not_run(target).filter(|_| binaries.iter().any(is_refused));
            let default_help = match refused {
                _ if reader.lacks_runner() => RUNNER_HELP.to_owned(),
                Some(refused) => refused,
                None => helps(crash.as_ref(), &binaries, tests.failed > 0, memory),
            };
            Error::new(ErrorKind::TestFailed, message)
                .with_help(help(watch, &default_help))
                .with_code(exit.code)
        }
    };
    Some(error.with_tests(tests))
}

/// The remedies for the ways in which test binaries failed, one after another. `has_failures` says
/// whether there are tests that failed.
fn helps(
    crash: Option<&(String, Crash)>,
    binaries: &[FailedBinary],
    has_failures: bool,
    memory: Option<u64>,
) -> String {
    let has = |is_so: fn(&FailedBinary) -> bool| binaries.iter().any(is_so);
    let first = matches!(crash, Some((_, Crash::Program(how))) if how != KILLED);
    let has_crashed = first || has(|binary| binary.how != KILLED && !binary.ends_itself());
    let killed = has(|binary| binary.how == KILLED).then(|| killed_help(memory));
    let others = [
        (has_crashed, CRASH_HELP),
        (
            has(|binary| binary.ends_itself() && !binary.unfinished.is_empty()),
            EARLY_HELP,
        ),
        (has_failures, TESTS_HELP),
    ];
    let others = others.into_iter().filter(|(applies, _)| *applies);
    let others = others.map(|(_, help)| help.to_owned());
    let helps: Vec<_> = killed.into_iter().chain(others).collect();
    match helps.is_empty() {
        true => TESTS_HELP.to_owned(),
        false => helps.join("; "),
    }
}

/// Names the program of a `command` of [`Cross::exec`](crate::Cross::exec) for `target`: its own
/// word, and not that of the shell that looks up the target's runner.
pub(crate) fn command_name(target: &str, command: &[String]) -> String {
    match command {
        [shell, flag, start, _, program, ..]
            if shell == "sh" && flag == "-c" && start.starts_with(THROUGH_RUNNER) =>
        {
            program_name(target, Path::new(program))
        }
        [program, ..] => format!("`{}`, run for {target},", quoted(program)),
        [] => format!("the program for {target}"),
    }
}

/// Names a program of `target`.
pub(crate) fn program_name(target: &str, program: &Path) -> String {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    format!("the program `{}` for {target}", quoted(&name))
}

/// The error of a failed program, which messages call `program`.
pub(crate) fn program_failure(
    target: &str,
    program: &str,
    mut watch: CrashDetector,
    exit: Exit,
    memory: Option<u64>,
) -> Error {
    let killed = killed_help(memory);
    let refused = runner::not_run(target).filter(|_| exit.code == Some(runner::REFUSED));
    let (message, default_help) = match watch.program_crash(exit.code, exit.signal) {
        Some(Crash::Emulator(output)) => return emulator_crash(target, &output),
        Some(Crash::Program(how)) => (format!("{program} {}", quoted(&how)), CRASH_HELP),
        None if is_killed(exit) => (
            format!("{program} ended with {exit}, as after signal 9"),
            &*killed,
        ),
        None if refused.is_some() => (
            format!("{program} was not started"),
            refused.as_deref().unwrap_or_default(),
        ),
        // What `env` and shells exit with when they cannot start a program.
        None if matches!(exit.code, Some(126 | 127)) => (
            format!("{program} ended with {exit}, or could not be started"),
            NOT_STARTED_HELP,
        ),
        None => (format!("{program} ended with {exit}"), STATUS_HELP),
    };
    Error::new(ErrorKind::ProgramFailed, message)
        .with_help(help(&watch, default_help))
        .with_code(exit.code)
}

/// The error of a step that runs `tool`, where `error` takes that for a program of `target`. What is
/// known about the cause is kept.
pub(crate) fn tool_failure(error: Error, purpose: &str, tool: &str, target: &str) -> Error {
    if error.kind() != ErrorKind::ProgramFailed {
        return error;
    }
    let how = error.code().map(|code| format!(" with exit status {code}"));
    let how = how.unwrap_or_default();
    let message = format!("cannot {purpose} for {target}: `{tool}` failed{how}");
    let is_for_programs = |help| [NOT_STARTED_HELP, STATUS_HELP, CRASH_HELP].contains(&help);
    let error = match error.help() {
        Some(help) if !is_for_programs(help) => error,
        _ => error.with_help(TOOL_HELP),
    };
    error.with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::quoted::QUOTED;
    use crate::target::name::TargetName;
    use cross_engine::TestExit;

    /// What rustup prints for a component that no server has.
    #[test]
    fn a_backtrace_does_not_displace_the_cause() {
        let mut output = HostOutput::new();
        output.push("error: component download failed for rust-std");
        output.push("");
        output.push("Caused by:");
        output.push("    1: http request returned an unsuccessful status code: 404");
        output.push("");
        output.push("Stack backtrace:");
        for n in 0..2 * ERROR_LINES {
            output.push(&format!("  {n}: rustup_init::main"));
        }
        let text = output.text();
        assert!(text.starts_with("error: component"), "{text}");
        assert!(text.ends_with("404"), "{text}");
    }

    #[test]
    fn a_command_has_its_own_name_and_not_a_shells() {
        let words =
            |words: &[&str]| -> Vec<_> { words.iter().map(|it| (*it).to_owned()).collect() };
        let shell = words(&["sh", "-c", "exit 3"]);
        assert_eq!(command_name("T", &shell), "`sh`, run for T,");
        let target = TargetName::parse("aarch64-unknown-linux-gnu", Path::new("/w")).unwrap();
        let mut through = target.through_runner().to_vec();
        through.push("/w/target/app".to_owned());
        assert_eq!(command_name("T", &through), "the program `app` for T");
    }

    #[test]
    fn a_step_that_is_no_program_of_the_target_names_itself_and_its_tool() {
        let failed = |error: Error| tool_failure(error, "strip the programs", "objcopy", "T");
        for help in [NOT_STARTED_HELP, STATUS_HELP, CRASH_HELP] {
            let error = Error::new(ErrorKind::ProgramFailed, "the program for T ended")
                .with_help(help)
                .with_code(Some(127));
            let error = failed(error);
            assert_eq!(error.kind(), ErrorKind::ProgramFailed);
            assert_eq!(
                error.to_string(),
                "cannot strip the programs for T: `objcopy` failed with exit status 127"
            );
            assert_eq!(error.help(), Some(TOOL_HELP));
        }
        let known = Error::new(ErrorKind::ProgramFailed, "x").with_help("install it");
        assert_eq!(failed(known).help(), Some("install it"));
        let other = Error::new(ErrorKind::Cancelled, "stopped");
        assert_eq!(failed(other).to_string(), "stopped");
    }

    #[test]
    fn each_kind_of_failure_of_a_test_binary_has_its_remedy() {
        let binary = |how: &str, unfinished: &[&str]| FailedBinary {
            file: "a".to_owned(),
            how: how.to_owned(),
            unfinished: unfinished.iter().map(|&it| it.to_owned()).collect(),
        };
        let abort = "was terminated by SIGABRT";
        let crash = ("a".to_owned(), Crash::Program(abort.to_owned()));
        let left = binary("ended with exit status 3", &["t"]);
        let aborted = binary(abort, &["t"]);
        let got = helps(Some(&crash), &[aborted, left], true, None);
        assert_eq!(got, [CRASH_HELP, EARLY_HELP, TESTS_HELP].join("; "));
        let left = [binary("ended without a result", &["t"])];
        assert_eq!(helps(None, &left, false, None), EARLY_HELP);
        assert_eq!(helps(Some(&crash), &[], false, None), CRASH_HELP);
        let killed = ("a".to_owned(), Crash::Program(KILLED.to_owned()));
        let got = helps(Some(&killed), &[binary(KILLED, &["t"])], false, None);
        assert_eq!(got, killed_help(None));
        let plain = [binary("ended with exit status 3", &[])];
        assert_eq!(helps(None, &plain, false, None), TESTS_HELP);
    }

    #[test]
    fn a_failure_of_nextests_has_the_kind_and_the_remedy_of_its_cause() {
        let exit = TestExit::exited(100).exit();
        let failure = |failed: usize, ends: &nextest::Ends| {
            let failures: Vec<_> = (0..failed).map(|n| format!("app::it t{n}")).collect();
            let tests = TestSummary {
                failed: failed as u64,
                failures,
                ..TestSummary::default()
            };
            nextest_failure("T", ends, tests, exit, None)
        };
        let ended = |crash: Crash| nextest::Ends {
            crashed: vec![("app::it t0".to_owned(), crash)],
            ..nextest::Ends::default()
        };
        let by = |how: &str| ended(Crash::Program(how.to_owned()));
        let plain = nextest::Ends::default();
        let crashed = ended(Crash::Emulator("QEMU internal SIGSEGV".to_owned()));
        for (failed, ends, kind, help) in [
            (1, &plain, ErrorKind::TestFailed, TESTS_HELP.to_owned()),
            (
                1,
                &crashed,
                ErrorKind::EmulatorCrashed,
                EMULATOR_HELP.to_owned(),
            ),
            (1, &by(KILLED), ErrorKind::TestFailed, killed_help(None)),
            (
                2,
                &by("was terminated by SIGABRT"),
                ErrorKind::TestFailed,
                [CRASH_HELP, TESTS_HELP].join("; "),
            ),
        ] {
            let error = failure(failed, ends).unwrap();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.help(), Some(&*help), "{error}");
        }
        let error = failure(1, &by(KILLED)).unwrap().to_string();
        let told = "1 of 1 tests failed: app::it t0; `app::it t0` was terminated by SIGKILL";
        assert_eq!(error, told);
        assert!(failure(0, &plain).is_none());
        let lacking = nextest::Ends {
            missing_runner: Some("nope".to_owned()),
            ..nextest::Ends::default()
        };
        let error = failure(0, &lacking).unwrap();
        assert_eq!(error.help(), Some(RUNNER_HELP));
        assert!(error.to_string().contains("`nope`"), "{error}");
    }

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
