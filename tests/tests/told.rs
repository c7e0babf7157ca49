//! What a caller is told of a request, end to end. Everything but the container is real.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::thread;
use std::time::Duration;

use cross_core::events::{Event, EventKind};
use cross_core::{Cancel, ErrorKind};
use cross_engine::Lock;
use cross_tests::{Answer, Fakes, Machine, NATIVE, Project, Recorder, wait_until};

fn machine() -> Machine {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker);
    machine.rule("docker", &["run"], Answer::RunHere)
}

#[test]
fn a_warning_of_the_compiler_is_told_once_by_each_request() {
    let machine = machine();
    let code = "fn main() { let idle = 1; }\n#[test]\nfn works() {}\n";
    let project = Project::new("app").file("src/main.rs", code);
    for round in ["first", "repeat"] {
        for verb in ["test", "run"] {
            let recorder = Recorder::default();
            let cross = recorder.hear(machine.cross(&project));
            let outcome = match verb {
                "test" => cross.test(NATIVE).run(),
                _ => cross.run(NATIVE).run(),
            };
            let told = outcome.unwrap().diagnostics;
            assert_eq!(told.len(), 1, "{round} {verb}: {told:?}");
            let output = recorder.output();
            assert!(!output.contains("idle"), "{round} {verb}: {output}");
        }
    }
}

#[test]
fn an_outcome_has_the_warnings_that_a_listener_hears() {
    let machine = machine();
    let toml = "[target.x86_64-unknown-linux-gnuu]\npackages = [\"make\"]\n";
    let project = Project::new("app").cross_toml(toml);
    let recorder = Recorder::default();
    let cross = recorder.hear(machine.cross(&project));
    let heard = |events: Vec<_>| -> Vec<String> {
        let message = |event: Event| match event.kind {
            EventKind::Warning { message, .. } => Some(message),
            _ => None,
        };
        events.into_iter().filter_map(message).collect()
    };
    let outcome = cross.check(NATIVE).run().unwrap();
    let kept: Vec<_> = outcome.warnings.into_iter().map(|it| it.message).collect();
    assert!(kept.iter().any(|text| text.contains("gnuu")), "{kept:?}");
    assert_eq!(kept, heard(recorder.events()));
}

/// A failed command line is an exit code to its caller, and a failure to whoever watches.
#[test]
fn a_failed_command_line_is_told_as_a_failure() {
    let machine = machine();
    let broken = Project::new("app").file("src/main.rs", "fn main() { let _: u8 = \"\"; }\n");
    for (words, target, error) in [
        (
            &["build", "--target", NATIVE][..],
            NATIVE,
            "cargo build failed with exit status 101",
        ),
        // The host's cargo.
        (
            &["pkgid", "absent"],
            "",
            "cargo pkgid failed with exit status 101",
        ),
    ] {
        let recorder = Recorder::default();
        let cross = recorder.hear(machine.cross(&broken));
        let done = cross.cargo(words.iter().copied()).run().unwrap();
        assert_eq!(done.code, 101);
        let mut events = recorder.events().into_iter();
        let ended = events.find_map(|event| match event.kind {
            EventKind::Finished { error, .. } => Some((event.target, error)),
            _ => None,
        });
        assert_eq!(ended, Some((target.to_owned(), Some(error.to_owned()))));
    }
}

/// The program that a probe runs then is none of the caller's.
#[test]
fn a_request_that_is_stopped_while_it_is_planned_says_so() {
    let machine = machine();
    let project = Project::new("app").file("program", "");
    let cross = machine.cross(&project);
    let past = Cancel::new().with_deadline(Duration::ZERO);
    for (request, result) in [
        ("build", cross.build(NATIVE).run_until(&past).map(drop)),
        ("cargo", cross.cargo(["build"]).run_until(&past).map(drop)),
        (
            "cargo on the host",
            cross
                .cargo(["clean", "--release"])
                .run_until(&past)
                .map(drop),
        ),
        (
            "host_tools",
            cross.host_tools(NATIVE).run_until(&past).map(drop),
        ),
        (
            "strip",
            cross.strip(NATIVE, "program").run_until(&past).map(drop),
        ),
        ("lock", cross.lock([NATIVE]).run_until(&past).map(drop)),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{request}: {error}");
        let message = error.to_string();
        assert_eq!(message, "deadline exceeded during planning", "{request}");
    }
}

/// Two of rustup that download the same component at once take each other's file away.
#[test]
fn only_one_process_completes_a_toolchain_at_a_time() {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Sandbox);
    let machine = machine.program("rustup");
    let machine = machine.rule("rustup", &[], Answer::says(""));
    let project = Project::new("app");
    let recorder = Recorder::default();
    let request = recorder.hear(machine.cross(&project)).clippy(NATIVE);
    let is_told = || {
        let mut events = recorder.events().into_iter();
        events.any(|event| {
            matches!(event.kind, EventKind::EnvironmentProgress { message, .. }
                if message.contains("completes a toolchain"))
        })
    };
    let completes = || {
        let calls = machine.calls_of("rustup");
        calls
            .iter()
            .any(|call| call.args.contains(&"add".to_owned()))
    };
    let lock = machine.path("cache/locks/rustup");
    thread::scope(|scope| {
        let other = Lock::acquire(&lock, &Cancel::new(), &mut || {}).unwrap();
        let run = scope.spawn(|| request.run());
        wait_until(Duration::from_secs(60), "the request waits", is_told);
        assert!(!completes());
        drop(other);
        // What follows needs a real toolchain.
        let _ = run.join().unwrap();
    });
    assert!(completes());
}
