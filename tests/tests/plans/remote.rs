//! What means another machine if the engine is on one is said, and what cannot be there is refused.

use cross_core::{Plan, plan::Verb};
use cross_tests::{Fakes, Machine, Project};

use crate::{AARCH64, machine, request};

/// A machine whose docker is another machine's, or its own.
fn docker(is_far: bool) -> Machine {
    let machine = machine(Fakes::Docker);
    match is_far {
        true => machine.set("DOCKER_HOST", "tcp://far.example:2375"),
        false => machine,
    }
}

fn remedies(plan: &Plan) -> Vec<String> {
    let warnings = plan.warnings.iter().filter(|it| it.code == "remote");
    warnings
        .map(|it| format!("{} / {}", it.message, it.help.as_deref().unwrap()))
        .collect()
}

#[test]
fn a_debugger_is_told_how_it_reaches_the_program() {
    let project = Project::new("app");
    let plan = |is_far| {
        let machine = docker(is_far);
        let run = request(&machine, &project, Verb::Run, AARCH64);
        run.gdb(4321).plan().unwrap()
    };
    assert!(remedies(&plan(false)).is_empty());
    let remedies = remedies(&plan(true));
    assert_eq!(remedies.len(), 1, "{remedies:?}");
    assert!(
        remedies[0].contains("`ssh -N -L 4321:127.0.0.1:4321 far.example`"),
        "{remedies:?}"
    );
}

#[test]
fn an_option_that_mounts_a_path_of_this_machine_is_named() {
    let project = Project::new("app");
    let here = project.outer().display().to_string();
    for (options, is_far, warnings) in [
        (format!("-v {here}:/data"), true, 1),
        (
            format!("--mount type=bind,source={here},target=/data"),
            true,
            1,
        ),
        (format!("-v {here}:/data"), false, 0),
        (
            "-v /only/there:/data --volume named:/more".to_owned(),
            true,
            0,
        ),
    ] {
        let machine = docker(is_far).set("CROSS_CONTAINER_OPTS", &options);
        let plan = request(&machine, &project, Verb::Build, AARCH64)
            .plan()
            .unwrap();
        let remedies = remedies(&plan);
        assert_eq!(remedies.len(), warnings, "{options}: {remedies:?}");
        assert!(
            remedies
                .iter()
                .all(|it| it.contains("CROSS_CONTAINER_OPTS") && it.contains("volumes"))
        );
    }
}

/// A command that names what was published sees it, and others send nothing of it.
#[test]
fn a_command_sees_what_was_published_if_it_names_it() {
    let published = format!("target/{AARCH64}/debug/app");
    let project = Project::new("app").file(&published, "program");
    let machine = docker(true);
    let dir = project.path().join("target").join(AARCH64);
    let sees = |command: &[&str]| {
        let cross = machine.cross(&project);
        let plan = cross.exec(AARCH64, command.iter().copied()).plan().unwrap();
        plan.mounts().iter().any(|mount| mount.source == dir)
    };
    assert!(sees(&[&published]));
    assert!(sees(&[
        "file",
        project.path().join(&published).to_str().unwrap()
    ]));
    assert!(!sees(&["file", "src/main.rs"]));
}
