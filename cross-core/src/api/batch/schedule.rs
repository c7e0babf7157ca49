//! The order of a batch's tasks: a state machine without threads, clocks or processes.

/// A task of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Run the host commands that several requests share. They complete toolchains and fetch
    /// crates.
    SharedSteps,
    /// Make the environment of the request with this index.
    Environment(usize),
    /// Run the request with this index.
    Request(usize),
}

/// How many tasks of each kind may run at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests.
    pub(crate) requests: usize,
    /// Environments, while no request runs: making two at once takes four fifths of the time of
    /// making one after the other. While a request runs, the limit is one.
    pub(crate) environments: usize,
}

/// What a request needs before it can run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Whether its environment has to be made.
    pub(crate) environment: bool,
    /// Whether it needs a host command that is shared.
    pub(crate) shared_steps: bool,
    /// The index of the previous request for the same target directory. Cargo lets one process at a
    /// time into a target directory.
    pub(crate) after: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Pending,
    Running,
    Done,
}

/// The progress of every task. Tasks start in the order of the requests, except that one that is
/// ready does not wait for one that is not.
#[derive(Debug)]
pub(crate) struct Schedule {
    limits: Limits,
    needs: Vec<Needs>,
    shared_steps: Progress,
    environments: Vec<Progress>,
    requests: Vec<Progress>,
    stopped: bool,
}

impl Schedule {
    /// The schedule of as many requests as there are `needs`.
    pub(crate) fn new(limits: Limits, needs: Vec<Needs>) -> Self {
        let progress = |is_needed| match is_needed {
            true => Progress::Pending,
            false => Progress::Done,
        };
        Schedule {
            shared_steps: progress(needs.iter().any(|needs| needs.shared_steps)),
            environments: needs
                .iter()
                .map(|needs| progress(needs.environment))
                .collect(),
            requests: vec![Progress::Pending; needs.len()],
            limits,
            needs,
            stopped: false,
        }
    }

    /// The next task that can start, if there is one. It counts as running from now on.
    pub(crate) fn next(&mut self) -> Option<Task> {
        if self.stopped {
            return None;
        }
        let task = self
            .next_shared_steps()
            .or_else(|| self.next_request())
            .or_else(|| self.next_environment())?;
        *self.progress_mut(task) = Progress::Running;
        Some(task)
    }

    fn next_shared_steps(&self) -> Option<Task> {
        (self.shared_steps == Progress::Pending).then_some(Task::SharedSteps)
    }

    fn next_request(&self) -> Option<Task> {
        if running(&self.requests) >= self.limits.requests.max(1) {
            return None;
        }
        let is_ready = |index: &usize| {
            let needs = self.needs[*index];
            self.requests[*index] == Progress::Pending
                && self.environments[*index] == Progress::Done
                && (!needs.shared_steps || self.shared_steps == Progress::Done)
                && needs
                    .after
                    .is_none_or(|previous| self.requests[previous] == Progress::Done)
        };
        (0..self.needs.len()).find(is_ready).map(Task::Request)
    }

    fn next_environment(&self) -> Option<Task> {
        let limit = match running(&self.requests) {
            0 => self.limits.environments.max(1),
            _ => 1,
        };
        if running(&self.environments) >= limit {
            return None;
        }
        let mut environments = self.environments.iter();
        let first = environments.position(|progress| *progress == Progress::Pending);
        first.map(Task::Environment)
    }

    /// Marks `task` as ended, whether or not it succeeded.
    pub(crate) fn finish(&mut self, task: Task) {
        *self.progress_mut(task) = Progress::Done;
    }

    /// Lets no further task start.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether no task runs, and none will start.
    pub(crate) fn is_finished(&self) -> bool {
        let mut all = [&self.shared_steps]
            .into_iter()
            .chain(&self.environments)
            .chain(&self.requests);
        all.all(|progress| match progress {
            Progress::Pending => self.stopped,
            Progress::Running => false,
            Progress::Done => true,
        })
    }

    fn progress_mut(&mut self, task: Task) -> &mut Progress {
        match task {
            Task::SharedSteps => &mut self.shared_steps,
            Task::Environment(index) => &mut self.environments[index],
            Task::Request(index) => &mut self.requests[index],
        }
    }
}

fn running(tasks: &[Progress]) -> usize {
    let is_running = |progress: &&Progress| **progress == Progress::Running;
    tasks.iter().filter(is_running).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        requests: 2,
        environments: 2,
    };

    fn start_all(schedule: &mut Schedule) -> Vec<Task> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    fn needs_environment() -> Needs {
        Needs {
            environment: true,
            ..Needs::default()
        }
    }

    #[test]
    fn requests_up_to_the_limit_run_in_the_order_asked() {
        let mut schedule = Schedule::new(LIMITS, vec![Needs::default(); 3]);
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(0), Task::Request(1)]
        );
        schedule.finish(Task::Request(1));
        assert_eq!(start_all(&mut schedule), [Task::Request(2)]);
        schedule.finish(Task::Request(0));
        schedule.finish(Task::Request(2));
        assert!(schedule.is_finished());
    }

    #[test]
    fn environments_are_made_while_requests_run() {
        let needs = vec![Needs::default(), needs_environment(), needs_environment()];
        let mut schedule = Schedule::new(LIMITS, needs);
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(0), Task::Environment(1)]
        );
        schedule.finish(Task::Environment(1));
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(1), Task::Environment(2)]
        );
        schedule.finish(Task::Environment(2));
        assert_eq!(start_all(&mut schedule), [], "two at once");
        schedule.finish(Task::Request(0));
        assert_eq!(start_all(&mut schedule), [Task::Request(2)]);
        assert!(!schedule.is_finished());
    }

    #[test]
    fn two_environments_are_made_at_once_until_a_request_runs() {
        let mut schedule = Schedule::new(LIMITS, vec![needs_environment(); 4]);
        let both = [Task::Environment(0), Task::Environment(1)];
        assert_eq!(start_all(&mut schedule), both);
        schedule.finish(Task::Environment(1));
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(1)],
            "one beside it"
        );
        schedule.finish(Task::Environment(0));
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(0), Task::Environment(2)]
        );
    }

    #[test]
    fn a_request_with_its_environment_does_not_wait_for_others() {
        let mut schedule = Schedule::new(LIMITS, vec![needs_environment(), Needs::default()]);
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(1), Task::Environment(0)]
        );
    }

    #[test]
    fn shared_steps_run_once_and_before_the_requests_that_need_them() {
        let both = Needs {
            shared_steps: true,
            ..needs_environment()
        };
        let mut schedule = Schedule::new(LIMITS, vec![both, Needs::default()]);
        let started = start_all(&mut schedule);
        assert_eq!(
            started,
            [Task::SharedSteps, Task::Request(1), Task::Environment(0)]
        );
        schedule.finish(Task::Environment(0));
        assert_eq!(start_all(&mut schedule), []);
        schedule.finish(Task::SharedSteps);
        assert_eq!(start_all(&mut schedule), [Task::Request(0)]);
    }

    #[test]
    fn requests_for_one_target_run_one_after_the_other() {
        let second = Needs {
            after: Some(0),
            ..Needs::default()
        };
        let mut schedule = Schedule::new(LIMITS, vec![Needs::default(), second, Needs::default()]);
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(0), Task::Request(2)]
        );
        schedule.finish(Task::Request(0));
        assert_eq!(start_all(&mut schedule), [Task::Request(1)]);
    }

    #[test]
    fn a_stopped_schedule_starts_nothing_and_waits_for_running_tasks() {
        let needs = vec![Needs::default(), needs_environment(), Needs::default()];
        let mut schedule = Schedule::new(LIMITS, needs);
        start_all(&mut schedule);
        schedule.finish(Task::Request(0));
        schedule.stop();
        assert_eq!(start_all(&mut schedule), []);
        assert!(!schedule.is_finished(), "an environment is being made");
        schedule.finish(Task::Environment(1));
        schedule.finish(Task::Request(2));
        assert!(schedule.is_finished());
    }

    #[test]
    fn a_limit_of_zero_counts_as_one() {
        let limits = Limits {
            requests: 0,
            environments: 0,
        };
        let mut schedule = Schedule::new(limits, vec![needs_environment(), Needs::default()]);
        assert_eq!(
            start_all(&mut schedule),
            [Task::Request(1), Task::Environment(0)]
        );
    }
}
