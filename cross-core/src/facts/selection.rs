//! What a request is carried out with: the engine, the Rust, and what the environment is made of.

use std::path::Path;

use cross_config::{Settings, TargetConfig};
use cross_engine::{Cancel, Host, Needs, Selected};
use cross_targets::RustSource;

use crate::cargo::build_std;
use crate::facts::environment_spec::{EnvironmentSpec, SpecContext};
use crate::facts::host_engine;
use crate::facts::host_engine::ToolSearchContext;
use crate::host::toolchain::{self, host_triple};
use crate::model::error::Result;
use crate::model::step::Warning;
use crate::model::toolchain::{Toolchain, ToolchainPreference};
use crate::request::cross::Cross;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// What decides them.
pub(crate) struct SelectionContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) settings: &'a Settings,
    pub(crate) workspace_root: &'a Path,
    pub(crate) host: &'a Host,
}

/// The engine, the Rust, and what the environment is made of.
pub(crate) struct Selection {
    pub(crate) env_spec: EnvironmentSpec,
    pub(crate) selected: Selected,
    pub(crate) toolchain: Toolchain,
    pub(crate) warnings: Vec<Warning>,
}

/// Finds them: what the environment is made of decides which engine can serve, and that which Rust runs there.
/// Where there is no environment, the Rust decides which tools are looked for.
pub(crate) fn find(given: &SelectionContext<'_>, cancel: &Cancel) -> Result<Selection> {
    let SelectionContext { config, host, .. } = *given;
    let cross = &given.request.cross;
    let wanted = config.toolchain.as_ref();
    let wanted = wanted.map_or(ToolchainPreference::Host, |wanted| {
        wanted.value.as_str().into()
    });
    let choice = SpecContext {
        target: given.target,
        config,
        rust: match wanted {
            ToolchainPreference::Image if build_std::is_asked(config) => RustSource::PackagedSource,
            ToolchainPreference::Image => RustSource::Packaged,
            _ => RustSource::External,
        },
        workspace_root: given.workspace_root,
        env: cross.environment(),
        dir: cross.dir(),
    };
    if host_engine::is_asked(config) {
        return here(given, &choice, &wanted, cancel);
    }
    let env_spec = EnvironmentSpec::choose(&choice)?;
    let selected =
        select(given, env_spec.needs(), cancel).map_err(|error| env_spec.refused(error))?;
    let platform = env_spec.platform(&selected.engine);
    Ok(Selection {
        toolchain: toolchain::find(&wanted, cross.dir(), host, &platform.triple)?,
        env_spec,
        selected,
        warnings: Vec::new(),
    })
}

/// The same without an environment.
fn here(
    given: &SelectionContext<'_>,
    choice: &SpecContext<'_>,
    wanted: &ToolchainPreference,
    cancel: &Cancel,
) -> Result<Selection> {
    let SelectionContext { config, host, .. } = *given;
    let mut warnings = host_engine::check_keys(config, given.settings)?;
    let selected = select(given, Needs::Recipe, cancel)?;
    let dir = given.request.cross.dir();
    let toolchain = toolchain::find(wanted, dir, host, &host_triple())?;
    let equipment = host_engine::equip(
        &ToolSearchContext {
            request: given.request,
            target: given.target,
            config,
            toolchain: &toolchain,
            completes: !given.settings.custom_toolchain.value,
            host,
        },
        cancel,
    )?;
    warnings.extend(equipment.warnings.iter().cloned());
    Ok(Selection {
        env_spec: EnvironmentSpec::on_host(choice, equipment),
        selected,
        toolchain,
        warnings,
    })
}

fn select(given: &SelectionContext<'_>, needs: Needs, cancel: &Cancel) -> Result<Selected> {
    let (cross, settings): (&Cross, _) = (&given.request.cross, given.settings);
    let named = given.config.engine.as_ref();
    let engine = named.map_or("auto", |it| it.value.as_str());
    let mut selected = cross.select(engine, needs, given.host, cancel)?;
    if let Some(it) = named.filter(|it| it.value != "auto") {
        selected.reason = format!("named by {}", it.origin);
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
    Ok(selected)
}
