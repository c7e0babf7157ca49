//! What can be asked of a [`Cross`]: cargo's verbs, commands, and cargo's own command lines.

use std::ffi::OsString;

use crate::api::cargo_request::CargoRequest;
use crate::model::error::Result;
use crate::model::outcome::Outcome;
use crate::model::step::Verb;
use crate::plan::plan::Plan;
use crate::plan::planner;
use crate::request::cross::Cross;
use crate::request::request::Request;
use cross_engine::Cancel;

impl Cross {
    /// A `cargo build` for `target`.
    pub fn build(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Build, target.into())
    }

    /// A `cargo check` for `target`.
    pub fn check(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Check, target.into())
    }

    /// A `cargo test` for `target`, run under the target's emulator where it needs one.
    pub fn test(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Test, target.into())
    }

    /// The tests for `target` as [nextest](https://nexte.st) runs them, each in a process of its own,
    /// under the target's emulator where they need one. The host's `cargo-nextest` is used, inside.
    ///
    /// Documentation tests are not nextest's; [`Request::nextest_args`] are its own arguments, and
    /// [`Request::archive`] packs the tests in place of running them.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let tested = cross.nextest("aarch64-unknown-linux-gnu").nextest_args(["--retries", "2"]).run()?;
    /// println!("{} passed", tested.tests.map_or(0, |tests| tests.passed));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn nextest(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Nextest, target.into())
    }

    /// A `cargo run` for `target`, run under the target's emulator where it needs one.
    pub fn run(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Run, target.into())
    }

    /// A `cargo bench` for `target`, run under the target's emulator where it needs one.
    pub fn bench(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Bench, target.into())
    }

    /// A `cargo clippy` for `target`. The toolchain needs the component `clippy`.
    pub fn clippy(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Clippy, target.into())
    }

    /// A `cargo doc` for `target`: the documentation appears in `target/<triple>/doc`.
    pub fn doc(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Doc, target.into())
    }

    /// A `cargo rustc` for `target`; [`Request::args`] are the compiler's.
    pub fn rustc(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Rustc, target.into())
    }

    /// A command in the environment that builds for `target`: its compiler, `strip`, a package's
    /// script. It sees what a build sees, in the same directory, with the engine's usual network.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let strip = cross.exec("s390x-unknown-linux-gnu", ["s390x-linux-gnu-strip", "-s"]);
    /// strip.arg("target/s390x-unknown-linux-gnu/release/app").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn exec<I>(&self, target: impl Into<String>, command: I) -> Request
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Request::new(self.clone(), Verb::Exec, target.into()).args(command)
    }

    /// A program of the target, with its arguments, started as cargo would start it there: under
    /// the target's emulator where it needs one.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let program = "target/riscv64gc-unknown-linux-gnu/release/app";
    /// let run = cross.exec_on_target("riscv64gc-unknown-linux-gnu", [program, "completions", "bash"]);
    /// std::fs::write("app.bash", run.capture(true).run()?.stdout.unwrap_or_default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exec_on_target<I>(&self, target: impl Into<String>, command: I) -> Request
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.exec(target, command).on_target()
    }

    /// A cargo command line, as it would follow `cargo`: `["build", "--release", "--target", t]`.
    ///
    /// What compiles for the target or runs on it goes to the target's environment; what does
    /// neither goes to the host's cargo; what cannot be served is refused. Where it goes is told by
    /// [`EventKind::Decided`](crate::events::EventKind::Decided), and never a silent change of plan.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let done = cross.cargo(["test", "--target", "aarch64-unknown-linux-gnu"]).inherit(true).run()?;
    /// println!("cargo returned {}", done.code);
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn cargo<I>(&self, words: I) -> CargoRequest
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let words = words.into_iter().map(Into::into).collect();
        CargoRequest::new(self.clone(), words)
    }
}

impl Request {
    /// Computes the plan: read-only probes, then pure.
    ///
    /// # Errors
    ///
    /// Whatever keeps the request from being planned: an unknown target, problems of the
    /// configuration or of the manifest, no engine, no toolchain.
    pub fn plan(&self) -> Result<Plan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](Request::plan) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Request::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<Plan> {
        planner::plan(self, cancel)
    }

    /// Plans and executes.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](Request::plan) and of [`Plan::execute`].
    pub fn run(&self) -> Result<Outcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](Request::run) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`run`](Request::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<Outcome> {
        self.plan_until(cancel)?.execute(cancel)
    }
}
