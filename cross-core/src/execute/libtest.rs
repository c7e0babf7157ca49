//! Reads the output of a run of `cargo test`: cargo's messages about test binaries, and the results
//! of their harnesses.
//!
//! With a relay, the output and the end of each binary are known apart from those of all others.
//! What remains on cargo's own streams is cargo's, and that of documentation tests. Without a
//! relay, everything is on cargo's streams, and its messages tell which binary failed.

mod messages;
mod relayed;
mod tail;

use std::borrow::Cow;
use std::time::Duration;

use cross_engine::process::untrusted::Room;
use cross_engine::process::{Exit, Stream};

use crate::execute::harness_json;
use crate::execute::harness_output::{HarnessOutput, SuiteResults};
use crate::execute::harness_words::{is_brief, is_json, is_other_format, prints_names};
use crate::model::outcome::Artifact;
use crate::model::test_summary::{TestBinary, TestSummary};
use crate::target::emulator_crash::{Crash, CrashDetector, EmulatorKind};
use messages::{binary_in, exit_status, is_blame, started_name};
use relayed::RelayedBinary;
use tail::Tail;

/// Reads the output of `cargo test`.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) watch: CrashDetector,
    /// Whether libtest is told to print the names of its tests.
    prints_names: bool,
    /// Whether libtest is told to print JSON.
    prints_json: bool,
    /// Whether wasm-bindgen's test runner takes the place of libtest.
    is_wasm_bindgen: bool,
    /// Whether libtest is told to print something other than its text.
    has_other_format: bool,
    /// The file names of the test binaries that no emulator runs.
    of_the_host: Vec<String>,
    /// The binaries that cargo announced, in order.
    started: Vec<StartedBinary>,
    /// The number of results that were read before cargo's announcement of their binary.
    unassigned: usize,
    /// The binaries that the relay started, in order.
    relayed: Vec<RelayedBinary>,
    /// What is on cargo's own standard output.
    cargo: HarnessOutput,
    /// The suites on it that have ended, each with the binary that was announced last.
    ended: Vec<(usize, String)>,
    /// Whether a binary has started its tests and not reported its results yet.
    running: bool,
    /// The first binary that crashed or whose emulator crashed, and the crash.
    pub(crate) crash: Option<(String, Crash)>,
    /// The file names of the binaries that cargo reports as failed, and how they ended.
    failed: Vec<(String, String)>,
    /// Cargo's first message that tests failed.
    pub(crate) blamed: Option<String>,
    room: Room,
}

/// A test binary, or the documentation tests of a library, that cargo announced.
#[derive(Clone, Debug)]
pub(crate) struct StartedBinary {
    /// The name in cargo's announcement.
    pub(crate) name: String,
    /// Whether it reported results.
    pub(crate) has_ended: bool,
    /// Whether the relay started it.
    pub(crate) is_relayed: bool,
}

impl StartedBinary {
    /// Whether these are documentation tests.
    pub(crate) fn is_documentation(&self) -> bool {
        self.name.starts_with(DOCUMENTATION)
    }

    /// Returns the file name of the test binary.
    pub(crate) fn file(&self) -> Option<&str> {
        let (_, path) = self.name.strip_suffix(')')?.rsplit_once('(')?;
        path.rsplit('/').next()
    }
}

/// What wasm-bindgen's test runner prints for a binary without tests.
const NO_TESTS: &str = "no tests to run!";
/// What libtest prints for one.
const WITHOUT_TESTS: [&str; 2] = [
    "running 0 tests",
    "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
];

/// The prefix of cargo's announcement of documentation tests.
pub(crate) const DOCUMENTATION: &str = "Doc-tests ";

/// The totals of one test binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BinaryResult {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// A binary that failed in another way than by tests that failed.
#[derive(Debug)]
pub(crate) struct FailedBinary {
    pub(crate) file: String,
    /// How it ended: `was terminated by SIGSEGV`.
    pub(crate) how: String,
    /// The tests that did not finish.
    pub(crate) unfinished: Vec<String>,
}

impl FailedBinary {
    /// Whether its process exited, with any status: nothing terminated it.
    pub(crate) fn ends_itself(&self) -> bool {
        self.how.starts_with("ended ")
    }
}

impl Reader {
    /// Reads the output of a run whose harnesses have these arguments.
    pub(crate) fn new(emulator: EmulatorKind, command: &[String]) -> Self {
        Reader {
            watch: CrashDetector::new(emulator),
            prints_names: prints_names(command),
            prints_json: is_json(command),
            is_wasm_bindgen: emulator == EmulatorKind::WasmBindgen,
            has_other_format: is_other_format(command),
            cargo: HarnessOutput::of_several(),
            ..Self::default()
        }
    }

    /// Names the test binaries that run where cargo does, without the target's emulator.
    pub(crate) fn with_host_tests(mut self, built: &[Artifact]) -> Self {
        let files = built.iter().filter_map(|test| test.inside.file_name());
        self.of_the_host = files
            .map(|file| file.to_string_lossy().into_owned())
            .collect();
        self
    }

    /// Reads a line of cargo's own streams. Returns the totals if the line is the last one of a
    /// harness.
    pub(crate) fn read(&mut self, stream: Stream, line: &str) -> Option<BinaryResult> {
        self.watch.read(line);
        match stream {
            Stream::Stdout => self.read_results(line),
            _ => {
                self.read_message(line.trim());
                None
            }
        }
    }

    fn read_results(&mut self, line: &str) -> Option<BinaryResult> {
        let mut line = &*self.as_text(line);
        self.running |= is_start(line);
        if self.is_wasm_bindgen && line == NO_TESTS {
            let [start, end] = WITHOUT_TESTS;
            self.cargo.read(start, &mut self.room);
            line = end;
        }
        let suite = self.cargo.read(line, &mut self.room)?;
        self.running = false;
        let results = self.cargo.results(suite);
        self.assign_result(&results);
        let name = self.started.last().map(|binary| binary.name.clone());
        let name = name.unwrap_or_default();
        if self.room.take(name.len()) {
            self.ended.push((suite, name));
        }
        Some(totals(&results))
    }

    fn as_text<'l>(&self, line: &'l str) -> Cow<'l, str> {
        match self.prints_json {
            true => harness_json::as_text(line),
            false => line.into(),
        }
    }

    /// Reads a line that cargo prints on standard error.
    fn read_message(&mut self, line: &str) {
        if let Some(name) = started_name(line).filter(|name| self.room.take(2 * name.len())) {
            let has_ended = self.unassigned > 0;
            self.unassigned = self.unassigned.saturating_sub(1);
            self.started.push(StartedBinary {
                name: name.to_owned(),
                has_ended,
                is_relayed: false,
            });
        }
        if self.blamed.is_none() && is_blame(line) {
            self.blamed = Some(line.to_owned());
        }
        if line.contains("process didn't exit successfully: ") {
            let file = binary_in(line);
            let crash = match self.of_the_host.contains(&file) {
                true => CrashDetector::default().test_binary_crash(line, self.running),
                false => self.watch.test_binary_crash(line, self.running),
            };
            let how = match &crash {
                Some(Crash::Program(how)) => Some(how.clone()),
                Some(Crash::Emulator(_)) => None,
                None => exit_status(line).map(|status| format!("ended with exit status {status}")),
            };
            if let Some(how) = how.filter(|how| self.room.take(file.len() + how.len())) {
                self.failed.push((file.clone(), how));
            }
            if let Some(crash) = crash.filter(|_| self.crash.is_none()) {
                self.crash = Some((file, crash));
            }
            self.running = false;
        }
    }

    /// Starts a binary, whose output is that of the relay from now on. `words` is what cargo gives
    /// to it, if that is known: cargo's configuration may make it brief.
    pub(crate) fn start(&mut self, file: &str, has_libtest: bool, words: Option<&[String]>) {
        let announced = self.started.last_mut();
        let announced = announced.filter(|binary| binary.file() == Some(file));
        let name = match announced {
            Some(binary) => {
                binary.is_relayed = true;
                binary.name.clone()
            }
            None => file.to_owned(),
        };
        self.running = false;
        if let Some(last) = self.relayed.last_mut() {
            last.settle(&mut self.room);
        }
        if self.room.take(2 * name.len()) {
            self.relayed.push(RelayedBinary {
                name,
                file: file.to_owned(),
                has_libtest,
                prints_names: words.map_or(self.prints_names, |words| !is_brief(words)),
                output: match has_libtest {
                    true => HarnessOutput::default(),
                    false => HarnessOutput::of_several(),
                },
                exit: None,
                duration: None,
                missing_runner: None,
                names: None,
                tail: Tail::default(),
            });
        }
    }

    /// Reads a line of the binary that was started last.
    pub(crate) fn read_binary(&mut self, stream: Stream, line: &str) {
        self.watch.read(line);
        if let Some(binary) = self.relayed.last_mut() {
            binary.tail.push(line);
        }
        let line = &*self.as_text(line);
        if let (Stream::Stdout, Some(binary)) = (stream, self.relayed.last_mut()) {
            self.running |= is_start(line);
            if self.is_wasm_bindgen && line == NO_TESTS {
                let [start, end] = WITHOUT_TESTS;
                binary.output.read(start, &mut self.room);
                binary.output.read(end, &mut self.room);
            } else {
                binary.output.read(line, &mut self.room);
            }
        }
    }

    /// Names the binaries that have started and not ended, each with the tests that are known not
    /// to have finished.
    pub(crate) fn running(&self) -> Vec<String> {
        let relayed = self.relayed.iter();
        let running = relayed.filter(|binary| binary.exit.is_none());
        running.map(RelayedBinary::with_unfinished).collect()
    }

    /// Notes that the binary that was started last was not: the environment lacks its runner.
    pub(crate) fn lack_runner(&mut self, runner: &str) {
        if let Some(binary) = self.relayed.last_mut() {
            binary.missing_runner = Some(runner.to_owned());
        }
    }

    /// Whether the environment lacks the runner of a binary.
    pub(crate) fn lacks_runner(&self) -> bool {
        let mut relayed = self.relayed.iter();
        relayed.any(|binary| binary.missing_runner.is_some())
    }

    /// Ends the binary that was started last. Returns whether only the names of its tests tell
    /// their results.
    pub(crate) fn end(&mut self, exit: Exit, duration: Duration) -> bool {
        let Some(binary) = self.relayed.last_mut() else {
            return false;
        };
        binary.exit = Some(exit);
        binary.duration = Some(duration);
        if !binary.has_libtest || !binary.prints_names {
            return false;
        }
        let results = binary.output.own();
        !results.has_ended || !results.is_complete || binary.output.is_ambiguous()
    }

    /// Reads what the binary that was started last prints for `--list`.
    pub(crate) fn list(&mut self, text: &str) {
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| {
                line.strip_suffix(": test")
                    .or(line.strip_suffix(": benchmark"))
            })
            .map(str::to_owned)
            .collect();
        let size = names.iter().map(String::len).sum();
        if let Some(binary) = self.relayed.last_mut().filter(|_| self.room.take(size)) {
            binary.names = Some(names);
        }
    }

    /// Returns the totals of the binary that was started last, if it reported any.
    pub(crate) fn totals(&self) -> Option<BinaryResult> {
        let results = self.relayed.last()?.results();
        let has_any = results.has_ended || !results.tests.is_empty();
        has_any.then(|| totals(&results))
    }

    /// Returns the results of all tests.
    pub(crate) fn summary(&self) -> TestSummary {
        let mut summary = TestSummary::default();
        for binary in &self.relayed {
            let (binary, failures) = binary.outcome();
            summary.failures.extend(failures);
            summary.add(binary);
        }
        let suites = self.cargo.ended();
        // Cargo's announcements and the results are on two streams, and either may be read first.
        // They match by their order, unless a binary without libtest's harness reported nothing.
        // Then the last announcement before a result is most likely that of its binary.
        let announced: Vec<_> = self
            .started
            .iter()
            .filter(|binary| !binary.is_relayed)
            .collect();
        for (n, suite) in suites.iter().enumerate() {
            let last = || self.ended.iter().find(|(ended, _)| ended == suite);
            let name = match announced.len() == suites.len() {
                true => &announced[n].name,
                false => last().map_or("", |(_, name)| name),
            };
            add(&mut summary, name, self.cargo.results(*suite));
        }
        // A test ended their process.
        let mut without_result = announced.iter().rev().filter(|binary| !binary.has_ended);
        for suite in self.cargo.cut() {
            let name = without_result.next().map_or("", |binary| &binary.name);
            add(&mut summary, name, self.cargo.results(suite));
        }
        let rest = self.cargo.not_stored;
        summary.count(rest.passed, rest.failed, rest.ignored);
        summary
    }

    /// Returns the binaries that cargo announced, in order.
    pub(crate) fn started(&self) -> &[StartedBinary] {
        &self.started
    }

    /// Returns the binaries that the relay started, in order.
    pub(crate) fn relayed(&self) -> &[RelayedBinary] {
        &self.relayed
    }

    /// Returns the binaries that failed in another way than by tests that failed.
    pub(crate) fn failed_binaries(&self) -> Vec<FailedBinary> {
        let told = |file: &str| {
            let told = self.failed.iter().find(|(failed, _)| failed == file);
            told.map(|(_, how)| how.clone())
        };
        let mut failed = Vec::new();
        for binary in &self.relayed {
            let results = binary.results();
            let has_failures =
                results.totals.failed > 0 && (results.has_ended || !binary.has_libtest);
            let how = match binary.exit {
                Some(exit) if exit.success() && !binary.has_ended() => {
                    "ended without a result".to_owned()
                }
                Some(exit) if !exit.success() && binary.missing_runner.is_some() => {
                    without_runner(binary.missing_runner.as_deref().unwrap_or_default())
                }
                Some(exit) if !exit.success() && !has_failures => {
                    told(&binary.file).unwrap_or_else(|| format!("ended with {exit}"))
                }
                _ => continue,
            };
            failed.push(FailedBinary {
                how,
                file: binary.file.clone(),
                unfinished: binary.unfinished(),
            });
        }
        let is_relayed = |file: &str| self.relayed.iter().any(|binary| binary.file == file);
        let others = self.failed.iter().filter(|(file, _)| !is_relayed(file));
        failed.extend(others.map(|(file, how)| FailedBinary {
            file: file.clone(),
            how: how.clone(),
            unfinished: Vec::new(),
        }));
        failed
    }

    /// Whether a binary failed, and its harness does not say why. A message of the emulator may
    /// then be the reason. Tests may print the same message.
    pub(crate) fn is_unexplained(&self) -> bool {
        let is_unexplained = |binary: &RelayedBinary| {
            let failed = binary.exit.is_some_and(|exit| !exit.success());
            failed && !(binary.has_libtest && binary.own_results().has_ended)
        };
        self.relayed.is_empty() || self.relayed.iter().any(is_unexplained)
    }

    /// Returns what is said against the results: totals that contradict the names or the end.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for binary in &self.relayed {
            let results = binary.own_results();
            let file = &binary.file;
            if binary.is_contradicted() {
                let failed = results.totals.failed;
                doubts.push(format!(
                    "`{file}` prints that tests failed ({failed}), and ends with success: its harness is not \
                     libtest's, so its exit status is its result"
                ));
            } else if self.has_other_format && !results.has_ended {
                doubts.push(format!(
                    "the results of `{file}` are not known: it printed neither libtest's text nor its JSON"
                ));
            } else if results.has_ended && !results.is_complete && binary.prints_names {
                doubts.push(format!(
                    "the names of the tests of `{file}` do not agree with its totals"
                ));
            }
        }
        let incomplete = |suite: &usize| !self.cargo.results(*suite).is_complete;
        if self.prints_names && self.cargo.ended().iter().any(incomplete) {
            let message = "the names of some tests do not agree with the totals of their harness";
            doubts.push(message.to_owned());
        }
        doubts
    }

    /// Whether some output was not stored because of its size.
    pub(crate) fn is_full(&self) -> bool {
        self.room.is_full()
    }

    /// Assigns a result to a binary: to the last one without a result, since the announcements are
    /// on another stream. Documentation tests may report more than once.
    fn assign_result(&mut self, results: &SuiteResults) {
        let names = results.tests.iter().map(|test| &test.name);
        let is_documentation = names.into_iter().any(|name| is_documentation_test(name));
        let waits = |binary: &&mut StartedBinary| !binary.has_ended && !binary.is_relayed;
        let mut waiting = self.started.iter_mut().rev().filter(waits);
        let matches = |binary: &&mut StartedBinary| binary.is_documentation() == is_documentation;
        match waiting.find(matches) {
            Some(binary) => binary.has_ended = true,
            None if is_documentation => {}
            None => {
                // A library without documentation tests reports a result as well.
                match self.started.iter_mut().rev().find(waits) {
                    Some(binary) => binary.has_ended = true,
                    None => self.unassigned += 1,
                }
            }
        }
    }
}

/// Says that a program was not started.
pub(crate) fn without_runner(runner: &str) -> String {
    match runner.trim() {
        "" => "could not be started".to_owned(),
        runner => format!("was not started: its runner `{runner}` is not in the environment"),
    }
}

/// Adds the results of a binary that cargo itself ran.
fn add(summary: &mut TestSummary, name: &str, results: SuiteResults) {
    let (binary, failures) = binary_of(name, results);
    summary.failures.extend(failures);
    summary.add(binary);
}

/// The results of a binary as the caller gets them, and the names of its tests that failed.
fn binary_of(name: &str, results: SuiteResults) -> (TestBinary, Vec<String>) {
    let binary = TestBinary {
        name: name.to_owned(),
        passed: results.totals.passed,
        failed: results.totals.failed,
        ignored: results.totals.ignored,
        tests: results.tests,
        duration: results.totals.duration,
        incomplete: !results.has_ended,
        ..TestBinary::default()
    };
    (binary, results.failures)
}

fn totals(results: &SuiteResults) -> BinaryResult {
    BinaryResult {
        passed: results.totals.passed,
        failed: results.totals.failed,
    }
}

/// Whether a harness starts its tests with this line.
fn is_start(line: &str) -> bool {
    line.starts_with("running ") && line.contains(" test")
}

/// Whether the name is that of a documentation test: `src/lib.rs - module::item (line 3)`.
fn is_documentation_test(name: &str) -> bool {
    name.contains(" - ") && name.contains("(line ")
}

#[cfg(test)]
mod tests;
