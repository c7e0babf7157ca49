//! Building for another target from a build script, and embedding what came of it.
//!
//! In the build script of an application that carries a firmware:
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     print!("{}", cross_core::build_script::build("thumbv7em-none-eabihf")?);
//!     Ok(())
//! }
//! ```
//!
//! and in the application:
//!
//! ```text
//! static FIRMWARE: &[u8] = include_bytes!(env!("BIN_FILE_FIRMWARE"));
//! ```
//!
//! # From one line to every knob
//!
//! [`build`] takes the one other package of the workspace that has a program. [`BuildScript`] has a
//! setter for whatever is different:
//!
//! ```no_run
//! use cross_core::build_script::{self, BuildScript};
//!
//! fn main() {
//!     print!("{}", build_script::report(&firmware()));
//! }
//!
//! fn firmware() -> cross_core::Result<build_script::Built> {
//!     BuildScript::discover()?
//!         .project("firmware") // a workspace of its own, beside this Cargo.toml
//!         .skip_when_checking(true)
//!         .build("thumbv7em-none-eabihf")
//!         .request(|request| request.release(true))
//!         .rustc_env("FIRMWARE")
//!         .run()
//! }
//! ```
//!
//! The library prints nothing: a [`Built`] is the instructions for cargo as a value, and its
//! `Display` the lines to print. [`report`] does the same for a failure, so that cargo shows the
//! error's words and its remedy.
//!
//! # What is taken care of
//!
//! - **No deadlock.** The inner cargo builds below `OUT_DIR`, in a target directory of its own: the
//!   outer one holds the lock of its own until the script ends.
//! - **No leaks.** What is about the outer package (`CARGO_CFG_*`, `RUSTFLAGS`, `RUSTC_WRAPPER`,
//!   `DEP_*`, the jobserver …) is taken out of the environment; what the user set (`CROSS_*`,
//!   `CARGO_HOME`, `CARGO_NET_*`, `CARGO_PROFILE_*`, proxies …) stays. `RUSTUP_TOOLCHAIN` stays
//!   where the user chose it, and not where rustup found it for the outer package.
//! - **The outer jobs** (`-j`) are the inner ones, by `NUM_JOBS`: no jobserver reaches an
//!   environment.
//! - **`--locked`, `--offline` and `--frozen`** hold inside too. Cargo tells a build script of none
//!   of them, so they are read from cargo's own command line, where the system shows it (Linux),
//!   and `CARGO_NET_OFFLINE` from the environment. An alias of cargo's hides them: say
//!   [`Request::locked`] and [`Request::offline`] where they have to hold.
//! - **No recursion.** The package that is being built is refused, and so is a build script that
//!   asks in a build that a build script began, with [`ErrorKind::Recursion`].
//! - **No needless runs.** The script runs again when a source of the firmware changes, by cargo's
//!   own dep-info, or a manifest, a lock file, a configuration, or a variable that decides
//!   something; and what is embedded is written only when it changed. A build script of the
//!   firmware's has to say itself (`rerun-if-changed`) what it reads. A file that comes to be, such
//!   as a first Cross.toml, is noticed when the script runs the next time.
//!
//! # Where nothing is built
//!
//! On docs.rs, where `CROSS_SKIP_BUILD_SCRIPT` is set, and with
//! [`skip_when_checking`](BuildScript::skip_when_checking) under clippy and rust-analyzer, the
//! result says [`Built::skipped`], which is no error. A variable that was named by
//! [`rustc_env`](Build::rustc_env) then holds the path of a stand-in: an empty file, or [one of
//! yours](Build::stand_in). A plain `cargo check` cannot be told from a `cargo build`, with which
//! it shares what the script said: it builds.
//!
//! [`Request::locked`]: crate::Request::locked
//! [`Request::offline`]: crate::Request::offline
//! [`ErrorKind::Recursion`]: crate::ErrorKind::Recursion

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use serde::Serialize;

use crate::model::error::Result;
use crate::model::outcome::Outcome;
use crate::plan::plan::Plan;
use crate::request::cross::Cross;
use crate::request::event::Event;
use crate::request::request::Request;
use cross_config::Env;

use crate::host::process_env;

pub(crate) mod embed;
mod inputs;
mod instruction;
mod outer;
mod scrub;
mod selection;
mod skip;

pub use embed::Embedded;
pub use instruction::{ErrorReport, Instruction, report};
pub use skip::Skipped;

use inputs::Inputs;
use outer::Outer;
use selection::Selected;

/// Where a script's builds and what they made lie, below `OUT_DIR`.
const DIRECTORY: &str = "cross-core";

/// Builds the one other package of the workspace that has a program (or a `cdylib` or `staticlib`)
/// for `target`, in the `dev` profile. What it made is named by `BIN_FILE_<NAME>`
/// (`CDYLIB_FILE_<NAME>`, `STATICLIB_FILE_<NAME>`), which `env!` reads.
///
/// # Errors
///
/// As for [`Build::run`].
pub fn build(target: impl Into<String>) -> Result<Built> {
    BuildScript::discover()?.build(target).run()
}

/// The build script that runs: what is the same for all it builds.
///
/// ```no_run
/// use cross_core::build_script::BuildScript;
///
/// let script = BuildScript::discover()?.on_event(|event| eprintln!("{event:?}"));
/// for (target, variable) in [
///     ("thumbv7em-none-eabihf", "BOARD"),
///     ("thumbv6m-none-eabi", "RADIO"),
/// ] {
///     print!("{}", script.build(target).rustc_env(variable).run()?);
/// }
/// # Ok::<(), cross_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BuildScript {
    outer: Outer,
    cross: Cross,
    skip_when_checking: bool,
}

impl BuildScript {
    /// The script that this process is, by its environment and by the command line of the cargo
    /// that started it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BuildScript`](crate::ErrorKind::BuildScript) where the process is none.
    pub fn discover() -> Result<Self> {
        let outer = Outer::of(process_env::env())?;
        let command_line = process_env::parent_command_line();
        Ok(BuildScript::of(outer.started_by(&command_line)))
    }

    /// The script that cargo gave the environment `env`.
    ///
    /// # Errors
    ///
    /// As for [`discover`](BuildScript::discover).
    pub fn from_env(env: Env) -> Result<Self> {
        Ok(BuildScript::of(Outer::of(env)?))
    }

    fn of(outer: Outer) -> Self {
        BuildScript {
            cross: Cross::at(&outer.manifest_dir).env(scrub::inner_env(&outer)),
            outer,
            skip_when_checking: false,
        }
    }

    /// Builds the project in this directory, relative to that of the package the script belongs to.
    ///
    /// # Default value
    ///
    /// The workspace of the package itself.
    #[must_use]
    pub fn project(mut self, dir: impl AsRef<Path>) -> Self {
        let dir = self.outer.manifest_dir.join(dir);
        // As cargo will call it. One that is not there is an error of the build's.
        let dir = dir.canonicalize().unwrap_or(dir);
        self.cross = self.cross.in_dir(dir);
        self
    }

    /// Changes the context of every build: the engine, the embedder's defaults, the cache.
    ///
    /// ```no_run
    /// # use cross_core::build_script::BuildScript;
    /// let script = BuildScript::discover()?.cross(|cross| cross.engine("podman"));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[must_use]
    pub fn cross(mut self, change: impl FnOnce(Cross) -> Cross) -> Self {
        self.cross = change(self.cross);
        self
    }

    /// Hears every event. What a script prints on its standard error is shown by `cargo build -vv`,
    /// and when it fails.
    #[must_use]
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.cross(|cross| cross.on_event(listener))
    }

    /// [`on_event`](BuildScript::on_event), where breaking stops the build.
    #[must_use]
    pub fn try_on_event(
        self,
        listener: impl Fn(&Event) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.cross(|cross| cross.try_on_event(listener))
    }

    /// Builds nothing under `cargo clippy` and rust-analyzer, which only check: see [`Skipped`].
    ///
    /// # Default value
    ///
    /// They get what a build gets.
    #[must_use]
    pub fn skip_when_checking(mut self, yes: bool) -> Self {
        self.skip_when_checking = yes;
        self
    }

    /// Whether this script runs in a build that a build script began. A build from here would be
    /// [`ErrorKind::Recursion`](crate::ErrorKind::Recursion).
    pub fn is_nested(&self) -> bool {
        self.outer.begun_by().is_some()
    }

    /// A build for `target`.
    pub fn build(&self, target: impl Into<String>) -> Build {
        let mut request = self.cross.build(target);
        request = request.target_dir(self.target_dir());
        request.options.locked = self.outer.locked;
        request.options.offline = self.outer.offline;
        Build {
            script: self.clone(),
            request,
            variable: None,
            stand_in: None,
        }
    }

    /// The target directory of the builds: not the outer cargo's (hazard H1), which holds its lock
    /// until the script ends.
    fn target_dir(&self) -> PathBuf {
        self.outer.out_dir.join(DIRECTORY)
    }

    /// Where what was made is kept.
    fn kept(&self) -> PathBuf {
        self.target_dir().join("embedded")
    }
}

/// A build of a build script's, made by [`BuildScript::build`]. Nothing is read or run before
/// [`run`](Build::run).
#[must_use = "a build does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct Build {
    script: BuildScript,
    request: Request,
    variable: Option<String>,
    stand_in: Option<PathBuf>,
}

impl Build {
    /// Changes the request: the package, the profile, features, and whatever else a [`Request`]
    /// has.
    ///
    /// # Default value
    ///
    /// The package of the project's directory; where that is the one being built, the one other
    /// package of the workspace that has a program, a `cdylib` or a `staticlib`.
    pub fn request(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// The variable that holds the path of the one file that is made, for `env!`.
    ///
    /// # Default value
    ///
    /// One for each file: `BIN_FILE_<NAME>`, `EXAMPLE_FILE_<NAME>`, `CDYLIB_FILE_<NAME>`,
    /// `STATICLIB_FILE_<NAME>`, with the name in upper case and `_` for `-`.
    pub fn rustc_env(mut self, name: impl Into<String>) -> Self {
        self.variable = Some(name.into());
        self
    }

    /// The file that the variable named by [`rustc_env`](Build::rustc_env) holds where nothing is
    /// built, relative to the directory of the package the script belongs to.
    ///
    /// # Default value
    ///
    /// An empty file.
    pub fn stand_in(mut self, path: impl AsRef<Path>) -> Self {
        self.stand_in = Some(self.script.outer.manifest_dir.join(path));
        self
    }

    /// Builds, and keeps what was made where the package can include it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Recursion`](crate::ErrorKind::Recursion) where the package being built is what
    /// was asked for, or this already runs in a build that a build script began;
    /// [`ErrorKind::BuildScript`](crate::ErrorKind::BuildScript) where it is not clear what to
    /// embed; and those of [`Request::run`].
    pub fn run(&self) -> Result<Built> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](Build::run) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`run`](Build::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<Built> {
        let script = &self.script;
        if let Some(why) = Skipped::decide(&script.outer.env, script.skip_when_checking) {
            return self.skip(why);
        }
        script.outer.is_outermost()?;
        let selected = selection::select(self.request.clone(), &script.outer, cancel)?;
        let plan = selected.request.plan_until(cancel)?;
        let outcome = plan.execute(cancel)?;
        self.embed(&selected, &plan, outcome, cancel)
    }

    fn embed(
        &self,
        selected: &Selected,
        plan: &Plan,
        outcome: Outcome,
        cancel: &Cancel,
    ) -> Result<Built> {
        let kept = self.script.kept();
        let embedded = embed::keep_all(&outcome, self.variable.as_deref(), &kept, cancel)?;
        let inputs = Inputs::of(selected, plan, &embedded, &self.script.outer.out_dir)?;
        let mut instructions = self.rerun(&inputs)?;
        instructions.extend(name_all(&embedded)?);
        for warning in &plan.warnings {
            let help = warning.help.as_deref().unwrap_or_default();
            let text = format!("{}: {help}", warning.message);
            instructions.push(Instruction::warning(text.trim_end_matches(": ")));
        }
        Ok(Built {
            embedded,
            skipped: None,
            outcome: Some(outcome),
            instructions,
        })
    }

    fn skip(&self, why: Skipped) -> Result<Built> {
        let kept = self.script.kept();
        let stand_in = |name: &String| embed::stand_in(name, self.stand_in.as_deref(), &kept);
        let embedded: Vec<_> = self.variable.iter().map(stand_in).collect::<Result<_>>()?;
        let mut instructions = self.rerun(&Inputs::default())?;
        instructions.extend(name_all(&embedded)?);
        Ok(Built {
            embedded,
            skipped: Some(why),
            outcome: None,
            instructions,
        })
    }

    /// When the script has to run again.
    fn rerun(&self, inputs: &Inputs) -> Result<Vec<Instruction>> {
        let deciding = Skipped::variables(self.script.skip_when_checking);
        let variables = deciding.iter().map(|it| (*it).to_owned());
        let variables = variables.chain(inputs.variables.iter().cloned());
        let files = inputs.files.iter();
        files
            .map(|path| Instruction::rerun_if_changed(path))
            .chain(variables.map(|it| Ok(Instruction::RerunIfEnvChanged(it))))
            .collect()
    }
}

fn name_all(embedded: &[Embedded]) -> Result<Vec<Instruction>> {
    let name = |it: &Embedded| Instruction::rustc_env(&it.variable, &it.path);
    embedded.iter().map(name).collect()
}

/// What came of a build script's build. `Display` is what the script has to print.
#[must_use = "cargo knows of it when it is printed: `print!(\"{built}\")`"]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Built {
    /// The files that the package can include.
    pub embedded: Vec<Embedded>,
    /// Why nothing was built, where nothing was.
    pub skipped: Option<Skipped>,
    /// What came of the build, where there was one.
    pub outcome: Option<Outcome>,
    /// What cargo has to be told.
    pub instructions: Vec<Instruction>,
}

impl Built {
    /// Why nothing was built, where nothing was.
    pub fn skipped(&self) -> Option<Skipped> {
        self.skipped
    }

    /// The file that the variable `name` holds.
    pub fn path(&self, name: &str) -> Option<&Path> {
        let found = self.embedded.iter().find(|it| it.variable == name);
        found.map(|it| it.path.as_path())
    }
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instructions
            .iter()
            .try_for_each(|instruction| writeln!(f, "{instruction}"))
    }
}

#[cfg(test)]
mod tests;
