//! Does what a set-up plan says, one action after the other.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cross_engine::process::{self, Stdin};
use cross_engine::{Cancel, EngineKind, Host, Invocation, Lock, clock, probe};
use serde::Serialize;

use super::action::{Deed, InstallCommands};
use super::facts::{Answer, Facts};
use super::rights::Rights;
use super::{SetupPlan, verified::Verified};
use crate::error::{EngineContext as _, Error, ErrorKind, IoContext as _, Result};
use crate::files;

/// How many of the last lines of a command are kept to explain its failure.
const KEPT_LINES: usize = 40;
/// How long a started daemon may take to answer.
const DAEMON_PATIENCE: Duration = Duration::from_secs(60);
/// What a docker daemon says last that will never answer.
const GAVE_UP: [&str; 2] = [
    "failed to start daemon",
    "unable to configure the Docker daemon",
];
const DAEMON_POLL: Duration = Duration::from_millis(250);
/// How long an installation may take, which no cancellation stops.
const INSTALL_PATIENCE: Duration = Duration::from_secs(30 * 60);
/// What `apt-get` says when its package lists are older than the mirror.
const STALE_LISTS: [&str; 4] = [
    "Unable to locate package",
    "has no installation candidate",
    "Unable to fetch some archives",
    "Unable to correct problems",
];

/// What happens while a plan is applied. `Display` is a line for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SetupEvent {
    /// An action began.
    Started {
        /// Its number, from 1.
        step: usize,
        /// How many there are.
        steps: usize,
        /// What it does, in a few words.
        action: String,
    },
    /// A line that a command printed, or that another process is waited for.
    Output {
        /// The line, without its end.
        line: String,
    },
    /// An action ended well.
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
    /// Does everything that the plan says, and nothing else.
    ///
    /// A cancellation stops between actions and during downloads and waits, but not in the middle
    /// of an installation: half-installed packages are worse than a late stop.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setup`] where something has to be done by hand (then nothing was touched) or a
    /// command failed; [`ErrorKind::EngineUnusable`] and [`ErrorKind::EngineCannotStart`] when an
    /// engine does not serve even now, with the cause where it is known.
    pub fn apply(&self, cancel: &Cancel, mut on_event: impl FnMut(&SetupEvent)) -> Result<()> {
        if !self.manual.is_empty() {
            let message = format!("this has to be done by hand: {}", self.manual.join("; "));
            return Err(Error::new(ErrorKind::Setup, message)
                .with_help("do what is named, then set up again"));
        }
        if self.actions.is_empty() {
            return Ok(());
        }
        let lock = self.host.cache.join("setup.lock");
        let line = "waiting for another set-up".to_owned();
        let _lock = Lock::acquire(&lock, cancel, &mut || {
            on_event(&SetupEvent::Output { line: line.clone() });
        })
        .engine()?;
        let mut work = Work {
            host: &self.host,
            rights: self.rights,
            cancel,
            on_event: &mut on_event,
        };
        let steps = self.actions.len();
        for (step, action) in (1..).zip(&self.actions) {
            let begin = clock::now();
            let summary = action.summary();
            (work.on_event)(&SetupEvent::Started {
                step,
                steps,
                action: summary,
            });
            work.act(&action.deed)?;
            let seconds = begin.elapsed().as_secs_f64();
            (work.on_event)(&SetupEvent::Finished { step, seconds });
        }
        Ok(())
    }
}

struct Work<'a> {
    host: &'a Host,
    rights: Rights,
    cancel: &'a Cancel,
    on_event: &'a mut dyn FnMut(&SetupEvent),
}

impl Work<'_> {
    fn act(&mut self, deed: &Deed) -> Result<()> {
        let cancel = self.cancel;
        match deed {
            Deed::Run { commands } => commands.iter().try_for_each(|one| self.run(one, cancel)),
            Deed::Install {
                refresh, commands, ..
            } => self.install(commands, *refresh),
            Deed::Write { path, text } => self.write(path, text),
            Deed::StartDocker { command, log } => self.start_docker(command, log.as_deref()),
            Deed::Verify { engine } => self.verify(*engine),
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
        self.run(install, &Cancel::new().with_deadline(INSTALL_PATIENCE))
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
        let written = self.run(&self.rights.run(install), self.cancel);
        fs::remove_file(&copy).on("remove", &copy)?;
        written
    }

    fn start_docker(&mut self, command: &Invocation, log: Option<&Path>) -> Result<()> {
        // The package's own scripts may have started it.
        if self.docker_is_up()? {
            return Ok(());
        }
        match log {
            None => self.run(command, self.cancel)?,
            Some(log) => {
                // What an earlier daemon said must not be taken for this one's words.
                fs::write(log, "").on("write", log)?;
                process::start_detached(command, &self.host.variables, log).engine()?;
            }
        }
        let patience = clock::now() + DAEMON_PATIENCE;
        while !self.docker_is_up()? {
            let said = log.map(last_lines).unwrap_or_default();
            let gave_up = GAVE_UP.iter().any(|sign| said.contains(sign));
            if gave_up || clock::now() > patience {
                let message = format!("`{command}` was run, but the docker daemon does not answer");
                return Err(Error::new(ErrorKind::Setup, message).with_help(match log {
                    Some(log) => format!("mend what it says in `{}`:\n{said}", log.display()),
                    None => "mend what `journalctl --unit docker` says".to_owned(),
                }));
            }
            thread::sleep(DAEMON_POLL);
        }
        Ok(())
    }

    /// Whether the daemon runs, be it for this user or not.
    fn docker_is_up(&self) -> Result<bool> {
        let engines = BTreeSet::from([EngineKind::Docker]);
        let facts = Facts::gather(&engines, self.host, self.cancel)?;
        Ok(facts.serves(EngineKind::Docker) || facts.docker_forbidden)
    }

    fn verify(&self, kind: EngineKind) -> Result<()> {
        let answer = probe(kind, self.host, self.cancel).engine()?.into_result();
        let engine = answer.map_err(|unusable| {
            let message = format!("engine {unusable}");
            Error::new(ErrorKind::EngineUnusable, message).with_help(unusable.help)
        })?;
        engine.verify(self.host, self.cancel).engine()?;
        let facts = Facts::gather(&BTreeSet::from([kind]), self.host, self.cancel)?;
        match facts.engines.get(&kind) {
            Some(Answer::Serves { identity }) => Verified::read(self.host)
                .with(kind, identity.clone())
                .write(self.host),
            _ => Ok(()),
        }
    }

    fn run(&mut self, command: &Invocation, cancel: &Cancel) -> Result<()> {
        let mut said: Vec<String> = Vec::new();
        let variables = &self.host.variables;
        let exit = process::run(command, variables, cancel, Stdin::Null, &mut |_, line| {
            if said.len() == KEPT_LINES {
                said.remove(0);
            }
            said.push(line.to_owned());
            (self.on_event)(&SetupEvent::Output {
                line: line.to_owned(),
            });
            ControlFlow::Continue(())
        })
        .engine()?;
        if exit.success() {
            return Ok(());
        }
        let telling = said.iter().filter(|line| line.starts_with("E: ")).cloned();
        let mut telling: Vec<_> = telling.collect();
        if telling.is_empty() {
            telling.extend(said.pop());
        }
        let message = format!("`{command}` failed with {exit}: {}", telling.join("; "));
        Err(Error::new(ErrorKind::Setup, message)
            .with_help("run the command by hand, mend what it says, and set up again"))
    }
}

fn is_stale(error: &Error) -> bool {
    let message = error.to_string();
    STALE_LISTS.iter().any(|sign| message.contains(sign))
}

/// The last lines of a log.
fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
