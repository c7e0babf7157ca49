//! From a request and facts to a plan. The facts are probed once, then everything is pure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cross_config::{Code, Explained, Network as ConfigNetwork, Origin, Settings, TargetConfig};
use cross_engine::{
    Access, Cancel, EngineKind, EnvValue, EnvironmentLocation, Environments, Host, ImageBuild,
    Invocation, Network, Root, RunSpec, SelectedEngine,
};

use crate::budget::Budget;
use crate::build_std;
use crate::crash::Emulator;
use crate::definition::{Base, Definition};
use crate::error::{EngineContext as _, Result};
use crate::inside::{self, Inside};
use crate::offline;
use crate::on_host;
use crate::plan::{
    Action, EnvironmentRef, HostFailure, OutputKind, PLAN_SCHEMA_VERSION, Plan, Prepared, Step,
    Verb, Warning,
};
use crate::recipes::{Named, short_hash};
use crate::request::{Options, Request};
use crate::rustflags;
use crate::side_by_side;
use crate::surroundings::{self, Surroundings};
use crate::target_name::TargetName;
use crate::there::There;
use crate::toolchain::{self, Toolchain};
use crate::verbs;
use crate::warm::Keeping;
use crate::workspace::{self, HostCargo, Workspace};

/// Everything a plan depends on besides the request: each probed once.
pub(crate) struct Facts {
    pub(crate) host: Host,
    pub(crate) target: TargetName,
    pub(crate) cargo: HostCargo,
    pub(crate) workspace: Workspace,
    pub(crate) config: TargetConfig,
    pub(crate) settings: Settings,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) explained: Vec<Explained>,
    pub(crate) selected: SelectedEngine,
    pub(crate) toolchain: Toolchain,
    pub(crate) definition: Definition,
    pub(crate) there: There,
    /// The root as it is now, for showing the commands.
    pub(crate) root: Root,
    pub(crate) inside: Inside,
    /// Arguments that make cargo build `std`, where the configuration wants that.
    pub(crate) build_std: Vec<String>,
    /// Arguments that give rustc the flags of the request, where a variable does not.
    rustflags: Vec<String>,
    /// The jobs that are shared with requests for other targets.
    budget: Option<Arc<Budget>>,
    /// Whether nothing may use a network.
    offline: bool,
    /// The containers that are kept, if any are.
    pub(crate) keeping: Option<Keeping>,
}

/// Plans `request`.
pub(crate) fn plan(request: &Request, cancel: &Cancel) -> Result<Plan> {
    let facts = probe(request, cancel)?;
    compose(request, facts, cancel)
}

/// The read-only probes. At most three processes on a warm build: cargo's metadata, the engine's
/// version, and for a container CLI the image.
pub(crate) fn probe(request: &Request, cancel: &Cancel) -> Result<Facts> {
    let cross = &request.cross;
    let target = TargetName::parse(&request.target, cross.dir())?;
    let host = cross.host()?;
    let cargo = cross.host_cargo()?;
    let mut workspace = workspace::probe(&cargo, &triples(&target), &host, cancel)?;
    if let Some(dir) = &request.options.target_dir {
        workspace.target_directory.clone_from(dir);
    }
    let manifest = workspace.built_manifest(&request.options.packages);
    let loaded = cross.load_config(&workspace.root, manifest, request.layer())?;
    let config = loaded.config.for_target(target.configured());
    let settings = loaded.config.settings().clone();
    let Surroundings {
        definition,
        selected,
        toolchain,
        warnings: of_surroundings,
    } = surroundings::find(
        &surroundings::Given {
            request,
            target: &target,
            config: &config,
            settings: &settings,
            workspace_root: &workspace.root,
            host: &host,
        },
        cancel,
    )?;
    let environments = Environments::new(&selected.engine, &host);
    let keeping = Keeping::chosen(cross, &settings);
    let kept = keeping.as_ref();
    let there = match kept.and_then(|it| it.there(&definition, &selected.engine, &host)) {
        Some(there) => there,
        None => There::probe(&definition, &environments, cancel)?,
    };
    let keeping = keeping.map(|it| it.of_image(&definition, &there));
    let mut inside = Inside::new(&inside::Given {
        cross,
        target: &target,
        workspace: &workspace,
        config: &config,
        settings: &settings,
        toolchain: &toolchain,
        definition: &definition,
        engine: &selected.engine,
        host: &host,
    })?;
    if let Some(image) = &there.image {
        inside.yield_to(&image.env);
    }
    let root = root(&definition, &there, &environments, &inside)?;
    let rustflags = rustflags::add(&request.options.rustflags, target.triple(), &mut inside.env);
    let recipe = definition.recipe().map(|named| &named.recipe);
    let build_std = build_std::arguments(&config, &settings, recipe, &toolchain)?;
    let mut warnings: Vec<_> = loaded.warnings.iter().map(warning).collect();
    warnings.extend(of_surroundings);
    warnings.extend(definition.warning(there.digest()));
    warnings.extend(without_effect(&settings, &selected));
    let offline = offline::is_asked(request);
    if offline {
        warnings.extend(offline::warning(&definition, &there));
    }
    Ok(Facts {
        cargo,
        workspace,
        config,
        settings,
        warnings,
        explained: loaded.config.explain_for(target.configured()),
        selected,
        toolchain,
        definition,
        there,
        root,
        inside,
        build_std,
        rustflags,
        host,
        target,
        budget: cross.budget().cloned(),
        offline,
        keeping,
    })
}

/// The platforms whose dependencies are needed: the target's and that of build scripts. Cargo knows
/// the dependencies of no target but those of rustc's own list, and is then not asked to choose.
fn triples(target: &TargetName) -> Vec<String> {
    let known = target.known().map(|it| it.triple().to_owned());
    known
        .into_iter()
        .flat_map(|triple| [triple, toolchain::host_triple()])
        .collect()
}

fn root(
    definition: &Definition,
    there: &There,
    environments: &Environments<'_>,
    inside: &Inside,
) -> Result<Root> {
    match &definition.base {
        Base::Recipe(named) if there.recipe => environments
            .root(&named.blueprint.name, &inside.mount_targets())
            .engine(),
        Base::Recipe(named) => Ok(environments.root_without_layout(&named.blueprint.name)),
        Base::Host(_) => Ok(Root::Host),
        _ => Ok(Root::Image(definition.image().unwrap_or_default())),
    }
}

fn warning(diagnostic: &cross_config::Diagnostic) -> Warning {
    Warning {
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.to_string(),
        help: diagnostic.help.clone(),
    }
}

/// Settings that do nothing here.
fn without_effect(settings: &Settings, selected: &SelectedEngine) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut idle = |origin: &Origin, why: &str, help: &str| {
        warnings.push(Warning {
            code: Code::NoEffect.as_str().to_owned(),
            message: format!("{origin} has no effect: {why}"),
            help: Some(help.to_owned()),
        });
    };
    let options = &settings.container_opts;
    if !options.value.is_empty() && selected.engine.kind == EngineKind::Sandbox {
        let help = "name docker or podman as the engine, or unset it";
        idle(&options.origin, "the engine is the sandbox", help);
    }
    if settings.in_container.value && selected.engine.has_images() {
        idle(
            &settings.in_container.origin,
            "paths of this container are not translated to those of its host",
            "use the sandbox, which needs no daemon, or mount the project at the path it has on the host",
        );
    }
    warnings
}

/// The steps, from facts alone.
fn compose(request: &Request, facts: Facts, cancel: &Cancel) -> Result<Plan> {
    let mut steps = Vec::new();
    let compiles = request.verb != Verb::Exec;
    if compiles {
        steps.extend(facts.toolchain_steps(request));
    }
    steps.extend(facts.environment_steps(cancel)?);
    let things = facts.inside.prepared.clone();
    steps.push(Step::prepare("prepare directories and files", things));
    let unfetched = facts.workspace.unfetched.as_deref();
    if compiles && unfetched.is_some() {
        steps.push(facts.fetch(&request.options));
    }
    if compiles {
        steps.extend(facts.fetch_std()?);
    }
    if facts.offline {
        offline::check(facts.target.asked(), &steps, unfetched)?;
    }
    let preparation = steps.len();
    let emulator = facts.emulator(request);
    let is_test = request.verb == Verb::Test;
    steps.extend(verbs::steps(request, &facts)?);
    Ok(Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        verb: request.verb,
        target: facts.target.asked().to_owned(),
        environment: facts.environment(),
        tests: is_test.then(|| side_by_side::plan(request, &facts, emulator)),
        emulator,
        engine_reason: facts.selected.reason.clone(),
        target_dir: facts.inside.target_dir.clone(),
        publish_dir: facts.workspace.target_directory.clone(),
        workspace_root: facts.workspace.root.clone(),
        engine: facts.selected.engine,
        toolchain: facts.toolchain,
        glibc_floor: facts.definition.glibc_floor.map(|it| it.to_string()),
        steps,
        warnings: facts.warnings,
        configuration: facts.explained,
        preparation,
        keeping: facts.keeping,
        cross: request.cross.clone(),
    })
}

impl Facts {
    /// What runs programs of the target; nothing where it is one of the environment's that is asked for.
    fn emulator(&self, request: &Request) -> Emulator {
        if request.verb == Verb::Exec && !request.options.on_target {
            return Emulator::None;
        }
        let asked = self.config.runner.as_ref().map(|it| it.value.as_str());
        Emulator::chosen(asked, &self.definition.runner(&self.target))
    }

    pub(crate) fn environment(&self) -> EnvironmentRef {
        let recipe = self.definition.recipe();
        let name = self.definition.name();
        EnvironmentRef {
            location: match self.definition.image() {
                Some(image) => EnvironmentLocation::Image(image),
                None => self.environments().location(&name),
            },
            name,
            kind: self.definition.kind(),
            recipe_sha256: recipe.map(|it| it.sha256.clone()),
            suite: recipe.map(|it| it.recipe.suite.clone()),
            image_id: self.there.image.as_ref().map(|it| it.id.clone()),
            image_digest: self.there.digest().map(str::to_owned),
            sdk: self.definition.sdk.as_ref().map(|it| it.path.clone()),
            exists: self.there.complete(&self.definition),
            tools: self
                .definition
                .equipment()
                .map(|it| it.tools.clone())
                .unwrap_or_default(),
        }
    }

    /// What rustup has to add to the toolchain.
    fn toolchain_steps(&self, request: &Request) -> Vec<Step> {
        if self.settings.custom_toolchain.value {
            // It is the user's own and not rustup's to complete.
            return Vec::new();
        }
        let needs = toolchain::Needs {
            triple: match self.definition.equipment() {
                Some(_) => on_host::shipped(&self.target),
                None => self.target.known().map(|it| it.triple()),
            },
            build_std: !self.build_std.is_empty(),
            clippy: verbs::is_clippy(request),
        };
        self.toolchain
            .missing(&needs)
            .into_iter()
            .map(|missing| {
                let command = Invocation::new("rustup").args(missing.arguments);
                host_step(missing.purpose, command, HostFailure::Toolchain)
            })
            .collect()
    }

    /// What makes the environment, as far as it is not there.
    fn environment_steps(&self, cancel: &Cancel) -> Result<Vec<Step>> {
        let (definition, there) = (&self.definition, &self.there);
        let mut steps = Vec::new();
        // Offline, an image that was built of files that may have changed has to do.
        if there.complete(definition) || self.offline && there.image.is_some() {
            return Ok(steps);
        }
        let rebuild = there.base.is_none() || definition.copies();
        match &definition.base {
            Base::Recipe(named) => steps.push(self.make_environment(named)?),
            Base::Image { reference, .. } if rebuild => steps.push(self.pull(reference)?),
            Base::Image { .. } => {}
            Base::Dockerfile(dockerfile) if rebuild => {
                let recipe = dockerfile.recipe.as_ref();
                if let Some(named) = recipe.filter(|_| !there.recipe) {
                    steps.push(self.make_environment(named)?);
                }
                let base = recipe.map(|it| self.recipe_image(it));
                if let Some(build) = definition.dockerfile_build(base.as_deref()) {
                    steps.push(self.build_image("the Dockerfile's image", build, None, cancel)?);
                }
            }
            Base::Dockerfile(_) | Base::Host(_) => {}
        }
        if let Some(build) = definition.pre_build_build() {
            let on = definition.base_image();
            steps.push(self.build_image("the `pre-build` image", build, on, cancel)?);
        }
        Ok(steps)
    }

    pub(crate) fn environments(&self) -> Environments<'_> {
        Environments::new(&self.selected.engine, &self.host)
    }

    fn recipe_image(&self, named: &Named) -> String {
        match self.environments().location(&named.blueprint.name) {
            EnvironmentLocation::Image(image) => image,
            _ => named.blueprint.name.clone(),
        }
    }

    fn make_environment(&self, named: &Named) -> Result<Step> {
        Ok(Step {
            purpose: "make the environment".to_owned(),
            command: Some(
                self.environments()
                    .make_command(&named.blueprint)
                    .engine()?,
            ),
            action: Action::MakeEnvironment(named.blueprint.clone()),
            kept: None,
        })
    }

    fn pull(&self, reference: &str) -> Result<Step> {
        let platform = self.definition.platform(&self.selected.engine).option;
        let command = self
            .environments()
            .pull_command(reference, platform.as_deref());
        Ok(Step {
            purpose: "pull the image".to_owned(),
            command: Some(command),
            action: Action::PullImage {
                reference: reference.to_owned(),
                platform,
            },
            kept: None,
        })
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
            .platform(self.definition.platform(&self.selected.engine).option)
            .options(settings.build_opts.value.clone())
            .no_buildkit(settings.no_buildkit.value)
            .progress(settings.build_progress.as_ref().map(|it| it.value.clone()));
        Ok(Step {
            purpose: format!("build {what}"),
            command: Some(self.environments().build_command(&build, cancel).engine()?),
            action: Action::BuildImage { build, on },
            kept: None,
        })
    }

    fn fetch(&self, options: &Options) -> Step {
        let mut command = self.cargo.command("fetch");
        for triple in triples(&self.target) {
            command = command.args(["--target", &triple]);
        }
        let offline = options.offline || self.offline;
        for (flag, given) in [("--locked", options.locked), ("--offline", offline)] {
            if given {
                command = command.arg(flag);
            }
        }
        host_step("fetch dependencies", command, HostFailure::Fetch)
    }

    /// Where `std` is built, the crates that it is made of: fetched by the cargo inside, which alone
    /// knows its source, once for a target directory.
    fn fetch_std(&self) -> Result<Vec<Step>> {
        let done = self.inside.target_dir.join("std-is-fetched");
        if self.build_std.is_empty() || done.exists() {
            return Ok(Vec::new());
        }
        let recipe = self.definition.recipe().map(|named| &named.recipe);
        let manifest = build_std::manifest(recipe, &self.toolchain);
        let command = ["cargo", "fetch", "--locked", "--manifest-path", &manifest];
        let command = command.map(str::to_owned).to_vec();
        let mut spec = self.run_spec(command, Network::Default);
        let fetched = ["registry", "git"].map(|part| self.inside.cargo_home.join(part));
        for mount in &mut spec.mounts {
            if fetched.contains(&mount.target) {
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
        let spec = spec.env([online, bootstrap]);
        let note = Prepared::File {
            path: done,
            text: String::new(),
            executable: false,
        };
        Ok(vec![
            self.run("fetch what std is made of", spec, OutputKind::CargoMessages)?,
            Step::prepare("note that it is fetched", vec![note]),
        ])
    }

    /// `cargo <verb>` as it is called inside: where, for what, and with what the request adds.
    pub(crate) fn cargo_in(&self, verb: &str, options: &Options) -> Vec<String> {
        let mut command = vec![self.definition.cargo().to_owned(), verb.to_owned()];
        if let Some(manifest) = &self.cargo.manifest {
            command.extend(["--manifest-path".to_owned(), manifest.display().to_string()]);
        }
        command.extend(["--target".to_owned(), self.target_argument()]);
        if options.locked {
            command.push("--locked".to_owned());
        }
        command.extend(self.additions(verb));
        command.extend(self.rustflags.iter().cloned());
        command.extend(options.cargo.iter().cloned());
        command
    }

    /// What cargo's `--target` is inside.
    pub(crate) fn target_argument(&self) -> String {
        self.definition
            .zigbuild_target()
            .unwrap_or_else(|| self.target.argument())
    }

    /// Flags of ours that cargo's `verb` is given.
    pub(crate) fn additions(&self, verb: &str) -> Vec<String> {
        let mut flags = self.build_std.clone();
        if verb == "test" && self.settings.doctests.value && self.toolchain.is_nightly() {
            flags.push("-Zdoctest-xcompile".to_owned());
        }
        flags
    }

    /// A run of `command` in the environment; `usual` is its network unless the configuration says
    /// otherwise.
    pub(crate) fn run_spec(&self, command: Vec<String>, usual: Network) -> RunSpec {
        let usual = if self.offline { Network::None } else { usual };
        let network = self
            .config
            .network
            .as_ref()
            .map_or(usual, |it| match it.value {
                ConfigNetwork::None => Network::None,
                ConfigNetwork::Host => Network::Host,
                _ => Network::Default,
            });
        let mut mounts = self.inside.mounts.clone();
        let mut env = self.inside.env.clone();
        if network != Network::None {
            mounts.extend(self.inside.network_mounts.iter().cloned());
            env.extend(self.inside.network_env.clone());
        }
        let spec = RunSpec::new(self.root.clone(), self.cwd(), command)
            .mounts(mounts)
            .env(env)
            .network(network)
            .name(format!("cross-{}", self.target.triple()))
            .platform(self.definition.platform(&self.selected.engine).option)
            .options(self.container_options())
            .user_namespace(inside::user_namespace(
                &self.settings,
                &self.selected.engine,
            ))
            .seccomp(self.inside.seccomp.clone());
        match &self.budget {
            Some(budget) => budget.bind(spec),
            None => spec,
        }
    }

    /// The user's words for the `run` of a container; the sandbox has none.
    fn container_options(&self) -> Vec<String> {
        match self.selected.engine.has_images() {
            true => self.settings.container_opts.value.clone(),
            false => Vec::new(),
        }
    }

    /// Everything of the target that cargo shows its user, in the workspace's own target directory.
    pub(crate) fn mirror(&self) -> Step {
        let triple = self.target.triple();
        Step {
            purpose: "publish the artifacts".to_owned(),
            action: Action::Mirror {
                from: self.inside.target_dir.join(triple),
                to: self.workspace.target_directory.join(triple),
            },
            command: None,
            kept: None,
        }
    }

    /// The request's directory where the environment sees it, else the workspace's root.
    fn cwd(&self) -> PathBuf {
        let dir: &Path = &self.cargo.dir;
        if dir.starts_with(&self.workspace.root) {
            dir.to_owned()
        } else {
            self.workspace.root.clone()
        }
    }
}

pub(crate) fn host_step(
    purpose: impl Into<String>,
    command: Invocation,
    failure: HostFailure,
) -> Step {
    Step {
        purpose: purpose.into(),
        command: Some(command.clone()),
        action: Action::Host { command, failure },
        kept: None,
    }
}

/// The key of a target directory: everything that makes compiled host artifacts incompatible.
pub(crate) fn target_dir_key(environment: &str, toolchain: &Toolchain) -> String {
    short_hash(&format!("{environment}\n{}", toolchain.identity()), 8)
}
