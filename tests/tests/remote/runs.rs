//! Programs and benchmarks there: which one ran and how it ended is known, and its reports arrive.

use std::fs;
use std::path::Path;

use cross_core::events::EventKind;
use cross_core::{Cancel, Env, ErrorKind};
use cross_tests::{Project, Recorder, ambient, tool};

use crate::{Case, TARGET};

/// A program that ends as it is told, after half a line.
const MAIN: &str = "fn main() {\n    let how = std::env::args().nth(1).unwrap_or_default();\n    \
    eprint!(\"half a line, \");\n    println!(\"{how}\");\n    \
    if how == \"sleep\" { std::thread::sleep(std::time::Duration::from_secs(60)); }\n    \
    if how == \"abort\" { std::process::abort(); }\n    \
    std::process::exit(how.parse().unwrap_or(0));\n}\n";

/// A benchmark that leaves a report where criterion does, and one that fails.
fn project() -> Project {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [[bench]]\nname = \"fast\"\nharness = false\n[[bench]]\nname = \"slow\"\nharness = false\n";
    let fast = "fn main() {\n    println!(\"fast: 7 ns\");\n    \
        let dir = std::env::var(\"CARGO_TARGET_DIR\").unwrap() + \"/criterion/fast/report\";\n    \
        std::fs::create_dir_all(&dir).unwrap();\n    \
        std::fs::write(dir + \"/index.html\", \"<html>\").unwrap();\n}\n";
    Project::new("app")
        .file("Cargo.toml", manifest)
        .file("src/bin/first.rs", MAIN)
        .file("src/bin/second.rs", MAIN)
        .file("benches/fast.rs", fast)
        .file("benches/slow.rs", "fn main() { std::process::exit(4) }\n")
        .without("src/main.rs")
}

#[test]
fn a_program_and_its_end_are_known() {
    let case = Case::new(project());
    let run = |how: &str| {
        let second = case.cross().run(TARGET).cargo_args(["--bin", "second"]);
        second.capture(true).arg(how).run()
    };
    assert_eq!(run("0").unwrap().stdout.as_deref(), Some("0\n"));
    for (how, code, says) in [
        ("7", Some(7), "exit status 7"),
        ("101", Some(101), "exit status 101"),
        ("abort", Some(134), "`second`"),
    ] {
        let error = run(how).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ProgramFailed, "{error:?}");
        assert_eq!(error.code(), code, "{error:?}");
        let message = error.to_string();
        assert!(message.contains("`second`"), "{message}");
        assert!(message.contains(says), "{message}");
    }
    // What was published is in a cache, of which nothing else is sent.
    let program = case.project.path().join("target").join(TARGET);
    let program = program.join("debug/second").display().to_string();
    let recorder = Recorder::default();
    let cross = recorder.hear(case.cross());
    let error = cross.exec_on_target(TARGET, [&*program, "5"]).run();
    let error = error.unwrap_err();
    assert_eq!(error.code(), Some(5), "{error:?}: {}", recorder.output());
    // Cargo fails with the status of a program that panics, and has started none.
    let error = case.cross().run(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed, "{error:?}");
    assert!(
        error
            .to_string()
            .contains("could not determine which binary"),
        "{error}"
    );
    // What the relay says is not the program's.
    let recorder = Recorder::default();
    let second = recorder.hear(case.cross()).run(TARGET);
    second.cargo_args(["--bin", "second"]).run().unwrap();
    let output = recorder.output();
    assert!(output.contains("half a line, "), "{output}");
    assert!(!output.contains("relay"), "{output}");

    let cancel = Cancel::new();
    let starts =
        |kind: &EventKind| matches!(kind, EventKind::Output { line, .. } if line == "sleep");
    let cross = Recorder::default().hear_and_cancel(case.cross(), &cancel, starts);
    let run = cross.run(TARGET).cargo_args(["--bin", "second"]);
    let error = run.arg("sleep").run_until(&cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    assert_eq!(case.containers(), [""; 0]);
}

#[test]
fn reports_of_benchmarks_arrive_and_the_one_that_failed_is_named() {
    let case = Case::new(project());
    let recorder = Recorder::default();
    let bench = recorder.hear(case.cross()).bench(TARGET);
    let error = bench.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProgramFailed, "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("`slow-") && message.contains("exit status 4"),
        "{message}"
    );
    assert!(recorder.output().contains("fast: 7 ns"));
    let report = case
        .project
        .path()
        .join("target/criterion/fast/report/index.html");
    assert_eq!(fs::read_to_string(report).unwrap(), "<html>");
}

/// Cargo installs plugins beside what it fetches, of which only the crates of `Cargo.lock` are sent.
#[test]
fn nextest_in_the_cargo_home_runs_and_its_report_arrives() {
    let config = "[profile.default.junit]\npath = \"junit.xml\"\n";
    let case = Case::new(
        Project::new("app")
            .file("tests/it.rs", "#[test] fn fails() { panic!() }\n")
            .file(".config/nextest.toml", config),
    );
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("bin")).unwrap();
    let nextest = home.path().join("bin/cargo-nextest");
    fs::copy(tool::on_path("cargo-nextest"), nextest).unwrap();
    let cross = case.cross().cargo_home_dir(home.path());
    let error = cross.nextest(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error:?}");
    assert_eq!(error.tests().unwrap().failures.len(), 1, "{error:?}");
    let junit = case.project.path().join("target/nextest/default/junit.xml");
    assert!(fs::read_to_string(junit).unwrap().contains("<testsuites"));
}

/// Another machine has another kernel, which the daemon of this suite has not.
#[test]
fn a_daemon_with_another_kernel_has_a_result_for_each_test_binary() {
    let case = Case::new(
        Project::new("app")
            .file("tests/a.rs", "#[test] fn a() {}\n")
            .file(
                "tests/ends.rs",
                "#[test] fn b() { std::process::exit(0) }\n",
            ),
    );
    let bin = tempfile::tempdir().unwrap();
    let env = with_another_kernel(&case, bin.path());
    let cross = case.with(env);
    assert!(cross.build(TARGET).plan().unwrap().engine.own_kernel);
    let error = cross.test(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error:?}");
    let tests = error.tests().unwrap();
    let ended = |name: &str| {
        let named = tests.binaries.iter().find(|it| it.name.contains(name));
        named.unwrap().exit.is_some_and(|exit| exit.success())
    };
    assert!(ended("tests/a.rs") && ended("tests/ends.rs"), "{tests:?}");
    // A command line fails as well, and one that needs no results does not.
    let code = |words: &[&str]| {
        let words = [&["test", "--target", TARGET], words].concat();
        cross.cargo(words).run().unwrap().code
    };
    assert_eq!(code(&[]), 101);
    assert_eq!(code(&["--test", "a"]), 0);
    assert_eq!(code(&["--test", "ends", "--", "--list"]), 0);
}

/// The variables of a caller whose client says that its daemon has another kernel.
fn with_another_kernel(case: &Case, bin: &Path) -> Env {
    let docker = tool::on_path("docker");
    let docker = docker.display();
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2\" != 'version --format' ] || {{\n    \
         {docker} \"$@\" | sed 's/|[^|]*\\(|[^|]*\\)$/|6.1.0-far\\1/'\n    exit\n}}\nexec {docker} \"$@\"\n"
    );
    let client = bin.join("docker");
    fs::write(&client, script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&client, executable).unwrap();
    let path = ambient::variable("PATH").unwrap();
    let path = format!("{}:{}", bin.display(), path.to_str().unwrap());
    case.env().set("PATH", path)
}
