//! Groups of lines in the log of a CI system, one for each step. A log has one group open at a
//! time: what other targets print in the meantime waits for the end of their steps.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use cross_engine::process::clock;

/// A group that waits is printed in parts of this size.
const HELD_BYTES: usize = 1 << 20;

/// The notation of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// Workflow commands:
    /// <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>.
    GitHub,
    /// Sections: <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>.
    GitLab,
}

impl Notation {
    fn begin(self, title: &str, name: &str, unix_seconds: u64) -> String {
        match self {
            // What is printed in the group gives no commands.
            Notation::GitHub => format!("::group::{title}\n::stop-commands::{name}\n"),
            Notation::GitLab => {
                format!(
                    "\u{1b}[0Ksection_start:{unix_seconds}:{name}[collapsed=true]\r\u{1b}[0K{title}\n"
                )
            }
        }
    }

    /// `lines` outside of a group. They give no commands.
    fn guarded(self, lines: String) -> String {
        match self {
            Notation::GitHub
                if lines
                    .lines()
                    .any(|line| line.trim_start().starts_with("::")) =>
            {
                let name = random_name();
                format!("::stop-commands::{name}\n{lines}::{name}::\n")
            }
            Notation::GitHub | Notation::GitLab => lines,
        }
    }

    fn end(self, name: &str, unix_seconds: u64) -> String {
        match self {
            Notation::GitHub => format!("::{name}::\n::endgroup::\n"),
            Notation::GitLab => {
                format!("\u{1b}[0Ksection_end:{unix_seconds}:{name}\r\u{1b}[0K\n")
            }
        }
    }
}

/// The group that is open, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Groups {
    open: Option<Group>,
    waiting: BTreeMap<String, Waiting>,
}

#[derive(Debug)]
struct Group {
    target: String,
    title: String,
    /// A name that no program can guess.
    name: String,
}

/// A step that has printed nothing yet, or whose lines wait for the end of another one's group.
#[derive(Debug)]
struct Waiting {
    title: String,
    held: String,
}

/// Each function returns what is to be printed now.
impl Groups {
    /// Begins the step of `target`. A step that still goes on ends. Its group is opened for its
    /// first line.
    pub(super) fn begin(&mut self, notation: Notation, target: &str, title: &str) -> String {
        let ended = self.end(notation, target);
        let step = Waiting {
            title: title.to_owned(),
            held: String::new(),
        };
        self.waiting.insert(target.to_owned(), step);
        ended
    }

    /// Adds a line to the step of `target`.
    pub(super) fn line(&mut self, notation: Notation, target: &str, line: String) -> String {
        if self.open.is_none() {
            return match self.waiting.remove(target) {
                Some(step) => self.open(notation, target, &step.title) + &step.held + &line,
                None => notation.guarded(line),
            };
        }
        let is_open = |group: &Group| group.target == target;
        match self.waiting.get_mut(target) {
            Some(step) => {
                step.held += &line;
                match step.held.len() > HELD_BYTES {
                    true => self.print_held(notation, target),
                    false => String::new(),
                }
            }
            None if self.open.as_ref().is_some_and(is_open) => line,
            None => self.outside(notation, line),
        }
    }

    /// A line that belongs to no step: the open group is closed before, and opened again after it.
    pub(super) fn outside(&mut self, notation: Notation, line: String) -> String {
        let Some(group) = self.open.take() else {
            return notation.guarded(line);
        };
        let ended = notation.end(&group.name, seconds());
        let title = group.title.clone();
        ended + &notation.guarded(line) + &self.open(notation, &group.target, &title)
    }

    /// Ends the step of `target`.
    pub(super) fn end(&mut self, notation: Notation, target: &str) -> String {
        if self.waiting.contains_key(target) {
            let text = self.print_held(notation, target);
            self.waiting.remove(target);
            return text;
        }
        match self.open.take_if(|group| group.target == target) {
            Some(group) => notation.end(&group.name, seconds()),
            None => String::new(),
        }
    }

    /// Ends all steps.
    pub(super) fn end_all(&mut self, notation: Notation) -> String {
        let targets: Vec<_> = self.waiting.keys().cloned().collect();
        let mut text: String = targets
            .iter()
            .map(|target| self.end(notation, target))
            .collect();
        if let Some(group) = self.open.take() {
            text += &notation.end(&group.name, seconds());
        }
        text
    }

    fn open(&mut self, notation: Notation, target: &str, title: &str) -> String {
        let name = random_name();
        let text = notation.begin(title, &name, seconds());
        self.open = Some(Group {
            target: target.to_owned(),
            title: title.to_owned(),
            name,
        });
        text
    }

    /// Prints what a waiting step holds as a group of its own, between two parts of the open one.
    fn print_held(&mut self, notation: Notation, target: &str) -> String {
        let Some(step) = self.waiting.get_mut(target) else {
            return String::new();
        };
        let held = std::mem::take(&mut step.held);
        if held.is_empty() {
            return String::new();
        }
        let name = random_name();
        let (begun, ended) = (
            notation.begin(&step.title, &name, seconds()),
            notation.end(&name, seconds()),
        );
        let text = begun + &held + &ended;
        let Some(group) = self.open.take() else {
            return text;
        };
        let (ended, title) = (notation.end(&group.name, seconds()), group.title.clone());
        ended + &text + &self.open(notation, &group.target, &title)
    }
}

/// A name that no program can guess: the keys of the hashes are random.
fn random_name() -> String {
    format!("step-{:016x}", RandomState::new().hash_one(seconds()))
}

fn seconds() -> u64 {
    clock::unix_time().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces the random names, in the order in which they occur.
    fn named(text: &str) -> String {
        let mut text = text.to_owned();
        for n in 1.. {
            let Some(at) = text.find("step-") else { break };
            let end = text[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
            let name = text[at..at + end.unwrap_or(text.len() - at)].to_owned();
            text = text.replace(&name, &format!("NAME{n}"));
        }
        text
    }

    #[test]
    fn a_step_is_a_group_whose_lines_give_no_commands() {
        let mut groups = Groups::default();
        let mut text = groups.begin(Notation::GitHub, "a", "a: compile");
        text += &groups.line(Notation::GitHub, "a", "::add-mask::x\n".to_owned());
        text += &groups.end(Notation::GitHub, "a");
        assert_eq!(
            named(&text),
            "::group::a: compile\n::stop-commands::NAME1\n::add-mask::x\n::NAME1::\n::endgroup::\n"
        );
    }

    #[test]
    fn what_another_target_prints_waits_for_the_end_of_its_step() {
        let on = Notation::GitHub;
        let mut groups = Groups::default();
        let mut text = groups.begin(on, "a", "A");
        text += &groups.begin(on, "b", "B");
        text += &groups.line(on, "a", "begins\n".to_owned());
        text += &groups.line(on, "b", "of b\n".to_owned());
        text += &groups.line(on, "a", "of a\n".to_owned());
        text += &groups.end(on, "b");
        text += &groups.line(on, "a", "more of a\n".to_owned());
        text += &groups.end_all(on);
        let plain: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with("::stop") && !line.starts_with("::step"))
            .collect();
        assert_eq!(
            plain,
            [
                "::group::A",
                "begins",
                "of a",
                "::endgroup::",
                "::group::B",
                "of b",
                "::endgroup::",
                "::group::A",
                "more of a",
                "::endgroup::",
            ]
        );
    }

    #[test]
    fn a_step_that_prints_nothing_has_no_group() {
        let mut groups = Groups::default();
        let on = Notation::GitHub;
        let text = [
            groups.begin(on, "a", "A"),
            groups.end(on, "a"),
            groups.begin(on, "a", "B"),
            groups.end_all(on),
        ];
        assert_eq!(text.concat(), "");
    }

    #[test]
    fn a_step_that_prints_much_is_printed_before_its_end() {
        let on = Notation::GitLab;
        let mut groups = Groups::default();
        groups.begin(on, "a", "A");
        groups.begin(on, "b", "B");
        assert!(
            groups
                .line(on, "a", "of a\n".to_owned())
                .contains("A\nof a")
        );
        let line = "x".repeat(HELD_BYTES);
        assert!(groups.line(on, "b", "short\n".to_owned()).is_empty());
        let printed = groups.line(on, "b", line);
        assert!(printed.contains("short\n") && printed.contains("section_start:"));
        assert!(groups.end(on, "b").is_empty());
    }
}
