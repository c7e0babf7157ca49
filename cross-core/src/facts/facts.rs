//! The facts that a plan depends on besides its request, and the runs that follow from them.

use std::path::PathBuf;
use std::sync::Arc;

use cross_config::{ExplainedValue, NetworkMode as ConfigNetwork, Settings, TargetConfig};
use cross_engine::{
    EngineKind, EnvironmentLocation, Environments, ForeignPrograms, Host, Network, Root,
    RootfsLayout, RunSpec, SelectedEngine, expected_rootfs_layout,
};

use crate::cargo::cli::configs::Configs;
use crate::cargo::workspace::{HostCargo, Workspace};
use crate::facts::container_reuse;
use crate::facts::container_reuse::PlannedReuse;
use crate::facts::environment_spec::EnvironmentSpec;
use crate::facts::environment_state::EnvironmentState;
use crate::facts::host_engine;
use crate::facts::remote::PlannedRemote;
use crate::facts::run_inputs::{self, RunInputs};
use crate::facts::seen_places::settle;
use crate::model::error::Result;
use crate::model::step::{Action, EnvironmentRef, OutputKind, Step, Warning};
use crate::model::toolchain::Toolchain;
use crate::request::job_budget::Budget;
use crate::request::request::Options;
use crate::target::name::TargetName;

/// Everything a plan depends on besides the request: each probed once.
#[derive(Clone)]
pub(crate) struct Facts {
    pub(crate) host: Host,
    pub(crate) target: TargetName,
    pub(crate) cargo: HostCargo,
    pub(crate) workspace: Workspace,
    pub(crate) config: TargetConfig,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) explained: Vec<ExplainedValue>,
    pub(crate) selected: SelectedEngine,
    pub(crate) toolchain: Toolchain,
    pub(crate) env_spec: EnvironmentSpec,
    pub(crate) state: EnvironmentState,
    /// The current root file system, for displaying commands.
    pub(crate) root: Root,
    pub(crate) inputs: RunInputs,
    /// The arguments that make cargo build `std`, if it is built from source.
    pub(crate) build_std: Vec<String>,
    /// The arguments that pass the request's flags to rustc, if no variable does.
    pub(crate) rustflags: Vec<String>,
    /// The job budget that is shared with requests for other targets.
    pub(crate) budget: Option<Arc<Budget>>,
    /// Whether nothing may use the network.
    pub(crate) offline: bool,
    /// The directory for final artifacts that cargo's configuration names.
    pub(crate) artifact_dir: Option<PathBuf>,
    /// Whether the command line sets a directory for what is compiled.
    pub(crate) sets_build_dir: bool,
    /// The reused containers, if any.
    pub(crate) container_reuse: Option<PlannedReuse>,
    /// What is kept on the engine's machine, if it does not see the caller's files.
    pub(crate) remote: Option<PlannedRemote>,
}

impl Facts {
    /// The environment, as listed in the plan.
    pub(crate) fn environment(&self) -> EnvironmentRef {
        let recipe = self.env_spec.recipe();
        let name = self.env_spec.name();
        let location = match self.env_spec.image() {
            Some(image) => EnvironmentLocation::Image(image),
            None => self.environments().location(&name),
        };
        let exists = self.state.complete(&self.env_spec);
        let image = self.state.running_image(&self.env_spec);
        let contents = exists.then(|| self.environments().known_contents(&location, image));
        EnvironmentRef {
            contents_sha256: contents.flatten().map(|contents| contents.sha256()),
            location,
            name,
            kind: self.env_spec.kind(),
            recipe_sha256: recipe.map(|named| named.sha256.clone()),
            suite: recipe.map(|named| named.recipe.suite.clone()),
            image_id: self.state.image.as_ref().map(|image| image.id.clone()),
            image_digest: self.state.digest().map(str::to_owned),
            sdk: self.env_spec.sdk.as_ref().map(|sdk| sdk.path.clone()),
            exists,
            tools: self
                .env_spec
                .host_toolset()
                .map(|toolset| toolset.tools.clone())
                .unwrap_or_default(),
        }
    }

    pub(crate) fn environments(&self) -> Environments<'_> {
        Environments::new(&self.selected.engine, &self.host)
    }

    /// The command `cargo <verb>` in the environment: the manifest, the target, and the request's
    /// options.
    pub(crate) fn cargo_in(&self, verb: &str, options: &Options) -> Vec<String> {
        let mut command = vec![self.env_spec.cargo().to_owned(), verb.to_owned()];
        if let Some(manifest) = &self.cargo.manifest {
            command.extend(["--manifest-path".to_owned(), manifest.display().to_string()]);
        }
        for argument in self.target_arguments() {
            command.extend(["--target".to_owned(), argument]);
        }
        if options.locked || self.is_lock_file_settled() {
            command.push("--locked".to_owned());
        }
        command.extend(self.additions(verb));
        command.extend(self.own_target_dir());
        command.extend(self.rustflags.iter().cloned());
        command.extend(options.cargo.iter().cloned());
        if let Some(setting) = self.own_build_dir() {
            command.extend(["--config".to_owned(), setting]);
        }
        command
    }

    /// Returns whether `Cargo.lock` is settled on the host before anything runs. Cargo in the
    /// environment cannot write it. With `--locked`, it accepts a file that differs in layout only.
    /// A cargo script has its lock file in the target directory.
    pub(crate) fn is_lock_file_settled(&self) -> bool {
        let manifest = self.cargo.manifest.as_deref();
        let is_script = manifest.is_some_and(|it| it.extension().is_some_and(|it| it == "rs"));
        self.env_spec.host_toolset().is_none() && !is_script
    }

    /// The values of cargo's `--target` in the environment.
    pub(crate) fn target_arguments(&self) -> Vec<String> {
        match self.env_spec.zigbuild_target() {
            Some(target) => vec![target],
            None => self.target.arguments(),
        }
    }

    /// The setting for the directory of what is compiled, where one of the command line would have
    /// precedence over the variable. It has to be the last one.
    pub(crate) fn own_build_dir(&self) -> Option<String> {
        let dir = self.inputs.target_dir.display().to_string();
        let setting = || format!("build.build-dir={}", serde_json::Value::from(dir));
        self.sets_build_dir.then(setting)
    }

    /// The flag for the target directory of the runs, where a setting of the command line would
    /// have precedence over the variable.
    pub(crate) fn own_target_dir(&self) -> Vec<String> {
        let dir = self.inputs.target_dir.display().to_string();
        let configured = self.cargo.configured(Configs::default());
        match configured.ok().and_then(|configs| configs.target_dir()) {
            Some(_) => vec!["--target-dir".to_owned(), dir],
            None => Vec::new(),
        }
    }

    /// The flags that this library adds to cargo's `verb`.
    pub(crate) fn additions(&self, verb: &str) -> Vec<String> {
        let mut flags = self.build_std.clone();
        if verb == "test" && self.settings.doctests.value && self.toolchain.is_nightly() {
            flags.push("-Zdoctest-xcompile".to_owned());
        }
        flags
    }

    /// A run of `command` in the environment. `default` is its network unless the configuration has
    /// another.
    pub(crate) fn run_spec(&self, command: Vec<String>, default: Network) -> RunSpec {
        let default = if self.offline { Network::None } else { default };
        let configured = self.config.network.as_ref();
        let network = configured.map_or(default, |network| match network.value {
            ConfigNetwork::None => Network::None,
            ConfigNetwork::Host => Network::Host,
            _ => Network::Default,
        });
        let mut mounts = self.inputs.mounts.clone();
        let mut env = self.inputs.env.clone();
        if network == Network::None {
            mounts.extend(self.inputs.loopback_mounts.iter().cloned());
        } else {
            mounts.extend(self.inputs.network_mounts.iter().cloned());
            // What the configuration passes on has precedence.
            for (name, value) in &self.inputs.network_env {
                env.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let spec = RunSpec::new(self.root.clone(), self.cwd(), command)
            .mounts(mounts)
            .env(env)
            .network(network)
            .name(format!("cross-{}", self.target.triple()))
            .platform(self.env_spec.platform(&self.selected.engine).option)
            .options(self.container_options())
            .user_namespace(run_inputs::user_namespace(
                &self.settings,
                &self.selected.engine,
            ))
            .seccomp(self.inputs.seccomp.clone())
            .memory(self.config.memory.as_ref().map(|limit| limit.value.bytes()))
            .socketcall(self.target.may_be_x86());
        match &self.budget {
            Some(budget) => budget.bind(spec, !self.selected.engine.own_kernel),
            None => spec,
        }
    }

    /// The programs of the target that start one another in a run, if the engine can make them do
    /// so.
    pub(crate) fn foreign_programs(&self) -> Option<ForeignPrograms> {
        let is_sandbox = self.selected.engine.kind == EngineKind::Sandbox;
        self.inputs.foreign_programs.clone().filter(|_| is_sandbox)
    }

    /// The triple of the programs of the environment itself: compilers, build scripts and macros.
    pub(crate) fn native_triple(&self) -> String {
        self.env_spec.platform(&self.selected.engine).triple
    }

    /// The user's options for `run` of a container engine; none for the other engines.
    fn container_options(&self) -> Vec<String> {
        match self.selected.engine.has_images() {
            true => self.settings.container_opts.value.clone(),
            false => Vec::new(),
        }
    }

    /// The request's directory if it is visible in the environment, else the workspace's root.
    fn cwd(&self) -> PathBuf {
        self.workspace.dir_inside(&self.cargo.dir)
    }

    /// The step that runs `spec`.
    pub(crate) fn run(&self, purpose: &str, spec: RunSpec, output: OutputKind) -> Result<Step> {
        let mut spec = host_engine::without_isolation(spec);
        spec.mounts = settle(spec.mounts);
        self.expect_layout(&mut spec);
        let spec = self.inputs.fixed.place(spec);
        let engine = &self.selected.engine;
        let shown = spec.clone().stdin(true);
        let (command, reused_container) =
            container_reuse::command(self.container_reuse.as_ref(), engine, &shown, &self.host)?;
        let action = Action::Run {
            spec,
            output,
            yielding: self.inputs.yielding.iter().cloned().collect(),
        };
        let mut step = Step::new(purpose, action).with_command(command);
        step.reused_container = reused_container;
        Ok(step)
    }

    /// Expects the layout of a root file system that is still to be made, so that its run can be
    /// shown. A run reads it as it is then.
    fn expect_layout(&self, spec: &mut RunSpec) {
        if let Root::Directory { layout, .. } = &mut spec.root {
            if layout.is_empty() {
                let targets: Vec<_> = spec.mounts.iter().map(|it| it.target.as_path()).collect();
                *layout = expected_rootfs_layout(&targets).unwrap_or_else(RootfsLayout::described);
            }
        }
    }
}
