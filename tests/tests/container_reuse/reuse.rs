//! Runs in a reused container: it is started once, and each run behaves as in a new container.

use std::thread;
use std::time::Duration;

use cross_core::{
    Cancel, ErrorKind,
    engine::{ContainerReuse, StartReason},
};
use cross_engine::process::clock;
use cross_tests::{Project, on_engines, wait_until};

use crate::{Case, SOON, TARGET, stdout_of};

on_engines! { @ the_second_build_enters_the_container_of_the_first docker podman }
on_engines! { @ a_reused_container_looks_like_a_new_one docker podman }
on_engines! { @ background_processes_end_with_their_run docker podman }
on_engines! { @ cancelling_a_run_ends_its_processes_and_keeps_the_container docker podman }
on_engines! { @ two_threads_share_a_container docker podman }
on_engines! { @ changed_mounts_start_another_container docker podman }
on_engines! { @ test_binaries_run_in_parallel_in_one_container docker podman }
on_engines! { @ a_batch_with_a_jobserver_reuses_the_container docker }

fn the_second_build_enters_the_container_of_the_first(engine: &str) {
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::new());
    cross.build(TARGET).run().unwrap();
    let plan = cross.build(TARGET).plan().unwrap();
    let reused = plan
        .steps
        .iter()
        .find_map(|step| step.reused_container.as_ref());
    assert!(
        reused.is_some_and(|reused| reused.running),
        "the plan says so"
    );
    let done = plan.execute(&Cancel::new()).unwrap();
    assert_eq!(
        done.executables().count(),
        1,
        "artifacts are found as usual"
    );
    let started = case.started_containers();
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(started[0].1, StartReason::First);
    let name = started[0].0.as_str();
    assert_eq!(case.entered_containers(), [name, name]);
    assert_eq!(reused.map(|reused| reused.container.as_str()), Some(name));
    assert!(case.has_container(name));
    drop((plan, done, cross));
    wait_until(SOON, "the container ends with its last owner", || {
        !case.has_container(name)
    });
    case.leftovers.are_none();
}

fn a_reused_container_looks_like_a_new_one(engine: &str) {
    let case = Case::new(engine);
    let reusing = case.reusing(ContainerReuse::new());
    for script in [
        "id; pwd; echo $HOME $PATH $USER; grep -E 'NoNewPrivs|Seccomp|CapEff' /proc/self/status; umask",
        "ls -d /sys/class/net/* | sort; ulimit -n; cat /proc/sys/kernel/hostname | wc -l",
        "env | grep -v -e ^HOSTNAME= -e ^container= -e ^CROSS_WARM_RUN= -e ^_= | sort",
        "awk '{print $5, $6}' /proc/self/mountinfo | grep -v -e cross-reused -e /relays -e ^/proc -e ^/sys -e ^/dev -e '^/ ' -e ^/etc/ -e ^/run | sort",
    ] {
        assert_eq!(
            stdout_of(&reusing, script),
            stdout_of(&case.fresh, script),
            "{script}"
        );
    }
    let failed = reusing
        .exec(TARGET, ["sh", "-c", "exit 42"])
        .run()
        .unwrap_err();
    assert_eq!(failed.code(), Some(42));
    let failed = reusing.exec(TARGET, ["no-such-program"]).run().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ProgramFailed, "{failed}");
    let odd = "a  'b' \"c\" $d `e`\nf";
    let heard = reusing
        .exec(TARGET, ["printf", "%s", odd])
        .capture(true)
        .run()
        .unwrap();
    assert_eq!(heard.stdout.unwrap().trim_end(), odd);
    assert_eq!(case.started_containers().len(), 1);
}

fn background_processes_end_with_their_run(engine: &str) {
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::new());
    let leave =
        "setsid sleep 4711 >/dev/null 2>&1 & setsid env -i sleep 4712 >/dev/null 2>&1 & sleep .2";
    stdout_of(&cross, leave);
    let processes = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    let left = stdout_of(&cross, processes);
    assert!(!left.contains("sleep 4711"), "{left}");
    // A process that cleared its variables is found when the container is idle.
    // Looking is a run, too: leave the container idle in between.
    let start = clock::now();
    while stdout_of(&cross, processes).contains("sleep 4712 ") {
        assert!(start.elapsed() < SOON, "hidden processes end, too");
        thread::sleep(Duration::from_millis(1500));
    }
    assert_eq!(case.started_containers().len(), 1);
}

fn cancelling_a_run_ends_its_processes_and_keeps_the_container(engine: &str) {
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::new());
    stdout_of(&cross, "true");
    let soon = Cancel::new().with_deadline(Duration::from_millis(1500));
    let endless = "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM; sleep 4713; sleep 1\" & sleep 4713; sleep 4713";
    let start = clock::now();
    let error = cross
        .exec(TARGET, ["sh", "-c", endless])
        .run_until(&soon)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
    let left = stdout_of(&cross, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(!left.contains("sleep 4713 "), "{left}");
    assert_eq!(case.started_containers().len(), 1);
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

fn two_threads_share_a_container(engine: &str) {
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::new());
    thread::scope(|scope| {
        for word in ["one", "two"] {
            let cross = &cross;
            scope.spawn(move || {
                assert_eq!(stdout_of(cross, &format!("sleep 1; echo {word}")), word)
            });
        }
    });
    assert_eq!(
        case.started_containers().len(),
        1,
        "{:?}",
        case.started_containers()
    );
    let entered = case.entered_containers();
    assert_eq!(entered.len(), 2);
    assert_eq!(entered[0], entered[1]);
}

fn changed_mounts_start_another_container(engine: &str) {
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::new());
    stdout_of(&cross, "true");
    let outer = case.project.outer().canonicalize().unwrap().join("more");
    std::fs::create_dir(&outer).unwrap();
    std::fs::write(outer.join("it"), "mounted").unwrap();
    let volume = format!("[build.env]\nvolumes = [\"MORE={}\"]\n", outer.display());
    std::fs::write(case.project.path().join("Cross.toml"), volume).unwrap();
    assert_eq!(stdout_of(&cross, "cat $MORE/it"), "mounted");
    // The same path, but another directory: a mount of the old one would show stale content.
    std::fs::remove_dir_all(&outer).unwrap();
    std::fs::create_dir(&outer).unwrap();
    std::fs::write(outer.join("it"), "again").unwrap();
    assert_eq!(stdout_of(&cross, "cat $MORE/it"), "again");
    let started = case.started_containers();
    let why: Vec<_> = started.iter().map(|(_, why)| *why).collect();
    use StartReason::{Changed, First};
    assert_eq!(why, [First, Changed, Changed]);
    wait_until(SOON, "only two containers are kept", || {
        !case.has_container(&started[0].0)
    });
    assert!(case.has_container(&started[2].0));
}

fn test_binaries_run_in_parallel_in_one_container(engine: &str) {
    let test = |body: &str| format!("#[test]\nfn it() {{ {body} }}\n");
    // The failing binary ends first. The slow one has started by then, and must not stay.
    let slow = "std::thread::sleep(std::time::Duration::from_secs(3600))";
    let project = Project::new("app")
        .file("tests/a.rs", &test(""))
        .file("tests/b.rs", &test(""));
    let mut case = Case::of(project, engine);
    let cross = case.reusing(ContainerReuse::new());
    let tests = |cross: &cross_core::Cross| cross.test(TARGET).jobs(2).run();
    let planned = cross.test(TARGET).jobs(2).plan().unwrap().tests;
    assert_eq!(
        planned.unwrap().serial,
        None,
        "test binaries run in parallel"
    );
    for _ in 0..2 {
        let summary = tests(&cross).unwrap().tests.unwrap();
        assert_eq!((summary.passed, summary.failed), (3, 0));
    }
    // Neither compiling nor running has a network.
    assert_eq!(
        case.started_containers().len(),
        1,
        "{:?}",
        case.started_containers()
    );
    case.project = case
        .project
        .file("tests/a.rs", &test("panic!()"))
        .file("tests/b.rs", &test(slow));
    let error = tests(&cross).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
    let left = stdout_of(&cross, "grep -sl deps/[b]- /proc/[0-9]*/cmdline | wc -l");
    assert_eq!(left, "0", "the started test binary ends with the run");
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

/// Cargo and its build scripts open the jobserver's pipe, which is newer than the container.
fn a_batch_with_a_jobserver_reuses_the_container(engine: &str) {
    let script = "fn main() {
        let told = std::env::var(\"CARGO_MAKEFLAGS\").unwrap();
        assert!(told.contains(\"8,8\") || told.contains(\"-j\"), \"{told}\");
        let parent = std::os::unix::process::parent_id();
        let cargo = std::fs::read_link(format!(\"/proc/{parent}/fd/8\")).unwrap();
        println!(\"cargo::warning=cargo has {}\", cargo.display());
    }";
    let case = Case::of(Project::new("app").file("build.rs", script), engine);
    let cross = case.reusing(ContainerReuse::new());
    stdout_of(&cross, "true");
    let done = cross.build_many([TARGET]).jobs(2).run().unwrap();
    assert!(done.is_success(), "{done:?}");
    let said = case.project.recorder().diagnostics().join("\n") + &case.project.recorder().output();
    assert!(said.contains("cargo has /run/cross-reused/"), "{said}");
}
