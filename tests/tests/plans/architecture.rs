//! A daemon of another architecture: nothing in a recipe's environment is emulated there but the
//! target's programs.

use std::fs;

use cross_core::{Plan, plan::Verb};
use cross_tests::{Answer, Fakes, Machine, Project, check};

use crate::{AARCH64, machine, redactor, request};

const ARM: &str = "26.1.5|linux/arm64|Engine containerd runc docker-init \n";
const OF_ARM: &str = "stable-aarch64-unknown-linux-gnu";
const X86: &str = "x86_64-unknown-linux-gnu";

/// A machine whose docker is a 64-bit ARM machine far away.
fn far_machine() -> Machine {
    machine(Fakes::Docker)
        .rule("docker", &["version", "--format"], Answer::says(ARM))
        .set("DOCKER_HOST", "tcp://far.example:2375")
        .toolchain(OF_ARM, "1.85.0")
}

fn plan(machine: &Machine, project: &Project, target: &str) -> Plan {
    request(machine, project, Verb::Test, target)
        .plan()
        .unwrap()
}

#[test]
fn the_native_architecture_of_an_environment_is_the_engines() {
    let (machine, project) = (far_machine(), Project::new("app"));
    let redactor = redactor(&machine, &project);
    let mut text = String::new();
    for target in [AARCH64, X86] {
        let plan = plan(&machine, &project, target);
        let mut redactor = redactor.clone();
        for tree in &plan.remote.as_ref().unwrap().transfer.trees {
            let name = format!("{}-VOLUME", tree.kind.name());
            redactor = redactor.text(&tree.volume, &name);
        }
        let shown = plan.to_string();
        let (head, _) = shown.split_once("\n(set -e").unwrap();
        text += &redactor.apply(head);
        let sysroot = plan.toolchain.sysroot().unwrap();
        assert!(sysroot.ends_with(OF_ARM), "{}", sysroot.display());
        // The script that starts the target's programs.
        let is_emulated = serde_json::to_string(&plan)
            .unwrap()
            .contains("qemu-x86_64");
        assert_eq!(is_emulated, target == X86, "{plan}");
    }
    check("plans/docker-of-arm64", &text);
}

#[test]
fn an_environment_for_another_architecture_is_made_on_the_engines_machine() {
    let missing = Answer::fails(1, "Error: No such image\n");
    let machine =
        far_machine()
            .program("mmdebstrap")
            .rule("docker", &["image", "inspect"], missing);
    let plan = plan(&machine, &Project::new("app"), AARCH64);
    let making = plan.steps[0].command.as_ref().unwrap().to_string();
    assert!(making.contains("docker build"), "{making}");
    let fetch = plan
        .steps
        .iter()
        .find(|step| step.purpose == "fetch dependencies");
    let fetch = fetch.unwrap().command.as_ref().unwrap().to_string();
    assert_eq!(
        fetch.matches(AARCH64).count(),
        2,
        "both are the same: {fetch}"
    );
}

#[test]
fn a_missing_toolchain_of_the_engines_architecture_is_installed() {
    let machine = machine(Fakes::Docker).program("rustup").rule(
        "docker",
        &["version", "--format"],
        Answer::says(ARM),
    );
    let plan = plan(&machine, &Project::new("app"), AARCH64);
    assert!(plan.to_string().contains(OF_ARM), "{plan}");
}

/// What dpkg lists in the images of the fake docker.
const LIST: &str = "\ninstalled\thello\t2.10-3\tamd64\thello\t2.10-3\n";

#[test]
fn a_lock_has_an_entry_for_the_architecture_of_the_engine() {
    let listing = |machine: Machine| machine.rule("docker", &["run"], Answer::says(LIST));
    let (near, far) = (listing(machine(Fakes::Docker)), listing(far_machine()));
    let project = Project::new("app");
    let lock = |machine: &Machine| {
        let mut done = machine.cross(&project).lock([AARCH64]).run().unwrap();
        done.targets.remove(0)
    };
    let plan = |machine: &Machine| plan(machine, &project, AARCH64);
    let of_near = lock(&near);
    // What another machine locked is not taken for the engine's.
    let warnings = plan(&far).warnings;
    let not_locked = warnings.iter().find(|it| it.code == "not-locked").unwrap();
    let which = "does not have `aarch64-unknown-linux-gnu` (on arm64)";
    assert!(not_locked.message.contains(which), "{not_locked:?}");

    let of_far = lock(&far);
    assert!(of_near.is_new && of_far.is_new);
    for (machine, locked) in [(&near, of_near), (&far, of_far)] {
        let plan = plan(machine);
        assert!(plan.environment.name.ends_with(&locked.sha256[..12]));
        assert!(plan.warnings.iter().all(|it| it.code != "not-locked"));
        assert!(!lock(machine).is_new, "locked again, nothing changes");
    }
    let text = fs::read_to_string(project.path().join("Cross.lock")).unwrap();
    for architecture in ["amd64", "arm64"] {
        let line = format!("\narchitecture = \"{architecture}\"\nrecipe");
        assert_eq!(text.matches(&line).count(), 1, "{text}");
    }
}
