//! A project, the library for it, and what a request must not leave behind.

use std::fs;

use cross_core::{Cross, Env, Error};
use cross_engine::{EnvironmentLocation, Invocation};

use crate::{FOREIGN, Leftovers, Project, engines, tool};

/// A project on an engine, as the suites for errors use it.
#[derive(Debug)]
pub struct Case {
    /// The project.
    pub project: Project,
    /// What a request must not leave behind.
    pub leftovers: Leftovers,
    /// The variables of the library.
    pub env: Env,
    /// The library, with the existing environments.
    pub cross: Cross,
}

impl Case {
    /// Creates a case of `project` on `engine`, which does not have to work.
    pub fn of(project: Project, engine: &str) -> Self {
        let leftovers = Leftovers::of(&project);
        let env = leftovers.env();
        let cross = project.cross().env(env.clone()).engine(engine);
        Case {
            project,
            leftovers,
            env,
            cross,
        }
    }

    /// Creates a case of `project` on `engine`, which has to work.
    pub fn on(engine: &str, project: Project) -> Self {
        engines::need(engine);
        Case::of(project, engine)
    }

    /// Creates a case in the sandbox.
    pub fn new(project: Project) -> Self {
        Case::on("sandbox", project)
    }

    /// Creates a case in the sandbox whose build script runs `code`.
    pub fn build_script(code: &str) -> Self {
        Case::new(Project::new("app").file("build.rs", &format!("fn main() {{ {code} }}\n")))
    }

    /// Creates a case in the sandbox whose build script runs a shell script.
    pub fn shell(script: &str) -> Self {
        Case::build_script(&format!(
            "let done = std::process::Command::new(\"sh\").args([\"-c\", {script:?}]).status();\n\
             assert!(done.unwrap().success(), \"the script failed\");"
        ))
    }

    /// Changes the variables.
    #[must_use]
    pub fn env(mut self, change: impl FnOnce(Env) -> Env) -> Self {
        self.env = change(self.env);
        self.cross = self.cross.env(self.env.clone());
        self
    }

    /// Uses an empty cache, so that no environment exists.
    #[must_use]
    pub fn own_cache(self) -> Self {
        let cache = self.leftovers.own_cache();
        self.env(|env| env.set("CROSS_CACHE_DIR", cache))
    }

    /// Uses a cache that has no environments, but the bases of the existing ones. To make a base
    /// takes half a minute, and few tests are about that.
    ///
    /// # Panics
    ///
    /// If the bases cannot be linked.
    #[must_use]
    pub fn own_cache_with_bases(self) -> Self {
        let usual = self.cross.clone().engine("sandbox").build(FOREIGN).plan();
        let EnvironmentLocation::Directory(made) = usual.unwrap().environment.location else {
            panic!("the sandbox's environments are directories");
        };
        let bases = made.ancestors().nth(2).unwrap().join("bases");
        if bases.exists() {
            let own = self.leftovers.own_cache();
            fs::create_dir_all(&own).unwrap();
            let [bases, own] = [bases.to_str().unwrap(), own.to_str().unwrap()];
            tool::stdout(&Invocation::new("cp").args(["-al", bases, own]));
        }
        self.own_cache()
    }

    /// Builds for [`FOREIGN`], and returns the error after a look at what is left.
    ///
    /// # Panics
    ///
    /// If the build succeeds.
    #[track_caller]
    pub fn error(&self) -> Error {
        let error = match self.cross.build(FOREIGN).run() {
            Ok(outcome) => panic!("it succeeded: {outcome:?}"),
            Err(error) => error,
        };
        self.leftovers.are_none();
        error
    }
}
