//! Selects the engine, the toolchain and the environment spec of a request.

use std::path::Path;

use cross_config::{Settings, TargetConfig};
use cross_engine::{Cancel, Engine, Host, RootSource, SelectedEngine};
use cross_targets::RustSource;

use crate::cargo::build_std;
use crate::facts::environment_spec::{EnvironmentSpec, SpecContext};
use crate::facts::host_engine;
use crate::facts::host_engine::ToolSearchContext;
use crate::host::toolchain::{self, host_triple};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
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
    let spec_context = SpecContext {
        target: context.target,
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
    if host_engine::is_requested(config) {
        return select_host(context, &spec_context, &toolchain_spec, cancel);
    }
    let env_spec = EnvironmentSpec::choose(&spec_context)?;
    let selected = select_engine(context, env_spec.needs(), cancel)
        .map_err(|error| env_spec.refused(error))?;
    let platform = env_spec.platform(&selected.engine);
    Ok(Selection {
        toolchain: toolchain::find(&toolchain_spec, cross.dir(), host, &platform.triple)?,
        env_spec,
        selected,
        warnings: Vec::new(),
    })
}

/// Selects the engine `host`, which has no environment.
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
    Ok(Selection {
        env_spec: EnvironmentSpec::on_host(spec_context, toolset),
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
    let mut selected = cross.select(engine, needs, context.host, cancel)?;
    if let Some(key) = key.filter(|key| key.value != "auto") {
        selected.reason = format!("named by {}", key.origin);
    }
    let engine = &mut selected.engine;
    if let Some(rootless) = &settings.rootless {
        engine.rootless = rootless.value;
    }
    if let Some(uid) = &settings.uid {
        engine.user.0 = uid.value;
    }
    if let Some(gid) = &settings.gid {
        engine.user.1 = gid.value;
    }
    check_memory_limit(context, &selected.engine, cancel)?;
    Ok(selected)
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
    Err(
        Error::new(ErrorKind::EngineUnusable, message).with_help(match engine.has_images() {
            true => {
                "use a rootful engine, delegate the controller `memory` of control groups \
                 (version 2) to this user, or remove `memory`"
            }
            false => "use docker or podman, or remove `memory`",
        }),
    )
}
