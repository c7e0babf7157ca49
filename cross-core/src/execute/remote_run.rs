//! Runs on a remote engine, and the files that come back from it.

use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use cross_engine::process::untrusted::{Dir, FileKind};
use cross_engine::process::{Exit, Sink};
use cross_engine::{Cancel, Fetch, Host, RunSpec, TransferEvent};

use crate::cargo::products::{Products, Site};
use crate::execute::reports;
use crate::facts::remote::PlannedRemote;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::outcome::Artifact;
use crate::model::step::Action;
use crate::plan::plan::Plan;
use crate::request::event::EventKind;

/// Runs `spec` for `plan` on a remote engine.
pub(crate) fn run(
    plan: &Plan,
    remote: &PlannedRemote,
    spec: &RunSpec,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let mut on_event = |event: TransferEvent<'_>| emit(plan, event);
    plan.engine
        .run_remote(spec, &remote.transfer(), host, cancel, &mut on_event, sink)
        .map_engine_error()
}

/// What a run says that it built.
#[derive(Clone, Copy)]
pub(crate) struct Built<'a> {
    pub(crate) artifacts: &'a [Artifact],
    /// Whether it made nothing new.
    pub(crate) is_fresh: bool,
}

/// Fetches what the steps after a run read: files that cargo presents to its user, `built`, and
/// what flags name.
pub(crate) fn fetch(
    plan: &Plan,
    remote: &PlannedRemote,
    spec: &RunSpec,
    target_dir: &Dir,
    built: &Built<'_>,
    host: &Host,
    cancel: &Cancel,
) -> Result<()> {
    let shallow = target_dir.path().join(plan.products.directory());
    let reports = reports::directories(target_dir.path());
    let mut deep = deep_directories(plan);
    let only_reports = deep.is_empty();
    deep.extend(reports);
    deep.dedup();
    if remote.whole_target_dir {
        deep = vec![target_dir.path().to_owned()];
    }
    let relative = |path: &PathBuf| target_dir.relative(path).map(Path::to_owned);
    let whole: Vec<PathBuf> = deep.iter().filter_map(relative).collect();
    // Those of several targets that are joined are listed, too.
    let others = plan.products.directories();
    let others = others.map(|name| target_dir.path().join(name));
    let others: Vec<_> = others.filter(|dir| *dir != shallow).collect();
    let has_others = !others.is_empty();
    deep.extend(others);
    let files = built.artifacts.iter();
    let files: Vec<PathBuf> = files.filter_map(|it| relative(&it.inside)).collect();
    let mut is_wanted = |path: &Path| {
        whole.iter().any(|dir| path.starts_with(dir))
            || files.iter().any(|file| file == path)
            || is_presented(path, &plan.products)
    };
    let mut on_event = |event: TransferEvent<'_>| emit(plan, event);
    let mut fetch = Fetch::new(target_dir, &shallow, &deep);
    let makes_reports = spec.command.iter().any(|arg| arg.starts_with("--timings"));
    if built.is_fresh && !makes_reports && only_reports && !has_others && !remote.whole_target_dir {
        fetch = fetch.unchanged(files.clone());
    }
    plan.engine
        .fetch(
            spec,
            &remote.transfer,
            &fetch,
            &mut is_wanted,
            host,
            cancel,
            &mut on_event,
        )
        .map_engine_error()?;
    mark_profiles(target_dir, plan.products.directory())
}

/// Makes the directory by which the directories of profiles are known, from which nothing was
/// fetched.
fn mark_profiles(target_dir: &Dir, of_target: &str) -> Result<()> {
    let Some(dir) = target_dir.dir_if_any(of_target).map_engine_error()? else {
        return Ok(());
    };
    for entry in dir.entries().map_engine_error()? {
        if entry.kind == FileKind::Directory && entry.name != "doc" {
            let deps = Path::new(&entry.name).join("deps");
            dir.create_dir_all(deps).map_engine_error()?;
        }
    }
    Ok(())
}

/// The directories of the target directory that later steps read completely.
fn deep_directories(plan: &Plan) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for step in &plan.steps {
        match &step.action {
            Action::Mirror { from, .. } => dirs.push(from.join("doc")),
            Action::CollectProfiles { from }
            | Action::DeliverArtifacts { from, .. }
            | Action::Publish {
                stripped: Some(from),
                ..
            } => dirs.push(from.clone()),
            Action::Deliver { from, .. } => dirs.extend(from.parent().map(Path::to_owned)),
            _ => {}
        }
    }
    dirs
}

/// Whether the file at `path` of the target directory is one that cargo presents to its user.
fn is_presented(path: &Path, products: &Products) -> bool {
    let mut directories = products.directories();
    let Some(path) = directories.find_map(|name| path.strip_prefix(name).ok()) else {
        return false;
    };
    let name = |component| match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    };
    let names: Option<Vec<&str>> = path.components().map(name).collect();
    match names.as_deref() {
        Some([_, file]) => products.can_be_called(file, Site::Profile),
        Some([_, "examples", file]) => products.can_be_called(file, Site::Examples),
        Some([_, "deps", file]) => products.can_be_emitted(file),
        Some([_, "examples", dir, ..]) => products.can_be_directory(dir, Site::Examples),
        Some([_, dir, ..]) => products.can_be_directory(dir, Site::Profile),
        _ => false,
    }
}

/// Tells the listener of a plan what happens to its volumes.
pub(crate) fn emit(plan: &Plan, event: TransferEvent<'_>) -> ControlFlow<()> {
    let kind = match event {
        TransferEvent::Waiting { volume, .. } => EventKind::EnvironmentProgress {
            message: format!("waiting for another caller that fills the volume {volume}"),
        },
        TransferEvent::Sent {
            volume,
            bytes,
            of,
            files,
            ..
        } => EventKind::Sent {
            volume: volume.to_owned(),
            bytes,
            of,
            files,
        },
        TransferEvent::Fetched {
            volume,
            bytes,
            of,
            files,
            ..
        } => EventKind::Fetched {
            volume: volume.to_owned(),
            bytes,
            of,
            files,
        },
        TransferEvent::Left { path, .. } => EventKind::Warning {
            code: "remote".to_owned(),
            message: format!(
                "`{}` stays on the engine's machine: its name is no text, or has a line break or a \
                 backslash",
                path.display()
            ),
            help: Some("let the run give it another name".to_owned()),
        },
        _ => return ControlFlow::Continue(()),
    };
    plan.context.emit(&plan.target, kind)
}
