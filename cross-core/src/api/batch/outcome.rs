//! What came of requests for several targets: each one's result, in the order asked.

use crate::model::error::Error;
use crate::model::jobs::JobBudget;
use crate::model::outcome::{Outcome, Timing};
use crate::model::step::Verb;

/// What came of requests for several targets.
///
/// `T` and `E` are what came of each: of [`BatchRequest::run_with`](crate::batch::BatchRequest::run_with) the caller's own.
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchOutcome<T = Outcome, E = Error> {
    /// What came of each, in the order asked.
    pub targets: Vec<TargetOutcome<T, E>>,
    /// How the jobs were shared.
    pub budget: JobBudget,
    /// How long all of it took together, in seconds.
    pub seconds: f64,
}

/// What came of one of several requests.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetOutcome<T = Outcome, E = Error> {
    /// The target, as it was asked for.
    pub target: String,
    /// What was asked for.
    pub verb: Verb,
    /// What came of it.
    pub result: Result<T, E>,
    /// Whether it was stopped, or never begun, on account of another target or of the caller. Its
    /// result is an error then ([`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) or
    /// [`Deadline`](crate::ErrorKind::Deadline)), and says nothing of the target.
    pub stopped: bool,
    /// Whether its own part was begun: after what it needed was there.
    pub begun: bool,
    /// What had to be made ready for it, and how long that took. What several needed is with each of
    /// them.
    pub prepared: Vec<Timing>,
    /// How long its own part took, in seconds.
    pub seconds: f64,
}

impl<T, E> BatchOutcome<T, E> {
    /// Whether all of them succeeded.
    pub fn is_success(&self) -> bool {
        self.targets.iter().all(|it| it.result.is_ok())
    }

    /// The targets that failed, without those that were stopped on account of another or of the caller.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &E)> {
        let failed = self.targets.iter().filter(|it| !it.stopped);
        failed.filter_map(|it| Some((it.target.as_str(), it.result.as_ref().err()?)))
    }

    /// What succeeded, by target.
    pub fn successes(&self) -> impl Iterator<Item = (&str, &T)> {
        let all = self.targets.iter();
        all.filter_map(|it| Some((it.target.as_str(), it.result.as_ref().ok()?)))
    }
}

impl BatchOutcome {
    /// Every outcome in the order asked, or the first failure, which names its target.
    ///
    /// # Errors
    ///
    /// The first failure; if there is none, but some were stopped, the first of these.
    pub fn into_result(self) -> crate::Result<Vec<Outcome>> {
        first_error(self)
    }
}

/// All results, or the first failure, which names its target.
pub(crate) fn first_error<T>(many: BatchOutcome<T>) -> crate::Result<Vec<T>> {
    let (mut all, mut failed, mut stopped) = (Vec::new(), None, None);
    for it in many.targets {
        match it.result {
            Ok(outcome) => all.push(outcome),
            Err(error) if it.stopped => {
                stopped.get_or_insert(error.about(&it.target));
            }
            Err(error) => {
                failed.get_or_insert(error.about(&it.target));
            }
        }
    }
    match failed.or(stopped) {
        Some(error) => Err(error),
        None => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::ErrorKind;
    use crate::model::jobs::JobSharing;

    fn of(results: Vec<(Result<u32, Error>, bool)>) -> BatchOutcome<u32> {
        let names = ["a", "b", "c"];
        let targets = names.into_iter().zip(results);
        BatchOutcome {
            targets: targets
                .map(|(name, (result, stopped))| TargetOutcome {
                    target: name.to_owned(),
                    verb: Verb::Build,
                    begun: !stopped,
                    prepared: Vec::new(),
                    seconds: 0.0,
                    result,
                    stopped,
                })
                .collect(),
            budget: JobBudget {
                jobs: 2,
                at_once: 2,
                sharing: JobSharing::JobServer,
            },
            seconds: 0.0,
        }
    }

    fn error(kind: ErrorKind, text: &str) -> Result<u32, Error> {
        Err(Error::new(kind, text))
    }

    #[test]
    fn the_first_failure_is_told_and_not_who_was_stopped_for_it() {
        let many = of(vec![
            (error(ErrorKind::Cancelled, "cancelled"), true),
            (error(ErrorKind::CargoFailed, "it does not compile"), false),
            (Ok(3), false),
        ]);
        assert!(!many.is_success());
        let failed: Vec<_> = many.failures().map(|(target, _)| target).collect();
        assert_eq!(failed, ["b"]);
        let done: Vec<_> = many.successes().collect();
        assert_eq!(done, [("c", &3)]);
        let error = first_error(many).unwrap_err();
        assert_eq!(error.to_string(), "b: it does not compile");
        assert_eq!(error.kind(), ErrorKind::CargoFailed);
    }

    #[test]
    fn what_was_only_stopped_is_no_success() {
        let many = of(vec![
            (Ok(1), false),
            (error(ErrorKind::Deadline, "deadline exceeded"), true),
        ]);
        assert_eq!(many.failures().count(), 0);
        assert!(!many.is_success());
        assert_eq!(first_error(many).unwrap_err().kind(), ErrorKind::Deadline);
        let all = of(vec![(Ok(1), false), (Ok(2), false)]);
        assert_eq!(first_error(all).unwrap(), [1, 2]);
    }
}
