//! Probes the facts of a request, each once. Starts only read-only processes.

use std::path::{Path, PathBuf};

use cross_config::{
    Config, DiagnosticCode, ExplainedValue, Origin, Settings, Sourced, TargetConfig, UserNamespace,
};
use cross_engine::{Cancel, EngineKind, Environments, Host, Reach, Root, SelectedEngine};

use crate::cargo::build_std;
use crate::cargo::cli::configs::Configs;
use crate::cargo::package_selection::ConfiguredPackage;
use crate::cargo::rustflags;
use crate::cargo::workspace::{self, HostCargo, Workspace};
use crate::facts::apple;
use crate::facts::configured_paths;
use crate::facts::container_reuse::PlannedReuse;
use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::facts::environment_state::{EnvironmentState, check_locked};
use crate::facts::facts::Facts;
use crate::facts::far_options;
use crate::facts::flag_paths::{self, Flags};
use crate::facts::host_engine;
use crate::facts::private_places::Private;
use crate::facts::remote::{PlannedRemote, RemoteContext};
use crate::facts::run_inputs::{RunInputs, RunInputsContext};
use crate::facts::selection::{self, Selection, SelectionContext};
use crate::facts::sources;
use crate::facts::wasm_bindgen::{self, WasmBindgenContext};
use crate::host::cache_guard;
use crate::host::places::normal;
use crate::host::toolchain;
use crate::model::error::{Error, MapEngineError as _, Result};
use crate::model::redact::redact;
use crate::model::step::{Verb, Warning};
use crate::model::toolchain::ToolchainPreference;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// Probes the facts of a request. A warm build starts at most three processes: `cargo metadata`,
/// the query of the engine's version, and for a container engine the query of the image.
pub(crate) fn probe(request: &Request, cancel: &Cancel) -> Result<Facts> {
    facts_of(request, cancel).map_err(Error::during_planning)
}

fn facts_of(request: &Request, cancel: &Cancel) -> Result<Facts> {
    let project = ProjectFacts::probe(request, cancel)?;
    let selection = project.select(request, cancel)?;
    let environment = EnvironmentFacts::probe(request, &project, &selection, cancel)?;
    let configs = project.cargo.configuration(&project.host)?;
    let state = &environment.state;
    let recipe = selection.env_spec.recipe().map(|named| &named.recipe);
    let build_std = build_std::arguments(
        &project.config,
        &project.settings,
        project.target.known(),
        recipe,
        &selection.toolchain,
    )?;
    let context = RunInputsContext {
        cross: &request.cross,
        target: &project.target,
        workspace: &project.workspace,
        config: &project.config,
        settings: &project.settings,
        toolchain: &selection.toolchain,
        env_spec: &selection.env_spec,
        engine: &selection.selected.engine,
        host: &project.host,
        configs: &configs,
        cargo: &project.cargo,
        cancel,
    };
    let mut inputs = run_inputs(&context, state)?;
    let rustflags = rustflags::add(
        &request.options.all_rustflags(),
        &project.target.slices(),
        &mut inputs.env,
        |name| {
            // A run on the host inherits the caller's variables.
            let is_host = selection.env_spec.host_toolset().is_some();
            let value = request.cross.environment().get_str(name);
            value.filter(|_| is_host).map(str::to_owned)
        },
    );
    inputs.warn_of_native(&context, &request.options.all_rustflags());
    if selection.env_spec.host_toolset().is_none() {
        show_flag_paths(request, &project, &configs, &mut inputs);
    }
    let compiles = request.verb != Verb::Exec;
    inputs.fix_places(&context, !build_std.is_empty(), compiles)?;
    let root = root(&project, &selection, &environment.state, &inputs)?;
    if request.starts_programs() {
        wasm_bindgen::check(
            &WasmBindgenContext {
                cross: &request.cross,
                config: &project.config,
                target: &project.target,
                workspace_root: &project.workspace.root,
                env_spec: &selection.env_spec,
                host: &project.host,
            },
            cancel,
        )?;
    }
    let offline = is_offline(request);
    let artifact_base = project.cargo.dir.clone();
    let remote = PlannedRemote::of(&RemoteContext {
        settings: &project.settings,
        engine: &selection.selected.engine,
        host: &project.host,
        workspace_root: &project.workspace.root,
        cargo_home: &inputs.cargo_home,
        target_dir: &inputs.target_dir,
        toolchain: &selection.toolchain,
        triples: &project.target.slices(),
        native: selection
            .env_spec
            .platform(&selection.selected.engine)
            .triple,
        builds_std: !build_std.is_empty(),
        reuses_container: environment.container_reuse.is_some(),
    });
    let mut selection = selection;
    if let Some(remote) = &remote {
        let engine = selection.selected.engine;
        selection.selected.engine = engine.with_transfer(&remote.transfer);
    }
    let explained = with_variables(&project, &selection.env_spec);
    Ok(Facts {
        warnings: warnings(request, &project, &selection, &environment.state, &inputs),
        host: project.host,
        target: project.target,
        cargo: project.cargo,
        workspace: project.workspace,
        config: project.config,
        settings: project.settings,
        explained,
        selected: selection.selected,
        toolchain: selection.toolchain,
        env_spec: selection.env_spec,
        state: environment.state,
        container_reuse: environment.container_reuse,
        remote,
        root,
        inputs,
        build_std,
        rustflags,
        budget: request.cross.budget().cloned(),
        offline,
        artifact_dir: configs
            .artifact_dir(&artifact_base, |name| request.cross.path_variable(name)),
        sets_build_dir: configs.sets_build_dir(),
    })
}

/// The target, the workspace and the configuration.
struct ProjectFacts {
    host: Host,
    target: TargetName,
    cargo: HostCargo,
    workspace: Workspace,
    config: TargetConfig,
    settings: Settings,
    explained: Vec<ExplainedValue>,
    /// The warnings about the configuration.
    warnings: Vec<Warning>,
}

impl ProjectFacts {
    fn probe(request: &Request, cancel: &Cancel) -> Result<Self> {
        let cross = &request.cross;
        let target = TargetName::parse(&request.target, cross.dir())?;
        let host = cross.host()?;
        let mut cargo = cross.host_cargo(&host)?;
        cargo.configs = request.options.configs();
        cargo.unstable = request.options.unstable();
        let triples = triples(&target, toolchain::host_triple());
        let mut workspace = match workspace::probe(&cargo, &triples, &host, cancel) {
            Ok(workspace) => workspace,
            Err(error) => {
                cargo.program = cargo_of_toolchain(request, &target, &cargo, &host).ok_or(error)?;
                workspace::probe(&cargo, &triples, &host, cancel)?
            }
        };
        if let Some(manifest) = cargo.real_manifest(&workspace.root) {
            cargo.manifest = Some(manifest);
            workspace = workspace::probe(&cargo, &triples, &host, cancel)?;
        }
        if let Some(dir) = &request.options.target_dir {
            workspace.target_directory.clone_from(dir);
        }
        workspace.target_directory = normal(&workspace.target_directory);
        let package = workspace.configured_package(&request.options.selection());
        let manifest = package.manifest.as_deref();
        let loaded = cross.load_config(&workspace.root, manifest, request.layer())?;
        let warnings = loaded.warnings.iter().map(warning);
        let warnings = warnings.chain(apple::warnings(&loaded.config, &target));
        let mut config = loaded.config.for_target(target.configured());
        wasm_bindgen::choose(&mut config, &target, &workspace.root);
        configured_paths::settle(&mut config, &workspace.root, cross.dir());
        Ok(ProjectFacts {
            config,
            settings: loaded.config.settings().clone(),
            explained: explained(&loaded.config, &target),
            warnings: warnings.chain(ambiguous_metadata(&package)).collect(),
            host,
            target,
            cargo,
            workspace,
        })
    }

    /// Selects the engine, the toolchain and the environment spec.
    fn select(&self, request: &Request, cancel: &Cancel) -> Result<Selection> {
        if !host_engine::is_requested(&self.config) {
            sources::refuse_cache(&self.workspace, &self.host.cache)?;
        }
        cache_guard::create(&self.host.cache);
        let context = SelectionContext {
            request,
            target: &self.target,
            config: &self.config,
            settings: &self.settings,
            workspace_root: &self.workspace.root,
            host: &self.host,
        };
        selection::select(&context, cancel)
    }
}

/// The cargo of the toolchain that is configured, if it is another one than `cargo`, which cannot
/// read the manifests: an unstable feature of cargo's in a manifest is for nightly's alone.
fn cargo_of_toolchain(
    request: &Request,
    target: &TargetName,
    cargo: &HostCargo,
    host: &Host,
) -> Option<PathBuf> {
    let cross = &request.cross;
    let manifest = cargo.manifest.as_deref().and_then(Path::parent);
    let root = workspace::workspace_root_of(manifest.unwrap_or(&cargo.dir).to_owned());
    // What is wrong with the configuration is an error as soon as the workspace is known.
    let loaded = cross.load_config(&root, None, request.layer()).ok()?;
    let config = loaded.config.for_target(target.configured());
    let toolchain = ToolchainPreference::from(config.toolchain?.value.as_str());
    let program = cross.cargo_in(&toolchain, host)?;
    (program != cargo.program).then_some(program)
}

/// The state of the environment, and the containers that are reused.
struct EnvironmentFacts {
    state: EnvironmentState,
    container_reuse: Option<PlannedReuse>,
}

impl EnvironmentFacts {
    fn probe(
        request: &Request,
        project: &ProjectFacts,
        selection: &Selection,
        cancel: &Cancel,
    ) -> Result<Self> {
        let Selection {
            env_spec, selected, ..
        } = selection;
        let host = &project.host;
        let container_reuse = PlannedReuse::configured(&request.cross, &project.settings);
        let known_state = container_reuse
            .as_ref()
            .and_then(|reuse| reuse.known_state(env_spec, &selected.engine, host));
        let state = match known_state {
            Some(state) => state,
            None => {
                let environments = Environments::new(&selected.engine, host);
                EnvironmentState::probe(env_spec, &environments, cancel)?
            }
        };
        let environments = Environments::new(&selected.engine, host);
        check_locked(env_spec, &state, &environments)?;
        Ok(EnvironmentFacts {
            container_reuse: container_reuse.map(|reuse| reuse.with_image(env_spec, &state)),
            state,
        })
    }
}

/// The platforms whose dependencies are needed: the target's, and that of build scripts. Empty for
/// a target that rustc does not know: cargo cannot filter dependencies by it.
pub(crate) fn triples(target: &TargetName, native: String) -> Vec<String> {
    if target.known().is_none() {
        return Vec::new();
    }
    let mut triples: Vec<_> = target.slices().into_iter().map(str::to_owned).collect();
    triples.push(native);
    triples
}

/// The run inputs, without the variables that the image overrides.
fn run_inputs(context: &RunInputsContext<'_>, state: &EnvironmentState) -> Result<RunInputs> {
    let mut inputs = RunInputs::new(context)?;
    if let Some(image) = &state.image {
        inputs.yield_to(&image.env);
    }
    Ok(inputs)
}

/// Shows what the flags for the compiler name.
fn show_flag_paths(
    request: &Request,
    project: &ProjectFacts,
    configs: &Configs,
    inputs: &mut RunInputs,
) {
    let (home, cargo_home) = (project.host.home(), inputs.cargo_home.clone());
    let flags = Flags {
        configs,
        request: &request.options.all_rustflags(),
        has_profiles: request.options.coverage,
        targets: &project.target.slices(),
        root: &project.workspace.root,
        private: Private {
            home: home.as_deref(),
            cargo_home: &cargo_home,
            cache: &project.host.cache,
        },
    };
    flag_paths::show(inputs, &flags);
}

/// The root file system of the runs.
fn root(
    project: &ProjectFacts,
    selection: &Selection,
    state: &EnvironmentState,
    inputs: &RunInputs,
) -> Result<Root> {
    let environments = Environments::new(&selection.selected.engine, &project.host);
    let env_spec = &selection.env_spec;
    let targets = inputs.mount_targets();
    let targets: Vec<&Path> = targets.iter().map(PathBuf::as_path).collect();
    match &env_spec.base {
        Base::Recipe(named) if state.recipe => environments
            .root(&named.blueprint.name, &targets)
            .map_engine_error(),
        Base::Recipe(named) => Ok(environments.root_without_layout(&named.blueprint.name)),
        Base::Host(_) => Ok(Root::Host),
        _ => Ok(Root::Image(env_spec.image().unwrap_or_default())),
    }
}

/// All warnings: about the configuration, the selection and the environment.
fn warnings(
    request: &Request,
    project: &ProjectFacts,
    selection: &Selection,
    state: &EnvironmentState,
    inputs: &RunInputs,
) -> Vec<Warning> {
    let cross = &request.cross;
    let mut warnings = project.warnings.clone();
    warnings.extend(inputs.warnings.iter().cloned());
    warnings.extend(selection.warnings.iter().cloned());
    warnings.extend(selection.env_spec.warning(state.digest()));
    let (env, dir) = (cross.environment(), cross.dir());
    warnings.extend(apple::other_sdk(
        &selection.env_spec,
        &project.target,
        env,
        dir,
    ));
    warnings.extend(without_effect(&project.settings, &selection.selected));
    let engine = &selection.selected.engine;
    warnings.extend(far_options::warning(&project.settings, engine));
    if is_offline(request) {
        warnings.extend(offline_image(&selection.env_spec, state));
    }
    warnings
}

/// The values in effect, without secrets in URLs.
fn explained(config: &Config, target: &TargetName) -> Vec<ExplainedValue> {
    let mut values = config.explain_for(target.configured());
    for explained in &mut values {
        explained.value = redact(&explained.value).into_owned();
    }
    values
}

/// The values in effect, with those that variables of other tools give: they stand behind the
/// target's own.
fn with_variables(project: &ProjectFacts, env_spec: &EnvironmentSpec) -> Vec<ExplainedValue> {
    let mut values = project.explained.clone();
    let is_of_target = |row: &ExplainedValue| row.key.starts_with("target.");
    let end = values
        .iter()
        .rposition(is_of_target)
        .map_or(0, |last| last + 1);
    let of_variables = apple::explained(env_spec, &project.config, &project.target);
    values.splice(end..end, of_variables);
    values
}

fn warning(diagnostic: &cross_config::Diagnostic) -> Warning {
    Warning {
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.to_string(),
        help: diagnostic.help.clone(),
    }
}

/// The warning for several built packages that are configured differently.
fn ambiguous_metadata(package: &ConfiguredPackage) -> Option<Warning> {
    let (first, others) = package.ambiguous.split_first()?;
    let others: Vec<_> = others.iter().map(|name| format!("`{name}`")).collect();
    Some(Warning {
        code: "ambiguous-metadata".to_owned(),
        message: format!(
            "several packages are built, and their `[package.metadata.cross]` differ: that of \
             `{first}` applies to all, and not that of {}",
            others.join(", ")
        ),
        help: Some(
            "write what is common to all in Cross.toml or `[workspace.metadata.cross]`, or build \
             one package at a time with `--package`"
                .to_owned(),
        ),
    })
}

/// The warnings for settings that have no effect with the selected engine.
fn without_effect(settings: &Settings, selected: &SelectedEngine) -> Vec<Warning> {
    let kind = selected.engine.kind;
    let is_container = !matches!(kind, EngineKind::Sandbox | EngineKind::Host);
    let why = match kind {
        EngineKind::Host => "nothing is isolated, and there is no container",
        _ => "the engine is the sandbox",
    };
    let of_containers = of_containers(settings).into_iter().flatten();
    let of_containers = of_containers.filter(|_| !is_container).map(|origin| {
        (
            origin,
            why,
            "use docker or podman as the engine, or unset it",
        )
    });
    let sees_files = !matches!(selected.engine.reach, Reach::Remote(_));
    let of_remote = of_remote(settings).into_iter().flatten();
    let of_remote = of_remote.filter(|_| sees_files).map(|origin| {
        let help = "unset it, or set CROSS_REMOTE=1 if the engine's machine has none of the files";
        (origin, "the engine sees the caller's files", help)
    });
    of_containers
        .chain(of_remote)
        .map(|(origin, why, help)| Warning {
            code: DiagnosticCode::NoEffect.as_str().to_owned(),
            message: format!("{origin} has no effect: {why}"),
            help: Some(help.to_owned()),
        })
        .collect()
}

/// The settings that only a container engine knows, and that ask for something.
fn of_containers(settings: &Settings) -> [Option<&Origin>; 11] {
    let namespace = &settings.user_namespace;
    let is_named = matches!(namespace.value, UserNamespace::Named(_));
    fn origin(is_set: bool, origin: &Origin) -> Option<&Origin> {
        is_set.then_some(origin)
    }
    fn on(setting: Option<&Sourced<bool>>) -> Option<&Origin> {
        setting.filter(|it| it.value).map(|it| &it.origin)
    }
    let progress = settings.build_progress.as_ref();
    let reuse = settings.reuse_containers.as_ref();
    [
        origin(
            !settings.container_opts.value.is_empty(),
            &settings.container_opts.origin,
        ),
        origin(
            !settings.build_opts.value.is_empty(),
            &settings.build_opts.origin,
        ),
        origin(is_named, &namespace.origin),
        settings.uid.as_ref().map(|it| &it.origin),
        settings.gid.as_ref().map(|it| &it.origin),
        origin(settings.no_buildkit.value, &settings.no_buildkit.origin),
        progress.map(|it| &it.origin),
        on(settings.rootless.as_ref()),
        on(settings.in_container.as_ref()),
        on(settings.remote.as_ref()),
        reuse.filter(|it| it.value > 0).map(|it| &it.origin),
    ]
}

/// The settings about what is copied to and from the machine of a remote engine, where they are on.
fn of_remote(settings: &Settings) -> [Option<&Origin>; 4] {
    [
        &settings.remote_copy_registry,
        &settings.remote_copy_cache,
        &settings.remote_copy_full_target_dir,
        &settings.remote_skip_build_artifacts,
    ]
    .map(|setting| setting.value.then_some(&setting.origin))
}

/// Whether nothing may use the network for the request. The flag `--offline` of a cargo command
/// line is cargo's own and does not apply to environments.
fn is_offline(request: &Request) -> bool {
    request.cross.is_offline() || (request.options.offline && request.verb != Verb::Cargo)
}

/// The warning for the image of a Dockerfile that copies files, if the request is offline.
///
/// Such an image is built for every request, because only the engine can tell whether it is up to
/// date. The build may need the network, so an offline request skips it.
fn offline_image(env_spec: &EnvironmentSpec, state: &EnvironmentState) -> Option<Warning> {
    let image = env_spec
        .image()
        .filter(|_| env_spec.copies() && state.image.is_some())?;
    Some(Warning {
        code: "offline-image".to_owned(),
        message: format!(
            "offline, the image `{image}` is not rebuilt: the files that its Dockerfile copies may have \
             changed"
        ),
        help: Some("a request that is not offline rebuilds the image if they have".to_owned()),
    })
}
