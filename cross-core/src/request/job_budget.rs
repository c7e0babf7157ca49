//! The jobs that requests for several targets share: one budget, by a job server or in fair parts.

use cross_engine::{Cancel, EnvValue, Host, Jobserver, RunSpec, Tokens};

use crate::model::error::{MapEngineError as _, Result};
use crate::model::jobs::{JobBudget, JobSharing};
use crate::model::step::OutputKind;
use crate::model::test_run::TEST_THREADS;

/// A budget as those who share it hold it.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) about: JobBudget,
    /// None where each has its part.
    server: Option<Jobserver>,
}

/// How many of `targets` are worked for at once, and how many jobs each of them may run without a job
/// server.
pub(crate) fn parts(jobs: u32, targets: usize) -> (u32, u32) {
    let targets = u32::try_from(targets).unwrap_or(u32::MAX);
    let at_once = jobs.min(targets).max(1);
    (at_once, (jobs / at_once).max(1))
}

impl Budget {
    /// A budget of `jobs`, at least one, for `targets`. Where no job server can be made, each gets a
    /// part.
    pub(crate) fn new(jobs: u32, targets: usize, host: &Host) -> Self {
        let jobs = jobs.max(1);
        let (at_once, each) = parts(jobs, targets);
        let (server, sharing) = match Jobserver::new(host, jobs) {
            Ok(server) => (Some(server), JobSharing::JobServer),
            Err(error) => {
                let reason = format!("there is no job server: {error}");
                (None, JobSharing::Parts { each, reason })
            }
        };
        Budget {
            about: JobBudget {
                jobs: server.as_ref().map_or(jobs, Jobserver::jobs),
                at_once,
                sharing,
            },
            server,
        }
    }

    /// The budget as it will be, if nothing is in the way: nothing is made.
    pub(crate) fn planned(jobs: u32, targets: usize) -> Self {
        let jobs = jobs.max(1);
        Budget {
            about: JobBudget {
                jobs,
                at_once: parts(jobs, targets).0,
                sharing: JobSharing::JobServer,
            },
            server: None,
        }
    }

    /// How many jobs one client may be told that there are.
    fn visible(&self) -> u32 {
        match self.about.sharing {
            JobSharing::JobServer => self.about.jobs,
            JobSharing::Parts { each, .. } => each,
        }
    }

    /// `spec`, whose command keeps to the budget: cargo asks the job server, and tells build scripts how
    /// many jobs there are.
    pub(crate) fn bind(&self, spec: RunSpec) -> RunSpec {
        let visible = EnvValue::Plain(self.visible().to_string());
        let server = self.server.as_ref();
        spec.env([("CARGO_BUILD_JOBS".to_owned(), visible)])
            .jobserver(server.map(|it| it.directory().to_owned()))
    }

    /// Waits until the run of `spec` may begin. Test binaries ask no job server: they get as many threads
    /// as there are free jobs now, unless the user says how many.
    pub(crate) fn begin(
        &self,
        spec: &mut RunSpec,
        output: OutputKind,
        cancel: &Cancel,
    ) -> Result<Option<Tokens<'_>>> {
        let tests = output == OutputKind::Tests && !spec.env.contains_key(TEST_THREADS);
        let most = if tests { self.about.jobs } else { 1 };
        let server = self.server.as_ref();
        let tokens = server
            .map(|it| it.take(most, cancel))
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
    fn no_part_is_empty_and_all_together_are_within_the_budget() {
        for (jobs, targets, expected) in [
            (2, 6, (2, 1)),
            (8, 3, (3, 2)),
            (8, 1, (1, 8)),
            (1, 4, (1, 1)),
            (16, 16, (16, 1)),
        ] {
            assert_eq!(parts(jobs, targets), expected, "{jobs} for {targets}");
            assert!(expected.0 * expected.1 <= jobs);
        }
    }

    #[test]
    fn clients_are_told_of_the_job_server() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        assert_eq!(budget.about.sharing, JobSharing::JobServer);
        let bound = budget.bind(spec());
        assert!(bound.jobserver.as_ref().is_some_and(|dir| dir.is_dir()));
        let three = EnvValue::Plain("3".into());
        assert_eq!(variable(&bound, "CARGO_BUILD_JOBS"), Some(&three));
    }

    #[test]
    fn tests_get_the_threads_that_are_free_unless_the_user_says_how_many() {
        let cache = tempfile::tempdir().unwrap();
        let budget = Budget::new(3, 6, &host(cache.path()));
        let cancel = Cancel::new();
        let mut compile = spec();
        let held = budget.begin(&mut compile, OutputKind::CargoMessages, &cancel);
        assert_eq!(variable(&compile, TEST_THREADS), None);
        let mut test = spec();
        let tokens = budget.begin(&mut test, OutputKind::Tests, &cancel).unwrap();
        let two = EnvValue::Plain("2".into());
        assert_eq!(variable(&test, TEST_THREADS), Some(&two));
        drop((held, tokens));
        let nine = EnvValue::Plain("9".into());
        let mut asked = spec().env([(TEST_THREADS.to_owned(), nine.clone())]);
        let tokens = budget
            .begin(&mut asked, OutputKind::Tests, &cancel)
            .unwrap();
        assert_eq!(tokens.map(|it| it.count()), Some(1));
        assert_eq!(variable(&asked, TEST_THREADS), Some(&nine));
    }

    #[test]
    fn where_no_pipe_can_be_made_each_has_its_part() {
        let cache = tempfile::tempdir().unwrap();
        std::fs::write(cache.path().join("jobservers"), "in the way").unwrap();
        let budget = Budget::new(5, 2, &host(cache.path()));
        let JobSharing::Parts { each: 2, reason } = &budget.about.sharing else {
            panic!("{:?}", budget.about);
        };
        assert!(reason.contains("jobservers"), "it says why: {reason}");
        let mut bound = budget.bind(spec());
        assert_eq!(bound.jobserver, None);
        let tokens = budget.begin(&mut bound, OutputKind::Tests, &Cancel::new());
        assert!(tokens.unwrap().is_none());
        let two = EnvValue::Plain("2".into());
        for name in ["CARGO_BUILD_JOBS", TEST_THREADS] {
            assert_eq!(variable(&bound, name), Some(&two), "{name}");
        }
    }
}
