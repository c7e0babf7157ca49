//! What a test harness prints, and what an emulator prints when it is the one that crashes.

use crate::outcome::TestSummary;

/// Reads the output of `cargo test`.
///
/// libtest has no stable machine-readable form, so its summary lines are read: their shape has not
/// changed since Rust 1.0, fields were only added at the end.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) summary: TestSummary,
    /// Whether an emulator runs the tests.
    emulated: bool,
    /// What the emulator said of its own crash, or what was seen of it.
    pub(crate) emulator_crash: Option<String>,
    /// Whether the emulator has told of the end of the program that it runs.
    program_crashed: bool,
    /// The failure cargo reports for a test binary that did not end by itself.
    pub(crate) abnormal_end: Option<String>,
}

/// The numbers of one test binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BinaryResult {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// What QEMU says before it ends for a reason of its own, in its versions from 7 on.
const QEMU_FAILED: [&str; 3] = [
    "QEMU internal SIG",
    "qemu: fatal:",
    "qemu: unhandled CPU exception",
];

/// Signals that a program gets for a fault of its own, as the standard library names them.
const FAULTS: [&str; 6] = [
    "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP",
];

impl Reader {
    /// A reader of tests that an emulator runs, or of native ones.
    pub(crate) fn new(emulated: bool) -> Self {
        Reader {
            emulated,
            ..Self::default()
        }
    }

    /// Reads a line of either stream; says so when it closes a binary's results.
    pub(crate) fn read(&mut self, line: &str) -> Option<BinaryResult> {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            let result = self.result(result);
            return Some(result);
        }
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.summary.failures.push(name.to_owned());
        }
        if QEMU_FAILED.iter().any(|words| line.contains(words)) {
            self.emulator_crash.get_or_insert_with(|| line.to_owned());
        }
        if line.contains("qemu: uncaught target signal") {
            self.program_crashed = true;
        }
        if line.contains("process didn't exit successfully") && line.contains("(signal: ") {
            self.abnormal_end.get_or_insert_with(|| line.to_owned());
            // QEMU tells of every fault of the program. Where it did not, it was its own, of which
            // it could say nothing any more.
            let told = std::mem::take(&mut self.program_crashed);
            if self.emulated && !told && FAULTS.iter().any(|name| line.contains(name)) {
                self.emulator_crash.get_or_insert_with(|| line.to_owned());
            }
        }
        None
    }

    fn result(&mut self, line: &str) -> BinaryResult {
        let count = |what: &str| {
            line.split([';', '.'])
                .filter_map(|part| part.trim().strip_suffix(what))
                .find_map(|number| number.trim().parse().ok())
                .unwrap_or(0)
        };
        let result = BinaryResult {
            passed: count("passed"),
            failed: count("failed"),
        };
        self.summary.passed += result.passed;
        self.summary.failed += result.failed;
        self.summary.ignored += count("ignored");
        self.summary.binaries += 1;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reader {
        let mut reader = Reader::new(true);
        text.lines().for_each(|line| {
            reader.read(line);
        });
        reader
    }

    #[test]
    fn results_of_all_binaries_are_summed() {
        let got = read(
            "running 3 tests\ntest a ... ok\ntest b::c ... FAILED\ntest d ... ignored\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s\n",
        );
        let summary = got.summary;
        assert_eq!(
            (summary.passed, summary.failed, summary.ignored),
            (13, 1, 1)
        );
        assert_eq!(summary.binaries, 2);
        assert_eq!(summary.failures, ["b::c"]);
        assert!(got.emulator_crash.is_none());
    }

    const DIED: &str = "process didn't exit successfully: `run /w/app` (signal: 11, SIGSEGV: invalid memory reference)";

    #[test]
    fn a_crash_of_the_program_is_not_one_of_the_emulator() {
        let told = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";
        let program = read(&format!("{told}\n{DIED}"));
        assert_eq!(program.emulator_crash, None);
        assert_eq!(program.abnormal_end.as_deref(), Some(DIED));
        let killed =
            read("process didn't exit successfully: `run /w/app` (signal: 9, SIGKILL: kill)");
        assert_eq!(killed.emulator_crash, None);
    }

    #[test]
    fn an_emulator_that_crashes_says_so_or_says_nothing() {
        let words = "QEMU internal SIGSEGV {code=MAPERR, addr=0x20}";
        assert_eq!(read(words).emulator_crash.as_deref(), Some(words));
        assert_eq!(read(DIED).emulator_crash.as_deref(), Some(DIED));
        let mut native = Reader::new(false);
        native.read(DIED);
        assert_eq!(native.emulator_crash, None);
    }
}
