//! Where lines go: a terminal, on which one line of each target is redrawn, or a stream, on which
//! everything is printed once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use cross_config::Env;
use cross_engine::os::System;
use cross_engine::process::Stream;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::api::console::groups::{Groups, Notation, Parts};
use crate::api::console::row::Row;
use crate::model::printable::{printable, printable_in_color};

/// The line of a target that is at work. The width of the terminal cuts the end of the message, which
/// has the name in front: a line that wrapped could not be drawn again.
const AT_WORK: &str = "{spinner} {wide_msg} {elapsed}";
/// The line of a target whose result is known.
const ENDED: &str = "  {wide_msg}";
/// The columns of a bar.
const BAR: usize = 20;
/// The most columns to which names are padded.
const NAME: usize = 32;
/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Lines that are redrawn.
    Terminal,
    /// Lines, one below the other.
    Lines,
    /// Lines in groups, which the log of a CI system can fold.
    Groups(Notation),
}

impl Style {
    /// The style of standard error. A CI system says in `env` that it reads it, and a terminal that
    /// moves no cursor has no name there, or the name `dumb`.
    pub(super) fn detect(env: &Env, is_terminal: bool) -> Self {
        let is_on = |name: &str| env.get_str(name) == Some("true");
        if is_on("GITHUB_ACTIONS") {
            Style::Groups(Notation::GitHub)
        } else if is_on("GITLAB_CI") {
            Style::Groups(Notation::GitLab)
        } else if is_terminal && !is_dumb(env) {
            Style::Terminal
        } else {
            Style::Lines
        }
    }

    pub(super) fn has_groups(self) -> bool {
        matches!(self, Style::Groups(_))
    }
}

/// A terminal or a stream.
pub(super) struct Screen {
    style: Style,
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Draws nothing unless the style is a terminal's.
    drawn: MultiProgress,
    bars: BTreeMap<String, ProgressBar>,
    groups: Groups,
}

impl Screen {
    pub(super) fn new(
        style: Style,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        let target = match style {
            Style::Terminal => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        Self::drawn_on(target, style, out, err)
    }

    pub(super) fn drawn_on(
        target: ProgressDrawTarget,
        style: Style,
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
    ) -> Self {
        Screen {
            style,
            out,
            err,
            drawn: MultiProgress::with_draw_target(target),
            bars: BTreeMap::new(),
            groups: Groups::default(),
        }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Redraws the line of each row.
    pub(super) fn draw(&mut self, rows: &BTreeMap<String, Row>) {
        if self.style != Style::Terminal {
            return;
        }
        let names = rows.keys().map(|name| name.chars().count());
        let width = names.max().unwrap_or(0).min(NAME);
        for (target, row) in rows {
            self.draw_row(target, row, width);
        }
    }

    /// Redraws the line of `target`, whose name is padded to `width`.
    fn draw_row(&mut self, target: &str, row: &Row, width: usize) {
        let bar = match self.bars.get(target) {
            Some(bar) => bar,
            None => {
                let bar = ProgressBar::new_spinner().with_elapsed(row.age());
                let bar = self.drawn.add(bar);
                bar.enable_steady_tick(TICK);
                self.bars.entry(target.to_owned()).or_insert(bar)
            }
        };
        let share = row.share().map(|(done, of)| share(done, of));
        let text = format!(
            "{target:<width$} {}{}",
            share.unwrap_or_default(),
            row.text()
        );
        let text = printable(&text).replace(['\n', '\t'], " ");
        let has_ended = row.verdict().is_some();
        if !has_ended && bar.is_finished() {
            bar.reset();
        }
        bar.set_style(style(if has_ended { ENDED } else { AT_WORK }));
        bar.set_message(text);
        if has_ended && !bar.is_finished() {
            bar.finish();
        }
    }

    /// Prints a line that stands for what a terminal would draw.
    pub(super) fn plain(&mut self, text: &str) {
        if self.style != Style::Terminal {
            self.line(None, Stream::Stderr, text);
        }
    }

    /// Prints a sign of life. It does not end a group.
    pub(super) fn alive(&mut self, text: &str) {
        if self.style != Style::Terminal {
            self.write(Stream::Stderr, &format!("{}\n", printable(text)));
        }
    }

    pub(super) fn begin_step(&mut self, target: &str, purpose: &str) {
        let title = printable(&format!("{target}: {purpose}")).into_owned();
        match self.style {
            Style::Terminal => {}
            Style::Lines => self.plain(&title),
            Style::Groups(notation) => {
                let now = self.groups.begin(notation, target, &title);
                self.write_parts(&now);
            }
        }
    }

    /// Ends the step of `target`, and prints `text` where nothing is drawn.
    pub(super) fn end_step(&mut self, target: &str, text: Option<&str>) {
        if let Style::Groups(notation) = self.style {
            let ended = self.groups.end(notation, target);
            self.write_parts(&ended);
        }
        if let Some(text) = text {
            self.plain(text);
        }
    }

    /// Prints `text`, which belongs to a step of `target`. The text may be a hostile program's:
    /// only colors reach a terminal.
    pub(super) fn line(&mut self, target: Option<&str>, stream: Stream, text: &str) {
        let text: Cow<'_, str> = match self.style {
            Style::Lines => Cow::Borrowed(text),
            Style::Terminal | Style::Groups(_) => printable_in_color(text),
        };
        let line = format!("{text}\n");
        match (self.style, target) {
            (Style::Groups(notation), Some(target)) => {
                let now = self.groups.line(notation, target, stream, line);
                self.write_parts(&now);
            }
            (Style::Groups(notation), None) => {
                let now = self.groups.outside(notation, line);
                self.write_parts(&now);
            }
            _ => self.write(stream, &line),
        }
    }

    fn write_parts(&mut self, parts: &Parts) {
        for (stream, text) in parts.iter() {
            self.write(stream, text);
        }
    }

    /// The stream may be gone; there is nobody to tell.
    fn write(&mut self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let to = match stream {
            Stream::Stdout => &mut self.out,
            _ => &mut self.err,
        };
        self.drawn.suspend(|| {
            let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
        });
    }

    /// Removes what is drawn. The next line begins where the first one that was drawn did.
    pub(super) fn hide(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
            self.drawn.remove(&bar);
        }
    }

    /// Removes what is drawn, and ends what is open.
    pub(super) fn clear(&mut self) {
        self.hide();
        if let Style::Groups(notation) = self.style {
            let left = self.groups.end_all(notation);
            self.write_parts(&left);
        }
    }
}

/// Whether `TERM` is of a terminal on which nothing can be drawn again. Windows has no such variable.
fn is_dumb(env: &Env) -> bool {
    match env.get_str("TERM") {
        Some("dumb") => true,
        None | Some("") => System::HERE != System::Windows,
        Some(_) => false,
    }
}

/// A bar, of which the part that is done is full.
fn share(done: u64, of: u64) -> String {
    let columns = u128::from(done.min(of)) * BAR as u128 / u128::from(of.max(1));
    let full = usize::try_from(columns).unwrap_or(BAR);
    format!("[{}{}] ", "█".repeat(full), "░".repeat(BAR - full))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
