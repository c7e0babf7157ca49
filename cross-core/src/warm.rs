//! Containers that are kept between requests: whether, which one, and what is told of it.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use cross_config::Settings;
use cross_engine::process::{Exit, Sink};
use cross_engine::{
    Cancel, ContainerImage, ContainerPool, ContainerReuse, Engine, Host, Invocation, ReuseEvent,
    ReusedContainer, RunSpec,
};

use crate::cross::Cross;
use crate::current::Current;
use crate::definition::{Base, Definition};
use crate::error::{EngineContext as _, Result};
use crate::event::EventKind;
use crate::on_host;
use crate::plan::{Action, OutputKind, Plan, Step};
use crate::planner::Facts;
use crate::there::There;

impl Cross {
    /// Keeps the containers of docker and podman, and enters them for each run with `exec`, which takes a
    /// third to a half of the time of a start. The sandbox has nothing to gain from it and ignores it.
    ///
    /// By [`ContainerReuse::new`] they are kept for this `Cross`, its clones and what is made of these, and are gone
    /// with the last of them (plans hold on to it), however its process ends. By
    /// [`ContainerReuse::across_processes`] later processes find them, and they end by themselves when nobody has used
    /// them for the time that is given.
    ///
    /// A change of anything that is fixed when a container starts (image, toolchain, mounts, user, network)
    /// makes a new one. Where `CROSS_CONTAINER_OPTS` has words for `run`, nothing is kept: nobody knows what of
    /// them would hold for an `exec`.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use cross_core::{Cross, ContainerReuse};
    ///
    /// let watched = Cross::discover()?.keep_warm(Warm::new());
    /// watched.build("aarch64-unknown-linux-gnu").run()?;
    /// watched.build("aarch64-unknown-linux-gnu").run()?; // enters the container of the first
    ///
    /// let often = Cross::discover()?.keep_warm(Warm::across_processes(Duration::from_secs(300)));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Default value
    ///
    /// What `CROSS_KEEP_WARM` says: the seconds of [`ContainerReuse::across_processes`]. Without it nothing is kept,
    /// since a single build would pay for a start and an `exec`.
    #[must_use]
    pub fn keep_warm(self, warm: ContainerReuse) -> Self {
        self.kept_in(Arc::new(ContainerPool::new(warm)))
    }
}

/// The containers that a plan's runs are entered into.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    pool: Arc<ContainerPool>,
    /// What has to be known of the image; nothing as long as it is not there.
    image: Option<ContainerImage>,
}

impl Keeping {
    /// Whether anything is kept: as the caller says, else as the variable does.
    pub(crate) fn chosen(cross: &Cross, settings: &Settings) -> Option<Self> {
        let asked = settings.keep_warm.as_ref().filter(|it| it.value > 0);
        let shared = || {
            let idle = Duration::from_secs(asked?.value.into());
            Some(Arc::new(ContainerPool::new(
                ContainerReuse::across_processes(idle),
            )))
        };
        let pool = cross.kept().cloned().or_else(shared)?;
        Some(Keeping { pool, image: None })
    }

    /// What of a recipe's environment is there, if a container tells: where one runs, the image is there and
    /// needs no asking for.
    pub(crate) fn there(
        &self,
        definition: &Definition,
        engine: &Engine,
        host: &Host,
    ) -> Option<There> {
        let Base::Recipe(named) = &definition.base else {
            return None;
        };
        let environments = cross_engine::Environments::new(engine, host);
        let cross_engine::EnvironmentLocation::Image(image) =
            environments.location(&named.blueprint.name)
        else {
            return None;
        };
        let runs = self.pool.has_image(engine, &image, host);
        runs.then(|| There {
            recipe: true,
            ..There::default()
        })
    }

    /// The same with what is known of the image.
    pub(crate) fn of_image(mut self, definition: &Definition, there: &There) -> Self {
        self.image = match (&definition.base, &there.image) {
            // Its name is a hash of what is in it.
            (Base::Recipe(_), _) => Some(ContainerImage::default()),
            (_, Some(facts)) => Some(kept_image(facts)),
            _ => None,
        };
        self
    }

    /// The pool, if it serves this run.
    fn pool(&self, engine: &Engine, spec: &RunSpec) -> Option<&ContainerPool> {
        self.pool.can_run(engine, spec).then_some(&*self.pool)
    }
}

fn kept_image(facts: &cross_engine::ImageFacts) -> ContainerImage {
    ContainerImage::new(Some(facts.id.clone()), facts.entrypoint.clone())
}

/// The command that runs `spec`, and the kept container that it enters if it enters one.
pub(crate) fn command(
    keeping: Option<&Keeping>,
    engine: &Engine,
    spec: &RunSpec,
    host: &Host,
) -> Result<(Invocation, Option<ReusedContainer>)> {
    let Some((keeping, pool)) = keeping.and_then(|it| Some((it, it.pool(engine, spec)?))) else {
        return Ok((engine.invocation(spec).engine()?, None));
    };
    let image = keeping.image.clone().unwrap_or_default();
    let (enter, kept) = pool.reused_container(engine, spec, &image, host).engine()?;
    Ok((enter, Some(kept)))
}

impl Facts {
    /// The step that runs `spec`.
    pub(crate) fn run(&self, purpose: &str, spec: RunSpec, output: OutputKind) -> Result<Step> {
        let spec = on_host::as_it_is(spec);
        let (engine, keeping) = (&self.selected.engine, self.keeping.as_ref());
        let (command, kept) = command(keeping, engine, &spec, &self.host)?;
        Ok(Step {
            purpose: purpose.to_owned(),
            command: Some(command),
            kept,
            action: Action::Run {
                spec,
                output,
                yielding: self.inside.yielding.iter().cloned().collect(),
            },
        })
    }
}

/// What a transcript says before a command that enters `kept`.
pub(crate) fn transcript(kept: &ReusedContainer) -> String {
    let mut text = format!("# in the container {}, which is kept", kept.container);
    if kept.running {
        let _ = write!(text, " and runs");
        return text;
    }
    // One that hangs on its standard input is started here by something that does not end.
    let start = match kept.start.args.iter().any(|arg| arg == "--interactive") {
        true => format!("sleep infinity | {} &", kept.start),
        false => kept.start.to_string(),
    };
    let _ = write!(text, "; unless it runs, it is started first:\n{start}");
    text
}

/// Runs `spec` for `plan`: in a kept container, or in one of its own.
pub(crate) fn run(
    plan: &Plan,
    spec: &RunSpec,
    current: &Current<'_>,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let keeping = plan.keeping.as_ref();
    let Some((keeping, pool)) = keeping.and_then(|it| Some((it, it.pool(&plan.engine, spec)?)))
    else {
        return plan.engine.run(spec, host, cancel, sink).engine();
    };
    let image = match &keeping.image {
        Some(image) => image.clone(),
        None => current.image()?.map(kept_image).unwrap_or_default(),
    };
    let mut told = |event: ReuseEvent<'_>| match event_of(event) {
        Some(kind) => plan.cross.emit(&plan.target, kind),
        None => ControlFlow::Continue(()),
    };
    plan.engine
        .run_reused(spec, pool.for_image(&image), host, cancel, &mut told, sink)
        .engine()
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
