//! One run of several requests: what is made ready, what is worked for, and what came of it.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use cross_engine::{Cancel, Stopped, clock};

use crate::api::batch::drive::{drive, lock};
use crate::api::batch::outcome::{BatchOutcome, TargetOutcome};
use crate::api::batch::schedule::{Item, Job, Limits, Schedule};
use crate::api::batch::shared::{self, Shared};
use crate::api::batch::{BatchItem, BatchRequest};
use crate::execute::executor::execute_part;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::Timing;
use crate::plan::plan::Plan;
use crate::request::job_budget::Budget;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// How many environments are made at once, where there are jobs for so many.
const ENVIRONMENTS: usize = 2;

/// A run of several requests, before it has begun.
pub(crate) struct Run<'a> {
    /// They keep to the budget.
    requests: Vec<Request>,
    plans: Vec<Option<Plan>>,
    shared: Vec<Shared>,
    budget: Arc<Budget>,
    keep_going: bool,
    /// The caller's.
    cancel: &'a Cancel,
    /// Stops what is done for any of them.
    stop: Cancel,
    state: Mutex<Vec<State>>,
}

/// What is known of one request so far.
#[derive(Default)]
struct State {
    /// What keeps it from being worked for.
    trouble: Option<Error>,
    prepared: Vec<Timing>,
}

impl<'a> Run<'a> {
    /// Makes the budget, and plans every request.
    pub(crate) fn new(many: &BatchRequest, cancel: &'a Cancel) -> Result<Self> {
        let count = many.requests.len();
        let host = many
            .requests
            .first()
            .map(|it| it.cross.host())
            .transpose()?;
        let budget = match &host {
            Some(host) => Budget::new(many.budget(), count, host),
            None => Budget::planned(many.budget(), count),
        };
        let (budget, stop) = (Arc::new(budget), cancel.child());
        let bound = |request: &Request| {
            let cross = request.cross.clone().sharing(&budget, &stop);
            request.clone().with(cross)
        };
        let requests: Vec<_> = many.requests.iter().map(bound).collect();
        let mut run = Run {
            state: Mutex::new(requests.iter().map(|_| State::default()).collect()),
            plans: Vec::new(),
            shared: Vec::new(),
            keep_going: many.keep_going,
            requests,
            budget,
            cancel,
            stop,
        };
        run.plan();
        Ok(run)
    }

    /// Plans each; one that cannot be planned is in trouble before anything begins.
    fn plan(&mut self) {
        for n in 0..self.requests.len() {
            let plan = match self.stop.check() {
                Ok(()) => self.requests[n].plan_until(&self.stop),
                Err(_) => return self.plans.resize(self.requests.len(), None),
            };
            self.plans.push(match plan {
                Ok(plan) => Some(plan),
                Err(error) => {
                    self.trouble(&[n], &error);
                    None
                }
            });
        }
        let planned = self.plans.iter().enumerate();
        let planned: Vec<_> = planned
            .filter_map(|(n, plan)| Some((n, plan.as_ref()?)))
            .collect();
        self.shared = shared::of(&planned);
    }

    /// Notes what keeps these requests from being worked for. Unless the others go on, they stop.
    fn trouble(&self, numbers: &[usize], error: &Error) {
        if self.stop.check().is_err() {
            return;
        }
        for n in numbers {
            lock(&self.state)[*n].trouble.get_or_insert(error.again());
        }
        if !self.keep_going || error.kind() == ErrorKind::Cancelled {
            self.stop.cancel();
        }
    }

    /// Does `work` for each when its time has come.
    pub(crate) fn carry_out<T, E, F>(self, work: F) -> Result<BatchOutcome<T, E>>
    where
        T: Send,
        E: From<Error> + Send,
        F: Fn(&BatchItem<'_>) -> Result<T, E> + Sync,
    {
        let start = clock::now();
        let at_once = self.budget.about.at_once as usize;
        let limits = Limits {
            at_once,
            environments: ENVIRONMENTS.min(at_once),
        };
        let results: Vec<_> = self.requests.iter().map(|_| Mutex::new(None)).collect();
        let driven = drive(
            Schedule::new(limits, self.items()),
            limits.at_once + limits.environments + 1,
            &self.stop,
            |job| match job {
                Job::Shared => self.prepare_shared(),
                Job::Environment(n) => self.prepare_environment(n),
                Job::Work(n) => *lock(&results[n]) = Some(self.work(n, &work)),
            },
        );
        if let Err(panic) = driven {
            resume_unwind(panic);
        }
        let results = results.iter().map(|it| lock(it).take()).enumerate();
        Ok(BatchOutcome {
            targets: results.map(|(n, done)| self.concluded(n, done)).collect(),
            budget: self.budget.about.clone(),
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    fn items(&self) -> Vec<Item> {
        let names: Vec<_> = self.requests.iter().map(directory_of).collect();
        let item = |(n, plan): (usize, &Option<Plan>)| Item {
            environment: plan
                .as_ref()
                .is_some_and(|it| !it.environment_part().steps.is_empty()),
            shared: self.shared.iter().any(|it| it.of.contains(&n)),
            after: names[..n].iter().rposition(|name| *name == names[n]),
        };
        self.plans.iter().enumerate().map(item).collect()
    }

    fn prepare_shared(&self) {
        for shared in &self.shared {
            let first = shared.of.first().and_then(|n| self.plans[*n].as_ref());
            if let Some(plan) = first {
                self.prepare(&plan.part(shared.step.clone()), &shared.of);
            }
        }
    }

    fn prepare_environment(&self, n: usize) {
        if let Some(plan) = &self.plans[n] {
            self.prepare(&plan.environment_part(), &[n]);
        }
    }

    /// Carries out a part of a plan, for these requests.
    fn prepare(&self, part: &Plan, numbers: &[usize]) {
        match execute_part(part, &self.stop) {
            Ok(timings) => {
                let mut state = lock(&self.state);
                for n in numbers {
                    state[*n].prepared.extend(timings.iter().cloned());
                }
            }
            Err(error) => self.trouble(numbers, &error),
        }
    }

    /// One request's own part: its result, whether it was only stopped, and how long it took.
    fn work<T, E>(&self, n: usize, work: impl Fn(&BatchItem<'_>) -> Result<T, E>) -> Done<T, E> {
        let start = clock::now();
        let trouble = lock(&self.state)[n].trouble.as_ref().map(Error::again);
        let result = work(&BatchItem {
            request: &self.requests[n],
            trouble,
            cancel: &self.stop,
        });
        let stopped = result.is_err() && self.stop.check().is_err();
        if result.is_err() && !self.keep_going {
            self.stop.cancel();
        }
        Done {
            seconds: start.elapsed().as_secs_f64(),
            result,
            stopped,
        }
    }

    /// What came of a request: `done` is none for one that was never begun.
    fn concluded<T, E: From<Error>>(
        &self,
        n: usize,
        done: Option<Done<T, E>>,
    ) -> TargetOutcome<T, E> {
        let state = std::mem::take(&mut lock(&self.state)[n]);
        let begun = done.is_some();
        let done = done.unwrap_or_else(|| Done {
            stopped: state.trouble.is_none(),
            result: Err(state.trouble.unwrap_or_else(|| self.not_begun()).into()),
            seconds: 0.0,
        });
        let request = &self.requests[n];
        TargetOutcome {
            target: request.target.clone(),
            verb: request.verb,
            result: done.result,
            stopped: done.stopped,
            begun,
            prepared: state.prepared,
            seconds: done.seconds,
        }
    }

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

struct Done<T, E> {
    result: Result<T, E>,
    stopped: bool,
    seconds: f64,
}

/// What only one request at a time may be in: a target's directory. A name that is none is its own.
fn directory_of(request: &Request) -> String {
    let name = TargetName::parse(&request.target, request.cross.dir());
    name.map_or_else(|_| request.target.clone(), |it| it.triple().to_owned())
}
