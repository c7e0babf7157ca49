//! Cargo command lines: decides where one runs, plans it, and runs it.

use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::process::{self, Stdin, clock};
use cross_engine::{Cancel, Invocation, Stdio};
use serde::Serialize;

use crate::cargo::cli::command::Command;
use crate::cargo::cli::command_line::CommandLine;
use crate::cargo::cli::decision::Decision;
use crate::cargo::cli::flags::{Flag, Phase};
use crate::cargo::cli::{self, CliContext, ParsedCommand, problem};
use crate::cargo::package_selection::PackageSelection;
use crate::cargo::workspace;
use crate::execute::failure::failed_command_line;
use crate::facts::cargo_settings::CARGO_CONFIG;
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::hash::TARGET_DIRS;
use crate::model::outcome::Outcome;
use crate::model::redact::redact;
use crate::model::step::Verb;
use crate::plan::plan::Plan;
use crate::request::command_line::CargoCommandLine;
use crate::request::cross::Cross;
use crate::request::event::EventKind;
use crate::request::plugin;
use crate::request::request::Request;

/// A request for a cargo command line, made by [`Cross::cargo`]. Nothing is read or run before
/// [`plan`](CargoRequest::plan) or [`run`](CargoRequest::run).
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct CargoRequest {
    cross: Cross,
    args: Vec<OsString>,
    streams: Streams,
}

/// How cargo's standard streams are connected to the caller's.
#[derive(Clone, Copy, Debug, Default)]
struct Streams {
    inherit: bool,
    terminal: bool,
}

/// The plan of a cargo command line.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CargoPlan {
    /// Where it runs, and why.
    pub decision: Decision,
    /// Its parts in order: one in the environment of each target, or the calls of the host's cargo.
    pub parts: Vec<CargoPart>,
    #[serde(skip)]
    cross: Cross,
    #[serde(skip)]
    streams: Streams,
}

/// A part of the plan of a cargo command line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CargoPart {
    /// Runs in a target's environment.
    Environment(Box<Plan>),
    /// Calls the host's cargo.
    Host(Invocation),
}

/// The outcome of a cargo command line.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CargoOutcome {
    /// Cargo's exit code: that of the first part that failed, or 0.
    pub code: i32,
    /// Where it ran, and why.
    pub decision: Decision,
    /// The outcomes of the parts that ran in an environment, in order.
    pub outcomes: Vec<Outcome>,
}

impl CargoRequest {
    pub(crate) fn new(cross: Cross, args: Vec<OsString>) -> Self {
        CargoRequest {
            cross,
            args,
            streams: Streams::default(),
        }
    }

    /// Gives cargo the caller's standard input, output and error.
    ///
    /// # Default value
    ///
    /// `false`: standard input is empty, and every line of output is an event.
    pub fn inherit(mut self, yes: bool) -> Self {
        self.streams.inherit = yes;
        self
    }

    /// Sets whether the caller's standard input, output and error are a terminal. Programs in a
    /// container then have one too. It has an effect only together with
    /// [`inherit`](CargoRequest::inherit).
    pub fn terminal(mut self, yes: bool) -> Self {
        self.streams.terminal = yes;
        self
    }

    /// Decides where the command line runs, and plans it. Only read-only probes are run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CargoFailed`] if cargo would refuse the command line or it cannot be run in an
    /// environment (the help names the alternative), and the errors of [`Request::plan`].
    pub fn plan(&self) -> Result<CargoPlan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](CargoRequest::plan), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`plan`](CargoRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<CargoPlan> {
        let understood = self.read_command_line()?;
        let ParsedCommand { line, expanded, .. } = &understood;
        let cross = self.context_of(line);
        let undecided = Decision::new(expanded, line, &[]);
        if let Some(refusal) = undecided.refusal() {
            return Err(refusal);
        }
        if undecided.place.network().is_none() {
            let parts = host_parts(&cross, line, cancel);
            return Ok(CargoPlan {
                decision: undecided,
                parts: parts.map_err(Error::during_planning)?,
                streams: self.streams,
                cross,
            });
        }
        let targets = targets(&cross, &understood, cancel);
        let targets = targets.map_err(Error::during_planning)?;
        let mut decision = Decision::new(expanded, line, &targets);
        let mut parts = Vec::new();
        for target in &targets {
            let plan = self.plan_in_environment(&cross, &understood, target, cancel)?;
            let of_config = plan.warnings.iter().filter(|it| it.code == CARGO_CONFIG);
            let messages = of_config.map(|warning| warning.message.clone());
            decision.warnings.extend(messages);
            parts.push(CargoPart::Environment(Box::new(plan)));
        }
        decision.warnings.dedup();
        Ok(CargoPlan {
            decision,
            parts,
            streams: self.streams,
            cross,
        })
    }

    /// Plans and executes.
    ///
    /// # Errors
    ///
    /// The errors of [`plan`](CargoRequest::plan), and an environment that cannot be made or
    /// started. A failure of cargo or of a program is not an error: see [`CargoOutcome::code`].
    pub fn run(&self) -> Result<CargoOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](CargoRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](CargoRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<CargoOutcome> {
        self.plan_until(cancel)?.execute(cancel)
    }

    fn read_command_line(&self) -> Result<ParsedCommand> {
        let home = self.cross.cargo_home().ok();
        cli::parse(
            &self.args,
            &CliContext {
                dir: self.cross.dir(),
                cargo_home: home.as_deref(),
                read: &|path| std::fs::read_to_string(path).ok(),
                variable: &|name| self.cross.environment().get_str(name).map(str::to_owned),
            },
        )
    }

    /// The context of the command line, with the directory, manifest and toolchain that it names.
    fn context_of(&self, line: &CommandLine) -> Cross {
        let dir = self.cross.dir();
        let mut cross = self.cross.clone().in_dir(line.directory(dir));
        if let Some(manifest) = line.manifest_path(dir) {
            cross = cross.manifest_path(manifest);
        }
        if let Some(name) = line.toolchain() {
            cross = cross.toolchain(format!("+{name}")).host_toolchain(name);
        }
        cross
    }

    fn plan_in_environment(
        &self,
        cross: &Cross,
        understood: &ParsedCommand,
        target: &str,
        cancel: &Cancel,
    ) -> Result<Plan> {
        let line = &understood.line;
        let mut request = Request::new(cross.clone(), Verb::Cargo, target.to_owned());
        let options = &mut request.options;
        let dir = self.cross.dir();
        options.locked = line.has(Flag::Locked) || line.has(Flag::Frozen);
        options.offline = line.has(Flag::Offline) || line.has(Flag::Frozen);
        options.target_dir = line.target_dir(dir);
        options.command_line = Some(CargoCommandLine {
            line: line.clone(),
            dir: dir.to_owned(),
            stdio: match self.streams.inherit {
                true => Stdio::Inherit,
                false => Stdio::Lines,
            },
            terminal: self.streams.inherit && self.streams.terminal,
            plugin: find_plugin(cross, line)?,
        });
        request.plan_until(cancel)
    }
}

impl CargoPlan {
    /// Executes the parts in order, until one fails.
    ///
    /// # Errors
    ///
    /// An environment that cannot be made or started. A failure of cargo or of a program is not an
    /// error: see [`CargoOutcome::code`].
    pub fn execute(self, cancel: &Cancel) -> Result<CargoOutcome> {
        if self.announce().is_break() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "stopped by the event listener",
            ));
        }
        let mut outcome = CargoOutcome {
            code: 0,
            decision: self.decision,
            outcomes: Vec::new(),
        };
        for part in &self.parts {
            outcome.code = match part {
                CargoPart::Environment(plan) => {
                    let executed = plan.execute(cancel)?;
                    let code = executed.code.unwrap_or_default();
                    outcome.outcomes.push(executed);
                    code
                }
                CargoPart::Host(command) => {
                    let start = clock::now();
                    let ran = run_on_host(&self.cross, command, self.streams, cancel);
                    let seconds = start.elapsed().as_secs_f64();
                    tell_end(&self.cross, &outcome.decision, seconds, &ran);
                    ran?
                }
            };
            if outcome.code != 0 {
                break;
            }
        }
        Ok(outcome)
    }

    /// Emits the decision and its warnings, but for those that a part emits.
    fn announce(&self) -> ControlFlow<()> {
        self.cross
            .emit("", EventKind::Decided(self.decision.clone()))?;
        let is_of_part = |message: &&String| {
            self.parts.iter().any(|part| match part {
                CargoPart::Environment(plan) => {
                    plan.warnings.iter().any(|it| it.message == **message)
                }
                CargoPart::Host(_) => false,
            })
        };
        let mut own = self.decision.warnings.iter().filter(|it| !is_of_part(it));
        own.try_for_each(|message| {
            let warning = EventKind::Warning {
                code: CARGO_CONFIG.to_owned(),
                message: message.clone(),
                help: None,
            };
            self.cross.emit("", warning)
        })
    }
}

impl fmt::Display for CargoPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.decision)?;
        for part in &self.parts {
            match part {
                CargoPart::Environment(plan) => plan.fmt(f)?,
                CargoPart::Host(command) => writeln!(f, "{command}")?,
            }
        }
        Ok(())
    }
}

/// The targets that the command line names, else those of the configuration, else those of cargo's
/// configuration, else the host.
fn targets(cross: &Cross, understood: &ParsedCommand, cancel: &Cancel) -> Result<Vec<String>> {
    let native = host_triple();
    let named = understood.line.targets(&native, &understood.dir);
    if !named.is_empty() {
        return Ok(named);
    }
    let host = cross.host()?;
    let cargo = workspace::HostCargo {
        unstable: understood.line.manifest_features(),
        ..cross.host_cargo(&host)?
    };
    let probed = workspace::probe(&cargo, std::slice::from_ref(&native), &host, cancel)?;
    let package = probed.configured_package(&PackageSelection::of(&understood.line));
    let loaded = cross.load_config(&probed.root, package.manifest.as_deref(), None)?;
    if let Some(target) = loaded.config.default_target() {
        return Ok(vec![target.value.clone()]);
    }
    let default = understood.configs.default_targets()?;
    Ok(default.map_or_else(|| vec![native], |default| default.targets))
}

/// Finds the host's program of a cargo plugin such as nextest, for the cargo in the environment.
fn find_plugin(cross: &Cross, line: &CommandLine) -> Result<Option<PathBuf>> {
    // Miri is a component of the toolchain.
    let is_plugin = |row: &&Command| row.phase == Phase::Plugin && row.name != "miri";
    let Some(row) = line.row.filter(is_plugin) else {
        return Ok(None);
    };
    let program = format!("cargo-{}", row.name);
    let found = plugin::find(cross, &program)?;
    found.map(Some).ok_or_else(|| plugin::missing(&program))
}

/// The calls of the host's cargo with the requested toolchain. There is one, unless `clean` removes
/// a part of the target directory: then each environment's target directory is cleaned too. A
/// `clean` of everything removes the directory that contains them.
fn host_parts(cross: &Cross, line: &CommandLine, cancel: &Cancel) -> Result<Vec<CargoPart>> {
    let host = cross.host()?;
    let cargo = cross.host_cargo(&host)?;
    let args = line.on_host().into_iter().map(OsString::into_string);
    let args: Vec<String> = args
        .collect::<Result<_, _>>()
        .map_err(|arg| problem::not_utf8(&arg))?;
    let call = cargo.call(args);
    let mut parts = vec![CargoPart::Host(call.clone())];
    let partial = [Flag::Package, Flag::Profile, Flag::Release, Flag::Workspace];
    if line.name() == Some("clean") && partial.iter().any(|flag| line.has(*flag)) {
        let project = workspace::project(&cargo, &host, cancel)?;
        let target_dir = line
            .target_dir(cross.dir())
            .unwrap_or(project.target_directory);
        let triples = line.targets(&host_triple(), cross.dir());
        for dir in environment_target_dirs(&target_dir.join(TARGET_DIRS), &triples) {
            let clean = call.clone().env("CARGO_TARGET_DIR", dir.to_string_lossy());
            parts.push(CargoPart::Host(clean));
        }
    }
    Ok(parts)
}

/// The target directories of environments in `parent`, for these targets or for all.
fn environment_target_dirs(parent: &Path, triples: &[String]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let is_selected = |name: &str| {
        triples.is_empty()
            || triples.iter().any(|triple| {
                name.strip_prefix(triple.as_str())
                    .is_some_and(|key| key.starts_with('-'))
            })
    };
    let mut found: Vec<_> = entries
        .filter(|entry| is_selected(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Says how a call of the host's cargo ended, which belongs to no target.
fn tell_end(cross: &Cross, decision: &Decision, seconds: f64, ran: &Result<i32>) {
    let error = match ran {
        Ok(0) => None,
        Ok(code) => {
            let command = decision.command.as_deref();
            let command = command.map_or("cargo".to_owned(), |name| format!("cargo {name}"));
            Some(failed_command_line(&command, *code))
        }
        Err(error) => Some(error.to_string()),
    };
    // There is nothing left to stop.
    let _ = cross.emit("", EventKind::Finished { seconds, error });
}

/// Runs a call of the host's cargo. Returns its exit code, or 128 plus the number of the signal
/// that ended it.
fn run_on_host(
    cross: &Cross,
    command: &Invocation,
    streams: Streams,
    cancel: &Cancel,
) -> Result<i32> {
    let variables = &cross.host()?.variables;
    let exit = if streams.inherit {
        process::run_inherited(command, variables, cancel).map_engine_error()?
    } else {
        let supervised = cross_engine::supervised(command.clone()).map_engine_error()?;
        let on_line = &mut |stream, line: &str| {
            let line = redact(line).into_owned();
            cross.emit("", EventKind::Output { stream, line })
        };
        process::run(&supervised, variables, cancel, Stdin::Null, on_line).map_engine_error()?
    };
    Ok(exit
        .code
        .or(exit.signal.map(|signal| 128 + signal))
        .unwrap_or(1))
}
