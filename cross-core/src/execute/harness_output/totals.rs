//! The totals that a harness prints when its tests have ended.

use std::time::Duration;

/// The totals of a harness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(super) measured: u64,
    /// How long the tests took, if the harness says so.
    pub(crate) duration: Option<Duration>,
}

impl Totals {
    /// Parses
    /// `test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    /// Fields were added at the end since Rust 1.0.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.strip_prefix("test result: ")?;
        let count = |what: &str| {
            let mut parts = line.split([';', '.']);
            parts.find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        };
        let time = line
            .rsplit_once("finished in ")
            .and_then(|(_, time)| seconds(time.strip_suffix('s')?));
        Some(Totals {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored").unwrap_or(0),
            measured: count("measured").unwrap_or(0),
            duration: time,
        })
    }

    pub(super) fn and(self, other: Totals) -> Self {
        let both = self.duration.zip(other.duration);
        Totals {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            ignored: self.ignored.saturating_add(other.ignored),
            measured: self.measured.saturating_add(other.measured),
            duration: both.map(|(one, two)| one.saturating_add(two)),
        }
    }

    /// The number of tests. The numbers come from the run and may be arbitrarily large.
    pub(super) fn sum(self) -> u64 {
        [self.failed, self.ignored, self.measured]
            .into_iter()
            .fold(self.passed, u64::saturating_add)
    }
}

/// Parses a number of seconds. It comes from the run and may be anything.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}
