//! Batches: requests for several targets that run at once and share one budget of jobs.

mod drive;
pub(crate) mod outcome;
mod run;
mod schedule;
mod shared_steps;

use std::collections::BTreeMap;
use std::fmt;

use cross_engine::Cancel;
use serde::Serialize;

use crate::api::batch::outcome::BatchOutcome;
use crate::api::batch::run::BatchRun;
use crate::host::process_env;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::jobs::JobBudget;
use crate::model::step::Step;
use crate::plan::plan::{PLAN_SCHEMA_VERSION, Plan};
use crate::request::cross::Cross;
use crate::request::job_budget::Budget;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// Requests for several targets, made by [`Cross::build_many`] and its siblings. Nothing is read or
/// run before [`plan`](BatchRequest::plan) or [`run`](BatchRequest::run).
///
/// ```no_run
/// let cross = cross_core::Cross::discover()?;
/// let all = cross
///     .build_many(["x86_64-unknown-linux-musl", "armv7-unknown-linux-gnueabihf"])
///     .each(|request| request.release(true).locked(true))
///     .keep_going(true)
///     .run()?;
/// for (target, built) in all.successes() {
///     for exe in built.executables() {
///         println!("{target}: {}", exe.path.display());
///     }
/// }
/// for (target, error) in all.failures() {
///     eprintln!("{target}: {error}");
/// }
/// # Ok::<(), cross_core::Error>(())
/// ```
///
/// Several requests run at once, but they never use more jobs together than
/// [`jobs`](BatchRequest::jobs) allows: their cargos share a jobserver, and with it rustc, make
/// and the C compilers of build scripts. A request that has begun takes precedence over the next
/// one. A missing environment is made while other requests compile. Host commands that need the
/// network (fetching dependencies, adding parts of a toolchain) run once for all requests that need
/// them.
///
/// An event names its target. Events come from several threads, so two threads may call a listener
/// at once. A listener that breaks stops the batch. A listener that panics stops it too, and the
/// panic resumes in the caller's thread when nothing runs any more.
#[must_use = "requests do nothing until they are planned or run"]
#[derive(Clone, Debug)]
pub struct BatchRequest {
    requests: Vec<Request>,
    jobs: Option<u32>,
    keep_going: bool,
    /// Whether a repeated target is an error.
    unique_targets: bool,
}

/// The plan of a batch: what will be done, before anything is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BatchPlan {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How the jobs will be shared. A jobserver that cannot be made is noticed only by the run.
    pub budget: JobBudget,
    /// The steps that are done once for several requests.
    pub shared: Vec<Step>,
    /// The other steps of each request, in the order of the requests.
    pub plans: Vec<Plan>,
}

/// A request of a batch, as the function given to [`BatchRequest::run_with`] sees it.
#[derive(Debug)]
pub struct BatchItem<'a> {
    request: &'a Request,
    /// What kept the request from being prepared.
    preparation_error: Option<Error>,
    /// How long the steps took that ran ahead for the request.
    pub(crate) prepared_seconds: f64,
    cancel: &'a Cancel,
}

impl Cross {
    /// Requests a `cargo build` for each of `targets`. As many run at once as there are jobs.
    ///
    /// Repeating a target is an error, even with another glibc floor: cargo's usual target
    /// directory has room for one build of each target.
    pub fn build_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::for_each(targets, |target| self.build(target))
    }

    /// Requests a `cargo check` for each of `targets`, as [`build_many`](Cross::build_many) does.
    pub fn check_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::for_each(targets, |target| self.check(target))
    }

    /// Requests a `cargo test` for each of `targets`, as [`build_many`](Cross::build_many) does.
    /// Tests run under the target's emulator if it needs one. A test binary gets as many threads as
    /// there are free jobs when it starts, unless `RUST_TEST_THREADS` sets the number.
    pub fn test_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::for_each(targets, |target| self.test(target))
    }

    /// Combines any requests into a batch. As many run at once as there are jobs. Requests for the
    /// same target run one after the other, in the order given.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// let requests = [cross.clippy(target), cross.test(target), cross.build("wasm32-wasip1")];
    /// let outcomes = cross.batch(requests).run()?.into_result()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn batch(&self, requests: impl IntoIterator<Item = Request>) -> BatchRequest {
        BatchRequest {
            requests: requests.into_iter().collect(),
            jobs: None,
            keep_going: false,
            unique_targets: false,
        }
    }
}

impl BatchRequest {
    fn for_each<I>(targets: I, request: impl Fn(String) -> Request) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let targets = targets.into_iter().map(Into::into);
        BatchRequest {
            requests: targets.map(request).collect(),
            jobs: None,
            keep_going: false,
            unique_targets: true,
        }
    }

    /// Changes each request, for example by `|request| request.release(true).locked(true)`.
    pub fn each(mut self, change: impl Fn(Request) -> Request) -> Self {
        self.requests = self.requests.into_iter().map(change).collect();
        self
    }

    /// Sets how many jobs (compilers, linkers, threads of a test binary) may run at once over all
    /// targets. At least one may. It takes the place of [`Request::jobs`].
    ///
    /// # Default value
    ///
    /// The number of processors that this process may use.
    pub fn jobs(mut self, jobs: u32) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Finishes the other requests when one fails.
    ///
    /// # Default value
    ///
    /// The first failure stops the other requests.
    pub fn keep_going(mut self, yes: bool) -> Self {
        self.keep_going = yes;
        self
    }

    /// Computes the plan of every request. Only read-only probes are run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`] if there is no target or a target is given twice, and the errors of
    /// [`Request::plan`] for each request.
    pub fn plan(&self) -> Result<BatchPlan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](BatchRequest::plan), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`plan`](BatchRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<BatchPlan> {
        self.check()?;
        let budget = Budget::planned(self.budget(), self.requests.len()).into();
        let plan = |request: &Request| {
            let cross = request.cross.clone().with_budget(&budget, cancel);
            let planned = request.clone().with(cross).plan_until(cancel);
            planned.map_err(|error| error.with_target(&request.target))
        };
        let mut plans = self.requests.iter().map(plan).collect::<Result<Vec<_>>>()?;
        let indexed: Vec<_> = plans.iter().enumerate().collect();
        let shared = shared_steps::collect(&indexed);
        plans.iter_mut().for_each(Plan::leave_out_host_steps);
        Ok(BatchPlan {
            schema_version: PLAN_SCHEMA_VERSION,
            budget: budget.summary.clone(),
            shared: shared.into_iter().map(|shared| shared.step).collect(),
            plans,
        })
    }

    /// Plans and executes every request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`] if there is no target or a target is given twice. An error of one
    /// request is part of the outcome.
    pub fn run(&self) -> Result<BatchOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](BatchRequest::run), stopped by `cancel`. The outcome has the results so far.
    ///
    /// # Errors
    ///
    /// As for [`run`](BatchRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<BatchOutcome> {
        self.run_with(cancel, |item| item.request()?.run_until(item.cancel()))
    }

    /// Calls `work` for each request in place of running it: for work that takes more than one
    /// request a target, such as building, testing and packing. The request is prepared when `work`
    /// is called.
    ///
    /// Several calls run at once on threads of their own, as [`run`](BatchRequest::run) would run
    /// the requests. Only requests of [`BatchItem::cross`] keep to the budget.
    ///
    /// ```no_run
    /// # use cross_core::{Cancel, Cross, Error};
    /// let cross = Cross::discover()?;
    /// let all = cross
    ///     .build_many(["s390x-unknown-linux-gnu", "riscv64gc-unknown-linux-gnu"])
    ///     .each(|request| request.release(true))
    ///     .run_with(&Cancel::new(), |item| {
    ///         let built = item.request()?.run_until(item.cancel())?;
    ///         item.cross().test(item.target()).release(true).run_until(item.cancel())?;
    ///         Ok::<_, Error>(built)
    ///     })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`run`](BatchRequest::run).
    pub fn run_with<T, E, F>(&self, cancel: &Cancel, work: F) -> Result<BatchOutcome<T, E>>
    where
        T: Send,
        E: From<Error> + Send,
        F: Fn(&BatchItem<'_>) -> Result<T, E> + Sync,
    {
        self.check()?;
        BatchRun::new(self, cancel)?.execute(work)
    }

    fn budget(&self) -> u32 {
        self.jobs.unwrap_or_else(process_env::processors)
    }

    /// Checks what can be checked before planning.
    fn check(&self) -> Result<()> {
        if self.requests.is_empty() {
            let error = Error::new(ErrorKind::Request, "no targets given");
            return Err(error.with_help("name at least one target"));
        }
        let mut seen = BTreeMap::new();
        for request in self.requests.iter().filter(|_| self.unique_targets) {
            let target = &request.target;
            let name = TargetName::parse(target, request.cross.dir())?;
            if let Some(earlier) = seen.insert(name.triple().to_owned(), target) {
                let message = match earlier == target {
                    true => format!("the target `{target}` is given twice"),
                    false => {
                        format!("cargo cannot tell the targets `{earlier}` and `{target}` apart")
                    }
                };
                return Err(Error::new(ErrorKind::Request, message).with_help(
                    "name each target once: its artifacts are published in one directory",
                ));
            }
        }
        Ok(())
    }
}

impl BatchItem<'_> {
    /// The target.
    pub fn target(&self) -> &str {
        &self.request.target
    }

    /// The context for further requests for the target. They keep to the budget of jobs.
    pub fn cross(&self) -> &Cross {
        &self.request.cross
    }

    /// The request, which keeps to the budget of jobs.
    ///
    /// # Errors
    ///
    /// The error that kept the request from being prepared, for example one of making its
    /// environment.
    pub fn request(&self) -> Result<Request> {
        match &self.preparation_error {
            Some(error) => Err(error.without_causes()),
            None => Ok(self.request.clone()),
        }
    }

    /// Cancelled when the caller stops the batch, or when another request fails.
    pub fn cancel(&self) -> &Cancel {
        self.cancel
    }
}

impl fmt::Display for BatchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.budget)?;
        for step in &self.shared {
            writeln!(f, "\n# once for all: {}", step.purpose)?;
            if let Some(command) = &step.command {
                writeln!(f, "{command}")?;
            }
        }
        self.plans.iter().try_for_each(|plan| write!(f, "\n{plan}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(batch: &BatchRequest) -> Error {
        let error = batch.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request, "{error}");
        assert!(error.help().is_some());
        assert_eq!(batch.plan().unwrap_err().to_string(), error.to_string());
        error
    }

    #[test]
    fn a_batch_without_targets_is_refused() {
        let cross = Cross::at("/nonexistent");
        refused(&cross.build_many::<[&str; 0]>([]));
        refused(&cross.batch([]));
    }

    #[test]
    fn a_target_given_twice_is_refused_by_name() {
        let cross = Cross::at("/nonexistent");
        let (gnu, floor) = ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu.2.17");
        let twice = refused(&cross.test_many([gnu, "i686-unknown-linux-gnu", gnu]));
        assert!(twice.to_string().contains(gnu), "{twice}");
        let floors = refused(&cross.build_many([gnu, floor])).to_string();
        assert!(floors.contains(gnu) && floors.contains(floor), "{floors}");
    }

    #[test]
    fn a_malformed_target_is_refused_before_any_probe() {
        let batch = Cross::at("/nonexistent").check_many(["x86 64"]);
        assert_eq!(batch.run().unwrap_err().kind(), ErrorKind::UnknownTarget);
    }
}
