//! The environments in engines' stores and the cache: listed, removed, and swept after a crash.

use cross_engine::{CacheUsage, Cancel, Contents, Environments, RootSource, SweepSummary};

use crate::facts::selection;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::request::cross::Cross;

impl Cross {
    /// Lists the environments in the store of `engine`, a name as for [`Cross::engine`].
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    pub fn environments(&self, engine: &str) -> Result<Vec<cross_engine::Environment>> {
        self.with_environments(engine, |environments, cancel| environments.list(cancel))
    }

    /// Returns what is in the environment of `target`: every package with its version and hash, the
    /// release of the archive that it comes from, what else was downloaded, and the image, if it is
    /// one.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// for package in cross.contents("aarch64-unknown-linux-gnu")?.packages {
    ///     println!("{} {} {:?}", package.name, package.version, package.sha256);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Environment`] if the environment does not exist yet, if it has no record
    /// because an earlier version of this library made it, or on the engine `host`, which has no
    /// environment. The errors of [`Request::plan`](crate::Request::plan).
    pub fn contents(&self, target: impl Into<String>) -> Result<Contents> {
        let cancel = Cancel::new();
        let plan = self.build(target).plan_until(&cancel)?;
        let environment = &plan.environment;
        let name = &environment.name;
        let refused = |why: &str, help: &str| {
            let message = format!("what is in the environment `{name}` is unknown: {why}");
            Err(Error::new(ErrorKind::Environment, message).with_help(help))
        };
        if plan.engine.is_host() {
            return refused(
                "the engine is `host`, which uses the tools of this machine",
                "name another engine",
            );
        }
        if !environment.exists {
            let help =
                "make it first: `cargo xtask env make`, `Plan::only_environment`, or a build";
            return refused("it does not exist", help);
        }
        let environments = Environments::new(&plan.engine, &plan.context.host);
        let contents = environments.contents(&environment.location, &cancel);
        match contents.map_engine_error()? {
            Some(contents) => Ok(contents),
            None => refused(
                "it has no record, or one that this version cannot read",
                "remove it, and it is made again: `Cross::remove_environment`, `cargo xtask env rm`",
            ),
        }
    }

    /// Removes what a crash of this machine left behind: our stopped containers on `engine`, a name
    /// as for [`Cross::engine`], and incomplete directories in the cache. Nothing that is in use or
    /// that other programs made is removed. Only a crash leaves anything behind.
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    pub fn sweep(&self, engine: &str) -> Result<SweepSummary> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        // What containers say of their owners depends on where those are.
        let reach = selection::reach_preference_of(self);
        let found = selected.engine.find_reach(reach, &host, &cancel);
        let engine = found.map_engine_error()?;
        let environments = Environments::new(&engine, &host);
        environments.sweep(&cancel).map_engine_error()
    }

    /// Lists what the cache keeps to make environments faster: packages, and the root file systems
    /// that environments begin with. All engines share it.
    ///
    /// # Errors
    ///
    /// If no engine answers.
    pub fn stock(&self) -> Result<CacheUsage> {
        self.with_environments("auto", |environments, _| Ok(environments.cache_usage()))
    }

    /// Removes what [`stock`](Cross::stock) lists, except what is in use, and returns what was
    /// removed. Environments are kept.
    ///
    /// # Errors
    ///
    /// If no engine answers, or something cannot be removed.
    pub fn remove_stock(&self) -> Result<CacheUsage> {
        self.with_environments("auto", |environments, cancel| {
            environments.clear_cache(cancel)
        })
    }

    /// Removes an environment by its name. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// If the engine does not answer, or the environment cannot be removed.
    pub fn remove_environment(&self, engine: &str, name: &str) -> Result<bool> {
        self.with_environments(engine, |environments, cancel| {
            environments.remove(name, cancel)
        })
    }

    /// Lists the volumes that keep sources, toolchains, crates and what was built on a remote
    /// `engine`, a name as for [`Cross::engine`].
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    #[cfg(feature = "remote")]
    pub fn volumes(&self, engine: &str) -> Result<Vec<cross_engine::Volume>> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        selected.engine.volumes(&host, &cancel).map_engine_error()
    }

    /// Removes a volume by its name. Returns whether it existed. What it kept is sent or built
    /// again when it is needed.
    ///
    /// # Errors
    ///
    /// If the engine does not answer, or a run uses the volume.
    #[cfg(feature = "remote")]
    pub fn remove_volume(&self, engine: &str, name: &str) -> Result<bool> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        let engine = selected.engine;
        engine
            .remove_volume(name, &host, &cancel)
            .map_engine_error()
    }

    /// Calls `operation` with the environments of `engine`.
    fn with_environments<T>(
        &self,
        engine: &str,
        operation: impl FnOnce(Environments<'_>, &Cancel) -> cross_engine::Result<T>,
    ) -> Result<T> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        operation(Environments::new(&selected.engine, &host), &cancel).map_engine_error()
    }
}
