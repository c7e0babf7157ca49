//! Container reuse: containers are entered again, shared, replaced, and removed in time.
//!
//! Real engines show what happens to a container behind the library's back. A fake engine shows
//! exactly which calls the library makes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod engine_calls;
mod lifetime;
mod lost;
mod reuse;
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

/// A target whose environment the suites make on every engine.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// The time limit for what should happen soon.
const SOON: Duration = Duration::from_secs(10);

/// A project on an engine, with its reused containers.
struct Case {
    engine: String,
    project: Project,
    leftovers: Leftovers,
    /// The library without container reuse.
    fresh: Cross,
}

impl Case {
    fn new(engine: &str) -> Self {
        Case::of(Project::new("app"), engine)
    }

    fn of(project: Project, engine: &str) -> Self {
        let leftovers = Leftovers::of(&project);
        let fresh = project.cross().env(leftovers.env()).engine(engine);
        Case {
            engine: engine.to_owned(),
            project,
            leftovers,
            fresh,
        }
    }

    /// The library with container reuse.
    fn reusing(&self, reuse: ContainerReuse) -> Cross {
        self.fresh.clone().reuse_containers(reuse)
    }

    /// The containers that were started so far, each with the reason.
    fn started_containers(&self) -> Vec<(String, StartReason)> {
        let started = |kind| match kind {
            EventKind::ContainerStarted { container, why, .. } => Some((container, why)),
            _ => None,
        };
        let events = self.project.recorder().events().into_iter();
        events.filter_map(|event| started(event.kind)).collect()
    }

    /// The containers that were entered so far.
    fn entered_containers(&self) -> Vec<String> {
        let entered = |kind| match kind {
            EventKind::ContainerEntered { container, .. } => Some(container),
            _ => None,
        };
        let events = self.project.recorder().events().into_iter();
        events.filter_map(|event| entered(event.kind)).collect()
    }

    /// Calls the engine with `args` and returns its output.
    fn engine_output(&self, args: &[&str]) -> Output {
        let program = engines::need(&self.engine).program;
        tool::output(&Invocation::new(program).args(args.iter().copied()))
    }

    /// Whether the engine has a container of this name.
    fn has_container(&self, container: &str) -> bool {
        let names = self
            .engine_output(&["ps", "--all", "--format", "{{.Names}}"])
            .stdout;
        names.lines().any(|name| name == container)
    }
}

/// Runs a shell script in the environment and returns its standard output.
#[track_caller]
fn stdout_of(cross: &Cross, script: &str) -> String {
    let done = cross.exec(TARGET, ["sh", "-c", script]).capture(true).run();
    done.unwrap().stdout.unwrap().trim().to_owned()
}

/// Checks for `duration` that the condition `holds`.
#[track_caller]
fn stays_true(duration: Duration, what: &str, holds: impl Fn() -> bool) {
    let start = clock::now();
    loop {
        let is_last = start.elapsed() >= duration;
        assert!(holds(), "{what}: not for {duration:?}");
        if is_last {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the condition `holds`, and panics after `limit`.
#[track_caller]
fn wait_until(limit: Duration, what: &str, holds: impl Fn() -> bool) {
    let start = clock::now();
    while !holds() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(100));
    }
}
