//! Whether the test binaries of a request run side by side, and where not, why.

use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::EnvValue;
use cross_targets::TestSupport;

use crate::facts::facts::Facts;
use crate::host::process_env;
use crate::model::test_run::{TEST_THREADS, TestRun};
use crate::request::request::{Options, Request};
use crate::target::emulator_crash::EmulatorKind;
use std::ffi::OsString;

/// How the tests of `request` are run, by programs that `emulator` runs.
pub(crate) fn plan(request: &Request, facts: &Facts, emulator: EmulatorKind) -> TestRun {
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
    let told = || match facts.inputs.env.get("CARGO_BUILD_JOBS") {
        Some(EnvValue::Plain(jobs)) => jobs.parse().ok(),
        _ => None,
    };
    let jobs = asked(&request.options.cargo).or_else(shared).or_else(told);
    jobs.unwrap_or_else(process_env::processors).max(1)
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
fn serial(options: &Options, facts: &Facts, emulator: EmulatorKind) -> Option<String> {
    let config = &facts.config;
    let wanted = config.serial_tests.as_ref().filter(|it| it.value);
    if let Some(wanted) = wanted {
        return Some(format!("`serial-tests` is set ({})", wanted.origin));
    }
    let is_threads = |arg: &OsString| arg.to_string_lossy().starts_with("--test-threads");
    let because = if options.gdb.is_some() {
        "all wait on one port for the debugger"
    } else if options.stdin {
        "they read the caller's standard input"
    } else if options.trailing.iter().any(is_threads) {
        "`--test-threads` says how many tests run at once"
    } else if facts.inputs.env.contains_key(TEST_THREADS) {
        "`RUST_TEST_THREADS` says how many tests run at once"
    } else {
        return runner(facts, emulator).or_else(|| own_runner(options, facts));
    };
    Some(because.to_owned())
}

/// What of the target's runner does: one that nobody here knows may be a device on a cable.
fn runner(facts: &Facts, emulator: EmulatorKind) -> Option<String> {
    let row = facts.target.known();
    let asked = facts.config.runner.as_ref();
    let command = asked.filter(|it| !matches!(&*it.value, "native" | "qemu-user" | "qemu-system"));
    match (emulator, command) {
        (EmulatorKind::Machine, _) => {
            Some("each has a machine of its own, with all processors".to_owned())
        }
        (EmulatorKind::Wine, _) => {
            Some("they share a home of Wine's, which the first one fills".to_owned())
        }
        (EmulatorKind::None, Some(command)) => Some(format!(
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
        .inputs
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
pub(crate) fn is_fail_fast(command: &[String]) -> bool {
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
