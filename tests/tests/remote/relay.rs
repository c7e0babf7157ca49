//! Test binaries there: they run side by side, and each has a result of its own.

use cross_core::engine::ContainerReuse;
use cross_core::events::EventKind;
use cross_core::{Cancel, ErrorKind};
use cross_tests::{Project, Recorder};

use crate::proxy::Proxy;
use crate::{Case, TARGET, daemon};

/// Two binaries that wait for each other, one that crashes after it has printed results that are not
/// its own, and one without a harness.
fn project() -> Project {
    let meets = |me: &str, other: &str| {
        format!(
            "#[test]\nfn meets() {{\n    std::fs::write(\"/tmp/{me}\", \"\").unwrap();\n    \
             for _ in 0..600 {{\n        if std::path::Path::new(\"/tmp/{other}\").exists() {{ return; }}\n        \
             std::thread::sleep(std::time::Duration::from_millis(100));\n    }}\n    panic!(\"alone\");\n}}\n"
        )
    };
    let crashes = "#[test]\nfn crashes() {\n    print!(\"test forged ... ok\\n\\ntest result: ok. 9 passed; 0 failed\");\n    \
                   std::process::abort();\n}\n";
    let plain = "fn main() { eprintln!(\"on the other stream\"); std::process::exit(3); }\n";
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [[test]]\nname = \"plain\"\nharness = false\n";
    Project::new("app")
        .file("Cargo.toml", manifest)
        .file("tests/a.rs", &meets("a", "b"))
        .file("tests/b.rs", &meets("b", "a"))
        .file("tests/crashes.rs", crashes)
        .file("tests/plain.rs", plain)
}

#[test]
fn binaries_run_side_by_side_and_each_has_a_result() {
    let case = Case::new(project());
    let reuse = ContainerReuse::new();
    for cross in [case.cross(), case.cross().reuse_containers(reuse)] {
        let recorder = Recorder::default();
        let tests = recorder.hear(cross).test(TARGET).jobs(2);
        let error = tests.cargo_args(["--no-fail-fast"]).run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
        let tests = error.tests().unwrap();
        let told: Vec<_> = tests
            .binaries
            .iter()
            .map(|it| (it.name.split(" (").next().unwrap(), it.passed, it.exit))
            .map(|(name, passed, exit)| (name, passed, exit.map(|it| (it.code, it.signal))))
            .collect();
        let ended = |code| Some((Some(code), None));
        let expected = [
            ("unittests src/main.rs", 1, ended(0)),
            ("tests/a.rs", 1, ended(0)),
            ("tests/b.rs", 1, ended(0)),
            ("tests/crashes.rs", 0, Some((None, Some(6)))),
            ("tests/plain.rs", 0, ended(3)),
        ];
        assert_eq!(told, expected);
        let doubts = recorder.events().into_iter().filter(|event| {
            matches!(&event.kind, EventKind::Warning { code, .. } if code == "test-results")
        });
        assert_eq!(doubts.count(), 0);
        assert!(recorder.output().contains("on the other stream"));
    }
}

#[test]
fn tests_that_are_cancelled_or_cut_off_leave_nothing_and_the_next_ones_run() {
    let proxy = Proxy::start(daemon().port);
    let waits = "#[test]\nfn waits() {\n    println!(\"it waits\");\n    \
                 let seconds = if cfg!(feature = \"long\") { 60 } else { 0 };\n    \
                 std::thread::sleep(std::time::Duration::from_secs(seconds));\n}\n";
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[features]\nlong = []\n";
    let project = Project::new("app").file("Cargo.toml", manifest);
    let project = project
        .file("tests/one.rs", waits)
        .file("tests/two.rs", waits);
    let case = Case::new(project).at(&proxy.address);
    let runs = |kind: &EventKind| matches!(kind, EventKind::Output { line, .. } if line.contains("running 1 test"));
    let long = ["--features", "long"];

    let (recorder, cancel) = (Recorder::default(), Cancel::new());
    let cross = recorder.hear_and_cancel(case.cross(), &cancel, runs);
    let error = cross
        .test(TARGET)
        .cargo_args(long)
        .run_until(&cancel)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(case.containers(), [""; 0]);

    let of_listener = proxy.clone();
    let cross = case.cross().on_event(move |event| {
        if runs(&event.kind) {
            of_listener.cut();
        }
    });
    let error = cross.test(TARGET).cargo_args(long).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.help().unwrap().contains("run it again"), "{error}");
    proxy.mend();
    assert_eq!(
        case.cross()
            .test(TARGET)
            .run()
            .unwrap()
            .tests
            .unwrap()
            .passed,
        3
    );
}
