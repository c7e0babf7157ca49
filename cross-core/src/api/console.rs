//! Progress on a console, for programs that show a person or a log what happens.

mod groups;
mod row;
mod screen;
mod table;

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use cross_config::Env;
use cross_engine::process::Stream;

use crate::api::console::row::{Row, Verdict};
use crate::api::console::screen::{Screen, Style};
#[cfg(feature = "cargo-cli")]
use crate::cargo::cli::command::Placement;
use crate::request::cross::Cross;
use crate::request::event::{Event, EventKind};

/// How often a step that takes long says so, where nothing is drawn.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// The row of an archive, which is for any number of targets.
const ARCHIVE: &str = "archive";

/// Shows what requests do, on standard error. What programs print on their standard output goes to
/// standard output, also in a CI system: there, control characters in it are escaped, and so are the
/// beginnings of commands. Clones share one console.
///
/// [`Cross::console`] is the short form for a program that needs nothing else.
///
/// # What is shown
///
/// | where | progress | output |
/// |---|---|---|
/// | a terminal | a line for each target that is at work, with its step, and a bar where the total is known | above these lines |
/// | a pipe or a file | a line for each step, and one every 10 seconds for a step that takes longer | between these lines |
/// | GitHub Actions, GitLab CI (`GITHUB_ACTIONS`, `GITLAB_CI` is `true`) | the same lines | in a group for each step, which can be folded |
///
/// On a terminal, nothing is drawn while no step is at work, so that a program can print between its
/// requests. What it prints during a request, such as from a listener, goes through
/// [`note`](Console::note).
///
/// Warnings and the compiler's diagnostics are always shown, each once in a request. A terminal whose
/// `TERM` is `dumb`, or that has none, is taken for a pipe. Once more than
/// one target was at work, [`close`](Console::close) prints a table of the results.
///
/// On a terminal, cargo and the compiler print in color, unless `CARGO_TERM_COLOR` or `NO_COLOR` is
/// set in the environment of the [`Cross`].
///
/// # Examples
///
/// A release of several targets, whose output is only of interest if something fails:
///
/// ```no_run
/// use cross_core::{Cross, console::Console};
///
/// let cross = Cross::discover()?;
/// let console = Console::new(&cross).keep_output();
/// let targets = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
/// console.expect(targets);
/// let built = console.watch(&cross).build_many(targets).run();
/// console.close();
/// for (target, error) in built?.failures() {
///     eprintln!("{target}: {error}");
/// }
/// # Ok::<(), cross_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Console(Arc<Shared>);

/// What the clones of a console share.
struct Shared {
    state: Mutex<State>,
    /// Ends the thread of the heartbeat when it is dropped.
    _heartbeat: Option<Sender<()>>,
}

struct State {
    screen: Screen,
    rows: BTreeMap<String, Row>,
    /// What is known of events that belong to no target. It is not shown.
    nameless: Row,
    /// Whether output is kept until its target fails.
    keeps_output: bool,
    has_table: bool,
}

impl Cross {
    /// Shows what requests do on standard error, with the output of cargo, tests and programs. Other
    /// listeners keep their events. See [`Console`](crate::console::Console) for what is shown where.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?.console();
    /// cross.test("aarch64-unknown-linux-gnu").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[must_use]
    pub fn console(self) -> Self {
        Console::new(&self).watch(&self)
    }
}

impl Console {
    /// Creates a console. The environment of `cross` says whether it is the log of a CI system;
    /// nothing else of `cross` is used.
    #[must_use]
    pub fn new(cross: &Cross) -> Self {
        let style = Style::detect(cross.environment(), io::stderr().is_terminal());
        Self::on(Screen::new(
            style,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
        ))
    }

    fn on(screen: Screen) -> Self {
        let style = screen.style();
        Console(Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            state: Mutex::new(State {
                screen,
                rows: BTreeMap::new(),
                nameless: Row::new(),
                keeps_output: false,
                has_table: true,
            }),
            _heartbeat: (style != Style::Terminal).then(|| heartbeat(shared.clone())),
        }))
    }

    /// Keeps the output of cargo, tests and programs, and shows the last 200 lines of a target's
    /// request if it fails. By default, all output is shown as it arrives. In the groups of a
    /// CI system, it is always shown.
    #[must_use]
    pub fn keep_output(self) -> Self {
        self.state().keeps_output = true;
        self
    }

    /// Prints no closing table, for a caller that ends with a table of its own.
    #[must_use]
    pub fn without_table(self) -> Self {
        self.state().has_table = false;
        self
    }

    /// A copy of `cross` whose events are shown here, too. Its listeners keep their events.
    #[must_use]
    pub fn watch(&self, cross: &Cross) -> Cross {
        let console = self.clone();
        let cross = match self.state().screen.style() == Style::Terminal {
            true => cross.clone().env(colored(cross.environment())),
            false => cross.clone(),
        };
        cross.on_event(move |event| console.show(event))
    }

    /// Shows one event. A listener that also does something else calls it.
    pub fn show(&self, event: &Event) {
        self.state().show(&event.target, &event.kind);
    }

    /// Shows a line for each of `targets` from now on. Without this, a target is shown when its
    /// first step begins.
    pub fn expect<T: AsRef<str>>(&self, targets: impl IntoIterator<Item = T>) {
        let mut state = self.state();
        for target in targets {
            state.at(target.as_ref()).is_listed = true;
        }
        let State { screen, rows, .. } = &mut *state;
        screen.draw(rows);
    }

    /// Shows a step of the caller's own, such as packing an archive. It ends with the next step of
    /// the target, or with [`finish`](Console::finish).
    pub fn step(&self, target: &str, purpose: &str) {
        self.state().begin(target, purpose);
    }

    /// Shows the result of `target`: all of its work is done, or an error stopped it. Without this,
    /// the closing table has the result of the target's last request, and nothing says its error.
    pub fn finish(&self, target: &str, result: std::result::Result<(), &dyn Display>) {
        self.state().finish(target, result.err());
    }

    /// Shows a line that belongs to no target.
    pub fn note(&self, text: &str) {
        self.state().screen.line(None, Stream::Stderr, text);
    }

    /// Removes what is drawn, so that the caller, or a program that inherits the terminal, can
    /// print. If several targets were at work, a table of their results is printed. What happens
    /// after this is shown again.
    pub fn close(&self) {
        self.state().close();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }
}

impl Shared {
    /// A panic of a thread that drew leaves nothing half done that matters here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.state().close();
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

/// The environment of a terminal that shows colors.
fn colored(env: &Env) -> Env {
    let decided = ["CARGO_TERM_COLOR", "NO_COLOR"];
    match decided.iter().any(|name| env.get(name).is_some()) {
        true => env.clone(),
        false => env.clone().set("CARGO_TERM_COLOR", "always"),
    }
}

/// Starts the thread that says of long steps that they go on. It ends when the sender is dropped.
fn heartbeat(shared: Weak<Shared>) -> Sender<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    thread::spawn(move || {
        while receiver.recv_timeout(HEARTBEAT / 10) == Err(RecvTimeoutError::Timeout) {
            let Some(shared) = shared.upgrade() else {
                return;
            };
            shared.state().beat(HEARTBEAT);
        }
    });
    sender
}

impl State {
    fn show(&mut self, target: &str, event: &EventKind) {
        match event {
            #[cfg(feature = "cargo-cli")]
            EventKind::Decided(decision) => {
                // A build in an environment is the usual case and needs no note.
                if !matches!(decision.place, Placement::Environment { .. }) {
                    self.note(&decision.to_string());
                }
            }
            EventKind::EngineChosen { engine, reason } => {
                let row = self.at(target);
                if row.engine.replace(engine.clone()).as_ref() != Some(engine) {
                    self.screen
                        .plain(&format!("{target}: in {engine}: {reason}"));
                }
            }
            EventKind::StepStarted { purpose, .. } => self.begin(target, purpose),
            EventKind::StepFinished { seconds, .. } => self.end_step(target, *seconds),
            EventKind::EnvironmentProgress { message } => {
                self.change(target, |row| row.environment(message));
            }
            EventKind::PackagesInstalled { done, of } => {
                self.change(target, |row| row.packages(*done, *of));
            }
            EventKind::ContainerStarted { container, .. } => {
                self.change(target, |row| row.message(&format!("started {container}")));
            }
            EventKind::Sent { bytes, of, .. } => {
                self.change(target, |row| row.transfer("sent", *bytes, *of));
            }
            EventKind::ArchiveProgress { bytes, of } => {
                self.change(ARCHIVE, |row| row.transfer("archived", *bytes, *of));
                // No other event says that the archive is complete.
                if bytes >= of {
                    self.request_ended(ARCHIVE, true);
                }
            }
            EventKind::Fetched { bytes, of, .. } => {
                self.change(target, |row| row.transfer("fetched", *bytes, *of));
            }
            EventKind::Compiled { package, fresh } if !fresh => {
                self.change(target, |row| row.compiled(package));
            }
            EventKind::TestsRan { passed, failed } => {
                self.change(target, |row| row.tested(*passed, *failed));
            }
            EventKind::Output { stream, line } => self.output(target, *stream, line),
            EventKind::Diagnostic(diagnostic) => {
                if self.at(target).is_new(&diagnostic.rendered) {
                    let text = diagnostic.rendered.trim_end_matches('\n');
                    self.screen.line(Some(target), Stream::Stderr, text);
                }
            }
            EventKind::Warning { message, help, .. } => {
                let help = help.iter().map(|help| format!("\nhelp: {help}"));
                let text = format!("warning: {message}{}", help.collect::<String>());
                if self.at(target).is_new(&text) {
                    self.screen.line(Some(target), Stream::Stderr, &text);
                }
            }
            EventKind::NeedsGlibc { path, glibc } => {
                self.note(&format!("`{}` needs glibc {glibc}", path.display()));
            }
            EventKind::NeedsSystem { path, version } => {
                let path = path.display();
                self.note(&format!("`{path}` needs version {version} of its system"));
            }
            EventKind::WaitsForDebugger { command, .. } => {
                self.note(&format!("it waits for gdb: {command}"));
            }
            EventKind::Finished { error, .. } => self.request_ended(target, error.is_none()),
            #[cfg(feature = "batch")]
            EventKind::JobsShared(_) => {}
            EventKind::Compiled { .. }
            | EventKind::ContainerEntered { .. }
            | EventKind::Artifact(_) => {}
        }
    }

    fn note(&mut self, text: &str) {
        let text = format!("note: {text}");
        self.screen.line(None, Stream::Stderr, &text);
    }

    /// The row of `target`, or that of what belongs to none.
    fn at(&mut self, target: &str) -> &mut Row {
        match target {
            "" => &mut self.nameless,
            _ => self.rows.entry(target.to_owned()).or_insert_with(Row::new),
        }
    }

    /// Changes the row of `target`. All rows are drawn while a step is at work. Otherwise nothing is:
    /// what is drawn ends with the cursor behind it, and the caller would print there.
    fn change(&mut self, target: &str, change: impl FnOnce(&mut Row)) {
        change(self.at(target));
        match self.rows.values().any(Row::is_at_work) {
            true => self.screen.draw(&self.rows),
            false => self.screen.hide(),
        }
    }

    fn begin(&mut self, target: &str, purpose: &str) {
        self.change(target, |row| row.begin(purpose));
        self.screen.begin_step(target, purpose);
    }

    fn end_step(&mut self, target: &str, seconds: f64) {
        let row = self.at(target);
        let spoken = (seconds >= 1.0).then(|| format!("{target}: {}: {seconds:.1} s", row.step()));
        self.change(target, Row::end_step);
        self.screen.end_step(target, spoken.as_deref());
    }

    fn output(&mut self, target: &str, stream: Stream, line: &str) {
        match self.keeps_output && !self.screen.style().has_groups() {
            true => self.at(target).keep(line),
            false => self.screen.line(Some(target), stream, line),
        }
    }

    /// A request of `target` ended. Its caller has the error, and says it if a person is to see it.
    fn request_ended(&mut self, target: &str, passed: bool) {
        self.change(target, |row| row.finish(passed));
        let row = self.at(target);
        let (text, kept) = (row.result(), row.take_kept(!passed));
        let is_said = !passed && !target.is_empty();
        let text = is_said.then(|| format!("{target}: {text}"));
        self.screen.end_step(target, text.as_deref());
        for line in kept {
            self.screen.line(Some(target), Stream::Stderr, &line);
        }
    }

    fn finish(&mut self, target: &str, error: Option<&dyn Display>) {
        // What failed says so at once.
        if self.at(target).verdict() != Some(Verdict::Failed) {
            self.request_ended(target, error.is_none());
        }
        match error {
            Some(error) => {
                let text = format!("error: {target}: {error}");
                self.screen.line(None, Stream::Stderr, &text);
            }
            None => {
                let text = format!("{target}: {}", self.at(target).result());
                self.screen.plain(&text);
            }
        }
    }

    /// Says of each step that nothing was said of for `interval` that it goes on.
    fn beat(&mut self, interval: Duration) {
        for (target, row) in &mut self.rows {
            if row.is_silent_for(interval) {
                let text = format!("{target}: {}", row.alive());
                self.screen.alive(&text);
            }
        }
    }

    fn close(&mut self) {
        self.screen.clear();
        self.nameless = Row::new();
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|_, row| row.is_listed);
        let targets = rows.keys().filter(|name| name.as_str() != ARCHIVE);
        if targets.count() > 1 && self.has_table {
            let table = table::of(&rows);
            self.screen.line(None, Stream::Stderr, &table);
        }
    }
}

#[cfg(test)]
mod tests;
