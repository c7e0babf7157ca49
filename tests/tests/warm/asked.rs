//! What is asked of an engine, and what a plan says of it.

use std::time::Duration;

use cross_core::{ContainerReuse, Cross, ErrorKind};
use cross_tests::fake::Answer;
use cross_tests::{Fakes, Machine, NATIVE, Project};

/// A machine whose docker starts what is kept, and whose `exec` answers so.
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

/// The first two words of every question to docker since the last time.
fn asked(machine: &Machine) -> Vec<String> {
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
fn a_warm_build_asks_the_engine_once() {
    let (machine, project) = (machine(Answer::says("")), Project::new("app"));
    let cross = machine.cross(&project).keep_warm(ContainerReuse::new());
    build(&cross);
    let first = asked(&machine);
    assert!(first.contains(&"run --rm".to_owned()), "{first:?}");
    build(&cross);
    assert_eq!(asked(&machine), ["exec --interactive"]);
    build(&cross.clone());
    assert_eq!(
        asked(&machine),
        ["exec --interactive"],
        "a clone is the same"
    );
    drop(cross);
    assert_eq!(asked(&machine), ["(its standard input ended)"]);
}

#[test]
fn a_later_process_starts_nothing() {
    let (machine, project) = (machine(Answer::says("")), Project::new("app"));
    build(&machine.cross(&project).keep_warm(shared()));
    asked(&machine);
    build(&machine.cross(&project).keep_warm(shared()));
    let later = asked(&machine);
    let only = |word: &String| word.starts_with("exec") || word.starts_with("version");
    assert!(later.iter().all(only), "{later:?}");
    let variable = machine.set("CROSS_KEEP_WARM", "60");
    build(&variable.cross(&project));
    assert!(
        asked(&variable).iter().all(only),
        "the variable says the same"
    );
}

#[test]
fn it_is_started_again_once_and_no_more() {
    let gone = Answer::fails(
        1,
        "Error response from daemon: Container 0123 is not running\n",
    );
    for (warm, starts) in [(ContainerReuse::new(), 1), (shared(), 1)] {
        let (machine, project) = (machine(gone.clone()), Project::new("app"));
        let cross = machine.cross(&project).keep_warm(warm.clone());
        let error = cross.build(NATIVE).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart, "{error}");
        assert!(error.to_string().contains("-warm` was started"), "{error}");
        assert!(error.help().is_some());
        let count = |asked: &[String]| asked.iter().filter(|it| it.starts_with("run")).count();
        assert_eq!(count(&asked(&machine)), starts, "{warm:?}");
    }
}

#[test]
fn an_engine_that_answers_no_more_is_an_error_of_its_own() {
    let silent = Answer::fails(
        1,
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
    );
    let (machine, project) = (machine(silent), Project::new("app"));
    let cross = machine.cross(&project).keep_warm(shared());
    let error = cross.build(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
    assert!(error.help().unwrap().contains("daemon"));
}

#[test]
fn a_plan_says_which_container_is_entered() {
    let project = Project::new("app");
    let machine = machine(Answer::says("")).set("CROSS_KEEP_WARM", "60");
    let cross = machine.cross(&project);
    let plan = cross.build(NATIVE).plan().unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    let steps = json["steps"].as_array().unwrap();
    let kept: Vec<_> = steps
        .iter()
        .filter(|step| !step["kept"].is_null())
        .collect();
    assert_eq!(kept.len(), 1, "{json:#}");
    let container = kept[0]["kept"]["container"].as_str().unwrap();
    assert_eq!(kept[0]["kept"]["running"], false);
    let text = plan.to_string();
    for part in [
        format!("# in the container {container}, which is kept; unless it runs"),
        format!("docker run --rm --detach --name {container} "),
        format!(" {container} sh -c "),
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
    assert!(entered.has(container), "the plan did not lie: {entered:?}");
    let text = cross.build(NATIVE).plan().unwrap().to_string();
    assert!(text.contains(&format!(
        "# in the container {container}, which is kept and runs"
    )));
}

#[test]
fn no_secret_is_in_the_words_of_an_exec() {
    let project = Project::new("app").cross_toml("[build.env]\npassthrough = [\"TOKEN\"]\n");
    let machine = machine(Answer::says("")).set("TOKEN", "hunter2");
    let cross = machine.cross(&project).keep_warm(shared());
    let plan = cross.build(NATIVE).plan().unwrap();
    plan.execute(&cross_core::Cancel::new()).unwrap();
    let calls = machine.calls_of("docker");
    let exec = calls.iter().find(|call| call.has("exec")).unwrap();
    assert!(
        exec.has("TOKEN") && exec.env.contains(&"TOKEN".to_owned()),
        "by its name"
    );
    let all = calls.iter().map(|call| call.line()).collect::<String>();
    let json = serde_json::to_string(&plan).unwrap();
    for text in [all, json, plan.to_string()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let start = calls.iter().find(|call| call.has("--detach")).unwrap();
    assert!(
        !start.has("--env"),
        "variables come with each run: {start:?}"
    );
}

#[test]
fn nothing_is_kept_where_nothing_can_be() {
    let project = Project::new("app");
    let sandbox = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Sandbox);
    let docker = machine(Answer::says("")).set("CROSS_CONTAINER_OPTS", "--env A=1");
    for machine in [
        sandbox,
        docker,
        machine(Answer::says("")).set("CROSS_KEEP_WARM", "0"),
    ] {
        let cross = machine.cross(&project);
        let off = machine.env().get("CROSS_KEEP_WARM").is_some();
        let cross = if off {
            cross
        } else {
            cross.keep_warm(ContainerReuse::new())
        };
        let plan = cross.build(NATIVE).plan().unwrap();
        assert!(
            plan.steps().iter().all(|step| step.kept.is_none()),
            "{plan}"
        );
    }
}
