//! Whether the test binaries of a request run side by side, and where not, why.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::{EnvValue, RunSpec};
use cross_targets::TestSupport;
use serde::Serialize;

use super::TEST_THREADS;
use crate::ambient;
use crate::crash::Emulator;
use crate::planner::Facts;
use crate::request::{Options, Request};

/// How the test binaries of a plan are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TestRun {
    /// How many tests run at once at most, over all binaries: the request's jobs, those it shares with
    /// others, `CARGO_BUILD_JOBS`, or the machine's processors.
    pub jobs: u32,
    /// Why the binaries run one after the other, as by cargo. `None` where they run side by side.
    pub serial: Option<String>,
    /// The variable by which cargo finds what runs programs of the target.
    #[serde(skip)]
    pub(crate) variable: String,
}

impl TestRun {
    /// Tells `spec`, which runs the tests, how many may run at once, unless it was told, or would do just so.
    pub(crate) fn bind(&self, spec: &mut RunSpec) {
        if self.jobs != ambient::processors() {
            let threads = || EnvValue::Plain(self.jobs.to_string());
            let variable = spec.env.entry(TEST_THREADS.to_owned());
            variable.or_insert_with(threads);
        }
    }
}

impl fmt::Display for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serial {
            None => write!(f, "binaries side by side, {} tests at once", self.jobs),
            Some(reason) => write!(f, "binaries one after the other: {reason}"),
        }
    }
}

impl Request {
    /// Runs the test binaries one after the other, as cargo does: for tests that share a port, a file or a
    /// database with those of another binary. The key `serial-tests` says so for everyone.
    ///
    /// # Default value
    ///
    /// What the configuration says, else `false`: as many binaries run side by side as there are jobs for their
    /// tests. What they print is told in cargo's order, each binary's whole.
    pub fn serial_tests(self, yes: bool) -> Self {
        self.configured(|layer| layer.serial_tests(yes))
    }
}

/// How the tests of `request` are run, by programs that `emulator` runs.
pub(crate) fn plan(request: &Request, facts: &Facts, emulator: Emulator) -> TestRun {
    let jobs = jobs(request, facts);
    TestRun {
        serial: serial(&request.options, facts, emulator)
            .or_else(|| (jobs == 1).then(|| "there is one job".to_owned())),
        jobs,
        variable: facts.target.runner_variable(),
    }
}

fn jobs(request: &Request, facts: &Facts) -> u32 {
    let shared = || request.cross.budget().map(|it| it.about.jobs);
    let told = || match facts.inside.env.get("CARGO_BUILD_JOBS") {
        Some(EnvValue::Plain(jobs)) => jobs.parse().ok(),
        _ => None,
    };
    let jobs = asked(&request.options.cargo).or_else(shared).or_else(told);
    jobs.unwrap_or_else(ambient::processors).max(1)
}

/// The jobs in cargo's arguments.
fn asked(args: &[String]) -> Option<u32> {
    let mut found = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        found = match arg.as_str() {
            "--jobs" | "-j" => rest.next().and_then(|it| it.parse().ok()),
            _ => arg
                .strip_prefix("--jobs=")
                .or_else(|| arg.strip_prefix("-j"))
                .and_then(|it| it.parse().ok())
                .or(found),
        };
    }
    found
}

/// What keeps the binaries from running side by side.
fn serial(options: &Options, facts: &Facts, emulator: Emulator) -> Option<String> {
    let config = &facts.config;
    let wanted = config.serial_tests.as_ref().filter(|it| it.value);
    if let Some(wanted) = wanted {
        return Some(format!("`serial-tests` is set ({})", wanted.origin));
    }
    let is_threads = |arg: &String| arg.starts_with("--test-threads");
    let because = if options.gdb.is_some() {
        "all wait on one port for the debugger"
    } else if options.stdin {
        "they read the caller's standard input"
    } else if options.trailing.iter().any(is_threads) {
        "`--test-threads` says how many tests run at once"
    } else if facts.inside.env.contains_key(TEST_THREADS) {
        "`RUST_TEST_THREADS` says how many tests run at once"
    } else {
        return runner(facts, emulator).or_else(|| own_runner(options, facts));
    };
    Some(because.to_owned())
}

/// What of the target's runner does: one that nobody here knows may be a device on a cable.
fn runner(facts: &Facts, emulator: Emulator) -> Option<String> {
    let row = facts.target.known();
    let asked = facts.config.runner.as_ref();
    let command = asked.filter(|it| !matches!(&*it.value, "native" | "qemu-user" | "qemu-system"));
    match (emulator, command) {
        (Emulator::Machine, _) => {
            Some("each has a machine of its own, with all processors".to_owned())
        }
        (Emulator::Wine, _) => {
            Some("they share a home of Wine's, which the first one fills".to_owned())
        }
        (Emulator::None, Some(command)) => Some(format!(
            "the runner `{}` may run only one at a time ({})",
            command.value, command.origin
        )),
        _ if row.is_some_and(|it| it.facts().tests == TestSupport::Unproven) => {
            Some("nothing is proven of the target's tests".to_owned())
        }
        _ => None,
    }
}

/// A runner in cargo's own configuration, where no variable of ours comes before it.
fn own_runner(options: &Options, facts: &Facts) -> Option<String> {
    let said = options.cargo.iter().any(|arg| arg.contains("runner"));
    if said {
        return Some("cargo is given a runner as an argument".to_owned());
    }
    if facts
        .inside
        .env
        .contains_key(&facts.target.runner_variable())
    {
        return None;
    }
    let files = cargo_configs(&facts.cargo.dir, &facts.workspace.root);
    let names_one = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|it| it.contains("runner"));
    let file = files.into_iter().find(names_one)?;
    Some(format!("`{}` names a runner", file.display()))
}

/// The files of cargo's configuration that a run sees whole: from `dir` up to the workspace's `root`.
fn cargo_configs(dir: &Path, root: &Path) -> Vec<PathBuf> {
    let dir = if dir.starts_with(root) { dir } else { root };
    let dirs = dir.ancestors().take_while(|it| it.starts_with(root));
    dirs.flat_map(|dir| ["config.toml", "config"].map(|name| dir.join(".cargo").join(name)))
        .collect()
}

/// Whether cargo, called so, stops at the first binary that fails.
pub(super) fn is_fail_fast(command: &[String]) -> bool {
    let words = command.iter().take_while(|word| *word != "--");
    !words.into_iter().any(|word| word == "--no-fail-fast")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn jobs_are_read_as_cargo_reads_them() {
        for (args, expected) in [
            ("--jobs 3 --release", Some(3)),
            ("-j 4", Some(4)),
            ("-j5", Some(5)),
            ("--jobs=6 --jobs 7", Some(7)),
            ("--jobs default", None),
            ("--release", None),
        ] {
            assert_eq!(asked(&words(args)), expected, "{args}");
        }
    }

    #[test]
    fn what_follows_the_dashes_is_not_cargos() {
        assert!(is_fail_fast(&words("cargo test -- --no-fail-fast")));
        assert!(!is_fail_fast(&words("cargo test --no-fail-fast -- a")));
    }

    #[test]
    fn configuration_is_looked_for_from_the_directory_to_the_root() {
        let files = cargo_configs(Path::new("/w/a"), Path::new("/w"));
        let expected = ["/w/a/.cargo/config.toml", "/w/a/.cargo/config"];
        assert_eq!(files[..2], expected.map(PathBuf::from));
        assert_eq!(files.len(), 4);
        assert_eq!(cargo_configs(Path::new("/x"), Path::new("/w")).len(), 2);
    }
}
