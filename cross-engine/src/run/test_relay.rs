//! Test binaries: a run hands each binary to its owner, which reads its output and its end apart
//! from those of the others, and may decide when it starts.
//!
//! Only cargo knows everything that it passes to a test binary: variables, directory and arguments.
//! So cargo starts the binaries itself, through a runner script in a directory that the run shares
//! with its owner. Binaries that run one after the other take one pass. Those that run side by side
//! take two.
//!
//! 1. In the first pass, the runner leaves each binary in the background, where it waits for the
//!    owner, and reports success to cargo. It reports a failure for the last one, so that cargo
//!    does not continue with anything else. Cargo's output is discarded.
//! 2. In the second pass, the runner announces whose turn it is, waits until the owner has
//!    delivered the whole output of that binary, and exits as the binary did. So cargo itself
//!    decides what it prints, in which order, where it stops, and what it runs afterwards
//!    (documentation tests).
//!
//! The owner may ask for the names of a binary's tests before the runner exits. The runner starts
//! the binary once more for that, with the same arguments, variables and directory.
//!
//! A run of programs whose streams are the caller's is only watched: the runner leaves the name of
//! each program that it starts, and becomes the program. Of test binaries, it keeps what they print
//! beside, so that the owner knows afterwards whether their harness came to its end.
//!
//! Cargo has two runners: the target's, and the host's for the tests of procedural macros. Both are
//! the relay's, so that no test binary is started without it.
//!
//! In an unexpected situation, there is less of this. The binaries run one after the other in an
//! environment whose `env` cannot undo what shells do to background jobs. A binary that the owner did
//! not expect runs as cargo runs it.
//!
//! A run on another machine has a directory of its own, which is copied, or says what it starts
//! among what it prints: see `remote/far_relay.rs`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engines::engine::Engine;
use crate::os::pipes;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::process::untrusted::{Dir, LineSplitter, RegularFile, limits};
use crate::process::{Exit, Stream};
use crate::reach::answer::Reach;
use crate::run::run_dir::{RunDir, create_fifo, set_mode};
use crate::spec::run_spec::{RELAY_CARGO, Root, RunSpec, relay_inside};

/// The cache's subdirectory for relays.
pub(crate) const RELAYS: &str = "relays";
/// What the runner prints on standard error before the number of the binary whose turn it is.
const TURN_PREFIX: &str = "cross-relay: the turn of ";

/// The named pipe of the run's messages.
pub(crate) const TOLD: &str = "told";
/// The named pipe of the owner's answers.
pub(crate) const ANSWER: &str = "answer";
/// The list of the binaries.
const PROGRAMS: &str = "programs";
/// The file that says that binaries run side by side.
const PARALLEL: &str = "parallel";
/// The file that says that programs are only watched. On another machine, it has the beginning of the
/// lines in which the run says what it starts.
pub(crate) const WATCHED: &str = "watched";
/// The file that says that what test binaries print is kept. On another machine, it has a line, and
/// the run itself judges what is kept.
pub(crate) const KEPT: &str = "kept";
/// The ending of the file that names a program.
pub(crate) const PROGRAM: &str = "program";
/// The ending of the file that says that a program has no runner.
pub(crate) const UNSTARTED: &str = "unstarted";
/// The file of the number of the next program.
pub(crate) const NEXT: &str = "next";

/// The script that is the target's runner.
const TARGET: &str = "target";
/// The script that is the host's runner.
const HOST: &str = "host";

const CARGO: &str = include_str!("test_relay/cargo.sh");
const RUNNER: &str = include_str!("test_relay/runner.sh");

/// The relay of one run, removed when it is dropped. Runs use it by
/// [`RunSpec::relay`](crate::RunSpec::relay).
///
/// A run can write anything to the directory. So FIFOs are held open or checked before they are
/// opened, files are read through [`untrusted`](crate::process::untrusted), and messages about
/// unknown binaries are dropped.
#[derive(Debug)]
pub struct TestRelay {
    dir: RunDir,
    /// The same directory, opened before anything ran.
    opened_dir: Dir,
    binaries: usize,
    messages: Mutex<Messages>,
    /// The write end of the messages' FIFO.
    wake: File,
    is_over: AtomicBool,
    answer: File,
    /// FIFOs that stay open for as long as a run may read them.
    open: Mutex<Vec<File>>,
}

/// The FIFO of a run's messages, and the messages that were read but not yet received.
#[derive(Debug)]
struct Messages {
    fifo: File,
    lines: LineSplitter,
    parsed: VecDeque<RelayMessage>,
}

/// How many programs are looked for that a watched run started: as many as a workspace has.
pub(crate) const STARTED: usize = 10_000;
/// The limit of a message's length.
pub(crate) const MESSAGE_LIMIT: usize = 64;
/// The interval at which the listener checks whether it is over. The FIFO may be too full to wake
/// it.
const POLL: Duration = Duration::from_millis(100);

/// A message from a run to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayMessage {
    /// This binary is ready to start. The binaries are numbered in cargo's order, from 0.
    Ready(usize),
    /// This binary starts without waiting.
    Started(usize),
    /// This binary has exited.
    Ended(usize, TestExit),
    /// The names of this binary's tests are in a file: see [`TestRelay::listed`].
    Listed(usize),
    /// There are no more binaries.
    All,
    /// The owner stopped listening.
    Over,
}

/// What is kept of a test binary.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeptOutput {
    /// Its exit status, or 128 plus the number of the signal.
    pub status: u8,
    /// What it printed on its standard output.
    pub stdout: RegularFile,
    /// Whether `stdout` has all of that: it is limited.
    pub is_whole: bool,
}

/// The limit for what is kept of a binary's output, in bytes, as `runner.sh` has it. It is below
/// what is read of a stream.
const KEPT_LIMIT: u64 = 49_152 * 512;

/// How a relay starts programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayMode {
    /// Each waits for [`TestRelay::start`], in the background.
    SideBySide,
    /// One after the other, each with its output in files.
    OneByOne,
    /// One after the other, each with the streams of the run. Only their names are known:
    /// [`TestRelay::started`].
    Watched,
    /// As with `Watched`, but what test binaries print on their standard output is kept in files as
    /// well ([`TestRelay::kept`]): they print through a pipe. Documentation tests are not kept.
    ///
    /// A run on another machine leaves nothing. It fails itself if a binary that ended with success
    /// printed no result, of the crates that the relay has as its programs.
    Kept,
}

/// How a test binary exited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestExit {
    /// Its exit status, or 128 plus the number of the signal.
    pub status: u8,
    /// Whether a signal ended it.
    pub signal: bool,
}

impl TestExit {
    /// An exit with this status.
    pub fn exited(status: u8) -> Self {
        TestExit {
            status,
            signal: false,
        }
    }

    /// Whether the status is 0.
    pub fn success(self) -> bool {
        self.status == 0
    }

    /// The same as the exit of a process.
    pub fn exit(self) -> Exit {
        let status = i32::from(self.status);
        // A signal without its number would be forged.
        let signal = Some(status - 128).filter(|number| self.signal && *number > 0);
        Exit {
            code: signal.is_none().then_some(status),
            signal,
        }
    }
}

impl TestRelay {
    /// Whether runs of `engine` can have relays: they see the named pipes of this machine, or what
    /// passes between those and their own is copied. Without one, test binaries run as cargo runs
    /// them.
    pub fn is_supported(engine: &Engine) -> bool {
        match engine.reach {
            Reach::Remote(_) => pipes::EXIST,
            _ => !engine.own_kernel,
        }
    }

    /// Creates a relay for these binaries, which cargo may start in any order. A relay that only
    /// watches starts any program.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the cache's file system does not support named
    /// pipes or cannot be written.
    pub fn new(host: &Host, programs: &[&Path], mode: RelayMode) -> Result<Self> {
        let binaries = programs.len();
        let dir = RunDir::new(&host.cache.join(RELAYS), &unique("tests"))?;
        let path = dir.path().to_owned();
        // Other users cannot reach it: only the owner may enter its parent directory.
        set_mode(&path, 0o777)?;
        for (name, text) in [(RELAY_CARGO, CARGO), (TARGET, RUNNER), (HOST, RUNNER)] {
            let script = path.join(name);
            fs::write(&script, text).on("write", &script)?;
            set_mode(&script, 0o644)?;
        }
        let file = path.join(PROGRAMS);
        let list = programs.iter().flat_map(|program| {
            let program = program.as_os_str().as_encoded_bytes();
            program.iter().chain(b"\n")
        });
        fs::write(&file, list.copied().collect::<Vec<_>>()).on("write", &file)?;
        let mark = match mode {
            RelayMode::SideBySide => Some(PARALLEL),
            RelayMode::OneByOne => None,
            RelayMode::Watched => Some(WATCHED),
            RelayMode::Kept => Some(KEPT),
        };
        if let Some(mark) = mark {
            let file = path.join(mark);
            fs::write(&file, "").on("write", &file)?;
        }
        let mut here = create_fifo(&path.join("here"))?;
        here.write_all(b"here\n").on("write", path.join("here"))?;
        let waiting = if mode == RelayMode::Kept { 0 } else { binaries };
        for n in 0..waiting {
            // It is opened when the binary starts: there may be more binaries than a process may
            // open files.
            create_fifo(&path.join(format!("{n}.go")))?;
        }
        // With both ends open, reading never ends but waits.
        let messages = create_fifo(&path.join(TOLD))?;
        Ok(TestRelay {
            opened_dir: Dir::open(&path)?,
            binaries,
            wake: messages.try_clone().on("open", path.join(TOLD))?,
            messages: Mutex::new(Messages {
                fifo: messages,
                lines: LineSplitter::with_limit(MESSAGE_LIMIT),
                parsed: VecDeque::new(),
            }),
            is_over: AtomicBool::new(false),
            answer: create_fifo(&path.join(ANSWER))?,
            open: Mutex::new(vec![here]),
            dir,
        })
    }

    /// Whether cargo, which splits a runner's command line at spaces, can use this relay's path in
    /// a run of `spec`. On the host itself, the path is that of the cache.
    pub fn has_usable_path(&self, spec: &RunSpec) -> bool {
        let path = match spec.root {
            Root::Host => self.dir.path().to_owned(),
            _ => relay_inside(self.dir.path()),
        };
        let path = path.to_str();
        path.is_some_and(|path| !path.contains(char::is_whitespace))
    }

    /// The directory that the run has to see.
    pub fn directory(&self) -> &Path {
        self.dir.path()
    }

    /// Waits for the run's next message. Only one thread may do so.
    pub fn receive(&self) -> RelayMessage {
        let mut messages = lock(&self.messages);
        loop {
            if self.is_over.load(Ordering::SeqCst) {
                return RelayMessage::Over;
            }
            if let Some(message) = messages.parsed.pop_front() {
                return message;
            }
            if messages.read(self.binaries).is_err() {
                return RelayMessage::Over;
            }
        }
    }

    /// Sends [`RelayMessage::Over`] to the thread that listens.
    pub fn close(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        // If the FIFO is full, the listener checks soon anyway.
        let _ = (&self.wake).write(b"\n");
    }

    /// Starts binary `n` with this number of threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn start(&self, n: usize, threads: u32) -> Result<()> {
        let name = format!("{n}.go");
        let go = self.opened_dir.fifo(&name)?;
        write_line(&go, &format!("{threads}\n")).on("write", self.file(&name))?;
        lock(&self.open).push(go);
        Ok(())
    }

    /// Makes the runner exit as the binary did whose turn it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn finish_turn(&self, end: TestExit) -> Result<()> {
        let signal = if end.signal { " signal" } else { "" };
        let line = format!("{}{signal}\n", end.status);
        write_line(&self.answer, &line).on("write", self.file(ANSWER))
    }

    /// Asks the runner for the names of the tests of the binary whose turn it is and which has
    /// ended. [`RelayMessage::Listed`] says that [`TestRelay::listed`] has them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn list(&self) -> Result<()> {
        write_line(&self.answer, "list\n").on("write", self.file(ANSWER))
    }

    /// Opens what binary `n` printed when it was asked for the names of its tests (`--list`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it was not asked,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn listed(&self, n: usize) -> Result<RegularFile> {
        self.opened_dir.file(format!("{n}.list"))
    }

    /// The path of binary `n`, as given by cargo.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the run did not report it,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn program(&self, n: usize) -> Result<PathBuf> {
        let file = self.opened_dir.file(format!("{n}.{PROGRAM}"))?;
        let text = file.text(limits::RECORD)?;
        Ok(text.trim_end_matches('\n').into())
    }

    /// The words that cargo gives to binary `n`, if the run reported them. A word with a line break
    /// becomes several.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn words(&self, n: usize) -> Result<Option<Vec<String>>> {
        let Some(file) = self.opened_dir.file_if_any(format!("{n}.words"))? else {
            return Ok(None);
        };
        let text = file.text(limits::RECORD)?;
        Ok(Some(text.lines().map(str::to_owned).collect()))
    }

    /// Whether binary `n` could not be started, because its runner is not in the environment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn lacks_runner(&self, n: usize) -> Result<bool> {
        let unstarted = self.opened_dir.file_if_any(format!("{n}.{UNSTARTED}"))?;
        Ok(unstarted.is_some())
    }

    /// The paths of the programs that were started so far, as given by cargo, in this order. `None`
    /// if the run does not use the relay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn started(&self) -> Result<Option<Vec<PathBuf>>> {
        if !self.is_used()? {
            return Ok(None);
        }
        let has_started = |n: &usize| {
            let named = self.opened_dir.file_if_any(format!("{n}.{PROGRAM}"));
            named.is_ok_and(|file| file.is_some())
        };
        let started = (0..STARTED).take_while(has_started);
        started
            .map(|n| self.program(n))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// What is kept of binary `n`, which has ended. `None` if nothing is, or if it did not end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn kept(&self, n: usize) -> Result<Option<KeptOutput>> {
        let status = self.opened_dir.file_if_any(format!("{n}.status"))?;
        let stdout = self.opened_dir.file_if_any(format!("{n}.out"))?;
        let (Some(status), Some(stdout)) = (status, stdout) else {
            return Ok(None);
        };
        let Ok(status) = status.text(limits::RECORD)?.trim().parse() else {
            return Ok(None);
        };
        let end = self.opened_dir.file_if_any(format!("{n}.end"))?;
        Ok(Some(KeptOutput {
            is_whole: end.is_some() && stdout.len() < KEPT_LIMIT,
            status,
            stdout,
        }))
    }

    /// Whether a run started cargo by this relay.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn is_used(&self) -> Result<bool> {
        let next = self.opened_dir.file_if_any(NEXT)?;
        Ok(next.is_some())
    }

    /// Opens the output of binary `n`, which is ready.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn output(&self, n: usize, stream: Stream) -> Result<RegularFile> {
        let ending = match stream {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
        };
        self.opened_dir.file(format!("{n}.{ending}"))
    }

    /// Parses a line of standard error that announces a binary's turn. Returns the number, and what
    /// was printed before on the same line.
    pub fn parse_turn(line: &str) -> Option<(&str, usize)> {
        let (before, n) = line.rsplit_once(TURN_PREFIX)?;
        Some((before, n.parse().ok()?))
    }

    /// Restores a line of cargo's output to what it is without the relay: with `runner`, the
    /// target's, or with none.
    pub fn restore_line(&self, line: &str, runner: &str) -> String {
        let inside = relay_inside(self.dir.path());
        let wrapper = |script: &str| format!("sh {} ", inside.join(script).display());
        let line = line.replace(&wrapper(HOST), "");
        match runner.trim() {
            "" => line.replace(&wrapper(TARGET), ""),
            runner => line.replace(&wrapper(TARGET), &format!("{runner} ")),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Messages {
    /// Waits for messages, but not for long, and reads them.
    fn read(&mut self, binaries: usize) -> io::Result<()> {
        if !pipes::wait(&self.fifo, POLL)? {
            return Ok(());
        }
        let mut bytes = [0; 4096];
        let read = match self.fifo.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        let lines = self.lines.push(&bytes[..read]);
        let messages = lines.iter().filter_map(|line| parse(line));
        self.parsed.extend(messages.filter(|message| match message {
            RelayMessage::Ready(n)
            | RelayMessage::Started(n)
            | RelayMessage::Ended(n, _)
            | RelayMessage::Listed(n) => *n < binaries,
            _ => true,
        }));
        Ok(())
    }
}

/// What a relay has at its beginning.
pub(crate) struct Files {
    /// The script that starts cargo.
    pub(crate) cargo: &'static str,
    /// The script of both runners.
    pub(crate) runner: &'static str,
    /// The binaries, one in each line.
    pub(crate) programs: String,
    /// The file that says how they start; empty if none does.
    pub(crate) mark: &'static str,
}

/// The longest list of binaries that fits among the words of a command.
const PROGRAMS_LIMIT: u64 = 100 << 10;

/// What the relay in `dir` has at its beginning, for a run that cannot see it. `None` if that run
/// cannot have it: there are too many binaries, or none.
pub(crate) fn files(dir: &Path) -> Result<Option<Files>> {
    let dir = Dir::open(dir)?;
    let mut mark = "";
    for name in [PARALLEL, WATCHED, KEPT] {
        if dir.file_if_any(name)?.is_some() {
            mark = name;
        }
    }
    let programs = dir.file(PROGRAMS)?;
    let has_none = programs.len() == 0 && mark != WATCHED;
    if has_none || programs.len() > PROGRAMS_LIMIT {
        return Ok(None);
    }
    let programs = programs.text(PROGRAMS_LIMIT)?;
    Ok(Some(Files {
        cargo: CARGO,
        runner: RUNNER,
        programs: programs.trim_end().to_owned(),
        mark,
    }))
}

/// Writes a line to a FIFO. It is an error if the run has filled the FIFO: this does not wait.
fn write_line(mut fifo: &File, line: &str) -> io::Result<()> {
    // So few bytes are written all at once, or not at all.
    fifo.write(line.as_bytes()).map(drop)
}

fn parse(line: &str) -> Option<RelayMessage> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "all" => Some(RelayMessage::All),
        "ready" => Some(RelayMessage::Ready(words.next()?.parse().ok()?)),
        "started" => Some(RelayMessage::Started(words.next()?.parse().ok()?)),
        "listed" => Some(RelayMessage::Listed(words.next()?.parse().ok()?)),
        "ended" => {
            let n = words.next()?.parse().ok()?;
            let status = words.next()?.parse().ok()?;
            let signal = words.next().is_some();
            Some(RelayMessage::Ended(n, TestExit { status, signal }))
        }
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
