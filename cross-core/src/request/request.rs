//! One request: what to do, for which target, in which way.
//!
//! Its setters for cargo's knobs are in `knobs.rs`.

use std::ffi::OsString;
use std::path::PathBuf;

use cross_config::{Layer, LayerBuilder};

use crate::cargo::cli::problem;
use crate::model::error::Result;
use crate::model::step::Verb;
use crate::model::toolchain::ToolchainPreference;
use crate::request::command_line::Line;
use crate::request::cross::Cross;
use cross_engine::EnginePreference;

/// A request, made by [`Cross::build`] and its siblings. Nothing is read or run before
/// [`plan`](Request::plan) or [`run`](Request::run).
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) cross: Cross,
    pub(crate) verb: Verb,
    pub(crate) target: String,
    pub(crate) options: Options,
    /// Configuration said for this request alone.
    layer: Option<LayerBuilder>,
}

/// Cargo's knobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Selection and features, as cargo's own arguments.
    pub(crate) cargo: Vec<String>,
    /// The packages that were named; they are among `cargo` too.
    pub(crate) packages: Vec<String>,
    pub(crate) rustflags: Vec<String>,
    pub(crate) locked: bool,
    pub(crate) offline: bool,
    /// In place of the workspace's own target directory.
    pub(crate) target_dir: Option<PathBuf>,
    /// The command line of the front door, for its verb.
    pub(crate) line: Option<Line>,
    /// Arguments for the program or the tests, after `--`.
    pub(crate) trailing: Vec<OsString>,
    /// Whether what is run, where it is not cargo's, is a program of the target.
    pub(crate) on_target: bool,
    pub(crate) stdin: bool,
    pub(crate) capture: bool,
    pub(crate) gdb: Option<u16>,
    pub(crate) checksums: bool,
    pub(crate) coverage: bool,
    /// Arguments of nextest's own.
    pub(crate) nextest: Vec<String>,
    /// The file that nextest packs the tests into.
    pub(crate) archive: Option<PathBuf>,
}

/// Makes rustc instrument what it compiles.
const COVERAGE_FLAGS: [&str; 2] = ["-C", "instrument-coverage"];

impl Options {
    /// The arguments after `--` as text, as engines take them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`](crate::ErrorKind::Path) for an argument that is not UTF-8.
    pub(crate) fn trailing_text(&self) -> Result<Vec<String>> {
        let text = |arg: &OsString| match arg.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(problem::not_utf8(arg)
                .with_help("write what it says to a file, and pass the file's path")),
        };
        self.trailing.iter().map(text).collect()
    }

    /// The flags for rustc, with those that other options need.
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

    /// Adds arguments for the program that is run, or for the test binaries: what follows `--`.
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

    /// Adds one argument for the program that is run: as [`args`](Request::args).
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.args([arg])
    }

    pub(crate) fn on_target(mut self) -> Self {
        self.options.on_target = true;
        self
    }

    /// Connects the program's standard input to the caller's.
    ///
    /// # Default value
    ///
    /// `false`: the program's standard input is empty.
    pub fn stdin(mut self, yes: bool) -> Self {
        self.options.stdin = yes;
        self
    }

    /// Keeps what the program prints on its standard output as
    /// [`Outcome::stdout`](crate::Outcome::stdout). Its lines are events too.
    ///
    /// # Default value
    ///
    /// `false`: its lines are events only.
    pub fn capture(mut self, yes: bool) -> Self {
        self.options.capture = yes;
        self
    }

    /// Computes the SHA-256 of every published artifact:
    /// [`Artifact::sha256`](crate::Artifact::sha256).
    ///
    /// # Default value
    ///
    /// `false`.
    pub fn checksums(mut self, yes: bool) -> Self {
        self.options.checksums = yes;
        self
    }

    /// Makes the program that is run wait for gdb's remote protocol on this port of the host, as
    /// [`EventKind::WaitsForDebugger`](crate::events::EventKind::WaitsForDebugger) reports.
    ///
    /// QEMU's user mode serves gdb where it runs the program. Elsewhere gdbserver does, which the
    /// configuration's `packages` bring. Test binaries wait one after the other;
    /// [`test_target`](Request::test_target) chooses one.
    ///
    /// Such a run has the host's network. QEMU listens on all its addresses, and whoever attaches
    /// controls the program: use it only behind a firewall on a machine that others reach.
    ///
    /// # Default value
    ///
    /// Programs start at once. Requests that only compile ignore the port.
    pub fn gdb(mut self, port: u16) -> Self {
        self.options.gdb = Some(port);
        self
    }

    /// Uses this engine for this request: as [`Cross::engine`](crate::Cross::engine).
    pub fn engine(self, engine: impl Into<EnginePreference>) -> Self {
        let engine = engine.into().to_string();
        self.configured(|layer| layer.engine(engine))
    }

    /// Compiles this request with this Rust: as [`Cross::toolchain`](crate::Cross::toolchain).
    pub fn toolchain(self, toolchain: impl Into<ToolchainPreference>) -> Self {
        let toolchain = toolchain.into().to_string();
        self.configured(|layer| layer.toolchain(toolchain))
    }

    pub(crate) fn configured(mut self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        let layer = self.layer.take().unwrap_or_else(Layer::request);
        self.layer = Some(change(layer));
        self
    }

    /// The same, made by this [`Cross`].
    pub(crate) fn with(mut self, cross: Cross) -> Self {
        self.cross = cross;
        self
    }

    pub(crate) fn layer(&self) -> Option<Layer> {
        self.layer.clone().map(LayerBuilder::build)
    }
}
