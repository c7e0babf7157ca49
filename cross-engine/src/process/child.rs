//! The one door through which processes are started; what goes through it is owned until it is
//! gone.
//!
//! Every process here has an owner value, except a daemon ([`start_detached`]). When the owner is
//! dropped, cancelled or past its deadline, the process is ended and waited for. When the owner's
//! own process dies without a chance to do so (`SIGKILL`), the [`Ending`] of the invocation makes
//! the kernel do it.
//!
//! Two reader threads move the output into a channel and the calling thread waits on it: no
//! async runtime, and no latency, since the end of both pipes wakes the caller. The caller's thread
//! starts and reaps the child, because a parent-death signal is tied to the starting *thread*.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

use crate::process::cancel::{Cancel, Stopped};
use crate::process::clock;
use crate::process::descriptors;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::invocation::{Ending, Invocation, Variables};
use crate::process::untrusted::limits;
use crate::process::untrusted::lines::LineSplitter;

/// How often a cancellation is looked for while nothing is printed.
const POLL: Duration = Duration::from_millis(50);
/// How long a lifeline may take to end what hangs on it before it is killed.
const LIFELINE_GRACE: Duration = Duration::from_secs(8);
/// How long one may take to remove files while somebody waits.
const TIDYING_GRACE: Duration = Duration::from_secs(4);
/// How often nothing may be found to read after the process itself has ended. Counted, and not a
/// time, so that a machine under load or a suspended caller loses no output.
const QUIET_POLLS: u32 = 10;
/// What is captured of a probe at most. The answer of `cargo metadata` for the largest workspaces
/// is one line of some 10 MiB.
const CAPTURED: usize = 256 << 20;
/// No process can be started in this directory.
const NOWHERE: &str = "/dev/null/nowhere";

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Receives the output line by line, without the line's end; may break to stop the process.
pub type Sink<'a> = dyn FnMut(Stream, &str) -> ControlFlow<()> + 'a;

/// What standard input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stdin {
    /// Empty (or the lifeline, where the invocation ends by one).
    #[default]
    Null,
    /// The caller's own, for programs that read it. It is no lifeline then.
    Inherit,
}

/// What a process is coupled to beside the lines it prints.
#[derive(Debug, Default)]
pub(crate) struct Coupling {
    /// What its standard input is.
    pub(crate) stdin: Stdin,
    /// Whether its output is the caller's own, so that there are no lines to read.
    pub(crate) output_inherited: bool,
    /// A lifeline other than its standard input, open for writing.
    pub(crate) lifeline: Option<OwnedFd>,
    /// How long a line may be where more than [`limits::LINE`] is to be expected.
    pub(crate) line_limit: Option<usize>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Exit {
    /// Its exit code, where it returned one.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
}

impl Exit {
    /// Whether it ended with code 0.
    pub fn success(self) -> bool {
        self.code == Some(0)
    }

    pub(crate) fn of(status: ExitStatus) -> Self {
        Exit {
            code: status.code(),
            signal: status.signal(),
        }
    }

    /// Of what is gone, and nobody knows how.
    pub(crate) fn unknown() -> Self {
        Exit {
            code: None,
            signal: None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit status {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("unknown status"),
        }
    }
}

/// What a captured command printed and how it ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

/// Runs `invocation` to its end and gives its output to `sink` as it comes.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`] when the program does not exist, [`ErrorKind::Cancelled`] and
/// [`ErrorKind::Deadline`] when `cancel` says so (or the sink breaks), [`ErrorKind::Io`] otherwise.
/// That the program failed is not an error here: see [`Exit`].
pub fn run(
    invocation: &Invocation,
    caller: &Variables,
    cancel: &Cancel,
    stdin: Stdin,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let coupling = Coupling {
        stdin,
        ..Coupling::default()
    };
    run_coupled(invocation, caller, cancel, coupling, sink)
}

/// Runs `invocation` to its end with the caller's own standard input, output and error.
///
/// # Errors
///
/// As for [`run`].
pub fn run_inherited(invocation: &Invocation, caller: &Variables, cancel: &Cancel) -> Result<Exit> {
    let coupling = Coupling {
        stdin: Stdin::Inherit,
        output_inherited: true,
        ..Coupling::default()
    };
    let unheard = &mut |_, _: &str| ControlFlow::Continue(());
    run_coupled(invocation, caller, cancel, coupling, unheard)
}

/// [`run`] with a choice of everything the process is coupled to.
pub(crate) fn run_coupled(
    invocation: &Invocation,
    caller: &Variables,
    cancel: &Cancel,
    coupling: Coupling,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let mut running = Running::start(invocation, caller, cancel, coupling)?;
    loop {
        match running.next_line()? {
            Some((stream, line)) => {
                if sink(stream, &line).is_break() {
                    running.end();
                    return Err(Error::stopped(Stopped::Cancelled, &running.name));
                }
            }
            None => return running.finish(),
        }
    }
}

/// Runs `invocation` and keeps what it prints: for probes whose output is small.
///
/// # Errors
///
/// As for [`run`].
pub fn output(invocation: &Invocation, caller: &Variables, cancel: &Cancel) -> Result<Output> {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let coupling = Coupling {
        line_limit: Some(CAPTURED),
        ..Coupling::default()
    };
    let mut is_too_long = false;
    let ended = run_coupled(invocation, caller, cancel, coupling, &mut |stream, line| {
        let text = match stream {
            Stream::Stdout => &mut stdout,
            Stream::Stderr => &mut stderr,
        };
        if text.len() + line.len() > CAPTURED {
            is_too_long = true;
            return ControlFlow::Break(());
        }
        text.push_str(line);
        text.push('\n');
        ControlFlow::Continue(())
    });
    if is_too_long {
        let name = invocation.program_name();
        let message = format!("`{name}` prints more than {CAPTURED} bytes");
        return Err(Error::new(ErrorKind::Io, message));
    }
    let exit = ended?;
    Ok(Output {
        exit,
        stdout,
        stderr,
    })
}

/// Starts `invocation`, a daemon of the host, and leaves it running: its output goes to the end of
/// the file at `log`.
///
/// This is the only thing here that outlives its owner, because that is what it is for: an engine's
/// daemon serves every later call and every other program on the machine. It gets a session of its
/// own (by util-linux's `setsid`), so that neither the end of the caller nor the hang-up of its
/// terminal reaches it. It is nobody's child here: whether it serves has to be asked of it.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`] without `setsid`, [`ErrorKind::Io`] when the log cannot be written.
/// That the program itself does not exist is said in the log only.
pub fn start_detached(invocation: &Invocation, caller: &Variables, log: &Path) -> Result<()> {
    let file = File::options().create(true).append(true).open(log);
    let file = file.on("open", log)?;
    let mut detached = Invocation::new("setsid")
        .args(["--fork", utf8(&invocation.program)?])
        .args(invocation.args.iter().cloned());
    detached.env.clone_from(&invocation.env);
    detached.base = invocation.base;
    detached.cwd.clone_from(&invocation.cwd);
    let status = command(&detached, caller)
        .stdin(Stdio::null())
        .stdout(file.try_clone().on("open", log)?)
        .stderr(file)
        .status()
        .map_err(|e| spawn_error(&detached, e))?;
    if status.success() {
        return Ok(());
    }
    let exit = Exit::of(status);
    Err(Error::new(
        ErrorKind::Io,
        format!("cannot start `{invocation}`: {exit}"),
    ))
}

/// `invocation` as a [`Command`] for callers that insist on running it themselves.
///
/// It carries the variables, the directory and what it inherits, and is for one start; ownership of the
/// process is the caller's.
#[expect(clippy::disallowed_methods, reason = "this is the process door")]
pub fn command(invocation: &Invocation, caller: &Variables) -> Command {
    let mut command = Command::new(&invocation.program);
    if let Some(confined) = invocation.confined {
        let handed = invocation.handed.as_ref();
        if descriptors::confine(&mut command, confined, handed).is_err() {
            // There is no descriptor left. The start fails rather than that it inherits what it must not.
            command.current_dir(NOWHERE);
            return command;
        }
    }
    command
        .args(&invocation.args)
        .env_clear()
        .envs(invocation.variables(caller));
    if let Some(dir) = &invocation.cwd {
        command.current_dir(dir);
    }
    command
}

/// The owner of one process.
struct Running<'a> {
    name: String,
    child: Child,
    /// What it hangs on: closing it ends the process.
    lifeline: Option<OwnedFd>,
    ending: Ending,
    /// Whether the child leads a process group of its own.
    grouped: bool,
    lines: Receiver<(Stream, String)>,
    cancel: &'a Cancel,
    ended: Option<Exit>,
}

impl<'a> Running<'a> {
    fn start(
        invocation: &Invocation,
        caller: &Variables,
        cancel: &'a Cancel,
        coupling: Coupling,
    ) -> Result<Self> {
        let name = invocation.program_name().into_owned();
        cancel.check().map_err(|why| Error::stopped(why, &name))?;
        let mut command = command(invocation, caller);
        // A group of its own keeps a terminal's Ctrl-C from killing it behind the owner's back;
        // one that reads the terminal has to stay in the foreground group.
        let grouped = coupling.stdin != Stdin::Inherit || !io::stdin().is_terminal();
        if grouped {
            command.process_group(0);
        }
        let output = || match coupling.output_inherited {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        };
        command
            .stdin(match (coupling.stdin, invocation.ending) {
                (Stdin::Inherit, _) => Stdio::inherit(),
                (Stdin::Null, Ending::Lifeline | Ending::Tidying) => Stdio::piped(),
                (Stdin::Null, Ending::Kill) => Stdio::null(),
            })
            .stdout(output())
            .stderr(output());
        let mut child = command.spawn().map_err(|e| spawn_error(invocation, e))?;
        let (sender, lines) = sync_channel(limits::WAITING_LINES);
        let line_limit = coupling.line_limit.unwrap_or(limits::LINE);
        if let Some(stdout) = child.stdout.take() {
            read_lines(Stream::Stdout, stdout, line_limit, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            read_lines(Stream::Stderr, stderr, line_limit, sender);
        }
        Ok(Running {
            name,
            lifeline: coupling.lifeline.or(child.stdin.take().map(OwnedFd::from)),
            child,
            ending: invocation.ending,
            grouped,
            lines,
            cancel,
            ended: None,
        })
    }

    /// The next line of output, or `None` when there will be no more.
    fn next_line(&mut self) -> Result<Option<(Stream, String)>> {
        let mut quiet = 0;
        loop {
            if let Err(why) = self.cancel.check() {
                self.end();
                return Err(Error::stopped(why, &self.name));
            }
            match self.lines.recv_timeout(POLL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // A grandchild may hold the pipes open for ever: the child's own end is the end.
            match self.ended {
                Some(_) if quiet == QUIET_POLLS => return Ok(None),
                Some(_) => quiet += 1,
                None => self.ended = self.try_wait()?,
            }
        }
    }

    fn try_wait(&mut self) -> Result<Option<Exit>> {
        let waited = self.child.try_wait();
        waited
            .map(|status| status.map(Exit::of))
            .map_err(|e| self.wait_error(e))
    }

    /// Waits for the end of a process that has closed its output, still minding the cancellation.
    fn finish(mut self) -> Result<Exit> {
        if let Some(exit) = self.ended {
            return Ok(exit);
        }
        // Nearly always it has ended already, or does within the first milliseconds.
        for pause in (0..).map(|n: u32| Duration::from_millis(1 << n.min(5))) {
            if let Some(exit) = self.try_wait()? {
                self.ended = Some(exit);
                return Ok(exit);
            }
            if let Err(why) = self.cancel.check() {
                self.end();
                return Err(Error::stopped(why, &self.name));
            }
            thread::sleep(pause);
        }
        unreachable!("the pauses are endless")
    }

    /// Ends the process now and waits until it is gone.
    fn end(&mut self) {
        if self.ended.is_some() {
            return;
        }
        self.lifeline = None;
        let gone = match self.ending {
            Ending::Kill => false,
            Ending::Lifeline => self.is_gone_within(LIFELINE_GRACE),
            Ending::Tidying => self.is_gone_within(TIDYING_GRACE),
        };
        if self.ending == Ending::Tidying && !gone {
            self.leave();
            return;
        }
        if self.grouped {
            let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            if let Some(group) = group {
                // It may be gone already: that is what is wanted.
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
        let _ = self.child.kill();
        if let Ok(status) = self.child.wait() {
            self.ended = Some(Exit::of(status));
        }
    }

    /// Waits for the end of what was told to end, and says whether it came.
    fn is_gone_within(&mut self, grace: Duration) -> bool {
        let patience = clock::now() + grace;
        while clock::now() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Leaves the process to itself; it is reaped when it ends.
    fn leave(&mut self) {
        self.ended = Some(Exit::unknown());
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            thread::spawn(move || waitpid(Some(id), WaitOptions::empty()));
        }
    }

    fn wait_error(&self, source: io::Error) -> Error {
        Error::new(
            ErrorKind::Io,
            format!("cannot wait for `{}`: {source}", self.name),
        )
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads lines, which are cut at `limit`, and gives them to `to` until nobody listens.
pub(crate) fn read_lines(
    stream: Stream,
    mut from: impl Read + Send + 'static,
    limit: usize,
    to: SyncSender<(Stream, String)>,
) {
    thread::spawn(move || {
        let mut lines = LineSplitter::with_limit(limit);
        let mut bytes = vec![0; limits::CHUNK];
        loop {
            let whole = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(read) => lines.push(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            for line in whole {
                // Nobody listens any more: the owner has ended the process.
                if to.send((stream, line)).is_err() {
                    return;
                }
            }
        }
        if let Some(last) = lines.finish() {
            let _ = to.send((stream, last));
        }
    });
}

pub(crate) fn spawn_error(invocation: &Invocation, source: io::Error) -> Error {
    let name = invocation.program.display();
    if let Some(dir) = &invocation.cwd {
        if !dir.is_dir() {
            return Error::new(
                ErrorKind::Io,
                format!(
                    "cannot run `{name}`: directory `{}` does not exist",
                    dir.display()
                ),
            );
        }
    }
    if source.kind() == io::ErrorKind::NotFound {
        return Error::new(ErrorKind::ToolMissing, format!("`{name}` is not installed"))
            .with_help(format!("install `{name}`, or put its directory on PATH"));
    }
    Error::new(ErrorKind::Io, format!("cannot run `{name}`: {source}"))
}

#[cfg(test)]
mod tests;
