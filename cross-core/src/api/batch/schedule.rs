//! What is done next, and what has to wait: a state machine without threads, clocks or processes.

/// Something that can be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// What several need of the host: toolchains, crates.
    Shared,
    /// The environment of the request of this number.
    Environment(usize),
    /// The request itself.
    Work(usize),
}

/// How many may be done at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Requests.
    pub(crate) at_once: usize,
    /// Environments, while nobody can be worked for yet: two take four fifths of the time that they take
    /// one after the other. While others compile it is one.
    pub(crate) environments: usize,
}

/// What there is to do of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Item {
    /// Whether its environment has to be made first.
    pub(crate) environment: bool,
    /// Whether it needs something that is shared.
    pub(crate) shared: bool,
    /// The request before it in the same target directory, of which cargo lets only one in.
    pub(crate) after: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waits,
    Runs,
    Over,
}

/// The order of everything. Whoever asked first comes first, as far as nobody has to wait for it.
#[derive(Debug)]
pub(crate) struct Schedule {
    limits: Limits,
    items: Vec<Item>,
    shared: Stage,
    environments: Vec<Stage>,
    work: Vec<Stage>,
    stopped: bool,
}

impl Schedule {
    pub(crate) fn new(limits: Limits, items: Vec<Item>) -> Self {
        let stage = |waits| if waits { Stage::Waits } else { Stage::Over };
        Schedule {
            shared: stage(items.iter().any(|item| item.shared)),
            environments: items.iter().map(|item| stage(item.environment)).collect(),
            work: vec![Stage::Waits; items.len()],
            limits,
            items,
            stopped: false,
        }
    }

    /// What to do now, if there is something: it counts as running from now on.
    pub(crate) fn next(&mut self) -> Option<Job> {
        if self.stopped {
            return None;
        }
        let job = self
            .shared()
            .or_else(|| self.work())
            .or_else(|| self.environment())?;
        *self.stage(job) = Stage::Runs;
        Some(job)
    }

    fn shared(&self) -> Option<Job> {
        (self.shared == Stage::Waits).then_some(Job::Shared)
    }

    fn work(&self) -> Option<Job> {
        if running(&self.work) >= self.limits.at_once.max(1) {
            return None;
        }
        let is_ready = |n: &usize| {
            let item = self.items[*n];
            self.work[*n] == Stage::Waits
                && self.environments[*n] == Stage::Over
                && (!item.shared || self.shared == Stage::Over)
                && item
                    .after
                    .is_none_or(|before| self.work[before] == Stage::Over)
        };
        (0..self.items.len()).find(is_ready).map(Job::Work)
    }

    fn environment(&self) -> Option<Job> {
        let most = match running(&self.work) {
            0 => self.limits.environments.max(1),
            _ => 1,
        };
        if running(&self.environments) >= most {
            return None;
        }
        let first = self.environments.iter().position(|it| *it == Stage::Waits);
        first.map(Job::Environment)
    }

    /// `job` has ended, well or not.
    pub(crate) fn done(&mut self, job: Job) {
        *self.stage(job) = Stage::Over;
    }

    /// Nothing more begins.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether nothing runs, and nothing will.
    pub(crate) fn is_over(&self) -> bool {
        let mut stages = [&self.shared]
            .into_iter()
            .chain(&self.environments)
            .chain(&self.work);
        stages.all(|stage| match stage {
            Stage::Waits => self.stopped,
            Stage::Runs => false,
            Stage::Over => true,
        })
    }

    fn stage(&mut self, job: Job) -> &mut Stage {
        match job {
            Job::Shared => &mut self.shared,
            Job::Environment(n) => &mut self.environments[n],
            Job::Work(n) => &mut self.work[n],
        }
    }
}

fn running(stages: &[Stage]) -> usize {
    stages.iter().filter(|stage| **stage == Stage::Runs).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        at_once: 2,
        environments: 2,
    };

    fn all(schedule: &mut Schedule) -> Vec<Job> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    fn to_make() -> Item {
        Item {
            environment: true,
            ..Item::default()
        }
    }

    #[test]
    fn as_many_as_there_may_be_are_worked_for_in_the_order_asked() {
        let mut schedule = Schedule::new(LIMITS, vec![Item::default(); 3]);
        assert_eq!(all(&mut schedule), [Job::Work(0), Job::Work(1)]);
        schedule.done(Job::Work(1));
        assert_eq!(all(&mut schedule), [Job::Work(2)]);
        schedule.done(Job::Work(0));
        schedule.done(Job::Work(2));
        assert!(schedule.is_over());
    }

    #[test]
    fn environments_are_made_while_others_are_worked_for() {
        let items = vec![Item::default(), to_make(), to_make()];
        let mut schedule = Schedule::new(LIMITS, items);
        assert_eq!(all(&mut schedule), [Job::Work(0), Job::Environment(1)]);
        schedule.done(Job::Environment(1));
        assert_eq!(all(&mut schedule), [Job::Work(1), Job::Environment(2)]);
        schedule.done(Job::Environment(2));
        assert_eq!(all(&mut schedule), [], "two at once");
        schedule.done(Job::Work(0));
        assert_eq!(all(&mut schedule), [Job::Work(2)]);
        assert!(!schedule.is_over());
    }

    #[test]
    fn two_environments_are_made_at_once_until_something_compiles() {
        let mut schedule = Schedule::new(LIMITS, vec![to_make(); 4]);
        let both = [Job::Environment(0), Job::Environment(1)];
        assert_eq!(all(&mut schedule), both);
        schedule.done(Job::Environment(1));
        assert_eq!(all(&mut schedule), [Job::Work(1)], "one beside it");
        schedule.done(Job::Environment(0));
        assert_eq!(all(&mut schedule), [Job::Work(0), Job::Environment(2)]);
    }

    #[test]
    fn whoever_has_its_environment_does_not_wait_for_others() {
        let mut schedule = Schedule::new(LIMITS, vec![to_make(), Item::default()]);
        assert_eq!(all(&mut schedule), [Job::Work(1), Job::Environment(0)]);
    }

    #[test]
    fn what_is_shared_comes_once_and_first_for_those_who_need_it() {
        let needs = Item {
            shared: true,
            ..to_make()
        };
        let mut schedule = Schedule::new(LIMITS, vec![needs, Item::default()]);
        let begun = all(&mut schedule);
        assert_eq!(begun, [Job::Shared, Job::Work(1), Job::Environment(0)]);
        schedule.done(Job::Environment(0));
        assert_eq!(all(&mut schedule), []);
        schedule.done(Job::Shared);
        assert_eq!(all(&mut schedule), [Job::Work(0)]);
    }

    #[test]
    fn requests_for_one_target_come_one_after_the_other() {
        let second = Item {
            after: Some(0),
            ..Item::default()
        };
        let mut schedule = Schedule::new(LIMITS, vec![Item::default(), second, Item::default()]);
        assert_eq!(all(&mut schedule), [Job::Work(0), Job::Work(2)]);
        schedule.done(Job::Work(0));
        assert_eq!(all(&mut schedule), [Job::Work(1)]);
    }

    #[test]
    fn nothing_begins_once_it_is_stopped_and_what_runs_is_waited_for() {
        let items = vec![Item::default(), to_make(), Item::default()];
        let mut schedule = Schedule::new(LIMITS, items);
        all(&mut schedule);
        schedule.done(Job::Work(0));
        schedule.stop();
        assert_eq!(all(&mut schedule), []);
        assert!(!schedule.is_over(), "an environment is being made");
        schedule.done(Job::Environment(1));
        schedule.done(Job::Work(2));
        assert!(schedule.is_over());
    }

    #[test]
    fn limits_of_nothing_are_limits_of_one() {
        let limits = Limits {
            at_once: 0,
            environments: 0,
        };
        let mut schedule = Schedule::new(limits, vec![to_make(), Item::default()]);
        assert_eq!(all(&mut schedule), [Job::Work(1), Job::Environment(0)]);
    }
}
