//! The job budget that requests for several targets share, by a jobserver or in equal parts.

use cross_engine::{Cancel, EnvValue, Host, Jobserver, RunSpec, Tokens};

use crate::model::error::{MapEngineError as _, Result};
use crate::model::jobs::{JobBudget, JobSharing};
use crate::model::step::OutputKind;
use crate::model::test_run::TEST_THREADS;

/// The variable with the number of cargo's jobs.
const CARGO_JOBS: &str = "CARGO_BUILD_JOBS";

/// A job budget, with its jobserver.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) summary: JobBudget,
    /// The jobs of one target if all that run at once have equally many.
    each: u32,
    /// `None` if each target has a fixed part.
    jobserver: Option<Jobserver>,
}

/// Returns how many of `targets` are built at once, and how many jobs each of them may run without
/// a jobserver.
fn split(jobs: u32, targets: usize) -> (u32, u32) {
    let targets = u32::try_from(targets).unwrap_or(u32::MAX);
    let at_once = jobs.min(targets).max(1);
    (at_once, (jobs / at_once).max(1))
}

impl Budget {
    /// Creates a budget of at least one job for `targets`. If no jobserver can be created, each
    /// target gets a fixed part.
    pub(crate) fn new(jobs: u32, targets: usize, host: &Host) -> Self {
        let jobs = jobs.max(1);
        let (at_once, each) = split(jobs, targets);
        let (jobserver, sharing) = match Jobserver::new(host, jobs) {
            Ok(jobserver) => (Some(jobserver), JobSharing::JobServer),
            Err(error) => {
                let reason = format!("there is no jobserver: {error}");
                (None, JobSharing::Parts { each, reason })
            }
        };
        Budget {
            summary: JobBudget {
                jobs: jobserver.as_ref().map_or(jobs, Jobserver::jobs),
                at_once,
                sharing,
            },
            each,
            jobserver,
        }
    }

    /// Returns the budget that [`new`](Budget::new) creates if it can create a jobserver. Creates
    /// nothing itself.
    pub(crate) fn planned(jobs: u32, targets: usize) -> Self {
        let jobs = jobs.max(1);
        let (at_once, each) = split(jobs, targets);
        Budget {
            summary: JobBudget {
                jobs,
                at_once,
                sharing: JobSharing::JobServer,
            },
            each,
            jobserver: None,
        }
    }

    /// Returns the number of jobs that one target may run at most.
    fn visible(&self) -> u32 {
        match self.summary.sharing {
            JobSharing::JobServer => self.summary.jobs,
            JobSharing::Parts { each, .. } => each,
        }
    }

    /// Binds the command of `spec` to the budget: cargo uses the jobserver if the run sees its
    /// pipe, and build scripts see the number of jobs.
    pub(crate) fn bind(&self, spec: RunSpec, has_pipe: bool) -> RunSpec {
        let visible = EnvValue::Plain(self.visible().to_string());
        let jobserver = self.jobserver.as_ref().filter(|_| has_pipe);
        spec.env([(CARGO_JOBS.to_owned(), visible)])
            .jobserver(jobserver.map(|jobserver| jobserver.directory().to_owned()))
    }

    /// Waits until the run of `spec` may start, and takes its tokens. Test binaries do not use the
    /// jobserver themselves. They get one thread for each free job, unless the user sets the number
    /// of threads. A cargo that does not see the jobserver's pipe, in a virtual machine or on
    /// another one, gets the jobs that are free, at most its part, and holds them until it ends.
    pub(crate) fn take_tokens(
        &self,
        spec: &mut RunSpec,
        output: OutputKind,
        has_pipe: bool,
        cancel: &Cancel,
    ) -> Result<Option<Tokens<'_>>> {
        let tests = output == OutputKind::Tests && !spec.env.contains_key(TEST_THREADS);
        let limit = match (tests, has_pipe) {
            (true, _) => self.summary.jobs,
            (false, false) => self.each,
            (false, true) => 1,
        };
        let jobserver = self.jobserver.as_ref();
        let tokens = jobserver
            .map(|jobserver| jobserver.take(limit, cancel))
            .transpose()
            .map_engine_error()?;
        let jobs = tokens.as_ref().map_or(self.visible(), Tokens::count);
        let jobs = EnvValue::Plain(jobs.to_string());
        if !has_pipe {
            spec.env.insert(CARGO_JOBS.to_owned(), jobs.clone());
        }
        if tests {
            spec.env.insert(TEST_THREADS.to_owned(), jobs);
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::{Root, Variables};

    fn host(cache: &std::path::Path) -> Host {
        Host::new(Variables::new(), cache)
    }

    fn spec() -> RunSpec {
        RunSpec::new(Root::Image("i".into()), "/w", ["cargo"])
    }

    fn variable<'a>(spec: &'a RunSpec, name: &str) -> Option<&'a EnvValue> {
        spec.env.get(name)
    }

    #[test]
    fn parts_have_at_least_one_job_and_their_sum_is_within_the_budget() {
        for (jobs, targets, expected) in [
            (2, 6, (2, 1)),
            (8, 3, (3, 2)),
            (8, 1, (1, 8)),
            (1, 4, (1, 1)),
            (16, 16, (16, 1)),
        ] {
            assert_eq!(split(jobs, targets), expected, "{jobs} for {targets}");
            assert!(expected.0 * expected.1 <= jobs);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_run_gets_the_jobserver_and_the_number_of_jobs() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        assert_eq!(budget.summary.sharing, JobSharing::JobServer);
        let bound = budget.bind(spec(), true);
        assert!(bound.jobserver.as_ref().is_some_and(|dir| dir.is_dir()));
        let three = EnvValue::Plain("3".into());
        assert_eq!(variable(&bound, "CARGO_BUILD_JOBS"), Some(&three));
    }

    #[cfg(unix)]
    #[test]
    fn tests_get_one_thread_for_each_free_job_unless_the_user_sets_the_number() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        let cancel = Cancel::new();
        let mut compile = spec();
        let held = budget.take_tokens(&mut compile, OutputKind::CargoMessages, true, &cancel);
        assert_eq!(variable(&compile, TEST_THREADS), None);
        let mut test = spec();
        let tokens = budget
            .take_tokens(&mut test, OutputKind::Tests, true, &cancel)
            .unwrap();
        let two = EnvValue::Plain("2".into());
        assert_eq!(variable(&test, TEST_THREADS), Some(&two));
        drop((held, tokens));
        let nine = EnvValue::Plain("9".into());
        let mut user_set = spec().env([(TEST_THREADS.to_owned(), nine.clone())]);
        let tokens = budget
            .take_tokens(&mut user_set, OutputKind::Tests, true, &cancel)
            .unwrap();
        assert_eq!(tokens.map(|tokens| tokens.count()), Some(1));
        assert_eq!(variable(&user_set, TEST_THREADS), Some(&nine));
    }

    #[cfg(unix)]
    #[test]
    fn a_cargo_that_does_not_see_the_pipe_holds_the_jobs_that_it_runs() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(5, 2, &host(cache.path()));
        let cancel = Cancel::new();
        let take = |spec: &mut RunSpec| {
            budget.take_tokens(spec, OutputKind::CargoMessages, false, &cancel)
        };
        let (mut first, mut second) = (budget.bind(spec(), false), budget.bind(spec(), false));
        let held = [take(&mut first).unwrap(), take(&mut second).unwrap()];
        let two = EnvValue::Plain("2".into());
        for spec in [&first, &second] {
            assert_eq!(spec.jobserver, None, "it would be another pipe there");
            assert_eq!(variable(spec, CARGO_JOBS), Some(&two));
        }
        let mut third = budget.bind(spec(), false);
        let rest = take(&mut third).unwrap().unwrap();
        assert_eq!(rest.count(), 1, "what is free");
        drop((held, rest));
    }

    #[test]
    fn each_target_has_a_fixed_part_if_there_is_no_jobserver() {
        let cache = tempfile::tempdir().unwrap();
        std::fs::write(cache.path().join("jobservers"), "in the way").unwrap();
        let budget = Budget::new(5, 2, &host(cache.path()));
        let JobSharing::Parts { each: 2, reason } = &budget.summary.sharing else {
            panic!("{:?}", budget.summary);
        };
        assert!(reason.contains("jobservers"), "{reason}");
        let mut bound = budget.bind(spec(), false);
        assert_eq!(bound.jobserver, None);
        let tokens = budget.take_tokens(&mut bound, OutputKind::Tests, true, &Cancel::new());
        assert!(tokens.unwrap().is_none());
        let two = EnvValue::Plain("2".into());
        for name in ["CARGO_BUILD_JOBS", TEST_THREADS] {
            assert_eq!(variable(&bound, name), Some(&two), "{name}");
        }
    }
}
