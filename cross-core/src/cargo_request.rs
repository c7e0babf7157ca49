//! The front door: a cargo command line, decided, planned and run.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use cross_engine::process::{self, Stdin};
use cross_engine::{Cancel, Invocation, Stdio};
use serde::Serialize;

use crate::cross::Cross;
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::front_door::command_line::CommandLine;
use crate::front_door::commands::Command;
use crate::front_door::decision::Decision;
use crate::front_door::flags::{Flag, Phase};
use crate::front_door::host_settings::{self, Treatment};
use crate::front_door::{self, Surroundings, Understood, problem};
use crate::outcome::Outcome;
use crate::plan::{Plan, Verb};
use crate::plugin;
use crate::request::Request;
use crate::toolchain::host_triple;
use crate::workspace;

/// A cargo command line, made by [`Cross::cargo`]. Nothing is read or run before
/// [`plan`](CargoRequest::plan) or [`run`](CargoRequest::run).
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct CargoRequest {
    cross: Cross,
    words: Vec<OsString>,
    way: Way,
}

/// How a command line is connected to the caller.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    inherit: bool,
    terminal: bool,
}

/// What planning needs to know of a command line that runs in an environment.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) line: CommandLine,
    /// The directory it was given in.
    pub(crate) dir: PathBuf,
    pub(crate) stdio: Stdio,
    pub(crate) terminal: bool,
    /// The host's program of a plugin: cargo inside finds it where it looks for plugins.
    pub(crate) plugin: Option<PathBuf>,
    /// Files that `--config` names.
    pub(crate) config_files: Vec<PathBuf>,
}

/// What a command line becomes, before anything is done.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CargoPlan {
    /// Where it runs, and why there.
    pub decision: Decision,
    /// Its parts in order: one for each target in the environment, or one on the host.
    pub parts: Vec<CargoPart>,
    #[serde(skip)]
    cross: Cross,
    #[serde(skip)]
    way: Way,
}

/// A part of a command line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CargoPart {
    /// In a target's environment.
    Environment(Box<Plan>),
    /// With the host's cargo.
    Host(Invocation),
}

/// What came of a command line.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct CargoOutcome {
    /// Cargo's exit code: of the first part that failed, else 0.
    pub code: i32,
    /// Where it ran, and why there.
    pub decision: Decision,
    /// The parts that ran in an environment, in order.
    pub outcomes: Vec<Outcome>,
}

impl CargoRequest {
    pub(crate) fn new(cross: Cross, words: Vec<OsString>) -> Self {
        CargoRequest {
            cross,
            words,
            way: Way::default(),
        }
    }

    /// Gives cargo the caller's standard input, output and error, as a program of the command line
    /// would.
    ///
    /// # Default value
    ///
    /// An empty standard input; every line of output is an event.
    pub fn inherit(mut self) -> Self {
        self.way.inherit = true;
        self
    }

    /// Says that the caller's standard input, output and error are a terminal, which programs in a
    /// container then have too. With [`inherit`](CargoRequest::inherit) only.
    pub fn terminal(mut self, yes: bool) -> Self {
        self.way.terminal = yes;
        self
    }

    /// Decides and plans: read-only probes, then pure.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CargoFailed`] for a command line that cargo would refuse, or that cannot be served
    /// (the help says what can); whatever else keeps a request from being planned.
    pub fn plan(&self) -> Result<CargoPlan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](CargoRequest::plan) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`plan`](CargoRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<CargoPlan> {
        let understood = self.understood()?;
        let Understood { line, expanded, .. } = &understood;
        let cross = self.moved(line);
        let undecided = Decision::new(expanded, line, &[]);
        if let Some(refusal) = undecided.refusal() {
            return Err(refusal);
        }
        if undecided.place.network().is_none() {
            return Ok(CargoPlan {
                decision: undecided,
                parts: on_host(&cross, line, cancel)?,
                way: self.way,
                cross,
            });
        }
        let targets = targets(&cross, &understood, cancel)?;
        let mut decision = Decision::new(expanded, line, &targets);
        let mut parts = Vec::new();
        for target in &targets {
            let plan = self.in_environment(&cross, &understood, target, cancel)?;
            decision.warnings.extend(overridden(&understood, &plan));
            parts.push(CargoPart::Environment(Box::new(plan)));
        }
        decision.warnings.dedup();
        Ok(CargoPlan {
            decision,
            parts,
            way: self.way,
            cross,
        })
    }

    /// Plans and executes.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](CargoRequest::plan), and an environment that cannot be made or started. That
    /// cargo or a program failed is no error: see [`CargoOutcome::code`].
    pub fn run(&self) -> Result<CargoOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](CargoRequest::run) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`run`](CargoRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<CargoOutcome> {
        self.plan_until(cancel)?.execute(cancel)
    }

    fn understood(&self) -> Result<Understood> {
        let home = self.cross.cargo_home().ok();
        front_door::read(
            &self.words,
            &Surroundings {
                dir: self.cross.dir(),
                cargo_home: home.as_deref(),
                read: &|path| std::fs::read_to_string(path).ok(),
                variable: &|name| self.cross.environment().get_str(name).map(str::to_owned),
            },
        )
    }

    /// Where and with which toolchain the command line acts.
    fn moved(&self, line: &CommandLine) -> Cross {
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

    fn in_environment(
        &self,
        cross: &Cross,
        understood: &Understood,
        target: &str,
        cancel: &Cancel,
    ) -> Result<Plan> {
        let line = &understood.line;
        let mut request = Request::new(cross.clone(), Verb::Cargo, target.to_owned());
        let options = &mut request.options;
        let dir = self.cross.dir();
        options.packages = line.texts(Flag::Package).map(str::to_owned).collect();
        options.locked = line.has(Flag::Locked) || line.has(Flag::Frozen);
        options.offline = line.has(Flag::Offline) || line.has(Flag::Frozen);
        let of_config = || {
            understood
                .configs
                .target_dir()
                .filter(|_| line.has(Flag::Config))
        };
        options.target_dir = line.target_dir(dir).or_else(of_config);
        options.line = Some(Line {
            line: line.clone(),
            dir: dir.to_owned(),
            stdio: match self.way.inherit {
                true => Stdio::Inherit,
                false => Stdio::Lines,
            },
            terminal: self.way.inherit && self.way.terminal,
            plugin: plugin_of(cross, line)?,
            config_files: understood.config_files.clone(),
        });
        request.plan_until(cancel)
    }
}

impl CargoPlan {
    /// Carries it out, part by part, until one fails.
    ///
    /// # Errors
    ///
    /// An environment that cannot be made or started. That cargo or a program failed is no error: see
    /// [`CargoOutcome::code`].
    pub fn execute(self, cancel: &Cancel) -> Result<CargoOutcome> {
        let told = self
            .cross
            .emit("", EventKind::Decided(self.decision.clone()));
        let warned = self.decision.warnings.iter().try_for_each(|message| {
            let code = "cargo-config".to_owned();
            let (message, help) = (message.clone(), None);
            let warning = EventKind::Warning {
                code,
                message,
                help,
            };
            self.cross.emit("", warning)
        });
        if told.is_break() || warned.is_break() {
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
                    let done = plan.execute(cancel)?;
                    let code = done.code.unwrap_or_default();
                    outcome.outcomes.push(done);
                    code
                }
                CargoPart::Host(command) => run_on_host(&self.cross, command, self.way, cancel)?,
            };
            if outcome.code != 0 {
                break;
            }
        }
        Ok(outcome)
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

/// What a plan has to say of settings that are made for the host.
fn overridden(understood: &Understood, plan: &Plan) -> Vec<String> {
    if plan.engine.is_host() {
        // They are, and they hold.
        return Vec::new();
    }
    let Understood { configs, .. } = understood;
    let found = host_settings::find(configs, &plan.workspace_root, &host_triple(), &plan.target);
    let overridden = found
        .into_iter()
        .filter(|it| matches!(it.treatment, Treatment::Overridden { .. }));
    let said = overridden.map(|it| {
        format!(
            "`{}` of `{}` is made for the host: it is not used in the environment",
            it.key,
            it.file.display()
        )
    });
    said.collect()
}

/// The targets: the command line's, else the configuration's, else cargo's own, else the host.
fn targets(cross: &Cross, understood: &Understood, cancel: &Cancel) -> Result<Vec<String>> {
    let host = host_triple();
    let named = understood.line.targets(&host, &understood.dir);
    if !named.is_empty() {
        return Ok(named);
    }
    let probed = workspace::probe(
        &cross.host_cargo()?,
        std::slice::from_ref(&host),
        &cross.host()?,
        cancel,
    )?;
    let loaded = cross.load_config(&probed.root, probed.built_manifest(&[]), None)?;
    if let Some(target) = loaded.config.default_target() {
        return Ok(vec![target.value.clone()]);
    }
    let cargos = understood.configs.default_targets()?;
    Ok(cargos.map_or_else(|| vec![host], |it| it.targets))
}

/// The host's program of a plugin such as nextest, which cargo inside has to find.
fn plugin_of(cross: &Cross, line: &CommandLine) -> Result<Option<PathBuf>> {
    // Miri comes with the toolchain.
    let is_plugin = |row: &&Command| row.phase == Phase::Plugin && row.name != "miri";
    let Some(row) = line.row.filter(is_plugin) else {
        return Ok(None);
    };
    let program = format!("cargo-{}", row.name);
    let found = plugin::find(cross, &program)?;
    found.map(Some).ok_or_else(|| plugin::missing(&program))
}

/// The calls of the host's cargo, of the toolchain that was asked for: one, except that a `clean`
/// of a part has to reach the environments' target directories too. Of everything it removes the
/// directory that they are in.
fn on_host(cross: &Cross, line: &CommandLine, cancel: &Cancel) -> Result<Vec<CargoPart>> {
    let host = cross.host()?;
    let cargo = cross.host_cargo()?;
    let words = line.on_host().into_iter().map(OsString::into_string);
    let words: Vec<String> = words
        .collect::<Result<_, _>>()
        .map_err(|word| problem::not_utf8(&word))?;
    let call = cargo.call(words);
    let mut parts = vec![CargoPart::Host(call.clone())];
    let partial = [Flag::Package, Flag::Profile, Flag::Release, Flag::Workspace];
    if line.name() == Some("clean") && partial.iter().any(|flag| line.has(*flag)) {
        let project = workspace::project(&cargo, &host, cancel)?;
        let target_dir = line
            .target_dir(cross.dir())
            .unwrap_or(project.target_directory);
        let triples = line.targets(&host_triple(), cross.dir());
        for dir in environments_directories(&target_dir.join("cross"), &triples) {
            let there = call.clone().env("CARGO_TARGET_DIR", dir.to_string_lossy());
            parts.push(CargoPart::Host(there));
        }
    }
    Ok(parts)
}

/// The target directories of environments, of these targets or of all.
fn environments_directories(home: &Path, triples: &[String]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let of_one = |name: &str| {
        triples.is_empty()
            || triples.iter().any(|triple| {
                name.strip_prefix(triple.as_str())
                    .is_some_and(|key| key.starts_with('-'))
            })
    };
    let mut found: Vec<_> = entries
        .filter(|entry| of_one(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn run_on_host(cross: &Cross, command: &Invocation, way: Way, cancel: &Cancel) -> Result<i32> {
    let variables = &cross.host()?.variables;
    let exit = if way.inherit {
        process::run_inherited(command, variables, cancel).engine()?
    } else {
        let supervised = cross_engine::supervised(command.clone()).engine()?;
        let heard = &mut |stream, line: &str| {
            let line = line.to_owned();
            cross.emit("", EventKind::Output { stream, line })
        };
        process::run(&supervised, variables, cancel, Stdin::Null, heard).engine()?
    };
    Ok(exit
        .code
        .or(exit.signal.map(|signal| 128 + signal))
        .unwrap_or(1))
}
