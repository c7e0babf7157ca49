//! Containers that are reused on the engine's machine.

use cross_core::engine::{ContainerReuse, StartReason};
use cross_core::events::EventKind;
use cross_core::{Cancel, Cross, ErrorKind};
use cross_tests::{Project, Recorder, wait_until};

use crate::{Case, SOON, TARGET};

/// The reasons of the containers that were started since the last question, and how many were
/// entered.
fn heard(recorder: &Recorder, from: &mut usize) -> (Vec<StartReason>, usize) {
    let events = recorder.events().split_off(*from);
    *from += events.len();
    let started = events.iter().filter_map(|event| match event.kind {
        EventKind::ContainerStarted { why, .. } => Some(why),
        _ => None,
    });
    let entered = |kind: &EventKind| matches!(kind, EventKind::ContainerEntered { .. });
    let entered = events.iter().filter(|event| entered(&event.kind)).count();
    (started.collect(), entered)
}

fn reusing(case: &Case, recorder: &Recorder) -> Cross {
    let reuse = ContainerReuse::new();
    recorder.hear(case.cross()).reuse_containers(reuse)
}

#[test]
fn runs_enter_a_container_that_is_kept_and_see_what_changed() {
    let case = Case::new(Project::new("app").file(
        "src/main.rs",
        "fn main() {}\n#[test] fn reads() { assert_eq!(include_str!(\"../text\"), \"one\"); }\n",
    ));
    case.write("text", "one");
    let (recorder, mut from) = (Recorder::default(), 0);
    let cross = reusing(&case, &recorder);
    assert!(
        cross
            .build(TARGET)
            .plan()
            .unwrap()
            .to_string()
            .contains("a reused container")
    );
    cross.test(TARGET).run().unwrap();
    let (started, entered) = heard(&recorder, &mut from);
    assert!(
        started.contains(&StartReason::First) && entered > 0,
        "{started:?} {entered}"
    );
    case.write("text", "two");
    let error = cross.test(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
    let (started, entered) = heard(&recorder, &mut from);
    assert!(started.is_empty() && entered > 0, "{started:?} {entered}");

    // Behind the library's back, and then by it.
    case.write("text", "one");
    for name in case.volumes() {
        case.daemon.docker(&["volume", "rm", &name]);
        cross.test(TARGET).run().unwrap();
        let (started, _) = heard(&recorder, &mut from);
        assert!(
            !started.is_empty(),
            "{name}: the container has the old volume"
        );
    }
    drop(cross);
    wait_until(SOON, "the container is gone", || {
        case.containers().is_empty()
    });
}

#[test]
fn a_cancelled_run_ends_in_a_kept_container_and_standard_input_has_its_own() {
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)) }";
    let case = Case::new(Project::new("app").file("build.rs", slow));
    let (recorder, cancel) = (Recorder::default(), Cancel::new());
    let reuse = ContainerReuse::new();
    let cross = recorder
        .hear_and_cancel(
            case.cross(),
            &cancel,
            |kind| matches!(kind, EventKind::Output { line, .. } if line.contains("Compiling app")),
        )
        .reuse_containers(reuse);
    let error = cross.build(TARGET).run_until(&cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let ours = case.containers();
    assert!(ours.len() <= 1, "{ours:?}");
    for container in &ours {
        wait_until(SOON, "the build script is gone", || {
            !case
                .daemon
                .docker(&["top", container])
                .contains("build-script")
        });
    }
    case.write("build.rs", "fn main() {}");
    let mut from = recorder.events().len();
    cross.build(TARGET).run().unwrap();
    assert!(heard(&recorder, &mut from).1 > 0);
    cross.run(TARGET).run().unwrap();
    drop(cross);
    wait_until(SOON, "the container is gone", || {
        case.containers().is_empty()
    });
}
