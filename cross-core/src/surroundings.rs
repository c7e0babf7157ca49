//! What a request is carried out with: the engine, the Rust, and what the environment is made of.

use std::path::Path;

use cross_config::{Settings, TargetConfig};
use cross_engine::{Cancel, Host, RootSource, SelectedEngine};
use cross_targets::RustSource;

use crate::build_std;
use crate::cross::Cross;
use crate::definition::{Choice, Definition};
use crate::error::Result;
use crate::on_host;
use crate::plan::Warning;
use crate::request::Request;
use crate::target_name::TargetName;
use crate::toolchain::{self, Toolchain, Wanted, host_triple};

/// What decides them.
pub(crate) struct Given<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) settings: &'a Settings,
    pub(crate) workspace_root: &'a Path,
    pub(crate) host: &'a Host,
}

/// The engine, the Rust, and what the environment is made of.
pub(crate) struct Surroundings {
    pub(crate) definition: Definition,
    pub(crate) selected: SelectedEngine,
    pub(crate) toolchain: Toolchain,
    pub(crate) warnings: Vec<Warning>,
}

/// Finds them: what the environment is made of decides which engine can serve, and that which Rust runs there.
/// Where there is no environment, the Rust decides which tools are looked for.
pub(crate) fn find(given: &Given<'_>, cancel: &Cancel) -> Result<Surroundings> {
    let Given { config, host, .. } = *given;
    let cross = &given.request.cross;
    let wanted = config.toolchain.as_ref();
    let wanted = Wanted::of(wanted.map_or("host", |it| it.value.as_str()));
    let choice = Choice {
        target: given.target,
        config,
        rust: match wanted {
            Wanted::Image if build_std::is_asked(config) => RustSource::PackagedSource,
            Wanted::Image => RustSource::Packaged,
            _ => RustSource::External,
        },
        workspace_root: given.workspace_root,
        env: cross.environment(),
        dir: cross.dir(),
    };
    if on_host::is_asked(config) {
        return here(given, &choice, &wanted, cancel);
    }
    let definition = Definition::choose(&choice)?;
    let selected =
        select(given, definition.needs(), cancel).map_err(|error| definition.refused(error))?;
    let platform = definition.platform(&selected.engine);
    Ok(Surroundings {
        toolchain: toolchain::find(&wanted, cross.dir(), host, &platform.triple)?,
        definition,
        selected,
        warnings: Vec::new(),
    })
}

/// The same without an environment.
fn here(
    given: &Given<'_>,
    choice: &Choice<'_>,
    wanted: &Wanted<'_>,
    cancel: &Cancel,
) -> Result<Surroundings> {
    let Given { config, host, .. } = *given;
    let mut warnings = on_host::check_keys(config, given.settings)?;
    let selected = select(given, RootSource::Recipe, cancel)?;
    let dir = given.request.cross.dir();
    let toolchain = toolchain::find(wanted, dir, host, &host_triple())?;
    let equipment = on_host::equip(
        &on_host::Given {
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
    Ok(Surroundings {
        definition: Definition::on_host(choice, equipment),
        selected,
        toolchain,
        warnings,
    })
}

fn select(given: &Given<'_>, needs: RootSource, cancel: &Cancel) -> Result<SelectedEngine> {
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
