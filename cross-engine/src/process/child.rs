//! The process door: every process is started here, and has an owner until it is gone.
//!
//! Every process has an owner value, except a daemon ([`start_detached`]). When the owner is
//! dropped, cancelled or past its deadline, the process is ended and waited for. When the owner's
//! own process dies without a chance to do so (`SIGKILL`), the [`Ending`] of the invocation makes
//! the kernel do it.
//!
//! Two threads read the output into a channel, on which the calling thread waits. This needs no
//! async runtime and adds no latency, since the end of both pipes wakes the caller. The caller's
//! thread starts and reaps the child, because a parent-death signal is tied to the starting
//! *thread*.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::os;
use crate::process::cancel::{Cancel, Stopped};
use crate::process::clock;
use crate::process::descriptors::{self, Confined};
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::invocation::{Ending, Invocation, Variables};
use crate::process::untrusted::limits;
use crate::process::untrusted::lines::LineSplitter;

/// The interval at which cancellation is checked while nothing is printed.
const POLL: Duration = Duration::from_millis(50);
/// How long a command may take to end after its lifeline, before it is killed.
const LIFELINE_GRACE: Duration = Duration::from_secs(8);
/// How long a command may remove files before it is left to do so in the background.
const TIDYING_GRACE: Duration = Duration::from_secs(4);
/// The number of empty reads after the process has exited before its output is taken to be
/// complete. It is a count and not a time, so that no output is lost on a loaded machine or in a
/// suspended caller.
const QUIET_POLLS: u32 = 10;
/// The limit of what [`output`] captures. The answer of `cargo metadata` for the largest workspaces
/// is one line of about 10 MiB.
const CAPTURE_LIMIT: usize = 256 << 20;
/// No process can be started in this directory.
const NOWHERE: &str = "/dev/null/nowhere";

/// An output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Receives the output line by line, without line terminators. It may break to stop the process.
pub type Sink<'a> = dyn FnMut(Stream, &str) -> ControlFlow<()> + 'a;

/// The standard input of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stdin {
    /// Empty, or the lifeline if the invocation ends by one.
    #[default]
    Null,
    /// The caller's, for programs that read it. It is not the lifeline then.
    Inherit,
}

/// The streams of a child process.
#[derive(Debug, Default)]
pub(crate) struct ChildIo {
    /// Its standard input.
    pub(crate) stdin: Stdin,
    /// Whether its output goes to the caller's own streams, so that there are no lines to read.
    pub(crate) inherit_output: bool,
    /// The write end of a lifeline that is not its standard input.
    pub(crate) lifeline: Option<File>,
    /// The limit of a line, if it is not [`limits::LINE`].
    pub(crate) line_limit: Option<usize>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Exit {
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

impl Exit {
    /// Whether it exited with code 0.
    pub fn success(self) -> bool {
        self.code == Some(0)
    }

    pub(crate) fn of(status: ExitStatus) -> Self {
        Exit {
            code: status.code(),
            signal: os::signal_of(status),
        }
    }

    /// The exit of a process that nobody waited for.
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

/// The output of a captured command, and how it ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `invocation` to its end, and passes its output to `sink` as it comes.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`] if the program does not exist, [`ErrorKind::Cancelled`] and
/// [`ErrorKind::Deadline`] if `cancel` says so or the sink breaks, [`ErrorKind::Io`] otherwise. A
/// program that fails is not an error: see [`Exit`].
pub fn run(
    invocation: &Invocation,
    caller: &Variables,
    cancel: &Cancel,
    stdin: Stdin,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let io = ChildIo {
        stdin,
        ..ChildIo::default()
    };
    run_with_io(invocation, caller, cancel, io, sink)
}

/// Runs `invocation` to its end with the caller's standard input, output and error.
///
/// # Errors
///
/// As for [`run`].
pub fn run_inherited(invocation: &Invocation, caller: &Variables, cancel: &Cancel) -> Result<Exit> {
    let io = ChildIo {
        stdin: Stdin::Inherit,
        inherit_output: true,
        ..ChildIo::default()
    };
    let ignore = &mut |_, _: &str| ControlFlow::Continue(());
    run_with_io(invocation, caller, cancel, io, ignore)
}

/// Like [`run`], with a choice of every stream.
pub(crate) fn run_with_io(
    invocation: &Invocation,
    caller: &Variables,
    cancel: &Cancel,
    io: ChildIo,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let mut running = Running::start(invocation, caller, cancel, io)?;
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

/// Runs `invocation` and captures its output: for probes whose output is small.
///
/// # Errors
///
/// As for [`run`].
pub fn output(invocation: &Invocation, caller: &Variables, cancel: &Cancel) -> Result<Output> {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let io = ChildIo {
        line_limit: Some(CAPTURE_LIMIT),
        ..ChildIo::default()
    };
    let mut is_too_long = false;
    let ended = run_with_io(invocation, caller, cancel, io, &mut |stream, line| {
        let text = match stream {
            Stream::Stdout => &mut stdout,
            Stream::Stderr => &mut stderr,
        };
        if text.len() + line.len() > CAPTURE_LIMIT {
            is_too_long = true;
            return ControlFlow::Break(());
        }
        text.push_str(line);
        text.push('\n');
        ControlFlow::Continue(())
    });
    if is_too_long {
        let name = invocation.program_name();
        let message = format!("`{name}` prints more than {CAPTURE_LIMIT} bytes");
        return Err(Error::new(ErrorKind::Io, message));
    }
    let exit = ended?;
    Ok(Output {
        exit,
        stdout,
        stderr,
    })
}

/// Starts a daemon of the host and leaves it running. Its output is appended to the file at `log`.
///
/// A daemon is the only process that outlives its caller: an engine's daemon serves every later
/// call and every other program on the machine. It gets a session of its own (by util-linux's
/// `setsid`), so that neither the end of the caller nor a hang-up of its terminal reaches it. It is
/// not a child of this process; whether it works has to be asked of itself.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`] without `setsid`, [`ErrorKind::Io`] if the log cannot be written. If
/// the program itself does not exist, only the log says so.
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
        .map_err(|error| spawn_error(&detached, error))?;
    if status.success() {
        return Ok(());
    }
    let exit = Exit::of(status);
    Err(Error::new(
        ErrorKind::Io,
        format!("cannot start `{invocation}`: {exit}"),
    ))
}

/// Converts `invocation` to a [`Command`], for callers that run it themselves.
///
/// It has the variables, the directory and what the child inherits, and is for one start. The
/// caller owns the process.
#[expect(clippy::disallowed_methods, reason = "this is the process door")]
pub fn command(invocation: &Invocation, caller: &Variables) -> Command {
    let mut command = Command::new(&invocation.program);
    let before = match invocation.confined {
        Some(Confined::ClosedByBubblewrap(before)) => before.min(invocation.args.len()),
        _ => 0,
    };
    let (before, args) = invocation.args.split_at(before);
    command.args(before);
    if let Some(confined) = invocation.confined {
        let inherited_file = invocation.inherited_file.as_ref();
        if descriptors::confine(&mut command, confined, inherited_file).is_err() {
            // No file descriptor is left. The start fails, so that nothing is inherited by mistake.
            command.current_dir(NOWHERE);
            return command;
        }
    }
    command
        .args(args)
        .env_clear()
        .envs(invocation.variables(caller));
    if let Some(dir) = &invocation.cwd {
        command.current_dir(dir);
    }
    command
}

/// What ends a process when it is closed.
enum Lifeline {
    /// The end of a FIFO.
    Fifo(#[expect(dead_code, reason = "it is held open")] File),
    /// The process's standard input.
    Stdin(#[expect(dead_code, reason = "it is held open")] ChildStdin),
}

impl Lifeline {
    fn of(fifo: Option<File>, stdin: Option<ChildStdin>) -> Option<Self> {
        match fifo {
            Some(fifo) => Some(Lifeline::Fifo(fifo)),
            None => stdin.map(Lifeline::Stdin),
        }
    }
}

/// The owner of one process.
struct Running<'a> {
    name: String,
    child: Child,
    /// Closing it ends the process.
    lifeline: Option<Lifeline>,
    ending: Ending,
    /// Whether the child leads a process group of its own.
    own_group: bool,
    lines: Receiver<(Stream, String)>,
    cancel: &'a Cancel,
    exit: Option<Exit>,
}

impl<'a> Running<'a> {
    fn start(
        invocation: &Invocation,
        caller: &Variables,
        cancel: &'a Cancel,
        child_io: ChildIo,
    ) -> Result<Self> {
        let name = invocation.program_name().into_owned();
        cancel.check().map_err(|why| Error::stopped(why, &name))?;
        let mut command = command(invocation, caller);
        // In a process group of its own, Ctrl-C in a terminal does not kill it without the owner. A
        // process that reads the terminal has to stay in the foreground group.
        let own_group = child_io.stdin != Stdin::Inherit || !io::stdin().is_terminal();
        if own_group {
            os::lead_group(&mut command);
        }
        let output = || match child_io.inherit_output {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        };
        command
            .stdin(match (child_io.stdin, invocation.ending) {
                (Stdin::Inherit, _) => Stdio::inherit(),
                (Stdin::Null, Ending::Lifeline | Ending::Tidying) => Stdio::piped(),
                (Stdin::Null, Ending::Kill) => Stdio::null(),
            })
            .stdout(output())
            .stderr(output());
        let mut child = command
            .spawn()
            .map_err(|error| spawn_error(invocation, error))?;
        let (sender, lines) = sync_channel(limits::WAITING_LINES);
        let line_limit = child_io.line_limit.unwrap_or(limits::LINE);
        if let Some(stdout) = child.stdout.take() {
            spawn_line_reader(Stream::Stdout, stdout, line_limit, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            spawn_line_reader(Stream::Stderr, stderr, line_limit, sender);
        }
        Ok(Running {
            name,
            lifeline: Lifeline::of(child_io.lifeline, child.stdin.take()),
            child,
            ending: invocation.ending,
            own_group,
            lines,
            cancel,
            exit: None,
        })
    }

    /// Waits for the next line of output; `None` at the end.
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
            // A grandchild may hold the pipes open forever, so the child's own exit counts.
            match self.exit {
                Some(_) if quiet == QUIET_POLLS => return Ok(None),
                Some(_) => quiet += 1,
                None => self.exit = self.try_wait()?,
            }
        }
    }

    fn try_wait(&mut self) -> Result<Option<Exit>> {
        let waited = self.child.try_wait();
        waited
            .map(|status| status.map(Exit::of))
            .map_err(|error| self.wait_error(error))
    }

    /// Waits for the exit of a process that has closed its output, and still checks for
    /// cancellation.
    fn finish(mut self) -> Result<Exit> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        // It has nearly always exited already, or does within the first milliseconds.
        for pause in (0..).map(|n: u32| Duration::from_millis(1 << n.min(5))) {
            if let Some(exit) = self.try_wait()? {
                self.exit = Some(exit);
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

    /// Ends the process and waits until it is gone.
    fn end(&mut self) {
        if self.exit.is_some() {
            return;
        }
        self.lifeline = None;
        let gone = match self.ending {
            Ending::Kill => false,
            Ending::Lifeline => self.wait_for_exit(LIFELINE_GRACE),
            Ending::Tidying => self.wait_for_exit(TIDYING_GRACE),
        };
        if self.ending == Ending::Tidying && !gone {
            self.abandon();
            return;
        }
        if self.own_group {
            os::kill_group(self.child.id());
        }
        let _ = self.child.kill();
        if let Ok(status) = self.child.wait() {
            self.exit = Some(Exit::of(status));
        }
    }

    /// Waits for a process that was told to end, and returns whether it exited.
    fn wait_for_exit(&mut self, grace: Duration) -> bool {
        let deadline = clock::now() + grace;
        while clock::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Stops waiting for the process. A thread reaps it when it exits.
    fn abandon(&mut self) {
        self.exit = Some(Exit::unknown());
        os::reap(self.child.id());
    }

    fn wait_error(&self, source: io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("cannot wait for `{}`", self.name)).with_source(source)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a thread that reads lines, cuts them at `limit`, and sends them to `to` until the
/// receiver is gone.
pub(crate) fn spawn_line_reader(
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
                // The receiver is gone: the owner has ended the process.
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
    Error::new(ErrorKind::Io, format!("cannot run `{name}`")).with_source(source)
}

#[cfg(test)]
mod tests;
