//! Reads the output of a run of tests, and passes it on as events.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use cross_engine::RunSpec;
use cross_engine::process::{Exit, Stream};

use super::Execution;
use super::lines::{FirstError, output_event};
use super::unstarted::Words;
use crate::execute::debugger::DebuggerWatch;
use crate::execute::harness_words;
use crate::execute::libtest::{self, BinaryResult};
use crate::execute::relayed_tests::Listener;
use crate::execute::replayed_diagnostics::ReplayedDiagnostics;
use crate::execute::test_ends;
use crate::request::event::EventKind;

/// Reads the output of a run of tests, and passes it on as events.
pub(super) struct TestWatch<'a> {
    execution: &'a Execution<'a>,
    command: &'a [String],
    pub(super) reader: libtest::Reader,
    pub(super) debugger: DebuggerWatch,
    pub(super) first_error: FirstError,
    pub(super) words: Words,
    replayed: ReplayedDiagnostics,
}

impl<'a> TestWatch<'a> {
    pub(super) fn new(execution: &'a Execution<'a>, spec: &'a RunSpec) -> Self {
        TestWatch {
            reader: libtest::Reader::new(execution.plan.emulator, &spec.command)
                .with_host_tests(&execution.host_tests),
            debugger: DebuggerWatch::new(spec, &execution.plan.fixed),
            first_error: FirstError::default(),
            command: &spec.command,
            words: Words::new(),
            replayed: execution.replayed(spec),
            execution,
        }
    }

    fn notify(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        self.execution.watch(stream, line);
        let waits = self.debugger.read(line);
        let event = waits.unwrap_or_else(|| output_event(stream, line));
        self.execution.notify(event)
    }

    /// Passes on what is held of cargo's output, which has ended.
    pub(super) fn end_output(&mut self) -> ControlFlow<()> {
        let mut show = |stream, line: &str| self.execution.notify(output_event(stream, line));
        self.replayed.finish(&mut show)
    }

    fn notify_results(&self, result: Option<BinaryResult>) -> ControlFlow<()> {
        match result {
            Some(result) => self.execution.notify(EventKind::TestsRan {
                passed: result.passed,
                failed: result.failed,
            }),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Listener for TestWatch<'_> {
    fn cargo(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        let result = self.reader.read(stream, line);
        self.first_error.read(line);
        self.execution.watch(stream, line);
        match self.debugger.read(line) {
            Some(waits) => self.execution.notify(waits)?,
            None => {
                let mut show =
                    |stream, line: &str| self.execution.notify(output_event(stream, line));
                self.replayed.read(stream, line, &mut show)?;
            }
        }
        self.notify_results(result)
    }

    fn start(&mut self, program: &Path, words: Option<&[String]>) {
        let file = program.file_name().unwrap_or_default().to_string_lossy();
        let reports = match words {
            Some(words) => harness_words::are_usual(words),
            None => harness_words::reports_results(self.command),
        };
        let products = &self.execution.plan.products;
        let has_libtest = reports && test_ends::reports(&file, products);
        self.reader.start(&file, has_libtest, words);
        // Only those of binaries that cargo announced are asked for.
        let built = &self.execution.artifacts;
        let is_built = built.iter().any(|it| it.inside.ends_with(&*file));
        let is_known = self.words.iter().any(|(known, _)| *known == file);
        if let Some(words) = words.filter(|_| is_built && !is_known) {
            self.words.push((file.into_owned(), words.to_vec()));
        }
    }

    fn output(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        self.reader.read_binary(stream, line);
        self.notify(stream, line)
    }

    fn lack_runner(&mut self, runner: &str) {
        self.reader.lack_runner(runner);
    }

    fn end(&mut self, exit: Exit, after: Duration) -> bool {
        self.reader.end(exit, after)
    }

    fn list(&mut self, text: &str) {
        self.reader.list(text);
    }

    fn finish(&mut self) -> ControlFlow<()> {
        self.notify_results(self.reader.totals())
    }

    fn interrupted(
        &mut self,
        program: &Path,
        words: Option<&[String]>,
        lines: &[String],
        end: Option<(Exit, Duration)>,
    ) {
        self.start(program, words);
        for line in lines {
            self.reader.read_binary(Stream::Stdout, line);
        }
        if let Some((exit, after)) = end {
            self.reader.end(exit, after);
        }
    }
}
