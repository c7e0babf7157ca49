//! The context of every request: where, with which environment, engine and listener.

mod shared;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cross_config::{
    Config, DiagnosticCode, Env, Layer, LayerBuilder, LoadedConfig, Loader, Severity,
};
use cross_engine::{
    Cancel, ContainerPool, ContainerReuse, EnginePreference, Host, RootSource, SelectedEngine,
    Variables,
};

use crate::cargo::workspace::Project;
use crate::host::process_env;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::toolchain::ToolchainPreference;
use crate::request::event::{Event, EventKind, Events};
use crate::request::job_budget::Budget;

/// Where requests come from: a directory, an environment, and what the embedder decides.
///
/// A `Cross` is a value: cheap to clone, `Send + Sync`, changed by consuming setters. Two with
/// different everything work side by side in one process.
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
    /// The toolchain of rustup's whose cargo reads manifests and fetches.
    host_toolchain: Option<String>,
    /// The cargo that does so, where the caller names it.
    host_cargo: Option<PathBuf>,
    embedder: Option<LayerBuilder>,
    request: Option<LayerBuilder>,
    policy: BTreeMap<DiagnosticCode, Severity>,
    events: Events,
    /// Whether nothing may use a network.
    offline: bool,
    /// The jobs that the requests of several targets share.
    budget: Option<Arc<Budget>>,
    /// Containers that are kept between requests, if any are.
    kept: Option<Arc<ContainerPool>>,
    /// Engines that have answered, so that each is asked once.
    probed: Arc<Mutex<BTreeMap<(EnginePreference, RootSource), SelectedEngine>>>,
}

impl Cross {
    /// The current directory and the process's environment.
    ///
    /// # Errors
    ///
    /// When the current directory is gone.
    pub fn discover() -> Result<Self> {
        let dir = process_env::current_dir().on("find", Path::new("the current directory"))?;
        Ok(Cross::at(dir))
    }

    /// This directory, with the process's environment unless [`env`](Cross::env) gives another.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Cross(Arc::new(Settings {
            dir: dir.into(),
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
            budget: None,
            kept: None,
            probed: Arc::default(),
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.0);
        // What was asked under other settings may be answered differently under these.
        settings.probed = Arc::default();
        change(settings);
        self
    }

    /// Uses `env` in place of the process's environment: for configuration, for finding programs,
    /// and for the tools of the host.
    #[must_use]
    pub fn env(self, env: Env) -> Self {
        self.with(|settings| settings.env = env)
    }

    /// The user's home directory: where tools look for their own settings.
    ///
    /// # Default value
    ///
    /// The environment's `HOME`.
    #[must_use]
    pub fn home_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.variable("HOME", dir)
    }

    /// Cargo's home: what is fetched is kept there, and a run sees that part of it.
    ///
    /// # Default value
    ///
    /// The environment's `CARGO_HOME`, else `.cargo` in the home directory.
    #[must_use]
    pub fn cargo_home_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.variable("CARGO_HOME", dir)
    }

    /// Rustup's home: where the host's toolchains are.
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

    /// The cargo of the host: it reads manifests and fetches dependencies. What compiles is chosen by
    /// [`toolchain`](Cross::toolchain).
    ///
    /// # Default value
    ///
    /// That of rustup's active toolchain, else the one on `PATH`.
    #[must_use]
    pub fn host_cargo_program(self, cargo: impl Into<PathBuf>) -> Self {
        let cargo = cargo.into();
        self.with(|settings| settings.host_cargo = Some(settings.dir.join(cargo)))
    }

    /// The clock that stamps events.
    ///
    /// # Default value
    ///
    /// The system's time of day.
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

    /// The manifest of the package or workspace.
    ///
    /// # Default value
    ///
    /// The `Cargo.toml` that cargo finds from the directory upwards.
    #[must_use]
    pub fn manifest_path(mut self, manifest: impl Into<PathBuf>) -> Self {
        // What an engine answered does not depend on it.
        let settings = Arc::make_mut(&mut self.0);
        settings.manifest = Some(settings.dir.join(manifest.into()));
        self
    }

    /// Where environments and other things that can be made again are kept.
    ///
    /// # Default value
    ///
    /// `$CROSS_CACHE_DIR`, else `$XDG_CACHE_HOME/cross-core`, else `$HOME/.cache/cross-core`.
    #[must_use]
    pub fn cache_dir(self, dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        self.with(|settings| settings.cache = Some(dir))
    }

    /// Uses this engine: an [`EnginePreference`](crate::engine::EnginePreference), a
    /// [`Kind`](crate::engine::Kind), or a text such as `"auto"`, `"sandbox"`, `"docker"`, `"podman"`
    /// or a program's path.
    ///
    /// `"host"` is this machine as it is: its own tools, and no isolation. `auto` never chooses it.
    ///
    /// # Default value
    ///
    /// What the configuration or `CROSS_CONTAINER_ENGINE` says, else `auto`.
    #[must_use]
    pub fn engine(self, engine: impl Into<EnginePreference>) -> Self {
        let engine = engine.into().to_string();
        self.requested(|layer| layer.engine(engine))
    }

    /// Compiles with this Rust: a
    /// [`ToolchainPreference`](crate::toolchain::ToolchainPreference), or a text.
    ///
    /// As texts, `"host"` is rustup's active toolchain and `"image"` the distribution's, in the
    /// environment. A text with a `/` is a toolchain's directory, with `bin` and `lib`. Any other
    /// text is the name of a toolchain that rustup has installed: `"nightly"`, `"+nightly"`,
    /// `"1.85.0"`.
    ///
    /// # Default value
    ///
    /// What the configuration says, else `host`.
    #[must_use]
    pub fn toolchain(self, toolchain: impl Into<ToolchainPreference>) -> Self {
        let toolchain = toolchain.into().to_string();
        self.requested(|layer| layer.toolchain(toolchain))
    }

    /// The embedder's defaults: lower than every file of the project, higher than this library's.
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

    /// Takes every problem of the configuration with this code for an error, or for a warning: what it
    /// is about is then left out, and the rest counts. All problems are in
    /// [`Error::diagnostics`](crate::Error::diagnostics), and the warnings are events.
    ///
    /// ```
    /// use cross_core::Cross;
    /// use cross_core::config::{DiagnosticCode, Severity};
    ///
    /// // As `cross` has it: a key that means nothing is no failure.
    /// let cross = Cross::at(".").severity(DiagnosticCode::UnknownKey, Severity::Warning);
    /// ```
    #[must_use]
    pub fn severity(self, code: DiagnosticCode, severity: Severity) -> Self {
        self.with(|settings| {
            settings.policy.insert(code, severity);
        })
    }

    /// Keeps the containers of docker and podman, and enters them for each run with `exec`, which takes a
    /// third to a half of the time of a start. The sandbox has nothing to gain from it and ignores it.
    ///
    /// By [`ContainerReuse::new`] they are kept for this `Cross`, its clones and what is made of these, and are gone
    /// with the last of them (plans hold on to it), however its process ends. By
    /// [`ContainerReuse::across_processes`] later processes find them, and they end by themselves when nobody has used
    /// them for the time that is given.
    ///
    /// A change of anything that is fixed when a container starts (image, toolchain, mounts, user, network)
    /// makes a new one. Where `CROSS_CONTAINER_OPTS` has words for `run`, nothing is kept: nobody knows what of
    /// them would hold for an `exec`.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use cross_core::Cross;
    /// use cross_core::engine::ContainerReuse;
    ///
    /// let watched = Cross::discover()?.reuse_containers(Warm::new());
    /// watched.build("aarch64-unknown-linux-gnu").run()?;
    /// watched.build("aarch64-unknown-linux-gnu").run()?; // enters the container of the first
    ///
    /// let often = Cross::discover()?.reuse_containers(Warm::across_processes(Duration::from_secs(300)));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Default value
    ///
    /// What `CROSS_REUSE_CONTAINERS` says: the seconds of [`ContainerReuse::across_processes`]. Without it nothing is kept,
    /// since a single build would pay for a start and an `exec`.
    #[must_use]
    pub fn reuse_containers(self, warm: ContainerReuse) -> Self {
        self.kept_in(Arc::new(ContainerPool::new(warm)))
    }

    fn requested(self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        self.with(|settings| {
            let layer = settings.request.take().unwrap_or_else(Layer::request);
            settings.request = Some(change(layer));
        })
    }

    /// Hears every event, in place of the listener before. The library itself prints nothing.
    ///
    /// Engines that have answered are not asked again, so a clone with a listener of its own is as
    /// cheap as a clone.
    #[must_use]
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.try_on_event(move |event| {
            listener(event);
            ControlFlow::Continue(())
        })
    }

    /// Hears every event, and stops the request by breaking.
    #[must_use]
    pub fn try_on_event(
        mut self,
        listener: impl Fn(&Event) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.0).events.listener = Some(Arc::new(listener));
        self
    }

    /// The effective configuration of the project.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with every problem, [`ErrorKind::Manifest`] when there is no project.
    pub fn config(&self) -> Result<Config> {
        let cancel = Cancel::new();
        let project =
            crate::cargo::workspace::project(&self.host_cargo()?, &self.host()?, &cancel)?;
        Ok(self.load_config(&project.root, None, None)?.config)
    }

    /// Where the project is, and where cargo puts what it builds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Manifest`] when there is no project, or cargo cannot read it.
    pub fn project(&self) -> Result<Project> {
        crate::cargo::workspace::project(&self.host_cargo()?, &self.host()?, &Cancel::new())
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
            let ours = Error::new(ErrorKind::Config, error.to_string());
            ours.with_help(error.help().unwrap_or("mend it at the place that is named"))
                .with_diagnostics(error.diagnostics().to_vec())
        })
    }

    /// In this directory.
    pub(crate) fn in_dir(self, dir: PathBuf) -> Self {
        if dir == self.0.dir {
            return self;
        }
        self.with(|settings| settings.dir = dir)
    }

    /// With the cargo of this toolchain of rustup's on the host.
    pub(crate) fn host_toolchain(self, name: &str) -> Self {
        self.with(|settings| settings.host_toolchain = Some(name.to_owned()))
    }

    /// The path that a variable of the environment holds, if it holds one.
    pub(crate) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        let value = self.0.env.get(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    }

    /// The text that a variable of the environment holds, if it holds any.
    pub(crate) fn text_variable(&self, name: &str) -> Option<&str> {
        let value = self.0.env.get_str(name);
        value.filter(|value| !value.is_empty())
    }

    /// The user's CARGO_HOME.
    pub(crate) fn cargo_home(&self) -> Result<PathBuf> {
        self.path_variable("CARGO_HOME")
            .or_else(|| Some(self.path_variable("HOME")?.join(".cargo")))
            .ok_or_else(|| {
                Error::new(ErrorKind::Io, "there is no CARGO_HOME: HOME is not set")
                    .with_help("set HOME or CARGO_HOME")
            })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// Keeps containers here.
    pub(crate) fn kept_in(mut self, pool: Arc<ContainerPool>) -> Self {
        Arc::make_mut(&mut self.0).kept = Some(pool);
        self
    }

    /// The containers that the caller wants to be kept.
    pub(crate) fn kept(&self) -> Option<&Arc<ContainerPool>> {
        self.0.kept.as_ref()
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

    pub(crate) fn host_cargo(&self) -> Result<crate::cargo::workspace::HostCargo> {
        Ok(crate::cargo::workspace::HostCargo {
            program: match &self.0.host_cargo {
                Some(program) => program.clone(),
                None => crate::host::toolchain::host_cargo(
                    &self.0.dir,
                    &self.host()?,
                    self.0.host_toolchain.as_deref(),
                )?,
            },
            dir: self.0.dir.clone(),
            manifest: self.0.manifest.clone(),
            offline: self.0.offline,
        })
    }

    /// The machine, as the engine crate has to know it.
    pub(crate) fn host(&self) -> Result<Host> {
        let variables: Variables = self
            .0
            .env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Host::new(variables, self.cache()?))
    }

    fn cache(&self) -> Result<PathBuf> {
        let variable = |name| self.path_variable(name);
        self.0
            .cache
            .clone()
            .or_else(|| variable("CROSS_CACHE_DIR"))
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("cross-core")))
            .or_else(|| Some(variable("HOME")?.join(".cache/cross-core")))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Io,
                    "there is no place for the cache: HOME is not set",
                )
                .with_help("set HOME, XDG_CACHE_HOME or CROSS_CACHE_DIR, or call `cache_dir`")
            })
    }

    /// Chooses the engine, asking each at most once for this `Cross` and its clones.
    pub(crate) fn select(
        &self,
        engine: impl Into<EnginePreference>,
        needs: RootSource,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<SelectedEngine> {
        let key = (engine.into(), needs);
        let mut probed = self.0.probed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(selected) = probed.get(&key) {
            return Ok(selected.clone());
        }
        let selected = cross_engine::select(&key.0, needs, host, cancel).map_engine_error()?;
        probed.insert(key, selected.clone());
        Ok(selected)
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
    fn only_a_new_listener_keeps_what_engines_answered() {
        let cross = Cross::at("/");
        let same = |other: &Cross| Arc::ptr_eq(&cross.0.probed, &other.0.probed);
        assert!(same(&cross.clone().on_event(|_| {})));
        assert!(!same(&cross.clone().engine("docker")));
        assert!(!same(&cross.clone().env(Env::new())));
    }

    #[test]
    fn a_project_has_directories_and_packages() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Cross::at(here).project().unwrap();
        assert_eq!(Some(project.root.as_path()), here.parent());
        let this = project.package("cross-core").unwrap();
        assert_eq!(this.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(this.dir, here);
        assert_eq!(project.package("serde"), None, "not the workspace's");
    }
}
