//! What comes out: a plan, and what can be said of it. Whatever does not hold shows the plan.

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

/// A command line's plan.
pub(crate) struct Seen(CargoPlan);

impl Seen {
    pub(crate) fn new(plan: CargoPlan) -> Self {
        Seen(plan)
    }

    pub(crate) fn all(&self) -> &CargoPlan {
        &self.0
    }

    /// That it holds; `what` says what it is.
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

    /// The part for the only target.
    #[track_caller]
    pub(crate) fn plan(&self) -> &Plan {
        match &self.0.parts[..] {
            [CargoPart::Environment(plan)] => plan,
            _ => panic!("not one part in an environment:\n{}", self.0),
        }
    }

    /// The plans for the targets, in order.
    pub(crate) fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.0.parts.iter().filter_map(|part| match part {
            CargoPart::Environment(plan) => Some(&**plan),
            _ => None,
        })
    }

    pub(crate) fn targets(&self) -> Vec<&str> {
        self.plans().map(|plan| plan.target.as_str()).collect()
    }

    /// The calls of the host's cargo.
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

    /// What is made on the host before.
    #[track_caller]
    pub(crate) fn prepared(&self) -> &[Prepared] {
        let things = self.step(|step| match &step.action {
            Action::Prepare(things) => Some(things.as_slice()),
            _ => None,
        });
        things.unwrap_or_else(|| panic!("nothing is prepared:\n{}", self.0))
    }

    /// The run of the command line in the environment, and its command. What is fetched for `std` before
    /// is a run too.
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

    /// That the environment's cargo is given these words.
    #[track_caller]
    pub(crate) fn given(&self, words: &[&str]) -> &Self {
        let (program, given) = self.run().0.command.split_first().unwrap();
        self.is(program, "cargo").is(given, words)
    }

    #[track_caller]
    pub(crate) fn env(&self) -> &BTreeMap<String, EnvValue> {
        &self.run().0.env
    }

    /// The value of a variable in the environment.
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

    /// The mount at a path inside.
    #[track_caller]
    pub(crate) fn mount(&self, target: impl AsRef<Path>) -> Option<&Mount> {
        let mounts = &self.run().0.mounts;
        mounts.iter().find(|it| it.target == target.as_ref())
    }

    #[track_caller]
    pub(crate) fn mounts(&self, path: impl AsRef<Path>, access: Access) -> &Self {
        let path = path.as_ref();
        let seen = self.mount(path).map(|it| it.access);
        self.ensure(
            seen == Some(access),
            format!("{} is seen as {seen:?}", path.display()),
        )
    }

    /// That the engine's command has these words, one after the other.
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

    /// That this image runs.
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

    /// The environment that has to be made.
    #[track_caller]
    pub(crate) fn blueprint(&self) -> &Blueprint {
        let made = self.step(|step| match &step.action {
            Action::MakeEnvironment(blueprint) => Some(blueprint),
            _ => None,
        });
        made.unwrap_or_else(|| panic!("nothing is made:\n{}", self.0))
    }

    /// The images that have to be built, in order, each with the command that builds it.
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

    /// The only image that has to be built.
    #[track_caller]
    pub(crate) fn built(&self) -> (&ImageBuild, &Invocation) {
        match self.builds()[..] {
            [one] => one,
            _ => panic!("not one image is built:\n{}", self.0),
        }
    }

    /// The image that has to be pulled, and its platform.
    pub(crate) fn pulled(&self) -> Option<(&str, Option<&str>)> {
        self.step(|step| match &step.action {
            Action::PullImage {
                reference,
                platform,
            } => Some((reference.as_str(), platform.as_deref())),
            _ => None,
        })
    }

    /// The commands of the host, each as a line.
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

    /// That a warning has this code and these words.
    #[track_caller]
    pub(crate) fn warns(&self, code: &str, words: &str) -> &Self {
        let warnings = &self.plan().warnings;
        let is_it = |it: &cross_core::plan::Warning| it.code == code && it.message.contains(words);
        self.ensure(warnings.iter().any(is_it), format!("[{code}] {words}"))
    }

    #[track_caller]
    pub(crate) fn is_silent(&self) -> &Self {
        self.ensure(self.plan().warnings.is_empty(), "no warning")
    }
}

/// Whether a command has these words, one after the other.
pub(crate) fn has_words(command: &Invocation, words: &[&str]) -> bool {
    command.args.windows(words.len()).any(|it| it == words)
}
