//! Runs test binaries, and keeps what each prints and how it ends apart.
//!
//! Cargo runs one test binary after the other, through the [`TestRelay`]. If they run side by side,
//! all of them start at once, and each waits until the scheduler grants it threads. Their output is
//! delivered in cargo's order, one binary at a time. The output of the binary whose turn it is is
//! delivered as it is printed, so that no line is delayed longer than under cargo.

mod binary_output;
mod shares;
mod weights;

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cross_engine::process::clock;
use cross_engine::process::untrusted::{Dir, RegularFile, Room, limits};
use cross_engine::process::{Exit, Sink, Stream};
use cross_engine::{Cancel, EnvValue, Host, RelayMessage, RelayMode, RunSpec, TestExit, TestRelay};

use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::test_run::TEST_THREADS;
use crate::plan::parallel_tests;
use crate::plan::plan::Plan;
use binary_output::{BinaryOutput, Stop, too_much};
use weights::Weights;

/// The interval between polls for output of the binary whose turn it is.
const POLL: Duration = Duration::from_millis(20);

/// A run whose test binaries are started by a relay.
#[derive(Debug)]
pub(crate) struct RelayedTests {
    /// The run, with its relay.
    pub(crate) spec: RunSpec,
    relay: TestRelay,
    /// The target's runner, which replaces the relay in cargo's messages.
    runner: String,
    schedule: Mutex<Schedule>,
    /// Notified when the schedule changes.
    changed: Condvar,
}

/// The state of every binary, and the threads that they share.
#[derive(Debug)]
struct Schedule {
    /// The number of test threads that may run at once.
    budget: u32,
    /// The number of threads that no binary uses.
    free: u32,
    /// The weight of each compiled binary.
    weights: HashMap<PathBuf, u32>,
    /// The binaries that have started, in cargo's order.
    binaries: Vec<Binary>,
    /// The path of each of them, as the run reported it.
    programs: Vec<PathBuf>,
    /// The number of binaries that had their turn.
    turns: usize,
    /// Whether all binaries have started.
    complete: bool,
    /// The binary that was last asked for its tests and answered.
    listed: Option<usize>,
    /// Whether cargo stops at the first binary that fails.
    fail_fast: bool,
}

/// The state of a test binary.
#[derive(Clone, Copy, Debug)]
enum Binary {
    Waiting { share: u32 },
    Running { threads: u32, since: Instant },
    Ended { exit: TestExit, after: Duration },
}

impl RelayedTests {
    /// Prepares the run of `spec`, the `cargo test` of `plan` that runs the test binaries among
    /// `built`. Returns `None` if there are none, or if cargo cannot name the relay.
    pub(crate) fn new(
        plan: &Plan,
        host: &Host,
        target_dir: &Dir,
        built: &[Artifact],
        spec: &RunSpec,
    ) -> Result<Option<Self>> {
        let binaries = built
            .iter()
            .filter(|artifact| artifact.kind == ArtifactKind::Test);
        // The run names them by the paths that it sees.
        let named = |path| (plan.fixed.inside(path), path);
        let binaries = binaries.map(|artifact| named(&*artifact.inside));
        let binaries: Vec<(PathBuf, &Path)> = binaries.collect();
        let names: Vec<&Path> = binaries.iter().map(|(name, _)| &**name).collect();
        let Some(tests) = plan.tests.as_ref().filter(|_| !binaries.is_empty()) else {
            return Ok(None);
        };
        let budget = threads_variable(spec).map_or(tests.jobs, |threads| threads.min(tests.jobs));
        let is_parallel = tests.serial.is_none() && binaries.len() > 1 && budget > 1;
        if !TestRelay::is_supported(&plan.engine) {
            return Ok(None);
        }
        let modes = [RelayMode::OneByOne, RelayMode::SideBySide];
        let mode = modes[usize::from(is_parallel)];
        let relay = TestRelay::new(host, &names, mode).map_engine_error()?;
        if !relay.has_usable_path(spec) {
            return Ok(None);
        }
        let runner = match spec.env.get(&plan.runner_variables.target) {
            Some(EnvValue::Plain(runner) | EnvValue::Secret(runner)) => runner.clone(),
            _ => String::new(),
        };
        let weights = || Weights::new(target_dir, &plan.workspace_root, &plan.fixed);
        let mut weights = is_parallel.then(weights).transpose()?;
        let mut weigh = |(name, path): &(PathBuf, &Path)| {
            let weight = weights.as_mut().map_or(1, |weights| weights.of(path));
            (name.clone(), weight)
        };
        Ok(Some(RelayedTests {
            spec: spec.clone().relay(
                relay.directory(),
                &plan.runner_variables.target,
                Some(&plan.runner_variables.host),
            ),
            schedule: Mutex::new(Schedule {
                budget,
                free: budget,
                weights: binaries.iter().map(&mut weigh).collect(),
                binaries: Vec::new(),
                programs: Vec::new(),
                turns: 0,
                complete: false,
                listed: None,
                fail_fast: parallel_tests::is_fail_fast(&spec.command),
            }),
            changed: Condvar::new(),
            runner,
            relay,
        }))
    }

    /// Runs cargo with `start`, and passes what cargo and the binaries do to `listener`, in cargo's
    /// order.
    ///
    /// Cargo runs in a thread of its own, so that its end is noticed while the output of a binary
    /// is delivered.
    pub(crate) fn drive(
        &self,
        cancel: &Cancel,
        listener: &mut dyn Listener,
        start: impl FnOnce(&Cancel, &mut Sink<'_>) -> Result<Exit> + Send,
    ) -> Result<Exit> {
        let cancel = &cancel.child();
        let (delivered, exit, scheduled) = thread::scope(|scope| {
            let scheduler = scope.spawn(|| self.run_scheduler(cancel));
            // If the caller's listener panics, the scheduler and cargo have to be stopped too.
            let stop = StopOnDrop {
                relay: &self.relay,
                cancel,
            };
            let (sender, lines) = sync_channel(limits::WAITING_LINES);
            let cargo = scope.spawn(move || {
                start(cancel, &mut |stream, line| {
                    // The receiver is dropped when the listener stops the request.
                    match sender.send((stream, line.to_owned())) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    }
                })
            });
            let mut delivery = Delivery {
                run: self,
                cancel,
                lines,
                waiting: VecDeque::new(),
                room: Room::default(),
                next: 0,
                cargo_has_ended: &|| cargo.is_finished(),
            };
            let delivered = delivery.deliver(listener);
            drop(delivery);
            if delivered.is_err() {
                cancel.cancel();
            }
            let exit = cargo.join();
            drop(stop);
            (delivered, exit, scheduler.join())
        });
        if let Err(Stop::Failed(error)) = delivered {
            return Err(error);
        }
        match (scheduled, exit) {
            (Ok(Err(error)), _) => Err(error),
            (_, Ok(exit)) => exit,
            (_, Err(panic)) => std::panic::resume_unwind(panic),
        }
    }

    /// Whether cargo used the relay. A cargo on another machine cannot.
    pub(crate) fn is_used(&self) -> Result<bool> {
        self.relay.is_used().map_engine_error()
    }

    /// Returns the error if a binary failed or did not end, which contradicts cargo's success.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        let schedule = self.lock_schedule();
        // Cargo itself ran the binaries that had no turn.
        let programs = schedule.programs.iter().take(schedule.turns);
        programs
            .zip(&schedule.binaries)
            .find_map(|(program, binary)| {
                let problem = match binary {
                    Binary::Ended { exit, .. } if exit.success() => return None,
                    Binary::Ended { exit, .. } => format!("ended with status {}", exit.status),
                    Binary::Waiting { .. } | Binary::Running { .. } => "did not end".to_owned(),
                };
                let message = format!(
                    "the test binary `{}` {problem}, but cargo reported success",
                    program.display()
                );
                Some(Error::new(ErrorKind::TestFailed, message))
            })
    }

    /// Starts binaries until the run ends.
    fn run_scheduler(&self, cancel: &Cancel) -> Result<()> {
        let scheduled = self.schedule_binaries();
        if scheduled.is_err() {
            // The waiting binaries would wait forever.
            cancel.cancel();
        }
        scheduled
    }

    fn schedule_binaries(&self) -> Result<()> {
        loop {
            let message = self.relay.receive();
            let mut schedule = self.lock_schedule();
            match message {
                RelayMessage::Ready(n) if n == schedule.binaries.len() => {
                    schedule.ready(&self.relay.program(n).map_engine_error()?);
                }
                RelayMessage::Started(n) if n == schedule.binaries.len() => {
                    schedule.started(&self.relay.program(n).map_engine_error()?);
                }
                RelayMessage::Ready(_) | RelayMessage::Started(_) => {}
                RelayMessage::Ended(n, end) => schedule.ended(n, end),
                RelayMessage::Listed(n) => schedule.listed = Some(n),
                RelayMessage::All => schedule.complete = true,
                _ => return Ok(()),
            }
            for (n, threads) in schedule.start_next() {
                self.relay.start(n, threads).map_engine_error()?;
            }
            drop(schedule);
            self.changed.notify_all();
        }
    }

    /// How binary `n` ended, and after how long.
    fn end_of(&self, n: usize) -> Option<(TestExit, Duration)> {
        match self.lock_schedule().binaries.get(n) {
            Some(Binary::Ended { exit, after }) => Some((*exit, *after)),
            _ => None,
        }
    }

    fn program(&self, n: usize) -> Option<PathBuf> {
        self.lock_schedule().programs.get(n).cloned()
    }

    fn lock_schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns what cargo and the test binaries do, in cargo's order. Breaks to stop the request.
pub(crate) trait Listener {
    /// Cargo prints a line.
    fn cargo(&mut self, stream: Stream, line: &str) -> ControlFlow<()>;
    /// The next test binary is this one. Cargo gives these words to it, if that is known.
    fn start(&mut self, program: &Path, words: Option<&[String]>);
    /// The test binary prints a line.
    fn output(&mut self, stream: Stream, line: &str) -> ControlFlow<()>;
    /// The test binary could not be started: the environment has no program of this runner.
    fn lack_runner(&mut self, runner: &str);
    /// The test binary ended, after this time. Returns whether the names of its tests are needed.
    fn end(&mut self, exit: Exit, after: Duration) -> bool;
    /// The test binary printed this when it was asked for the names of its tests.
    fn list(&mut self, text: &str);
    /// The turn of the test binary is over.
    fn finish(&mut self) -> ControlFlow<()>;
    /// The request is over, and the next test binary is this one: it has started, and has printed
    /// these lines on its standard output until now. `end` is how it ended, and after what time.
    fn interrupted(
        &mut self,
        program: &Path,
        words: Option<&[String]>,
        lines: &[String],
        end: Option<(Exit, Duration)>,
    );
}

/// Continues unless the listener stops the request.
fn unless_stopped(flow: ControlFlow<()>) -> Result<(), Stop> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Stop::Listener),
    }
}

/// Delivers the output of cargo and of the binaries, in cargo's order.
struct Delivery<'a> {
    run: &'a RelayedTests,
    cancel: &'a Cancel,
    lines: Receiver<(Stream, String)>,
    /// The lines that cargo printed during a binary's turn.
    waiting: VecDeque<(Stream, String)>,
    room: Room,
    /// The binary whose turn is next. Turns are in order, each once, so that any other announcement
    /// of a turn is not the relay's.
    next: usize,
    /// Whether cargo's run has ended.
    cargo_has_ended: &'a dyn Fn() -> bool,
}

impl Delivery<'_> {
    /// Delivers all output, until the run ends or `listener` stops the request.
    fn deliver(&mut self, listener: &mut dyn Listener) -> Result<(), Stop> {
        while let Some((stream, line)) = self.next_line() {
            let turn = TestRelay::parse_turn(&line).filter(|(_, n)| *n == self.next);
            match turn {
                Some((before, n)) if stream == Stream::Stderr => {
                    self.next += 1;
                    self.run.lock_schedule().turns = self.next;
                    if !before.is_empty() {
                        unless_stopped(listener.cargo(stream, before))?;
                    }
                    self.deliver_binary(n, listener)?;
                }
                _ => {
                    let line = self.run.relay.restore_line(&line, &self.run.runner);
                    unless_stopped(listener.cargo(stream, &line))?;
                }
            }
        }
        match self.cancel.check() {
            Ok(()) => Ok(()),
            Err(_) => self.deliver_interrupted(listener),
        }
    }

    fn next_line(&mut self) -> Option<(Stream, String)> {
        self.waiting.pop_front().or_else(|| self.lines.recv().ok())
    }

    /// Delivers the output of binary `n` until it ends, and lets cargo continue.
    fn deliver_binary(&mut self, n: usize, listener: &mut dyn Listener) -> Result<(), Stop> {
        let run = self.run;
        let program = loop {
            match run.program(n) {
                Some(program) => break program,
                None if self.is_over() => return Ok(()),
                None => self.wait()?,
            }
        };
        let words = run.relay.words(n).map_engine_error()?;
        listener.start(&program, words.as_deref());
        let mut outputs = Vec::new();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let file = run.relay.output(n, stream).map_engine_error()?;
            outputs.push((
                stream,
                BinaryOutput::new(file, program.display().to_string()),
            ));
        }
        loop {
            // Once the end of a binary is known, its output is complete.
            let end = run.end_of(n);
            for (stream, output) in &mut outputs {
                output.read(end.is_some(), self.cancel, &mut |line| {
                    unless_stopped(listener.output(*stream, line))
                })?;
            }
            if let Some((end, after)) = end {
                if run.relay.lacks_runner(n).map_engine_error()? {
                    listener.lack_runner(&run.runner);
                }
                if listener.end(end.exit(), after) {
                    self.list(n, listener)?;
                }
                unless_stopped(listener.finish())?;
                run.relay.finish_turn(end).map_engine_error()?;
                return Ok(());
            }
            if self.is_over() {
                // The result of cargo's run has the reason. The last line may tell what was running.
                for (stream, output) in &mut outputs {
                    if let Some(line) = output.begun() {
                        unless_stopped(listener.output(*stream, &line))?;
                    }
                }
                return Ok(());
            }
            self.wait()?;
        }
    }

    /// Delivers what the binaries that had no turn yet have printed, if the request was stopped.
    fn deliver_interrupted(&self, listener: &mut dyn Listener) -> Result<(), Stop> {
        let run = self.run;
        let started: Vec<_> = {
            let schedule = run.lock_schedule();
            let binaries = schedule.binaries.iter().zip(&schedule.programs).enumerate();
            let started = binaries
                .skip(self.next)
                .filter_map(|(n, (binary, program))| {
                    let end = match binary {
                        Binary::Waiting { .. } => return None,
                        Binary::Running { .. } => None,
                        Binary::Ended { exit, after } => Some((exit.exit(), *after)),
                    };
                    Some((n, program.clone(), end))
                });
            started.collect()
        };
        for (n, program, end) in started {
            let words = run.relay.words(n).map_engine_error()?;
            let file = run.relay.output(n, Stream::Stdout).map_engine_error()?;
            let lines = BinaryOutput::new(file, program.display().to_string()).so_far()?;
            listener.interrupted(&program, words.as_deref(), &lines, end);
        }
        Ok(())
    }

    /// Asks binary `n`, which has ended, for the names of its tests.
    fn list(&mut self, n: usize, listener: &mut dyn Listener) -> Result<(), Stop> {
        self.run.relay.list().map_engine_error()?;
        while self.run.lock_schedule().listed != Some(n) {
            if self.is_over() {
                return Ok(());
            }
            self.wait()?;
        }
        let names = self.run.relay.listed(n).map_engine_error()?;
        // A binary that prints too much is not known better than before.
        if let Ok(text) = names.text(limits::SOURCE) {
            listener.list(&text);
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.cancel.check().is_err() || (self.cargo_has_ended)()
    }

    /// Fails if a binary that runs prints too much. Nobody reads the output of those whose turn comes
    /// later.
    fn check_outputs(&self) -> Result<(), Stop> {
        let running: Vec<_> = {
            let schedule = self.run.lock_schedule();
            let binaries = schedule.binaries.iter().zip(&schedule.programs).enumerate();
            let running =
                binaries.filter(|(_, (binary, _))| matches!(binary, Binary::Running { .. }));
            running
                .map(|(n, (_, program))| (n, program.clone()))
                .collect()
        };
        for (n, program) in running {
            for stream in [Stream::Stdout, Stream::Stderr] {
                // A binary that has just started has no output yet.
                let printed = self
                    .run
                    .relay
                    .output(n, stream)
                    .map_or(0, |file| file.len());
                if printed > limits::TEST_OUTPUT {
                    return Err(too_much(&program.display().to_string()).into());
                }
            }
        }
        Ok(())
    }

    /// Waits for a change, but not for long. Cargo's output is read in the meantime, so that a full
    /// channel does not block it.
    fn wait(&mut self) -> Result<(), Stop> {
        self.check_outputs()?;
        while let Ok(line) = self.lines.try_recv() {
            if !self.room.take(line.1.len()) {
                let message = "the run prints too much output beside the test binaries";
                return Err(Error::new(ErrorKind::Untrusted, message).into());
            }
            self.waiting.push_back(line);
        }
        let schedule = self.run.lock_schedule();
        drop(self.run.changed.wait_timeout(schedule, POLL));
        Ok(())
    }
}

/// Stops the scheduler and cargo when dropped.
struct StopOnDrop<'a> {
    relay: &'a TestRelay,
    cancel: &'a Cancel,
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.relay.close();
    }
}

impl Binary {
    /// A binary that runs from now on.
    fn running(threads: u32) -> Self {
        Binary::Running {
            threads,
            since: clock::now(),
        }
    }
}

impl Schedule {
    /// Adds a binary that has started and waits for threads.
    fn ready(&mut self, program: &Path) {
        let weight = self.weights.get(program).copied().unwrap_or(1);
        let total = self.weights.values().sum();
        self.programs.push(program.to_owned());
        let share = shares::share(self.budget, weight, total);
        self.binaries.push(Binary::Waiting { share });
    }

    /// Adds a binary that started without waiting.
    fn started(&mut self, program: &Path) {
        self.programs.push(program.to_owned());
        self.binaries.push(Binary::running(0));
    }

    /// Records the end of a binary. The end of a binary that is not running is forged, and ignored.
    fn ended(&mut self, n: usize, end: TestExit) {
        if let Some(binary) = self.binaries.get_mut(n) {
            if let Binary::Running { threads, since } = *binary {
                self.free += threads;
                *binary = Binary::Ended {
                    exit: end,
                    after: clock::now().saturating_duration_since(since),
                };
            }
        }
    }

    /// Grants threads to the binaries that start their tests now. After a failure at which cargo
    /// stops, no further binary starts, because its results would not be reported.
    fn start_next(&mut self) -> Vec<(usize, u32)> {
        let failed =
            |binary: &Binary| matches!(binary, Binary::Ended { exit, .. } if !exit.success());
        if self.fail_fast && self.binaries.iter().any(failed) {
            return Vec::new();
        }
        let waiting = self.binaries.iter().enumerate();
        let waiting = waiting.filter_map(|(n, binary)| match binary {
            Binary::Waiting { share } => Some((n, *share)),
            _ => None,
        });
        let (numbers, shares): (Vec<_>, Vec<_>) = waiting.unzip();
        let complete = self.complete || self.binaries.len() >= self.weights.len();
        let grants = shares::grants(self.free, &shares, complete);
        let started: Vec<_> = numbers.into_iter().zip(grants).collect();
        for (n, threads) in &started {
            self.free -= threads;
            self.binaries[*n] = Binary::running(*threads);
        }
        started
    }
}

/// Returns the lines in a file that a test binary has written.
pub(crate) fn kept_lines(file: RegularFile) -> Result<Vec<String>> {
    match BinaryOutput::new(file, String::new()).so_far() {
        Ok(lines) => Ok(lines),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Listener) => Ok(Vec::new()),
    }
}

/// Returns the number of threads in the variables of `spec`.
fn threads_variable(spec: &RunSpec) -> Option<u32> {
    match spec.env.get(TEST_THREADS) {
        Some(EnvValue::Plain(threads)) => threads.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
