//! What a harness says of the tests that failed, before it lists them.

use std::collections::HashMap;

use cross_engine::process::untrusted::Room;

use super::{Suite, SuiteResults};
use crate::model::test_summary::{MESSAGE, TestResult};

impl Suite {
    /// Reads a line of what the harness says of the tests that failed. A test may print the same,
    /// so this is text for people.
    pub(super) fn explain(&mut self, line: &str, room: &mut Room) {
        let name = line.strip_prefix("---- ");
        let name = name.and_then(|rest| rest.strip_suffix(" ----"));
        let name = name.and_then(|rest| rest.rsplit_once(' '));
        match name.filter(|(_, stream)| ["stdout", "stderr"].contains(stream)) {
            Some((name, _)) => {
                self.is_explaining = room.take(2 * name.len());
                if self.is_explaining {
                    self.messages.push((name.to_owned(), String::new()));
                }
            }
            None if self.is_explaining => {
                let Some((_, text)) = self.messages.last_mut() else {
                    return;
                };
                if text.len() < MESSAGE && room.take(line.len() + 1) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            None => {}
        }
    }
}

impl SuiteResults {
    /// Adds what the harness says of tests that failed. The last text of a name counts.
    pub(super) fn explained(mut self, messages: &[(String, String)]) -> Self {
        let messages: HashMap<&str, &str> = messages
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let tests = std::mem::take(&mut self.tests);
        let explain = |test: TestResult| {
            let message = messages.get(test.name.as_str()).copied();
            test.with_message(message)
        };
        self.tests = tests.into_iter().map(explain).collect();
        self
    }
}
