//! `setup`: prepares this machine for the other commands. It prints its plan before it acts.

use std::collections::BTreeSet;

use cross_core::{Cancel, Cross, engine::EngineKind};

use crate::cli::{Setup, SetupEngine};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Setup, cancel: &Cancel) -> Result<(), Failure> {
    let plan = Cross::discover()?
        .setup()
        .engines(kinds(&args.engine))
        .test_user(args.test_user)
        .plan()?;
    output::answer(plan.to_string().trim_end());
    if args.dry_run || plan.is_ready() {
        return Ok(());
    }
    plan.apply(cancel, |event| output::answer(event))?;
    output::answer("this machine is ready");
    Ok(())
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
