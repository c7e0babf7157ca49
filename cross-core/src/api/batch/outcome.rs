//! The outcome of a batch: the result of each request, in the order of the requests.

use crate::model::error::Error;
use crate::model::jobs::JobBudget;
use crate::model::outcome::{Outcome, Timing};
use crate::model::step::Verb;

/// The outcome of a batch.
///
/// `T` and `E` are the result and the error of each request. They are the caller's own types for
/// [`BatchRequest::run_with`](crate::batch::BatchRequest::run_with).
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchOutcome<T = Outcome, E = Error> {
    /// The outcome of each request, in the order of the requests.
    pub targets: Vec<TargetOutcome<T, E>>,
    /// How the jobs were shared.
    pub budget: JobBudget,
    /// How long the batch took, in seconds.
    pub seconds: f64,
}

/// The outcome of one request of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetOutcome<T = Outcome, E = Error> {
    /// The target, as the request named it.
    pub target: String,
    /// What the request asked for.
    pub verb: Verb,
    /// The result.
    pub result: Result<T, E>,
    /// Whether the request was stopped, or never begun, because another one failed or the caller
    /// cancelled the batch. The result is then an error
    /// ([`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) or
    /// [`Deadline`](crate::ErrorKind::Deadline)) that says nothing about the target.
    pub stopped: bool,
    /// Whether the request itself was begun, after its preparation.
    pub begun: bool,
    /// The steps that prepared the request, and how long each took. A step that several requests
    /// share is listed for each of them.
    pub prepared: Vec<Timing>,
    /// How long the request took without its preparation, in seconds.
    pub seconds: f64,
}

impl<T, E> BatchOutcome<T, E> {
    /// Whether every request succeeded.
    pub fn is_success(&self) -> bool {
        self.targets.iter().all(|target| target.result.is_ok())
    }

    /// The targets that failed and their errors, without those that were stopped.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &E)> {
        let finished = self.targets.iter().filter(|target| !target.stopped);
        finished.filter_map(|target| Some((target.target.as_str(), target.result.as_ref().err()?)))
    }

    /// The targets that succeeded and their results.
    pub fn successes(&self) -> impl Iterator<Item = (&str, &T)> {
        let all = self.targets.iter();
        all.filter_map(|target| Some((target.target.as_str(), target.result.as_ref().ok()?)))
    }
}

impl BatchOutcome {
    /// Returns every outcome in the order of the requests, or the first failure, which names its
    /// target.
    ///
    /// # Errors
    ///
    /// The first failure. If no request failed but some were stopped, the error of the first of
    /// these.
    pub fn into_result(self) -> crate::Result<Vec<Outcome>> {
        into_results(self)
    }
}

/// Returns every result, or the first failure, which names its target.
pub(crate) fn into_results<T>(batch: BatchOutcome<T>) -> crate::Result<Vec<T>> {
    let (mut results, mut failed, mut stopped) = (Vec::new(), None, None);
    for target in batch.targets {
        match target.result {
            Ok(result) => results.push(result),
            Err(error) => {
                let first = if target.stopped {
                    &mut stopped
                } else {
                    &mut failed
                };
                first.get_or_insert(error.with_target(&target.target));
            }
        }
    }
    match failed.or(stopped) {
        Some(error) => Err(error),
        None => Ok(results),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::ErrorKind;
    use crate::model::jobs::JobSharing;

    fn batch(results: Vec<(Result<u32, Error>, bool)>) -> BatchOutcome<u32> {
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
    fn the_error_is_the_first_failure_and_not_a_stopped_target() {
        let outcome = batch(vec![
            (error(ErrorKind::Cancelled, "cancelled"), true),
            (error(ErrorKind::CargoFailed, "it does not compile"), false),
            (Ok(3), false),
        ]);
        assert!(!outcome.is_success());
        let failed: Vec<_> = outcome.failures().map(|(target, _)| target).collect();
        assert_eq!(failed, ["b"]);
        let done: Vec<_> = outcome.successes().collect();
        assert_eq!(done, [("c", &3)]);
        let error = into_results(outcome).unwrap_err();
        assert_eq!(error.to_string(), "b: it does not compile");
        assert_eq!(error.kind(), ErrorKind::CargoFailed);
    }

    #[test]
    fn a_stopped_target_is_no_success() {
        let outcome = batch(vec![
            (Ok(1), false),
            (error(ErrorKind::Deadline, "deadline exceeded"), true),
        ]);
        assert_eq!(outcome.failures().count(), 0);
        assert!(!outcome.is_success());
        assert_eq!(
            into_results(outcome).unwrap_err().kind(),
            ErrorKind::Deadline
        );
        let all = batch(vec![(Ok(1), false), (Ok(2), false)]);
        assert_eq!(into_results(all).unwrap(), [1, 2]);
    }
}
