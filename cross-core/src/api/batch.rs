//! Requests for several targets at once, with one budget of jobs.

mod drive;
pub(crate) mod outcome;
mod run;
mod schedule;
mod shared;

use std::collections::BTreeMap;
use std::fmt;

use cross_engine::Cancel;
use serde::Serialize;

use crate::api::batch::outcome::BatchOutcome;
use crate::api::batch::run::Run;
use crate::host::process_env;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::jobs::JobBudget;
use crate::model::step::Step;
use crate::plan::plan::{PLAN_SCHEMA_VERSION, Plan};
use crate::request::cross::Cross;
use crate::request::job_budget::Budget;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// Requests for several targets, made by [`Cross::build_many`] and its siblings. Nothing is read or run
/// before [`plan`](BatchRequest::plan) or [`run`](BatchRequest::run).
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
/// Several targets are worked for at once, but never with more jobs together than
/// [`jobs`](BatchRequest::jobs) says: their cargos share a job server, and with it rustc, make and the C compilers
/// of build scripts. What has begun is finished before more is begun, in the order asked. An environment
/// that is not there is made while others compile. What needs the network of the host (dependencies,
/// parts of the toolchain) is obtained once for all, before.
///
/// Events carry the target they are about. They come from several threads, so a listener may be
/// called by two at once. One that breaks stops all; one that panics does, too, and the panic goes on in
/// the caller's thread once nothing runs any more.
#[must_use = "requests do nothing until they are planned or run"]
#[derive(Clone, Debug)]
pub struct BatchRequest {
    requests: Vec<Request>,
    jobs: Option<u32>,
    keep_going: bool,
    /// Whether a target given twice is a mistake.
    once: bool,
}

/// What several requests become, before anything is done.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BatchPlan {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How the jobs will be shared. That no job server can be made is known only then.
    pub budget: JobBudget,
    /// What is done once for several of them.
    pub shared: Vec<Step>,
    /// What is done for each, besides, in the order asked.
    pub plans: Vec<Plan>,
}

/// One target's turn, in [`BatchRequest::run_with`].
#[derive(Debug)]
pub struct BatchItem<'a> {
    request: &'a Request,
    trouble: Option<Error>,
    cancel: &'a Cancel,
}

impl Cross {
    /// A `cargo build` for each of `targets`, as many at once as there are jobs for.
    ///
    /// One of them is a mistake if it is given twice, also with another glibc floor: cargo's usual
    /// directory has room for one.
    pub fn build_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::of(targets, |target| self.build(target))
    }

    /// A `cargo check` for each of `targets`: as [`build_many`](Cross::build_many).
    pub fn check_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::of(targets, |target| self.check(target))
    }

    /// A `cargo test` for each of `targets`, under its emulator where it needs one: as
    /// [`build_many`](Cross::build_many). Test binaries get as many threads as there are free jobs when
    /// they start, unless `RUST_TEST_THREADS` says how many.
    pub fn test_many<I>(&self, targets: I) -> BatchRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        BatchRequest::of(targets, |target| self.test(target))
    }

    /// Any requests, as many at once as there are jobs for. Those for one target come one after the
    /// other, in the order asked.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// let requests = [cross.clippy(target), cross.test(target), cross.build("wasm32-wasip1")];
    /// let outcomes = cross.many(requests).run()?.into_result()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn many(&self, requests: impl IntoIterator<Item = Request>) -> BatchRequest {
        BatchRequest {
            requests: requests.into_iter().collect(),
            jobs: None,
            keep_going: false,
            once: false,
        }
    }
}

impl BatchRequest {
    fn of<I>(targets: I, request: impl Fn(String) -> Request) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let targets = targets.into_iter().map(Into::into);
        BatchRequest {
            requests: targets.map(request).collect(),
            jobs: None,
            keep_going: false,
            once: true,
        }
    }

    /// Changes each of the requests, such as by `|request| request.release(true).locked(true)`.
    pub fn each(mut self, change: impl Fn(Request) -> Request) -> Self {
        self.requests = self.requests.into_iter().map(change).collect();
        self
    }

    /// At most this many jobs at once over all targets, and at least one: compilers, linkers, threads of a
    /// test binary. It holds in place of [`Request::jobs`].
    ///
    /// # Default value
    ///
    /// The number of processors that this process may use.
    pub fn jobs(mut self, jobs: u32) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Finishes the others when one fails.
    ///
    /// # Default value
    ///
    /// The first failure stops the others.
    pub fn keep_going(mut self, yes: bool) -> Self {
        self.keep_going = yes;
        self
    }

    /// Computes the plans of all: read-only probes, then pure.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`] for no target and for a target given twice; whatever keeps one of the
    /// requests from being planned.
    pub fn plan(&self) -> Result<BatchPlan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](BatchRequest::plan) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`plan`](BatchRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<BatchPlan> {
        self.check()?;
        let budget = Budget::planned(self.budget(), self.requests.len()).into();
        let plan = |request: &Request| {
            let cross = request.cross.clone().sharing(&budget, cancel);
            let planned = request.clone().with(cross).plan_until(cancel);
            planned.map_err(|error| error.about(&request.target))
        };
        let mut plans = self.requests.iter().map(plan).collect::<Result<Vec<_>>>()?;
        let numbered: Vec<_> = plans.iter().enumerate().collect();
        let shared = shared::of(&numbered);
        plans.iter_mut().for_each(Plan::leave_out_host_steps);
        Ok(BatchPlan {
            schema_version: PLAN_SCHEMA_VERSION,
            budget: budget.about.clone(),
            shared: shared.into_iter().map(|it| it.step).collect(),
            plans,
        })
    }

    /// Plans and executes all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`] for no target and for a target given twice. What came of each target is in
    /// the outcome.
    pub fn run(&self) -> Result<BatchOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](BatchRequest::run) with a way to stop it. What is done by then stays in the outcome.
    ///
    /// # Errors
    ///
    /// As for [`run`](BatchRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<BatchOutcome> {
        self.run_with(cancel, |turn| turn.request()?.run_until(turn.cancel()))
    }

    /// Does `work` for each, in place of running its request: for what takes more than one request a
    /// target, such as building, testing and packing. When it is called, what the request needs is there.
    ///
    /// Several are called at once, on threads of their own, as [`run`](BatchRequest::run) would run requests. Only
    /// requests of [`BatchItem::cross`] keep to the budget.
    ///
    /// ```no_run
    /// # use cross_core::{Cancel, Cross, Error};
    /// let cross = Cross::discover()?;
    /// let all = cross
    ///     .build_many(["s390x-unknown-linux-gnu", "riscv64gc-unknown-linux-gnu"])
    ///     .each(|request| request.release(true))
    ///     .run_with(&Cancel::new(), |turn| {
    ///         let built = turn.request()?.run_until(turn.cancel())?;
    ///         turn.cross().test(turn.target()).release(true).run_until(turn.cancel())?;
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
        Run::new(self, cancel)?.carry_out(work)
    }

    fn budget(&self) -> u32 {
        self.jobs.unwrap_or_else(process_env::processors)
    }

    /// What no plan could mend.
    fn check(&self) -> Result<()> {
        if self.requests.is_empty() {
            let error = Error::new(ErrorKind::Request, "there is no target to work for");
            return Err(error.with_help("name at least one target"));
        }
        let mut seen = BTreeMap::new();
        for request in self.requests.iter().filter(|_| self.once) {
            let target = &request.target;
            let name = TargetName::parse(target, request.cross.dir())?;
            if let Some(earlier) = seen.insert(name.triple().to_owned(), target) {
                let what = match earlier == target {
                    true => format!("the target `{target}` is given twice"),
                    false => format!("the targets `{earlier}` and `{target}` are one to cargo"),
                };
                return Err(Error::new(ErrorKind::Request, what).with_help(
                    "name each target once: what is built for it appears in one directory",
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

    /// Where further requests for the target come from: they keep to the budget of jobs.
    pub fn cross(&self) -> &Cross {
        &self.request.cross
    }

    /// The request, which keeps to the budget of jobs.
    ///
    /// # Errors
    ///
    /// What kept its environment, or something else that it needs, from being made ready.
    pub fn request(&self) -> Result<Request> {
        match &self.trouble {
            Some(error) => Err(error.again()),
            None => Ok(self.request.clone()),
        }
    }

    /// What stops this target: the caller, or another target's failure.
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

    fn refused(many: &BatchRequest) -> Error {
        let error = many.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Request, "{error}");
        assert!(error.help().is_some());
        assert_eq!(many.plan().unwrap_err().to_string(), error.to_string());
        error
    }

    #[test]
    fn no_target_is_a_mistake() {
        let cross = Cross::at("/nonexistent");
        refused(&cross.build_many::<[&str; 0]>([]));
        refused(&cross.many([]));
    }

    #[test]
    fn a_target_given_twice_is_a_mistake_and_is_named() {
        let cross = Cross::at("/nonexistent");
        let (gnu, floor) = ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu.2.17");
        let twice = refused(&cross.test_many([gnu, "i686-unknown-linux-gnu", gnu]));
        assert!(twice.to_string().contains(gnu), "{twice}");
        let floors = refused(&cross.build_many([gnu, floor])).to_string();
        assert!(floors.contains(gnu) && floors.contains(floor), "{floors}");
    }

    #[test]
    fn what_cannot_be_a_target_is_told_before_anything_is_asked() {
        let many = Cross::at("/nonexistent").check_many(["x86 64"]);
        assert_eq!(many.run().unwrap_err().kind(), ErrorKind::UnknownTarget);
    }
}
