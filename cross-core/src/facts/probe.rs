//! Probes the facts of a request, each once. Starts only read-only processes.

use cross_config::{Config, DiagnosticCode, ExplainedValue, Origin, Settings, TargetConfig};
use cross_engine::{Cancel, EngineKind, Environments, Host, Root, SelectedEngine};

use crate::cargo::build_std;
use crate::cargo::package_selection::ConfiguredPackage;
use crate::cargo::rustflags;
use crate::cargo::workspace::{self, HostCargo, Workspace};
use crate::facts::configured_paths;
use crate::facts::container_reuse::PlannedReuse;
use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::facts::environment_state::EnvironmentState;
use crate::facts::facts::Facts;
use crate::facts::host_engine;
use crate::facts::run_inputs::{RunInputs, RunInputsContext};
use crate::facts::selection::{self, Selection, SelectionContext};
use crate::facts::sources;
use crate::host::cache_guard;
use crate::host::places::normal;
use crate::host::toolchain;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::redact::redact;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;
use crate::target::name::TargetName;

/// Probes the facts of a request. A warm build starts at most three processes: `cargo metadata`,
/// the query of the engine's version, and for a container engine the query of the image.
pub(crate) fn probe(request: &Request, cancel: &Cancel) -> Result<Facts> {
    let project = ProjectFacts::probe(request, cancel)?;
    let selection = project.select(request, cancel)?;
    let environment = EnvironmentFacts::probe(request, &project, &selection, cancel)?;
    let mut inputs = run_inputs(request, &project, &selection, &environment.state)?;
    let root = root(&project, &selection, &environment.state, &inputs)?;
    let rustflags = rustflags::add(
        &request.options.all_rustflags(),
        project.target.triple(),
        &mut inputs.env,
        |name| {
            // A run on the host inherits the caller's variables.
            let is_host = selection.env_spec.host_toolset().is_some();
            let value = request.cross.environment().get_str(name);
            value.filter(|_| is_host).map(str::to_owned)
        },
    );
    let recipe = selection.env_spec.recipe().map(|named| &named.recipe);
    let build_std = build_std::arguments(
        &project.config,
        &project.settings,
        recipe,
        &selection.toolchain,
    )?;
    let offline = is_offline(request);
    Ok(Facts {
        warnings: warnings(&project, &selection, &environment.state, &inputs, offline),
        host: project.host,
        target: project.target,
        cargo: project.cargo,
        workspace: project.workspace,
        config: project.config,
        settings: project.settings,
        explained: project.explained,
        selected: selection.selected,
        toolchain: selection.toolchain,
        env_spec: selection.env_spec,
        state: environment.state,
        container_reuse: environment.container_reuse,
        root,
        inputs,
        build_std,
        rustflags,
        budget: request.cross.budget().cloned(),
        offline,
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
        let triples = triples(&target);
        let mut workspace = workspace::probe(&cargo, &triples, &host, cancel)?;
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
        let mut config = loaded.config.for_target(target.configured());
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
        Ok(EnvironmentFacts {
            container_reuse: container_reuse.map(|reuse| reuse.with_image(env_spec, &state)),
            state,
        })
    }
}

/// The platforms whose dependencies are needed: the target's, and that of build scripts. Empty for
/// a target that rustc does not know: cargo cannot filter dependencies by it.
pub(crate) fn triples(target: &TargetName) -> Vec<String> {
    let known = target.known().map(|known| known.triple().to_owned());
    known
        .into_iter()
        .flat_map(|triple| [triple, toolchain::host_triple()])
        .collect()
}

/// The run inputs, without the variables that the image overrides.
fn run_inputs(
    request: &Request,
    project: &ProjectFacts,
    selection: &Selection,
    state: &EnvironmentState,
) -> Result<RunInputs> {
    let mut inputs = RunInputs::new(&RunInputsContext {
        cross: &request.cross,
        target: &project.target,
        workspace: &project.workspace,
        config: &project.config,
        settings: &project.settings,
        toolchain: &selection.toolchain,
        env_spec: &selection.env_spec,
        engine: &selection.selected.engine,
        host: &project.host,
    })?;
    if let Some(image) = &state.image {
        inputs.yield_to(&image.env);
    }
    Ok(inputs)
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
    match &env_spec.base {
        Base::Recipe(named) if state.recipe => environments
            .root(&named.blueprint.name, &inputs.mount_targets())
            .map_engine_error(),
        Base::Recipe(named) => Ok(environments.root_without_layout(&named.blueprint.name)),
        Base::Host(_) => Ok(Root::Host),
        _ => Ok(Root::Image(env_spec.image().unwrap_or_default())),
    }
}

/// All warnings: about the configuration, the selection and the environment.
fn warnings(
    project: &ProjectFacts,
    selection: &Selection,
    state: &EnvironmentState,
    inputs: &RunInputs,
    offline: bool,
) -> Vec<Warning> {
    let mut warnings = project.warnings.clone();
    warnings.extend(inputs.warnings.iter().cloned());
    warnings.extend(selection.warnings.iter().cloned());
    warnings.extend(selection.env_spec.warning(state.digest()));
    warnings.extend(without_effect(&project.settings, &selection.selected));
    if offline {
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
    let mut warnings = Vec::new();
    let mut warn = |origin: &Origin, why: &str, help: &str| {
        warnings.push(Warning {
            code: DiagnosticCode::NoEffect.as_str().to_owned(),
            message: format!("{origin} has no effect: {why}"),
            help: Some(help.to_owned()),
        });
    };
    let options = &settings.container_opts;
    if !options.value.is_empty() && selected.engine.kind == EngineKind::Sandbox {
        let help = "use docker or podman as the engine, or unset it";
        warn(&options.origin, "the engine is the sandbox", help);
    }
    if settings.in_container.value && selected.engine.has_images() {
        warn(
            &settings.in_container.origin,
            "paths of this container are not translated to those of its host",
            "use the sandbox, which needs no daemon, or mount the project at the path it has on the host",
        );
    }
    warnings
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
