//! A request: the operation, the target, and the options.
//!
//! The setters for cargo's options are in `cargo_options.rs`.

use std::ffi::OsString;
use std::path::PathBuf;

use cross_config::{Layer, LayerBuilder, MemoryLimit};

use crate::cargo::cli::command_line::CRATE_TYPE;
use crate::cargo::cli::flags::Flag;
use crate::cargo::cli::problem;
use crate::cargo::package_selection::PackageSelection;
use crate::cargo::path_flags;
use crate::model::error::Result;
use crate::model::redact;
use crate::model::step::Verb;
use crate::model::toolchain::ToolchainPreference;
use crate::request::command_line::CargoCommandLine;
use crate::request::cross::Cross;
use crate::request::strip::Strip;
use cross_engine::EnginePreference;

/// A request for one target. [`Cross::build`] and its siblings create it. Nothing is read or run
/// before [`plan`](Request::plan) or [`run`](Request::run) is called.
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) cross: Cross,
    pub(crate) verb: Verb,
    pub(crate) target: String,
    pub(crate) options: Options,
    /// The configuration of this request alone.
    layer: Option<LayerBuilder>,
}

/// The options of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Arguments for cargo, such as selection and features.
    pub(crate) cargo: Vec<String>,
    pub(crate) rustflags: Vec<String>,
    pub(crate) locked: bool,
    pub(crate) offline: bool,
    /// The target directory, if it is not the workspace's own.
    pub(crate) target_dir: Option<PathBuf>,
    /// The cargo command line, for [`Verb::Cargo`].
    pub(crate) command_line: Option<CargoCommandLine>,
    /// Arguments for the program or the test binaries, after `--`.
    pub(crate) trailing: Vec<OsString>,
    /// Whether [`Verb::Exec`] runs a program of the target, instead of the environment.
    pub(crate) on_target: bool,
    pub(crate) stdin: bool,
    pub(crate) capture: bool,
    pub(crate) gdb: Option<u16>,
    pub(crate) checksums: bool,
    pub(crate) strip: Option<Strip>,
    pub(crate) coverage: bool,
    /// Arguments for nextest.
    pub(crate) nextest: Vec<String>,
    /// The file that nextest packs the tests into.
    pub(crate) archive: Option<PathBuf>,
}

/// The flags that make rustc instrument code for coverage.
const COVERAGE_FLAGS: [&str; 2] = ["-C", "instrument-coverage"];

/// Words in settings that only the caller's own cargo may see.
const SECRET_SETTINGS: [&str; 3] = ["token", "secret-key", "credential"];

impl Options {
    /// The packages that the arguments for cargo name.
    pub(crate) fn selection(&self) -> PackageSelection {
        match &self.command_line {
            Some(given) => PackageSelection::of(&given.line),
            None => PackageSelection::of_arguments(&self.cargo),
        }
    }

    /// The values of `--config`, without those that may hold secrets: commands of the host are
    /// shown.
    pub(crate) fn configs(&self) -> Vec<String> {
        let given: Vec<&str> = match &self.command_line {
            Some(command_line) => command_line.line.texts(Flag::Config).collect(),
            None => path_flags::values(&self.cargo, "--config").collect(),
        };
        let is_secret = |value: &&str| SECRET_SETTINGS.iter().any(|word| value.contains(word));
        let shown = given.into_iter().filter(|value| !is_secret(value));
        shown
            .map(|value| redact::strip(value).into_owned())
            .collect()
    }

    /// The values of `-Z` in a cargo command line without which cargo does not read a manifest that
    /// uses the feature.
    pub(crate) fn unstable(&self) -> Vec<String> {
        let line = self.command_line.as_ref();
        line.map_or_else(Vec::new, |command_line| {
            command_line.line.manifest_features()
        })
    }

    /// Returns the arguments after `--` as text, which engines require.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`](crate::ErrorKind::Path) if an argument is not UTF-8.
    pub(crate) fn trailing_text(&self) -> Result<Vec<String>> {
        let text = |arg: &OsString| match arg.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(problem::not_utf8(arg)
                .with_help("write the argument to a file, and pass the file's path")),
        };
        self.trailing.iter().map(text).collect()
    }

    /// Returns the flags for rustc, including those of other options.
    pub(crate) fn all_rustflags(&self) -> Vec<String> {
        let coverage = COVERAGE_FLAGS.iter().filter(|_| self.coverage);
        let coverage = coverage.map(|flag| (*flag).to_owned());
        self.rustflags.iter().cloned().chain(coverage).collect()
    }
}

impl Request {
    pub(crate) fn new(cross: Cross, verb: Verb, target: String) -> Self {
        Request {
            cross,
            verb,
            target,
            options: Options::default(),
            layer: None,
        }
    }

    /// Adds arguments for the program or the test binaries, after `--`.
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.options
            .trailing
            .extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds one argument for the program or the test binaries, as [`args`](Request::args) does.
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.args([arg])
    }

    /// Whether the request starts programs of the target, or compiles them to be started.
    pub(crate) fn starts_programs(&self) -> bool {
        match self.verb {
            Verb::Test | Verb::Nextest | Verb::Bench | Verb::Run => true,
            Verb::Exec => self.options.on_target,
            Verb::Cargo => {
                let line = self.options.command_line.as_ref();
                line.is_some_and(|given| given.line.starts_programs())
            }
            _ => false,
        }
    }

    /// Whether the request hands arguments to a compiler, which cargo then starts for one target
    /// only.
    pub(crate) fn is_for_one_compiler(&self) -> bool {
        let options = &self.options;
        match (self.verb, &options.command_line) {
            (Verb::Rustc, _) => {
                let mut words = options.cargo.iter();
                !options.trailing.is_empty() || words.any(|word| word.starts_with(CRATE_TYPE))
            }
            (Verb::Cargo, Some(given)) => given.line.is_for_one_compiler(),
            _ => false,
        }
    }

    pub(crate) fn on_target(mut self) -> Self {
        self.options.on_target = true;
        self
    }

    /// Connects the program's standard input to the caller's.
    ///
    /// What the program prints still arrives as lines: a question that does not end its line is seen
    /// only once the line ends, after the answer. A program that asks such questions needs the
    /// terminal itself, which [`Cross::shell`](crate::Cross::shell) gives it, and `Cross::cargo` with
    /// `inherit` and `terminal`.
    ///
    /// # Default value
    ///
    /// `false`: the program's standard input is empty.
    pub fn stdin(mut self, yes: bool) -> Self {
        self.options.stdin = yes;
        self
    }

    /// Captures the program's standard output in [`Outcome::stdout`](crate::Outcome::stdout). Its
    /// lines are also events.
    ///
    /// # Default value
    ///
    /// `false`: its lines are only events.
    pub fn capture(mut self, yes: bool) -> Self {
        self.options.capture = yes;
        self
    }

    /// Computes the SHA-256 of every published artifact, for
    /// [`Artifact::sha256`](crate::Artifact::sha256).
    ///
    /// # Default value
    ///
    /// `false`.
    pub fn checksums(mut self, yes: bool) -> Self {
        self.options.checksums = yes;
        self
    }

    /// Strips the programs and the libraries for other languages that are published, by the
    /// target's own tools. Cargo's own files stay whole ([`Artifact::inside`]). A file with debug
    /// information is among [`Artifact::companions`].
    ///
    /// ```no_run
    /// use cross_core::{Cross, object_files::Strip};
    ///
    /// let cross = Cross::discover()?;
    /// let build = cross.build("aarch64-unknown-linux-gnu").release(true);
    /// for program in build.strip(Strip::Split).run()?.executables() {
    ///     println!("{} {:?}", program.path.display(), program.companions);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// `build`, `run` and `rustc` strip. Other requests ignore it: what they publish is for tests.
    /// Programs for MSVC and UEFI stay as they are, because their debug information is in a file of
    /// its own (`.pdb`) anyway. What cannot be stripped is an error of the plan of the kind
    /// [`UnsupportedTarget`](crate::ErrorKind::UnsupportedTarget), which says what the profile can
    /// do in its place: programs for Apple's systems on ARM's processors, which are signed when they
    /// are linked, and for Emscripten and WASI's components. A WebAssembly module cannot be split.
    /// Without a tool, the kind is [`ToolMissing`](crate::ErrorKind::ToolMissing).
    ///
    /// # Default value
    ///
    /// Programs are published as cargo made them. The profile's own `strip` applies in any case.
    ///
    /// [`Artifact::inside`]: crate::Artifact::inside
    /// [`Artifact::companions`]: crate::Artifact::companions
    pub fn strip(mut self, strip: Strip) -> Self {
        self.options.strip = Some(strip);
        self
    }

    /// Makes each program wait until gdb connects to this port of the host.
    /// [`EventKind::WaitsForDebugger`](crate::events::EventKind::WaitsForDebugger) reports when it
    /// waits.
    ///
    /// If QEMU's user mode runs the program, QEMU serves gdb. Otherwise gdbserver does: add it with
    /// the key `packages`. Test binaries wait one after the other.
    /// [`test_target`](Request::test_target) selects one.
    ///
    /// Such a run has the host's network. QEMU listens on all addresses, and anyone who connects
    /// controls the program. On a machine that others can reach, use it only behind a firewall.
    ///
    /// # Default value
    ///
    /// Programs start immediately. Requests that only compile ignore the port.
    pub fn gdb(mut self, port: u16) -> Self {
        self.options.gdb = Some(port);
        self
    }

    /// Uses this engine for this request, as [`Cross::engine`](crate::Cross::engine) does for all
    /// requests.
    pub fn engine(self, engine: impl Into<EnginePreference>) -> Self {
        let engine = engine.into().to_string();
        self.configured(|layer| layer.engine(engine))
    }

    /// Compiles with this toolchain for this request, as
    /// [`Cross::toolchain`](crate::Cross::toolchain) does for all requests.
    pub fn toolchain(self, toolchain: impl Into<ToolchainPreference>) -> Self {
        let toolchain = toolchain.into().to_string();
        self.configured(|layer| layer.toolchain(toolchain))
    }

    /// Limits memory for this request, as [`Cross::memory`](crate::Cross::memory) does for all
    /// requests.
    pub fn memory(self, limit: MemoryLimit) -> Self {
        self.configured(|layer| layer.memory(limit))
    }

    pub(crate) fn configured(mut self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        let layer = self.layer.take().unwrap_or_else(Layer::request);
        self.layer = Some(change(layer));
        self
    }

    /// Returns the same request with this [`Cross`].
    pub(crate) fn with(mut self, cross: Cross) -> Self {
        self.cross = cross;
        self
    }

    pub(crate) fn layer(&self) -> Option<Layer> {
        self.layer.clone().map(LayerBuilder::build)
    }
}
