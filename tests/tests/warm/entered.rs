//! A container is started once and entered from then on, as if each run had its own.

use std::thread;
use std::time::Duration;

use cross_core::{
    Cancel, ErrorKind,
    engine::{ContainerReuse, StartReason},
};
use cross_engine::process::clock;
use cross_tests::{Project, on_engines};

use crate::{Case, SOON, TARGET, said, within};

on_engines! { @ the_second_build_enters_what_the_first_started docker podman }
on_engines! { @ a_run_is_as_in_a_container_of_its_own docker podman }
on_engines! { @ what_a_run_leaves_is_ended_with_it docker podman }
on_engines! { @ what_is_cancelled_is_gone_and_the_container_is_not docker podman }
on_engines! { @ two_threads_share_one docker podman }
on_engines! { @ what_it_depends_on_makes_another_one docker podman }
on_engines! { @ test_binaries_run_side_by_side_in_one docker podman }
on_engines! { @ clients_of_a_job_server_are_entered_too docker }

fn the_second_build_enters_what_the_first_started(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::new());
    cross.build(TARGET).run().unwrap();
    let plan = cross.build(TARGET).plan().unwrap();
    let kept = plan.steps.iter().find_map(|step| step.kept.as_ref());
    assert!(kept.is_some_and(|kept| kept.running), "the plan says so");
    let done = plan.execute(&Cancel::new()).unwrap();
    assert_eq!(done.executables().count(), 1, "artifacts are found as ever");
    let started = case.started();
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(started[0].1, StartReason::First);
    let name = started[0].0.as_str();
    assert_eq!(case.entered(), [name, name]);
    assert_eq!(kept.map(|kept| kept.container.as_str()), Some(name));
    assert!(case.has(name));
    drop((plan, done, cross));
    within(SOON, "it ends with the last that holds it", || {
        !case.has(name)
    });
    case.leftovers.are_none();
}

fn a_run_is_as_in_a_container_of_its_own(engine: &str) {
    let case = Case::new(engine);
    let warm = case.warm(ContainerReuse::new());
    for script in [
        "id; pwd; echo $HOME $PATH $USER; grep -E 'NoNewPrivs|Seccomp|CapEff' /proc/self/status; umask",
        "ls -d /sys/class/net/* | sort; ulimit -n; cat /proc/sys/kernel/hostname | wc -l",
        "env | grep -v -e ^HOSTNAME= -e ^container= -e ^CROSS_WARM_RUN= -e ^_= | sort",
        "awk '{print $5, $6}' /proc/self/mountinfo | grep -v -e cross-warm -e /relays -e ^/proc -e ^/sys -e ^/dev -e '^/ ' -e ^/etc/ -e ^/run | sort",
    ] {
        assert_eq!(said(&warm, script), said(&case.cold, script), "{script}");
    }
    let failed = warm
        .exec(TARGET, ["sh", "-c", "exit 42"])
        .run()
        .unwrap_err();
    assert_eq!(failed.code(), Some(42));
    let failed = warm.exec(TARGET, ["no-such-program"]).run().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ProgramFailed, "{failed}");
    let odd = "a  'b' \"c\" $d `e`\nf";
    let heard = warm
        .exec(TARGET, ["printf", "%s", odd])
        .capture(true)
        .run()
        .unwrap();
    assert_eq!(heard.stdout.unwrap().trim_end(), odd);
    assert_eq!(case.started().len(), 1);
}

fn what_a_run_leaves_is_ended_with_it(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::new());
    let leave =
        "setsid sleep 4711 >/dev/null 2>&1 & setsid env -i sleep 4712 >/dev/null 2>&1 & sleep .2";
    said(&cross, leave);
    let known = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    let left = said(&cross, known);
    assert!(!left.contains("sleep 4711"), "{left}");
    // What hides is found when nobody is at work.
    let start = clock::now();
    while said(&cross, known).contains("sleep 4712 ") {
        assert!(start.elapsed() < SOON, "what hides is ended, too");
        thread::sleep(Duration::from_millis(1500));
    }
    assert_eq!(case.started().len(), 1);
}

fn what_is_cancelled_is_gone_and_the_container_is_not(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::new());
    said(&cross, "true");
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
    let left = said(&cross, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    assert!(!left.contains("sleep 4713 "), "{left}");
    assert_eq!(case.started().len(), 1);
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

fn two_threads_share_one(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::new());
    thread::scope(|scope| {
        for word in ["one", "two"] {
            let cross = &cross;
            scope.spawn(move || assert_eq!(said(cross, &format!("sleep 1; echo {word}")), word));
        }
    });
    assert_eq!(case.started().len(), 1, "{:?}", case.started());
    let entered = case.entered();
    assert_eq!(entered.len(), 2);
    assert_eq!(entered[0], entered[1]);
}

fn what_it_depends_on_makes_another_one(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::new());
    said(&cross, "true");
    let outer = case.project.outer().canonicalize().unwrap().join("more");
    std::fs::create_dir(&outer).unwrap();
    std::fs::write(outer.join("it"), "mounted").unwrap();
    let volume = format!("[build.env]\nvolumes = [\"MORE={}\"]\n", outer.display());
    std::fs::write(case.project.path().join("Cross.toml"), volume).unwrap();
    assert_eq!(said(&cross, "cat $MORE/it"), "mounted");
    // The same path, but another directory: what is mounted of the old one would be a stale answer.
    std::fs::remove_dir_all(&outer).unwrap();
    std::fs::create_dir(&outer).unwrap();
    std::fs::write(outer.join("it"), "again").unwrap();
    assert_eq!(said(&cross, "cat $MORE/it"), "again");
    let started = case.started();
    let why: Vec<_> = started.iter().map(|(_, why)| *why).collect();
    use StartReason::{Changed, First};
    assert_eq!(why, [First, Changed, Changed]);
    within(SOON, "only two of them are kept", || {
        !case.has(&started[0].0)
    });
    assert!(case.has(&started[2].0));
}

/// Cargo and build scripts have the pipe open, which was made after the container.
fn test_binaries_run_side_by_side_in_one(engine: &str) {
    let test = |body: &str| format!("#[test]\nfn it() {{ {body} }}\n");
    // The first that fails is also the first to end: the other has begun, and must not stay.
    let slow = "std::thread::sleep(std::time::Duration::from_secs(3600))";
    let project = Project::new("app")
        .file("tests/a.rs", &test(""))
        .file("tests/b.rs", &test(""));
    let mut case = Case::of(project, engine);
    let cross = case.warm(ContainerReuse::new());
    let tests = |cross: &cross_core::Cross| cross.test(TARGET).jobs(2).run();
    let planned = cross.test(TARGET).jobs(2).plan().unwrap().tests;
    assert_eq!(planned.unwrap().serial, None, "they run side by side");
    for _ in 0..2 {
        let summary = tests(&cross).unwrap().tests.unwrap();
        assert_eq!((summary.passed, summary.failed), (3, 0));
    }
    // One without a network, which compiles, and one with the engine's.
    assert_eq!(case.started().len(), 2, "{:?}", case.started());
    case.project = case
        .project
        .file("tests/a.rs", &test("panic!()"))
        .file("tests/b.rs", &test(slow));
    let error = tests(&cross).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
    let left = said(&cross, "grep -sl deps/[b]- /proc/[0-9]*/cmdline | wc -l");
    assert_eq!(left, "0", "what had begun is gone with the run");
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

fn clients_of_a_job_server_are_entered_too(engine: &str) {
    let script = "fn main() {
        let told = std::env::var(\"CARGO_MAKEFLAGS\").unwrap();
        assert!(told.contains(\"8,8\") || told.contains(\"-j\"), \"{told}\");
        let parent = std::os::unix::process::parent_id();
        let cargo = std::fs::read_link(format!(\"/proc/{parent}/fd/8\")).unwrap();
        println!(\"cargo::warning=cargo has {}\", cargo.display());
    }";
    let case = Case::of(Project::new("app").file("build.rs", script), engine);
    let cross = case.warm(ContainerReuse::new());
    said(&cross, "true");
    let done = cross.build_many([TARGET]).jobs(2).run().unwrap();
    assert!(done.is_success(), "{done:?}");
    let said = case.project.recorder().diagnostics().join("\n") + &case.project.recorder().output();
    assert!(said.contains("cargo has /run/cross-warm/"), "{said}");
}
