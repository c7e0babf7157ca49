//! What is seen while the library works: its events as lines, as one line per target, or as JSON.
//!
//! Progress, diagnostics and errors go to standard error; what a command answers goes to standard
//! output.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cross_core::{
    Cross,
    engine::Stream,
    events::{Event, EventKind},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::Format;
use crate::failure::Failure;

/// How often a long step says that it is alive, where there is no terminal to draw on.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How much output of a step is kept to be shown if it fails.
const KEPT_LINES: usize = 200;

/// What becomes of the output of cargo, of tests and of programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// It is passed on.
    Shown,
    /// It is kept, and shown if the step fails.
    Kept,
}

/// Shows events. Clones show on the same screen.
#[derive(Clone)]
pub(crate) struct Ui(Arc<Screen>);

struct Screen {
    format: Format,
    output: Output,
    /// The lines of the targets; draws nothing where there is no terminal.
    bars: MultiProgress,
    is_terminal: bool,
    rows: Mutex<BTreeMap<String, Row>>,
}

/// What is known of one target.
struct Row {
    bar: ProgressBar,
    step: String,
    compiled: usize,
    kept: VecDeque<String>,
    spoke: Instant,
}

impl Ui {
    pub(crate) fn new(format: Format, output: Output) -> Self {
        Ui(Arc::new(Screen {
            format,
            output,
            bars: MultiProgress::new(),
            is_terminal: io::stderr().is_terminal() && format == Format::Human,
            rows: Mutex::default(),
        }))
    }

    /// `cross`, with its events shown here.
    pub(crate) fn watch(&self, cross: &Cross) -> Cross {
        let ui = self.clone();
        cross.clone().on_event(move |event| ui.show(event))
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match self.0.format {
            Format::Json => self.json(event),
            Format::Human => self.human(&event.target, &event.kind),
        }
    }

    /// Prints a JSON object on a line of its own.
    pub(crate) fn json(&self, object: &impl serde::Serialize) {
        // Standard output may be gone; there is nobody to tell.
        let text = serde_json::to_string(object).unwrap_or_else(|error| error.to_string());
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    fn human(&self, target: &str, event: &EventKind) {
        let mut rows = self.rows();
        let row = rows
            .entry(target.to_owned())
            .or_insert_with(|| self.row(target));
        match event {
            EventKind::StepStarted { purpose, .. } => self.begin(row, target, purpose),
            EventKind::StepFinished { seconds, .. } if *seconds >= 1.0 => {
                self.plain(row, &format!("{target}: {}: {seconds:.1} s", row.step));
            }
            EventKind::EnvironmentProgress { message, .. } => self.progress(row, target, message),
            EventKind::Compiled { package, .. } => {
                row.compiled += 1;
                let message = format!("{} crates, {package}", row.compiled);
                self.progress(row, target, &message);
            }
            EventKind::Output { stream, line, .. } => self.line(row, *stream, line),
            EventKind::Diagnostic(said) => {
                let text = &said.rendered;
                self.say(text.strip_suffix('\n').unwrap_or(text));
            }
            EventKind::Warning { message, help, .. } => {
                self.say(&format!("warning: {message}"));
                if let Some(help) = help {
                    self.say(&format!("help: {help}"));
                }
            }
            EventKind::WaitsForDebugger { command, .. } => {
                self.note(&format!("it waits for gdb: {command}"));
            }
            EventKind::EngineChosen { engine, reason, .. } if row.step.is_empty() => {
                self.plain_unless_shown(row, &format!("{target}: in {engine}: {reason}"));
            }
            _ => {}
        }
    }

    /// A step of ours, or of the library's, begins.
    pub(crate) fn step(&self, target: &str, purpose: &str) {
        if self.0.format == Format::Human {
            let mut rows = self.rows();
            let row = rows
                .entry(target.to_owned())
                .or_insert_with(|| self.row(target));
            self.begin(row, target, purpose);
        }
    }

    fn begin(&self, row: &mut Row, target: &str, purpose: &str) {
        purpose.clone_into(&mut row.step);
        row.compiled = 0;
        row.kept.clear();
        row.bar.set_message(purpose.to_owned());
        self.plain_unless_shown(row, &format!("{target}: {purpose}"));
    }

    fn progress(&self, row: &mut Row, target: &str, message: &str) {
        let text = format!("{}: {message}", row.step);
        if row.spoke.elapsed() >= HEARTBEAT {
            self.plain(row, &format!("{target}: {text}"));
        }
        row.bar.set_message(text);
    }

    fn line(&self, row: &mut Row, stream: Stream, line: &str) {
        match (self.0.output, stream) {
            (Output::Shown, Stream::Stdout) => self.0.bars.suspend(|| {
                let _ = writeln!(io::stdout().lock(), "{line}");
            }),
            (Output::Shown, _) => self.say(line),
            (Output::Kept, _) => {
                row.kept.push_back(line.to_owned());
                if row.kept.len() > KEPT_LINES {
                    row.kept.pop_front();
                }
            }
        }
    }

    /// `target` is done with; says why if it failed, after what its last step printed.
    pub(crate) fn finish(&self, target: &str, seconds: f64, failure: Option<&Failure>) {
        let row = self.rows().remove(target);
        if self.0.format == Format::Json {
            return;
        }
        let result = if failure.is_some() { "failed" } else { "ok" };
        let text = format!("{result} in {seconds:.1} s");
        let mut row = row.unwrap_or_else(|| self.row(target));
        row.bar.finish_with_message(text.clone());
        self.plain(&mut row, &format!("{target}: {text}"));
        if let Some(failure) = failure {
            row.kept.iter().for_each(|line| self.say(line));
            self.say(&described(failure, Some(target)));
        }
    }

    /// Draws one line for each of `targets`.
    pub(crate) fn expect<'a>(&self, targets: impl IntoIterator<Item = &'a str>) {
        for target in targets {
            let row = self.row(target);
            self.rows().insert(target.to_owned(), row);
        }
    }

    /// Nothing more is drawn.
    pub(crate) fn close(&self) {
        for row in self.rows().values() {
            row.bar.finish_and_clear();
        }
    }

    fn row(&self, target: &str) -> Row {
        let bar = ProgressBar::hidden();
        let mut row = Row {
            bar,
            step: String::new(),
            compiled: 0,
            kept: VecDeque::new(),
            spoke: Instant::now(),
        };
        if self.0.is_terminal {
            let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed}");
            row.bar = self.0.bars.add(ProgressBar::new_spinner());
            row.bar
                .set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            row.bar.set_prefix(format!("{target:<32}"));
            row.bar.enable_steady_tick(Duration::from_millis(120));
        }
        row
    }

    /// A line that stands for what a terminal would draw.
    fn plain(&self, row: &mut Row, text: &str) {
        row.spoke = Instant::now();
        if !self.0.is_terminal {
            self.say(text);
        }
    }

    /// The same for what would only disturb where cargo itself is heard.
    fn plain_unless_shown(&self, row: &mut Row, text: &str) {
        if self.0.output == Output::Kept {
            self.plain(row, text);
        }
    }

    /// Says something by the way.
    pub(crate) fn note(&self, text: &str) {
        self.say(&format!("note: {text}"));
    }

    fn say(&self, text: &str) {
        self.0.bars.suspend(|| {
            let _ = writeln!(io::stderr().lock(), "{text}");
        });
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints why the command failed.
pub(crate) fn error(failure: &Failure) {
    let _ = writeln!(io::stderr().lock(), "{}", described(failure, None));
}

/// Prints what a command answers.
pub(crate) fn answer(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn described(failure: &Failure, target: Option<&str>) -> String {
    let place = target.map_or(String::new(), |target| format!("{target}: "));
    match &failure.help {
        Some(help) => format!("error: {place}{failure}\nhelp: {help}"),
        None => format!("error: {place}{failure}"),
    }
}

/// `rows` below `head`, each column as wide as it needs.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|n| {
        let cells = rows.iter().map(|row| row[n].chars().count());
        cells.chain([head[n].len()]).max().unwrap_or(0)
    });
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths);
        let padded = cells.map(|(cell, width)| format!("{cell:<width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    let rows = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    let lines: Vec<_> = std::iter::once(line(head)).chain(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = [
            ["a".to_owned(), "12".to_owned()],
            ["bcdefg".to_owned(), "3".to_owned()],
        ];
        assert_eq!(
            table(["name", "n"], &rows),
            "name    n\na       12\nbcdefg  3"
        );
    }

    #[test]
    fn help_has_a_line_of_its_own() {
        let failure = Failure::new("no way").with_help("another");
        assert_eq!(
            described(&failure, Some("t")),
            "error: t: no way\nhelp: another"
        );
    }
}
