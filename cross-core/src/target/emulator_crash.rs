//! Who crashed: the program, or the emulator that runs it. What each emulator prints, as a table.

use cross_targets::Runner;

use crate::target::runner::{QEMU_SYSTEM, system};

/// What runs programs of the target, as far as its crash differs from theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EmulatorKind {
    /// The machine itself, or something that says nothing of its own.
    #[default]
    None,
    /// QEMU's user mode. It tells of every fatal signal of the program, and then dies of the same one.
    Qemu,
    /// QEMU's system mode: the script that starts it returns 128 and the number of the program's signal.
    Machine,
    /// Wine, which returns the last byte of the status a program ended with.
    Wine,
}

impl EmulatorKind {
    /// The emulator of a target whose `runner` in the configuration is `asked`, and whose usual one is
    /// `usual`.
    pub(crate) fn chosen(asked: Option<&str>, usual: &Runner) -> Self {
        match asked {
            None | Some("" | "qemu-user" | QEMU_SYSTEM) => EmulatorKind::of(usual),
            Some(command) => EmulatorKind::of_command(command),
        }
    }

    fn of(runner: &Runner) -> Self {
        match runner {
            Runner::QemuUser { .. } | Runner::QemuBareMetal { .. } => EmulatorKind::Qemu,
            Runner::QemuSystem(_) => EmulatorKind::Machine,
            Runner::Wine { .. } => EmulatorKind::Wine,
            _ => EmulatorKind::None,
        }
    }

    /// The emulator that a command of the user's starts, by the names in it.
    fn of_command(command: &str) -> Self {
        let has = |name: &str| command.split(['/', ' ']).any(|word| word.starts_with(name));
        match () {
            () if has("qemu-system") => EmulatorKind::None,
            () if has("qemu-") => EmulatorKind::Qemu,
            () if has("wine") => EmulatorKind::Wine,
            () => EmulatorKind::None,
        }
    }
}

/// What a line of an emulator's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// The emulator itself fails.
    EmulatorFailed,
    /// The program got a fatal signal, or what Windows has in its place.
    ProgramCrashed,
    /// The emulator lacks something that the program asks for.
    Lacking,
}

/// A line is known by these words, which occur in it in this order.
struct Row {
    words: &'static [&'static str],
    means: Means,
}

const fn row(words: &'static [&'static str], means: Means) -> Row {
    Row { words, means }
}

/// The lines, with where each is printed. QEMU's are of versions 7.2 to 10, Wine's of 8 to 10.
const LINES: &[Row] = &[
    // linux-user/signal.c: a signal that the host sends for a fault in QEMU's own code (from 8.1 on).
    row(&["QEMU internal SIG"], Means::EmulatorFailed),
    // cpu-target.c: `cpu_abort`.
    row(&["qemu: fatal:"], Means::EmulatorFailed),
    // linux-user/cpu_loop-common.h: `EXCP_DUMP`.
    row(&["qemu: unhandled CPU exception"], Means::EmulatorFailed),
    // The C library's `assert`, after the program's name.
    row(
        &["qemu-", ": Assertion `", "' failed"],
        Means::EmulatorFailed,
    ),
    // GLib's `g_assert`, in the directories that QEMU's user mode is made of. A program may use it, too.
    row(&["ERROR:", "../accel/"], Means::EmulatorFailed),
    row(&["ERROR:", "../tcg/"], Means::EmulatorFailed),
    row(&["ERROR:", "../target/"], Means::EmulatorFailed),
    row(&["ERROR:", "../linux-user/"], Means::EmulatorFailed),
    // linux-user/signal.c: `dump_core_and_abort`.
    row(&["qemu: uncaught target signal "], Means::ProgramCrashed),
    // linux-user/syscall.c, where `QEMU_LOG` has `unimp`.
    row(&["Unsupported syscall: "], Means::Lacking),
    // Ours: QEMU's system mode failed, or the kernel in it.
    row(&[system::FAILED], Means::EmulatorFailed),
    // dlls/ntdll/unix/loader.c: kernel32.dll, ntdll.so and what else Wine cannot start without.
    row(&["wine: could not load "], Means::EmulatorFailed),
    // server/signal.c: `do_sigsegv`.
    row(&["wineserver crashed"], Means::EmulatorFailed),
    // dlls/ntdll/unix/server.c: `server_protocol_error`.
    row(&["wine client error:"], Means::EmulatorFailed),
    // dlls/kernelbase/debug.c: an exception that nobody handles.
    row(&["wine: Unhandled "], Means::ProgramCrashed),
];

impl Row {
    fn is(&self, line: &str) -> bool {
        let mut rest = Some(line);
        for words in self.words {
            rest = rest.and_then(|rest| Some(rest.split_once(words)?.1));
        }
        rest.is_some()
    }
}

/// The status of Wine that is the last byte of `STATUS_DLL_NOT_FOUND`: a DLL that the program is linked
/// with, or Wine itself, is not there.
const WINE_DLL_NOT_FOUND: i32 = 53;

/// Signals that a program gets for a fault, by their numbers on every Linux that builds; `SIGKILL` and
/// the rest come from others.
const FAULTS: [(i32, &str); 6] = [
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (11, "SIGSEGV"),
];

/// The signal of a fault that ended what ended so: a shell, and so a container's first process, says
/// 128 + n for one.
fn fault(code: Option<i32>, signal: Option<i32>) -> Option<&'static str> {
    let number = signal.or_else(|| Some(code? - 128))?;
    let named = FAULTS.iter().find(|(it, _)| *it == number);
    named.map(|(_, name)| *name)
}

/// Whose crash it was, in whose words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The emulator's.
    EmulatorKind(String),
    /// The program's: `was ended by SIGSEGV`.
    Program(String),
}

/// Reads what a program and its emulator print.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    emulator: EmulatorKind,
    /// What the emulator said of a failure of its own, the first time.
    pub(crate) failed: Option<String>,
    /// What the emulator said last of a crash of the program.
    told: Option<String>,
    /// What the emulator said last that it lacks.
    pub(crate) lacking: Option<String>,
    /// Whether the program itself has printed something.
    spoke: bool,
}

impl Watch {
    pub(crate) fn new(emulator: EmulatorKind) -> Self {
        Watch {
            emulator,
            ..Self::default()
        }
    }

    /// Reads a line of either stream.
    pub(crate) fn read(&mut self, line: &str) {
        let row = LINES.iter().find(|row| row.is(line));
        let line = line.trim();
        match row.map(|row| row.means) {
            Some(Means::EmulatorFailed) => {
                self.failed.get_or_insert_with(|| line.to_owned());
            }
            Some(Means::ProgramCrashed) => self.told = Some(line.to_owned()),
            Some(Means::Lacking) => self.lacking = Some(line.to_owned()),
            None => self.spoke = true,
        }
    }

    /// What came of the one program that was watched, which has failed, if it crashed.
    pub(crate) fn judge(&mut self, code: Option<i32>, signal: Option<i32>) -> Option<Crash> {
        self.judge_as(code, fault(code, signal), self.spoke)
    }

    /// The same for a test binary that cargo reports in `line`. That a test failed is no crash. `ran`
    /// says whether it began to run tests.
    pub(crate) fn judge_binary(&mut self, line: &str, ran: bool) -> Option<Crash> {
        let (_, how) = line.rsplit_once(" (")?;
        let signal = how.strip_prefix("signal: ").and_then(|rest| {
            let (_, rest) = rest.split_once(", ")?;
            Some(rest.split_once(':')?.0)
        });
        let code = how.strip_prefix("exit status: ");
        let code = code.and_then(|rest| rest.strip_suffix(')')?.parse().ok());
        let signal = match self.emulator {
            EmulatorKind::Machine => fault(code, None),
            _ => signal,
        };
        self.judge_as(code, signal, ran)
    }

    fn judge_as(&mut self, code: Option<i32>, signal: Option<&str>, ran: bool) -> Option<Crash> {
        // What is told of one program says nothing of the next.
        let told = self.told.take();
        if let Some(words) = &self.failed {
            return Some(Crash::EmulatorKind(words.clone()));
        }
        let is_fault = |name: &str| FAULTS.iter().any(|(_, it)| *it == name);
        match (self.emulator, signal, told) {
            (EmulatorKind::Qemu, Some(name), None) if is_fault(name) => Some(Crash::EmulatorKind(
                format!("it was ended by {name}, and told of no such signal of the program's"),
            )),
            (_, Some(name), _) => Some(Crash::Program(format!("was ended by {name}"))),
            (EmulatorKind::Wine, None, Some(words)) => {
                Some(Crash::Program(format!("crashed: {words}")))
            }
            (EmulatorKind::Wine, None, None) if code == Some(WINE_DLL_NOT_FOUND) && !ran => {
                Some(Crash::EmulatorKind(format!(
                    "it returned {WINE_DLL_NOT_FOUND} before the program said anything: a DLL is missing"
                )))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(emulator: EmulatorKind, lines: &[&str]) -> Watch {
        let mut watch = Watch::new(emulator);
        lines.iter().for_each(|line| watch.read(line));
        watch
    }

    const TOLD: &str = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";

    #[test]
    fn what_an_emulator_says_of_its_own_failure_is_known() {
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
            // Whatever came of the program by it, and whatever runs it: a user's runner may be anything.
            for emulator in [EmulatorKind::None, EmulatorKind::Qemu, EmulatorKind::Wine] {
                let got = watched(emulator, &["hello", line]).judge(Some(134), None);
                assert_eq!(got, Some(Crash::EmulatorKind(line.to_owned())));
            }
        }
    }

    #[test]
    fn what_a_program_prints_is_not_its_emulators() {
        for line in [
            "ERROR:../src/app.c:12:main: code should not be reached",
            "app: main.c:3: main: Assertion `x' failed.",
            "thread 'main' panicked at src/main.rs:1:13: qemu is fatal",
            "wine: created the configuration directory '/tmp/wine'",
        ] {
            assert_eq!(
                watched(EmulatorKind::Qemu, &[line]).judge(Some(1), None),
                None
            );
        }
    }

    #[test]
    fn a_fault_that_qemu_tells_of_is_the_programs_and_one_that_it_does_not_is_its_own() {
        let program = Some(Crash::Program("was ended by SIGSEGV".to_owned()));
        for (code, signal) in [(Some(139), None), (None, Some(11))] {
            assert_eq!(
                watched(EmulatorKind::Qemu, &[TOLD]).judge(code, signal),
                program
            );
            assert_eq!(
                watched(EmulatorKind::None, &[]).judge(code, signal),
                program
            );
            let own = watched(EmulatorKind::Qemu, &["hello"]).judge(code, signal);
            assert!(matches!(own, Some(Crash::EmulatorKind(words)) if words.contains("SIGSEGV")));
        }
        // `SIGKILL` comes from somebody else, and 3 is the program's own answer.
        for code in [137, 3] {
            assert_eq!(
                watched(EmulatorKind::Qemu, &[]).judge(Some(code), None),
                None
            );
        }
    }

    #[test]
    fn what_is_told_of_one_test_binary_is_not_told_of_the_next() {
        let died = "  process didn't exit successfully: `run /w/a` (signal: 6, SIGABRT: process abort signal)";
        let mut watch = watched(EmulatorKind::Qemu, &[TOLD]);
        let first = watch.judge_binary(died, true);
        assert_eq!(
            first,
            Some(Crash::Program("was ended by SIGABRT".to_owned()))
        );
        let second = watch.judge_binary(died, true);
        assert!(matches!(second, Some(Crash::EmulatorKind(_))), "{second:?}");
    }

    #[test]
    fn a_failed_test_is_no_crash_and_a_killed_binary_none_of_the_emulators() {
        let failed = "process didn't exit successfully: `run /w/a (b)` (exit status: 101)";
        assert_eq!(
            watched(EmulatorKind::Qemu, &[]).judge_binary(failed, true),
            None
        );
        let killed = "process didn't exit successfully: `run /w/a` (signal: 9, SIGKILL: kill)";
        assert_eq!(
            watched(EmulatorKind::Qemu, &[]).judge_binary(killed, true),
            Some(Crash::Program("was ended by SIGKILL".to_owned()))
        );
    }

    #[test]
    fn wine_tells_of_a_fault_and_returns_a_status() {
        let fault = "wine: Unhandled page fault on read access to 0000000000000000 at address 0000000140001234 (thread 0024), starting debugger...";
        assert_eq!(
            watched(EmulatorKind::Wine, &["hello", fault]).judge(Some(5), None),
            Some(Crash::Program(format!("crashed: {fault}")))
        );
        assert_eq!(
            watched(EmulatorKind::Wine, &["hello"]).judge(Some(5), None),
            None
        );
        let missing = watched(EmulatorKind::Wine, &[]).judge(Some(53), None);
        assert!(matches!(missing, Some(Crash::EmulatorKind(words)) if words.contains("DLL")));
        let own = watched(EmulatorKind::Wine, &["hello"]).judge(Some(53), None);
        assert_eq!(own, None, "a program that ran may return 53");
    }

    #[test]
    fn a_machines_script_returns_the_signal_or_says_that_it_was_the_machine() {
        let died = "process didn't exit successfully: `run /w/a` (exit status: 134)";
        let mut watch = watched(EmulatorKind::Machine, &[]);
        assert_eq!(
            watch.judge_binary(died, true),
            Some(Crash::Program("was ended by SIGABRT".to_owned()))
        );
        let line = format!("{}: no such device", system::FAILED);
        let own = watched(EmulatorKind::Machine, &[&line]).judge(Some(125), None);
        assert_eq!(own, Some(Crash::EmulatorKind(line)));
        let machine = cross_targets::Target::parse("aarch64-unknown-linux-gnu")
            .unwrap()
            .machine()
            .unwrap();
        let usual = Runner::QemuSystem(machine);
        assert_eq!(
            EmulatorKind::chosen(Some(QEMU_SYSTEM), &usual),
            EmulatorKind::Machine
        );
        assert_eq!(
            EmulatorKind::chosen(Some(QEMU_SYSTEM), &Runner::None),
            EmulatorKind::None,
            "an image has its own"
        );
    }

    #[test]
    fn a_missing_system_call_is_kept_for_the_help() {
        let watch = watched(EmulatorKind::Qemu, &["Unsupported syscall: 435"]);
        assert_eq!(watch.lacking.as_deref(), Some("Unsupported syscall: 435"));
    }

    #[test]
    fn a_command_of_the_users_names_its_emulator() {
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
