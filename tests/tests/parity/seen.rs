//! The output of a test: a plan with checks. A failing check shows the plan.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use cross_core::{
    Plan,
    cargo_cli::{CargoPart, CargoPlan},
    engine::Invocation,
    plan::{Action, EnvironmentKind, OutputKind, Prepared, Step},
};
use cross_engine::{Access, Blueprint, EnvValue, ImageBuild, Mount, RunSpec};

/// The plan of a command line.
pub(crate) struct Seen(CargoPlan);

impl Seen {
    pub(crate) fn new(plan: CargoPlan) -> Self {
        Seen(plan)
    }

    pub(crate) fn all(&self) -> &CargoPlan {
        &self.0
    }

    /// Checks a condition that `what` describes.
    #[track_caller]
    pub(crate) fn ensure(&self, holds: bool, what: impl Debug) -> &Self {
        let warnings = self.0.parts.iter().filter_map(|part| match part {
            CargoPart::Environment(plan) => Some(&plan.warnings),
            _ => None,
        });
        let warnings: Vec<_> = warnings.collect();
        assert!(holds, "{what:?}\n{}\n{warnings:#?}", self.0);
        self
    }

    #[track_caller]
    pub(crate) fn is<T: PartialEq<U> + Debug, U: Debug>(&self, seen: T, expected: U) -> &Self {
        let equal = seen == expected;
        self.ensure(equal, format!("{seen:?} is not {expected:?}"))
    }

    /// Returns the plan for the only target.
    #[track_caller]
    pub(crate) fn plan(&self) -> &Plan {
        match &self.0.parts[..] {
            [CargoPart::Environment(plan)] => plan,
            _ => panic!("not one part in an environment:\n{}", self.0),
        }
    }

    /// Returns the plans for the targets, in order.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.0.parts.iter().filter_map(|part| match part {
            CargoPart::Environment(plan) => Some(&**plan),
            _ => None,
        })
    }

    pub(crate) fn targets(&self) -> Vec<&str> {
        self.plans().map(|plan| plan.target.as_str()).collect()
    }

    /// Returns the calls of cargo on the host.
    pub(crate) fn on_host(&self) -> Vec<&Invocation> {
        let parts = self.0.parts.iter().filter_map(|part| match part {
            CargoPart::Host(call) => Some(call),
            _ => None,
        });
        parts.collect()
    }

    fn step<'a, T>(&'a self, found: impl Fn(&'a Step) -> Option<T>) -> Option<T> {
        self.plan().steps.iter().find_map(found)
    }

    /// Returns what the host prepares before the run.
    #[track_caller]
    pub(crate) fn prepared(&self) -> &[Prepared] {
        let things = self.step(|step| match &step.action {
            Action::Prepare(things) => Some(things.as_slice()),
            _ => None,
        });
        things.unwrap_or_else(|| panic!("nothing is prepared:\n{}", self.0))
    }

    /// Returns the run of the command line in the environment, and its command. An earlier run may
    /// fetch the dependencies of `std`.
    #[track_caller]
    pub(crate) fn run(&self) -> (&RunSpec, &Invocation) {
        let run = self.step(|step| match &step.action {
            Action::Run {
                spec,
                output: OutputKind::CommandLine,
                ..
            } => Some((spec, step.command.as_ref()?)),
            _ => None,
        });
        run.unwrap_or_else(|| panic!("nothing runs:\n{}", self.0))
    }

    /// Checks the arguments of cargo in the environment.
    #[track_caller]
    pub(crate) fn given(&self, words: &[&str]) -> &Self {
        let (program, given) = self.run().0.command.split_first().unwrap();
        let mut given = given.to_vec();
        // A cargo of the environment cannot write the lock file: see
        // `s1_1_differs_the_lock_file_is_settled`.
        if !words.contains(&"--locked") {
            let ours = given.iter().position(|word| word == "--locked");
            ours.map(|at| given.remove(at));
        }
        self.is(program, "cargo").is(&given[..], words)
    }

    #[track_caller]
    pub(crate) fn env(&self) -> &BTreeMap<String, EnvValue> {
        &self.run().0.env
    }

    /// Returns the value of a variable in the environment.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        match self.env().get(name)? {
            EnvValue::Plain(value) | EnvValue::Secret(value) => Some(value),
            _ => None,
        }
    }

    #[track_caller]
    pub(crate) fn has(&self, name: &str, value: &str) -> &Self {
        let seen = self.value(name);
        self.ensure(seen == Some(value), format!("{name}={value}, not {seen:?}"))
    }

    #[track_caller]
    pub(crate) fn lacks(&self, name: &str) -> &Self {
        self.ensure(!self.env().contains_key(name), format!("no {name}"))
    }

    /// Returns the mount at a path inside.
    #[track_caller]
    pub(crate) fn mount(&self, target: impl AsRef<Path>) -> Option<&Mount> {
        let mounts = &self.run().0.mounts;
        mounts.iter().find(|mount| mount.target == target.as_ref())
    }

    #[track_caller]
    pub(crate) fn mounts(&self, path: impl AsRef<Path>, access: Access) -> &Self {
        let path = path.as_ref();
        let seen = self.mount(path).map(|mount| mount.access);
        self.ensure(
            seen == Some(access),
            format!("{} is seen as {seen:?}", path.display()),
        )
    }

    /// Checks that the command of the engine has these words in a row.
    #[track_caller]
    pub(crate) fn engine_has(&self, words: &[&str]) -> &Self {
        self.ensure(has_words(self.run().1, words), words)
    }

    #[track_caller]
    pub(crate) fn engine_lacks(&self, word: &str) -> &Self {
        self.ensure(!has_words(self.run().1, &[word]), format!("no `{word}`"))
    }

    #[track_caller]
    pub(crate) fn kind(&self, kind: EnvironmentKind) -> &Self {
        self.is(self.plan().environment.kind, kind)
    }

    /// Checks the image of the environment.
    #[track_caller]
    pub(crate) fn image(&self, reference: &str) -> &Self {
        self.is(self.plan().environment.name.as_str(), reference)
    }

    #[track_caller]
    pub(crate) fn toolchain(&self, name: &str) -> &Self {
        let seen = self.plan().toolchain.to_string();
        let is_it = seen.starts_with(&format!("{name}, "));
        self.ensure(is_it, format!("toolchain `{seen}` is not {name}"))
    }

    pub(crate) fn purposes(&self) -> Vec<&str> {
        let steps = self.plan().steps.iter();
        steps.map(|step| step.purpose.as_str()).collect()
    }

    /// Returns the blueprint of the environment that has to be made.
    #[track_caller]
    pub(crate) fn blueprint(&self) -> &Blueprint {
        let made = self.step(|step| match &step.action {
            Action::MakeEnvironment(blueprint) => Some(blueprint),
            _ => None,
        });
        made.unwrap_or_else(|| panic!("nothing is made:\n{}", self.0))
    }

    /// Returns the images that have to be built, in order, each with its build command.
    pub(crate) fn builds(&self) -> Vec<(&ImageBuild, &Invocation)> {
        let builds = self
            .plan()
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::BuildImage { build, .. } => Some((build, step.command.as_ref()?)),
                _ => None,
            });
        builds.collect()
    }

    /// Returns the only image that has to be built.
    #[track_caller]
    pub(crate) fn built(&self) -> (&ImageBuild, &Invocation) {
        match self.builds()[..] {
            [one] => one,
            _ => panic!("not one image is built:\n{}", self.0),
        }
    }

    /// Returns the image that has to be pulled, and its platform.
    pub(crate) fn pulled(&self) -> Option<(&str, Option<&str>)> {
        self.step(|step| match &step.action {
            Action::PullImage {
                reference,
                platform,
                ..
            } => Some((reference.as_str(), platform.as_deref())),
            _ => None,
        })
    }

    /// Returns the commands on the host, each as one line.
    pub(crate) fn host_commands(&self) -> Vec<String> {
        let commands = self
            .plan()
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Host { command, .. } => Some(format!(
                    "{} {}",
                    command.program_name(),
                    command.args.join(" ")
                )),
                _ => None,
            });
        commands.collect()
    }

    /// Checks that a warning has this code and contains these words.
    #[track_caller]
    pub(crate) fn warns(&self, code: &str, words: &str) -> &Self {
        let warnings = &self.plan().warnings;
        let is_it = |warning: &cross_core::plan::Warning| {
            warning.code == code && warning.message.contains(words)
        };
        self.ensure(warnings.iter().any(is_it), format!("[{code}] {words}"))
    }

    #[track_caller]
    pub(crate) fn is_silent(&self) -> &Self {
        self.ensure(self.plan().warnings.is_empty(), "no warning")
    }
}

/// Whether a command has these words in a row.
pub(crate) fn has_words(command: &Invocation, words: &[&str]) -> bool {
    command
        .args
        .windows(words.len())
        .any(|window| window == words)
}
