//! Runs in containers that are reused, and what is told of them.

use std::ops::ControlFlow;

use cross_engine::process::{Exit, Sink};
use cross_engine::{Cancel, Host, ReuseEvent, RunSpec};

use crate::execute::run_resolver::RunResolver;
use crate::facts::container_reuse::kept_image;
use crate::model::error::{MapEngineError as _, Result};
use crate::plan::plan::Plan;
use crate::request::event::EventKind;

/// Runs `spec` for `plan`: in a kept container, or in one of its own.
pub(crate) fn run(
    plan: &Plan,
    spec: &RunSpec,
    resolver: &RunResolver<'_>,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let keeping = plan.container_reuse.as_ref();
    let Some((keeping, pool)) = keeping.and_then(|it| Some((it, it.pool(&plan.engine, spec)?)))
    else {
        return plan.engine.run(spec, host, cancel, sink).map_engine_error();
    };
    let image = match &keeping.image {
        Some(image) => image.clone(),
        None => resolver.image()?.map(kept_image).unwrap_or_default(),
    };
    let mut told = |event: ReuseEvent<'_>| match event_of(event) {
        Some(kind) => plan.context.emit(&plan.target, kind),
        None => ControlFlow::Continue(()),
    };
    plan.engine
        .run_reused(spec, pool.for_image(&image), host, cancel, &mut told, sink)
        .map_engine_error()
}

fn event_of(event: ReuseEvent<'_>) -> Option<EventKind> {
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
