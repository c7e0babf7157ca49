//! The description of a command in an environment, for every engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::process::invocation::EnvValue;
use crate::process::lifeline::{self, Lifeline};
use crate::spec::foreign_programs::{ForeignPrograms, INTERPRETER_AT, Registrar};
use crate::spec::mount::{Mount, nameable};
use crate::spec::rootfs_layout::RootfsLayout;

/// A command in an environment.
///
/// [`Engine::invocation`](crate::Engine::invocation) converts it to the engine's own command line.
/// That reads nothing and starts nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RunSpec {
    /// The root file system.
    pub root: Root,
    /// The program and its arguments. No shell interprets them.
    pub command: Vec<String>,
    /// The working directory, a path inside the environment.
    pub cwd: PathBuf,
    /// The parts of the host's file system that are visible inside.
    pub mounts: Vec<Mount>,
    /// The variables. There are no others but the image's.
    pub env: BTreeMap<String, EnvValue>,
    /// The network.
    pub network: Network,
    /// The name of the container, if the engine creates one. Unique per run.
    pub name: String,
    /// Whether the program gets the caller's standard input.
    pub stdin: bool,
    /// The program's standard streams.
    #[serde(skip_serializing_if = "is_default")]
    pub stdio: Stdio,
    /// Whether the program gets the caller's terminal: see [`RunSpec::terminal`].
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: bool,
    /// The platform of the image, as `os/architecture[/variant]`, if it is not the engine's own.
    #[serde(skip_serializing_if = "is_default")]
    pub platform: Option<String>,
    /// The user's options for a container CLI. They come last, so that they take precedence.
    #[serde(skip_serializing_if = "is_default")]
    pub options: Vec<String>,
    /// The name of the machine that the command sees: see [`RunSpec::hostname`].
    #[serde(skip_serializing_if = "is_default")]
    pub hostname: Option<String>,
    /// The user namespace of the container, as for `--userns`; the engine's default if `None`.
    #[serde(skip_serializing_if = "is_default")]
    pub user_namespace: Option<String>,
    /// The file of the container's seccomp profile; this library's profile if `None`.
    #[serde(skip_serializing_if = "is_default")]
    pub seccomp: Option<PathBuf>,
    /// The limit of the memory that all processes use together, in bytes: see [`RunSpec::memory`].
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Option<u64>,
    /// Whether programs for 32-bit x86 run, which open sockets with `socketcall`: see
    /// [`RunSpec::socketcall`].
    #[serde(skip_serializing_if = "is_default")]
    pub socketcall: bool,
    /// The directory of the command's job server: see [`RunSpec::jobserver`].
    #[serde(skip_serializing_if = "is_default")]
    pub jobserver: Option<PathBuf>,
    /// The programs of another architecture that the command starts: see
    /// [`RunSpec::foreign_programs`].
    #[serde(skip_serializing_if = "is_default")]
    pub foreign_programs: Option<Box<ForeignPrograms>>,
    /// What registers their interpreter, if the engine can. It is set only during a run; a command
    /// that is displayed registers nothing.
    #[serde(skip)]
    pub(crate) registrar: Option<Box<Registrar>>,
    /// The process that owns the run. It is set only during a run.
    #[serde(skip)]
    pub(crate) owner: Option<String>,
    /// The directory of the relay, and the variable that names the target's runner. It is set only
    /// during a run; a command that is displayed is cargo's own.
    #[serde(skip)]
    pub(crate) relay: Option<(PathBuf, String)>,
    /// The directory of the lifeline, if standard input is the program's and so cannot be the
    /// lifeline. It is set only during a run; a command that is displayed has no lifeline.
    #[serde(skip)]
    pub(crate) lifeline_dir: Option<PathBuf>,
    /// The directories that are emptied on the machine of a remote engine: see
    /// [`RunSpec::emptied`].
    #[serde(skip)]
    pub(crate) emptied: Vec<PathBuf>,
    /// What tells the mounted files from others of the same names, if the engine is on another
    /// machine, so that the run sees nothing of this one. It is set only during a run.
    #[serde(skip)]
    pub(crate) apart: Option<String>,
    /// The directory in memory in which the run makes the relay's, if it does. It is set only during
    /// a run.
    #[serde(skip)]
    pub(crate) relay_scratch: Option<Mount>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The standard streams of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stdio {
    /// Output is delivered line by line.
    #[default]
    Lines,
    /// The program inherits the caller's standard input, output and error.
    Inherit,
}

/// The root file system of an environment, in the form of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Root {
    /// A directory, and its layout in the sandbox.
    Directory {
        /// The directory on the host.
        path: PathBuf,
        /// The layout of its entries.
        #[serde(skip)]
        layout: RootfsLayout,
    },
    /// An image of a container CLI, by name or by digest.
    Image(String),
    /// The host's own. Nothing is mounted then, and the specification's variables are added to the
    /// caller's.
    Host,
}

/// The network of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Network {
    /// A loopback interface of its own.
    None,
    /// The host's.
    Host,
    /// The engine's default: the host's network in a sandbox, a bridge in docker.
    Default,
}

impl RunSpec {
    /// Runs `command` in `root` with the working directory `cwd`, without mounts and without a
    /// network.
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
            hostname: None,
            user_namespace: None,
            seccomp: None,
            memory: None,
            socketcall: false,
            jobserver: None,
            foreign_programs: None,
            registrar: None,
            owner: None,
            relay: None,
            lifeline_dir: None,
            emptied: Vec::new(),
            apart: None,
            relay_scratch: None,
        }
    }

    /// Replaces the root file system.
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
    pub fn env(mut self, env: impl IntoIterator<Item = (String, EnvValue)>) -> Self {
        self.env.extend(env);
        self
    }

    /// Sets the network.
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

    /// Sets whether the program gets the caller's standard input.
    #[must_use]
    pub fn stdin(mut self, yes: bool) -> Self {
        self.stdin = yes;
        self
    }

    /// Sets whether the program inherits the caller's standard streams.
    #[must_use]
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.stdio = stdio;
        self
    }

    /// Sets whether the program gets the caller's terminal, so that Ctrl-C and `/dev/tty` work as
    /// they do outside. In a container, a program can handle Ctrl-C. In the sandbox, Ctrl-C ends
    /// bubblewrap, and with it everything.
    ///
    /// This is only for what the user runs, and only if the caller's standard input and output are
    /// a terminal: a program that has a terminal can also inject input into it if the kernel still
    /// allows that (`sysctl dev.tty.legacy_tiocsti`). The sandbox gets the caller's terminal
    /// itself. A container gets its own, which the engine's client connects to the caller's.
    /// Without this, a program in the sandbox still sees that its streams are a terminal, so
    /// colours and progress bars work.
    #[must_use]
    pub fn terminal(mut self, yes: bool) -> Self {
        self.terminal = yes;
        self
    }

    /// Sets the platform of the image.
    #[must_use]
    pub fn platform(mut self, platform: Option<String>) -> Self {
        self.platform = platform;
        self
    }

    /// Adds the user's options for a container CLI.
    #[must_use]
    pub fn options<I>(mut self, options: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Sets the name of the machine that the command sees. Without one, it is the host's in the
    /// sandbox, and the engine makes one up for a container. The host itself ignores it.
    #[must_use]
    pub fn hostname(mut self, name: Option<String>) -> Self {
        self.hostname = name;
        self
    }

    /// Sets the container's user namespace. The sandbox always has its own.
    #[must_use]
    pub fn user_namespace(mut self, namespace: Option<String>) -> Self {
        self.user_namespace = namespace;
        self
    }

    /// Sets the container's seccomp profile. The sandbox has a filter of its own, and ignores this
    /// one.
    #[must_use]
    pub fn seccomp(mut self, profile: Option<PathBuf>) -> Self {
        self.seccomp = profile;
        self
    }

    /// Limits the memory of the container with its swap, in bytes. The kernel kills a process that
    /// exceeds the limit. An engine without the rights to limit memory ignores it:
    /// [`Engine::can_limit_memory`](crate::Engine::can_limit_memory) tells.
    ///
    /// The sandbox and the host refuse it. Only a control group counts what processes use together,
    /// and a plain user has none to give. A limit of each process's address space (`ulimit -v`) is
    /// not a limit of memory. It ends emulators and sanitizers, which reserve far more addresses
    /// than they use.
    #[must_use]
    pub fn memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    /// Allows the system call `socketcall` in the sandbox, with which glibc opens sockets on 32-bit
    /// x86. A filter cannot see the family of these sockets: a program reaches families that no
    /// network namespace isolates (vsock). A container allows the call in any case.
    #[must_use]
    pub fn socketcall(mut self, allowed: bool) -> Self {
        self.socketcall = allowed;
        self
    }

    /// Makes the command a client of the [`Jobserver`](crate::Jobserver) in this directory, which
    /// the variable `CARGO_MAKEFLAGS` announces. A client may run one job without a token of its
    /// own, so the caller has to hold [`Tokens`](crate::Tokens) for it.
    #[must_use]
    pub fn jobserver(mut self, dir: Option<PathBuf>) -> Self {
        self.jobserver = dir;
        self
    }

    /// Makes programs of another architecture start one another. A run in the sandbox registers
    /// their interpreter with the kernel if it can. The other engines ignore this: no container may
    /// register an interpreter for itself.
    #[must_use]
    pub fn foreign_programs(mut self, programs: Option<ForeignPrograms>) -> Self {
        self.foreign_programs = programs.map(Box::new);
        self
    }

    /// Makes cargo, which is the command, start programs through the
    /// [`TestRelay`](crate::TestRelay) in this directory. The directory is mounted writable where
    /// cargo can name it. `target` is the variable that names the target's runner, and `host` the
    /// one of the host's, if the host is another target.
    #[must_use]
    pub fn relay(mut self, dir: impl Into<PathBuf>, target: &str, host: Option<&str>) -> Self {
        let dir = dir.into();
        let inside = match self.root {
            Root::Host => dir.clone(),
            _ => relay_inside(&dir),
        };
        let host = host.filter(|host| *host != target);
        let variables: Vec<_> = std::iter::once(target).chain(host).collect();
        self.relay = Some((inside.clone(), variables.join(",")));
        self.mounts([Mount::write(dir).at(inside)])
    }

    /// Empties these directories, which the command may write to, before it starts, if the engine
    /// is on another machine. Elsewhere, the caller empties them itself.
    #[must_use]
    pub fn emptied(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.emptied.extend(directories);
        self
    }

    /// Names the process that owns the run.
    pub(crate) fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// The mounts of the lifeline's and the job server's directories, of the interpreter, and of a
    /// relay of the run's own, beside the caller's mounts.
    pub(crate) fn own_mounts(&self) -> impl Iterator<Item = Mount> {
        let lifeline = (self.lifeline_dir.as_ref(), lifeline::LIFELINE_AT);
        let jobserver = (self.jobserver.as_ref(), lifeline::JOBSERVER_AT);
        let registered = self.registered().map(|(programs, _)| &programs.interpreter);
        [lifeline, jobserver, (registered, INTERPRETER_AT)]
            .into_iter()
            .filter_map(|(source, at)| Some(Mount::read(source?).at(at)))
            .chain(self.relay_scratch.clone())
    }

    /// The programs whose interpreter the run registers, and what does so.
    pub(crate) fn registered(&self) -> Option<(&ForeignPrograms, &Registrar)> {
        Some((
            self.foreign_programs.as_deref()?,
            self.registrar.as_deref()?,
        ))
    }

    /// The mounts that a later run of the same kind has too: all but the relay's.
    pub(crate) fn lasting_mounts(&self) -> Vec<Mount> {
        let is_relay = |mount: &Mount| self.relay.iter().any(|(dir, _)| mount.target == *dir);
        let lasting = self.mounts.iter().filter(|mount| !is_relay(mount));
        lasting.cloned().collect()
    }

    /// The words that wrap the command to give it a lifeline, a job server and a relay; none if it
    /// has none of these. `number` is as for [`lifeline::in_namespace`].
    pub(crate) fn wrapper(&self, number: u8) -> Vec<String> {
        self.lifeline_wrapper(number)
            .into_iter()
            .chain(self.relay_wrapper())
            .collect()
    }

    /// The words that wrap cargo to start test binaries through the relay; none if there is no
    /// relay.
    pub(crate) fn relay_wrapper(&self) -> impl Iterator<Item = String> {
        let relay = self.relay.iter();
        relay.flat_map(|(dir, variable)| relay_words(dir, variable))
    }

    fn lifeline_wrapper(&self, number: u8) -> Vec<String> {
        let has_jobserver = self.jobserver.is_some();
        match self.lifeline() {
            Some(lifeline) => {
                lifeline::in_namespace(number, &self.name, lifeline, has_jobserver).to_vec()
            }
            None if has_jobserver => lifeline::jobserver_client().to_vec(),
            None => Vec::new(),
        }
    }

    /// The lifeline. A command with standard input that is only displayed has none.
    pub(crate) fn lifeline(&self) -> Option<Lifeline> {
        match (&self.lifeline_dir, self.has_stdin()) {
            (Some(_), _) => Some(Lifeline::Fifo),
            (None, false) => Some(Lifeline::Stdin),
            (None, true) => None,
        }
    }

    /// Whether standard input is the program's, so that it cannot be the lifeline.
    pub fn has_stdin(&self) -> bool {
        self.stdin || self.stdio == Stdio::Inherit
    }
}

/// The path of a relay's directory inside: a directory of its own in the relays' one.
pub(crate) fn relay_inside(dir: &Path) -> PathBuf {
    nameable(dir, 3)
}

/// The script in a relay's directory that starts cargo.
pub(crate) const RELAY_CARGO: &str = "cargo";

/// The words that wrap cargo. `variables` name the runners of the target and of the host.
pub(crate) fn relay_words(dir: &Path, variables: &str) -> [String; 3] {
    // The script is not executed as a program, because the cache's file system may not allow that.
    let script = dir.join(RELAY_CARGO).to_string_lossy().into_owned();
    ["sh".to_owned(), script, variables.to_owned()]
}
