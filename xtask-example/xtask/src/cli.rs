//! The command line of the xtask.

use std::ffi::OsString;
use std::path::PathBuf;

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
    /// Prepare this machine for the other commands: show what is missing, install it and try it
    Setup(Setup),
    /// Build, test, check and package logsift for every configured target
    Dist(Dist),
    /// Put logsift into a container image for several platforms, without a container engine
    Image(Image),
    /// Fetch everything that `dist` needs from the network, so that it can run with `--offline`
    Prefetch(Prefetch),
    /// Build logsift for a target
    Build(Cargo),
    /// Run logsift's tests for a target, under its emulator where it needs one
    Test(Program),
    /// Run logsift for a target, under its emulator where it needs one
    Run(Program),
    /// Show every step of a build, test or run without executing it
    Plan(Plan),
    /// Run a cargo command line for a target, such as `cross build --release --target TRIPLE`
    #[command(disable_help_flag = true)]
    Cross {
        /// The arguments that would follow `cargo`
        #[arg(
            value_name = "CARGO_COMMAND_LINE",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        words: Vec<OsString>,
    },
    /// Open a shell in the environment of a target
    Shell(Shell),
    /// Run a program that drives cargo or a C compiler itself, such as maturin, with a target's tools
    Tools(Tools),
    /// Show every configuration value and its origin
    Config {
        /// Print JSON
        #[arg(long, conflicts_with = "schema")]
        json: bool,
        /// Print the JSON Schema of Cross.toml instead, for editors
        #[arg(long)]
        schema: bool,
    },
    /// Check which engines and tools work on this machine
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List every target and its level of support, or explain targets
    Targets {
        /// The targets to explain, one paragraph each [default: list all]
        #[arg(value_name = "TRIPLE")]
        target: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List, make or remove the environments of targets
    Env(Env),
    /// Write to Cross.lock what the environments of targets are made of
    Lock(Lock),
    /// Print the key of a CI cache for targets, or the directories that belong into it
    CacheKey(CacheKey),
    /// Write what targets need to one archive, for a machine without a network
    Export(Export),
    /// Place what an archive of `export` has
    Import(Import),
    /// Prove targets with a crate that has C and C++ code, and record the results in
    /// docs/targets.md
    Matrix(Matrix),
    /// Run the benchmarks and write their results into docs/performance.md
    Bench(Bench),
    /// Check and lint the library for every host that it compiles on
    Hosts(Hosts),
    /// Remove `dist` and `cross` from the target directory
    Clean,
}

/// The options that override the configuration.
#[derive(Args, Clone, Default)]
pub(crate) struct Choice {
    /// The engine: auto, sandbox, docker, podman, or host without isolation [default: configured]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) engine: Option<String>,
    /// The Rust toolchain: host, image or a directory [default: configured]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) toolchain: Option<String>,
    /// Run without a network; `prefetch` fetches what is missing
    #[arg(long, global = true)]
    pub(crate) offline: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    Human,
    /// One JSON object per line, for programs
    Json,
}

#[derive(Args)]
pub(crate) struct Setup {
    /// The engines to set up, separated by commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "sandbox"
    )]
    pub(crate) engine: Vec<SetupEngine>,
    /// Also create an unprivileged user, and install an ssh server and cargo-hack, for the tests
    #[arg(long)]
    pub(crate) test_user: bool,
    /// Print the plan without executing it
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
    /// Only this target; may be repeated [default: the configured `targets`]
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
    /// Also make Debian packages for the targets that a Debian runs; needs cargo-deb, which
    /// `cargo install --locked cargo-deb` installs
    #[arg(long)]
    pub(crate) deb: bool,
    /// Compile with debug information, strip it from the programs, and pack it beside the archives
    #[arg(long)]
    pub(crate) symbols: bool,
    /// Build again in a copy of the checkout, and compare the archives byte for byte
    #[arg(long)]
    pub(crate) verify: bool,
    /// The engine of the copy [default: another one than the first, if there is one that works]
    #[arg(long, value_name = "NAME", requires = "verify")]
    pub(crate) verify_engine: Option<String>,
    /// The number of jobs for all targets together [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobs: Option<u32>,
    #[command(flatten)]
    pub(crate) run: NamedRun,
    /// How progress and results are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) message_format: Format,
}

/// What a provenance says of the run.
#[derive(Args)]
pub(crate) struct NamedRun {
    /// Who builds, for the provenance: a URI, such as that of the workflow that runs this
    #[arg(long, value_name = "URI", value_parser = uri)]
    pub(crate) builder_id: Option<String>,
    /// The name of this run, for the provenance, such as its URL [default: a random name]
    #[arg(long, value_name = "ID")]
    pub(crate) invocation_id: Option<String>,
}

/// Accepts a URI.
fn uri(text: &str) -> Result<String, String> {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match is_scheme && !text.contains(char::is_whitespace) {
        true => Ok(text.to_owned()),
        false => Err("not a URI, such as https://example.com/builder".to_owned()),
    }
}

#[derive(Args)]
pub(crate) struct Tools {
    /// The target
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}

#[derive(Args)]
pub(crate) struct CacheKey {
    /// The targets that share the cache [default: the configured `targets`]
    #[arg(value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Print the directories instead, one on each line
    #[arg(long)]
    pub(crate) paths: bool,
    /// Print the key without the part that changes with Cargo.lock instead: its caches are useful,
    /// too
    #[arg(long, conflicts_with = "paths")]
    pub(crate) prefix: bool,
}

#[derive(Args)]
pub(crate) struct Image {
    /// Only this target; may be repeated [default: the musl targets for x86_64 and aarch64]
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) run: NamedRun,
    /// The file to write [default: target/dist/logsift-VERSION.oci.tar]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Prefetch {
    /// Only this target; may be repeated [default: the configured `targets`]
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Also make the environments that `dist --deb` needs
    #[arg(long)]
    pub(crate) deb: bool,
    /// Print JSON
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
    /// Wait on this port until gdb attaches; test binaries run one after the other
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
    /// Arguments for cargo, such as --release, after the options above
    #[arg(value_name = "CARGO_ARGS", allow_hyphen_values = true)]
    cargo: Vec<String>,
    /// Arguments for logsift or its tests
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl PassedOn {
    /// Splits the arguments into those for cargo and those for the program. After an argument for
    /// cargo, clap takes `--` and everything after it as arguments for cargo.
    pub(crate) fn split(&self) -> (&[String], &[String]) {
        match self.cargo.iter().position(|arg| arg == "--") {
            Some(at) => (&self.cargo[..at], &self.cargo[at + 1..]),
            None => (&self.cargo, &self.args),
        }
    }
}

#[derive(Args)]
pub(crate) struct Plan {
    /// The command to plan
    pub(crate) verb: PlanVerb,
    /// The target, for instance aarch64-unknown-linux-gnu
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Print JSON
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
    /// Only this target; may be repeated [default: every target with a recipe]
    #[arg(long, value_name = "TRIPLE", conflicts_with = "rotating")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Prove recorded rows again
    #[arg(long)]
    pub(crate) again: bool,
    /// Remove the environment and artifacts of a row after its proof
    #[arg(long)]
    pub(crate) discard: bool,
    /// Prove this many recorded rows, different ones each day, and record nothing
    #[arg(long, value_name = "ROWS")]
    pub(crate) rotating: Option<usize>,
    /// Prove popular crates with native code instead of the whole row
    #[arg(long, requires = "target", conflicts_with = "rotating")]
    pub(crate) crates: bool,
    /// Only make the environments of recorded rows again, and record their versions, sizes and times
    #[arg(long, requires = "target", conflicts_with_all = ["rotating", "crates", "again"])]
    pub(crate) environments: bool,
    /// Only write docs/targets.md from the recorded rows
    #[arg(long, conflicts_with_all = ["target", "rotating"])]
    pub(crate) render: bool,
}

#[derive(Args)]
pub(crate) struct Bench {
    /// Only these benchmarks [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) parts: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Hosts {
    /// Run the unit tests of the library for other hosts instead, under QEMU and Wine
    #[arg(long)]
    pub(crate) test: bool,
    /// Only half of the hosts, the other half each second day
    #[arg(long, conflicts_with = "prove")]
    pub(crate) rotating: bool,
    /// Prove targets on a 64-bit ARM host instead, which QEMU emulates: the host's own and x86_64's,
    /// or these. It takes hours
    #[arg(long, value_name = "TRIPLE", num_args = 0.., conflicts_with = "test")]
    pub(crate) prove: Option<Vec<String>>,
}

#[derive(Args)]
pub(crate) struct Lock {
    /// Only this target; may be repeated [default: the configured `targets`]
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    /// Lock the newest packages, of this target or else of all
    #[arg(long, value_name = "TRIPLE", num_args = 0..=1, default_missing_value = "", conflicts_with = "target")]
    pub(crate) update: Option<String>,
    /// Write nothing, and fail if the file would change
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Export {
    /// The archive; a file that is there is replaced
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only this target; may be repeated [default: the configured `targets`]
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Vec<String>,
    /// Also rustup's toolchains, for a machine that does not have them
    #[arg(long)]
    pub(crate) toolchains: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The archive
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Refuse every archive but the one for which `export` printed this
    #[arg(long, value_name = "SHA256")]
    pub(crate) expect: Option<String>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    /// List the existing environments (the default)
    List,
    /// Make the environments of targets that do not exist yet
    Make {
        /// The targets [default: the configured `targets`]
        #[arg(long, value_name = "TRIPLE")]
        target: Vec<String>,
    },
    /// Show what is in the environment of a target: packages, releases, downloads, image
    Show {
        /// The target
        #[arg(value_name = "TRIPLE")]
        target: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the stock of packages and bases, which makes environments faster to make
    Stock {
        /// Remove the stock
        #[arg(long)]
        remove: bool,
    },
    /// Remove environments
    Rm {
        /// The names, as `env list` shows them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Show what is kept on the machine of a remote engine
    Volumes {
        /// Remove this volume
        #[arg(long, value_name = "NAME")]
        remove: Vec<String>,
    },
    /// Remove what a crash left behind
    Sweep,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_consistent() {
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
                panic!("not a run command");
            };
            let expected = [cargo, args].map(|args| args.to_vec());
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
                panic!("not a cross command");
            };
            assert_eq!(got, words);
        }
    }

    #[test]
    fn a_builder_is_a_uri() {
        for (text, is_uri) in [
            ("https://example.com/b?x#y", true),
            ("urn:me:builder", true),
            ("my builder", false),
            ("builder", false),
            (":x", false),
            ("https://a b", false),
        ] {
            let words = ["xtask", "dist", "--builder-id", text];
            assert_eq!(Cli::try_parse_from(words).is_ok(), is_uri, "{text}");
        }
    }

    #[test]
    fn the_engines_to_set_up_are_a_list() {
        let cli = Cli::try_parse_from(["xtask", "setup", "--engine", "docker,podman"]).unwrap();
        let Command::Setup(setup) = cli.command else {
            panic!("not a setup command");
        };
        assert_eq!(setup.engine, [SetupEngine::Docker, SetupEngine::Podman]);
    }
}
