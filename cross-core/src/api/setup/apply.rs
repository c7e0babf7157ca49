//! Applies a set-up plan, step by step.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cross_engine::process::clock;
use cross_engine::process::{self, Stdin, TailLines};
use cross_engine::{Cancel, EngineKind, Host, Invocation, Lock, probe};
use serde::Serialize;

use super::action::{InstallCommands, SetupAction};
use super::facts::{Answer, MachineFacts};
use super::rights::Rights;
use super::{SetupPlan, verified::Verified};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};

/// How many of the last lines of a command's output are kept to explain a failure.
const KEPT_LINES: usize = 40;
/// How many of the last lines of the daemon's log are shown.
const LOG_LINES: usize = 10;
/// How long a started daemon may take to answer.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(60);
/// Messages of a docker daemon that failed to start.
const DAEMON_FAILURES: [&str; 2] = [
    "failed to start daemon",
    "unable to configure the Docker daemon",
];
const DAEMON_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long an installation may take. A cancellation does not stop it.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Messages of `apt-get` when its package lists are older than the mirror.
const STALE_LISTS: [&str; 4] = [
    "Unable to locate package",
    "has no installation candidate",
    "Unable to fetch some archives",
    "Unable to correct problems",
];

/// An event of a plan that is applied. Its `Display` writes a line for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SetupEvent {
    /// A step has started.
    #[non_exhaustive]
    Started {
        /// Its number, from 1.
        step: usize,
        /// The number of steps.
        steps: usize,
        /// A short description of the step.
        action: String,
    },
    /// A command printed a line, or another process is waited for.
    #[non_exhaustive]
    Output {
        /// The line, without its line terminator.
        line: String,
    },
    /// A step has succeeded.
    #[non_exhaustive]
    Finished {
        /// Its number, from 1.
        step: usize,
        /// How long it took, in seconds.
        seconds: f64,
    },
}

impl fmt::Display for SetupEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupEvent::Started {
                step,
                steps,
                action,
            } => write!(f, "[{step}/{steps}] {action}"),
            SetupEvent::Output { line } => write!(f, "    {line}"),
            SetupEvent::Finished { step, seconds } => write!(f, "[{step}] done in {seconds:.1} s"),
        }
    }
}

impl SetupPlan {
    /// Does what the plan lists, and nothing else.
    ///
    /// A cancellation takes effect between steps and during downloads and waits, but not during an
    /// installation, which would leave packages half installed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setup`] if something has to be done by hand (nothing is changed then) or a
    /// command fails; [`ErrorKind::EngineUnusable`] and [`ErrorKind::EngineCannotStart`] if an
    /// engine cannot be used afterwards, with the cause if it is known.
    pub fn apply(&self, cancel: &Cancel, mut on_event: impl FnMut(&SetupEvent)) -> Result<()> {
        if !self.manual.is_empty() {
            let message = format!("this has to be done by hand: {}", self.manual.join("; "));
            return Err(
                Error::new(ErrorKind::Setup, message).with_help("do it, then run the set-up again")
            );
        }
        if self.actions.is_empty() {
            return Ok(());
        }
        let lock = self.host.cache.join("setup.lock");
        let line = "waiting for another set-up".to_owned();
        let _lock = Lock::acquire(&lock, cancel, &mut || {
            on_event(&SetupEvent::Output { line: line.clone() });
        })
        .map_engine_error()?;
        let mut run = Run {
            host: &self.host,
            rights: self.rights,
            cancel,
            on_event: &mut on_event,
        };
        let steps = self.actions.len();
        for (number, step) in (1..).zip(&self.actions) {
            let start = clock::now();
            (run.on_event)(&SetupEvent::Started {
                step: number,
                steps,
                action: step.summary(),
            });
            run.perform(&step.action)?;
            (run.on_event)(&SetupEvent::Finished {
                step: number,
                seconds: start.elapsed().as_secs_f64(),
            });
        }
        Ok(())
    }
}

/// A plan that is being applied.
struct Run<'a> {
    host: &'a Host,
    rights: Rights,
    cancel: &'a Cancel,
    on_event: &'a mut dyn FnMut(&SetupEvent),
}

impl Run<'_> {
    fn perform(&mut self, action: &SetupAction) -> Result<()> {
        let cancel = self.cancel;
        match action {
            SetupAction::Run { commands } => {
                let mut commands = commands.iter();
                commands.try_for_each(|command| self.run(command, cancel))
            }
            SetupAction::Install {
                refresh, commands, ..
            } => self.install(commands, *refresh),
            SetupAction::Write { path, text } => self.write(path, text),
            SetupAction::StartDocker { command, log } => self.start_docker(command, log.as_deref()),
            SetupAction::Verify { engine } => self.verify(*engine),
        }
    }

    fn install(&mut self, commands: &InstallCommands, refresh: bool) -> Result<()> {
        let InstallCommands {
            update,
            download,
            install,
        } = commands;
        if refresh {
            self.run(update, self.cancel)?;
        }
        match self.run(download, self.cancel) {
            Err(error) if !refresh && is_stale(&error) => {
                self.run(update, self.cancel)?;
                self.run(download, self.cancel)?;
            }
            other => other?,
        }
        self.run(install, &Cancel::new().with_deadline(INSTALL_TIMEOUT))
    }

    fn write(&mut self, path: &Path, text: &str) -> Result<()> {
        if self.rights == Rights::Root {
            return files::write(path, text, false);
        }
        let copy = self.host.cache.join("setup-file");
        files::write(&copy, text, false)?;
        let install = Invocation::new("install")
            .args(["-D", "--mode=0644"])
            .args([copy.to_string_lossy(), path.to_string_lossy()]);
        let result = self.run(&self.rights.apply(install), self.cancel);
        fs::remove_file(&copy).on("remove", &copy)?;
        result
    }

    fn start_docker(&mut self, command: &Invocation, log: Option<&Path>) -> Result<()> {
        // The package's scripts may have started it.
        if self.docker_is_up()? {
            return Ok(());
        }
        match log {
            None => self.run(command, self.cancel)?,
            Some(log) => {
                // The log of an earlier daemon must not be taken for that of this one.
                fs::write(log, "").on("write", log)?;
                process::start_detached(command, &self.host.variables, log).map_engine_error()?;
            }
        }
        let deadline = clock::now() + DAEMON_TIMEOUT;
        while !self.docker_is_up()? {
            let output = log.map(last_lines).unwrap_or_default();
            let failed = DAEMON_FAILURES.iter().any(|sign| output.contains(sign));
            if failed || clock::now() > deadline {
                let message = format!("`{command}` was run, but the docker daemon does not answer");
                return Err(Error::new(ErrorKind::Setup, message).with_help(match log {
                    Some(log) => format!("fix the cause in `{}`:\n{output}", log.display()),
                    None => "fix the cause that `journalctl --unit docker` shows".to_owned(),
                }));
            }
            thread::sleep(DAEMON_POLL_INTERVAL);
        }
        Ok(())
    }

    /// Whether the daemon runs, whether or not this user may use it.
    fn docker_is_up(&self) -> Result<bool> {
        let engines = BTreeSet::from([EngineKind::Docker]);
        let facts = MachineFacts::gather(&engines, self.host, self.cancel)?;
        Ok(facts.is_usable(EngineKind::Docker) || facts.docker_forbidden)
    }

    /// Runs a program on the engine, and remembers that it worked.
    fn verify(&self, kind: EngineKind) -> Result<()> {
        let answer = probe(kind, self.host, self.cancel)
            .map_engine_error()?
            .into_result();
        let engine = answer.map_err(|unusable| {
            let message = format!("engine {unusable}");
            Error::new(ErrorKind::EngineUnusable, message).with_help(unusable.help)
        })?;
        engine.verify(self.host, self.cancel).map_engine_error()?;
        let facts = MachineFacts::gather(&BTreeSet::from([kind]), self.host, self.cancel)?;
        match facts.engines.get(&kind) {
            Some(Answer::Usable { identity }) => Verified::read(self.host)
                .with(kind, identity.clone())
                .write(self.host),
            _ => Ok(()),
        }
    }

    fn run(&mut self, command: &Invocation, cancel: &Cancel) -> Result<()> {
        let mut output = TailLines::new(KEPT_LINES);
        let variables = &self.host.variables;
        let exit = process::run(command, variables, cancel, Stdin::Null, &mut |_, line| {
            output.push(line);
            (self.on_event)(&SetupEvent::Output {
                line: line.to_owned(),
            });
            ControlFlow::Continue(())
        })
        .map_engine_error()?;
        if exit.success() {
            return Ok(());
        }
        // apt-get marks its errors.
        let mut errors: Vec<_> = output
            .iter()
            .filter(|line| line.starts_with("E: "))
            .collect();
        if errors.is_empty() {
            errors.extend(output.iter().last());
        }
        let message = format!("`{command}` failed with {exit}: {}", errors.join("; "));
        Err(Error::new(ErrorKind::Setup, message)
            .with_help("run the command by hand until it succeeds, then run the set-up again, which continues there"))
    }
}

/// Whether `apt-get` failed because its package lists are old.
fn is_stale(error: &Error) -> bool {
    let message = error.to_string();
    STALE_LISTS.iter().any(|sign| message.contains(sign))
}

/// The last lines of a log. Empty if it cannot be read.
fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut tail = TailLines::new(LOG_LINES);
    text.lines().for_each(|line| tail.push(line));
    tail.text()
}
