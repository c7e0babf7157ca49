//! One request: what to do, for which target, in which way.
//!
//! Its setters for cargo's knobs are in `knobs.rs`.

use std::path::PathBuf;

use cross_config::{Layer, LayerBuilder};

use crate::model::step::Verb;
use crate::request::command_line::Line;
use crate::request::cross::Cross;

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
    pub(crate) trailing: Vec<String>,
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
        I::Item: Into<String>,
    {
        self.options
            .trailing
            .extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds one argument for the program that is run: as [`args`](Request::args).
    pub fn arg(self, arg: impl Into<String>) -> Self {
        self.args([arg])
    }

    pub(crate) fn on_target(mut self) -> Self {
        self.options.on_target = true;
        self
    }

    /// Gives the program the caller's standard input. Only the sandbox can.
    ///
    /// # Default value
    ///
    /// An empty standard input.
    pub fn stdin(mut self) -> Self {
        self.options.stdin = true;
        self
    }

    /// Keeps what the program that is run prints on its standard output, as
    /// [`Outcome::stdout`](crate::Outcome::stdout). It is heard as events too.
    ///
    /// # Default value
    ///
    /// It is heard as events only.
    pub fn capture(mut self) -> Self {
        self.options.capture = true;
        self
    }

    /// Computes the SHA-256 of every artifact that appears: [`Artifact::sha256`](crate::Artifact::sha256).
    ///
    /// # Default value
    ///
    /// None is computed.
    pub fn checksums(mut self) -> Self {
        self.options.checksums = true;
        self
    }

    /// Has the program that is run wait for gdb's remote protocol on this port of the host, as
    /// [`EventKind::WaitsForDebugger`](crate::events::EventKind::WaitsForDebugger) tells: by QEMU's user mode
    /// where that runs it, else by gdbserver, which the configuration's `packages` bring. Test
    /// binaries wait one after the other; [`test_target`](Request::test_target) chooses one.
    ///
    /// The network of such a run is the host's. QEMU listens on all its addresses, and whoever
    /// attaches controls the program: on a machine that others reach, only behind a firewall.
    ///
    /// # Default value
    ///
    /// It runs at once. What only compiles does so in any case.
    pub fn gdb(mut self, port: u16) -> Self {
        self.options.gdb = Some(port);
        self
    }

    /// Uses this engine for this request: `auto`, `sandbox`, `docker`, `podman`, or a program.
    pub fn engine(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.configured(|layer| layer.engine(name))
    }

    /// Uses this toolchain for this request: `host`, `image`, or a directory.
    pub fn toolchain(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.configured(|layer| layer.toolchain(name))
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
