//! One description of a command in an environment, for every engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::process::invocation::Value;
use crate::process::lifeline::{self, Hang};
use crate::spec::mount::Mount;
use crate::spec::rootfs_layout::Layout;

/// A command to run in an environment.
///
/// Each engine turns it into its own argv with [`Engine::invocation`](crate::Engine::invocation),
/// which is pure: it reads nothing and starts nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunSpec {
    /// The root file system.
    pub root: Root,
    /// The program and its arguments; nothing passes through a shell.
    pub command: Vec<String>,
    /// The directory it runs in, a path inside the environment.
    pub cwd: PathBuf,
    /// What of the host is visible, and where.
    pub mounts: Vec<Mount>,
    /// The variables, and no others than these and the image's own.
    pub env: BTreeMap<String, Value>,
    /// What network it has.
    pub network: Network,
    /// Names the container, where the engine makes one. Unique per run.
    pub name: String,
    /// Whether the caller's standard input is the program's.
    pub stdin: bool,
    /// What becomes of the program's standard streams.
    #[serde(skip_serializing_if = "is_default")]
    pub stdio: Stdio,
    /// Whether the program gets the caller's terminal as its own: see [`RunSpec::terminal`].
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: bool,
    /// The platform of the image, as `os/architecture[/variant]`, where it is not the engine's own.
    #[serde(skip_serializing_if = "is_default")]
    pub platform: Option<String>,
    /// Words of the user's for a container CLI: they come after ours, so that they win.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Vec<String>,
    /// The user namespace of the container, as `--userns` takes it; the engine's usual one if `None`.
    #[serde(skip_serializing_if = "is_default")]
    pub user_namespace: Option<String>,
    /// A file with the container's seccomp profile; the one of this library if `None`.
    #[serde(skip_serializing_if = "is_default")]
    pub seccomp: Option<PathBuf>,
    /// The most memory that all its processes may use together, in bytes: see [`RunSpec::memory`].
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Option<u64>,
    /// Whether programs for 32-bit x86 run in it, which open sockets with `socketcall`: see
    /// [`RunSpec::socketcall`].
    #[serde(skip_serializing_if = "is_default")]
    pub socketcall: bool,
    /// The directory of the job server that the command is a client of: see [`RunSpec::jobserver`].
    #[serde(skip_serializing_if = "is_default")]
    pub jobserver: Option<PathBuf>,
    /// The process that owns the run. There is one only during a run: a command that is only shown has none.
    #[serde(skip)]
    pub(crate) owner: Option<String>,
    /// The directory of the relay, and the variable by which cargo finds the target's runner. It is there only
    /// during a run: what is only shown is cargo's own command.
    #[serde(skip)]
    pub(crate) relay: Option<(PathBuf, String)>,
    /// The directory of the lifeline, where standard input is the program's and so cannot be it.
    /// It is there only during a run: a command that is only shown hangs on nobody.
    #[serde(skip)]
    pub(crate) lifeline: Option<PathBuf>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What becomes of a program's standard streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stdio {
    /// Output is delivered line by line.
    #[default]
    Lines,
    /// The caller's standard input, output and error are the program's own: nobody reads along.
    Inherit,
}

/// The root file system of an environment, as an engine holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Root {
    /// A directory, and how it is laid out in the sandbox.
    Directory {
        /// The directory on the host.
        path: PathBuf,
        /// How its entries appear.
        #[serde(skip)]
        layout: Layout,
    },
    /// An image of a container CLI, by name or by digest.
    Image(String),
    /// The machine's own, as it is. There is nothing to mount then, and the variables of the
    /// specification are on top of the caller's.
    Host,
}

/// What network a command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Network {
    /// None but its own loopback.
    None,
    /// The host's.
    Host,
    /// Whatever the engine gives when not asked: the host's in a sandbox, a bridge in docker.
    Default,
}

impl RunSpec {
    /// `command` in `root`, in directory `cwd`, seeing nothing of the host, without a network.
    pub fn new<I>(root: Root, cwd: impl Into<PathBuf>, command: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        RunSpec {
            root,
            command: command.into_iter().map(Into::into).collect(),
            cwd: cwd.into(),
            mounts: Vec::new(),
            env: BTreeMap::new(),
            network: Network::None,
            name: "cross".to_owned(),
            stdin: false,
            stdio: Stdio::Lines,
            terminal: false,
            platform: None,
            options: Vec::new(),
            user_namespace: None,
            seccomp: None,
            memory: None,
            socketcall: false,
            jobserver: None,
            owner: None,
            relay: None,
            lifeline: None,
        }
    }

    /// In this root instead.
    #[must_use]
    pub fn root(mut self, root: Root) -> Self {
        self.root = root;
        self
    }

    /// Adds mounts.
    #[must_use]
    pub fn mounts(mut self, mounts: impl IntoIterator<Item = Mount>) -> Self {
        self.mounts.extend(mounts);
        self
    }

    /// Adds variables.
    #[must_use]
    pub fn env(mut self, env: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.env.extend(env);
        self
    }

    /// Gives it this network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Names the container.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Makes the caller's standard input the program's.
    #[must_use]
    pub fn stdin(mut self, yes: bool) -> Self {
        self.stdin = yes;
        self
    }

    /// Gives the program the caller's standard streams, or has its output delivered by lines.
    #[must_use]
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.stdio = stdio;
        self
    }

    /// Gives the program the caller's terminal as its own, so that Ctrl-C and `/dev/tty` work as they
    /// do outside. A program that handles Ctrl-C can do so in a container; in the sandbox bubblewrap
    /// ends by it, and with it everything.
    ///
    /// Only for what the user runs, and only where the caller's standard input and output are a
    /// terminal: a program that has a terminal can also type into it, where the kernel still
    /// allows that (`sysctl dev.tty.legacy_tiocsti`). In the sandbox it is the caller's terminal
    /// itself; a container has one of its own, which the engine's client couples to the caller's.
    /// Without this, what runs still sees that its streams are a terminal in the sandbox, and
    /// colours and progress work.
    #[must_use]
    pub fn terminal(mut self, yes: bool) -> Self {
        self.terminal = yes;
        self
    }

    /// Runs the image for this platform.
    #[must_use]
    pub fn platform(mut self, platform: Option<String>) -> Self {
        self.platform = platform;
        self
    }

    /// Adds words of the user's to a container CLI's.
    #[must_use]
    pub fn options<I>(mut self, options: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Chooses the container's user namespace. The sandbox has its own in any case.
    #[must_use]
    pub fn user_namespace(mut self, namespace: Option<String>) -> Self {
        self.user_namespace = namespace;
        self
    }

    /// Chooses the container's seccomp profile. The sandbox has a filter of its own, and ignores this one.
    #[must_use]
    pub fn seccomp(mut self, profile: Option<PathBuf>) -> Self {
        self.seccomp = profile;
        self
    }

    /// Limits the memory of the container, in bytes. What goes beyond it is killed by the kernel.
    ///
    /// The sandbox and the host refuse it. Only a control group counts what processes use together, and a plain
    /// user has none to give; a limit of each process's addresses (`ulimit -v`) would not be one of memory,
    /// and ends emulators and sanitizers, which reserve far more addresses than they use.
    #[must_use]
    pub fn memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    /// Allows the system call `socketcall` in the sandbox, with which glibc opens sockets on 32-bit x86. A filter
    /// cannot see which family of sockets it opens: with it, a program reaches families that no network
    /// namespace isolates (vsock). A container allows it in any case.
    #[must_use]
    pub fn socketcall(mut self, yes: bool) -> Self {
        self.socketcall = yes;
        self
    }

    /// Makes the command a client of the [`Jobserver`](crate::Jobserver) in this directory, as the variable
    /// `CARGO_MAKEFLAGS` tells it. It may run one job without asking: who runs it has to hold
    /// [`Tokens`](crate::Tokens).
    #[must_use]
    pub fn jobserver(mut self, dir: Option<PathBuf>) -> Self {
        self.jobserver = dir;
        self
    }

    /// Has cargo, which is the command and finds the target's runner by `variable`, start test binaries by the
    /// [`Relay`](crate::Relay) in this directory, which it sees at its own place and can write.
    #[must_use]
    pub fn relay(mut self, dir: impl Into<PathBuf>, variable: impl Into<String>) -> Self {
        let dir = dir.into();
        self.relay = Some((dir.clone(), variable.into()));
        self.mounts([Mount::write(dir)])
    }

    /// Names the process that owns the run.
    pub(crate) fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// Hangs the run on the lifeline in this directory.
    pub(crate) fn lifeline(mut self, dir: Option<PathBuf>) -> Self {
        self.lifeline = dir;
        self
    }

    /// The directories of ours that the run sees beside the caller's mounts.
    pub(crate) fn own_mounts(&self) -> impl Iterator<Item = Mount> {
        let held = (&self.lifeline, lifeline::HELD_AT);
        let jobs = (&self.jobserver, lifeline::JOBS_AT);
        [held, jobs]
            .into_iter()
            .filter_map(|(dir, at)| Some(Mount::read(dir.as_ref()?).at(at)))
    }

    /// The mounts that are the same in a later run of its kind: all but that of its relay.
    pub(crate) fn lasting_mounts(&self) -> Vec<Mount> {
        let is_relay = |mount: &Mount| self.relay.iter().any(|(dir, _)| mount.source == *dir);
        let lasting = self.mounts.iter().filter(|mount| !is_relay(mount));
        lasting.cloned().collect()
    }

    /// The words before the command, which put it on its lifeline and at its job server, and have test binaries
    /// go by its relay; none where it has none of these. `number` is as for [`lifeline::in_namespace`].
    pub(crate) fn wrapper(&self, number: u8) -> Vec<String> {
        self.hung(number)
            .into_iter()
            .chain(self.relayed())
            .collect()
    }

    /// The words before the command that have test binaries go by its relay, if it has one.
    pub(crate) fn relayed(&self) -> impl Iterator<Item = String> {
        let relay = self.relay.iter();
        relay.flat_map(|(dir, variable)| relay_words(dir, variable))
    }

    fn hung(&self, number: u8) -> Vec<String> {
        let jobs = self.jobserver.is_some();
        match self.hang() {
            Some(hang) => lifeline::in_namespace(number, &self.name, hang, jobs).to_vec(),
            None if jobs => lifeline::at_jobserver().to_vec(),
            None => Vec::new(),
        }
    }

    /// What it hangs on. A command with standard input that is only shown hangs on nothing.
    pub(crate) fn hang(&self) -> Option<Hang> {
        match (&self.lifeline, self.has_stdin()) {
            (Some(_), _) => Some(Hang::Fifo),
            (None, false) => Some(Hang::Stdin),
            (None, true) => None,
        }
    }

    /// Whether standard input is the program's, so that it cannot be the lifeline.
    pub(crate) fn has_stdin(&self) -> bool {
        self.stdin || self.stdio == Stdio::Inherit
    }
}

/// The script in a relay's directory that starts cargo.
pub(crate) const RELAY_CARGO: &str = "cargo";

/// The words before those of a cargo that finds the target's runner by `variable`.
pub(crate) fn relay_words(dir: &Path, variable: &str) -> [String; 3] {
    // Not as a program: the cache may be where none can be started.
    let script = dir.join(RELAY_CARGO).to_string_lossy().into_owned();
    ["sh".to_owned(), script, variable.to_owned()]
}
