//! The runs of each verb: what is compiled, what is executed, and where the artifacts go.

use std::iter;

use cross_engine::{EnvValue, Mount, Network, RunSpec};

use crate::cargo::cli::command::Placement;
use crate::cargo::cli::commands;
use crate::cargo::cli::render;
use crate::facts::facts::Facts;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Action, OutputKind, Prepared, Step, Verb};
use crate::plan::coverage;
use crate::plan::debugger::Debugger;
use crate::plan::nextest;
use crate::request::plugin;
use crate::request::request::{Options, Request};

/// The steps of the request's verb. What compiles has no network; what runs programs has the
/// engine's usual one, unless the configuration says otherwise.
pub(crate) fn steps(request: &Request, facts: &Facts) -> Result<Vec<Step>> {
    let verbs = StepBuilder { request, facts };
    let compile = |verb, extra, purpose| verbs.compile(verb, extra, purpose);
    let publish = publish(request.options.checksums);
    Ok(match request.verb {
        Verb::Build => vec![compile("build", &[], "compile")?, publish],
        Verb::Check => vec![compile("check", &[], "check")?],
        Verb::Clippy => vec![compile("clippy", &[], "check with clippy")?],
        Verb::Doc => vec![compile("doc", &[], "document")?, facts.mirror()],
        Verb::Rustc => vec![compile("rustc", &[], "compile")?, publish],
        Verb::Test => {
            let run = verbs.execute("test", "run the tests", OutputKind::Tests)?;
            after([compile("test", &["--no-run"], "compile the tests")?], run)
        }
        Verb::Nextest => verbs.nextest()?,
        Verb::Bench => {
            let run = verbs.execute("bench", "run the benchmarks", verbs.program())?;
            after(
                [compile("bench", &["--no-run"], "compile the benchmarks")?],
                run,
            )
        }
        Verb::Run => {
            let run = verbs.execute("run", "run the program", verbs.program())?;
            after([compile("build", &[], "compile")?, publish], run)
        }
        Verb::Cargo => verbs.front_door()?,
        Verb::Exec => verbs.program_itself()?,
    })
}

/// Whether the request needs the component clippy.
pub(crate) fn is_clippy(request: &Request) -> bool {
    let line = request.options.line.as_ref();
    request.verb == Verb::Clippy || line.is_some_and(|it| it.line.name() == Some("clippy"))
}

/// Whether a plugin of cargo's is asked for, which may make anything.
pub(crate) fn is_plugin(request: &Request) -> bool {
    let line = request.options.line.as_ref();
    let name = line.and_then(|asked| asked.line.name());
    name.is_some_and(|name| !commands::find(name).is_some_and(|row| row.builtin))
}

struct StepBuilder<'a> {
    request: &'a Request,
    facts: &'a Facts,
}

impl StepBuilder<'_> {
    fn compile(&self, verb: &str, extra: &[&str], purpose: &str) -> Result<Step> {
        let options = &self.request.options;
        let mut command = self.facts.cargo_in(verb, options);
        command.push("--message-format=json".to_owned());
        command.extend(extra.iter().map(|arg| (*arg).to_owned()));
        if self.request.verb == Verb::Rustc {
            self.trailing(&mut command)?;
        }
        let spec = self.facts.run_spec(command, Network::None);
        self.facts.run(purpose, spec, OutputKind::CargoMessages)
    }

    fn execute(&self, verb: &str, purpose: &str, output: OutputKind) -> Result<Vec<Step>> {
        let options = &self.request.options;
        let mut command = self.facts.cargo_in(verb, options);
        if verb == "run" {
            command.push("--quiet".to_owned());
        }
        self.trailing(&mut command)?;
        let spec = self.facts.run_spec(command, Network::Default);
        self.start(purpose, spec, output)
    }

    /// Runs programs of the target: at once, or when gdb has attached to them.
    fn start(&self, purpose: &str, spec: RunSpec, output: OutputKind) -> Result<Vec<Step>> {
        let (facts, options) = (self.facts, &self.request.options);
        let mut spec = spec.stdin(options.stdin);
        let target_dir = &facts.inputs.target_dir;
        if options.coverage {
            spec = spec.env([coverage::variable(target_dir)]);
        }
        let Some(port) = options.gdb else {
            let run = facts.run(purpose, spec, output)?;
            return Ok(match options.coverage {
                true => vec![
                    coverage::prepare(target_dir),
                    run,
                    coverage::collect(target_dir),
                ],
                false => vec![run],
            });
        };
        let debugger = Debugger::new(facts, port)?;
        let mut run = facts.run(purpose, debugger.attach(spec), output)?;
        if let Action::Run { yielding, .. } = &mut run.action {
            yielding.retain(|name| *name != debugger.variable);
        }
        Ok(vec![debugger.prepare, run])
    }

    /// What nextest runs or packs is what cargo compiles for tests.
    fn nextest(&self) -> Result<Vec<Step>> {
        let (facts, options) = (self.facts, &self.request.options);
        let compiled = self.compile("test", &["--no-run"], "compile the tests")?;
        let in_image = facts.env_spec.image().is_some();
        let program = nextest::program(&self.request.cross, in_image)?;
        let mounts = program.map(|program| plugin::mount(&program, &facts.inputs.cargo_home));
        let Some(file) = &options.archive else {
            let mut command = self.nextest_command("run");
            command.extend(nextest::JSON.map(str::to_owned));
            self.trailing(&mut command)?;
            let spec = facts.run_spec(command, Network::Default);
            let switch = (
                nextest::JSON_SWITCH.to_owned(),
                EnvValue::Plain("1".to_owned()),
            );
            let spec = spec.mounts(mounts).env([switch]);
            let run = self.start("run the tests", spec, OutputKind::Nextest)?;
            return Ok(after([compiled], run));
        };
        let mut command = self.nextest_command("archive");
        command.extend(nextest::archive(file));
        let parent = file.parent().unwrap_or(file).to_owned();
        let directory = Prepared::Directory(parent.clone());
        let place = Step::prepare("prepare the archive's directory", vec![directory]);
        let spec = facts.run_spec(command, Network::None);
        let spec = spec.mounts(mounts.into_iter().chain([Mount::write(parent)]));
        let pack = facts.run("pack the tests", spec, OutputKind::Program)?;
        Ok(vec![compiled, place, pack])
    }

    /// `cargo nextest <verb>` with what the request adds, in nextest's words.
    fn nextest_command(&self, verb: &str) -> Vec<String> {
        let options = &self.request.options;
        let cargos = Options {
            locked: options.locked,
            cargo: nextest::translated(&options.cargo).collect(),
            ..Options::default()
        };
        let mut command = self.facts.cargo_in("nextest", &cargos);
        command.insert(2, verb.to_owned());
        command.extend(options.nextest.iter().cloned());
        command
    }

    /// The command of [`Cross::exec`](crate::Cross::exec): as it is, or through the target's
    /// runner.
    fn program_itself(&self) -> Result<Vec<Step>> {
        let options = &self.request.options;
        let trailing = options.trailing_text()?;
        let Some(program) = trailing.first() else {
            let error = Error::new(ErrorKind::ProgramFailed, "there is no command to run");
            return Err(error.with_help("name a program of the environment"));
        };
        let purpose = format!("run `{program}`");
        let mut command = Vec::new();
        if options.on_target {
            command.extend(self.facts.target.through_runner());
        }
        command.extend(trailing);
        let spec = self.facts.run_spec(command, Network::Default);
        self.start(&purpose, spec, self.program())
    }

    /// What follows `--`.
    fn trailing(&self, command: &mut Vec<String>) -> Result<()> {
        let trailing = self.request.options.trailing_text()?;
        if !trailing.is_empty() {
            command.push("--".to_owned());
            command.extend(trailing);
        }
        Ok(())
    }

    /// The command line of the front door, as the environment's cargo is given it.
    fn front_door(&self) -> Result<Vec<Step>> {
        let facts = self.facts;
        let Some(asked) = &self.request.options.line else {
            return Ok(Vec::new());
        };
        let line = &asked.line;
        let place = line.rule().map(|rule| rule.place);
        let words = line.in_environment(&render::EnvironmentArguments {
            dir: &asked.dir,
            target: &facts.target_argument(),
            additions: &facts.additions(line.name().unwrap_or_default()),
        })?;
        let cargo = facts.env_spec.cargo().to_owned();
        let command = iter::once(cargo).chain(words).collect();
        let network = place.and_then(Placement::network).unwrap_or(Network::None);
        let runs = matches!(
            place,
            Some(Placement::Environment {
                runs_programs: true,
                ..
            })
        );
        let mut spec = facts
            .run_spec(command, network)
            .stdio(asked.stdio)
            // What compiles must not be able to type into the caller's terminal.
            .terminal(asked.terminal && runs);
        if asked.terminal && !runs && facts.selected.engine.has_images() {
            let color = (
                "CARGO_TERM_COLOR".to_owned(),
                EnvValue::Plain("always".to_owned()),
            );
            if !spec.env.contains_key(&color.0) {
                spec = spec.env([color]);
            }
        }
        if let Some(program) = &asked.plugin {
            spec = spec.mounts([plugin::mount(program, &facts.inputs.cargo_home)]);
        }
        spec = spec.mounts(asked.config_files.iter().map(Mount::read));
        let purpose = format!("cargo {}", line.name().unwrap_or_default());
        let run = facts.run(&purpose, spec, OutputKind::CommandLine)?;
        Ok(vec![run, facts.mirror()])
    }

    fn program(&self) -> OutputKind {
        match self.request.options.capture {
            true => OutputKind::Captured,
            false => OutputKind::Program,
        }
    }
}

fn after<const N: usize>(first: [Step; N], then: Vec<Step>) -> Vec<Step> {
    first.into_iter().chain(then).collect()
}

fn publish(checksums: bool) -> Step {
    Step {
        purpose: "publish the artifacts".to_owned(),
        action: Action::Publish { checksums },
        command: None,
        kept: None,
    }
}
