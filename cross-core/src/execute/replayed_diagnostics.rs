//! The diagnostics that cargo prints again when it runs what an earlier step compiled.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use cross_engine::process::Stream;

use crate::execute::cargo_output::rendered_outside;
use crate::model::fixed_paths::FixedPaths;
use crate::model::outcome::CompilerDiagnostic;
use crate::model::printable::printable;

/// What cargo prints once everything is compiled.
const COMPILED: [&str; 3] = ["Finished ", "Running ", "Doc-tests "];

/// Takes the diagnostics that were reported already out of the output of a run, each once. Cargo
/// prints them before anything starts, so that everything after that is left alone: a program may
/// print the same words.
#[derive(Debug)]
pub(crate) struct ReplayedDiagnostics {
    fixed: FixedPaths,
    /// The lines of all diagnostics as a tree: the node after a node and a line. The root is 0.
    next: HashMap<(usize, String), usize>,
    /// The nodes at which a diagnostic ends.
    ends: HashSet<usize>,
    at: usize,
    /// The lines on the way to the node.
    held: Vec<String>,
    /// Whether a blank line belongs to the diagnostic before it.
    takes_blank: bool,
    /// Whether cargo prints nothing else, so that another line is a program's.
    is_quiet: bool,
    has_ended: bool,
}

impl ReplayedDiagnostics {
    /// Those among `reported` that the cargo of `command` prints again.
    pub(crate) fn new(
        reported: &[CompilerDiagnostic],
        command: &[String],
        fixed: &FixedPaths,
    ) -> Self {
        let mut options = command.iter().take_while(|word| *word != "--");
        let mut replayed = ReplayedDiagnostics {
            fixed: fixed.clone(),
            next: HashMap::new(),
            ends: HashSet::new(),
            at: 0,
            held: Vec::new(),
            takes_blank: false,
            is_quiet: options.any(|word| word == "--quiet" || word == "-q"),
            has_ended: reported.is_empty(),
        };
        for diagnostic in reported {
            replayed.add(&diagnostic.shown());
        }
        replayed
    }

    fn add(&mut self, text: &str) {
        let mut at = 0;
        for line in text.lines() {
            let new = self.next.len() + 1;
            at = *self
                .next
                .entry((at, line.trim_end().to_owned()))
                .or_insert(new);
        }
        if at > 0 {
            self.ends.insert(at);
        }
    }

    /// Reads a line, and passes on what is to be shown now. Lines that may begin a diagnostic are
    /// held until that is known.
    pub(crate) fn read(
        &mut self,
        stream: Stream,
        line: &str,
        show: &mut dyn FnMut(Stream, &str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.has_ended {
            return show(stream, line);
        }
        if stream != Stream::Stderr {
            self.finish(show)?;
            return show(stream, line);
        }
        let shown = rendered_outside(&self.fixed, line);
        let plain = printable(&shown).trim_end().to_owned();
        if std::mem::take(&mut self.takes_blank) && plain.is_empty() {
            return ControlFlow::Continue(());
        }
        let key = (self.at, plain);
        match self.next.get(&key) {
            Some(node) if self.ends.remove(node) => {
                self.at = 0;
                self.held.clear();
                self.takes_blank = true;
                ControlFlow::Continue(())
            }
            Some(node) => {
                self.at = *node;
                self.held.push(line.to_owned());
                ControlFlow::Continue(())
            }
            None if self.at > 0 => {
                self.release(show)?;
                self.read(stream, line, show)
            }
            None => {
                let word = key.1.trim_start();
                self.has_ended = self.is_quiet || COMPILED.iter().any(|it| word.starts_with(it));
                show(stream, line)
            }
        }
    }

    /// Passes on what is held. Nothing is taken out any more.
    pub(crate) fn finish(
        &mut self,
        show: &mut dyn FnMut(Stream, &str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.has_ended = true;
        self.release(show)
    }

    fn release(
        &mut self,
        show: &mut dyn FnMut(Stream, &str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.at = 0;
        let held = std::mem::take(&mut self.held);
        held.iter().try_for_each(|line| show(Stream::Stderr, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNUSED: &str = "warning: unused variable: `x`\n --> src/main.rs:2:9\n  | \n2 |     let x = 1;\n  \
                          |         ^ help: use `_x`\n\n";
    const OTHER: &str = "warning: unused variable: `x`\n --> src/main.rs:3:9\n\n";

    fn reported(texts: &[&str]) -> Vec<CompilerDiagnostic> {
        let diagnostic = |text: &&str| CompilerDiagnostic {
            level: "warning".to_owned(),
            package: "app".to_owned(),
            code: None,
            message: "unused variable: `x`".to_owned(),
            place: None,
            rendered: (*text).to_owned(),
        };
        texts.iter().map(diagnostic).collect()
    }

    /// What is shown of the standard error `printed` of `cargo <words>`.
    fn shown(known: &[&str], words: &[&str], printed: &str) -> String {
        let command: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut replayed =
            ReplayedDiagnostics::new(&reported(known), &command, &FixedPaths::default());
        let mut text = String::new();
        let mut show = |_: Stream, line: &str| {
            text.extend([line, "\n"]);
            ControlFlow::Continue(())
        };
        for line in printed.lines() {
            let _ = replayed.read(Stream::Stderr, line, &mut show);
        }
        let _ = replayed.finish(&mut show);
        text
    }

    #[test]
    fn cargos_replay_is_taken_out_and_its_own_lines_stay() {
        let colored = UNUSED.replace("warning", "\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m");
        let own = "warning: `app` generated 2 warnings\n    Finished `dev` profile\n";
        let printed = format!("{colored}{OTHER}{own}");
        assert_eq!(
            shown(&[UNUSED, OTHER, UNUSED], &["cargo", "test"], &printed),
            own
        );
    }

    #[test]
    fn what_was_not_reported_is_shown_whole() {
        let cut = "warning: unused variable: `x`\n --> src/main.rs:2:9\n";
        let new = "warning: unused variable: `x`\n --> src/lib.rs:9:9\n\n";
        let printed = format!("{new}{cut}{UNUSED}{cut}");
        let left = format!("{new}{cut}{cut}");
        assert_eq!(shown(&[UNUSED], &["cargo", "test"], &printed), left);
        assert_eq!(shown(&[], &["cargo", "test"], UNUSED), UNUSED);
    }

    #[test]
    fn a_program_may_print_the_words_of_the_compiler() {
        let run = ["cargo", "run", "--quiet", "--", "-q"];
        let own = format!("hello\n{UNUSED}");
        assert_eq!(shown(&[UNUSED], &run, &own), own);
        assert_eq!(shown(&[UNUSED], &run, &format!("{UNUSED}{UNUSED}")), UNUSED);
        let after = format!("     Running `app`\n{UNUSED}");
        assert_eq!(
            shown(&[UNUSED], &["cargo", "bench", "--", "-q"], &after),
            after
        );
    }
}
