//! Test binaries side by side: a run hands each to its owner, who says when it begins.
//!
//! Nobody but cargo knows all of what it gives a test binary: its variables, directory and
//! arguments. So cargo starts them itself, twice over, through a runner of ours in a directory that
//! run and owner share.
//!
//! 1. In a first pass the runner leaves each binary in the background, where it waits until the
//!    owner gives it its threads, and tells cargo that it went well. The last one is said to have
//!    failed, so that cargo goes on to nothing else. What cargo prints is not heard.
//! 2. In the second pass the runner says whose turn it is, waits until the owner has delivered the
//!    whole output of that binary, and ends as the binary did. So what cargo says of them, in which
//!    order, where it stops, and what it runs after them (documentation tests) is cargo's own
//!    doing.
//!
//! Whatever is not as expected is run as cargo would have it: a binary that the first pass did not
//! show, an environment whose `env` cannot undo what shells do to background jobs, a run on another
//! machine.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::process::Stream;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::process::untrusted::{Dir, LineSplitter, RegularFile, limits};
use crate::run::run_dir::{Shown, fifo};
use crate::spec::run_spec::RELAY_CARGO;

/// The directory of the cache where relays are.
pub(crate) const HOME: &str = "relays";
/// What the runner says on standard error before the number of the binary whose turn it is.
const TURN: &str = "cross-relay: the turn of ";

/// Starts cargo, whose words follow the name of the variable by which it finds the target's runner.
///
/// Shells have background jobs ignore two signals, and a program would inherit that: an `env` that
/// can undo it is needed. The FIFO `here` says whether the owner is on this machine.
const CARGO: &str = r#"cross_dir=${0%/*}
cross_variable=$1
shift
env --default-signal=INT,QUIT true 2>/dev/null || exec "$@"
exec 5<>$cross_dir/here 3<$cross_dir/here 5>&-
read -r cross_line <&3 || exec "$@" 3<&-
exec 3<&-
eval "cross_runner=\${$cross_variable-}"
printf '%s\n' "$cross_variable" >$cross_dir/variable
printf '%s\n' "$cross_runner" >$cross_dir/runner
echo 0 >$cross_dir/next
(
    export "$cross_variable=sh $cross_dir/run"
    # It has to stop at the failure that is none.
    cross_before=yes
    for cross_word; do
        shift
        [ "$cross_word" != -- ] || cross_before=
        [ "$cross_before$cross_word" = yes--no-fail-fast ] || set -- "$@" "$cross_word"
    done
    exec "$@" >/dev/null 2>&1
)
echo all >$cross_dir/told
echo 0 >$cross_dir/next
: >$cross_dir/second
export "$cross_variable=sh $cross_dir/run"
exec "$@"
"#;

/// The runner in both passes. Its own variables have names that nobody exports, and the target's
/// runner is put back where the program, or one that it starts, may look for it.
///
/// Some shells forget variables whose names are not theirs; of cargo's own only those of programs
/// with a dash in their names have such. A shell's remark on the end of a program tells a signal
/// from an exit status of the same number.
const RUN: &str = r#"cross_dir=${0%/*}
IFS= read -r cross_variable <$cross_dir/variable
IFS= read -r cross_runner <$cross_dir/runner
if [ -n "$cross_runner" ]; then
    export "$cross_variable=$cross_runner"
else
    unset "$cross_variable"
fi
set -f
# In the shell that was started with these variables, before another goes on for it.
prepare() {
    IFS='
'
    cross_forgotten=
    for cross_line in $(tr '\0' '\n' </proc/$$/environ); do
        case $cross_line in
        CARGO_BIN_EXE_*-*=*) cross_forgotten=$cross_forgotten$IFS$cross_line ;;
        esac
    done
    IFS=' '
}
# The program in place of a shell.
start() {
    set -- $cross_runner "$@"
    IFS='
'
    exec env --default-signal=INT,QUIT $cross_forgotten "$@"
}
read -r cross_n <$cross_dir/next
if [ -e $cross_dir/second ]; then
    cross_program=
    [ ! -e $cross_dir/$cross_n.program ] || IFS= read -r cross_program <$cross_dir/$cross_n.program
    if [ "$cross_program" != "$1" ]; then
        prepare
        start "$@"
    fi
    echo $((cross_n + 1)) >$cross_dir/next
    echo "cross-relay: the turn of $cross_n" >&2
    read -r cross_status cross_signal <$cross_dir/answer
    if [ -n "$cross_signal" ]; then
        ulimit -c 0
        kill -$((cross_status - 128)) $$
    fi
    exit $cross_status
fi
[ -p $cross_dir/$cross_n.go ] || exit 1
echo $((cross_n + 1)) >$cross_dir/next
printf '%s\n' "$1" >$cross_dir/$cross_n.program
prepare
(
    read -r RUST_TEST_THREADS <$cross_dir/$cross_n.go || exit
    export RUST_TEST_THREADS
    exec 4>&2 2>$cross_dir/$cross_n.remark
    (start "$@" 2>&4 4>&-)
    cross_status=$?
    cross_signal=
    [ ! -s $cross_dir/$cross_n.remark ] || cross_signal=signal
    echo "ended $cross_n $cross_status $cross_signal" >$cross_dir/told
) </dev/null >>$cross_dir/$cross_n.out 2>>$cross_dir/$cross_n.err &
echo "ready $cross_n" >$cross_dir/told
[ -p $cross_dir/$((cross_n + 1)).go ]
"#;

/// The directory of one run, gone when dropped. Runs use it by
/// [`RunSpec::relay`](crate::RunSpec::relay).
///
/// Whatever runs can write to the directory, and tell anything by it: pipes are held open or looked
/// at before they are opened, files are read through [`untrusted`](crate::process::untrusted), and binaries
/// that nobody expects are not heard of.
#[derive(Debug)]
pub struct Relay {
    dir: Shown,
    /// The same, as it was before anything ran.
    seen: Dir,
    binaries: usize,
    told: Mutex<Hearing>,
    /// The other end of what is heard.
    wake: File,
    is_over: AtomicBool,
    answer: File,
    /// Pipes that are held open for as long as somebody may read them.
    held: Mutex<Vec<File>>,
}

/// What was heard and is still to be understood.
#[derive(Debug)]
struct Hearing {
    pipe: File,
    lines: LineSplitter,
    understood: VecDeque<Told>,
}

/// A line that is told is no longer than this.
const TOLD_LINE: usize = 64;
/// How often is looked whether it is over, should the pipe be too full for the word of it.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

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
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) where the cache's file system has no named pipes or
    /// cannot be written.
    pub fn new(host: &Host, binaries: usize) -> Result<Self> {
        let dir = Shown::new(&host.cache.join(HOME), &unique("tests"))?;
        let path = dir.path().to_owned();
        // Only the run's user reaches it: the directory around it is the owner's alone.
        set_mode(&path, 0o777)?;
        for (name, text) in [(RELAY_CARGO, CARGO), ("run", RUN)] {
            let script = path.join(name);
            fs::write(&script, text).on("write", &script)?;
            set_mode(&script, 0o644)?;
        }
        let mut here = fifo(&path.join("here"))?;
        here.write_all(b"here\n").on("write", path.join("here"))?;
        for n in 0..binaries {
            // Opened when it begins: there may be more binaries than files that a process may have
            // open.
            fifo(&path.join(format!("{n}.go")))?;
        }
        // Open at both ends it never ends, and whoever hears waits.
        let told = fifo(&path.join("told"))?;
        Ok(Relay {
            seen: Dir::open(&path)?,
            binaries,
            wake: told.try_clone().on("open", path.join("told"))?,
            told: Mutex::new(Hearing {
                pipe: told,
                lines: LineSplitter::with_limit(TOLD_LINE),
                understood: VecDeque::new(),
            }),
            is_over: AtomicBool::new(false),
            answer: fifo(&path.join("answer"))?,
            held: Mutex::new(vec![here]),
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
            if self.is_over.load(Ordering::SeqCst) {
                return Told::Over;
            }
            if let Some(understood) = told.understood.pop_front() {
                return understood;
            }
            if told.read(self.binaries).is_err() {
                return Told::Over;
            }
        }
    }

    /// Makes whoever hears hear that it is over.
    pub fn hush(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        // If the pipe is full, whoever hears looks soon anyway.
        let _ = (&self.wake).write(b"\n");
    }

    /// Lets binary `n` begin with so many threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn start(&self, n: usize, threads: u32) -> Result<()> {
        let name = format!("{n}.go");
        let go = self.seen.fifo(&name)?;
        say(&go, &format!("{threads}\n")).on("write", self.file(&name))?;
        lock(&self.held).push(go);
        Ok(())
    }

    /// Lets the runner end as the binary did whose turn it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn answer(&self, end: End) -> Result<()> {
        let signal = if end.signal { " signal" } else { "" };
        let words = format!("{}{signal}\n", end.status);
        say(&self.answer, &words).on("write", self.file("answer"))
    }

    /// The program that is binary `n`, as cargo named it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) where the run did not say,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted).
    pub fn program(&self, n: usize) -> Result<PathBuf> {
        let said = self.seen.file(format!("{n}.program"))?;
        let text = said.text(limits::RECORD)?;
        Ok(text.trim_end_matches('\n').into())
    }

    /// What binary `n`, which is ready, prints there.
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
        self.seen.file(format!("{n}.{ending}"))
    }

    /// The binary whose turn a line of standard error tells, and what was printed before on the
    /// same line.
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

impl Hearing {
    /// Waits until there is something to read, but not for long, and reads it.
    fn read(&mut self, binaries: usize) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut bytes = [0; 4096];
        let read = match self.pipe.read(&mut bytes) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        let lines = self.lines.push(&bytes[..read]);
        let told = lines.iter().filter_map(|line| parse(line));
        self.understood.extend(told.filter(|told| match told {
            Told::Ready(n) | Told::Ended(n, _) => *n < binaries,
            _ => true,
        }));
        Ok(())
    }
}

/// Writes into a pipe that somebody may have filled: that is an error, and no wait.
fn say(mut pipe: &File, words: &str) -> io::Result<()> {
    // So few bytes are written all at once, or not at all.
    pipe.write(words.as_bytes()).map(drop)
}

fn parse(line: &str) -> Option<Told> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "all" => Some(Told::All),
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
