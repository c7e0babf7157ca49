//! The steps of each verb: compiling, running programs, and publishing artifacts.

use std::iter;
use std::path::PathBuf;

use cross_engine::{EnvValue, Mount, Network, Root, RunSpec};

use crate::cargo::cli::command::Placement;
use crate::cargo::cli::commands;
use crate::cargo::cli::flags::Flag;
use crate::cargo::cli::render;
use crate::cargo::path_flags;
use crate::cargo::products::Products;
use crate::facts::facts::Facts;
use crate::facts::sources;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::redact;
use crate::model::step::{Action, OutputKind, Published, Step, Verb};
use crate::plan::command_paths::CommandPaths;
use crate::plan::coverage;
use crate::plan::debugger::Debugger;
use crate::plan::nextest;
use crate::plan::publish_scope::PublishScope;
use crate::plan::published_dir;
use crate::plan::strip::Stripping;
use crate::request::plugin;
use crate::request::request::{Options, Request};

/// Returns the steps of the request's verb. By default, steps that compile or run programs have no
/// network except a loopback of their own. A command of the caller (`exec`) has the engine's
/// default network, because it compiles nothing unless the caller makes it do so.
pub(crate) fn steps(request: &Request, facts: &Facts) -> Result<Vec<Step>> {
    let builder = StepBuilder { request, facts };
    let compile = |verb, extra, purpose| builder.compile(verb, extra, purpose);
    let (strip, stripped) = match Stripping::of(request, facts)? {
        Some(Stripping { step, dir }) => (vec![step], Some(dir)),
        None => (Vec::new(), None),
    };
    let publish = || builder.publish(stripped);
    let publish_stripped = |publish| then(strip, facts.joined(publish));
    if request.starts_programs() {
        facts.target.refuse_joined("no program is started")?;
    }
    if request.is_for_one_compiler() {
        let what = "arguments for a single compiler have no meaning";
        facts.target.refuse_joined(what)?;
    }
    Ok(match request.verb {
        Verb::Build => then(
            compile("build", &[], "compile")?,
            publish_stripped(publish()),
        ),
        Verb::Check => compile("check", &[], "check")?,
        Verb::Clippy => compile("clippy", &[], "check with clippy")?,
        Verb::Doc => {
            let document = compile("doc", &[], "document")?;
            then(document, facts.joined(facts.mirror(true)))
        }
        Verb::Rustc => then(
            compile("rustc", &[], "compile")?,
            publish_stripped(publish()),
        ),
        Verb::Test => {
            let run = builder.execute("test", "run the tests", OutputKind::Tests)?;
            then(then(builder.compile_tests()?, vec![publish()]), run)
        }
        Verb::Nextest => builder.nextest()?,
        Verb::Bench => {
            let run = builder.execute("bench", "run the benchmarks", builder.program_output())?;
            let compiled = compile("bench", &["--no-run"], "compile the benchmarks")?;
            then(then(compiled, vec![publish()]), run)
        }
        Verb::Run => {
            let run = builder.execute("run", "run the program", builder.program_output())?;
            let compiled = then(
                compile("build", &[], "compile")?,
                publish_stripped(publish()),
            );
            then(compiled, run)
        }
        Verb::Cargo => builder.cargo_command_line()?,
        Verb::Exec => builder.exec()?,
    })
}

/// The subcommands that make the target's directory whenever they succeed.
const BUILDS: [&str; 4] = ["bench", "build", "run", "test"];

/// Keeps cargo from reading the certificates of a sandbox that has no network. Cargo reads them
/// whenever it starts, which takes 5 ms, a third of a call that has nothing to do. Programs are run
/// by another step, in which they find the certificates. In a container the variable is set where
/// it has to be the same as in a sandbox.
fn without_certificates(mut spec: RunSpec, is_reproducible: bool) -> RunSpec {
    let is_sandbox = matches!(spec.root, Root::Directory { .. });
    if spec.network == Network::None && (is_sandbox || is_reproducible) {
        let none = || EnvValue::Plain("/dev/null".to_owned());
        spec.env
            .entry("SSL_CERT_FILE".to_owned())
            .or_insert_with(none);
    }
    spec
}

/// What lets cargo print messages for the library, without colors and with them.
pub(crate) const MESSAGE_FORMATS: [&str; 2] = [
    "--message-format=json",
    "--message-format=json-diagnostic-rendered-ansi",
];

/// Whether the request needs the toolchain's component `clippy`.
pub(crate) fn is_clippy(request: &Request) -> bool {
    let line = request.options.command_line.as_ref();
    request.verb == Verb::Clippy
        || line.is_some_and(|command_line| command_line.line.name() == Some("clippy"))
}

/// Whether the request runs a cargo plugin, whose artifacts may have any name.
pub(crate) fn is_plugin(request: &Request) -> bool {
    let line = request.options.command_line.as_ref();
    let name = line.and_then(|command_line| command_line.line.name());
    name.is_some_and(|name| !commands::find(name).is_some_and(|row| row.builtin))
}

/// Builds the steps of one request.
struct StepBuilder<'a> {
    request: &'a Request,
    facts: &'a Facts,
}

impl StepBuilder<'_> {
    /// Cargo's messages, with diagnostics in color if the caller wants it. Cargo itself decides by
    /// the variable only for text that it prints.
    fn message_format(&self) -> &'static str {
        match self.request.cross.text_variable("CARGO_TERM_COLOR") {
            Some("always") => MESSAGE_FORMATS[1],
            _ => MESSAGE_FORMATS[0],
        }
    }

    /// The steps that compile with `cargo <verb>`.
    fn compile(&self, verb: &str, extra: &[&str], purpose: &str) -> Result<Vec<Step>> {
        let options = &self.request.options;
        let mut command = self.facts.cargo_in(verb, options);
        command.push(self.message_format().to_owned());
        command.extend(extra.iter().map(|arg| (*arg).to_owned()));
        if self.request.verb == Verb::Build {
            self.push_artifact_dir(&mut command);
        }
        if self.request.verb == Verb::Rustc {
            self.push_trailing(&mut command)?;
        }
        let paths = self.paths(&mut command, verb)?;
        let spec = self.facts.run_spec(command, Network::None);
        let spec = without_certificates(spec, !self.facts.inputs.fixed.is_empty());
        let spec = spec.mounts(paths.mounts.iter().cloned());
        let run = self.facts.run(purpose, spec, OutputKind::CargoMessages)?;
        Ok(paths.around(vec![run]))
    }

    /// Names the directory for artifacts that cargo's configuration names, unless a flag does. Only
    /// `cargo build` has one.
    fn push_artifact_dir(&self, args: &mut Vec<String>) {
        let flags = ["--artifact-dir", "--out-dir"];
        let is_named = |flag: &&str| path_flags::values(args, flag).next().is_some();
        if let Some(dir) = &self.facts.artifact_dir {
            if !flags.iter().any(is_named) {
                let flag = [flags[0].to_owned(), dir.display().to_string()];
                insert_flags(args, flag);
            }
        }
    }

    /// The steps that compile the tests. Documentation tests are compiled when they run: what can
    /// be compiled before is the library.
    fn compile_tests(&self) -> Result<Vec<Step>> {
        let purpose = "compile the tests";
        let args = &self.request.options.cargo;
        if !args.iter().any(|arg| arg == "--doc") {
            return self.compile("test", &["--no-run"], purpose);
        }
        let mut request = self.request.clone();
        let args = args.iter().filter(|arg| *arg != "--no-fail-fast");
        let args = args.map(|arg| match arg.as_str() {
            "--doc" => "--lib".to_owned(),
            other => other.to_owned(),
        });
        request.options.cargo = args.collect();
        let builder = StepBuilder {
            request: &request,
            facts: self.facts,
        };
        builder.compile("build", &[], purpose)
    }

    /// Resolves the paths in the arguments of `cargo <verb>`.
    fn paths(&self, command: &mut [String], verb: &str) -> Result<CommandPaths> {
        CommandPaths::resolve(command, verb, &self.facts.cargo.dir, self.facts)
    }

    /// The steps that run programs of the target with `cargo <verb>`.
    fn execute(&self, verb: &str, purpose: &str, output: OutputKind) -> Result<Vec<Step>> {
        let options = &self.request.options;
        let mut command = self.facts.cargo_in(verb, options);
        if verb == "run" {
            command.push("--quiet".to_owned());
        }
        self.push_trailing(&mut command)?;
        let paths = self.paths(&mut command, verb)?;
        let spec = self.facts.run_spec(command, Network::None);
        let spec = spec.mounts(paths.mounts.iter().cloned());
        Ok(paths.around(self.run_programs(purpose, spec, output)?))
    }

    /// The steps that run programs of the target, with coverage or under gdb if requested.
    fn run_programs(&self, purpose: &str, spec: RunSpec, output: OutputKind) -> Result<Vec<Step>> {
        let (facts, options) = (self.facts, &self.request.options);
        let mut spec = spec
            .stdin(options.stdin)
            .foreign_programs(facts.foreign_programs());
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

    /// The steps that compile the tests, and that run or pack them with nextest.
    fn nextest(&self) -> Result<Vec<Step>> {
        let (facts, options) = (self.facts, &self.request.options);
        let compile = self.compile("test", &["--no-run"], "compile the tests")?;
        let publish = self.publish(None);
        let in_image = facts.env_spec.image().is_some();
        let program = nextest::program(&self.request.cross, in_image)?;
        let mounts = program.map(|program| plugin::mount(&program, &facts.inputs.cargo_home));
        let Some(file) = &options.archive else {
            let mut command = self.nextest_command("run");
            command.extend(nextest::JSON.map(str::to_owned));
            self.push_trailing(&mut command)?;
            let paths = self.paths(&mut command, "nextest")?;
            let spec = facts.run_spec(command, Network::None);
            let spec = spec.mounts(paths.mounts.iter().cloned());
            let switch = (
                nextest::JSON_SWITCH.to_owned(),
                EnvValue::Plain("1".to_owned()),
            );
            let spec = spec.mounts(mounts).env([switch]);
            let run = self.run_programs("run the tests", spec, OutputKind::Nextest)?;
            return Ok(then(then(compile, vec![publish]), paths.around(run)));
        };
        let mut command = self.nextest_command("archive");
        command.extend(nextest::archive(file));
        let paths = self.paths(&mut command, "nextest")?;
        let spec = facts.run_spec(command, Network::None);
        let spec = spec.mounts(mounts.into_iter().chain(paths.mounts.iter().cloned()));
        let pack = facts.run("pack the tests", spec, OutputKind::Program)?;
        Ok(then(then(compile, vec![publish]), paths.around(vec![pack])))
    }

    /// Returns the command `cargo nextest <verb>` with the request's options as nextest names them.
    fn nextest_command(&self, verb: &str) -> Vec<String> {
        let options = &self.request.options;
        let cargo_options = Options {
            locked: options.locked,
            cargo: nextest::translated(&options.cargo).collect(),
            ..Options::default()
        };
        let mut command = self.facts.cargo_in("nextest", &cargo_options);
        command.insert(2, verb.to_owned());
        command.extend(options.nextest.iter().cloned());
        command
    }

    /// The steps of [`Cross::exec`](crate::Cross::exec): the command itself, or the command under
    /// the target's runner.
    fn exec(&self) -> Result<Vec<Step>> {
        let options = &self.request.options;
        let mut trailing = options.trailing_text()?;
        let Some(program) = trailing.first_mut() else {
            let error = Error::new(ErrorKind::ProgramFailed, "no command given");
            return Err(error.with_help("name a program of the environment"));
        };
        let mut variable = None;
        if !options.on_target {
            if let Some(own) = self.facts.target_tool(program)? {
                variable = own.variable();
                *program = own.program;
            }
        }
        let purpose = format!("run `{program}`");
        let published = published_dir::mount(self.facts, &trailing);
        let mut command = Vec::new();
        if options.on_target {
            command.extend(self.facts.target.through_runner());
        }
        command.extend(trailing);
        let spec = self.facts.run_spec(command, Network::Default);
        let spec = spec.mounts(published).env(variable);
        self.run_programs(&purpose, spec, self.program_output())
    }

    /// Adds the arguments after `--`.
    fn push_trailing(&self, command: &mut Vec<String>) -> Result<()> {
        let trailing = self.request.options.trailing_text()?;
        if !trailing.is_empty() {
            command.push("--".to_owned());
            command.extend(trailing);
        }
        Ok(())
    }

    /// The steps that run a cargo command line in the environment.
    fn cargo_command_line(&self) -> Result<Vec<Step>> {
        let facts = self.facts;
        let Some(command_line) = &self.request.options.command_line else {
            return Ok(Vec::new());
        };
        let line = &command_line.line;
        let placement = line.rule().map(|rule| rule.place);
        let mut additions = facts.additions(line.name().unwrap_or_default());
        additions.extend(facts.own_target_dir());
        let compiles = matches!(
            placement,
            Some(Placement::Environment { compiles: true, .. })
        );
        let accepts_locked = compiles && line.row.is_some_and(|row| row.accepts_locked);
        let lock_flags = [Flag::Locked, Flag::Frozen, Flag::LockfilePath];
        let has_lock_flag = lock_flags.iter().any(|flag| line.has(*flag));
        if accepts_locked && !has_lock_flag && facts.is_lock_file_settled() {
            additions.push("--locked".to_owned());
        }
        let mut args = line.in_environment(&render::EnvironmentArguments {
            manifest: facts.cargo.manifest.as_deref(),
            targets: &facts.target_arguments(),
            additions: &additions,
        })?;
        let dir = line.directory(&command_line.dir);
        if line.name() == Some("build") {
            self.push_artifact_dir(&mut args);
        }
        if let Some(setting) = facts.own_build_dir().filter(|_| compiles) {
            insert_flags(&mut args, ["--config".to_owned(), setting]);
        }
        let paths = CommandPaths::resolve(&mut args, line.name().unwrap_or_default(), &dir, facts)?;
        strip_config(&mut args);
        let cargo = facts.env_spec.cargo().to_owned();
        let command = iter::once(cargo).chain(args).collect();
        let network = placement
            .and_then(Placement::network)
            .unwrap_or(Network::None);
        let runs_programs = line.starts_programs();
        let mut spec = facts
            .run_spec(command, network)
            .stdio(command_line.stdio)
            // A compiler must not be able to write input into the caller's terminal.
            .terminal(command_line.terminal && runs_programs)
            .foreign_programs(facts.foreign_programs().filter(|_| runs_programs));
        if command_line.terminal && !runs_programs && facts.selected.engine.has_images() {
            let color = (
                "CARGO_TERM_COLOR".to_owned(),
                EnvValue::Plain("always".to_owned()),
            );
            if !spec.env.contains_key(&color.0) {
                spec = spec.env([color]);
            }
        }
        if let Some(program) = &command_line.plugin {
            spec = spec.mounts([plugin::mount(program, &facts.inputs.cargo_home)]);
        }
        spec = spec.mounts(paths.mounts.iter().cloned());
        if line.name() == Some("fix") || line.has(Flag::Fix) {
            let fixed = sources::fixed(&facts.workspace);
            spec = spec.mounts(fixed.map(Mount::write));
        }
        let purpose = format!("cargo {}", line.name().unwrap_or_default());
        let run = facts.run(&purpose, spec, OutputKind::CommandLine)?;
        let is_certain = line.name().is_some_and(|name| BUILDS.contains(&name));
        let mirror = facts.mirror(is_certain && !line.has_unstable_output());
        Ok(then(paths.around(vec![run]), facts.joined(mirror)))
    }

    /// The step that publishes what is built, or its copies in the directory `stripped`.
    fn publish(&self, stripped: Option<PathBuf>) -> Step {
        let facts = self.facts;
        let products = Products::new(facts.workspace.products.clone(), facts.target.triple());
        let action = Action::Publish {
            checksums: self.request.options.checksums,
            stripped,
        };
        let mut step = Step::new("publish the artifacts", action);
        // What cargo refuses, it does not build.
        let scope = PublishScope::of_arguments(self.request, facts, &products).ok();
        step.publishes = scope.map(|(profile, products)| Published {
            profile,
            stems: products.file_stems(),
        });
        step
    }

    fn program_output(&self) -> OutputKind {
        match self.request.options.capture {
            true => OutputKind::Captured,
            false => OutputKind::Program,
        }
    }
}

/// Removes secrets from the URLs that `--config` names.
fn strip_config(args: &mut [String]) {
    let mut is_value = false;
    for arg in args.iter_mut().take_while(|arg| *arg != "--") {
        if is_value || arg.starts_with("--config=") {
            *arg = redact::strip(arg).into_owned();
        }
        is_value = arg == "--config";
    }
}

/// Inserts flags as the last ones before `--`.
fn insert_flags<const N: usize>(args: &mut Vec<String>, flags: [String; N]) {
    let end = args.iter().position(|arg| arg == "--");
    let end = end.unwrap_or(args.len());
    args.splice(end..end, flags);
}

fn then(mut first: Vec<Step>, rest: Vec<Step>) -> Vec<Step> {
    first.extend(rest);
    first
}
