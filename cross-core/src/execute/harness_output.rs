//! Finds the results of libtest's harness among everything that tests print.
//!
//! libtest has no stable machine-readable format. Its text is on the stream to which tests write as
//! well: a result may start in the middle of a line, be split by a line, or look exactly like that
//! of another suite, which a test runs or prints. What holds in spite of that:
//!
//! - A harness first prints how many tests it runs. Its totals, at the end, have that sum.
//! - Just before its totals, it lists all tests that failed, and no test runs any more.
//!
//! A result that is found by its form alone is therefore a candidate. The totals say whether the
//! candidates are complete. Where they are not, the names of the tests decide ([`named`]), which
//! the binary prints when it is asked for them.
//!
//! [`named`]: HarnessOutput::named

mod messages;
mod totals;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cross_engine::process::untrusted::Room;

use crate::model::printable::beginning;
use crate::model::test_summary::{MESSAGE, TestResult, TestStatus};
pub(crate) use totals::Totals;
use totals::seconds;

/// How many suites may be open at once. Tests that run tests are rarely deeper than two.
const DEPTH: usize = 16;

/// The output of one stream.
#[derive(Debug, Default)]
pub(crate) struct HarnessOutput {
    /// Whether several harnesses print to it, one after the other.
    has_several: bool,
    suites: Vec<Suite>,
    /// The suites that have started and not ended, the innermost last.
    open: Vec<usize>,
    /// The suite that ended last.
    last_closed: Option<usize>,
    candidates: Vec<Candidate>,
    /// Whether a test printed what looks like a result or changes the meaning of one.
    is_ambiguous: bool,
    /// The totals of the suites for which there is no room.
    pub(crate) not_stored: Totals,
}

/// A run of a harness.
#[derive(Debug, Default)]
struct Suite {
    /// The number of tests that it announced.
    announced: Option<u64>,
    /// The suite in whose output it started.
    parent: Option<usize>,
    /// The suite that ended in its place: this one was cut, or is a line that a test printed.
    merged: Option<usize>,
    totals: Option<Totals>,
    /// Whether it prints the output of its tests, after their results.
    is_reporting: bool,
    is_listing: bool,
    /// The names in its last list of failures.
    failures: Vec<String>,
    /// What it says of tests that failed, each with the test's name.
    messages: Vec<(String, String)>,
    /// Whether it is printing the last of these.
    is_explaining: bool,
}

/// A text that looks like the result of a test.
#[derive(Debug)]
struct Candidate {
    suite: usize,
    name: String,
    /// `None` if something else follows the name.
    status: Option<TestStatus>,
    /// How long the test took, if the harness says so.
    duration: Option<Duration>,
    /// Why the test is ignored, if the harness says so.
    reason: Option<String>,
    /// Whether it is in the name of another one, or in the output of a test that a harness prints
    /// after the results.
    is_doubtful: bool,
}

/// The results of a suite.
#[derive(Debug, Default)]
pub(crate) struct SuiteResults {
    /// The totals of the harness. If it did not end, the numbers of `tests`.
    pub(crate) totals: Totals,
    /// The results of the tests whose names are known.
    pub(crate) tests: Vec<TestResult>,
    /// The names of the tests that failed.
    pub(crate) failures: Vec<String>,
    /// Whether the harness ended.
    pub(crate) has_ended: bool,
    /// Whether `tests` agrees with the totals.
    pub(crate) is_complete: bool,
}

impl HarnessOutput {
    /// The output of several harnesses, one after the other.
    pub(crate) fn of_several() -> Self {
        HarnessOutput {
            has_several: true,
            ..Self::default()
        }
    }

    /// Whether the results may be wrong although their numbers agree with the totals.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.is_ambiguous || self.suites.len() > 1
    }

    /// Reads a line. Returns the suite that ended with it, if it is not part of another suite.
    pub(crate) fn read(&mut self, line: &str, room: &mut Room) -> Option<usize> {
        let line = without_colors(line);
        let line = line.trim_end_matches('\r');
        if let Some(announced) = announced(line) {
            if self.open.len() < DEPTH && room.take(size_of::<Suite>()) {
                let is_announced = |suite: &usize| self.suites[*suite].announced.is_some();
                self.open.retain(is_announced);
                let parent = self.open.last().copied();
                let suite = self.push(Suite {
                    announced: Some(announced),
                    parent,
                    ..Suite::default()
                });
                self.open.push(suite);
            }
            return None;
        }
        if let Some(totals) = Totals::parse(line) {
            return self.close(totals, room);
        }
        let current = self.open.last().copied();
        let current = match current {
            // The harness may announce nothing.
            None if self.has_several
                && candidates(line).next().is_some()
                && room.take(size_of::<Suite>()) =>
            {
                let suite = self.push(Suite::default());
                self.open.push(suite);
                suite
            }
            None => return None,
            Some(current) => current,
        };
        let suite = &mut self.suites[current];
        match line {
            "failures:" => {
                (suite.is_reporting, suite.is_listing) = (true, true);
                suite.is_explaining = false;
                suite.failures.clear();
            }
            "successes:" => (suite.is_reporting, suite.is_listing) = (true, false),
            _ => {}
        }
        if let Some(name) = line.strip_prefix("    ").filter(|_| suite.is_listing) {
            if room.take(name.len()) {
                suite.failures.push(name.to_owned());
            }
        }
        if suite.is_reporting {
            suite.explain(line, room);
        }
        let is_reported = suite.is_reporting;
        for found in candidates(line) {
            self.is_ambiguous |= is_reported || found.place != Place::Start;
            let reason = found.reason.map(|text| beginning(text, MESSAGE));
            if room.take(2 * found.name.len() + reason.map_or(0, str::len)) {
                self.candidates.push(Candidate {
                    suite: current,
                    name: found.name.to_owned(),
                    status: found.status,
                    duration: found.duration,
                    reason: reason.map(str::to_owned),
                    is_doubtful: is_reported || found.place == Place::InName,
                });
            }
        }
        None
    }

    /// Ends the innermost suite that announced so many tests. Those inside it were cut.
    fn close(&mut self, totals: Totals, room: &mut Room) -> Option<usize> {
        let fits = |suite: &usize| {
            let announced = self.suites[*suite].announced;
            announced.is_none_or(|announced| announced == totals.sum())
        };
        let Some(at) = self.open.iter().rposition(fits) else {
            return match self.has_several {
                true => self.close_unannounced(totals, room),
                false => None,
            };
        };
        let suite = self.open[at];
        let innermost = self.open[self.open.len() - 1];
        for inner in self.open.drain(at..).skip(1) {
            self.suites[inner].merged = Some(suite);
        }
        self.suites[suite].failures = std::mem::take(&mut self.suites[innermost].failures);
        self.suites[suite].messages = std::mem::take(&mut self.suites[innermost].messages);
        self.suites[suite].totals = Some(totals);
        self.last_closed = Some(suite);
        if at > 0 {
            return None;
        }
        if !self.has_several {
            // A test may have printed these totals. The last ones that fit count.
            self.open.push(suite);
        }
        Some(suite)
    }

    /// Adds the totals of a harness that announces nothing.
    fn close_unannounced(&mut self, totals: Totals, room: &mut Room) -> Option<usize> {
        if !self.open.is_empty() {
            return None;
        }
        if !room.take(size_of::<Suite>()) {
            self.not_stored = self.not_stored.and(totals);
            return None;
        }
        let suite = self.push(Suite {
            totals: Some(totals),
            ..Suite::default()
        });
        self.last_closed = Some(suite);
        self.last_closed
    }

    fn push(&mut self, suite: Suite) -> usize {
        self.suites.push(suite);
        self.suites.len() - 1
    }

    /// The suites that ended and are no part of another one that ended.
    pub(crate) fn ended(&self) -> Vec<usize> {
        let has_ended = |suite: &usize| self.suites[*suite].totals.is_some();
        let is_outermost = |suite: &usize| {
            let mut parent = self.suites[*suite].parent;
            while let Some(outer) = parent {
                if has_ended(&outer) || self.suites[outer].merged.is_some() {
                    return false;
                }
                parent = self.suites[outer].parent;
            }
            true
        };
        let all = 0..self.suites.len();
        all.filter(has_ended).filter(is_outermost).collect()
    }

    /// The suites that announced their tests and did not end, and are no part of another one.
    pub(crate) fn cut(&self) -> impl Iterator<Item = usize> {
        let is_cut = |suite: &Suite| {
            suite.announced.is_some()
                && suite.parent.is_none()
                && suite.totals.is_none()
                && suite.merged.is_none()
        };
        let suites = self.suites.iter().enumerate();
        suites.filter_map(move |(n, suite)| is_cut(suite).then_some(n))
    }

    /// Returns the results of the only suite of a harness, by their form. If the harness did not
    /// end, these are the results until then.
    pub(crate) fn own(&self) -> SuiteResults {
        match self.suites.is_empty() {
            true => SuiteResults::default(),
            false => self.results(0),
        }
    }

    /// Returns the results of a suite, by their form.
    pub(crate) fn results(&self, suite: usize) -> SuiteResults {
        let own = self
            .candidates
            .iter()
            .filter(|candidate| !candidate.is_doubtful && self.merged(candidate.suite) == suite);
        let mut found = Found::default();
        own.for_each(|candidate| found.add(candidate));
        let Suite {
            totals,
            failures,
            messages,
            ..
        } = &self.suites[suite];
        found.results(*totals, failures).explained(messages)
    }

    /// Returns the results of the only suite of a harness whose tests have these `names`.
    pub(crate) fn named(&self, names: &[String]) -> SuiteResults {
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        let found = |wanted: &dyn Fn(&Candidate) -> bool| {
            let mut found = Found::default();
            let candidates = self.candidates.iter();
            let known = candidates.filter(|candidate| known.contains(&candidate.name[..]));
            known
                .filter(|candidate| wanted(candidate))
                .for_each(|candidate| found.add(candidate));
            found
        };
        let last = self.last_closed.map(|suite| &self.suites[suite]);
        let last = last.filter(|suite| suite.totals.map(Totals::sum) == Some(names.len() as u64));
        if let Some(suite) = last {
            // A line that looks like the start of a suite may have come before any result.
            let mut all = found(&|candidate| !self.is_own(candidate));
            all.extend(found(&|candidate| self.is_own(candidate)));
            if all.tests.len() == names.len() {
                let results = all.results(suite.totals, &suite.failures);
                return results.explained(&suite.messages);
            }
        }
        // Without its totals, a harness has not reported the output of its tests either.
        let own = found(&|candidate| !self.is_inner(candidate));
        own.results(None, &[]).with_unfinished(names)
    }

    fn is_own(&self, candidate: &Candidate) -> bool {
        !candidate.is_doubtful && !self.is_inner(candidate)
    }

    /// Whether a candidate belongs to a whole suite that a test ran.
    fn is_inner(&self, candidate: &Candidate) -> bool {
        let suite = &self.suites[candidate.suite];
        suite.parent.is_some() && suite.totals.is_some()
    }

    fn merged(&self, suite: usize) -> usize {
        self.suites[suite].merged.unwrap_or(suite)
    }
}

/// Candidates by name. The last result of a name counts.
#[derive(Debug, Default)]
struct Found<'a> {
    tests: Vec<FoundTest<'a>>,
    indices: HashMap<&'a str, usize>,
}

/// What candidates of one name say.
#[derive(Clone, Copy, Debug)]
struct FoundTest<'a> {
    name: &'a str,
    status: Option<TestStatus>,
    duration: Option<Duration>,
    reason: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn add(&mut self, candidate: &'a Candidate) {
        self.insert(FoundTest {
            name: &candidate.name,
            status: candidate.status,
            duration: candidate.duration,
            reason: candidate.reason.as_deref(),
        });
    }

    fn extend(&mut self, other: Found<'a>) {
        other.tests.into_iter().for_each(|test| self.insert(test));
    }

    fn insert(&mut self, test: FoundTest<'a>) {
        match self.indices.get(test.name) {
            Some(index) => {
                let found = &mut self.tests[*index];
                if test.status.is_some() {
                    *found = test;
                }
            }
            None => {
                self.indices.insert(test.name, self.tests.len());
                self.tests.push(test);
            }
        }
    }

    /// Decides each result by the totals and the list of failures, if the harness ended.
    fn results(self, totals: Option<Totals>, failures: &[String]) -> SuiteResults {
        // A harness whose tests passed lists no failures, but a test may have printed a list.
        let failures = match totals {
            Some(totals) if totals.failed == 0 => &[],
            _ => failures,
        };
        let listed = totals.filter(|totals| totals.failed == failures.len() as u64);
        let listed = listed.map(|_| failures.iter().map(String::as_str).collect::<HashSet<_>>());
        let result = |test: &FoundTest<'_>| {
            let FoundTest { name, duration, .. } = *test;
            let status = match (test.status, &listed) {
                (_, Some(listed)) if listed.contains(name) => TestStatus::Failed,
                // No test of this suite, since it is not in its list.
                (Some(TestStatus::Failed), Some(_)) => return None,
                (Some(status), _) => status,
                // The output of the test split its result.
                (None, Some(_)) => TestStatus::Passed,
                (None, None) => TestStatus::Unfinished,
            };
            Some(TestResult {
                duration,
                ..TestResult::new(name, status).with_reason(test.reason)
            })
        };
        let mut tests: Vec<_> = self.tests.iter().filter_map(result).collect();
        if listed.is_some() {
            let missing = failures
                .iter()
                .filter(|name| !self.indices.contains_key(&name[..]));
            tests.extend(missing.map(|name| TestResult::new(name, TestStatus::Failed)));
        }
        let with_status = |status| tests.iter().filter(move |test| test.status == status);
        let count = |status| with_status(status).count() as u64;
        let counted = Totals {
            passed: count(TestStatus::Passed),
            failed: count(TestStatus::Failed),
            ignored: count(TestStatus::Ignored),
            ..Totals::default()
        };
        let failures = with_status(TestStatus::Failed).map(|test| test.name.clone());
        SuiteResults {
            totals: totals.unwrap_or(counted),
            failures: failures.collect(),
            has_ended: totals.is_some(),
            is_complete: totals.is_some_and(|totals| {
                Totals {
                    measured: 0,
                    duration: None,
                    ..totals
                } == counted
            }),
            tests,
        }
    }
}

impl SuiteResults {
    /// Returns the names of the tests that did not finish.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = &str> {
        let tests = self.tests.iter();
        let unfinished = tests.filter(|test| test.status == TestStatus::Unfinished);
        unfinished.map(|test| test.name.as_str())
    }

    /// Returns the results of both suites.
    pub(crate) fn and(mut self, other: SuiteResults) -> Self {
        self.totals = self.totals.and(other.totals);
        self.tests.extend(other.tests);
        self.failures.extend(other.failures);
        self.has_ended &= other.has_ended;
        self.is_complete &= other.is_complete;
        self
    }

    /// Adds the tests that have no result, and puts those that started and did not end last.
    fn with_unfinished(mut self, names: &[String]) -> Self {
        let ended: HashSet<_> = self
            .tests
            .iter()
            .filter(|test| test.status != TestStatus::Unfinished)
            .map(|test| test.name.clone())
            .collect();
        self.tests
            .retain(|test| test.status != TestStatus::Unfinished);
        let unfinished = names.iter().filter(|name| !ended.contains(&name[..]));
        let unfinished = unfinished.map(|name| TestResult::new(name, TestStatus::Unfinished));
        self.tests.extend(unfinished);
        self
    }
}

/// Parses the first line of a harness.
fn announced(line: &str) -> Option<u64> {
    let count = line.strip_prefix("running ")?;
    let count = count
        .strip_suffix(" tests")
        .or(count.strip_suffix(" test"))?;
    count.parse().ok()
}

/// What may be the result of a test.
struct Text<'a> {
    name: &'a str,
    status: Option<TestStatus>,
    duration: Option<Duration>,
    reason: Option<&'a str>,
    place: Place,
}

/// Where a text is in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    /// After other text.
    Middle,
    /// In what looks like the name of the one before.
    InName,
}

/// What libtest prints after the names of tests, and not in its list of failures. The last two are
/// of documentation tests.
const MODES: [&str; 3] = [" - should panic", " - compile fail", " - compile"];

/// Returns what may be results of tests in a line: `test a::b ... ok`,
/// `test c ... ignored, reason`, after or before output of a test.
fn candidates(line: &str) -> impl Iterator<Item = Text<'_>> {
    let mut end = 0;
    line.match_indices("test ").filter_map(move |(at, start)| {
        let from = at + start.len();
        let text = &line[from..];
        let slow = || text.split_once(" has been running for over ");
        let (name, rest) = text.split_once(" ... ").or_else(slow)?;
        let place = match at {
            0 => Place::Start,
            _ if at < end => Place::InName,
            _ => Place::Middle,
        };
        end = from + name.len();
        let mode = MODES.iter().find_map(|mode| name.strip_suffix(mode));
        let name = mode
            .unwrap_or(name)
            // libtest-mimic aligns the names.
            .trim();
        (!name.is_empty()).then_some(Text {
            name,
            status: status(rest),
            duration: duration(rest),
            reason: rest.strip_prefix("ignored, "),
            place,
        })
    })
}

/// Parses what follows the name of a test.
fn status(text: &str) -> Option<TestStatus> {
    match text.split([',', ' ']).next()? {
        "ok" => Some(TestStatus::Passed),
        "FAILED" => Some(TestStatus::Failed),
        "ignored" => Some(TestStatus::Ignored),
        _ => None,
    }
}

/// Parses the time that a test took, which libtest prints after its result with `--report-time`:
/// `ok <0.004s>`.
fn duration(text: &str) -> Option<Duration> {
    let (_, time) = text.split_once(" <")?;
    seconds(time.strip_suffix("s>")?)
}

/// Removes the sequences by which a terminal changes its colors.
fn without_colors(line: &str) -> Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return line.into();
    }
    let mut text = String::with_capacity(line.len());
    let mut parts = line.split("\u{1b}");
    text.extend(parts.next());
    for part in parts {
        let rest = part.strip_prefix('[').and_then(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            part[end..].strip_prefix('m')
        });
        // libtest's terminal library ends a color by `ESC ( B` as well.
        text.push_str(rest.or(part.strip_prefix("(B")).unwrap_or(part));
    }
    text.into()
}

#[cfg(test)]
mod tests;
