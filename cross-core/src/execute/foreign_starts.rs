//! Recognizes that a program under an emulator could not start another program of its target, and
//! says what can be done.

use cross_engine::{Cancel, Engine, EngineKind, ForeignPrograms, Host};
use cross_targets::Target;

use crate::execute::failure::KILLED;
use crate::host::interpreters;
use crate::model::error::{Error, ErrorKind};
use crate::plan::plan::Plan;
use crate::target::emulator_crash::EmulatorKind;

/// The kernel's message about a program that it cannot execute, as programs, shells and the
/// standard library print it. The last is what a shell prints that reads the program as a script.
const NOT_EXECUTABLE: [&str; 5] = [
    "Exec format error",
    "(os error 8)",
    "ENOEXEC",
    "cannot execute binary file",
    "\u{7f}ELF",
];

/// What a failed start looks like under QEMU. Its `vfork` is a `fork`, so the program that starts
/// another does not learn of the failure. It sees a child that ends with status 127 and says
/// nothing.
const STATUS_127: [&str; 6] = [
    "exit status: 127",
    "exit code: 127",
    "code=127",
    "Some(127)",
    "unix_wait_status(32512)",
    "status 127",
];

/// Watches the output of programs that an emulator for single programs executes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForeignStarts {
    /// Whether programs of the target run under such an emulator.
    is_emulated: bool,
    was_refused: bool,
}

impl ForeignStarts {
    /// Creates a watch for the runs of `plan`.
    pub(crate) fn new(plan: &Plan) -> Self {
        let has_system = Target::parse(&plan.target).is_ok_and(|row| row.facts().os != "none");
        let is_known = plan.emulator == EmulatorKind::Qemu || plan.foreign_programs.is_some();
        ForeignStarts {
            is_emulated: has_system && is_known,
            was_refused: false,
        }
    }

    /// Reads a line of output.
    pub(crate) fn read(&mut self, line: &str) {
        let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
        self.was_refused |= self.is_emulated && (has(&NOT_EXECUTABLE) || has(&STATUS_127));
    }

    /// Adds the remedy to the error of a failed run of `plan`.
    pub(crate) fn explain(&self, error: Error, plan: &Plan, host: &Host) -> Error {
        // What was killed did not fail for want of a program.
        let is_test = error.kind() == ErrorKind::TestFailed && !error.to_string().contains(KILLED);
        match self.help(is_test, plan, host) {
            Some(help) if self.was_refused => error.with_help(help),
            Some(help) => {
                let before = error.help().map(|before| format!("{before}; "));
                error.with_help(before.unwrap_or_default() + &help)
            }
            None => error,
        }
    }

    /// Returns the remedy for a failed run of `plan`. `None` if programs can start one another.
    ///
    /// Output without a sign of the problem does not rule it out, so a failed test gets the remedy
    /// with a condition.
    pub(crate) fn help(&self, is_test: bool, plan: &Plan, host: &Host) -> Option<String> {
        let is_asked = self.was_refused || is_test && plan.foreign_programs.is_some();
        let programs = plan.foreign_programs.as_ref();
        if !self.is_emulated || !is_asked || can_start(&plan.engine, programs, host) {
            return None;
        }
        let target = &plan.target;
        let ways = ways(target, &plan.engine, programs.is_some());
        Some(match self.was_refused {
            true => format!(
                "the emulator executes one program, and the kernel cannot execute those for {target} \
                 that it starts: {ways}"
            ),
            false => if_started(target, &ways),
        })
    }
}

/// The remedy for a failed program or test for `target`, whose output nobody read. `None` if
/// programs can start one another.
pub(crate) fn unread(
    target: &str,
    engine: &Engine,
    programs: Option<&ForeignPrograms>,
    host: &Host,
) -> Option<String> {
    let is_told = programs.is_some() && !can_start(engine, programs, host);
    is_told.then(|| if_started(target, &ways(target, engine, true)))
}

fn if_started(target: &str, ways: &str) -> String {
    format!("if a test starts a program for {target}, the kernel cannot execute it: {ways}")
}

/// Whether the kernel can start `programs` of the target in a run in `engine`.
fn can_start(engine: &Engine, programs: Option<&ForeignPrograms>, host: &Host) -> bool {
    let Some(programs) = programs else {
        return false;
    };
    let interpreters = interpreters::registered();
    let mut interpreters = interpreters.iter();
    // Without an answer, the remedy is still right.
    let registers = engine.registers_interpreters(host, &Cancel::new());
    registers.unwrap_or(false) || interpreters.any(|it| it.is_open && it.executes(programs))
}

/// What lets programs of `target` start one another. `is_known` tells whether the kernel could be
/// told of their emulator.
fn ways(target: &str, engine: &Engine, is_known: bool) -> String {
    let has_machine = Target::parse(target).is_ok_and(|row| row.machine().is_some());
    let machine = "set `runner = \"qemu-system\"` for the target in Cross.toml, where a kernel of the \
                   target starts them";
    let sandbox = match engine.kind {
        EngineKind::Sandbox => {
            "use Linux 6.7 or newer, where the sandbox registers the emulator for each run"
        }
        _ => "use the engine `sandbox`, which registers the emulator for each run since Linux 6.7",
    };
    let register = "register QEMU with the kernel for every program of the machine (binfmt_misc with \
                    the flag F, as Debian's package qemu-user-static does)";
    let ways = [
        (has_machine && !engine.is_host(), machine),
        (is_known, sandbox),
        (true, register),
    ];
    let ways = ways.into_iter().filter(|(applies, _)| *applies);
    let ways: Vec<_> = ways.map(|(_, way)| way).collect();
    ways.join("; or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(is_emulated: bool, line: &str) -> bool {
        let mut starts = ForeignStarts {
            is_emulated,
            was_refused: false,
        };
        starts.read(line);
        starts.was_refused
    }

    #[test]
    fn a_refused_start_is_recognized_however_it_is_printed() {
        for line in [
            "called `Result::unwrap()` on an `Err` value: Os { code: 8, kind: Uncategorized, message: \"Exec format error\" }",
            "Error: No such program (os error 8)",
            "bash: ./app: cannot execute binary file: Exec format error",
            "./app: 1: \u{7f}ELF\u{2}\u{1}\u{1}\u{b7}: not found",
            "status: ExitStatus(unix_wait_status(32512))",
            "app failed with exit status: 127",
            "  left: Some(127)",
            "code=127",
        ] {
            assert!(reads(true, line), "{line}");
            assert!(!reads(false, line), "{line}");
        }
    }

    #[test]
    fn other_failures_are_not_a_refused_start() {
        for line in [
            "exit status: 101",
            "(os error 2)",
            "left: 128",
            "error: no such file",
        ] {
            assert!(!reads(true, line), "{line}");
        }
    }
}
