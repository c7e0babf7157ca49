//! Test binaries side by side: whether they are, and the run in which they are.
//!
//! Cargo starts one test binary after the other. With the [`TestRelay`] it starts them all at once,
//! each waits until this says with how many threads it may begin, and what they print is delivered
//! in cargo's order, each binary's output whole. What is delivered is what the binary prints while
//! it is its turn, so that nobody waits longer for a line than with cargo.

mod shares;
mod weights;

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cross_engine::process::untrusted::{Dir, LineSplitter, RegularFile, Room, limits};
use cross_engine::process::{Exit, Sink, Stream};
use cross_engine::{Cancel, EnvValue, Host, RelayMessage, RunSpec, TestExit, TestRelay};

use crate::host::process_env;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::test_run::{TEST_THREADS, TestRun};
use crate::plan::parallel_tests;
use crate::plan::plan::Plan;
use weights::Weights;

/// How often is looked for more output of the binary whose turn it is.
const POLL: Duration = Duration::from_millis(20);

/// A run whose test binaries go side by side.
#[derive(Debug)]
pub(crate) struct ParallelTests {
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
    /// What each of them is, as the run named it.
    programs: Vec<PathBuf>,
    /// How many of them had their turn.
    turns: usize,
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

impl ParallelTests {
    /// The run of `spec`, the cargo of `plan` that runs the tests among `built`; nothing where its
    /// binaries run one after the other.
    pub(crate) fn new(
        plan: &Plan,
        host: &Host,
        target_dir: &Dir,
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
        let relay = TestRelay::new(host, binaries.len()).map_engine_error()?;
        if !relay.has_usable_path() {
            return Ok(None);
        }
        let runner = match spec.env.get(&tests.variable) {
            Some(EnvValue::Plain(runner) | EnvValue::Secret(runner)) => runner.clone(),
            _ => String::new(),
        };
        let mut weights = Weights::new(target_dir, &plan.workspace_root)?;
        let weigh = |path: &Path| (path.to_owned(), weights.of(path));
        Ok(Some(ParallelTests {
            spec: spec.clone().relay(relay.directory(), &tests.variable),
            board: Mutex::new(Board {
                budget,
                free: budget,
                weights: binaries.into_iter().map(weigh).collect(),
                binaries: Vec::new(),
                programs: Vec::new(),
                turns: 0,
                complete: false,
                fail_fast: parallel_tests::is_fail_fast(&spec.command),
            }),
            changed: Condvar::new(),
            runner,
            relay,
        }))
    }

    /// Has `start` run cargo, and gives `hear` what cargo and the binaries print: these in cargo's
    /// order.
    ///
    /// Cargo runs in a thread of its own: whether it still does has to be seen while a binary has
    /// its turn.
    pub(crate) fn drive(
        &self,
        cancel: &Cancel,
        hear: &mut Sink<'_>,
        start: impl FnOnce(&Cancel, &mut Sink<'_>) -> Result<Exit> + Send,
    ) -> Result<Exit> {
        let cancel = &cancel.child();
        let (heard, exit, scheduled) = thread::scope(|scope| {
            let scheduler = scope.spawn(|| self.schedule(cancel));
            // Also where the caller's listener panics: the scheduler and cargo would go on for
            // ever.
            let over = Over(&self.relay, cancel);
            let (sender, lines) = sync_channel(limits::WAITING_LINES);
            let cargo = scope.spawn(move || {
                start(cancel, &mut |stream, line| {
                    // Nobody listens any more where the caller wants to hear no more.
                    match sender.send((stream, line.to_owned())) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })
            });
            let mut turns = Turns {
                run: self,
                cancel,
                lines,
                waiting: VecDeque::new(),
                room: Room::default(),
                next: 0,
                has_ended: &|| cargo.is_finished(),
            };
            let heard = turns.hear(hear);
            drop(turns);
            if !matches!(heard, Ok(ControlFlow::Continue(()))) {
                cancel.cancel();
            }
            let exit = cargo.join();
            drop(over);
            (heard, exit, scheduler.join())
        });
        let _stopped = heard?;
        match (scheduled, exit) {
            (Ok(Err(error)), _) => Err(error),
            (_, Ok(exit)) => exit,
            (_, Err(panic)) => std::panic::resume_unwind(panic),
        }
    }

    /// What contradicts that cargo reported success: a binary that failed, or did not end.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        let board = self.board();
        let named = |n: usize| board.programs[n].display().to_string();
        // Those that had no turn were run by cargo itself.
        let with_turn = board.binaries.iter().take(board.turns);
        with_turn.enumerate().find_map(|(n, binary)| {
            let how = match binary {
                Binary::Ended(end) if end.success() => return None,
                Binary::Ended(end) => format!("ended with status {}", end.status),
                Binary::Waits { .. } | Binary::Runs { .. } => "did not end".to_owned(),
            };
            let message = format!(
                "the test binary `{}` {how}, and cargo reported success",
                named(n)
            );
            Some(Error::new(ErrorKind::TestFailed, message))
        })
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
                RelayMessage::Ready(n) if n == board.binaries.len() => {
                    board.ready(&self.relay.program(n).map_engine_error()?);
                }
                RelayMessage::Ready(_) => {}
                RelayMessage::Ended(n, end) => board.ended(n, end),
                RelayMessage::All => board.complete = true,
                _ => return Ok(()),
            }
            for (n, threads) in board.begin() {
                self.relay.start(n, threads).map_engine_error()?;
            }
            drop(board);
            self.changed.notify_all();
        }
    }

    fn end_of(&self, n: usize) -> Option<TestExit> {
        match self.board().binaries.get(n) {
            Some(Binary::Ended(end)) => Some(*end),
            _ => None,
        }
    }

    fn name(&self, n: usize) -> String {
        let board = self.board();
        let program = board.programs.get(n);
        program.map_or_else(String::new, |program| program.display().to_string())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What cargo prints, and whose turn it is.
struct Turns<'a> {
    run: &'a ParallelTests,
    cancel: &'a Cancel,
    lines: Receiver<(Stream, String)>,
    /// Lines that came while a binary had its turn.
    waiting: VecDeque<(Stream, String)>,
    room: Room,
    /// Whose turn is next: they come in order, each once. Whatever else says so is no word of the
    /// runner's.
    next: usize,
    /// Whether cargo's run has ended, however it did.
    has_ended: &'a dyn Fn() -> bool,
}

impl Turns<'_> {
    /// Gives `hear` everything that is printed, until nobody prints any more or it wants to hear no
    /// more.
    fn hear(&mut self, hear: &mut Sink<'_>) -> Result<ControlFlow<()>> {
        while let Some((stream, line)) = self.next_line() {
            let turn = TestRelay::parse_turn(&line).filter(|(_, n)| *n == self.next);
            let flow = match turn {
                Some((before, n)) if stream == Stream::Stderr => {
                    let flow = match before {
                        "" => ControlFlow::Continue(()),
                        before => hear(stream, before),
                    };
                    self.next += 1;
                    self.run.board().turns = self.next;
                    match flow {
                        ControlFlow::Continue(()) => self.deliver(n, hear)?,
                        ControlFlow::Break(()) => flow,
                    }
                }
                _ => hear(
                    stream,
                    &self.run.relay.restore_line(&line, &self.run.runner),
                ),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn next_line(&mut self) -> Option<(Stream, String)> {
        self.waiting.pop_front().or_else(|| self.lines.recv().ok())
    }

    /// Delivers what binary `n` prints until it has ended, and lets cargo go on.
    fn deliver(&mut self, n: usize, hear: &mut Sink<'_>) -> Result<ControlFlow<()>> {
        let run = self.run;
        let mut outputs = Vec::new();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let file = run.relay.output(n, stream).map_engine_error()?;
            outputs.push((stream, Output::of(file, run.name(n))));
        }
        loop {
            // What it printed is all there when its end was told.
            let end = run.end_of(n);
            for (stream, output) in &mut outputs {
                let mut each = |line: &str| hear(*stream, line);
                if output
                    .read(end.is_some(), self.cancel, &mut each)?
                    .is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if let Some(end) = end {
                run.relay.finish_turn(end).map_engine_error()?;
                return Ok(ControlFlow::Continue(()));
            }
            if self.cancel.check().is_err() || (self.has_ended)() {
                // Who waits for the end of the run says which it was.
                return Ok(ControlFlow::Continue(()));
            }
            // Who prints meanwhile must not be kept from ending.
            while let Ok(line) = self.lines.try_recv() {
                if !self.room.take(line.1.len()) {
                    let message = "something prints without end beside the test binaries";
                    return Err(Error::new(ErrorKind::Untrusted, message));
                }
                self.waiting.push_back(line);
            }
            let board = run.board();
            drop(run.changed.wait_timeout(board, POLL));
        }
    }
}

/// Ends the scheduler, and cargo if it still runs, when dropped.
struct Over<'a>(&'a TestRelay, &'a Cancel);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.1.cancel();
        self.0.close();
    }
}

impl Board {
    fn ready(&mut self, program: &Path) {
        let weight = self.weights.get(program).copied().unwrap_or(1);
        let total = self.weights.values().sum();
        self.programs.push(program.to_owned());
        let share = shares::share(self.budget, weight, total);
        self.binaries.push(Binary::Waits { share });
    }

    /// Notes an end. That of a binary which does not run is no end.
    fn ended(&mut self, n: usize, end: TestExit) {
        if let Some(binary) = self.binaries.get_mut(n) {
            if let Binary::Runs { threads } = *binary {
                self.free += threads;
                *binary = Binary::Ended(end);
            }
        }
    }

    /// Which begin now, and with how many threads. After a failure at which cargo stops none does:
    /// it would not be told of.
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

/// What a test binary prints, in a file that is still written.
struct Output {
    file: RegularFile,
    lines: LineSplitter,
    /// The name of the binary.
    name: String,
    /// How much of it may still be read.
    left: u64,
}

impl Output {
    fn of(file: RegularFile, name: String) -> Self {
        Output {
            file,
            lines: LineSplitter::new(),
            name,
            left: limits::TEST_OUTPUT,
        }
    }

    /// Gives `each` the lines that are there now. The `last` of all may lack its end.
    fn read(
        &mut self,
        last: bool,
        cancel: &Cancel,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        loop {
            let bytes = self.file.chunk().map_engine_error()?;
            if bytes.is_empty() || cancel.check().is_err() {
                break;
            }
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(read).ok_or_else(|| {
                let (name, most) = (&self.name, limits::TEST_OUTPUT);
                let message = format!("the test binary `{name}` prints more than {most} bytes");
                Error::new(ErrorKind::TestFailed, message)
            })?;
            for line in self.lines.push(&bytes) {
                if each(&line).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        let rest = last.then(|| self.lines.finish()).flatten();
        Ok(rest.map_or(ControlFlow::Continue(()), |line| each(&line)))
    }
}

#[cfg(test)]
mod tests;

impl TestRun {
    /// Tells `spec`, which runs the tests, how many may run at once, unless it was told, or would do just so.
    pub(crate) fn bind(&self, spec: &mut RunSpec) {
        if self.jobs != process_env::processors() {
            let threads = || EnvValue::Plain(self.jobs.to_string());
            let variable = spec.env.entry(TEST_THREADS.to_owned());
            variable.or_insert_with(threads);
        }
    }
}
