//! Remote engines: a daemon that sees none of the caller's files builds, tests and runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod builds;
mod daemon;
mod hostile;
mod lost;
mod podman;
mod proxy;
mod relay;
mod reuse;
mod runs;
mod ssh;
mod volumes;
mod written;

use std::fs;
use std::path::Path;
use std::time::Duration;

use cross_core::events::EventKind;
use cross_core::{Cross, Env, Outcome};
use cross_tests::{Project, Recorder, real_env};

use crate::daemon::{Daemon, daemon};

/// A target whose environment the suites make on docker.
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The time limit for what should happen soon.
const SOON: Duration = Duration::from_secs(10);

/// A project that a remote engine builds.
struct Case {
    daemon: &'static Daemon,
    project: Project,
    address: String,
}

impl Case {
    fn new(project: Project) -> Self {
        let daemon = daemon();
        Case {
            daemon,
            project,
            address: daemon.address.clone(),
        }
    }

    /// The same project by way of another address of the daemon.
    fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    fn env(&self) -> Env {
        real_env().set("DOCKER_HOST", &self.address)
    }

    fn cross(&self) -> Cross {
        self.with(self.env())
    }

    /// For the project in another directory.
    fn cross_at(&self, dir: &Path) -> Cross {
        let cross = Cross::at(dir).env(self.env());
        cross.engine("docker").toolchain("image")
    }

    fn with(&self, env: Env) -> Cross {
        self.project.cross().env(env).engine("docker")
    }

    /// Builds, and returns what happened.
    fn build(&self) -> Traffic {
        let recorder = Recorder::default();
        let outcome = recorder.hear(self.cross()).build(TARGET).run().unwrap();
        Traffic::of(&recorder, outcome)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.project.path().join(file), text).unwrap();
    }

    /// The names of this project's volumes.
    fn volumes(&self) -> Vec<String> {
        let plan = self.cross().build(TARGET).plan().unwrap();
        let trees = plan.remote.unwrap().transfer.trees;
        let shared = |kind: &str| ["toolchain", "registry"].contains(&kind);
        let ours = trees.into_iter().filter(|tree| !shared(tree.kind.name()));
        ours.map(|tree| tree.volume).collect()
    }

    /// The containers on the daemon that have to do with this project.
    fn containers(&self) -> Vec<String> {
        let ours = self.project.outer().display().to_string();
        let names = self
            .daemon
            .docker(&["ps", "--all", "--format", "{{.Names}}"]);
        let mut found = Vec::new();
        for name in names.lines() {
            if self.daemon.inspect(name).contains(&ours) {
                found.push(name.to_owned());
            }
        }
        found
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        for volume in self.volumes() {
            let _ = self.cross().remove_volume("docker", &volume);
        }
    }
}

/// What a request sent and fetched.
struct Traffic {
    outcome: Outcome,
    sent: u64,
    fetched: u64,
    compiled: bool,
}

impl Traffic {
    fn of(recorder: &Recorder, outcome: Outcome) -> Self {
        let mut traffic = Traffic {
            outcome,
            sent: 0,
            fetched: 0,
            compiled: false,
        };
        for event in recorder.events() {
            match event.kind {
                EventKind::Sent { bytes, of, .. } if bytes == of => traffic.sent += of,
                EventKind::Fetched { bytes, of, .. } if bytes == of => traffic.fetched += of,
                EventKind::Compiled { fresh, .. } => traffic.compiled |= !fresh,
                _ => {}
            }
        }
        traffic
    }

    fn program(&self) -> &Path {
        &self.outcome.executables().next().unwrap().path
    }
}
