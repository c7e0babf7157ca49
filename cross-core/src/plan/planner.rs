//! Composes a plan from a request and its facts, which are probed once.

use cross_engine::{
    Access, Cancel, EnvValue, EnvironmentLocation, ImageBuild, Invocation, Network,
};

use crate::cargo::build_std;
use crate::cargo::cli::flags::Flag;
use crate::cargo::products::Products;
use crate::facts::environment_name::NamedRecipe;
use crate::facts::environment_spec::Base;
use crate::facts::facts::Facts;
use crate::facts::host_engine;
use crate::facts::probe::{self, triples};
use crate::facts::run_inputs;
use crate::host::toolchain::{self, host_triple};
use crate::model::error::{Error, MapEngineError as _, Result};
use crate::model::step::{Action, HostFailure, OutputKind, Prepared, Step, Verb};
use crate::plan::debugger;
use crate::plan::doctests;
use crate::plan::git_program;
use crate::plan::lost_writes;
use crate::plan::native_tool;
use crate::plan::not_run;
use crate::plan::offline;
use crate::plan::own_xtask;
use crate::plan::parallel_tests;
use crate::plan::plan::{PLAN_SCHEMA_VERSION, Plan};
use crate::plan::publish_scope::PublishScope;
use crate::plan::published_dir;
use crate::plan::steps;
use crate::request::execution_context::ExecutionContext;
use crate::request::request::{Options, Request};
use crate::target::emulator_crash::EmulatorKind;
use crate::target::name::{RunnerVariables, runner_variable};

/// Probes the facts of `request` and composes its plan.
pub(crate) fn plan(request: &Request, cancel: &Cancel) -> Result<Plan> {
    let facts = probe::probe(request, cancel)?;
    compose(request, facts, cancel)
}

/// Plans only the preparation of `request`: the environment, and the directories and files that
/// runs need.
pub(crate) fn plan_preparation(request: &Request, facts: Facts, cancel: &Cancel) -> Result<Plan> {
    let steps = preparation_steps(request, &facts, cancel)?;
    let preparation = steps.len();
    assemble(request, facts, steps, preparation)
}

/// Composes the plan from the facts.
fn compose(request: &Request, facts: Facts, cancel: &Cancel) -> Result<Plan> {
    let mut steps = preparation_steps(request, &facts, cancel)?;
    let preparation = steps.len();
    steps.extend(steps::steps(request, &facts)?);
    assemble(request, facts, steps, preparation)
}

/// Returns the steps before those of the verb.
fn preparation_steps(request: &Request, facts: &Facts, cancel: &Cancel) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let compiles = request.verb != Verb::Exec;
    if compiles {
        steps.extend(facts.toolchain_steps(request));
    }
    let of_environment = facts.environment_steps(cancel);
    steps.extend(of_environment.map_err(Error::during_planning)?);
    let prepared = facts.inputs.prepared.clone();
    steps.push(Step::prepare("prepare directories and files", prepared));
    let unfetched = facts.workspace.unfetched.as_deref();
    // What this machine's cargo does not need, programs of the engine's machine may.
    let is_unknown = facts.native_triple() != host_triple() && !facts.offline;
    if compiles && (unfetched.is_some() || is_unknown) {
        steps.push(facts.fetch(&request.options));
    } else if lays_out_lock_file(request, facts) {
        steps.push(facts.lay_out_lock_file());
    }
    if compiles {
        steps.extend(facts.fetch_std()?);
    }
    if facts.offline {
        offline::check(facts.target.requested(), &steps, unfetched)?;
    }
    Ok(steps)
}

/// Whether the request runs a plugin that starts cargo without `--locked`. Cargo then writes a lock
/// file whose layout is not its own, which it cannot in an environment.
fn lays_out_lock_file(request: &Request, facts: &Facts) -> bool {
    let command_line = request.options.command_line.as_ref();
    let line = command_line.map(|command_line| &command_line.line);
    let is_unlocked = line.is_some_and(|line| {
        let flags = [Flag::Locked, Flag::Frozen, Flag::LockfilePath];
        line.row.is_some_and(|row| !row.accepts_locked) && !flags.iter().any(|flag| line.has(*flag))
    });
    is_unlocked && facts.is_lock_file_settled()
}

/// Assembles the plan of these steps. The first `preparation` steps come before those of the verb.
fn assemble(request: &Request, facts: Facts, steps: Vec<Step>, preparation: usize) -> Result<Plan> {
    let emulator = facts.emulator(request);
    let is_test = request.verb == Verb::Test;
    let mut warnings = facts.warnings.clone();
    warnings.extend(doctests::warning(request, &facts));
    warnings.extend(git_program::warning(request, &facts));
    warnings.extend(debugger::warning(request, &facts));
    warnings.extend(lost_writes::warning(request, &facts, &steps));
    warnings.extend(own_xtask::warning(request, &facts));
    warnings.extend(native_tool::warning(request, &facts));
    warnings.extend(published_dir::warning(request, &facts));
    warnings.extend(not_run::warning(request, &facts));
    let products = Products::new(facts.workspace.products.clone(), facts.target.triple())
        .built_in(&facts.target.slices())
        .any_extension(facts.target.is_specification())
        .any_name(steps::is_plugin(request));
    let scope = PublishScope::of(request, &facts, &products);
    Ok(Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        verb: request.verb,
        target: facts.target.requested().to_owned(),
        environment: facts.environment(),
        tests: is_test.then(|| parallel_tests::plan(request, &facts, emulator)),
        emulator,
        runner_variables: RunnerVariables {
            target: facts.target.runner_variable(),
            host: runner_variable(&facts.native_triple()),
        },
        foreign_programs: facts.inputs.foreign_programs,
        fixed: facts.inputs.fixed,
        compiled_for: facts.inputs.compiled_for,
        engine_reason: facts.selected.reason.clone(),
        target_dir: facts.inputs.target_dir.clone(),
        publish_dir: facts.workspace.target_directory.clone(),
        workspace_root: facts.workspace.root.clone(),
        engine: facts.selected.engine,
        toolchain: facts.toolchain,
        glibc_floor: facts.env_spec.glibc_floor,
        deployment_target: facts.env_spec.deployment_target,
        steps,
        warnings,
        configuration: facts.explained,
        preparation,
        scope,
        products,
        container_reuse: facts.container_reuse,
        remote: facts.remote,
        context: ExecutionContext::new(&request.cross, facts.host)?,
    })
}

impl Facts {
    /// Returns the emulator that runs programs of the target. A program of the environment has
    /// none.
    fn emulator(&self, request: &Request) -> EmulatorKind {
        if request.verb == Verb::Exec && !request.options.on_target {
            return EmulatorKind::None;
        }
        let configured = self.config.runner.as_ref();
        let configured = configured.map(|runner| runner.value.as_str());
        EmulatorKind::chosen(configured, &self.env_spec.runner(&self.target))
    }

    /// Returns the steps that add missing targets and components to the toolchain.
    fn toolchain_steps(&self, request: &Request) -> Vec<Step> {
        if self.settings.custom_toolchain.value {
            // Rustup does not manage the user's own toolchain.
            return Vec::new();
        }
        let triples = match (self.env_spec.host_toolset(), self.target.known()) {
            (Some(_), _) => host_engine::rustup_targets(&self.target),
            (None, Some(_)) => self.target.slices(),
            (None, None) => Vec::new(),
        };
        let needs = toolchain::ToolchainNeeds {
            triples: &triples,
            build_std: !self.build_std.is_empty(),
            clippy: steps::is_clippy(request),
        };
        self.toolchain
            .missing(&needs)
            .into_iter()
            .map(|missing| {
                let command = Invocation::new("rustup").args(missing.arguments);
                Step::host(missing.purpose, command, HostFailure::Toolchain)
            })
            .collect()
    }

    /// Returns the steps that build or pull the missing parts of the environment.
    fn environment_steps(&self, cancel: &Cancel) -> Result<Vec<Step>> {
        let (env_spec, state) = (&self.env_spec, &self.state);
        let mut steps = Vec::new();
        // Offline, an image is used even if the files that it was built from may have changed.
        if state.complete(env_spec) || self.offline && state.image.is_some() {
            return Ok(steps);
        }
        let rebuild = state.base.is_none() || env_spec.copies();
        match &env_spec.base {
            Base::Recipe(named) => steps.push(self.make_environment(named)?),
            Base::Image { reference, .. } if rebuild => steps.push(self.pull(reference)),
            Base::Image { .. } => {}
            Base::Dockerfile(dockerfile) if rebuild => {
                let recipe = dockerfile.recipe.as_ref();
                if let Some(named) = recipe.filter(|_| !state.recipe) {
                    steps.push(self.make_environment(named)?);
                }
                let base = recipe.map(|named| self.recipe_image(named));
                if let Some(build) = env_spec.dockerfile_build(base.as_deref()) {
                    steps.push(self.build_image("the Dockerfile's image", build, None, cancel)?);
                }
            }
            Base::Dockerfile(_) | Base::Host(_) => {}
        }
        if let Some(build) = env_spec.pre_build_build() {
            let on = env_spec.base_image();
            steps.push(self.build_image("the `pre-build` image", build, on, cancel)?);
        }
        Ok(steps)
    }

    fn recipe_image(&self, named: &NamedRecipe) -> String {
        match self.environments().location(&named.blueprint.name) {
            EnvironmentLocation::Image(image) => image,
            _ => named.blueprint.name.clone(),
        }
    }

    fn make_environment(&self, named: &NamedRecipe) -> Result<Step> {
        let action = Action::MakeEnvironment(named.blueprint.clone());
        let step = Step::new("make the environment", action);
        if named.blueprint.locked.is_some() {
            // Packages are obtained by their hashes first, which is not one command.
            return Ok(step);
        }
        let environments = self.environments();
        let command = environments.make_command(&named.blueprint);
        let script = environments.make_script(&named.blueprint);
        let step = step.with_script(script.map_engine_error()?);
        Ok(step.with_command(command.map_engine_error()?))
    }

    fn pull(&self, reference: &str) -> Step {
        let platform = self.env_spec.platform(&self.selected.engine).option;
        let command = self
            .environments()
            .pull_command(reference, platform.as_deref());
        let action = Action::PullImage {
            reference: reference.to_owned(),
            platform,
        };
        Step::new("pull the image", action).with_command(command)
    }

    fn build_image(
        &self,
        what: &str,
        build: ImageBuild,
        on: Option<String>,
        cancel: &Cancel,
    ) -> Result<Step> {
        let settings = &self.settings;
        let build = build
            .platform(self.env_spec.platform(&self.selected.engine).option)
            .options(settings.build_opts.value.clone())
            .no_buildkit(settings.no_buildkit.value)
            .progress(
                settings
                    .build_progress
                    .as_ref()
                    .map(|progress| progress.value.clone()),
            );
        let environments = self.environments();
        let command = environments.build_command(&build, cancel);
        let script = environments.build_script(&build, cancel);
        let step = Step::new(format!("build {what}"), Action::BuildImage { build, on });
        let step = step.with_script(Some(script.map_engine_error()?));
        Ok(step.with_command(command.map_engine_error()?))
    }

    fn fetch(&self, options: &Options) -> Step {
        let mut command = self.cargo.command("fetch");
        for triple in triples(&self.target, self.native_triple()) {
            command = command.args(["--target", &triple]);
        }
        let offline = options.offline || self.offline;
        for (flag, is_set) in [("--locked", options.locked), ("--offline", offline)] {
            if is_set {
                command = command.arg(flag);
            }
        }
        Step::host("fetch dependencies", command, HostFailure::Fetch)
    }

    /// The step in which the host's cargo writes the lock file as it does before any command. All
    /// crates are there.
    fn lay_out_lock_file(&self) -> Step {
        let mut command = self.cargo.command("fetch").args(["--quiet", "--offline"]);
        for triple in triples(&self.target, self.native_triple()) {
            command = command.args(["--target", &triple]);
        }
        Step::host("lay out Cargo.lock", command, HostFailure::Fetch)
    }

    /// Returns the steps that fetch the dependencies of `std`, if `std` is built. The cargo in the
    /// environment fetches them once for each target directory, because only it can see the source
    /// of `std`.
    fn fetch_std(&self) -> Result<Vec<Step>> {
        let marker = self.inputs.target_dir.join("std-is-fetched");
        // A volume that had them may be gone.
        let is_kept = marker.exists() && self.remote.is_none();
        // Another machine, or another target directory, may have fetched them.
        let is_kept = is_kept || (self.offline && self.has_crates_of_std());
        if self.build_std.is_empty() || is_kept {
            return Ok(Vec::new());
        }
        let recipe = self.env_spec.recipe().map(|named| &named.recipe);
        let manifest = build_std::manifest(recipe, &self.toolchain);
        let command = ["cargo", "fetch", "--locked", "--manifest-path", &manifest];
        let command = command.map(str::to_owned).to_vec();
        let mut spec = self.run_spec(command, Network::Default);
        let downloads = ["registry", "git"].map(|part| self.inputs.cargo_home.join(part));
        for mount in &mut spec.mounts {
            if downloads.contains(&mount.target) {
                mount.access = Access::Write;
            }
        }
        let online = (
            "CARGO_NET_OFFLINE".to_owned(),
            EnvValue::Plain("false".to_owned()),
        );
        let bootstrap = (
            "RUSTC_BOOTSTRAP".to_owned(),
            EnvValue::Plain("1".to_owned()),
        );
        let mut spec = spec.env([online, bootstrap]);
        if spec.network != Network::None {
            // This run only fetches. It compiles nothing that could read the proxies' passwords.
            let proxies = run_inputs::PROXIES.into_iter().filter_map(|name| {
                let value = self.host.variable(name)?.to_str()?;
                Some((name.to_owned(), EnvValue::Secret(value.to_owned())))
            });
            spec = spec.env(proxies.collect::<Vec<_>>());
        }
        let purpose = "fetch the dependencies of std";
        let mut fetch = self.run(purpose, spec, OutputKind::CargoMessages)?;
        fetch.fetches_crates = true;
        let marker = Prepared::File {
            path: marker,
            text: String::new(),
            executable: false,
        };
        let mark = Step::prepare("mark the dependencies of std as fetched", vec![marker]);
        Ok(vec![fetch, mark])
    }

    /// The step that joins the files of several triples, if the target is that.
    fn join(&self) -> Option<Step> {
        let target_dir = &self.inputs.target_dir;
        let slices = self.target.slices();
        let action = Action::Join {
            from: slices.iter().map(|name| target_dir.join(name)).collect(),
            to: target_dir.join(self.target.triple()),
        };
        let purpose = format!("join the files for {}", slices.join(" and "));
        self.target.is_joined().then(|| Step::new(purpose, action))
    }

    /// The steps that publish the target's files by `publish`.
    pub(crate) fn joined(&self, publish: Step) -> Vec<Step> {
        self.join().into_iter().chain([publish]).collect()
    }

    /// The step that copies the target's files to the workspace's own target directory.
    ///
    /// `is_certain` says whether a successful command has made them.
    pub(crate) fn mirror(&self, is_certain: bool) -> Step {
        let triple = self.target.triple();
        let action = Action::Mirror {
            from: self.inputs.target_dir.join(triple),
            to: self.workspace.target_directory.join(triple),
            is_certain,
        };
        Step::new("publish the artifacts", action)
    }
}
