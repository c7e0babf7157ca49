//! The command line.

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Builds, tests and packages logsift for every target it ships for.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make this machine able to do the rest: says what is missing, installs it, tries it
    Setup(Setup),
    /// Build, test, check and package for every target of the configuration
    Dist(Dist),
    /// Make everything be here that `dist` needs from elsewhere, so that it can be done `--offline`
    Prefetch(Prefetch),
    /// Build logsift for a target
    Build(Cargo),
    /// Run logsift's tests for a target, under its emulator where it needs one
    Test(Program),
    /// Run logsift for a target, under its emulator where it needs one
    Run(Program),
    /// Show every step that a build, test or run would take, and take none
    Plan(Plan),
    /// Do what a cargo command line says, for a target: `cross build --release --target TRIPLE`
    #[command(disable_help_flag = true)]
    Cross {
        /// What would follow `cargo`
        #[arg(
            value_name = "CARGO_COMMAND_LINE",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        words: Vec<OsString>,
    },
    /// Open a shell in the environment of a target
    Shell(Shell),
    /// Show the configuration: every value and where it was said
    Config {
        /// As JSON
        #[arg(long, conflicts_with = "schema")]
        json: bool,
        /// The JSON Schema of Cross.toml instead, for editors
        #[arg(long)]
        schema: bool,
    },
    /// Ask every engine and tool whether it works here
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List every target and how far it is supported
    Targets {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List, make or remove the environments that targets are built in
    Env(Env),
    /// Prove targets with a crate that has C and C++ code, and record the evidence in docs/targets.md
    Matrix(Matrix),
    /// Run the benchmarks side by side and write what came of them into docs/performance.md
    Bench(Bench),
    /// Remove `dist` and `cross` from the target directory
    Clean,
}

/// What overrides the configuration.
#[derive(Args, Clone, Default)]
pub(crate) struct Choice {
    /// Where to run: auto, sandbox, docker, podman, or host without isolation (default: the configuration's)
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) engine: Option<String>,
    /// The Rust that compiles: host, image or a directory (default: the configuration's)
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) toolchain: Option<String>,
    /// Without a network: what is not here is an error, and `prefetch` its remedy
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// One JSON object a line, for programs
    Json,
}

#[derive(Args)]
pub(crate) struct Setup {
    /// The engines to set up, with commas between them
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "sandbox"
    )]
    pub(crate) engine: Vec<SetupEngine>,
    /// Make a plain user too, for tests that root runs
    #[arg(long)]
    pub(crate) test_user: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SetupEngine {
    All,
    Sandbox,
    Docker,
    Podman,
}

#[derive(Args)]
pub(crate) struct Dist {
    /// Only this target; may be given more than once (default: the configuration's `targets`)
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Stop at the first target that fails
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Don't run the tests
    #[arg(long)]
    pub(crate) no_test: bool,
    /// How many jobs run at once, for all targets together (default: the number of processors)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    /// How progress and results are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: Format,
}

#[derive(Args)]
pub(crate) struct Prefetch {
    /// Only this target; may be given more than once (default: the configuration's `targets`)
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Cargo {
    /// The target, for instance aarch64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// How progress and results are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: Format,
    #[command(flatten)]
    pub(crate) passed_on: PassedOn,
}

#[derive(Args)]
pub(crate) struct Program {
    /// Wait on this port of the host until gdb attaches; test binaries do so one after the other
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) gdb: Option<u16>,
    #[command(flatten)]
    pub(crate) cargo: Cargo,
}

#[derive(Args)]
pub(crate) struct Shell {
    /// The target, for instance aarch64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
}

#[derive(Args)]
pub(crate) struct PassedOn {
    /// Arguments for cargo, such as --release; they come after those above
    #[arg(value_name = "CARGO_ARGS", allow_hyphen_values = true)]
    cargo: Vec<String>,
    /// Arguments for logsift, or for its tests
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl PassedOn {
    /// Those for cargo, and those for the program. Once there are some for cargo, clap counts the `--`
    /// and what follows it among them.
    pub(crate) fn split(&self) -> (&[String], &[String]) {
        match self.cargo.iter().position(|arg| arg == "--") {
            Some(at) => (&self.cargo[..at], &self.cargo[at + 1..]),
            None => (&self.cargo, &self.args),
        }
    }
}

#[derive(Args)]
pub(crate) struct Plan {
    /// What would be done
    pub(crate) verb: PlanVerb,
    /// The target, for instance aarch64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) passed_on: PassedOn,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PlanVerb {
    Build,
    Test,
    Run,
}

#[derive(Args)]
pub(crate) struct Matrix {
    /// Only this target; may be given more than once (default: every target with a recipe)
    #[arg(long, value_name = "TRIPLE", conflicts_with = "rotating")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Prove what is recorded too
    #[arg(long)]
    pub(crate) again: bool,
    /// Remove what was made for a row when it is proven
    #[arg(long)]
    pub(crate) discard: bool,
    /// Prove so many of the rows that passed, others every day, and record nothing
    #[arg(long, value_name = "ROWS")]
    pub(crate) rotating: Option<usize>,
    /// Instead of the whole row, the crates that people use, each by another way to native code
    #[arg(long, requires = "target", conflicts_with = "rotating")]
    pub(crate) crates: bool,
    /// Prove nothing: write docs/targets.md from what is recorded
    #[arg(long, conflicts_with_all = ["target", "rotating"])]
    pub(crate) render: bool,
}

#[derive(Args)]
pub(crate) struct Bench {
    /// Only these (default: all)
    #[arg(value_name = "NAME")]
    pub(crate) parts: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(subcommand)]
    pub(crate) action: Option<EnvAction>,
}

#[derive(Subcommand)]
pub(crate) enum EnvAction {
    /// List the environments that are there (the default)
    List,
    /// Make the environments of targets, where they are not there
    Make {
        /// The targets (default: the configuration's `targets`)
        #[arg(long, value_name = "TRIPLE")]
        target: Vec<String>,
    },
    /// Show what is kept so that environments are made sooner: packages, and what they begin with
    Stock {
        /// Remove it
        #[arg(long)]
        remove: bool,
    },
    /// Remove environments
    Rm {
        /// Their names, as `env list` shows them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Remove what a crash of the machine left behind
    Sweep,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_for_cargo_and_for_the_program_are_passed_on() {
        for (given, cargo, args) in [
            ("", &[][..], &[][..]),
            ("-r --features x", &["-r", "--features", "x"], &[]),
            ("-- index -v", &[], &["index", "-v"]),
            ("-r -- -v -- x", &["-r"], &["-v", "--", "x"]),
        ] {
            let line = format!("xtask run --target t --engine docker {given}");
            let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
            let Command::Run(run) = cli.command else {
                panic!("it is a run");
            };
            let expected = [cargo, args].map(|it| it.to_vec());
            let run = run.cargo;
            let (cargo, args) = run.passed_on.split();
            assert_eq!([cargo.to_vec(), args.to_vec()], expected, "{given}");
            assert_eq!(run.choice.engine.as_deref(), Some("docker"));
        }
    }

    #[test]
    fn a_cargo_command_line_is_taken_as_it_is() {
        for words in [
            &["build", "--help"][..],
            &["+nightly", "test", "-p", "x", "--", "--engine", "y"],
            &["--version"],
            &[],
        ] {
            let line = ["xtask", "cross"].into_iter().chain(words.iter().copied());
            let Command::Cross { words: got } = Cli::try_parse_from(line).unwrap().command else {
                panic!("it is a cross");
            };
            assert_eq!(got, words);
        }
    }

    #[test]
    fn the_engines_to_set_up_are_a_list() {
        let cli = Cli::try_parse_from(["xtask", "setup", "--engine", "docker,podman"]).unwrap();
        let Command::Setup(setup) = cli.command else {
            panic!("it is a setup");
        };
        assert_eq!(setup.engine, [SetupEngine::Docker, SetupEngine::Podman]);
    }
}
