//! The calls to an engine for a reused container, and what a plan says about them.

use std::time::Duration;

use cross_core::{Cross, ErrorKind, engine::ContainerReuse};
use cross_tests::fake::Answer;
use cross_tests::{Fakes, Machine, NATIVE, Project};

/// A machine whose docker starts a reused container, and answers `exec` with `exec`.
fn machine(exec: Answer) -> Machine {
    let ready = Answer::Hang {
        stdout: "ready\n".to_owned(),
    };
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker)
        .rule("docker", &["run", "--interactive"], ready)
        .rule("docker", &["run", "--detach"], Answer::says("0123\n"))
        .rule("docker", &["exec"], exec)
}

fn shared() -> ContainerReuse {
    ContainerReuse::across_processes(Duration::from_secs(60))
}

/// Returns the first two words of every docker call since the last time, and forgets the calls.
fn take_calls(machine: &Machine) -> Vec<String> {
    let calls = machine.calls_of("docker");
    machine.forget();
    let words = |call: cross_tests::fake::Call| match call.stdin.as_str() {
        "closed" => "(its standard input ended)".to_owned(),
        _ => call.args[..2].join(" "),
    };
    calls.into_iter().map(words).collect()
}

fn build(cross: &Cross) {
    cross.build(NATIVE).run().unwrap();
}

#[test]
fn a_second_build_calls_the_engine_once() {
    let (machine, project) = (machine(Answer::says("")), Project::new("app"));
    let cross = machine
        .cross(&project)
        .reuse_containers(ContainerReuse::new());
    build(&cross);
    let first = take_calls(&machine);
    assert!(first.contains(&"run --rm".to_owned()), "{first:?}");
    build(&cross);
    assert_eq!(take_calls(&machine), ["exec --interactive"]);
    build(&cross.clone());
    assert_eq!(
        take_calls(&machine),
        ["exec --interactive"],
        "a clone shares the container"
    );
    drop(cross);
    assert_eq!(take_calls(&machine), ["(its standard input ended)"]);
}

#[test]
fn a_later_process_starts_no_container() {
    let (machine, project) = (machine(Answer::says("")), Project::new("app"));
    build(&machine.cross(&project).reuse_containers(shared()));
    take_calls(&machine);
    build(&machine.cross(&project).reuse_containers(shared()));
    let later = take_calls(&machine);
    let only = |word: &String| word.starts_with("exec") || word.starts_with("version");
    assert!(later.iter().all(only), "{later:?}");
    let variable = machine.set("CROSS_REUSE_CONTAINERS", "60");
    build(&variable.cross(&project));
    assert!(
        take_calls(&variable).iter().all(only),
        "the variable has the same effect"
    );
}

#[test]
fn a_lost_container_is_replaced_only_once() {
    let gone = Answer::fails(
        1,
        "Error response from daemon: Container 0123 is not running\n",
    );
    for (reuse, starts) in [(ContainerReuse::new(), 1), (shared(), 1)] {
        let (machine, project) = (machine(gone.clone()), Project::new("app"));
        let cross = machine.cross(&project).reuse_containers(reuse.clone());
        let error = cross.build(NATIVE).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart, "{error}");
        assert!(
            error.to_string().contains("-reused` was started"),
            "{error}"
        );
        assert!(error.help().is_some());
        let count = |calls: &[String]| {
            calls
                .iter()
                .filter(|words| words.starts_with("run"))
                .count()
        };
        assert_eq!(count(&take_calls(&machine)), starts, "{reuse:?}");
    }
}

#[test]
fn an_engine_that_stopped_answering_is_an_error() {
    let silent = Answer::fails(
        1,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    );
    let (machine, project) = (machine(silent), Project::new("app"));
    let cross = machine.cross(&project).reuse_containers(shared());
    let error = cross.build(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
    assert!(error.help().unwrap().contains("daemon"));
}

#[test]
fn a_plan_names_the_reused_container() {
    let project = Project::new("app");
    let machine = machine(Answer::says("")).set("CROSS_REUSE_CONTAINERS", "60");
    let cross = machine.cross(&project);
    let plan = cross.build(NATIVE).plan().unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    let steps = json["steps"].as_array().unwrap();
    let reused: Vec<_> = steps
        .iter()
        .filter(|step| !step["reused_container"].is_null())
        .collect();
    assert_eq!(reused.len(), 1, "{json:#}");
    let container = reused[0]["reused_container"]["container"].as_str().unwrap();
    assert_eq!(reused[0]["reused_container"]["running"], false);
    let text = plan.to_string();
    for part in [
        format!("# in the reused container {container}; if it is not running"),
        format!("docker run --rm --detach --name {container} "),
        format!(" {container} cargo build "),
    ] {
        assert!(text.contains(&part), "{part} in {text}");
    }
    assert!(
        machine
            .calls_of("docker")
            .iter()
            .all(|call| !call.has("run"))
    );
    plan.execute(&cross_core::Cancel::new()).unwrap();
    let calls = machine.calls_of("docker");
    let entered = calls.iter().find(|call| call.has("exec")).unwrap();
    assert!(
        entered.has(container),
        "the plan names the entered container: {entered:?}"
    );
    let text = cross.build(NATIVE).plan().unwrap().to_string();
    assert!(text.contains(&format!(
        "# in the reused container {container}, which is running"
    )));
}

#[test]
fn no_secret_is_on_the_command_line_of_exec() {
    let project = Project::new("app").cross_toml("[build.env]\npassthrough = [\"TOKEN\"]\n");
    let machine = machine(Answer::says("")).set("TOKEN", "hunter2");
    let cross = machine.cross(&project).reuse_containers(shared());
    let plan = cross.build(NATIVE).plan().unwrap();
    plan.execute(&cross_core::Cancel::new()).unwrap();
    let calls = machine.calls_of("docker");
    let exec = calls.iter().find(|call| call.has("exec")).unwrap();
    assert!(
        exec.has("TOKEN") && exec.env.contains(&"TOKEN".to_owned()),
        "a variable is passed by its name"
    );
    let all = calls.iter().map(|call| call.line()).collect::<String>();
    let json = serde_json::to_string(&plan).unwrap();
    for text in [all, json, plan.to_string()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let start = calls.iter().find(|call| call.has("--detach")).unwrap();
    // Docker would set the proxies of its client, unless they are empty.
    let variables = start.args.windows(2).filter(|pair| pair[0] == "--env");
    let is_no_proxy = |text: &str| text.to_lowercase().ends_with("_proxy=");
    let others: Vec<_> = variables.filter(|pair| !is_no_proxy(&pair[1])).collect();
    assert!(
        others.is_empty(),
        "variables belong to each run: {others:?}"
    );
}

#[test]
fn containers_are_not_reused_where_they_cannot_be() {
    let project = Project::new("app");
    let sandbox = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Sandbox);
    let docker = machine(Answer::says("")).set("CROSS_CONTAINER_OPTS", "--env A=1");
    for machine in [
        sandbox,
        docker,
        machine(Answer::says("")).set("CROSS_REUSE_CONTAINERS", "0"),
    ] {
        let cross = machine.cross(&project);
        let off = machine.env().get("CROSS_REUSE_CONTAINERS").is_some();
        let cross = if off {
            cross
        } else {
            cross.reuse_containers(ContainerReuse::new())
        };
        let plan = cross.build(NATIVE).plan().unwrap();
        assert!(
            plan.steps
                .iter()
                .all(|step| step.reused_container.is_none()),
            "{plan}"
        );
    }
}
