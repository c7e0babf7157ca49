//! Requests for one target: cargo's verbs, commands, and cargo command lines.

use std::ffi::OsString;
use std::process::Command;

#[cfg(feature = "cargo-cli")]
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
    /// Requests a `cargo build` for `target`.
    pub fn build(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Build, target.into())
    }

    /// Requests a `cargo check` for `target`.
    pub fn check(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Check, target.into())
    }

    /// Requests a `cargo test` for `target`. Tests run under the target's emulator if it needs one.
    pub fn test(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Test, target.into())
    }

    /// Requests a run of the tests for `target` by [nextest](https://nexte.st), each in a process
    /// of its own, under the target's emulator if they need one. The environment runs the host's
    /// `cargo-nextest`.
    ///
    /// Nextest runs no documentation tests. [`Request::nextest_args`] sets its own arguments, and
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

    /// Requests a `cargo run` for `target`. The program runs under the target's emulator if it
    /// needs one.
    pub fn run(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Run, target.into())
    }

    /// Requests a `cargo bench` for `target`. Benchmarks run under the target's emulator if they
    /// need one.
    pub fn bench(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Bench, target.into())
    }

    /// Requests a `cargo clippy` for `target`. The toolchain needs the component `clippy`.
    pub fn clippy(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Clippy, target.into())
    }

    /// Requests a `cargo doc` for `target`. The documentation is published in
    /// `target/<triple>/doc`.
    pub fn doc(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Doc, target.into())
    }

    /// Requests a `cargo rustc` for `target`. [`Request::args`] sets the compiler's arguments.
    pub fn rustc(&self, target: impl Into<String>) -> Request {
        Request::new(self.clone(), Verb::Rustc, target.into())
    }

    /// Requests a run of a command in the target's environment, such as its compiler, `strip`, or a
    /// program of a package. The command sees what a build sees, in the same directory, with the
    /// engine's default network. It also sees the directory of published artifacts, unless that is
    /// hidden in the home directory (`~/.cache`), which is a warning where the command names it. Like a
    /// build, it writes only the environment's target directory and what the key `writable` names;
    /// [`Cross::strip`] and [`Cross::objcopy`] write anywhere. `/tmp` and the home directory (`HOME`)
    /// are its own: a command may write there, and nothing of that is kept.
    ///
    /// The tools for object files (`ar`, `nm`, `objcopy`, `objdump`, `readelf`, `strip` and so on)
    /// are those of the target: `strip` is `s390x-linux-gnu-strip`. The environment's own one has a
    /// path: `/usr/bin/strip`. Where Zig or Rust's linker links for another processor or system, the
    /// environment has such tools only with `packages = ["llvm:native"]`, and without, the request
    /// is [`ErrorKind::ToolMissing`](crate::ErrorKind::ToolMissing). `cc`, `gcc`, `c++`, `g++`, and of
    /// GNU's tools `as`, `cpp`, `dwp` and `ld`, are the target's, too; where it has none, and for
    /// `pkg-config`, the plan has the warning `native-tool`, and the environment's own is started.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let symbols = cross.exec("s390x-unknown-linux-gnu", ["nm", "--dynamic"]);
    /// symbols.arg("target/s390x-unknown-linux-gnu/release/app").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn exec<I>(&self, target: impl Into<String>, command: I) -> Request
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        Request::new(self.clone(), Verb::Exec, target.into()).args(command)
    }

    /// Requests a run of a program that was built for the target, with its arguments. It is started
    /// as cargo would start it: under the target's emulator if it needs one.
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
        I::Item: Into<OsString>,
    {
        self.exec(target, command).on_target()
    }

    /// Requests a cargo command line: the words that follow `cargo`, such as `["build",
    /// "--release", "--target", t]`.
    ///
    /// A command that compiles for the target or runs on it is run in the target's environment. Any
    /// other command is run by the host's cargo. A command that can be run in neither place is
    /// refused. The event [`EventKind::Decided`](crate::events::EventKind::Decided) names the place
    /// and the reason.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let done = cross.cargo(["test", "--target", "aarch64-unknown-linux-gnu"]).inherit(true).run()?;
    /// println!("cargo returned {}", done.code);
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[cfg(feature = "cargo-cli")]
    pub fn cargo<I>(&self, words: I) -> CargoRequest
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let words = words.into_iter().map(Into::into).collect();
        CargoRequest::new(self.clone(), words)
    }

    /// Requests the cargo command line of a [`Command`] that others composed, such as
    /// `cargo_options::Build::command`: with all its arguments, in its directory, and with the
    /// variables that it sets or removes. The program that it names is not started, and its
    /// streams are those of the request.
    ///
    /// ```no_run
    /// use std::process::Command;
    ///
    /// let mut command = Command::new("cargo");
    /// command.args(["build", "--target", "aarch64-unknown-linux-gnu"]).current_dir("app");
    /// let done = cross_core::Cross::discover()?.cargo_command(&command).run()?;
    /// println!("cargo returned {}", done.code);
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// That a command forgets all other variables (`Command::env_clear`) cannot be read from it:
    /// say so with [`Cross::env`].
    #[cfg(feature = "cargo-cli")]
    pub fn cargo_command(&self, command: &Command) -> CargoRequest {
        let mut cross = self.clone();
        if let Some(dir) = command.get_current_dir() {
            let dir = self.dir().join(dir);
            cross = cross.in_dir(dir);
        }
        let mut changed = command.get_envs().peekable();
        if changed.peek().is_some() {
            let env = changed.fold(self.environment().clone(), |env, (name, value)| {
                match (value, name.to_str()) {
                    (Some(value), _) => env.set(name, value),
                    (None, Some(name)) => env.remove(name),
                    // No such variable is ever read.
                    (None, None) => env,
                }
            });
            cross = cross.env(env);
        }
        cross.cargo(command.get_args())
    }
}

impl Request {
    /// Computes the plan. Only read-only probes are run.
    ///
    /// # Errors
    ///
    /// An unknown target, a problem in the configuration or the manifest, or a missing engine or
    /// toolchain.
    pub fn plan(&self) -> Result<Plan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](Request::plan), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Request::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<Plan> {
        planner::plan(self, cancel)
    }

    /// Plans and executes.
    ///
    /// A build that fails publishes nothing, also with `--keep-going`: what it compiled is kept for
    /// the next one. [`Cross::cargo`](crate::Cross::cargo) publishes what there is, as cargo does.
    ///
    /// # Errors
    ///
    /// The errors of [`plan`](Request::plan) and of [`Plan::execute`].
    pub fn run(&self) -> Result<Outcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](Request::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](Request::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<Outcome> {
        self.plan_until(cancel)?.execute(cancel)
    }
}

/// The names of `targets` in their order, each once.
pub(crate) fn distinct<I>(targets: I) -> Vec<String>
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let mut names: Vec<String> = Vec::new();
    for target in targets.into_iter().map(Into::into) {
        if !names.contains(&target) {
            names.push(target);
        }
    }
    names
}
