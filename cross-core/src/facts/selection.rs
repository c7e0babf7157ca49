//! Selects the engine, the toolchain and the environment spec of a request.

use std::path::Path;

use cross_config::{Settings, TargetConfig};
use cross_engine::{
    Cancel, Engine, EngineKind, EngineNeeds, Host, Reach, ReachPreference, RootSource,
    SelectedEngine,
};
use cross_targets::{DebianArch, RustSource};

use crate::cargo::build_std;
use crate::facts::environment_name;
use crate::facts::environment_spec::{EnvironmentSpec, SpecContext};
use crate::facts::host_engine;
#[cfg(feature = "host-engine")]
use crate::facts::host_engine::ToolSearchContext;
use crate::facts::lock;
use crate::host::toolchain::{self, host_triple};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::feature;
use crate::model::step::Warning;
use crate::model::toolchain::{Toolchain, ToolchainPreference};
use crate::request::cross::Cross;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// The facts that decide the selection.
pub(crate) struct SelectionContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) settings: &'a Settings,
    pub(crate) workspace_root: &'a Path,
    pub(crate) host: &'a Host,
}

/// The engine, the toolchain and the environment spec.
pub(crate) struct Selection {
    pub(crate) env_spec: EnvironmentSpec,
    pub(crate) selected: SelectedEngine,
    pub(crate) toolchain: Toolchain,
    pub(crate) warnings: Vec<Warning>,
}

/// Selects the environment spec first, then an engine that can run it, then the toolchain for the
/// engine's platform. On the engine `host`, the toolchain is selected first, and decides which
/// tools are searched.
pub(crate) fn select(context: &SelectionContext<'_>, cancel: &Cancel) -> Result<Selection> {
    let SelectionContext { config, host, .. } = *context;
    let cross = &context.request.cross;
    let key = config.toolchain.as_ref();
    let toolchain_spec = key.map_or(ToolchainPreference::Host, |key| key.value.as_str().into());
    let mut spec_context = SpecContext {
        target: context.target,
        engine_architecture: None,
        config,
        rust: match toolchain_spec {
            ToolchainPreference::Image if build_std::is_requested(config) => {
                RustSource::PackagedSource
            }
            ToolchainPreference::Image => RustSource::Packaged,
            _ => RustSource::External,
        },
        workspace_root: context.workspace_root,
        env: cross.environment(),
        dir: cross.dir(),
    };
    if let Some(origin) = host_engine::requested_by(config) {
        feature::HOST_ENGINE.require(&format!("the engine `host` is named by {origin}"))?;
        #[cfg(feature = "host-engine")]
        return select_host(context, &spec_context, &toolchain_spec, cancel);
    }
    let mut env_spec = EnvironmentSpec::choose(&spec_context)?;
    let selected = select_engine(context, env_spec.needs(), cancel)
        .map_err(|error| env_spec.refused(error))?;
    // Nothing in a recipe's environment is emulated but the target's programs.
    let architecture = DebianArch::from_name(&selected.engine.architecture);
    if architecture != environment_name::build_architecture().ok() && architecture.is_some() {
        spec_context.engine_architecture = architecture;
        env_spec = EnvironmentSpec::choose(&spec_context)?;
    }
    // A lock has an entry for each architecture, so it waits for the engine.
    let warning = lock::apply(&mut env_spec, &spec_context, cross, context.settings)?;
    let platform = env_spec.platform(&selected.engine);
    Ok(Selection {
        toolchain: toolchain::find(&toolchain_spec, cross.dir(), host, &platform.triple)?,
        env_spec,
        selected,
        warnings: warning.into_iter().collect(),
    })
}

/// Selects the engine `host`, which has no environment.
#[cfg(feature = "host-engine")]
fn select_host(
    context: &SelectionContext<'_>,
    spec_context: &SpecContext<'_>,
    toolchain_spec: &ToolchainPreference,
    cancel: &Cancel,
) -> Result<Selection> {
    let SelectionContext { config, host, .. } = *context;
    let mut warnings = host_engine::check_keys(config, context.settings)?;
    let selected = select_engine(context, RootSource::Recipe, cancel)?;
    let dir = context.request.cross.dir();
    let toolchain = toolchain::find(toolchain_spec, dir, host, &host_triple())?;
    let toolset = host_engine::find_toolset(
        &ToolSearchContext {
            request: context.request,
            target: context.target,
            config,
            toolchain: &toolchain,
            completes: !context.settings.custom_toolchain.value,
            host,
        },
        cancel,
    )?;
    warnings.extend(toolset.warnings.iter().cloned());
    let mut env_spec = EnvironmentSpec::on_host(spec_context, toolset)?;
    let cross = &context.request.cross;
    warnings.extend(lock::apply(
        &mut env_spec,
        spec_context,
        cross,
        context.settings,
    )?);
    Ok(Selection {
        env_spec,
        selected,
        toolchain,
        warnings,
    })
}

/// Selects an engine, and applies the user's settings to it.
fn select_engine(
    context: &SelectionContext<'_>,
    needs: RootSource,
    cancel: &Cancel,
) -> Result<SelectedEngine> {
    let (cross, settings): (&Cross, _) = (&context.request.cross, context.settings);
    let key = context.config.engine.as_ref();
    let engine = key.map_or("auto", |key| key.value.as_str());
    let limit = context.config.memory.as_ref();
    let needs = EngineNeeds::from(needs)
        .memory_limit(limit.is_some())
        .container_options(!settings.container_opts.value.is_empty());
    let selected = cross.select(engine, needs, context.host, cancel);
    let mut selected = selected.map_err(|error| match limit {
        Some(key) if error.kind() == ErrorKind::NoEngine => error.with_note(&format!(
            "`memory` asks for a limit of memory ({})",
            key.origin
        )),
        _ => error,
    })?;
    if let Some(key) = key.filter(|key| key.value != "auto") {
        selected.reason = format!("named by {}", key.origin);
    }
    let engine = &mut selected.engine;
    // Only a container can have other IDs than the caller.
    let is_container = !matches!(engine.kind, EngineKind::Sandbox | EngineKind::Host);
    if let Some(uid) = settings.uid.as_ref().filter(|_| is_container) {
        engine.user.0 = uid.value;
    }
    if let Some(gid) = settings.gid.as_ref().filter(|_| is_container) {
        engine.user.1 = gid.value;
    }
    let reach = reach_preference(settings);
    let found = engine.clone().find_reach(reach, context.host, cancel);
    selected.engine = found.map_engine_error()?;
    if let Reach::Remote(_) = selected.engine.reach {
        let (engine, reach) = (&selected.engine, &selected.engine.reach);
        feature::REMOTE.require(&format!("{engine} {reach}"))?;
    }
    if let Some(rootless) = &settings.rootless {
        selected.engine.rootless = rootless.value;
    }
    check_memory_limit(context, &selected.engine, cancel)?;
    Ok(selected)
}

/// What the user's settings say of where an engine sees the caller's files.
fn reach_preference(settings: &Settings) -> ReachPreference {
    ReachPreference::default()
        .nested(settings.in_container.as_ref().map(|it| it.value))
        .remote(settings.remote.as_ref().map(|it| it.value))
}

/// What is said of that outside of a request.
pub(crate) fn reach_preference_of(cross: &Cross) -> ReachPreference {
    // A configuration that cannot be read is a matter of the requests.
    let loaded = cross.load_config(cross.dir(), None, None).ok();
    loaded.map_or_else(ReachPreference::default, |loaded| {
        reach_preference(loaded.config.settings())
    })
}

/// Refuses an engine that would ignore the configured limit of memory.
fn check_memory_limit(
    context: &SelectionContext<'_>,
    engine: &Engine,
    cancel: &Cancel,
) -> Result<()> {
    let Some(key) = &context.config.memory else {
        return Ok(());
    };
    let can_limit = engine.can_limit_memory(context.host, cancel);
    if can_limit.map_engine_error()? {
        return Ok(());
    }
    let message = format!(
        "{engine} cannot limit memory, which `memory` asks for ({})",
        key.origin
    );
    Err(Error::new(ErrorKind::EngineUnusable, message).with_help(engine.without_memory_limit()))
}
