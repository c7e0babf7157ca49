//! `hosts`: checks and lints the library for every host that it promises to compile on.
//!
//! Nothing is linked, so a host needs no more than its standard library, which rustup has. With
//! `--test`, the library tests itself for those hosts whose programs it can start: it is its
//! own first user. With `--prove`, a 64-bit ARM host in QEMU proves rows.

mod arm64;

use std::path::Path;
use std::process::Command;

use cross_core::Cancel;

use crate::cli::{self, Choice, Format};
use crate::commands;
use crate::failure::Failure;
use crate::matrix;
use crate::output;
use crate::progress::Progress;

/// The hosts beside the one that this is.
const HOSTS: [&str; 6] = [
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
    "x86_64-pc-windows-gnu",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-freebsd",
];

/// The hosts whose programs an emulator starts: QEMU's, and Wine.
const EMULATED: [&str; 2] = ["aarch64-unknown-linux-gnu", "x86_64-pc-windows-gnu"];

/// The libraries.
const LIBRARIES: [&str; 4] = [
    "cross-targets",
    "cross-config",
    "cross-engine",
    "cross-core",
];

/// The unit tests that cannot run in an environment, whose kernel interface is the sandbox's
/// already and which has no git: one starts a sandbox, one makes a set-user-ID program, and one
/// makes a repository.
const OUTSIDE_ONLY: [&str; 3] = [
    "a_checkout_has_the_time_of_its_commit_and_tells_changes",
    "the_kernel_takes_the_program_and_obeys_it",
    "what_is_published_is_a_copy_that_has_its_time_and_who_may_start_it",
];

/// What cargo is told before the libraries and the host.
const LINT: [&str; 5] = ["clippy", "--quiet", "--locked", "--lib", "--all-features"];

pub(crate) fn run(args: &cli::Hosts, cancel: &Cancel) -> Result<(), Failure> {
    if let Some(rows) = &args.prove {
        return arm64::prove(rows, cancel);
    }
    let all: &[&str] = if args.test { &EMULATED } else { &HOSTS };
    let hosts = match args.rotating {
        false => all.to_vec(),
        true => turn(all, matrix::day()),
    };
    match args.test {
        true => run_tests(&hosts, cancel),
        false => {
            let root = commands::cross(&Choice::default())?.project()?.root;
            check(&root, &hosts, cancel)
        }
    }
}

/// Every second of the hosts, from the first one or from the second.
fn turn<'a>(all: &[&'a str], day: u64) -> Vec<&'a str> {
    let first = usize::from(day % 2 == 1);
    all.iter().skip(first).step_by(2).copied().collect()
}

/// Runs the unit tests in the environments of `hosts`, with the toolchain that rustup has here.
fn run_tests(hosts: &[&str], cancel: &Cancel) -> Result<(), Failure> {
    let cross = commands::cross(&Choice::default())?;
    let progress = Progress::new(&cross, Format::Human).keep_output();
    let cross = progress.watch(&cross);
    for host in hosts {
        let request = cross.test(*host).lib(true).all_features(true).locked(true);
        let request = LIBRARIES
            .into_iter()
            .fold(request, |request, name| request.package(name));
        let skipped = OUTSIDE_ONLY.iter().flat_map(|name| ["--skip", name]);
        // Nobody debugs these programs, and linking takes a fraction of the time.
        let request = request.args(skipped).config("profile.dev.debug=false");
        let outcome = request.toolchain("host").run_until(cancel)?;
        let tests = outcome.tests.unwrap_or_default();
        let ran = tests.binaries.iter().filter(|binary| binary.passed > 0);
        if ran.count() != LIBRARIES.len() {
            let names: Vec<_> = tests.binaries.iter().map(|binary| &binary.name).collect();
            let why = format!("{host}: not every library has tests that ran: {names:?}");
            return Err(Failure::new(why));
        }
        output::answer(format!("{host}: {} unit tests passed", tests.passed));
    }
    Ok(())
}

fn check(root: &Path, hosts: &[&str], cancel: &Cancel) -> Result<(), Failure> {
    let mut rustup = Command::new("rustup");
    rustup.args(["--quiet", "target", "add"]).args(hosts);
    succeed(root, rustup)?;
    for &host in hosts {
        cancel.check().map_err(|_| Failure::new("stopped"))?;
        let mut cargo = Command::new("cargo");
        cargo.args(LINT);
        for library in LIBRARIES {
            cargo.args(["--package", library]);
        }
        if EMULATED.contains(&host) {
            cargo.arg("--tests");
        }
        cargo.args(["--target", host, "--", "-D", "warnings"]);
        succeed(root, cargo)?;
        output::answer(format!("{host}: checked and linted"));
    }
    Ok(())
}

/// Runs `command`, whose output goes to the terminal.
fn succeed(root: &Path, mut command: Command) -> Result<(), Failure> {
    let status = command.current_dir(root).status();
    let failed = |why: String| Failure::new(format!("`{command:?}`: {why}"));
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_have_every_host() {
        for all in [&HOSTS[..], &EMULATED[..]] {
            let mut hosts = [turn(all, 20), turn(all, 21)].concat();
            hosts.sort_unstable();
            let mut expected = all.to_vec();
            expected.sort_unstable();
            assert_eq!(hosts, expected);
        }
        let systems = |day| {
            turn(&HOSTS, day)
                .into_iter()
                .map(|host| host.split('-').nth(2))
        };
        let windows = systems(1).filter(|system| *system == Some("windows"));
        assert_eq!(windows.count(), 1, "each system has its half");
    }
}
