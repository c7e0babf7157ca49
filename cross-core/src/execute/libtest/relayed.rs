//! A test binary that the relay started.

use std::time::Duration;

use cross_engine::process::Exit;
use cross_engine::process::untrusted::Room;

use super::binary_of;
use super::tail::Tail;
use crate::execute::harness_output::{HarnessOutput, SuiteResults};
use crate::execute::quoted::listed;
use crate::model::test_summary::TestBinary;

/// A test binary that the relay started.
#[derive(Debug)]
pub(crate) struct RelayedBinary {
    /// The name in cargo's announcement. If cargo is quiet, the file name.
    pub(super) name: String,
    /// The file name.
    pub(crate) file: String,
    /// Whether it has libtest's harness.
    pub(crate) has_libtest: bool,
    /// Whether its harness is told to print the names of its tests.
    pub(super) prints_names: bool,
    pub(super) output: HarnessOutput,
    pub(crate) exit: Option<Exit>,
    /// How long it ran.
    pub(super) duration: Option<Duration>,
    /// The runner, if the environment lacks it.
    pub(super) missing_runner: Option<String>,
    /// The names of its tests, if it was asked.
    pub(super) names: Option<Vec<String>>,
    /// The last lines that it printed.
    pub(super) tail: Tail,
}

impl RelayedBinary {
    /// Whether its harness ended, or need not say so.
    pub(crate) fn has_ended(&self) -> bool {
        !self.has_libtest || self.own_results().has_ended
    }

    /// The results that count. A harness of another kind may print what looks like results.
    pub(super) fn results(&self) -> SuiteResults {
        match self.is_contradicted() {
            true => SuiteResults::default(),
            false => self.own_results(),
        }
    }

    pub(super) fn own_results(&self) -> SuiteResults {
        match (self.has_libtest, &self.names) {
            (true, Some(names)) => self.output.named(names),
            (true, None) => self.output.own(),
            (false, _) => {
                let suites = self.output.ended();
                let all = suites.iter().map(|suite| self.output.results(*suite));
                all.reduce(SuiteResults::and).unwrap_or_default()
            }
        }
    }

    /// Whether its exit status says that what looks like failed tests is none.
    pub(super) fn is_contradicted(&self) -> bool {
        let is_success = self.exit.is_some_and(Exit::success);
        !self.has_libtest && is_success && self.own_results().totals.failed > 0
    }

    /// Its file name, and the names of its tests that did not finish.
    pub(crate) fn with_unfinished(&self) -> String {
        let unfinished = self.unfinished();
        match unfinished.is_empty() {
            true => format!("`{}`", self.file),
            false => {
                let unfinished = listed(unfinished.iter().map(String::as_str));
                format!(
                    "`{}` (before these tests finished: {unfinished})",
                    self.file
                )
            }
        }
    }

    /// Returns the names of its tests that did not finish.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        self.own_results().unfinished().map(str::to_owned).collect()
    }

    /// Whether tests of it may have no result: it did not end, or ended before its harness did.
    pub(super) fn is_incomplete(&self) -> bool {
        self.exit.is_none() || !self.has_ended()
    }

    /// Whether only what it printed says what was wrong.
    fn is_unexplained(&self) -> bool {
        let has_failed = self.exit.is_some_and(|exit| !exit.success());
        self.is_incomplete() || (has_failed && self.results().totals.failed == 0)
    }

    /// Gives up the last lines, unless they say what was wrong and there is room for them.
    pub(super) fn settle(&mut self, room: &mut Room) {
        if !self.is_unexplained() || !room.take(self.tail.size()) {
            self.tail = Tail::default();
        }
    }

    /// The results, as the caller gets them.
    pub(super) fn outcome(&self) -> (TestBinary, Vec<String>) {
        let results = self.results();
        let is_silent = !results.has_ended && results.tests.is_empty();
        let (mut binary, failures) = binary_of(&self.name, results);
        binary.duration = self.duration.or(binary.duration);
        binary.exit = self.exit;
        binary.incomplete = self.is_incomplete();
        binary.tail = self.is_unexplained().then(|| self.tail.text()).flatten();
        binary.is_silent = is_silent;
        (binary, failures)
    }
}
