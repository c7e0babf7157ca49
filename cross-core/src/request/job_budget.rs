//! The job budget that requests for several targets share, by a jobserver or in equal parts.

use cross_engine::{Cancel, EnvValue, Host, Jobserver, RunSpec, Tokens};

use crate::model::error::{MapEngineError as _, Result};
use crate::model::jobs::{JobBudget, JobSharing};
use crate::model::step::OutputKind;
use crate::model::test_run::TEST_THREADS;

/// A job budget, with its jobserver.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) summary: JobBudget,
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
            jobserver,
        }
    }

    /// Returns the budget that [`new`](Budget::new) creates if it can create a jobserver. Creates
    /// nothing itself.
    pub(crate) fn planned(jobs: u32, targets: usize) -> Self {
        let jobs = jobs.max(1);
        Budget {
            summary: JobBudget {
                jobs,
                at_once: split(jobs, targets).0,
                sharing: JobSharing::JobServer,
            },
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

    /// Binds the command of `spec` to the budget: cargo uses the jobserver, and build scripts see
    /// the number of jobs.
    pub(crate) fn bind(&self, spec: RunSpec) -> RunSpec {
        let visible = EnvValue::Plain(self.visible().to_string());
        let jobserver = self.jobserver.as_ref();
        spec.env([("CARGO_BUILD_JOBS".to_owned(), visible)])
            .jobserver(jobserver.map(|jobserver| jobserver.directory().to_owned()))
    }

    /// Waits until the run of `spec` may start, and takes its tokens. Test binaries do not use the
    /// jobserver themselves. They get one thread for each free job, unless the user sets the number
    /// of threads.
    pub(crate) fn take_tokens(
        &self,
        spec: &mut RunSpec,
        output: OutputKind,
        cancel: &Cancel,
    ) -> Result<Option<Tokens<'_>>> {
        let tests = output == OutputKind::Tests && !spec.env.contains_key(TEST_THREADS);
        let limit = if tests { self.summary.jobs } else { 1 };
        let jobserver = self.jobserver.as_ref();
        let tokens = jobserver
            .map(|jobserver| jobserver.take(limit, cancel))
            .transpose()
            .map_engine_error()?;
        if tests {
            let threads = tokens.as_ref().map_or(self.visible(), Tokens::count);
            let threads = EnvValue::Plain(threads.to_string());
            spec.env.insert(TEST_THREADS.to_owned(), threads);
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

    #[test]
    fn a_run_gets_the_jobserver_and_the_number_of_jobs() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        assert_eq!(budget.summary.sharing, JobSharing::JobServer);
        let bound = budget.bind(spec());
        assert!(bound.jobserver.as_ref().is_some_and(|dir| dir.is_dir()));
        let three = EnvValue::Plain("3".into());
        assert_eq!(variable(&bound, "CARGO_BUILD_JOBS"), Some(&three));
    }

    #[test]
    fn tests_get_one_thread_for_each_free_job_unless_the_user_sets_the_number() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        let cancel = Cancel::new();
        let mut compile = spec();
        let held = budget.take_tokens(&mut compile, OutputKind::CargoMessages, &cancel);
        assert_eq!(variable(&compile, TEST_THREADS), None);
        let mut test = spec();
        let tokens = budget
            .take_tokens(&mut test, OutputKind::Tests, &cancel)
            .unwrap();
        let two = EnvValue::Plain("2".into());
        assert_eq!(variable(&test, TEST_THREADS), Some(&two));
        drop((held, tokens));
        let nine = EnvValue::Plain("9".into());
        let mut user_set = spec().env([(TEST_THREADS.to_owned(), nine.clone())]);
        let tokens = budget
            .take_tokens(&mut user_set, OutputKind::Tests, &cancel)
            .unwrap();
        assert_eq!(tokens.map(|tokens| tokens.count()), Some(1));
        assert_eq!(variable(&user_set, TEST_THREADS), Some(&nine));
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
        let mut bound = budget.bind(spec());
        assert_eq!(bound.jobserver, None);
        let tokens = budget.take_tokens(&mut bound, OutputKind::Tests, &Cancel::new());
        assert!(tokens.unwrap().is_none());
        let two = EnvValue::Plain("2".into());
        for name in ["CARGO_BUILD_JOBS", TEST_THREADS] {
            assert_eq!(variable(&bound, name), Some(&two), "{name}");
        }
    }
}
