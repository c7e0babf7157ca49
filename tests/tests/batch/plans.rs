//! Plans of batches: the steps that all targets share, and what never reaches a build.

use std::collections::BTreeSet;

use cross_core::{
    ErrorKind,
    batch::{BatchPlan, JobSharing},
    plan::Action,
};
use cross_tests::{Fakes, Machine, Project};

use crate::{AARCH64, I686, X86_64};

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

/// A project whose dependency was never fetched.
fn unfetched() -> Project {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [dependencies]\nnowhere = \"1\"\n";
    Project::new("app")
        .without("Cargo.lock")
        .file("Cargo.toml", manifest)
}

fn shared(plan: &BatchPlan) -> Vec<String> {
    let commands = plan.shared.iter().filter_map(|step| step.command.as_ref());
    commands.map(|command| command.args.join(" ")).collect()
}

#[test]
fn crates_are_fetched_once_for_all_targets() {
    let (machine, project) = (machine(Fakes::Sandbox), unfetched());
    let batch = machine.cross(&project).build_many([AARCH64, X86_64, I686]);
    let plan = batch.jobs(2).plan().unwrap();
    let expected = [format!(
        "fetch --target {AARCH64} --target {X86_64} --target {I686}"
    )];
    let sorted = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let shared = shared(&plan);
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert_eq!(sorted(&shared[0]), sorted(&expected[0]));
    assert_eq!(plan.budget.sharing, JobSharing::JobServer);
    for plan in &plan.plans {
        let host = plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Host { .. }));
        assert!(!host, "{plan}");
        let made = plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::MakeEnvironment(_)));
        assert!(made, "each has its environment: {plan}");
    }
    let text = plan.to_string();
    assert!(
        text.starts_with("# 2 jobs for 2 targets at once, shared by a jobserver\n"),
        "{text}"
    );
    assert!(
        text.contains("# once for all: fetch dependencies"),
        "{text}"
    );
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(
        json["schema_version"],
        cross_core::plan::PLAN_SCHEMA_VERSION
    );
}

/// Requests of two verbs share the steps that both need.
#[test]
fn a_toolchain_is_completed_once() {
    let machine = machine(Fakes::Sandbox).program("rustup");
    let project = Project::new("app");
    let cross = machine.cross(&project);
    let requests = [
        cross.clippy(AARCH64),
        cross.clippy(X86_64),
        cross.build("mips-unknown-linux-gnu"),
    ];
    let error = cross.batch(requests).plan().unwrap_err();
    assert!(
        error.to_string().starts_with("mips-unknown-linux-gnu: "),
        "{error}"
    );
    let requests = [
        cross.clippy(AARCH64),
        cross.clippy(X86_64),
        cross.test(AARCH64),
    ];
    let plan = cross.batch(requests).plan().unwrap();
    let shared = shared(&plan);
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert!(shared[0].starts_with("component add clippy"), "{shared:?}");
}

/// The address of a jobserver is valid only on the host.
#[test]
fn a_jobserver_of_the_host_never_reaches_a_build() {
    let mut machine = machine(Fakes::Docker);
    let hosts = ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS", "NUM_JOBS"];
    for name in hosts {
        machine = machine.set(name, "-j --jobserver-auth=fifo:/tmp/GMfifo1");
    }
    let project = unfetched();
    let cross = machine.cross(&project);
    let plan = cross.test_many([AARCH64]).plan().unwrap();
    for step in &plan.shared {
        let command = step.command.as_ref().unwrap();
        let env = command.variables(
            &machine
                .env()
                .iter()
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
        );
        assert!(
            hosts
                .iter()
                .all(|name| !env.contains_key(std::ffi::OsStr::new(name))),
            "{command}"
        );
    }
    for step in &plan.plans[0].steps {
        if let Action::Run { spec, .. } = &step.action {
            assert!(
                hosts.iter().all(|name| !spec.env.contains_key(*name)),
                "{:?}",
                spec.env
            );
            assert_eq!(spec.jobserver, None, "ours is made when it runs");
        }
    }
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("GMfifo1"), "{json}");
}

#[test]
fn a_target_that_cannot_be_planned_stops_the_batch() {
    let (machine, project) = (machine(Fakes::Docker), Project::new("app"));
    let unknown = "x86_64-unknown-linux-gun";
    let batch = machine.cross(&project).build_many([X86_64, unknown]);
    let outcome = batch.run().unwrap();
    let failed: Vec<_> = outcome
        .failures()
        .map(|(target, error)| (target, error.kind()))
        .collect();
    assert_eq!(failed, [(unknown, ErrorKind::UnknownTarget)]);
    assert!(outcome.targets[0].stopped && !outcome.targets[0].begun);
    assert!(
        machine
            .calls_of("docker")
            .iter()
            .all(|call| !call.has("run"))
    );
}
