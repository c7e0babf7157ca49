//! The execution of a batch: plans every request, prepares what they need, and runs each.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use cross_engine::process::clock;
use cross_engine::{Cancel, Stopped};

use crate::api::batch::drive::{drive, lock};
use crate::api::batch::outcome::{BatchOutcome, TargetOutcome};
use crate::api::batch::schedule::{Limits, Needs, Schedule, Task};
use crate::api::batch::shared_steps::{self, SharedStep};
use crate::api::batch::{BatchItem, BatchRequest};
use crate::execute::executor::execute_part;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::Timing;
use crate::plan::plan::Plan;
use crate::request::job_budget::Budget;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// How many environments are made at once, if the budget allows as many jobs.
const ENVIRONMENTS: usize = 2;

/// The run of a batch. A request is known by its index.
pub(crate) struct BatchRun<'a> {
    /// The requests, with the budget of the batch.
    requests: Vec<Request>,
    /// The plan of each request. `None` if it could not be planned.
    plans: Vec<Option<Plan>>,
    shared_steps: Vec<SharedStep>,
    budget: Arc<Budget>,
    keep_going: bool,
    /// The caller's.
    cancel: &'a Cancel,
    /// A child of the caller's, which stops every task of the batch.
    stop: Cancel,
    preparations: Mutex<Vec<Preparation>>,
}

/// How the preparation of one request went so far.
#[derive(Default)]
struct Preparation {
    /// What keeps the request from running.
    error: Option<Error>,
    timings: Vec<Timing>,
}

/// A request that was run.
struct Finished<T, E> {
    result: Result<T, E>,
    stopped: bool,
    seconds: f64,
}

impl<'a> BatchRun<'a> {
    /// Makes the budget and plans every request.
    pub(crate) fn new(batch: &BatchRequest, cancel: &'a Cancel) -> Result<Self> {
        let count = batch.requests.len();
        let budget = match batch.requests.first() {
            Some(first) => Budget::new(batch.budget(), count, &first.cross.host()?),
            None => Budget::planned(batch.budget(), count),
        };
        let (budget, stop) = (Arc::new(budget), cancel.child());
        let with_budget = |request: &Request| {
            let cross = request.cross.clone().with_budget(&budget, &stop);
            request.clone().with(cross)
        };
        let requests: Vec<_> = batch.requests.iter().map(with_budget).collect();
        let preparations = requests.iter().map(|_| Preparation::default()).collect();
        let mut run = BatchRun {
            preparations: Mutex::new(preparations),
            plans: Vec::new(),
            shared_steps: Vec::new(),
            keep_going: batch.keep_going,
            requests,
            budget,
            cancel,
            stop,
        };
        run.plan();
        Ok(run)
    }

    /// Plans every request, and notes the errors of those that cannot be planned.
    fn plan(&mut self) {
        for index in 0..self.requests.len() {
            let plan = match self.stop.check() {
                Ok(()) => self.requests[index].plan_until(&self.stop),
                Err(_) => return self.plans.resize(self.requests.len(), None),
            };
            self.plans.push(match plan {
                Ok(plan) => Some(plan),
                Err(error) => {
                    self.note_failed_preparation(&[index], &error);
                    None
                }
            });
        }
        let indexed = self.plans.iter().enumerate();
        let planned: Vec<_> = indexed
            .filter_map(|(index, plan)| Some((index, plan.as_ref()?)))
            .collect();
        self.shared_steps = shared_steps::collect(&planned);
    }

    /// Notes that these requests cannot run because of `error`. It stops the batch, unless the
    /// other requests are to be finished.
    fn note_failed_preparation(&self, requests: &[usize], error: &Error) {
        if self.stop.check().is_err() {
            return;
        }
        for index in requests {
            let preparation = &mut lock(&self.preparations)[*index];
            preparation.error.get_or_insert(error.without_causes());
        }
        if !self.keep_going || error.kind() == ErrorKind::Cancelled {
            self.stop.cancel();
        }
    }

    /// Prepares every request and calls `work` for it. Resumes a panic of the caller's listener or
    /// of `work` when nothing runs any more.
    pub(crate) fn execute<T, E, F>(self, work: F) -> Result<BatchOutcome<T, E>>
    where
        T: Send,
        E: From<Error> + Send,
        F: Fn(&BatchItem<'_>) -> Result<T, E> + Sync,
    {
        let start = clock::now();
        let at_once = self.budget.summary.at_once as usize;
        let limits = Limits {
            requests: at_once,
            environments: ENVIRONMENTS.min(at_once),
        };
        let finished: Vec<_> = self.requests.iter().map(|_| Mutex::new(None)).collect();
        let driven = drive(
            Schedule::new(limits, self.needs()),
            limits.requests + limits.environments + 1,
            &self.stop,
            |task| match task {
                Task::SharedSteps => self.run_shared_steps(),
                Task::Environment(index) => self.make_environment(index),
                Task::Request(index) => {
                    *lock(&finished[index]) = Some(self.run_request(index, &work));
                }
            },
        );
        if let Err(panic) = driven {
            resume_unwind(panic);
        }
        let finished = finished.iter().map(|request| lock(request).take());
        Ok(BatchOutcome {
            targets: finished
                .enumerate()
                .map(|(index, finished)| self.outcome(index, finished))
                .collect(),
            budget: self.budget.summary.clone(),
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    fn needs(&self) -> Vec<Needs> {
        let directories: Vec<_> = self.requests.iter().map(directory_of).collect();
        let needs = |(index, plan): (usize, &Option<Plan>)| {
            let mut earlier = directories[..index].iter();
            let mut shared_steps = self.shared_steps.iter();
            Needs {
                environment: plan
                    .as_ref()
                    .is_some_and(|plan| !plan.environment_part().steps.is_empty()),
                shared_steps: shared_steps.any(|shared| shared.requests.contains(&index)),
                after: earlier.rposition(|directory| *directory == directories[index]),
            }
        };
        self.plans.iter().enumerate().map(needs).collect()
    }

    fn run_shared_steps(&self) {
        for shared in &self.shared_steps {
            let first = shared.requests.first();
            let plan = first.and_then(|index| self.plans[*index].as_ref());
            if let Some(plan) = plan {
                self.prepare(&plan.shared_part(shared.step.clone()), &shared.requests);
            }
        }
    }

    fn make_environment(&self, index: usize) {
        if let Some(plan) = &self.plans[index] {
            self.prepare(&plan.environment_part(), &[index]);
        }
    }

    /// Executes a part of a plan for these requests.
    fn prepare(&self, part: &Plan, requests: &[usize]) {
        match execute_part(part, &self.stop) {
            Ok(timings) => {
                let mut preparations = lock(&self.preparations);
                for index in requests {
                    preparations[*index].timings.extend(timings.iter().cloned());
                }
            }
            Err(error) => self.note_failed_preparation(requests, &error),
        }
    }

    /// Calls `work` for one request. A failure stops the batch, unless the other requests are to be
    /// finished.
    fn run_request<T, E>(
        &self,
        index: usize,
        work: impl Fn(&BatchItem<'_>) -> Result<T, E>,
    ) -> Finished<T, E> {
        let start = clock::now();
        let (preparation_error, prepared_seconds) = {
            let preparation = &lock(&self.preparations)[index];
            let error = preparation.error.as_ref().map(Error::without_causes);
            let timings = preparation.timings.iter();
            let seconds: f64 = timings.map(|timing| timing.seconds).sum();
            (error, seconds)
        };
        let result = work(&BatchItem {
            request: &self.requests[index],
            preparation_error,
            prepared_seconds,
            cancel: &self.stop,
        });
        let stopped = result.is_err() && self.stop.check().is_err();
        if result.is_err() && !self.keep_going {
            self.stop.cancel();
        }
        Finished {
            seconds: start.elapsed().as_secs_f64(),
            result,
            stopped,
        }
    }

    /// The outcome of one request. `finished` is `None` if it was never run.
    fn outcome<T, E: From<Error>>(
        &self,
        index: usize,
        finished: Option<Finished<T, E>>,
    ) -> TargetOutcome<T, E> {
        let preparation = std::mem::take(&mut lock(&self.preparations)[index]);
        let begun = finished.is_some();
        let finished = finished.unwrap_or_else(|| Finished {
            stopped: preparation.error.is_none(),
            result: Err(preparation.error.unwrap_or_else(|| self.not_begun()).into()),
            seconds: 0.0,
        });
        let request = &self.requests[index];
        TargetOutcome {
            target: request.target.clone(),
            verb: request.verb,
            result: finished.result,
            stopped: finished.stopped,
            begun,
            prepared: preparation.timings,
            seconds: finished.seconds,
        }
    }

    /// Why a request was never run, although nothing failed for it.
    fn not_begun(&self) -> Error {
        match self.cancel.check() {
            Err(Stopped::Deadline) => {
                Error::new(ErrorKind::Deadline, "deadline exceeded before it was begun")
            }
            Err(_) => Error::new(ErrorKind::Cancelled, "cancelled before it was begun"),
            Ok(()) => Error::new(ErrorKind::Cancelled, "not begun, since another failed"),
        }
    }
}

/// The name of the target directory of a request, which one cargo at a time may use. A target that
/// cannot be parsed has a directory of its own.
fn directory_of(request: &Request) -> String {
    let parsed = TargetName::parse(&request.target, request.cross.dir());
    match parsed {
        Ok(name) => name.triple().to_owned(),
        Err(_) => request.target.clone(),
    }
}
