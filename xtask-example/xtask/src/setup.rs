//! `setup`: prepares this machine for the other commands. It prints its plan before it acts.

use std::collections::BTreeSet;

use cross_core::{Cancel, Cross, engine::EngineKind};

use crate::cargo;
use crate::cli::{Setup, SetupEngine};
use crate::failure::Failure;
use crate::output;

/// The cargo subcommand that a test runs. Optimising it would take longer than what that saves.
const TESTED: &str = "cargo-hack";
const INSTALL: [&str; 5] = ["install", "--quiet", "--locked", "--debug", TESTED];

pub(crate) fn run(args: &Setup, cancel: &Cancel) -> Result<(), Failure> {
    let plan = Cross::discover()?
        .setup()
        .engines(kinds(&args.engine))
        .test_user(args.test_user)
        .plan()?;
    let lacks_tested = args.test_user && !has_tested();
    if !(plan.is_ready() && lacks_tested) {
        output::answer(plan.to_string().trim_end());
    }
    if lacks_tested {
        output::answer(format_args!(
            "a test runs {TESTED}: install it\n   $ {}",
            install_line()
        ));
    }
    if args.dry_run || (plan.is_ready() && !lacks_tested) {
        return Ok(());
    }
    if !plan.is_ready() {
        plan.apply(cancel, |event| output::answer(event))?;
    }
    if lacks_tested {
        install()?;
    }
    output::answer("this machine is ready");
    Ok(())
}

/// Whether cargo has the subcommand.
fn has_tested() -> bool {
    let done = cargo::output(cargo::command().args(["hack", "--version"]));
    done.is_ok_and(|done| done.status.success())
}

fn install() -> Result<(), Failure> {
    let done = cargo::command().args(INSTALL).status();
    let done = done.map_err(cargo::cannot_start)?;
    match done.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("{TESTED} could not be installed"))
            .with_help(format!("run `{}`", install_line()))),
    }
}

fn install_line() -> String {
    format!("cargo {}", INSTALL.join(" "))
}

fn kinds(engines: &[SetupEngine]) -> BTreeSet<EngineKind> {
    let kinds = engines.iter().flat_map(|engine| match engine {
        SetupEngine::All => EngineKind::ALL.to_vec(),
        SetupEngine::Sandbox => vec![EngineKind::Sandbox],
        SetupEngine::Docker => vec![EngineKind::Docker],
        SetupEngine::Podman => vec![EngineKind::Podman],
    });
    kinds.collect()
}
