//! Test binaries side by side: whether they are, and the run in which they are.
//!
//! Cargo starts one test binary after the other. With the [`TestRelay`] it starts them all at once, each waits until
//! this says with how many threads it may begin, and what they print is delivered in cargo's order, each
//! binary's output whole. What is delivered is what the binary prints while it is its turn, so that nobody waits
//! longer for a line than with cargo.

mod planned;
mod shares;
mod weights;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cross_engine::process::{Exit, Sink, Stream};
use cross_engine::{Cancel, EnvValue, Host, RelayMessage, RunSpec, TestExit, TestRelay};

pub use planned::TestRun;
pub(crate) use planned::plan;

use crate::error::{EngineContext as _, IoContext as _, Result};
use crate::outcome::{Artifact, ArtifactKind};
use crate::plan::Plan;
use weights::Weights;

/// How many threads libtest runs tests in.
pub(crate) const TEST_THREADS: &str = "RUST_TEST_THREADS";
/// How often is looked for more output of the binary whose turn it is.
const POLL: Duration = Duration::from_millis(20);

/// A run whose test binaries go side by side.
#[derive(Debug)]
pub(crate) struct SideBySide {
    /// The run, with its relay.
    pub(crate) spec: RunSpec,
    relay: TestRelay,
    /// The target's runner, which cargo's messages are to name.
    runner: String,
    board: Mutex<Board>,
    changed: Condvar,
}

/// Where every binary is.
#[derive(Debug)]
struct Board {
    /// Threads of tests at once.
    budget: u32,
    free: u32,
    weights: HashMap<PathBuf, u32>,
    binaries: Vec<Binary>,
    /// Whether no more are to come.
    complete: bool,
    /// Whether cargo stops at the first that fails.
    fail_fast: bool,
}

#[derive(Clone, Copy, Debug)]
enum Binary {
    Waits { share: u32 },
    Runs { threads: u32 },
    Ended(TestExit),
}

impl SideBySide {
    /// The run of `spec`, the cargo of `plan` that runs the tests among `built`; nothing where its binaries
    /// run one after the other.
    pub(crate) fn new(
        plan: &Plan,
        host: &Host,
        built: &[Artifact],
        spec: &RunSpec,
    ) -> Result<Option<Self>> {
        let binaries = built.iter().filter(|it| it.kind == ArtifactKind::Test);
        let binaries: Vec<&Path> = binaries.map(|it| it.inside.as_path()).collect();
        let Some(tests) = plan.tests.as_ref().filter(|it| it.serial.is_none()) else {
            return Ok(None);
        };
        let budget = threads(spec).map_or(tests.jobs, |threads| threads.min(tests.jobs));
        if binaries.len() < 2 || budget < 2 {
            return Ok(None);
        }
        let relay = TestRelay::new(host, binaries.len()).engine()?;
        if !relay.has_usable_path() {
            return Ok(None);
        }
        let runner = match spec.env.get(&tests.variable) {
            Some(EnvValue::Plain(runner) | EnvValue::Secret(runner)) => runner.clone(),
            _ => String::new(),
        };
        let mut weights = Weights::default();
        let weigh = |path: &Path| (path.to_owned(), weights.of(path, &plan.workspace_root));
        Ok(Some(SideBySide {
            spec: spec.clone().relay(relay.directory(), &tests.variable),
            board: Mutex::new(Board {
                budget,
                free: budget,
                weights: binaries.into_iter().map(weigh).collect(),
                binaries: Vec::new(),
                complete: false,
                fail_fast: planned::is_fail_fast(&spec.command),
            }),
            changed: Condvar::new(),
            runner,
            relay,
        }))
    }

    /// Has `start` run cargo, and gives `hear` what cargo and the binaries print: these in cargo's order.
    pub(crate) fn drive(
        &self,
        cancel: &Cancel,
        hear: &mut Sink<'_>,
        start: impl FnOnce(&Cancel, &mut Sink<'_>) -> Result<Exit>,
    ) -> Result<Exit> {
        let (mut trouble, cancel) = (None, &cancel.child());
        let (exit, scheduled) = thread::scope(|scope| {
            let scheduler = scope.spawn(|| self.schedule(cancel));
            // Also where the caller's listener panics: the scheduler would wait for ever.
            let hushed = Hushed(&self.relay);
            let exit = start(
                cancel,
                &mut |stream, line| match TestRelay::parse_turn(line) {
                    Some((before, n)) if stream == Stream::Stderr => {
                        if !before.is_empty() {
                            hear(stream, before)?;
                        }
                        self.deliver(n, cancel, hear).unwrap_or_else(|error| {
                            trouble = Some(error);
                            ControlFlow::Break(())
                        })
                    }
                    _ => hear(stream, &self.relay.restore_line(line, &self.runner)),
                },
            );
            drop(hushed);
            (exit, scheduler.join())
        });
        match (trouble, scheduled) {
            (Some(error), _) | (None, Ok(Err(error))) => Err(error),
            (None, _) => exit,
        }
    }

    /// Says who begins, until it is over.
    fn schedule(&self, cancel: &Cancel) -> Result<()> {
        let scheduled = self.schedule_until_over();
        if scheduled.is_err() {
            // Nobody would begin any more.
            cancel.cancel();
        }
        scheduled
    }

    fn schedule_until_over(&self) -> Result<()> {
        loop {
            let told = self.relay.receive();
            let mut board = self.board();
            match told {
                RelayMessage::Ready(n) => board.ready(&self.relay.program(n).engine()?),
                RelayMessage::Ended(n, end) => board.ended(n, end),
                RelayMessage::All => board.complete = true,
                _ => return Ok(()),
            }
            for (n, threads) in board.begin() {
                self.relay.start(n, threads).engine()?;
            }
            drop(board);
            self.changed.notify_all();
        }
    }

    /// Delivers what binary `n` prints until it has ended, and lets cargo go on.
    fn deliver(&self, n: usize, cancel: &Cancel, hear: &mut Sink<'_>) -> Result<ControlFlow<()>> {
        let mut streams = Vec::new();
        for stream in [Stream::Stdout, Stream::Stderr] {
            streams.push((stream, Lines::of(self.relay.output(n, stream).engine()?)));
        }
        loop {
            // What it printed is all there when its end was told.
            let end = self.end_of(n);
            for (stream, lines) in &mut streams {
                for line in lines.read(end.is_some())? {
                    if hear(*stream, &line).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            if let Some(end) = end {
                self.relay.finish_turn(end).engine()?;
                return Ok(ControlFlow::Continue(()));
            }
            if cancel.check().is_err() {
                // Who waits for the next line sees it too, and says which it was.
                return Ok(ControlFlow::Continue(()));
            }
            let board = self.board();
            drop(self.changed.wait_timeout(board, POLL));
        }
    }

    fn end_of(&self, n: usize) -> Option<TestExit> {
        match self.board().binaries.get(n) {
            Some(Binary::Ended(end)) => Some(*end),
            _ => None,
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the scheduler when dropped.
struct Hushed<'a>(&'a TestRelay);

impl Drop for Hushed<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Board {
    fn ready(&mut self, program: &Path) {
        let weight = self.weights.get(program).copied().unwrap_or(1);
        let total = self.weights.values().sum();
        let share = shares::share(self.budget, weight, total);
        self.binaries.push(Binary::Waits { share });
    }

    fn ended(&mut self, n: usize, end: TestExit) {
        if let Some(binary) = self.binaries.get_mut(n) {
            if let Binary::Runs { threads } = *binary {
                self.free += threads;
            }
            *binary = Binary::Ended(end);
        }
    }

    /// Which begin now, and with how many threads. After a failure at which cargo stops none does: it would
    /// not be told of.
    fn begin(&mut self) -> Vec<(usize, u32)> {
        let failed = |it: &Binary| matches!(it, Binary::Ended(end) if !end.success());
        if self.fail_fast && self.binaries.iter().any(failed) {
            return Vec::new();
        }
        let waiting = self.binaries.iter().enumerate();
        let waiting = waiting.filter_map(|(n, it)| match it {
            Binary::Waits { share } => Some((n, *share)),
            _ => None,
        });
        let (numbers, shares): (Vec<_>, Vec<_>) = waiting.unzip();
        let complete = self.complete || self.binaries.len() >= self.weights.len();
        let grants = shares::grants(self.free, &shares, complete);
        let begun: Vec<_> = numbers.into_iter().zip(grants).collect();
        for (n, threads) in &begun {
            self.free -= threads;
            self.binaries[*n] = Binary::Runs { threads: *threads };
        }
        begun
    }
}

/// The number of threads in the variables of `spec`.
fn threads(spec: &RunSpec) -> Option<u32> {
    match spec.env.get(TEST_THREADS) {
        Some(EnvValue::Plain(threads)) => threads.parse().ok(),
        _ => None,
    }
}

/// The lines of a file that is still written.
struct Lines {
    file: File,
    /// The beginning of a line that has no end yet.
    begun: Vec<u8>,
}

impl Lines {
    fn of(file: File) -> Self {
        Lines {
            file,
            begun: Vec::new(),
        }
    }

    /// Those that are there now. The `last` of all may lack its end.
    fn read(&mut self, last: bool) -> Result<Vec<String>> {
        let name = Path::new("the output of a test binary");
        self.file.read_to_end(&mut self.begun).on("read", name)?;
        let whole = match self.begun.iter().rposition(|byte| *byte == b'\n') {
            _ if last => self.begun.len(),
            Some(end) => end + 1,
            None => 0,
        };
        let mut whole: Vec<u8> = self.begun.drain(..whole).collect();
        if whole.is_empty() {
            return Ok(Vec::new());
        }
        if whole.last() == Some(&b'\n') {
            whole.pop();
        }
        let lines = whole.split(|byte| *byte == b'\n');
        Ok(lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect())
    }
}

#[cfg(test)]
mod tests;
