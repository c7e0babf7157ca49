//! Parallel test binaries: a run hands each binary to its owner, which decides when it starts.
//!
//! Only cargo knows everything that it passes to a test binary: variables, directory and arguments.
//! So cargo starts the binaries itself, in two passes, through a runner script in a directory that
//! the run shares with its owner.
//!
//! 1. In the first pass, the runner leaves each binary in the background, where it waits for the
//!    owner, and reports success to cargo. It reports a failure for the last one, so that cargo
//!    does not continue with anything else. Cargo's output is discarded.
//! 2. In the second pass, the runner announces whose turn it is, waits until the owner has
//!    delivered the whole output of that binary, and exits as the binary did. So cargo itself
//!    decides what it prints, in which order, where it stops, and what it runs afterwards
//!    (documentation tests).
//!
//! In an unexpected situation, the binaries run as cargo runs them: a binary that the first pass
//! did not see, an environment whose `env` cannot undo what shells do to background jobs, a run on
//! another machine.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::Stream;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
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
#[derive(Debug)]
pub struct TestRelay {
    dir: RunDir,
    messages: Mutex<BufReader<File>>,
    /// FIFOs that stay open for as long as a run may read them.
    open: Mutex<Vec<File>>,
}

/// A message from a run to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayMessage {
    /// This binary is ready to start. The binaries are numbered in cargo's order, from 0.
    Ready(usize),
    /// This binary has exited.
    Ended(usize, TestExit),
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
}

impl TestRelay {
    /// Creates a relay for at most this number of binaries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the cache's file system does not support named
    /// pipes or cannot be written.
    pub fn new(host: &Host, binaries: usize) -> Result<Self> {
        let dir = RunDir::new(&host.cache.join(RELAYS), &unique("tests"))?;
        let path = dir.path().to_owned();
        // Other users cannot reach it: only the owner may enter its parent directory.
        set_mode(&path, 0o777)?;
        for (name, text) in [(RELAY_CARGO, CARGO), ("run", RUNNER)] {
            let script = path.join(name);
            fs::write(&script, text).on("write", &script)?;
            set_mode(&script, 0o644)?;
        }
        let mut here = create_fifo(&path.join("here"))?;
        here.write_all(b"here\n").on("write", path.join("here"))?;
        let answer = create_fifo(&path.join("answer"))?;
        for n in 0..binaries {
            // It is opened when the binary starts: there may be more binaries than a process may
            // open files.
            create_fifo(&path.join(format!("{n}.go")))?;
        }
        let messages = path.join("told");
        create_fifo(&messages)?;
        // With both ends open, reading never ends but waits.
        let messages = File::options()
            .read(true)
            .write(true)
            .open(&messages)
            .on("open", &messages)?;
        Ok(TestRelay {
            messages: Mutex::new(BufReader::new(messages)),
            open: Mutex::new(vec![here, answer]),
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
            let mut line = String::new();
            match messages.read_line(&mut line) {
                Ok(0) | Err(_) => return RelayMessage::Over,
                Ok(_) => {}
            }
            if let Some(message) = parse(&line) {
                return message;
            }
        }
    }

    /// Sends [`RelayMessage::Over`] to the thread that listens.
    pub fn close(&self) {
        let open = || File::options().write(true).open(self.file("told"));
        // The other end is open, so that neither call blocks.
        let _ = open().and_then(|mut messages| messages.write_all(b"over\n"));
    }

    /// Starts binary `n` with this number of threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn start(&self, n: usize, threads: u32) -> Result<()> {
        self.write(&format!("{n}.go"), &format!("{threads}\n"))
    }

    /// Makes the runner exit as the binary did whose turn it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn finish_turn(&self, end: TestExit) -> Result<()> {
        let signal = if end.signal { " signal" } else { "" };
        self.write("answer", &format!("{}{signal}\n", end.status))
    }

    /// Writes to a FIFO, and keeps it open until it is read.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.file(name);
        let mut fifo = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .on("open", &path)?;
        fifo.write_all(text.as_bytes()).on("write", &path)?;
        lock(&self.open).push(fifo);
        Ok(())
    }

    /// The path of binary `n`, as given by cargo.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the run did not report it.
    pub fn program(&self, n: usize) -> Result<PathBuf> {
        let path = self.file(&format!("{n}.program"));
        let text = fs::read_to_string(&path).on("read", &path)?;
        Ok(text.trim_end_matches('\n').into())
    }

    /// Opens the output of binary `n`, which is ready.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn output(&self, n: usize, stream: Stream) -> Result<File> {
        let ending = match stream {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
        };
        let path = self.file(&format!("{n}.{ending}"));
        File::open(&path).on("open", path)
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

fn parse(line: &str) -> Option<RelayMessage> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "all" => Some(RelayMessage::All),
        "over" => Some(RelayMessage::Over),
        "ready" => Some(RelayMessage::Ready(words.next()?.parse().ok()?)),
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
