//! The context of requests: the directory, the process environment, the engine and the listener.

mod shared;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cross_config::{
    Config, DiagnosticCode, Env, Layer, LayerBuilder, LoadedConfig, Loader, MemoryLimit, Severity,
};
use cross_engine::os::System;
use cross_engine::{
    Cancel, ContainerPool, ContainerReuse, EngineNeeds, EnginePreference, Host, SelectedEngine,
    Variables,
};
use once_cell::sync::OnceCell;

use crate::cargo::package_selection::PackageSelection;
use crate::cargo::workspace::{Project, Workspace};
use crate::host::cache_guard;
use crate::host::places::{normal, real_path};
use crate::host::process_env;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::toolchain::ToolchainPreference;
use crate::request::event::{Event, EventKind, Events};
use crate::request::job_budget::Budget;

/// The context of requests: a directory, a process environment, and the embedder's settings.
///
/// A `Cross` is a value. It is cheap to clone, `Send + Sync`, and its setters consume it. Several
/// with different settings work at the same time in one process.
///
/// ```no_run
/// use cross_core::Cross;
///
/// let cross = Cross::discover()?.on_event(|event| println!("{event:?}"));
/// let tested = cross.test("riscv64gc-unknown-linux-gnu").release(true).locked(true).run()?;
/// println!("{} tests passed", tested.tests.map_or(0, |tests| tests.passed));
/// # Ok::<(), cross_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Cross(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    dir: PathBuf,
    manifest: Option<PathBuf>,
    env: Env,
    cache: Option<PathBuf>,
    /// The rustup toolchain whose cargo reads manifests and fetches dependencies.
    host_toolchain: Option<String>,
    /// The cargo that does so, if the caller sets it.
    host_cargo: Option<PathBuf>,
    embedder: Option<LayerBuilder>,
    request: Option<LayerBuilder>,
    policy: BTreeMap<DiagnosticCode, Severity>,
    events: Events,
    /// Whether requests must not use a network.
    offline: bool,
    /// Whether the lock has to have every environment, if the caller says so.
    frozen: Option<bool>,
    /// Whether the lock is not read, because it is being made.
    ignores_lock: bool,
    /// The job budget that requests for several targets share.
    budget: Option<Arc<Budget>>,
    /// The pool of reused containers, if the caller sets one.
    container_pool: Option<Arc<ContainerPool>>,
    /// The engines that were selected, so that each is probed once.
    selected: Arc<SelectedEngines>,
}

/// The engine that was selected for a preference and a source of the root. A failed selection
/// leaves its cell empty, so that the next request tries again.
type SelectedEngines =
    Mutex<BTreeMap<(EnginePreference, EngineNeeds), Arc<OnceCell<SelectedEngine>>>>;

impl Cross {
    /// Uses the current directory and the environment of the process.
    ///
    /// # Errors
    ///
    /// If the current directory does not exist any more.
    pub fn discover() -> Result<Self> {
        let dir = process_env::current_dir().on("find", Path::new("the current directory"));
        let dir = dir.map_err(|error| {
            error.with_help("the directory was removed or may not be read: change to another one")
        })?;
        Ok(Cross::at(dir))
    }

    /// Uses this directory, and the environment of the process unless [`env`](Cross::env) replaces
    /// it. A relative path is relative to the process's current directory.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Cross(Arc::new(Settings {
            dir: process_env::absolute(dir.into()),
            manifest: None,
            env: process_env::env(),
            cache: None,
            host_toolchain: None,
            host_cargo: None,
            embedder: None,
            request: None,
            policy: BTreeMap::new(),
            events: Events::default(),
            offline: false,
            frozen: None,
            ignores_lock: false,
            budget: None,
            container_pool: None,
            selected: Arc::default(),
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.0);
        // A probe under the new settings may have another result.
        settings.selected = Arc::default();
        change(settings);
        self
    }

    /// Uses `env` instead of the environment of the process: for the configuration, for the search
    /// for programs, and for the tools of the host.
    #[must_use]
    pub fn env(self, env: Env) -> Self {
        self.with(|settings| settings.env = process_env::canonical(&env))
    }

    /// Sets the user's home directory, where tools look for their own settings.
    ///
    /// # Default value
    ///
    /// The environment's `HOME`; on Windows its `USERPROFILE`.
    #[must_use]
    pub fn home_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.variable(System::HERE.home_variable(), dir)
    }

    /// Sets cargo's home. Cargo stores downloads there, and runs see that part of it.
    ///
    /// # Default value
    ///
    /// The environment's `CARGO_HOME`, else `.cargo` in the home directory.
    #[must_use]
    pub fn cargo_home_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.variable("CARGO_HOME", dir)
    }

    /// Sets rustup's home, which has the toolchains of the host.
    ///
    /// # Default value
    ///
    /// The environment's `RUSTUP_HOME`, else `.rustup` in the home directory.
    #[must_use]
    pub fn rustup_home_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.variable("RUSTUP_HOME", dir)
    }

    fn variable(self, name: &str, value: impl Into<PathBuf>) -> Self {
        let value = value.into();
        self.with(|settings| settings.env = settings.env.clone().set(name, value))
    }

    /// Sets the cargo of the host, which reads manifests and fetches dependencies.
    /// [`toolchain`](Cross::toolchain) sets the toolchain that compiles.
    ///
    /// # Default value
    ///
    /// The cargo of rustup's active toolchain, else the cargo on `PATH`.
    #[must_use]
    pub fn host_cargo_program(self, cargo: impl Into<PathBuf>) -> Self {
        let cargo = cargo.into();
        self.with(|settings| settings.host_cargo = Some(settings.dir.join(cargo)))
    }

    /// Sets the clock for the time of events.
    ///
    /// # Default value
    ///
    /// The system clock.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// let cross = cross_core::Cross::at(".").clock(|| SystemTime::UNIX_EPOCH);
    /// ```
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).events.clock = Some(Arc::new(now));
        self
    }

    /// Sets the manifest of the package or workspace.
    ///
    /// # Default value
    ///
    /// The `Cargo.toml` that cargo finds in the directory or its parents.
    #[must_use]
    pub fn manifest_path(mut self, manifest: impl Into<PathBuf>) -> Self {
        // The answers of engines do not depend on it, so they are kept.
        let settings = Arc::make_mut(&mut self.0);
        settings.manifest = Some(settings.dir.join(manifest.into()));
        self
    }

    /// Sets the cache directory, for environments and other data that can be recreated.
    ///
    /// # Default value
    ///
    /// `$CROSS_CACHE_DIR`, else `$XDG_CACHE_HOME/cross-core`, else `$HOME/.cache/cross-core`. On
    /// Windows, `cross-core` in `LOCALAPPDATA`.
    #[must_use]
    pub fn cache_dir(self, dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        self.with(|settings| settings.cache = Some(dir))
    }

    /// Uses this engine: an [`EnginePreference`](crate::engine::EnginePreference), a
    /// [`Kind`](crate::engine::EngineKind), or a string such as `"auto"`, `"sandbox"`, `"docker"`,
    /// `"podman"` or a program's path.
    ///
    /// `"host"` uses the tools of this machine, without isolation. `auto` never chooses it.
    ///
    /// # Default value
    ///
    /// The value of the configuration or of `CROSS_CONTAINER_ENGINE`, else `auto`.
    #[must_use]
    pub fn engine(self, engine: impl Into<EnginePreference>) -> Self {
        let engine = engine.into().to_string();
        self.requested(|layer| layer.engine(engine))
    }

    /// Compiles with this toolchain: a
    /// [`ToolchainPreference`](crate::toolchain::ToolchainPreference), or a string.
    ///
    /// `"host"` is rustup's active toolchain. `"image"` is the distribution's toolchain in the
    /// environment. A string with a `/` is a toolchain directory, with `bin` and `lib`. Any other
    /// string is the name of an installed rustup toolchain: `"nightly"`, `"+nightly"`, `"1.85.0"`.
    ///
    /// # Default value
    ///
    /// The value of the configuration, else `host`.
    #[must_use]
    pub fn toolchain(self, toolchain: impl Into<ToolchainPreference>) -> Self {
        let toolchain = toolchain.into().to_string();
        self.requested(|layer| layer.toolchain(toolchain))
    }

    /// Limits the memory that all processes of a container may use together, whatever the project's
    /// files say. The kernel kills a process that exceeds the limit.
    ///
    /// docker and podman obey it. A plan fails with
    /// [`ErrorKind::EngineUnusable`](crate::ErrorKind::EngineUnusable) where the engine cannot.
    ///
    /// ```
    /// use cross_core::Cross;
    /// use cross_core::config::MemoryLimit;
    ///
    /// let limit = MemoryLimit::parse("4g").expect("at least 6 MiB");
    /// let cross = Cross::at(".").engine("podman").memory(limit);
    /// ```
    ///
    /// # Default value
    ///
    /// The value of the configuration, else no limit.
    #[must_use]
    pub fn memory(self, limit: MemoryLimit) -> Self {
        self.requested(|layer| layer.memory(limit))
    }

    /// Sets the embedder's defaults. They override the library's defaults, and every file of the
    /// project overrides them.
    ///
    /// ```
    /// use cross_core::Cross;
    /// use cross_core::config::Layer;
    ///
    /// let cross = Cross::at(".").defaults(Layer::embedder("my build tool").toolchain("image"));
    /// ```
    #[must_use]
    pub fn defaults(self, layer: LayerBuilder) -> Self {
        self.with(|settings| settings.embedder = Some(layer))
    }

    /// Reports every problem of the configuration with this code as an error or as a warning. The
    /// part of the configuration that a warning is about is ignored.
    /// [`Error::diagnostics`](crate::Error::diagnostics) has all problems, and warnings are also
    /// events.
    ///
    /// ```
    /// use cross_core::Cross;
    /// use cross_core::config::{DiagnosticCode, Severity};
    ///
    /// // Like `cross`, only warn about unknown keys.
    /// let cross = Cross::at(".").severity(DiagnosticCode::UnknownKey, Severity::Warning);
    /// ```
    #[must_use]
    pub fn severity(self, code: DiagnosticCode, severity: Severity) -> Self {
        self.with(|settings| {
            settings.policy.insert(code, severity);
        })
    }

    /// Reuses the containers of docker and podman: each run enters a running container with `exec`,
    /// which takes a third to a half of the time of a start. The sandbox ignores the setting, since
    /// it has nothing to gain from it.
    ///
    /// With [`ContainerReuse::new`], this `Cross`, its clones, and their requests and plans share
    /// the containers. The containers are removed when the last of these is dropped, or when the
    /// process ends for any reason. With [`ContainerReuse::across_processes`], later processes
    /// reuse them, and they end after they have not been used for the given time.
    ///
    /// A run that differs in something that is fixed when a container starts (image, toolchain,
    /// mounts, user, network) gets a new container. If `CROSS_CONTAINER_OPTS` has options for
    /// `run`, no container is reused, because the options may not apply to an `exec`.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use cross_core::Cross;
    /// use cross_core::engine::ContainerReuse;
    ///
    /// let watched = Cross::discover()?.reuse_containers(ContainerReuse::new());
    /// watched.build("aarch64-unknown-linux-gnu").run()?;
    /// watched.build("aarch64-unknown-linux-gnu").run()?; // reuses the container of the first
    ///
    /// let shared = ContainerReuse::across_processes(Duration::from_secs(300));
    /// let often = Cross::discover()?.reuse_containers(shared);
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Default value
    ///
    /// [`ContainerReuse::across_processes`] with the seconds in `CROSS_REUSE_CONTAINERS`. Without
    /// this variable, no container is reused, since a single build would pay for a start and an
    /// `exec`.
    #[must_use]
    pub fn reuse_containers(self, reuse: ContainerReuse) -> Self {
        self.with_container_pool(Arc::new(ContainerPool::new(reuse)))
    }

    fn requested(self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        self.with(|settings| {
            let layer = settings.request.take().unwrap_or_else(Layer::request);
            settings.request = Some(change(layer));
        })
    }

    /// Calls `listener` for every event, too: a listener that is set already keeps its events, and
    /// so do a console and traces. The library itself prints nothing.
    ///
    /// A clone with another listener shares the results of engine probes, so it is as cheap as any
    /// clone.
    #[must_use]
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.try_on_event(move |event| {
            listener(event);
            ControlFlow::Continue(())
        })
    }

    /// [`on_event`](Cross::on_event) with a listener that breaks to stop the request.
    #[must_use]
    pub fn try_on_event(
        mut self,
        listener: impl Fn(&Event) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.0).events.add(Arc::new(listener));
        self
    }

    /// Loads the effective configuration of the project.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with every problem, [`ErrorKind::Manifest`] if there is no project.
    pub fn config(&self) -> Result<Config> {
        let cancel = Cancel::new();
        let host = self.host()?;
        let workspace = Workspace::declared(&self.host_cargo(&host)?, &host, &cancel)?;
        let package = workspace.configured_package(&PackageSelection::default());
        let loaded = self.load_config(&workspace.root, package.manifest.as_deref(), None)?;
        Ok(loaded.config)
    }

    /// Reads the project's directories and packages.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Manifest`] if there is no project, or if cargo cannot read it.
    pub fn project(&self) -> Result<Project> {
        let host = self.host()?;
        crate::cargo::workspace::project(&self.host_cargo(&host)?, &host, &Cancel::new())
    }

    pub(crate) fn load_config(
        &self,
        root: &Path,
        package_manifest: Option<&Path>,
        request: Option<Layer>,
    ) -> Result<LoadedConfig> {
        let mut loader = Loader::new(root).env(&self.0.env).current_dir(&self.0.dir);
        if let Some(manifest) = package_manifest {
            loader = loader.package_manifest(manifest);
        }
        if let Some(layer) = &self.0.embedder {
            loader = loader.embedder(layer.clone().build());
        }
        if let Some(layer) = &self.0.request {
            loader = loader.request(layer.clone().build());
        }
        if let Some(layer) = request {
            loader = loader.request(layer);
        }
        for (code, severity) in &self.0.policy {
            loader = loader.severity(*code, *severity);
        }
        loader.load().map_err(|error| {
            let help = error.remedies().unwrap_or_else(|| {
                "correct or remove the value at the location in the message; docs/configuration.md \
                 lists what each key takes"
                    .to_owned()
            });
            Error::new(ErrorKind::Config, error.to_string())
                .with_help(help)
                .with_diagnostics(error.diagnostics().to_vec())
        })
    }

    /// Returns the same context in this directory.
    pub(crate) fn in_dir(self, dir: PathBuf) -> Self {
        if dir == self.0.dir {
            return self;
        }
        self.with(|settings| settings.dir = dir)
    }

    /// Uses the cargo of this rustup toolchain on the host.
    pub(crate) fn host_toolchain(self, name: &str) -> Self {
        self.with(|settings| settings.host_toolchain = Some(name.to_owned()))
    }

    /// Returns the user's CARGO_HOME.
    pub(crate) fn cargo_home(&self) -> Result<PathBuf> {
        let home = System::HERE.home_variable();
        System::HERE.cargo_home(self.values()).ok_or_else(|| {
            let message = format!("CARGO_HOME is unknown: {home} is not set");
            Error::new(ErrorKind::Io, message).with_help(format!("set {home} or CARGO_HOME"))
        })
    }

    fn values(&self) -> impl Fn(&str) -> Option<OsString> {
        |name| self.0.env.get(name).map(OsStr::to_owned)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Reuses the containers of `pool`.
    pub(crate) fn with_container_pool(mut self, pool: Arc<ContainerPool>) -> Self {
        Arc::make_mut(&mut self.0).container_pool = Some(pool);
        self
    }

    /// Returns the pool of reused containers, if the caller set one.
    pub(crate) fn container_pool(&self) -> Option<&Arc<ContainerPool>> {
        self.0.container_pool.as_ref()
    }

    pub(crate) fn environment(&self) -> &Env {
        &self.0.env
    }

    pub(crate) fn events(&self) -> &Events {
        &self.0.events
    }

    pub(crate) fn emit(&self, target: &str, kind: EventKind) -> ControlFlow<()> {
        self.0.events.emit(target, kind)
    }

    /// Returns the cargo of `host`, which is [`Cross::host`].
    pub(crate) fn host_cargo(&self, host: &Host) -> Result<crate::cargo::workspace::HostCargo> {
        let named = self.0.host_toolchain.as_deref();
        let found = || crate::host::toolchain::host_cargo(&self.0.dir, host, named);
        Ok(crate::cargo::workspace::HostCargo {
            program: self.0.host_cargo.clone().map_or_else(found, Ok)?,
            // A process is where its directory really is, whichever way leads there.
            dir: real_path(&self.0.dir),
            manifest: self.0.manifest.as_deref().map(normal),
            configs: Vec::new(),
            unstable: Vec::new(),
            offline: self.0.offline,
        })
    }

    /// Returns the cargo of `toolchain` on the host, unless the caller chose a cargo.
    pub(crate) fn cargo_in(&self, toolchain: &ToolchainPreference, host: &Host) -> Option<PathBuf> {
        if self.0.host_cargo.is_some() || self.0.host_toolchain.is_some() {
            return None;
        }
        crate::host::toolchain::cargo_in(toolchain, &self.0.dir, host).ok()?
    }

    /// Returns the description of this machine for the engine crate. Each call checks the cache, so
    /// callers pass the result on.
    pub(crate) fn host(&self) -> Result<Host> {
        let variables: Variables = self
            .0
            .env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let host = Host::new(variables, self.cache()?);
        cache_guard::check(&host.cache, host.uid, self.dir())?;
        Ok(host)
    }

    fn cache(&self) -> Result<PathBuf> {
        let variable = |name| self.path_variable(name);
        self.0
            .cache
            .clone()
            .or_else(|| variable("CROSS_CACHE_DIR"))
            .or_else(|| Some(System::HERE.user_cache(self.values())?.join("cross-core")))
            .ok_or_else(|| {
                let home = System::HERE.home_variable();
                let message = format!("the cache directory is unknown: {home} is not set");
                Error::new(ErrorKind::Io, message).with_help(format!(
                    "set {home} or CROSS_CACHE_DIR, or call `cache_dir`"
                ))
            })
    }

    /// Selects the engine. Each engine is probed at most once for this `Cross` and its clones.
    pub(crate) fn select(
        &self,
        engine: impl Into<EnginePreference>,
        needs: impl Into<EngineNeeds>,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<SelectedEngine> {
        let key = (engine.into(), needs.into());
        let cell = {
            let mut cells = self
                .0
                .selected
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            cells.entry(key.clone()).or_default().clone()
        };
        // The map is not locked during the probe, which may wait for a daemon.
        cell.get_or_try_init(|| {
            cross_engine::select(&key.0, key.1, host, cancel).map_engine_error()
        })
        .cloned()
    }
}

impl fmt::Debug for Cross {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cross")
            .field("dir", &self.0.dir)
            .field("manifest", &self.0.manifest)
            .field("cache", &self.0.cache)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_listener_keeps_the_selected_engines() {
        let cross = Cross::at("/");
        let same = |other: &Cross| Arc::ptr_eq(&cross.0.selected, &other.0.selected);
        assert!(same(&cross.clone().on_event(|_| {})));
        assert!(!same(&cross.clone().engine("docker")));
        assert!(!same(&cross.clone().env(Env::new())));
    }

    #[cfg(unix)]
    #[test]
    fn a_project_has_directories_and_packages() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Cross::at(here).project().unwrap();
        assert_eq!(Some(project.root.as_path()), here.parent());
        let this = project.package("cross-core").unwrap();
        assert!(this.version == env!("CARGO_PKG_VERSION") && this.dir == here);
        assert_eq!(project.package("serde"), None, "not in the workspace");
    }
}
