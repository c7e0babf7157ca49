//! Tells a crash of the program from a crash of the emulator that runs it.
//!
//! A table lists the messages that each emulator prints.

use cross_targets::Runner;

use crate::model::signal::{FAULTS, fault};
use crate::target::runner::{WASM_BINDGEN_PROGRAM, is_name_of, system};

/// The emulator of the target's programs, by how its crash is told from a program's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EmulatorKind {
    /// No emulator, or one whose messages are unknown.
    #[default]
    None,
    /// QEMU's user mode. It reports every fatal signal of the program, and then dies of the same
    /// signal.
    Qemu,
    /// QEMU's system mode. Its runner script exits with 128 and the number of the program's signal.
    Machine,
    /// Wine. It exits with the last byte of the program's exit status.
    Wine,
    /// wasm-bindgen's test runner. Of a binary without tests it prints no results.
    WasmBindgen,
}

impl EmulatorKind {
    /// The emulator for the configuration key `runner`, where `default` is the target's default
    /// runner.
    pub(crate) fn chosen(configured: Option<&str>, default: &Runner) -> Self {
        match configured {
            None => EmulatorKind::of(default),
            Some(name) if is_name_of(name, default) => EmulatorKind::of(default),
            Some(command) => EmulatorKind::of_command(command),
        }
    }

    fn of(runner: &Runner) -> Self {
        match runner {
            Runner::QemuUser { .. } | Runner::QemuBareMetal { .. } => EmulatorKind::Qemu,
            Runner::QemuSystem(_) | Runner::Uefi(_) => EmulatorKind::Machine,
            Runner::Wine { .. } => EmulatorKind::Wine,
            Runner::WasmBindgen => EmulatorKind::WasmBindgen,
            _ => EmulatorKind::None,
        }
    }

    /// The emulator that the user's command starts, by the names in it.
    fn of_command(command: &str) -> Self {
        let has = |name: &str| command.split(['/', ' ']).any(|word| word.starts_with(name));
        match () {
            () if has("qemu-system") => EmulatorKind::None,
            () if has("qemu-") => EmulatorKind::Qemu,
            () if has("wine") => EmulatorKind::Wine,
            () if has(WASM_BINDGEN_PROGRAM) => EmulatorKind::WasmBindgen,
            () => EmulatorKind::None,
        }
    }
}

/// The meaning of a line that an emulator prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The emulator itself failed.
    EmulatorFailed,
    /// The program got a fatal signal, or an unhandled exception on Windows.
    ProgramCrashed,
    /// The emulator does not support something that the program uses.
    Unsupported,
}

/// A line of an emulator. It contains the parts, in their order.
struct Row {
    parts: &'static [&'static str],
    meaning: Meaning,
}

const fn row(parts: &'static [&'static str], meaning: Meaning) -> Row {
    Row { parts, meaning }
}

/// The lines, with the source file that prints each. QEMU's are from versions 7.2 to 10, Wine's
/// from versions 8 to 10.
const LINES: &[Row] = &[
    // linux-user/signal.c: a fault in QEMU's own code (since 8.1).
    row(&["QEMU internal SIG"], Meaning::EmulatorFailed),
    // cpu-target.c: `cpu_abort`.
    row(&["qemu: fatal:"], Meaning::EmulatorFailed),
    // linux-user/cpu_loop-common.h: `EXCP_DUMP`.
    row(&["qemu: unhandled CPU exception"], Meaning::EmulatorFailed),
    // `assert` of the C library, after the program's name.
    row(
        &["qemu-", ": Assertion `", "' failed"],
        Meaning::EmulatorFailed,
    ),
    // GLib's `g_assert`, in the source directories of QEMU's user mode. Programs may use `g_assert`
    // too.
    row(&["ERROR:", "../accel/"], Meaning::EmulatorFailed),
    row(&["ERROR:", "../tcg/"], Meaning::EmulatorFailed),
    row(&["ERROR:", "../target/"], Meaning::EmulatorFailed),
    row(&["ERROR:", "../linux-user/"], Meaning::EmulatorFailed),
    // linux-user/signal.c: `dump_core_and_abort`.
    row(&["qemu: uncaught target signal "], Meaning::ProgramCrashed),
    // linux-user/syscall.c, if `QEMU_LOG` contains `unimp`.
    row(&["Unsupported syscall: "], Meaning::Unsupported),
    // The runner script of this library: QEMU's system mode failed, or the kernel in it.
    row(&[system::FAILED], Meaning::EmulatorFailed),
    // dlls/ntdll/unix/loader.c: kernel32.dll, ntdll.so and others that Wine needs to start.
    row(&["wine: could not load "], Meaning::EmulatorFailed),
    // server/signal.c: `do_sigsegv`.
    row(&["wineserver crashed"], Meaning::EmulatorFailed),
    // dlls/ntdll/unix/server.c: `server_protocol_error`.
    row(&["wine client error:"], Meaning::EmulatorFailed),
    // dlls/kernelbase/debug.c: an unhandled exception.
    row(&["wine: Unhandled "], Meaning::ProgramCrashed),
];

impl Row {
    fn matches(&self, line: &str) -> bool {
        let mut rest = Some(line);
        for part in self.parts {
            rest = rest.and_then(|rest| Some(rest.split_once(part)?.1));
        }
        rest.is_some()
    }
}

/// Wine's exit code for a missing DLL, of the program or of Wine itself: the last byte of
/// `STATUS_DLL_NOT_FOUND`.
const WINE_DLL_NOT_FOUND: i32 = 53;

/// A crash of the emulator or of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The emulator crashed, with this message.
    Emulator(String),
    /// The program crashed, in this way: `was terminated by SIGSEGV`.
    Program(String),
}

/// Detects crashes from the output of a program and its emulator.
#[derive(Debug, Default)]
pub(crate) struct CrashDetector {
    emulator: EmulatorKind,
    /// The emulator's first message about its own failure.
    pub(crate) emulator_failure: Option<String>,
    /// The emulator's last message about a crash of the program.
    program_crash: Option<String>,
    /// The emulator's last message about something it does not support.
    pub(crate) unsupported: Option<String>,
    /// Whether the program itself has printed anything.
    program_printed: bool,
}

impl CrashDetector {
    pub(crate) fn new(emulator: EmulatorKind) -> Self {
        CrashDetector {
            emulator,
            ..Self::default()
        }
    }

    /// Reads a line of standard output or standard error.
    pub(crate) fn read(&mut self, line: &str) {
        let row = LINES.iter().find(|row| row.matches(line));
        let line = line.trim();
        match row.map(|row| row.meaning) {
            Some(Meaning::EmulatorFailed) => {
                self.emulator_failure.get_or_insert_with(|| line.to_owned());
            }
            Some(Meaning::ProgramCrashed) => self.program_crash = Some(line.to_owned()),
            Some(Meaning::Unsupported) => self.unsupported = Some(line.to_owned()),
            None => self.program_printed = true,
        }
    }

    /// The crash of a program that failed with `code` or `signal`; `None` if it did not crash.
    pub(crate) fn program_crash(
        &mut self,
        code: Option<i32>,
        signal: Option<i32>,
    ) -> Option<Crash> {
        self.crash(code, fault(code, signal), self.program_printed)
    }

    /// The crash of a test binary whose failure cargo reports in `line`; `None` if it did not
    /// crash. A failed test is not a crash. `ran` is whether the binary began to run tests.
    pub(crate) fn test_binary_crash(&mut self, line: &str, ran: bool) -> Option<Crash> {
        let (_, exit) = line.rsplit_once(" (")?;
        let signal = exit.strip_prefix("signal: ").and_then(|rest| {
            let (_, rest) = rest.split_once(", ")?;
            Some(rest.split_once(':')?.0)
        });
        let code = exit.strip_prefix("exit status: ");
        let code = code.and_then(|rest| rest.strip_suffix(')')?.parse().ok());
        let signal = match self.emulator {
            EmulatorKind::Machine => fault(code, None),
            _ => signal,
        };
        self.crash(code, signal, ran)
    }

    /// The crash of a test in a process of its own that failed, with the name of the signal that
    /// terminated it; `None` if it did not crash.
    pub(crate) fn test_crash(&mut self, signal: Option<&str>) -> Option<Crash> {
        self.crash(None, signal, self.program_printed)
    }

    /// Whether the emulator has said anything.
    pub(crate) fn has_message(&self) -> bool {
        let messages = [
            &self.emulator_failure,
            &self.program_crash,
            &self.unsupported,
        ];
        messages.iter().any(|message| message.is_some())
    }

    fn crash(&mut self, code: Option<i32>, signal: Option<&str>, ran: bool) -> Option<Crash> {
        // The message is about one program, and must not be taken for the next program's.
        let program_crash = self.program_crash.take();
        // QEMU's user mode dies of a signal when it fails. A program may print its messages, and
        // exit as it likes.
        let can_have_failed = self.emulator != EmulatorKind::Qemu || signal.is_some();
        if let Some(message) = self.emulator_failure.as_ref().filter(|_| can_have_failed) {
            return Some(Crash::Emulator(message.clone()));
        }
        let is_fault = |signal: &str| FAULTS.iter().any(|(_, name)| *name == signal);
        match (self.emulator, signal, program_crash) {
            (EmulatorKind::Qemu, Some(name), None) if is_fault(name) => Some(Crash::Emulator(
                format!("it was terminated by {name} and reported no such signal of the program"),
            )),
            (_, Some(name), _) => Some(Crash::Program(format!("was terminated by {name}"))),
            (EmulatorKind::Wine, None, Some(message)) => {
                Some(Crash::Program(format!("crashed: {message}")))
            }
            (EmulatorKind::Wine, None, None) if code == Some(WINE_DLL_NOT_FOUND) && !ran => {
                Some(Crash::Emulator(format!(
                    "it exited with {WINE_DLL_NOT_FOUND} before the program printed anything: a DLL \
                     is missing"
                )))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::runner::QEMU_SYSTEM;

    fn detector_after(emulator: EmulatorKind, lines: &[&str]) -> CrashDetector {
        let mut detector = CrashDetector::new(emulator);
        lines.iter().for_each(|line| detector.read(line));
        detector
    }

    const UNCAUGHT: &str = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";

    #[test]
    fn an_emulators_message_about_its_own_failure_is_recognized() {
        for line in [
            "QEMU internal SIGSEGV {code=MAPERR, addr=0x20}",
            "qemu: fatal: Trying to execute code outside RAM or ROM at 0x0000000000000000",
            "qemu: unhandled CPU exception 0x10004 - aborting",
            "qemu-arm-static: ../../accel/tcg/cpu-exec.c:928: cpu_exec_loop: Assertion `cpu == current_cpu' failed.",
            "ERROR:../../accel/tcg/cpu-exec.c:962:cpu_exec: assertion failed: (cpu == current_cpu)",
            "Bail out! ERROR:../../tcg/tcg.c:1234:tcg_out: code should not be reached",
            "wine: could not load kernel32.dll, status c0000135",
            "wineserver crashed, please enable coredumps (ulimit -c unlimited) and restart.",
            "wine client error:20: write: Broken pipe",
        ] {
            // A user's runner may start any emulator, so the messages count for every kind.
            for emulator in [EmulatorKind::None, EmulatorKind::Qemu, EmulatorKind::Wine] {
                let got = detector_after(emulator, &["hello", line]).program_crash(Some(134), None);
                assert_eq!(got, Some(Crash::Emulator(line.to_owned())));
            }
        }
    }

    #[test]
    fn a_programs_output_is_not_taken_for_its_emulators() {
        for line in [
            "ERROR:../src/app.c:12:main: code should not be reached",
            "app: main.c:3: main: Assertion `x' failed.",
            "thread 'main' panicked at src/main.rs:1:13: qemu is fatal",
            "wine: created the configuration directory '/tmp/wine'",
        ] {
            assert_eq!(
                detector_after(EmulatorKind::Qemu, &[line]).program_crash(Some(1), None),
                None
            );
        }
    }

    #[test]
    fn a_fault_that_qemu_reports_is_the_programs_and_any_other_is_qemus() {
        let program = Some(Crash::Program("was terminated by SIGSEGV".to_owned()));
        for (code, signal) in [(Some(139), None), (None, Some(11))] {
            assert_eq!(
                detector_after(EmulatorKind::Qemu, &[UNCAUGHT]).program_crash(code, signal),
                program
            );
            assert_eq!(
                detector_after(EmulatorKind::None, &[]).program_crash(code, signal),
                program
            );
            let own = detector_after(EmulatorKind::Qemu, &["hello"]).program_crash(code, signal);
            assert!(matches!(own, Some(Crash::Emulator(message)) if message.contains("SIGSEGV")));
        }
        // `SIGKILL` is sent by another process, and 3 is an exit code of the program.
        for code in [137, 3] {
            assert_eq!(
                detector_after(EmulatorKind::Qemu, &[]).program_crash(Some(code), None),
                None
            );
        }
    }

    #[test]
    fn a_crash_of_one_test_binary_is_not_taken_for_the_next_ones() {
        let died = "  process didn't exit successfully: `run /w/a` (signal: 6, SIGABRT: process abort signal)";
        let mut detector = detector_after(EmulatorKind::Qemu, &[UNCAUGHT]);
        let first = detector.test_binary_crash(died, true);
        assert_eq!(
            first,
            Some(Crash::Program("was terminated by SIGABRT".to_owned()))
        );
        let second = detector.test_binary_crash(died, true);
        assert!(matches!(second, Some(Crash::Emulator(_))), "{second:?}");
    }

    #[test]
    fn a_failed_test_is_not_a_crash_and_a_killed_binary_is_not_the_emulators() {
        let failed = "process didn't exit successfully: `run /w/a (b)` (exit status: 101)";
        assert_eq!(
            detector_after(EmulatorKind::Qemu, &[]).test_binary_crash(failed, true),
            None
        );
        let killed = "process didn't exit successfully: `run /w/a` (signal: 9, SIGKILL: kill)";
        assert_eq!(
            detector_after(EmulatorKind::Qemu, &[]).test_binary_crash(killed, true),
            Some(Crash::Program("was terminated by SIGKILL".to_owned()))
        );
    }

    #[test]
    fn wine_reports_a_fault_and_exits_with_a_status() {
        let fault = "wine: Unhandled page fault on read access to 0000000000000000 at address 0000000140001234 (thread 0024), starting debugger...";
        assert_eq!(
            detector_after(EmulatorKind::Wine, &["hello", fault]).program_crash(Some(5), None),
            Some(Crash::Program(format!("crashed: {fault}")))
        );
        assert_eq!(
            detector_after(EmulatorKind::Wine, &["hello"]).program_crash(Some(5), None),
            None
        );
        let missing = detector_after(EmulatorKind::Wine, &[]).program_crash(Some(53), None);
        assert!(matches!(missing, Some(Crash::Emulator(message)) if message.contains("DLL")));
        let own = detector_after(EmulatorKind::Wine, &["hello"]).program_crash(Some(53), None);
        assert_eq!(own, None, "a program that ran may return 53");
    }

    #[test]
    fn a_machines_script_exits_with_the_signal_or_reports_the_machines_failure() {
        let died = "process didn't exit successfully: `run /w/a` (exit status: 134)";
        let mut detector = detector_after(EmulatorKind::Machine, &[]);
        assert_eq!(
            detector.test_binary_crash(died, true),
            Some(Crash::Program("was terminated by SIGABRT".to_owned()))
        );
        let line = format!("{}: no such device", system::FAILED);
        let own = detector_after(EmulatorKind::Machine, &[&line]).program_crash(Some(125), None);
        assert_eq!(own, Some(Crash::Emulator(line)));
        let machine = cross_targets::Target::parse("aarch64-unknown-linux-gnu")
            .unwrap()
            .machine()
            .unwrap();
        let default = Runner::QemuSystem(machine);
        assert_eq!(
            EmulatorKind::chosen(Some(QEMU_SYSTEM), &default),
            EmulatorKind::Machine
        );
        assert_eq!(
            EmulatorKind::chosen(Some(QEMU_SYSTEM), &Runner::None),
            EmulatorKind::None,
            "an image has its own runner"
        );
    }

    #[test]
    fn an_unsupported_system_call_is_kept_for_the_help() {
        let detector = detector_after(EmulatorKind::Qemu, &["Unsupported syscall: 435"]);
        assert_eq!(
            detector.unsupported.as_deref(),
            Some("Unsupported syscall: 435")
        );
    }

    #[test]
    fn the_users_command_names_its_emulator() {
        for (command, emulator) in [
            ("env A=1 qemu-aarch64-static", EmulatorKind::Qemu),
            ("/usr/bin/qemu-arm -cpu max", EmulatorKind::Qemu),
            ("qemu-system-arm -kernel", EmulatorKind::None),
            ("wine64", EmulatorKind::Wine),
            ("sh /w/run.sh", EmulatorKind::None),
        ] {
            assert_eq!(EmulatorKind::of_command(command), emulator, "{command}");
        }
    }
}
