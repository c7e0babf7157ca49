//! Everything that requests need from elsewhere, obtained before: all after it can be offline.

use cross_engine::Cancel;
use serde::Serialize;

use crate::api::batch::BatchRequest;
use crate::api::batch::outcome::first_error;
use crate::execute::executor::execute_part;
use crate::model::error::Result;
use crate::model::outcome::Timing;
use crate::model::step::EnvironmentRef;
use crate::model::toolchain::Toolchain;
use crate::request::cross::Cross;

/// What is there after a prefetch: all that the requests need.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PrefetchOutcome {
    /// Each target, in the order asked.
    pub targets: Vec<Prefetched>,
    /// How long all of it took together, in seconds.
    pub seconds: f64,
}

/// What one target needs, and what of it was not there before.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Prefetched {
    /// The target, as it was asked for.
    pub target: String,
    /// Its environment, which is there.
    pub environment: EnvironmentRef,
    /// The Rust that will compile, which is complete.
    pub toolchain: Toolchain,
    /// What was obtained: `make the environment`, `fetch dependencies`. What several needed is with
    /// each of them. Empty where all was there.
    pub obtained: Vec<Timing>,
}

impl Prefetched {
    /// Whether all was there before.
    pub fn was_there(&self) -> bool {
        self.obtained.is_empty()
    }
}

impl Cross {
    /// Makes everything be here that builds and tests for `targets` need: environments are made or
    /// pulled, toolchains completed, crates fetched. After it all of that can be
    /// [`offline`](Cross::offline).
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let there = cross.prefetch(["aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"])?;
    /// println!("all is there after {:.0} s", there.seconds);
    /// // On the train:
    /// cross.offline(true).test("s390x-unknown-linux-gnu").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// [`BatchRequest::prefetch`] does it for requests of any kind.
    ///
    /// # Errors
    ///
    /// The first failure, which names its target; what was obtained stays.
    pub fn prefetch<I>(&self, targets: I) -> Result<PrefetchOutcome>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.build_many(targets).prefetch()
    }
}

impl BatchRequest {
    /// Makes everything be here that the requests need, and runs none of them: see [`Cross::prefetch`].
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// cross.many([cross.clippy(target), cross.test(target)]).prefetch()?;   // clippy too
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Cross::prefetch`].
    pub fn prefetch(&self) -> Result<PrefetchOutcome> {
        self.prefetch_until(&Cancel::new())
    }

    /// [`prefetch`](BatchRequest::prefetch) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`Cross::prefetch`].
    pub fn prefetch_until(&self, cancel: &Cancel) -> Result<PrefetchOutcome> {
        let done = self.run_with(cancel, |turn| {
            let plan = turn.request()?.plan_until(turn.cancel())?;
            let part = plan.preparation_part();
            // What is left is cargo's in the environment: what `std` is made of.
            let obtains: Vec<_> = part.steps.iter().map(|it| it.obtains().is_some()).collect();
            let timings = match obtains.contains(&true) {
                true => execute_part(&part, turn.cancel())?,
                false => Vec::new(),
            };
            let obtained = timings.into_iter().zip(obtains).filter(|(_, is)| *is);
            Ok(Prefetched {
                target: turn.target().to_owned(),
                environment: plan.environment,
                toolchain: plan.toolchain,
                obtained: obtained.map(|(timing, _)| timing).collect(),
            })
        })?;
        let seconds = done.seconds;
        let prepared: Vec<_> = done.targets.iter().map(|it| it.prepared.clone()).collect();
        let mut targets = first_error(done)?;
        for (target, prepared) in targets.iter_mut().zip(prepared) {
            target.obtained.splice(0..0, prepared);
        }
        Ok(PrefetchOutcome { targets, seconds })
    }
}
