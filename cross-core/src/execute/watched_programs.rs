//! Knows which programs a run of cargo starts, if their streams are those of the run.
//!
//! Cargo may fail before it starts a program, and exits with the same status as a program that
//! panics. So the runner leaves the name of each program that it starts. Of tests, it leaves what
//! they print as well: a test that ends its process ends the others, and cargo calls that success.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::process::Stream;
use cross_engine::{EnvValue, Host, RelayMode, RunSpec, TestExit, TestRelay};

use crate::execute::harness_words;
use crate::execute::libtest;
use crate::execute::relayed_tests::kept_lines;
use crate::execute::test_ends;
use crate::execute::unstarted_tests::GivenBinary;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::step::Verb;
use crate::plan::plan::Plan;

/// A run of cargo whose programs are watched.
#[derive(Debug)]
pub(crate) struct WatchedPrograms {
    /// The run, with its relay.
    pub(crate) spec: RunSpec,
    relay: TestRelay,
    /// The target's runner, which replaces the relay in cargo's messages.
    runner: String,
}

/// What the test binaries of a run left that ended with success.
#[derive(Debug, Default)]
pub(crate) struct TestEnds {
    /// Those that ended with success and without the result of their harness.
    pub(crate) missing: Vec<String>,
    /// All that ended with success.
    pub(crate) given: Vec<GivenBinary>,
}

/// The programs that a run started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// It is not known: the run is no cargo that starts programs, or it has no relay.
    Unknown,
    /// No program was started.
    None,
    /// None was started, since the environment has no program of this runner.
    WithoutRunner(String),
    /// This one was started last.
    Last(PathBuf),
}

impl WatchedPrograms {
    /// Prepares the run of `spec`, the `cargo run` or `cargo bench` of `plan`. Returns `None` if it
    /// is something else, or if cargo cannot name the relay.
    pub(crate) fn new(plan: &Plan, host: &Host, spec: &RunSpec) -> Result<Option<Self>> {
        match plan.verb {
            Verb::Run | Verb::Bench => WatchedPrograms::with(plan, host, spec, RelayMode::Watched),
            _ => Ok(None),
        }
    }

    /// Prepares the run of `spec`, a command line that runs tests, whose streams are the caller's.
    /// Returns `None` if it is something else, or if cargo cannot name the relay. On a terminal,
    /// tests print to that, and a person sees where they end.
    pub(crate) fn of_tests(plan: &Plan, host: &Host, spec: &RunSpec) -> Result<Option<Self>> {
        match runs_tests(&spec.command) && !spec.terminal {
            true => WatchedPrograms::with(plan, host, spec, RelayMode::Kept),
            false => Ok(None),
        }
    }

    fn with(plan: &Plan, host: &Host, spec: &RunSpec, mode: RelayMode) -> Result<Option<Self>> {
        if !TestRelay::is_supported(&plan.engine) {
            return Ok(None);
        }
        // What is kept on another machine is gone with its container, so it is judged there.
        let judges = mode == RelayMode::Kept && plan.remote.is_some();
        let crates = judges.then(|| test_ends::reporting_crates(&plan.products));
        let crates = crates.unwrap_or_default();
        let crates: Vec<_> = crates.iter().map(Path::new).collect();
        let relay = TestRelay::new(host, &crates, mode).map_engine_error()?;
        if !relay.has_usable_path(spec) {
            return Ok(None);
        }
        let variables = &plan.runner_variables;
        let runner = match spec.env.get(&variables.target) {
            Some(EnvValue::Plain(runner) | EnvValue::Secret(runner)) => runner.clone(),
            _ => String::new(),
        };
        let (target, host) = (&variables.target, Some(variables.host.as_str()));
        Ok(Some(WatchedPrograms {
            spec: spec.clone().relay(relay.directory(), target, host),
            relay,
            runner,
        }))
    }

    /// A line of the run as it is without the relay.
    pub(crate) fn restore_line(&self, line: &str) -> String {
        self.relay.restore_line(line, &self.runner)
    }

    /// What the test binaries left, once the run has ended with success.
    pub(crate) fn ends(&self, plan: &Plan, spec: &RunSpec) -> Result<TestEnds> {
        let programs = self.relay.started().map_engine_error()?.unwrap_or_default();
        let mut ends = TestEnds::default();
        for (n, program) in programs.into_iter().enumerate() {
            let kept = self.relay.kept(n).map_engine_error()?;
            let file = program.file_name().unwrap_or_default().to_string_lossy();
            let words = self.relay.words(n).map_engine_error()?.unwrap_or_default();
            let is_known = plan.products.of_test(&file).next().is_some();
            if !is_known || !harness_words::are_usual(&words) {
                continue;
            }
            let Some(kept) = kept.filter(|kept| kept.is_whole && kept.status == 0) else {
                continue;
            };
            let has_libtest = test_ends::reports(&file, &plan.products);
            let mut reader = libtest::Reader::new(plan.emulator, &spec.command);
            reader.start(&file, has_libtest, Some(&words));
            for line in kept_lines(kept.stdout)? {
                reader.read_binary(Stream::Stdout, &line);
            }
            reader.end(TestExit::exited(kept.status).exit(), Duration::ZERO);
            let ended = reader.relayed().last().filter(|_| !reader.is_full());
            ends.missing.extend(
                ended
                    .filter(|it| !it.has_ended())
                    .map(|it| it.with_unfinished()),
            );
            let ran = reader.summary().ran();
            drop(file);
            ends.given.push(GivenBinary {
                path: program,
                words,
                ran,
            });
        }
        Ok(ends)
    }

    /// The program that was started last, once the run has ended.
    pub(crate) fn started(&self) -> Result<Started> {
        let started = self.relay.started().map_engine_error()?;
        let Some(mut programs) = started else {
            return Ok(Started::Unknown);
        };
        let n = programs.len().saturating_sub(1);
        let lacks_runner = self.relay.lacks_runner(n).map_engine_error()?;
        Ok(match programs.pop() {
            None => Started::None,
            Some(_) if lacks_runner => Started::WithoutRunner(self.runner.clone()),
            Some(last) => Started::Last(last),
        })
    }
}

/// Plugins that run the tests of cargo's own subcommand.
const TESTING: [&str; 4] = ["auditable", "careful", "hack", "insta"];

/// Whether a command line of cargo runs tests as cargo itself does.
fn runs_tests(command: &[String]) -> bool {
    let is_test = |word: &String| ["test", "t"].contains(&word.as_str());
    let mut words = command.iter().skip(1).take_while(|word| *word != "--");
    match words.next() {
        Some(name) if TESTING.contains(&name.as_str()) => words.any(is_test),
        Some(name) => is_test(name),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_that_run_tests_are_known() {
        for (line, is_one) in [
            ("cargo test --target t -- run", true),
            ("cargo t", true),
            ("cargo hack --target t test", true),
            ("cargo careful test --target t", true),
            ("cargo hack check -- test", false),
            ("cargo nextest run test", false),
            ("cargo run -- test", false),
            ("cargo", false),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(runs_tests(&words), is_one, "{line}");
        }
    }
}
