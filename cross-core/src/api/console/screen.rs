//! Where lines go: a terminal, on which one line of each target is redrawn, or a stream, on which
//! everything is printed once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use cross_config::Env;
use cross_engine::process::Stream;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::api::console::groups::{Groups, Notation};
use crate::api::console::row::Row;
use crate::model::printable::{printable, printable_in_color};

const SPINNER: &str = "{spinner} {prefix} {wide_msg} {elapsed}";
const BAR: &str = "{spinner} {prefix} [{bar:20}] {wide_msg} {elapsed}";
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
    /// The style of standard error. A CI system says in `env` that it reads it.
    pub(super) fn detect(env: &Env, is_terminal: bool) -> Self {
        let is_on = |name: &str| env.get_str(name) == Some("true");
        if is_on("GITHUB_ACTIONS") {
            Style::Groups(Notation::GitHub)
        } else if is_on("GITLAB_CI") {
            Style::Groups(Notation::GitLab)
        } else if is_terminal {
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

    /// Draws a line for `target` from now on.
    pub(super) fn add(&mut self, target: &str) {
        if self.style != Style::Terminal {
            return;
        }
        let bar = self.drawn.add(ProgressBar::new_spinner());
        bar.set_style(style(SPINNER));
        bar.set_prefix(format!("{target:<32}"));
        bar.enable_steady_tick(TICK);
        self.bars.insert(target.to_owned(), bar);
    }

    /// Redraws the line of `target`.
    pub(super) fn draw(&mut self, target: &str, row: &Row) {
        let Some(bar) = self.bars.get(target) else {
            return;
        };
        let text = printable(&row.text()).replace(['\n', '\t'], " ");
        match row.share() {
            Some((done, of)) => {
                bar.set_style(style(BAR));
                bar.set_length(of);
                bar.set_position(done);
            }
            None => bar.set_style(style(SPINNER)),
        }
        bar.set_message(text);
        if row.verdict().is_some() {
            bar.finish();
        } else if bar.is_finished() {
            bar.reset();
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
                let text = self.groups.begin(notation, target, &title);
                self.write(Stream::Stderr, &text);
            }
        }
    }

    /// Ends the step of `target`, and prints `text` where nothing is drawn.
    pub(super) fn end_step(&mut self, target: &str, text: Option<&str>) {
        if let Style::Groups(notation) = self.style {
            let ended = self.groups.end(notation, target);
            self.write(Stream::Stderr, &ended);
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
                let now = self.groups.line(notation, target, line);
                self.write(Stream::Stderr, &now);
            }
            (Style::Groups(notation), None) => {
                let now = self.groups.outside(notation, line);
                self.write(Stream::Stderr, &now);
            }
            _ => self.write(stream, &line),
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

    /// Removes what is drawn, and ends what is open.
    pub(super) fn clear(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
            self.drawn.remove(&bar);
        }
        if let Style::Groups(notation) = self.style {
            let left = self.groups.end_all(notation);
            self.write(Stream::Stderr, &left);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
