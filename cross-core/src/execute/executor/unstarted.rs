//! Tells of the tests that a run compiled and that wasm-bindgen's test runner did not start.

use cross_engine::RunSpec;

use super::Execution;
use crate::execute::failure::TESTS_FAILED;
use crate::execute::harness_words;
use crate::execute::unstarted_tests::{self, GivenBinary};
use crate::model::error::{ErrorKind, Result};
use crate::model::outcome::ArtifactKind;
use crate::model::test_summary::TestSummary;
use crate::request::event::EventKind;
use crate::target::emulator_crash::EmulatorKind;

/// The words that each test binary was given, by its file name.
pub(super) type Words = Vec<(String, Vec<String>)>;

impl Execution<'_> {
    /// The test binaries of this run, of which `tests` are the results.
    pub(super) fn given_binaries(&self, tests: &TestSummary, words: &Words) -> Vec<GivenBinary> {
        let built = self.artifacts.iter();
        let built = built.filter(|artifact| artifact.kind == ArtifactKind::Test);
        let given = built.filter_map(|artifact| {
            let file = unstarted_tests::file_name(&artifact.inside)?;
            if tests.not_run.iter().any(|name| name == file) {
                return None;
            }
            let of_file = tests.binaries.iter().filter(|it| it.name.contains(file));
            let ran = of_file.map(|it| it.passed + it.failed + it.ignored).sum();
            let words = words.iter().find(|(name, _)| name == file);
            Some(GivenBinary {
                path: artifact.inside.clone(),
                words: words.map(|(_, words)| words.clone()).unwrap_or_default(),
                ran,
            })
        });
        given.collect()
    }

    /// Warns of the tests of these binaries that were not started. It is an error if `command` ended
    /// with success, and not one of the tests that it was to run was started.
    pub(super) fn tell_unstarted(
        &self,
        given: &[GivenBinary],
        command: &[String],
        is_success: bool,
    ) -> Result<()> {
        if self.plan.emulator != EmulatorKind::WasmBindgen {
            return Ok(());
        }
        let found = unstarted_tests::find(self.target_dir()?, &self.plan.products, given);
        let has_run = given.iter().any(|binary| binary.ran > 0);
        let is_to_run = harness_words::reports_results(command);
        let is_certain = found.iter().any(|unstarted| unstarted.is_certain);
        let mut messages = found.into_iter().map(|unstarted| unstarted.message);
        if is_success && is_to_run && !has_run && is_certain {
            return Err(unstarted_tests::nothing_ran(&messages.collect::<Vec<_>>()));
        }
        messages.try_for_each(|message| {
            self.emit(EventKind::Warning {
                code: "test-results".to_owned(),
                message,
                help: Some(unstarted_tests::HELP.to_owned()),
            })
        })
    }

    /// The same for a command line, which fails without being an error.
    pub(super) fn fail_without_start(
        &mut self,
        given: &[GivenBinary],
        spec: &RunSpec,
    ) -> Result<()> {
        match self.tell_unstarted(given, &spec.command, true) {
            Err(error) if error.kind() == ErrorKind::TestFailed => {
                self.code = Some(TESTS_FAILED);
                self.emit(EventKind::Warning {
                    code: "test-results".to_owned(),
                    message: error.to_string(),
                    help: error.help().map(str::to_owned),
                })
            }
            told => told,
        }
    }
}
