//! Containers that are kept: entered again, shared, replaced, and gone when they should be. What goes wrong
//! with them behind the library's back, on real engines; what exactly is asked of one, on a fake.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod asked;
mod ended;
mod entered;
mod lost;
mod shared;

use std::thread;
use std::time::Duration;

use cross_core::{
    Cross,
    engine::{ContainerReuse, StartReason},
    events::EventKind,
};
use cross_engine::Invocation;
use cross_engine::process::Output;
use cross_engine::process::clock;
use cross_tests::{Leftovers, Project, engines, tool};

/// One whose environment the suites make on every engine.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// What should come soon comes within this.
const SOON: Duration = Duration::from_secs(10);

/// A project on an engine, and what is kept for it.
struct Case {
    engine: String,
    project: Project,
    leftovers: Leftovers,
    /// Nothing is kept by it.
    cold: Cross,
}

impl Case {
    fn new(engine: &str) -> Self {
        Case::of(Project::new("app"), engine)
    }

    fn of(project: Project, engine: &str) -> Self {
        let leftovers = Leftovers::of(&project);
        let cold = project.cross().env(leftovers.env()).engine(engine);
        Case {
            engine: engine.to_owned(),
            project,
            leftovers,
            cold,
        }
    }

    /// The library, which keeps containers like this.
    fn warm(&self, warm: ContainerReuse) -> Cross {
        self.cold.clone().reuse_containers(warm)
    }

    /// The containers that were started so far, and why.
    fn started(&self) -> Vec<(String, StartReason)> {
        let started = |kind| match kind {
            EventKind::ContainerStarted { container, why, .. } => Some((container, why)),
            _ => None,
        };
        let events = self.project.recorder().events().into_iter();
        events.filter_map(|event| started(event.kind)).collect()
    }

    /// The containers that were entered so far.
    fn entered(&self) -> Vec<String> {
        let entered = |kind| match kind {
            EventKind::ContainerEntered { container, .. } => Some(container),
            _ => None,
        };
        let events = self.project.recorder().events().into_iter();
        events.filter_map(|event| entered(event.kind)).collect()
    }

    /// What the engine answers to this.
    fn asked(&self, args: &[&str]) -> Output {
        let program = engines::need(&self.engine).program;
        tool::output(&Invocation::new(program).args(args.iter().copied()))
    }

    /// Whether the engine has a container of this name.
    fn has(&self, container: &str) -> bool {
        let names = self
            .asked(&["ps", "--all", "--format", "{{.Names}}"])
            .stdout;
        names.lines().any(|name| name == container)
    }
}

/// The lines that a command prints in the environment.
#[track_caller]
fn said(cross: &Cross, script: &str) -> String {
    let done = cross.exec(TARGET, ["sh", "-c", script]).capture(true).run();
    done.unwrap().stdout.unwrap().trim().to_owned()
}

/// Waits until `is` so.
#[track_caller]
fn within(limit: Duration, what: &str, is: impl Fn() -> bool) {
    let start = clock::now();
    while !is() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(100));
    }
}
