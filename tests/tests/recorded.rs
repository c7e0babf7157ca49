//! The calls to an engine, end to end, as a fake engine records them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::ops::ControlFlow;
use std::time::Duration;

use cross_core::{Cancel, Cross, Error, ErrorKind, Plan, Result, events::EventKind};
use cross_engine::process::clock;
use cross_engine::{EngineKind, EnginePreference, Host, RootSource, Variables, select};
use cross_tests::{Answer, Call, Fakes, Machine, NATIVE, Project, Recorder};

const AARCH64: &str = "aarch64-unknown-linux-gnu";

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

/// Returns the calls of `program`, each with its words up to the first option.
fn asked_of(machine: &Machine, program: &str) -> Vec<String> {
    let head = |call: &Call| {
        let words = call.args.iter().take_while(|arg| !arg.starts_with('-'));
        // Without the name of the image.
        words.take(2).cloned().collect::<Vec<_>>().join(" ")
    };
    machine.calls_of(program).iter().map(head).collect()
}

/// Returns the value of an option in a call.
fn option<'a>(call: &'a Call, name: &str) -> &'a str {
    let at = call.args.iter().position(|arg| arg == name).unwrap();
    &call.args[at + 1]
}

fn run_call(machine: &Machine, program: &str) -> Call {
    let mut runs = machine.calls_of(program);
    runs.retain(|call| call.args[0] == "run" && call.stdin != "closed");
    assert_eq!(runs.len(), 1, "`run` exactly once: {runs:#?}");
    runs.remove(0)
}

#[test]
fn a_build_asks_for_version_image_and_one_run() {
    for engine in [Fakes::Docker, Fakes::Podman] {
        let program = engine.name();
        let machine = machine(engine).rule(program, &["run"], Answer::says(""));
        let project = Project::new("app");
        machine.cross(&project).build(AARCH64).run().unwrap();
        let asked = asked_of(&machine, program);
        assert_eq!(asked, ["version", "image inspect", "run"], "{engine:?}");
        let run = run_call(&machine, program);
        assert_eq!(run.stdin, "pipe", "the lifeline");
        assert_eq!(option(&run, "--network"), "none");
        assert_eq!(option(&run, "--pull"), "never");
        assert_eq!(option(&run, "--workdir"), project.path().to_str().unwrap());
        assert!(run.has("--rm") && run.has("--interactive"));
    }
}

#[test]
fn build_test_and_run_work_where_everything_but_the_container_is_real() {
    for engine in [Fakes::Docker, Fakes::Podman] {
        let machine = machine(engine).rule(engine.name(), &["run"], Answer::RunHere);
        let project = Project::in_dir("app", "with space/äpp");
        let recorder = Recorder::default();
        let cross = recorder.hear(machine.cross(&project));

        let built = cross.build(NATIVE).run().unwrap();
        let executables: Vec<_> = built.executables().collect();
        assert_eq!(executables.len(), 1);
        let expected = project.path().join("target").join(NATIVE).join("debug/app");
        assert_eq!(executables[0].path, expected);
        assert!(expected.is_file());

        let tests = cross.test(NATIVE).run().unwrap().tests.unwrap();
        assert_eq!((tests.passed, tests.failed), (1, 0));
        assert_eq!(tests.binaries.len(), 1);

        cross.run(NATIVE).run().unwrap();
        let hello = format!("hello from {}\n", std::env::consts::ARCH);
        assert!(recorder.output().ends_with(&hello), "{}", recorder.output());
        assert!(
            machine
                .calls_of(engine.name())
                .iter()
                .all(|call| !call.has("rm"))
        );
    }
}

#[test]
fn variables_reach_the_client_by_name_and_the_container_by_permission() {
    let machine = machine(Fakes::Docker)
        .set("APP_TOKEN", "s3cret")
        .set("OTHER_TOKEN", "s3cret")
        .rule("docker", &["run"], Answer::says(""));
    let project = Project::new("app").cross_toml("[build.env]\npassthrough = [\"APP_TOKEN\"]\n");
    machine.cross(&project).build(AARCH64).run().unwrap();
    let run = run_call(&machine, "docker");
    assert!(run.has("APP_TOKEN") && !run.has("OTHER_TOKEN"));
    assert!(!run.line().contains("s3cret"));
    assert!(run.env.iter().any(|name| name == "APP_TOKEN"));
}

/// Returns the error of a build whose `run` hangs until `end` stops it.
fn hung_build(machine: &Machine, project: &Project, end: impl Fn(&Cross) -> Result<()>) -> Error {
    let start = clock::now();
    let error = end(&machine.cross(project)).unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    error
}

/// Checks that the lifeline ended the container, and that it was removed once by its name.
fn assert_removed_once(machine: &Machine, program: &str) {
    let run = run_call(machine, program);
    let calls = machine.calls_of(program);
    let closed: Vec<_> = calls.iter().filter(|call| call.stdin == "closed").collect();
    assert_eq!(closed.len(), 1, "standard input was closed: {calls:#?}");
    assert_eq!(closed[0].pid, run.pid);
    let removed: Vec<_> = calls.iter().filter(|call| call.args[0] == "rm").collect();
    assert_eq!(removed.len(), 1, "{calls:#?}");
    assert_eq!(removed[0].args, ["rm", "--force", option(&run, "--name")]);
    assert_eq!(calls.last().unwrap().args[0], "rm", "after everything else");
}

fn hanging(engine: Fakes) -> (Machine, Project) {
    let hang = Answer::Hang {
        stdout: "begun\n".to_owned(),
    };
    let machine = machine(engine).rule(engine.name(), &["run"], hang);
    (machine, Project::new("app"))
}

fn is_begun(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Output { line, .. } if line == "begun")
}

#[test]
fn a_cancelled_run_closes_the_lifeline_and_removes_the_container_once() {
    for engine in [Fakes::Docker, Fakes::Podman] {
        let (machine, project) = hanging(engine);
        let error = hung_build(&machine, &project, |cross| {
            let (cancel, recorder) = (Cancel::new(), Recorder::default());
            let cross = recorder.hear_and_cancel(cross.clone(), &cancel, is_begun);
            cross.build(AARCH64).run_until(&cancel).map(drop)
        });
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_removed_once(&machine, engine.name());
    }
}

#[test]
fn a_deadline_closes_the_lifeline_and_removes_the_container_once() {
    let (machine, project) = hanging(Fakes::Docker);
    let error = hung_build(&machine, &project, |cross| {
        let plan = cross.test(AARCH64).plan()?;
        let cancel = Cancel::new().with_deadline(Duration::from_millis(700));
        plan.execute(&cancel).map(drop)
    });
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert_removed_once(&machine, "docker");
}

#[test]
fn a_listener_that_breaks_closes_the_lifeline_and_removes_the_container_once() {
    let (machine, project) = hanging(Fakes::Docker);
    let error = hung_build(&machine, &project, |cross| {
        let cross = cross
            .clone()
            .try_on_event(|event| match is_begun(&event.kind) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
        cross.build(AARCH64).run().map(drop)
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_removed_once(&machine, "docker");
}

#[test]
fn a_cancellation_before_the_run_starts_nothing() {
    let (machine, project) = hanging(Fakes::Docker);
    let cancel = Cancel::new();
    let plan = machine.cross(&project).build(AARCH64).plan().unwrap();
    cancel.cancel();
    assert_eq!(
        plan.execute(&cancel).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    assert!(!machine.calls().iter().any(|call| call.args[0] == "run"));
}

#[test]
fn a_hanging_engine_can_be_cancelled() {
    let machine =
        machine(Fakes::Nothing)
            .program("docker")
            .rule("docker", &["version"], Answer::Sleep(30));
    let project = Project::new("app");
    let error = hung_build(&machine, &project, |cross| {
        let cancel = Cancel::new().with_deadline(Duration::from_millis(700));
        cross
            .clone()
            .engine("docker")
            .build(AARCH64)
            .plan_until(&cancel)
            .map(drop)
    });
    assert_eq!(error.kind(), ErrorKind::Deadline);
}

#[test]
fn a_failed_start_has_a_reason_and_help() {
    let cases = [
        (
            Fakes::Podman,
            126,
            "Error: OCI runtime error: runc: rlimits: error setting rlimits for ready process: \
             error setting rlimit type 8: operation not permitted\n",
            "default_ulimits",
        ),
        (
            Fakes::Podman,
            126,
            "Error: crun: create `/sys/fs/cgroup/x`: cgroup: Permission denied\n",
            "containers.conf",
        ),
        (
            Fakes::Docker,
            125,
            "docker: Error response from daemon: write /var/lib: no space left on device.\n",
            "free some space",
        ),
        (
            Fakes::Docker,
            125,
            "docker: Error response from daemon: No such image: localhost/cross-core:x.\n",
            "build the environment again",
        ),
    ];
    for (engine, code, words, remedy) in cases {
        let refuse = Answer::fails(code, words);
        let machine = machine(engine).rule(engine.name(), &["run"], refuse);
        let error = machine
            .cross(&Project::new("app"))
            .build(AARCH64)
            .run()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart, "{words}");
        assert!(error.to_string().contains(words.trim()), "{error}");
        assert!(error.help().unwrap().contains(remedy), "{:?}", error.help());
    }
}

#[test]
fn a_sandbox_without_namespaces_is_reported() {
    let words = "bwrap: No permissions to create new namespace, likely because the kernel does \
                 not allow non-privileged user namespaces.\n";
    let machine = machine(Fakes::Sandbox).rule("bwrap", &["--chdir"], Answer::fails(1, words));
    let project = Project::new("app");
    let request = machine.cross(&project).build(AARCH64);
    machine.make_environment(&request.plan().unwrap());
    let error = request.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineCannotStart);
    assert!(error.help().unwrap().contains("user namespaces"));
}

/// A machine whose `docker` command is podman.
fn disguised() -> Machine {
    machine(Fakes::Nothing)
        .program("docker")
        .rule("docker", &["image", "inspect"], Answer::says("sha256:0\n"))
        .rule(
            "docker",
            &["version", "*.Client.Version"],
            Answer::says("4.3.1|linux/amd64|\n"),
        )
        .rule(
            "docker",
            &["version", "*.Components"],
            Answer::fails(125, "Error: template: can't evaluate field Components\n"),
        )
        .rule(
            "docker",
            &["--version"],
            Answer::says("podman version 4.3.1\n"),
        )
}

#[test]
fn a_docker_command_that_is_podman_is_detected() {
    let plan = plan_on(&disguised()).unwrap();
    assert_eq!(plan.engine.kind, EngineKind::Podman);
    assert_eq!(plan.engine.version, "4.3.1");
    assert!(plan.engine.program.ends_with("bin/docker"));
}

fn plan_on(machine: &Machine) -> Result<Plan> {
    machine.cross(&Project::new("app")).build(AARCH64).plan()
}

#[test]
fn a_named_engine_is_never_replaced() {
    let machine = machine(Fakes::Podman).set("CROSS_CONTAINER_ENGINE", "docker");
    let error = plan_on(&machine).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable);
    assert!(error.to_string().contains("docker"), "{error}");
    assert!(error.help().unwrap().contains("docker.io"));
    assert!(machine.calls_of("podman").is_empty(), "nobody asked podman");
}

#[test]
fn an_engine_named_by_a_path_is_recognised_by_its_answer() {
    let machine = machine(Fakes::Nothing)
        .program("my-engine")
        .rule(
            "my-engine",
            &["image", "inspect"],
            Answer::says("sha256:0\n"),
        )
        .rule(
            "my-engine",
            &["version"],
            Answer::says("26.1.5|linux/amd64|Engine rootlesskit\n"),
        )
        .rule(
            "my-engine",
            &["--version"],
            Answer::says("Docker version 26.1.5, build x\n"),
        );
    let program = machine.path("bin/my-engine");
    let machine = machine.set("CROSS_CONTAINER_ENGINE", program.to_str().unwrap());
    let plan = plan_on(&machine).unwrap();
    assert_eq!(plan.engine.kind, EngineKind::Docker);
    assert!(plan.engine.rootless);
    assert_eq!(plan.engine.program, program);
    assert!(
        plan.engine_reason.contains("CROSS_CONTAINER_ENGINE"),
        "{}",
        plan.engine_reason
    );
}

#[test]
fn a_program_that_is_not_an_engine_is_refused() {
    let machine = machine(Fakes::Docker).program("strange").rule(
        "strange",
        &["--version"],
        Answer::says("GNU strange 1.0\n"),
    );
    let strange = machine.path("bin/strange");
    for (named, says) in [
        (strange.to_str().unwrap(), "GNU strange 1.0"),
        ("/no/such/engine", "/no/such/engine"),
        ("no-such-engine", "no-such-engine"),
    ] {
        let project = Project::new("app");
        let cross = machine.cross(&project);
        let env = machine.env().set("CROSS_CONTAINER_ENGINE", named);
        let error = cross.env(env).build(AARCH64).plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{named}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.help().is_some());
    }
    assert!(machine.calls_of("docker").is_empty(), "nobody asked docker");
}

fn host(machine: &Machine) -> Host {
    let variables: Variables = machine
        .env()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Host::new(variables, machine.path("cache"))
}

#[test]
fn auto_takes_the_first_working_engine() {
    let all = machine(Fakes::Sandbox)
        .engine(Fakes::Docker)
        .engine(Fakes::Podman);
    let choose = |machine: &Machine, needs| {
        select(
            &EnginePreference::Auto,
            needs,
            &host(machine),
            &Cancel::new(),
        )
        .unwrap()
    };
    let first = choose(&all, RootSource::Recipe);
    assert_eq!(first.engine.kind, EngineKind::Sandbox);
    assert!(first.passed_over.is_empty());
    assert!(
        all.calls_of("docker").is_empty(),
        "the others are not asked"
    );
    let of_image = choose(&all, RootSource::Image);
    assert_eq!(of_image.engine.kind, EngineKind::Docker);

    let refused = "bwrap: setting up uid map: Permission denied\n";
    let no_daemon = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n";
    let broken = machine(Fakes::Sandbox)
        .engine(Fakes::Docker)
        .engine(Fakes::Podman)
        .rule("bwrap", &["--unshare-pid"], Answer::fails(1, refused))
        .rule(
            "docker",
            &["--version"],
            Answer::says("Docker version 26.1.5\n"),
        )
        .rule("docker", &["version"], Answer::fails(1, no_daemon));
    let last = choose(&broken, RootSource::Recipe);
    assert_eq!(last.engine.kind, EngineKind::Podman);
    let names: Vec<_> = last
        .passed_over
        .iter()
        .map(|report| report.engine.as_str())
        .collect();
    assert_eq!(names, ["sandbox", "docker"]);
    assert!(last.passed_over[0].reason.contains("user namespaces"));
    assert!(last.passed_over[1].reason.contains("daemon"));
    assert!(
        last.passed_over
            .iter()
            .all(|report| report.installed && !report.help.is_empty())
    );
}

#[test]
fn a_docker_client_without_a_daemon_is_not_an_engine() {
    let words = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. \
                 Is the docker daemon running?\n";
    let machine = machine(Fakes::Docker)
        .rule(
            "docker",
            &["--version"],
            Answer::says("Docker version 26.1.5\n"),
        )
        .rule("docker", &["version"], Answer::fails(1, words));
    let error = plan_on(&machine).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEngine);
    assert!(
        error
            .to_string()
            .contains("the docker daemon does not answer"),
        "{error}"
    );
    assert!(error.help().unwrap().contains("start the docker daemon"));
}

#[test]
fn a_docker_daemon_for_windows_containers_is_not_an_engine() {
    let machine = machine(Fakes::Docker)
        .rule(
            "docker",
            &["--version"],
            Answer::says("Docker version 26.1.5\n"),
        )
        .rule(
            "docker",
            &["version"],
            Answer::says("26.1.5|windows/amd64|Engine\n"),
        );
    assert_eq!(plan_on(&machine).unwrap_err().kind(), ErrorKind::NoEngine);
}

#[test]
fn without_an_engine_the_error_names_every_remedy() {
    let error = plan_on(&machine(Fakes::Nothing)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEngine);
    for name in ["sandbox", "docker", "podman"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    for package in ["bubblewrap", "docker.io", "podman"] {
        assert!(error.help().unwrap().contains(package), "{error:?}");
    }
}

/// A machine with an engine and without the environment.
fn without_environment(engine: Fakes) -> Machine {
    let gone = Answer::fails(1, "Error: No such image\n");
    machine(engine).rule(engine.name(), &["image", "inspect"], gone)
}

/// Returns the names in the cache's directory of environments.
fn left(machine: &Machine) -> Vec<String> {
    let Ok(entries) = fs::read_dir(machine.path("cache/environments")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn without_mmdebstrap_an_image_is_built_from_an_empty_context() {
    for engine in [Fakes::Docker, Fakes::Podman] {
        let program = engine.name();
        let machine = without_environment(engine)
            .rule(program, &["run"], Answer::says(""))
            .rule(program, &["build"], Answer::says("built\n"));
        machine
            .cross(&Project::new("app"))
            .build(AARCH64)
            .run()
            .unwrap();
        let asked = asked_of(&machine, program);
        let at = asked.iter().position(|call| call == "build").unwrap();
        // When planned and under the lock; then what was built, and what it is recorded as.
        for calls in [&asked[..at], &asked[at..]] {
            let inspections = calls.iter().filter(|&call| call == "image inspect");
            assert!(inspections.count() <= 2, "{asked:?}");
        }
        assert!(asked[at..].ends_with(&["run".to_owned()]), "{asked:?}");
        let calls = machine.calls_of(program);
        let build = calls.iter().find(|call| call.args[0] == "build").unwrap();
        assert!(option(build, "--label").starts_with("org.cross-core.environment="));
        assert!(left(&machine).is_empty(), "{:?}", left(&machine));
    }
}

#[test]
fn a_failed_making_has_a_reason_and_leaves_nothing() {
    let cases = [
        (
            Fakes::Docker,
            "docker",
            "build",
            "pull access denied for debian\n",
            ErrorKind::Unreachable,
            "install mmdebstrap",
        ),
        (
            Fakes::Sandbox,
            "mmdebstrap",
            "*=",
            "E: Unable to locate package libnope-dev\n",
            ErrorKind::PackageNotFound,
            "packages",
        ),
        (
            Fakes::Sandbox,
            "mmdebstrap",
            "*=",
            "Err:1 http://mirror.invalid bookworm InRelease\n  Temporary failure resolving 'mirror.invalid'\n",
            ErrorKind::Unreachable,
            "proxy",
        ),
    ];
    for (engine, maker, word, words, kind, remedy) in cases {
        let machine = without_environment(engine).program(maker).rule(
            maker,
            &[word],
            Answer::fails(100, words),
        );
        let error = machine
            .cross(&Project::new("app"))
            .build(AARCH64)
            .run()
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.help().unwrap().contains(remedy), "{:?}", error.help());
        assert!(left(&machine).is_empty(), "{:?}", left(&machine));
    }
}

#[test]
fn the_sandbox_without_mmdebstrap_names_it() {
    let machine = without_environment(Fakes::Sandbox);
    let error = machine
        .cross(&Project::new("app"))
        .build(AARCH64)
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing);
    assert!(error.help().unwrap().contains("mmdebstrap"));
    assert!(left(&machine).is_empty());
}

#[test]
fn environments_of_a_container_engine_are_listed_and_removed() {
    let images = "localhost/cross-core:b|1GB|sha256:1\nlocalhost/cross-core:a|2GB|sha256:2\n\
        other:x|3GB|sha256:3\n";
    let machine = machine(Fakes::Docker)
        .rule("docker", &["image", "ls"], Answer::says(images))
        .rule("docker", &["image", "rm"], Answer::says(""));
    let cross = machine.cross(&Project::new("app"));
    let found = cross.environments("docker").unwrap();
    let names = found.iter().map(|found| (&*found.name, &*found.size));
    assert_eq!(names.collect::<Vec<_>>(), [("a", "2GB"), ("b", "1GB")]);
    assert!(cross.remove_environment("docker", "a").unwrap());
    let calls = machine.calls_of("docker");
    assert!(calls.last().unwrap().has("localhost/cross-core:a"));
}
