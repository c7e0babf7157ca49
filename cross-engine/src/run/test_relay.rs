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
//! In an unexpected situation, there is less of this. The binaries run one after the other in an
//! environment whose `env` cannot undo what shells do to background jobs. They run as cargo runs
//! them if the run is on another machine, and so does a binary that the owner did not expect.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::process::untrusted::{Dir, LineSplitter, RegularFile, limits};
use crate::process::{Exit, Stream};
use crate::run::run_dir::{RunDir, create_fifo, set_mode};
use crate::spec::run_spec::RELAY_CARGO;

/// The cache's subdirectory for relays.
pub(crate) const RELAYS: &str = "relays";
/// What the runner prints on standard error before the number of the binary whose turn it is.
const TURN_PREFIX: &str = "cross-relay: the turn of ";

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

/// The limit of a message's length.
const MESSAGE_LIMIT: usize = 64;
/// The interval at which the listener checks whether it is over. The FIFO may be too full to wake
/// it.
const POLL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

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
    /// Creates a relay for these binaries, which cargo may start in any order. If they run side by
    /// side (`parallel`), each waits for [`TestRelay::start`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the cache's file system does not support named
    /// pipes or cannot be written.
    pub fn new(host: &Host, programs: &[&Path], parallel: bool) -> Result<Self> {
        let binaries = programs.len();
        let dir = RunDir::new(&host.cache.join(RELAYS), &unique("tests"))?;
        let path = dir.path().to_owned();
        // Other users cannot reach it: only the owner may enter its parent directory.
        set_mode(&path, 0o777)?;
        for (name, text) in [(RELAY_CARGO, CARGO), ("run", RUNNER)] {
            let script = path.join(name);
            fs::write(&script, text).on("write", &script)?;
            set_mode(&script, 0o644)?;
        }
        let file = path.join("programs");
        let list = programs.iter().flat_map(|program| {
            let program = program.as_os_str().as_bytes();
            program.iter().chain(b"\n")
        });
        fs::write(&file, list.copied().collect::<Vec<_>>()).on("write", &file)?;
        if parallel {
            let file = path.join("parallel");
            fs::write(&file, "").on("write", &file)?;
        }
        let mut here = create_fifo(&path.join("here"))?;
        here.write_all(b"here\n").on("write", path.join("here"))?;
        for n in 0..binaries {
            // It is opened when the binary starts: there may be more binaries than a process may
            // open files.
            create_fifo(&path.join(format!("{n}.go")))?;
        }
        // With both ends open, reading never ends but waits.
        let messages = create_fifo(&path.join("told"))?;
        Ok(TestRelay {
            opened_dir: Dir::open(&path)?,
            binaries,
            wake: messages.try_clone().on("open", path.join("told"))?,
            messages: Mutex::new(Messages {
                fifo: messages,
                lines: LineSplitter::with_limit(MESSAGE_LIMIT),
                parsed: VecDeque::new(),
            }),
            is_over: AtomicBool::new(false),
            answer: create_fifo(&path.join("answer"))?,
            open: Mutex::new(vec![here]),
            dir,
        })
    }

    /// Whether cargo, which splits a runner's command line at spaces, can use this relay's path.
    pub fn has_usable_path(&self) -> bool {
        let path = self.dir.path().to_str();
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
        write_line(&self.answer, &line).on("write", self.file("answer"))
    }

    /// Asks the runner for the names of the tests of the binary whose turn it is and which has
    /// ended. [`RelayMessage::Listed`] says that [`TestRelay::listed`] has them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn list(&self) -> Result<()> {
        write_line(&self.answer, "list\n").on("write", self.file("answer"))
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
        let file = self.opened_dir.file(format!("{n}.program"))?;
        let text = file.text(limits::RECORD)?;
        Ok(text.trim_end_matches('\n').into())
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

    /// Restores a line of cargo's output to what it is without the relay: with `runner`, or with
    /// none.
    pub fn restore_line(&self, line: &str, runner: &str) -> String {
        let wrapper = format!("sh {} ", self.file("run").display());
        match runner.trim() {
            "" => line.replace(&wrapper, ""),
            runner => line.replace(&wrapper, &format!("{runner} ")),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Messages {
    /// Waits for messages, but not for long, and reads them.
    fn read(&mut self, binaries: usize) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.fifo, PollFlags::IN)], Some(&POLL)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
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
mod tests;
