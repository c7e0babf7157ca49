//! Runs in reused containers, and the events about them.

use std::ops::ControlFlow;

#[cfg(feature = "remote")]
use cross_engine::TransferEvent;
use cross_engine::process::{Exit, Sink};
use cross_engine::{Cancel, Host, ReuseEvent, RunSpec};

#[cfg(feature = "remote")]
use crate::execute::remote_run;
use crate::execute::run_resolver::RunResolver;
use crate::facts::container_reuse::container_image;
use crate::model::error::{MapEngineError as _, Result};
use crate::plan::plan::Plan;
use crate::request::event::EventKind;

/// Runs `spec` for `plan`, in a reused container if the plan has a pool that serves the run.
pub(crate) fn run(
    plan: &Plan,
    spec: &RunSpec,
    resolver: &RunResolver<'_>,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let reuse = plan.container_reuse.as_ref();
    let serving = reuse.and_then(|reuse| Some((reuse, reuse.pool(&plan.engine, spec)?)));
    let (reuse, pool) = match (serving, &plan.remote) {
        (Some(serving), _) => serving,
        #[cfg(feature = "remote")]
        (None, Some(remote)) => return remote_run::run(plan, remote, spec, host, cancel, sink),
        (None, _) => return plan.engine.run(spec, host, cancel, sink).map_engine_error(),
    };
    let image = match &reuse.image {
        Some(image) => image.clone(),
        None => resolver.image()?.map(container_image).unwrap_or_default(),
    };
    let mut on_event = |event: ReuseEvent<'_>| match event_kind(event) {
        Some(kind) => plan.context.emit(&plan.target, kind),
        None => ControlFlow::Continue(()),
    };
    let containers = pool.for_image(&image);
    #[cfg(feature = "remote")]
    if let Some(remote) = &plan.remote {
        let transfer = remote.transfer();
        let mut on_transfer = |event: TransferEvent<'_>| remote_run::emit(plan, event);
        let exit = plan.engine.run_remote_reused(
            spec,
            &transfer,
            containers,
            host,
            cancel,
            &mut on_transfer,
            &mut on_event,
            sink,
        );
        return exit.map_engine_error();
    }
    let exit = plan
        .engine
        .run_reused(spec, containers, host, cancel, &mut on_event, sink);
    exit.map_engine_error()
}

fn event_kind(event: ReuseEvent<'_>) -> Option<EventKind> {
    Some(match event {
        ReuseEvent::Started { container, why, .. } => EventKind::ContainerStarted {
            container: container.to_owned(),
            why,
        },
        ReuseEvent::Entered { container, .. } => EventKind::ContainerEntered {
            container: container.to_owned(),
        },
        _ => return None,
    })
}
