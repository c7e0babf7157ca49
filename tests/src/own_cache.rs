//! Environments in a cache of their own, made in the sandbox.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::{
    Blueprint, Cancel, Contents, Engine, EnvironmentLocation, Environments, Host, Progress, Result,
};

use crate::{Leftovers, Project, engines};

/// A cache of its own, and the sandbox that makes environments there.
#[derive(Debug)]
pub struct OwnCache {
    /// The project that the cache lies beside.
    pub project: Project,
    /// What must not be left behind.
    pub leftovers: Leftovers,
    engine: Engine,
    host: Host,
}

impl OwnCache {
    /// Creates an empty cache. The sandbox has to work.
    #[expect(clippy::new_without_default, reason = "it creates a directory")]
    pub fn new() -> Self {
        let project = Project::new("app");
        let leftovers = Leftovers::of(&project);
        let variables = leftovers.env();
        let variables = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        OwnCache {
            host: Host::new(variables.collect(), leftovers.own_cache()),
            engine: engines::need("sandbox"),
            project,
            leftovers,
        }
    }

    /// The environments in the cache.
    pub fn environments(&self) -> Environments<'_> {
        Environments::new(&self.engine, &self.host)
    }

    /// Makes an environment.
    ///
    /// # Errors
    ///
    /// Those of [`Environments::make`].
    pub fn make(&self, blueprint: &Blueprint) -> Result<()> {
        self.make_until(blueprint, |_| false).1
    }

    /// Makes an environment, and cancels at the first line for which `is_end` holds. Returns the
    /// lines of its progress.
    pub fn make_until(
        &self,
        blueprint: &Blueprint,
        is_end: impl Fn(&str) -> bool,
    ) -> (Vec<String>, Result<()>) {
        let mut lines = Vec::new();
        let mut keep = |progress: Progress<'_>| {
            let (Progress::Stage(line) | Progress::Line(line)) = progress else {
                return ControlFlow::Continue(());
            };
            lines.push(line.to_owned());
            match is_end(line) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let result = self
            .environments()
            .make(blueprint, &Cancel::new(), &mut keep);
        (lines, result)
    }

    /// The root file system of the environment `name`.
    ///
    /// # Panics
    ///
    /// If the environment is not a directory.
    pub fn root(&self, name: &str) -> PathBuf {
        match self.environments().location(name) {
            EnvironmentLocation::Directory(home) => home.join("root"),
            other => panic!("{other:?}"),
        }
    }

    /// What is on record of the environment `name`.
    ///
    /// # Panics
    ///
    /// If nothing is.
    #[track_caller]
    pub fn contents(&self, name: &str) -> Contents {
        let location = self.environments().location(name);
        let contents = self.environments().contents(&location, &Cancel::new());
        contents.unwrap().unwrap()
    }

    /// Removes the environment `name`.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn remove(&self, name: &str) {
        assert!(self.environments().remove(name, &Cancel::new()).unwrap());
    }

    /// The directory of the cache.
    pub fn dir(&self) -> &Path {
        &self.host.cache
    }
}
