//! Tells how tests ended that nextest ran: its JSON has what a failed test printed, and its words on
//! standard error have the signal.

use std::collections::HashMap;

use cross_engine::process::untrusted::Room;

use crate::model::printable::{beginning, printable};
use crate::target::emulator_crash::{Crash, CrashDetector, EmulatorKind};

/// How many bytes of a line are read: what emulators and nextest print is short.
const LINE: usize = 1 << 10;

/// Collects how tests ended.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    emulator: EmulatorKind,
    /// What nextest and all failed tests printed.
    pub(super) watch: CrashDetector,
    /// What the emulator said in failed tests, by nextest's names.
    said: HashMap<String, CrashDetector>,
    /// The signals that ended tests, by nextest's words for these: `app::it test`.
    signals: HashMap<String, String>,
    /// Of its own: less is told of how tests ended where it is full, and their results are complete.
    room: Room,
}

impl Crashes {
    pub(super) fn new(emulator: EmulatorKind) -> Self {
        Crashes {
            emulator,
            watch: CrashDetector::new(emulator),
            ..Self::default()
        }
    }

    /// Reads a line of nextest's own words.
    pub(super) fn read_words(&mut self, line: &str) {
        let line = &*printable(beginning(line, LINE));
        self.watch.read(line);
        let Some((test, signal)) = status(line) else {
            return;
        };
        match signal {
            Some(signal) if self.room.take(test.len() + signal.len()) => {
                self.signals.insert(test, signal.to_owned());
            }
            Some(_) => {}
            // A later attempt ended by itself.
            None => {
                self.signals.remove(&test);
            }
        }
    }

    /// Reads what a test printed that failed; `None` if it did not fail.
    pub(super) fn read_result(&mut self, binary: &str, test: &str, printed: Option<&str>) {
        let name = format!("{binary}${test}");
        self.said.remove(&name);
        let mut watch = CrashDetector::new(self.emulator);
        for line in printed.unwrap_or_default().lines() {
            let line = beginning(line, LINE);
            watch.read(line);
            self.watch.read(line);
        }
        if watch.has_message() && self.room.take(name.len() + 3 * LINE) {
            self.said.insert(name, watch);
        }
    }

    /// How a failed test ended, if it crashed or its emulator did.
    pub(super) fn of(&mut self, binary: &str, test: &str) -> Option<Crash> {
        let said = self.said.remove(&format!("{binary}${test}"));
        let mut watch = said.unwrap_or_else(|| CrashDetector::new(self.emulator));
        let mut ids = ids(binary).into_iter();
        let signal = ids.find_map(|id| self.signals.get(&format!("{id} {test}")));
        watch.test_crash(signal.map(String::as_str))
    }
}

/// Whether `line` says that nextest could not start the program of `runner`.
pub(super) fn lacks(line: &str, runner: &str) -> bool {
    let words = ["failed to exec `", "` failed to execute"];
    let program = runner.split_whitespace().next();
    words.iter().any(|words| line.contains(words))
        && program.is_some_and(|program| {
            let forms = [format!("\"{program}\" "), format!("`{program} ")];
            forms.iter().any(|form| line.contains(form))
        })
}

/// The test of a line with its status, and the signal that ended it:
/// `     SIGABRT [   0.012s] (2/2) app::it aborts`.
fn status(line: &str) -> Option<(String, Option<&str>)> {
    let (status, rest) = line.split_once('[')?;
    let (time, test) = rest.split_once(']')?;
    time.trim().strip_suffix('s')?.parse::<f64>().ok()?;
    let mut words = test.split_whitespace();
    let (name, binary) = (words.next_back()?, words.next_back()?);
    let is_signal = |word: &&str| {
        let number_or_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let name = word.strip_prefix("SIG").filter(|name| !name.is_empty());
        name.is_some_and(|name| name.bytes().all(number_or_name))
    };
    let signal = status.split_whitespace().next_back().filter(is_signal);
    Some((format!("{binary} {name}"), signal))
}

/// What nextest's words call the binary that its JSON calls `binary`: the package, with the kind and
/// the name of the binary. A library has the name of its package.
fn ids(binary: &str) -> Vec<String> {
    let (package, name) = binary.split_once("::").unwrap_or((binary, ""));
    let kinds = ["", "bin/", "example/", "bench/"];
    let mut ids: Vec<_> = kinds
        .iter()
        .map(|kind| format!("{package}::{kind}{name}"))
        .collect();
    if package.replace('-', "_") == name.replace('-', "_") {
        ids.push(package.to_owned());
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_of_a_test_is_in_nextests_words() {
        for (line, expected) in [
            (
                "     SIGABRT [   0.012s] (2/2) app::it a::aborts",
                Some(("app::it a::aborts", Some("SIGABRT"))),
            ),
            (
                "  TRY 2 SIGSEGV [   0.004s] app crashes",
                Some(("app crashes", Some("SIGSEGV"))),
            ),
            (
                "   FLAKY 2/2 [   1.000s] (1/1) app t",
                Some(("app t", None)),
            ),
            ("        SLOW [> 60.000s] app t", None),
            ("error: test run failed", None),
        ] {
            let expected = expected.map(|(test, signal)| (test.to_owned(), signal));
            assert_eq!(status(line), expected, "{line}");
        }
    }

    #[test]
    fn the_last_attempt_of_a_test_says_how_it_ended() {
        let mut crashes = Crashes::new(EmulatorKind::None);
        for line in [
            "TRY 1 SIGSEGV [   0.004s] my-app::bin/my-app flaky",
            "TRY 1 SIGSEGV [   0.004s] my-app lost",
            "TRY 2 FAIL [   0.004s] my-app::bin/my-app flaky",
            "TRY 2 SIGKILL [   0.004s] my-app lost",
        ] {
            crashes.read_words(line);
        }
        assert_eq!(crashes.of("my-app::my-app", "flaky"), None);
        let lost = crashes.of("my-app::my_app", "lost");
        let how = "was terminated by SIGKILL".to_owned();
        assert_eq!(lost, Some(Crash::Program(how)));
    }

    #[test]
    fn a_missing_runner_is_known_by_its_program() {
        let runner = "nope --fast";
        for line in [
            "error: [double-spawn] failed to exec `\"nope\" \"--fast\" \"/w/app\" \"--list\"`",
            "  for `app`, command `nope --fast /w/app --list` failed to execute",
        ] {
            assert!(lacks(line, runner), "{line}");
            assert!(!lacks(line, "") && !lacks(line, "qemu-arm"), "{line}");
        }
        assert!(!lacks("`nope ` is not here", runner));
    }
}
