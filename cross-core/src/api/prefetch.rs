//! Prefetching: downloads and makes everything that requests need, so that they can run offline.

use cross_engine::Cancel;
use serde::Serialize;

use crate::api::batch::BatchRequest;
use crate::api::batch::outcome::into_results;
use crate::execute::executor::execute_part;
use crate::model::error::Result;
use crate::model::outcome::Timing;
use crate::model::step::EnvironmentRef;
use crate::model::toolchain::Toolchain;
use crate::request::cross::Cross;
use crate::request::event::EventKind;

/// The outcome of a prefetch: everything that the requests need is present.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PrefetchOutcome {
    /// The outcome for each target, in the order of the requests.
    pub targets: Vec<Prefetched>,
    /// How long the prefetch took, in seconds.
    pub seconds: f64,
}

/// What one target needs, and what of it was missing before.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Prefetched {
    /// The target, as the request named it.
    pub target: String,
    /// Its environment.
    pub environment: EnvironmentRef,
    /// The toolchain that will compile for it.
    pub toolchain: Toolchain,
    /// The steps that obtained something, such as `make the environment` or `fetch dependencies`. A
    /// step that several requests share is listed for each of them. Empty if nothing was missing.
    pub obtained: Vec<Timing>,
}

impl Prefetched {
    /// Whether nothing was missing before.
    pub fn was_there(&self) -> bool {
        self.obtained.is_empty()
    }
}

impl Cross {
    /// Downloads and makes everything that builds and tests for `targets` need: environments, parts
    /// of toolchains, crates. Builds and tests can be [`offline`](Cross::offline) afterwards.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let fetched = cross.prefetch(["aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"])?;
    /// println!("ready after {:.0} s", fetched.seconds);
    /// // On the train:
    /// cross.offline(true).test("s390x-unknown-linux-gnu").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// [`BatchRequest::prefetch`] does the same for requests of any kind.
    ///
    /// # Errors
    ///
    /// The first failure, which names its target. What was downloaded until then is kept.
    pub fn prefetch<I>(&self, targets: I) -> Result<PrefetchOutcome>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.build_many(targets).prefetch()
    }
}

impl BatchRequest {
    /// Downloads and makes everything that the requests need, and runs none of them. See
    /// [`Cross::prefetch`].
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// cross.batch([cross.clippy(target), cross.test(target)]).prefetch()?;   // clippy too
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Cross::prefetch`].
    pub fn prefetch(&self) -> Result<PrefetchOutcome> {
        self.prefetch_until(&Cancel::new())
    }

    /// [`prefetch`](BatchRequest::prefetch), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`Cross::prefetch`].
    pub fn prefetch_until(&self, cancel: &Cancel) -> Result<PrefetchOutcome> {
        let batch = self.run_with(cancel, |item| {
            let plan = item.request()?.plan_until(item.cancel())?;
            let part = plan.preparation_part();
            let steps = part.steps.iter();
            // The batch has run the steps on the host. What may be left are steps of the cargo in
            // the environment, which fetches the dependencies of `std`.
            let downloads: Vec<_> = steps.map(|step| step.download().is_some()).collect();
            let timings = match downloads.contains(&true) {
                true => execute_part(&part, item.cancel())?,
                false => Vec::new(),
            };
            // Steps that run ahead of a request do not say that it ended, and none follows.
            let own: f64 = timings.iter().map(|timing| timing.seconds).sum();
            let ended = EventKind::Finished {
                seconds: item.prepared_seconds + own,
                error: None,
            };
            // There is nothing left to stop.
            let _ = item.cross().emit(item.target(), ended);
            let obtained = timings
                .into_iter()
                .zip(downloads)
                .filter(|(_, downloads)| *downloads);
            Ok(Prefetched {
                target: item.target().to_owned(),
                environment: plan.environment,
                toolchain: plan.toolchain,
                obtained: obtained.map(|(timing, _)| timing).collect(),
            })
        })?;
        let seconds = batch.seconds;
        let prepared = batch.targets.iter().map(|target| target.prepared.clone());
        let prepared: Vec<_> = prepared.collect();
        let mut targets = into_results(batch)?;
        for (target, prepared) in targets.iter_mut().zip(prepared) {
            target.obtained.splice(0..0, prepared);
        }
        Ok(PrefetchOutcome { targets, seconds })
    }
}
