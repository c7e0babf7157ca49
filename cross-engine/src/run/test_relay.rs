//! Test binaries side by side: a run hands each to its owner, who says when it begins.
//!
//! Nobody but cargo knows all of what it gives a test binary: its variables, directory and arguments. So cargo
//! starts them itself, twice over, through a runner of ours in a directory that run and owner share.
//!
//! 1. In a first pass the runner leaves each binary in the background, where it waits until the owner gives it
//!    its threads, and tells cargo that it went well. The last one is said to have failed, so that cargo goes on
//!    to nothing else. What cargo prints is not heard.
//! 2. In the second pass the runner says whose turn it is, waits until the owner has delivered the whole output
//!    of that binary, and ends as the binary did. So what cargo says of them, in which order, where it stops,
//!    and what it runs after them (documentation tests) is cargo's own doing.
//!
//! Whatever is not as expected is run as cargo would have it: a binary that the first pass did not show,
//! an environment whose `env` cannot undo what shells do to background jobs, a run on another machine.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::Stream;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::run::run_dir::{Shown, fifo};
use crate::spec::run_spec::RELAY_CARGO;

/// The directory of the cache where relays are.
pub(crate) const HOME: &str = "relays";
/// What the runner says on standard error before the number of the binary whose turn it is.
const TURN: &str = "cross-relay: the turn of ";

const CARGO: &str = include_str!("test_relay/cargo.sh");
const RUNNER: &str = include_str!("test_relay/runner.sh");

/// The directory of one run, gone when dropped. Runs use it by [`RunSpec::relay`](crate::RunSpec::relay).
#[derive(Debug)]
pub struct Relay {
    dir: Shown,
    told: Mutex<BufReader<File>>,
    /// FIFOs that are held open for as long as somebody may read them.
    held: Mutex<Vec<File>>,
}

/// What a run tells its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// This binary waits for its threads. They come in cargo's order, from 0.
    Ready(usize),
    /// This binary has ended.
    Ended(usize, End),
    /// There are no more.
    All,
    /// The owner itself wants to hear no more.
    Over,
}

/// How a binary ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// Its exit status; for a signal 128 and its number.
    pub status: u8,
    /// Whether it was a signal.
    pub signal: bool,
}

impl End {
    /// The end with this exit status.
    pub fn exited(status: u8) -> Self {
        End {
            status,
            signal: false,
        }
    }

    /// Whether it ended with status 0.
    pub fn success(self) -> bool {
        self.status == 0
    }
}

impl Relay {
    /// A relay for at most so many `binaries`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) where the cache's file system has no named pipes or cannot be
    /// written.
    pub fn new(host: &Host, binaries: usize) -> Result<Self> {
        let dir = Shown::new(&host.cache.join(HOME), &unique("tests"))?;
        let path = dir.path().to_owned();
        // Only the run's user reaches it: the directory around it is the owner's alone.
        set_mode(&path, 0o777)?;
        for (name, text) in [(RELAY_CARGO, CARGO), ("run", RUNNER)] {
            let script = path.join(name);
            fs::write(&script, text).on("write", &script)?;
            set_mode(&script, 0o644)?;
        }
        let mut here = fifo(&path.join("here"))?;
        here.write_all(b"here\n").on("write", path.join("here"))?;
        let answer = fifo(&path.join("answer"))?;
        for n in 0..binaries {
            // Opened when it begins: there may be more binaries than files that a process may have open.
            fifo(&path.join(format!("{n}.go")))?;
        }
        let told = path.join("told");
        fifo(&told)?;
        // Open at both ends it never ends, and whoever hears waits.
        let told = File::options()
            .read(true)
            .write(true)
            .open(&told)
            .on("open", &told)?;
        Ok(Relay {
            told: Mutex::new(BufReader::new(told)),
            held: Mutex::new(vec![here, answer]),
            dir,
        })
    }

    /// Whether cargo, which takes the words of a runner apart at their spaces, can name this one.
    pub fn can_be_named(&self) -> bool {
        let path = self.dir.path().to_str();
        path.is_some_and(|it| !it.contains(char::is_whitespace))
    }

    /// The directory that the run has to see.
    pub fn directory(&self) -> &Path {
        self.dir.path()
    }

    /// Waits for what the run tells next. One thread hears.
    pub fn hear(&self) -> Told {
        let mut told = lock(&self.told);
        loop {
            let mut line = String::new();
            match told.read_line(&mut line) {
                Ok(0) | Err(_) => return Told::Over,
                Ok(_) => {}
            }
            if let Some(told) = parse(&line) {
                return told;
            }
        }
    }

    /// Makes whoever hears hear that it is over.
    pub fn hush(&self) {
        let over = || File::options().write(true).open(self.file("told"));
        // Who hears holds it open, so that it opens and takes a word at once.
        let _ = over().and_then(|mut told| told.write_all(b"over\n"));
    }

    /// Lets binary `n` begin with so many threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn start(&self, n: usize, threads: u32) -> Result<()> {
        self.say(&format!("{n}.go"), &format!("{threads}\n"))
    }

    /// Lets the runner end as the binary did whose turn it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn answer(&self, end: End) -> Result<()> {
        let signal = if end.signal { " signal" } else { "" };
        self.say("answer", &format!("{}{signal}\n", end.status))
    }

    /// Writes into a FIFO, and holds it open until it is read.
    fn say(&self, name: &str, words: &str) -> Result<()> {
        let path = self.file(name);
        let mut fifo = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .on("open", &path)?;
        fifo.write_all(words.as_bytes()).on("write", &path)?;
        lock(&self.held).push(fifo);
        Ok(())
    }

    /// The program that is binary `n`, as cargo named it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) where the run did not say.
    pub fn program(&self, n: usize) -> Result<PathBuf> {
        let path = self.file(&format!("{n}.program"));
        let text = fs::read_to_string(&path).on("read", &path)?;
        Ok(text.trim_end_matches('\n').into())
    }

    /// What binary `n`, which is ready, prints there.
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

    /// The binary whose turn a line of standard error tells, and what was printed before on the same line.
    pub fn turn(line: &str) -> Option<(&str, usize)> {
        let (before, n) = line.rsplit_once(TURN)?;
        Some((before, n.parse().ok()?))
    }

    /// A line of cargo's as it would be without this: with `runner`, or with none.
    pub fn undone(&self, line: &str, runner: &str) -> String {
        let ours = format!("sh {} ", self.file("run").display());
        match runner.trim() {
            "" => line.replace(&ours, ""),
            runner => line.replace(&ours, &format!("{runner} ")),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).on("set the permissions of", path)
}

fn parse(line: &str) -> Option<Told> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "all" => Some(Told::All),
        "over" => Some(Told::Over),
        "ready" => Some(Told::Ready(words.next()?.parse().ok()?)),
        "ended" => {
            let n = words.next()?.parse().ok()?;
            let status = words.next()?.parse().ok()?;
            let signal = words.next().is_some();
            Some(Told::Ended(n, End { status, signal }))
        }
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
