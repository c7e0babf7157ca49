//! A row of the console: what is known of one target.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use cross_engine::process::clock;

use crate::model::printable::beginning;

/// How many lines of a step's output are kept.
const KEPT_LINES: usize = 200;
/// How many bytes of a line are kept: a hostile program may print one without an end.
const KEPT_BYTES: usize = 4096;
/// How many texts are remembered to be shown once.
const REMEMBERED: usize = 100_000;

/// How the work for a target ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
}

/// A row: what is known of one target.
#[derive(Debug)]
pub(super) struct Row {
    /// Whether it has a line in the closing table. What only had a warning has none.
    pub(super) is_listed: bool,
    /// The engine of its last request.
    pub(super) engine: Option<String>,
    begun: Instant,
    /// When its last request began.
    request_begun: Instant,
    step: String,
    step_begun: Instant,
    /// When something was last printed of the step.
    last_printed: Instant,
    /// What the step is at.
    message: String,
    /// The part that is done, and the whole, where it is known.
    share: Option<(u64, u64)>,
    /// The packages that cargo compiled in the step.
    compiled: HashSet<u64>,
    tests: (u64, u64),
    kept: VecDeque<String>,
    shown: HashSet<u64>,
    verdict: Option<Verdict>,
    seconds: f64,
}

impl Row {
    pub(super) fn new() -> Self {
        let now = clock::now();
        Row {
            is_listed: false,
            engine: None,
            begun: now,
            request_begun: now,
            step: String::new(),
            step_begun: now,
            last_printed: now,
            message: String::new(),
            share: None,
            compiled: HashSet::new(),
            tests: (0, 0),
            kept: VecDeque::new(),
            shown: HashSet::new(),
            verdict: None,
            seconds: 0.0,
        }
    }

    pub(super) fn begin(&mut self, purpose: &str) {
        purpose.clone_into(&mut self.step);
        self.is_listed = true;
        self.step_begun = clock::now();
        self.last_printed = self.step_begun;
        if self.verdict.is_some() {
            self.request_begun = self.step_begun;
            // Steps follow the one that fails: what a failed cargo made is still published.
            self.kept.clear();
        }
        self.message.clear();
        self.share = None;
        self.compiled.clear();
        self.verdict = None;
    }

    /// The next step may have to wait, and nothing goes on until then.
    pub(super) fn end_step(&mut self) {
        self.step.clear();
        self.message.clear();
        self.share = None;
    }

    pub(super) fn step(&self) -> &str {
        &self.step
    }

    pub(super) fn message(&mut self, text: &str) {
        text.clone_into(&mut self.message);
        self.share = None;
    }

    /// What an environment's build is at. While packages are counted, that is more than any line of
    /// output.
    pub(super) fn environment(&mut self, text: &str) {
        if self.share.is_none_or(|(done, of)| done >= of) {
            self.message(text);
        }
    }

    pub(super) fn packages(&mut self, done: u64, of: u64) {
        self.message = format!("{done} of {of} packages");
        self.share = Some((done, of));
    }

    pub(super) fn transfer(&mut self, what: &str, bytes: u64, of: u64) {
        self.message = format!(
            "{what} {} of {} MB",
            bytes / 1_000_000,
            of.div_ceil(1_000_000)
        );
        self.share = Some((bytes, of));
    }

    /// Cargo compiled a unit of `package`. A package has several, such as its build script.
    pub(super) fn compiled(&mut self, package: &str) {
        if self.compiled.len() < REMEMBERED {
            self.compiled.insert(hash(package));
        }
        let packages = match self.compiled.len() {
            1 => "1 package".to_owned(),
            count => format!("{count} packages"),
        };
        self.message = format!("{packages}, {package}");
    }

    pub(super) fn tested(&mut self, passed: u64, failed: u64) {
        self.tests.0 += passed;
        self.tests.1 += failed;
        self.message = format!("{} tests passed, {} failed", self.tests.0, self.tests.1);
    }

    pub(super) fn keep(&mut self, line: &str) {
        self.kept.push_back(beginning(line, KEPT_BYTES).to_owned());
        if self.kept.len() > KEPT_LINES {
            self.kept.pop_front();
        }
    }

    /// The kept lines, if they are `wanted`. They are gone afterwards.
    pub(super) fn take_kept(&mut self, wanted: bool) -> Vec<String> {
        let kept = std::mem::take(&mut self.kept);
        if wanted { kept.into() } else { Vec::new() }
    }

    /// Whether `text` was not shown before in this request. Cargo repeats what it finds in a library
    /// that it compiles for its tests too.
    pub(super) fn is_new(&mut self, text: &str) -> bool {
        self.shown.len() >= REMEMBERED || self.shown.insert(hash(text))
    }

    pub(super) fn finish(&mut self, passed: bool) {
        self.verdict = Some(match passed {
            true => Verdict::Passed,
            false => Verdict::Failed,
        });
        self.is_listed = true;
        self.seconds = self.begun.elapsed().as_secs_f64();
        self.share = None;
        // The next request says again what is still wrong.
        self.shown.clear();
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// What the target is at, for its line.
    pub(super) fn text(&self) -> String {
        match (self.verdict, self.step.as_str(), self.message.as_str()) {
            (Some(_), ..) => self.result(),
            (None, step, "") => step.to_owned(),
            (None, "", message) => message.to_owned(),
            (None, step, message) => format!("{step}: {message}"),
        }
    }

    pub(super) fn result(&self) -> String {
        format!("{} in {:.1} s", self.word(), self.seconds)
    }

    pub(super) fn share(&self) -> Option<(u64, u64)> {
        self.share.filter(|(_, of)| *of > 0)
    }

    /// Whether a step is at work of which nothing was said for `interval`.
    pub(super) fn is_silent_for(&self, interval: Duration) -> bool {
        self.is_at_work() && self.last_printed.elapsed() >= interval
    }

    /// Whether a step goes on.
    pub(super) fn is_at_work(&self) -> bool {
        self.verdict.is_none() && !(self.step.is_empty() && self.message.is_empty())
    }

    /// How long ago the last request for the target began.
    pub(super) fn age(&self) -> Duration {
        self.request_begun.elapsed()
    }

    /// What is said of a step that takes long.
    pub(super) fn alive(&mut self) -> String {
        self.last_printed = clock::now();
        format!(
            "{} ({} s)",
            self.text(),
            self.step_begun.elapsed().as_secs()
        )
    }

    /// The cells of the closing table: the result, the tests, and the seconds.
    pub(super) fn cells(&self) -> [String; 3] {
        let (passed, failed) = self.tests;
        let tests = match passed + failed {
            0 => "-".to_owned(),
            all => format!("{passed}/{all}"),
        };
        let seconds = match self.verdict {
            Some(_) => format!("{:.1}", self.seconds),
            None => "-".to_owned(),
        };
        [self.word().to_owned(), tests, seconds]
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Some(Verdict::Passed) => "ok",
            Some(Verdict::Failed) => "failed",
            None => "not finished",
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
