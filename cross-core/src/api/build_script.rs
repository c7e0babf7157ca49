//! Builds for another target from a build script, and embeds the artifacts.
//!
//! In the build script of an application that embeds a firmware:
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
//! # From one line to every setting
//!
//! [`build`] builds the one other package of the workspace that has a program. [`BuildScript`] has
//! a setter for everything else:
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
//! The library prints nothing. A [`Built`] is the instructions for cargo as a value, and its
//! `Display` writes the lines to print, with the warnings of the inner build: this library's, those of
//! cargo and of build scripts, and the compiler's. [`report`] does the same for a failure, so that
//! cargo shows the error's message, its remedy and the compiler's diagnostics.
//!
//! # Properties of the inner build
//!
//! - **No deadlock.** The inner cargo builds below `OUT_DIR`, in a target directory of its own. The
//!   outer cargo holds the lock of its target directory until the script ends.
//! - **No leaks.** Variables about the outer package (`CARGO_CFG_*`, `RUSTFLAGS`, `RUSTC_WRAPPER`,
//!   `DEP_*`, the jobserver and others) are removed from the environment. Variables that the user
//!   sets (`CROSS_*`, `CARGO_HOME`, `CARGO_NET_*`, `CARGO_PROFILE_*`, proxies and others) are kept.
//!   `RUSTUP_TOOLCHAIN` is kept if the user chose it, and removed if rustup selected it for the
//!   outer package.
//! - **The same number of jobs.** The inner build uses as many jobs as the outer one (`-j`), which
//!   is the value of `NUM_JOBS`. No jobserver reaches an environment.
//! - **The same `--locked`, `--offline` and `--frozen`.** Cargo passes none of them to a build
//!   script, so they are read from cargo's own command line, where the system shows it (Linux), and
//!   `CARGO_NET_OFFLINE` from the environment. A cargo alias hides them: use [`Request::locked`]
//!   and [`Request::offline`] where they have to hold.
//! - **No recursion.** A build script cannot build its own package. It cannot build anything if
//!   another
//!   build script began the build that it runs in. Both are [`ErrorKind::Recursion`].
//! - **No needless runs.** The script runs again when a source of the firmware changes, according
//!   to cargo's dep-info, or a manifest, a lock file, a configuration file or a relevant variable.
//!   Embedded files are written only if they changed. A build script of the firmware has to declare
//!   what it reads (`rerun-if-changed`). A new file, such as a first Cross.toml, is noticed when
//!   the script runs the next time.
//!
//! # Skipped builds
//!
//! Nothing is built on docs.rs, if `CROSS_SKIP_BUILD_SCRIPT` is set, and, with
//! [`skip_when_checking`](BuildScript::skip_when_checking), under clippy and rust-analyzer. The
//! result is not an error: [`Built::skipped`] has the reason. The variables then hold the path of a
//! stand-in: an empty file, or [a file of the caller](Build::stand_in). They are those of the
//! manifests; where the embedded package is not there, as in a published crate, only one that
//! [`rustc_env`](Build::rustc_env) names is set, and a warning says why. A plain `cargo check` does
//! build, because it shares the script's output with `cargo build` and cannot be told apart from it.
//!
//! [`Request::locked`]: crate::Request::locked
//! [`Request::offline`]: crate::Request::offline
//! [`ErrorKind::Recursion`]: crate::ErrorKind::Recursion

mod cargo_warnings;
pub(crate) mod embed;
mod inputs;
mod instruction;
mod outer;
mod scrub;
mod selection;
mod skip;

use std::fmt;
use std::iter;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_config::Env;
use cross_engine::Cancel;
use cross_engine::os;
use cross_targets::Target;
use serde::Serialize;

use crate::host::process_env;
use crate::model::error::{Error, Result};
use crate::model::outcome::Outcome;
use crate::plan::plan::Plan;
use crate::request::cross::Cross;
use crate::request::event::Event;
use crate::request::request::Request;

pub use embed::Embedded;
pub use instruction::{ErrorReport, Instruction, report};
pub use skip::Skipped;

use cargo_warnings::CargoWarnings;
use inputs::{Inputs, WrittenLockFile};
use outer::OuterBuild;
use selection::Selected;

/// The directory of the builds and the embedded files, below `OUT_DIR`.
const DIRECTORY: &str = "cross-core";

/// Builds the one other package of the workspace that has a program (or a `cdylib` or `staticlib`)
/// for `target`, in the `dev` profile. The variable `BIN_FILE_<NAME>` (`CDYLIB_FILE_<NAME>`,
/// `STATICLIB_FILE_<NAME>`) names the artifact for `env!`.
///
/// # Errors
///
/// As for [`Build::run`].
pub fn build(target: impl Into<String>) -> Result<Built> {
    BuildScript::discover()?.build(target).run()
}

/// The running build script, with the settings that all its builds share.
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
    outer: OuterBuild,
    cross: Cross,
    skip_when_checking: bool,
}

impl BuildScript {
    /// Discovers the running script from the process's environment and from the command line of the
    /// cargo that started it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BuildScript`](crate::ErrorKind::BuildScript) if the process is not a build
    /// script.
    pub fn discover() -> Result<Self> {
        let outer = OuterBuild::from_env(process_env::env())?;
        let command_line = process_env::parent_command_line();
        Ok(BuildScript::new(outer.with_flags_of(&command_line)))
    }

    /// The script that cargo runs with the environment `env`.
    ///
    /// # Errors
    ///
    /// As for [`discover`](BuildScript::discover).
    pub fn from_env(env: Env) -> Result<Self> {
        Ok(BuildScript::new(OuterBuild::from_env(env)?))
    }

    fn new(outer: OuterBuild) -> Self {
        BuildScript {
            cross: Cross::at(&outer.manifest_dir).env(scrub::inner_env(&outer)),
            outer,
            skip_when_checking: false,
        }
    }

    /// Builds the project in this directory. A relative path is relative to the directory of the
    /// script's package.
    ///
    /// # Default value
    ///
    /// The workspace of the script's package.
    #[must_use]
    pub fn project(mut self, dir: impl AsRef<Path>) -> Self {
        let dir = self.outer.manifest_dir.join(dir);
        // Cargo uses canonical paths. A directory that does not exist is an error of the build.
        let dir = os::canonical(&dir).unwrap_or(dir);
        self.cross = self.cross.in_dir(dir);
        self
    }

    /// Changes the context of every build, such as its engine, defaults or cache.
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

    /// Calls `listener` with every event. Cargo shows what a script writes to standard error with
    /// `cargo build -vv`, and when the script fails.
    #[must_use]
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.cross(|cross| cross.on_event(listener))
    }

    /// [`on_event`](BuildScript::on_event) with a listener that stops the build by breaking.
    #[must_use]
    pub fn try_on_event(
        self,
        listener: impl Fn(&Event) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.cross(|cross| cross.try_on_event(listener))
    }

    /// Builds nothing under `cargo clippy` and rust-analyzer, which only check. See [`Skipped`].
    ///
    /// # Default value
    ///
    /// `false`: they build like `cargo build`.
    #[must_use]
    pub fn skip_when_checking(mut self, yes: bool) -> Self {
        self.skip_when_checking = yes;
        self
    }

    /// Whether this script runs in a build that another build script began. A build by this script
    /// would be [`ErrorKind::Recursion`](crate::ErrorKind::Recursion).
    pub fn is_nested(&self) -> bool {
        self.outer.outermost_package().is_some()
    }

    /// Creates a build for `target`.
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

    /// The target directory of the builds. It is not the outer cargo's, which holds its lock until
    /// the script ends.
    fn target_dir(&self) -> PathBuf {
        self.outer.out_dir.join(DIRECTORY)
    }

    /// The directory of the embedded files.
    fn embed_dir(&self) -> PathBuf {
        self.target_dir().join("embedded")
    }
}

/// A build by a build script, made by [`BuildScript::build`]. Nothing is read or run before
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
    /// Changes the request, such as its package, profile or features.
    ///
    /// # Default value
    ///
    /// The package in the project's directory. If that is the package being built, the one other
    /// package of the workspace that has a program, a `cdylib` or a `staticlib`.
    pub fn request(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// Sets the variable that holds the path of the artifact, for `env!`. The build then has to
    /// make one artifact.
    ///
    /// # Default value
    ///
    /// One variable for each artifact: `BIN_FILE_<NAME>`, `EXAMPLE_FILE_<NAME>`,
    /// `CDYLIB_FILE_<NAME>`, `STATICLIB_FILE_<NAME>`, with the name in upper case and `_` in place
    /// of `-`.
    ///
    /// A program of Emscripten's is a script and its WebAssembly, which has the same variable with
    /// `_WASM` behind it.
    pub fn rustc_env(mut self, name: impl Into<String>) -> Self {
        self.variable = Some(name.into());
        self
    }

    /// Sets the file that the variables hold if the build is skipped. A relative path is relative to the directory of the script's package.
    ///
    /// # Default value
    ///
    /// An empty file.
    pub fn stand_in(mut self, path: impl AsRef<Path>) -> Self {
        self.stand_in = Some(self.script.outer.manifest_dir.join(path));
        self
    }

    /// Builds, and copies the artifacts to where the package can include them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Recursion`](crate::ErrorKind::Recursion) if the request selects the package
    /// being built, or this already runs in a build that a build script began;
    /// [`ErrorKind::BuildScript`](crate::ErrorKind::BuildScript) if it is not clear what to embed;
    /// and the errors of [`Request::run`].
    pub fn run(&self) -> Result<Built> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](Build::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](Build::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<Built> {
        let script = &self.script;
        if let Some(reason) = Skipped::decide(&script.outer.env, script.skip_when_checking) {
            return self.skip(reason, cancel);
        }
        script.outer.require_outermost()?;
        let selected = selection::select(self.request.clone(), &script.outer, cancel);
        let selected = selected.map_err(Error::during_planning)?;
        let of_cargo = CargoWarnings::new();
        let plan = of_cargo.of(selected.request.clone()).plan_until(cancel)?;
        let lock_file = WrittenLockFile::before(&plan.workspace_root);
        let outcome = plan.execute(cancel)?;
        lock_file.is_no_change(selected.manifest.as_deref())?;
        let mut built = self.embed(&selected, &plan, outcome, cancel)?;
        let of_cargo = of_cargo.take();
        let of_cargo = of_cargo.iter().map(|text| Instruction::warning(text));
        built.instructions.extend(of_cargo);
        Ok(built)
    }

    fn embed(
        &self,
        selected: &Selected,
        plan: &Plan,
        outcome: Outcome,
        cancel: &Cancel,
    ) -> Result<Built> {
        let dir = self.script.embed_dir();
        let embedded = embed::embed_all(&outcome, self.variable.as_deref(), &dir, cancel)?;
        let inputs = Inputs::of(selected, plan, &embedded, &self.script.outer.out_dir)?;
        let mut instructions = self.rerun_instructions(&inputs)?;
        instructions.extend(env_instructions(&embedded)?);
        instructions.extend(Instruction::warnings(&outcome.warnings));
        instructions.extend(Instruction::compiler_warnings(&outcome.diagnostics));
        Ok(Built {
            embedded,
            skipped: None,
            outcome: Some(outcome),
            instructions,
        })
    }

    fn skip(&self, reason: Skipped, cancel: &Cancel) -> Result<Built> {
        let dir = self.script.embed_dir();
        let stand_in = |name: &String| embed::stand_in(name, self.stand_in.as_deref(), &dir);
        let expected = self.expected_variables(cancel);
        let variables = expected.as_deref().unwrap_or_default();
        let embedded: Vec<_> = variables.iter().map(stand_in).collect::<Result<_>>()?;
        let mut instructions = self.rerun_instructions(&Inputs::default())?;
        instructions.extend(env_instructions(&embedded)?);
        if let Err(error) = expected {
            let text = format!(
                "{reason}, so nothing is built, and no variable has a stand-in: {error}; one that `rustc_env` \
                 names always has"
            );
            instructions.push(Instruction::warning(&text));
        }
        Ok(Built {
            embedded,
            skipped: Some(reason),
            outcome: None,
            instructions,
        })
    }

    /// The variables that the build would set.
    ///
    /// # Errors
    ///
    /// If the project is not there, as on docs.rs, or does not say what would be built.
    fn expected_variables(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let target = Target::parse(&self.request.target).ok();
        let is_script = target.is_some_and(|target| target.facts().os == "emscripten");
        let with_webassembly = |variable: String, kind: &str| {
            let has_one = is_script && ["bin", "example"].contains(&kind);
            let wasm = has_one.then(|| embed::variable_of_webassembly(&variable));
            iter::once(variable).chain(wasm)
        };
        if let Some(name) = &self.variable {
            return Ok(with_webassembly(name.clone(), "bin").collect());
        }
        let outer = &self.script.outer;
        let all = selection::embeddable(self.request.clone(), outer, cancel)?;
        let variables = all
            .iter()
            .flat_map(|(name, kind)| with_webassembly(embed::variable_of_target(name, kind), kind));
        Ok(variables.collect())
    }

    /// The instructions that tell cargo when to run the script again.
    fn rerun_instructions(&self, inputs: &Inputs) -> Result<Vec<Instruction>> {
        let deciding = Skipped::variables(self.script.skip_when_checking);
        let variables = deciding.iter().map(|name| (*name).to_owned());
        let variables = variables.chain(inputs.variables.iter().cloned());
        let files = inputs.files.iter();
        files
            .map(|path| Instruction::rerun_if_changed(path))
            .chain(variables.map(|name| Ok(Instruction::RerunIfEnvChanged(name))))
            .collect()
    }
}

/// The instructions that set the variables of the embedded files.
fn env_instructions(embedded: &[Embedded]) -> Result<Vec<Instruction>> {
    let set = |file: &Embedded| Instruction::rustc_env(&file.variable, &file.path);
    embedded.iter().map(set).collect()
}

/// The outcome of a build script's build. Its `Display` writes the lines that the script has to
/// print.
#[must_use = "cargo learns of it when it is printed: `print!(\"{built}\")`"]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Built {
    /// The files that the package can include.
    pub embedded: Vec<Embedded>,
    /// Why the build was skipped, if it was.
    pub skipped: Option<Skipped>,
    /// The outcome of the build, if it was not skipped.
    pub outcome: Option<Outcome>,
    /// The instructions for cargo.
    pub instructions: Vec<Instruction>,
}

impl Built {
    /// Why the build was skipped, if it was.
    pub fn skipped(&self) -> Option<Skipped> {
        self.skipped
    }

    /// The path of the file that the variable `name` holds.
    pub fn path(&self, name: &str) -> Option<&Path> {
        let mut embedded = self.embedded.iter();
        let file = embedded.find(|file| file.variable == name)?;
        Some(&file.path)
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
