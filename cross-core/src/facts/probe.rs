//! Probes every fact once. Nothing but read-only probes is started.

use cross_config::{Config, DiagnosticCode, ExplainedValue, Origin, Settings};
use cross_engine::{Cancel, Environments, Kind, Root, Selected};

use crate::cargo::build_std;
use crate::cargo::rustflags;
use crate::cargo::workspace::{self};
use crate::facts::container_reuse::Keeping;
use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::facts::environment_state::EnvironmentState;
use crate::facts::facts::Facts;
use crate::facts::run_inputs::{RunInputs, RunInputsContext};
use crate::facts::selection::{self, Selection, SelectionContext};
use crate::host::toolchain;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::redact::redact;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;
use crate::target::name::TargetName;

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
    let Selection {
        env_spec,
        selected,
        toolchain,
        warnings: selection_warnings,
    } = selection::find(
        &SelectionContext {
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
    let state = match kept.and_then(|it| it.state(&env_spec, &selected.engine, &host)) {
        Some(state) => state,
        None => EnvironmentState::probe(&env_spec, &environments, cancel)?,
    };
    let keeping = keeping.map(|it| it.of_image(&env_spec, &state));
    let mut inputs = RunInputs::new(&RunInputsContext {
        cross,
        target: &target,
        workspace: &workspace,
        config: &config,
        settings: &settings,
        toolchain: &toolchain,
        env_spec: &env_spec,
        engine: &selected.engine,
        host: &host,
    })?;
    if let Some(image) = &state.image {
        inputs.yield_to(&image.env);
    }
    let root = root(&env_spec, &state, &environments, &inputs)?;
    let rustflags = rustflags::add(
        &request.options.all_rustflags(),
        target.triple(),
        &mut inputs.env,
    );
    let recipe = env_spec.recipe().map(|named| &named.recipe);
    let build_std = build_std::arguments(&config, &settings, recipe, &toolchain)?;
    let mut warnings: Vec<_> = loaded.warnings.iter().map(warning).collect();
    warnings.extend(selection_warnings);
    warnings.extend(env_spec.warning(state.digest()));
    warnings.extend(without_effect(&settings, &selected));
    let offline = is_offline(request);
    if offline {
        warnings.extend(offline_image(&env_spec, &state));
    }
    Ok(Facts {
        cargo,
        workspace,
        config,
        settings,
        warnings,
        explained: explained(&loaded.config, &target),
        selected,
        toolchain,
        env_spec,
        state,
        root,
        inputs,
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
pub(crate) fn triples(target: &TargetName) -> Vec<String> {
    let known = target.known().map(|it| it.triple().to_owned());
    known
        .into_iter()
        .flat_map(|triple| [triple, toolchain::host_triple()])
        .collect()
}

fn root(
    env_spec: &EnvironmentSpec,
    state: &EnvironmentState,
    environments: &Environments<'_>,
    inputs: &RunInputs,
) -> Result<Root> {
    match &env_spec.base {
        Base::Recipe(named) if state.recipe => environments
            .root(&named.blueprint.name, &inputs.mount_targets())
            .map_engine_error(),
        Base::Recipe(named) => Ok(environments.unread_root(&named.blueprint.name)),
        Base::Host(_) => Ok(Root::Host),
        _ => Ok(Root::Image(env_spec.image().unwrap_or_default())),
    }
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

/// Settings that do nothing here.
fn without_effect(settings: &Settings, selected: &Selected) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut idle = |origin: &Origin, why: &str, help: &str| {
        warnings.push(Warning {
            code: DiagnosticCode::NoEffect.as_str().to_owned(),
            message: format!("{origin} has no effect: {why}"),
            help: Some(help.to_owned()),
        });
    };
    let options = &settings.container_opts;
    if !options.value.is_empty() && selected.engine.kind == Kind::Sandbox {
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

/// Whether nothing may use a network for the request. The flag of a command line of the front door is
/// cargo's own, and says nothing of environments.
fn is_offline(request: &Request) -> bool {
    request.cross.is_offline() || (request.options.offline && request.verb != Verb::Cargo)
}

/// An image of a Dockerfile that copies files is built for every request: whether it is up to date is the
/// engine's to say, and that may take a network.
fn offline_image(env_spec: &EnvironmentSpec, state: &EnvironmentState) -> Option<Warning> {
    let image = env_spec
        .image()
        .filter(|_| env_spec.copies() && state.image.is_some())?;
    Some(Warning {
        code: "offline-image".to_owned(),
        message: format!(
            "offline, the image `{image}` is used as it is: what its Dockerfile copies may have changed"
        ),
        help: Some("a request that is not offline builds it where it has".to_owned()),
    })
}
