//! Groups of lines in the log of a CI system, one for each step. A log has one group open at a
//! time: what other targets print in the meantime waits for the end of their steps.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use cross_engine::process::{Stream, clock};

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

    /// Whether the CI system takes `line` for a command, in today's notation or in the old one.
    fn is_command(self, line: &str) -> bool {
        self == Notation::GitHub && (line.trim_start().starts_with("::") || line.contains("##["))
    }

    /// A line of standard output that gives no command. The streams reach the log on ways of their
    /// own, so that no command of ours would reliably stand around it.
    fn without_command(self, line: String) -> String {
        if !self.is_command(&line) {
            return line;
        }
        let line = line.replace("##[", "\\u{23}#[");
        match line.trim_start().starts_with("::") {
            true => line.replacen("::", "\\u{3a}:", 1),
            false => line,
        }
    }

    /// `parts` outside of a group. They give no commands.
    fn guarded(self, parts: Parts) -> Parts {
        let is_command = |(stream, text): &(Stream, String)| {
            *stream != Stream::Stdout && text.lines().any(|line| self.is_command(line))
        };
        if !parts.0.iter().any(is_command) {
            return parts;
        }
        let name = random_name();
        Parts::log(format!("::stop-commands::{name}\n"))
            .and(parts)
            .and(Parts::log(format!("::{name}::\n")))
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

/// Text to print, in order, each part on its stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts(Vec<(Stream, String)>);

impl Parts {
    fn of(stream: Stream, text: String) -> Self {
        Parts(vec![(stream, text)])
    }

    /// Text for the log.
    fn log(text: String) -> Self {
        Parts::of(Stream::Stderr, text)
    }

    fn and(mut self, mut other: Parts) -> Self {
        self.0.append(&mut other.0);
        self
    }

    fn size(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Stream, &str)> {
        self.0.iter().map(|(stream, text)| (*stream, text.as_str()))
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
    held: Parts,
    /// The size of what is held.
    bytes: usize,
}

/// Each function returns what is to be printed now.
impl Groups {
    /// Begins the step of `target`. A step that still goes on ends. Its group is opened for its
    /// first line.
    pub(super) fn begin(&mut self, notation: Notation, target: &str, title: &str) -> Parts {
        let ended = self.end(notation, target);
        let step = Waiting {
            title: title.to_owned(),
            held: Parts::default(),
            bytes: 0,
        };
        self.waiting.insert(target.to_owned(), step);
        ended
    }

    /// Adds a line to the step of `target`.
    pub(super) fn line(
        &mut self,
        notation: Notation,
        target: &str,
        stream: Stream,
        line: String,
    ) -> Parts {
        let own = match stream {
            Stream::Stdout => Parts::of(stream, notation.without_command(line)),
            _ => Parts::log(line),
        };
        if self.open.is_none() {
            return match self.waiting.remove(target) {
                Some(step) => self
                    .open(notation, target, &step.title)
                    .and(step.held)
                    .and(own),
                None => notation.guarded(own),
            };
        }
        let is_open = |group: &Group| group.target == target;
        match self.waiting.get_mut(target) {
            Some(step) => {
                step.bytes += own.size();
                step.held.0.extend(own.0);
                match step.bytes > HELD_BYTES {
                    true => self.print_held(notation, target),
                    false => Parts::default(),
                }
            }
            None if self.open.as_ref().is_some_and(is_open) => own,
            None => self.outside_of(notation, own),
        }
    }

    /// A line that belongs to no step: the open group is closed before, and opened again after it.
    pub(super) fn outside(&mut self, notation: Notation, line: String) -> Parts {
        self.outside_of(notation, Parts::log(line))
    }

    fn outside_of(&mut self, notation: Notation, parts: Parts) -> Parts {
        let Some(group) = self.open.take() else {
            return notation.guarded(parts);
        };
        let ended = Parts::log(notation.end(&group.name, seconds()));
        let title = group.title.clone();
        ended
            .and(notation.guarded(parts))
            .and(self.open(notation, &group.target, &title))
    }

    /// Ends the step of `target`.
    pub(super) fn end(&mut self, notation: Notation, target: &str) -> Parts {
        if self.waiting.contains_key(target) {
            let text = self.print_held(notation, target);
            self.waiting.remove(target);
            return text;
        }
        match self.open.take_if(|group| group.target == target) {
            Some(group) => Parts::log(notation.end(&group.name, seconds())),
            None => Parts::default(),
        }
    }

    /// Ends all steps.
    pub(super) fn end_all(&mut self, notation: Notation) -> Parts {
        let targets: Vec<_> = self.waiting.keys().cloned().collect();
        let ended = targets.iter().fold(Parts::default(), |parts, target| {
            parts.and(self.end(notation, target))
        });
        match self.open.take() {
            Some(group) => ended.and(Parts::log(notation.end(&group.name, seconds()))),
            None => ended,
        }
    }

    fn open(&mut self, notation: Notation, target: &str, title: &str) -> Parts {
        let name = random_name();
        let text = notation.begin(title, &name, seconds());
        self.open = Some(Group {
            target: target.to_owned(),
            title: title.to_owned(),
            name,
        });
        Parts::log(text)
    }

    /// Prints what a waiting step holds as a group of its own, between two parts of the open one.
    fn print_held(&mut self, notation: Notation, target: &str) -> Parts {
        let Some(step) = self.waiting.get_mut(target) else {
            return Parts::default();
        };
        let held = std::mem::take(&mut step.held);
        if std::mem::take(&mut step.bytes) == 0 {
            return Parts::default();
        }
        let name = random_name();
        let (begun, ended) = (
            notation.begin(&step.title, &name, seconds()),
            notation.end(&name, seconds()),
        );
        let text = Parts::log(begun).and(held).and(Parts::log(ended));
        let Some(group) = self.open.take() else {
            return text;
        };
        let (ended, title) = (notation.end(&group.name, seconds()), group.title.clone());
        Parts::log(ended)
            .and(text)
            .and(self.open(notation, &group.target, &title))
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

    /// What is printed on both streams.
    fn text(parts: &Parts) -> String {
        parts.iter().map(|(_, text)| text).collect()
    }

    fn of(groups: &mut Groups, on: Notation, target: &str, line: &str) -> Parts {
        groups.line(on, target, Stream::Stderr, line.to_owned())
    }

    #[test]
    fn a_step_is_a_group_whose_lines_give_no_commands() {
        let on = Notation::GitHub;
        let mut groups = Groups::default();
        let mut parts = groups.begin(on, "a", "a: compile");
        parts = parts.and(of(&mut groups, on, "a", "::add-mask::x\n"));
        parts = parts.and(groups.end(on, "a"));
        assert_eq!(
            named(&text(&parts)),
            "::group::a: compile\n::stop-commands::NAME1\n::add-mask::x\n::NAME1::\n::endgroup::\n"
        );
    }

    #[test]
    fn what_a_program_prints_is_on_its_own_stream_and_gives_no_commands() {
        let on = Notation::GitHub;
        let mut groups = Groups::default();
        let mut parts = groups.begin(on, "a", "a: run");
        for line in ["data ::\n", "  ::set-output name=a::b\n", "x ##[group]y\n"] {
            parts = parts.and(groups.line(on, "a", Stream::Stdout, line.to_owned()));
        }
        parts = parts.and(groups.end(on, "a"));
        parts = parts.and(groups.line(on, "a", Stream::Stdout, "::debug::late\n".to_owned()));
        let (out, log): (Vec<_>, Vec<_>) = parts
            .iter()
            .partition(|(stream, _)| *stream == Stream::Stdout);
        let out: String = out.into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            out,
            "data ::\n  \\u{3a}:set-output name=a::b\nx \\u{23}#[group]y\n\\u{3a}:debug::late\n"
        );
        let log: String = log.into_iter().map(|(_, text)| text).collect();
        assert!(
            log.ends_with("::endgroup::\n") && !log.contains("data"),
            "{log}"
        );
    }

    #[test]
    fn a_line_outside_of_a_group_gives_no_command_in_either_notation() {
        for line in ["::add-mask::x\n", "warning: ##[add-mask]x\n"] {
            let shown = text(&Groups::default().outside(Notation::GitHub, line.to_owned()));
            let shown = named(&shown);
            assert_eq!(shown, format!("::stop-commands::NAME1\n{line}::NAME1::\n"));
        }
    }

    #[test]
    fn what_another_target_prints_waits_for_the_end_of_its_step() {
        let on = Notation::GitHub;
        let mut groups = Groups::default();
        let mut parts = groups.begin(on, "a", "A");
        parts = parts.and(groups.begin(on, "b", "B"));
        parts = parts.and(of(&mut groups, on, "a", "begins\n"));
        parts = parts.and(groups.line(on, "b", Stream::Stdout, "of b\n".to_owned()));
        parts = parts.and(of(&mut groups, on, "a", "of a\n"));
        parts = parts.and(groups.end(on, "b"));
        parts = parts.and(of(&mut groups, on, "a", "more of a\n"));
        parts = parts.and(groups.end_all(on));
        let shown = text(&parts);
        let plain: Vec<_> = shown
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
        let parts = [
            groups.begin(on, "a", "A"),
            groups.end(on, "a"),
            groups.begin(on, "a", "B"),
            groups.end_all(on),
        ];
        assert_eq!(parts.iter().map(text).collect::<String>(), "");
    }

    #[test]
    fn a_step_that_prints_much_is_printed_before_its_end() {
        let on = Notation::GitLab;
        let mut groups = Groups::default();
        groups.begin(on, "a", "A");
        groups.begin(on, "b", "B");
        assert!(text(&of(&mut groups, on, "a", "of a\n")).contains("A\nof a"));
        let line = "x".repeat(HELD_BYTES);
        assert_eq!(of(&mut groups, on, "b", "short\n"), Parts::default());
        let printed = text(&of(&mut groups, on, "b", &line));
        assert!(printed.contains("short\n") && printed.contains("section_start:"));
        assert_eq!(groups.end(on, "b"), Parts::default());
    }
}
