//! Tests by wasm-bindgen-test: which program starts them, and what is said where none can, or where
//! it starts other tests only.

use std::fs;

use cross_core::{ErrorKind, Plan, Request, events::EventKind};
use cross_tests::{Answer, Fakes, Machine, Project};

use super::machine;

const TARGET: &str = "wasm32-unknown-unknown";
const PROGRAM: &str = "wasm-bindgen-test-runner";

/// A project that depends on stand-ins for wasm-bindgen and for the crate of its tests.
fn project() -> Project {
    let manifest = |name: &str, version: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n")
    };
    let app = manifest("app", "0.1.0")
        + "[dependencies]\nwasm-bindgen.path = \"../bindgen\"\n\
           [dev-dependencies]\nwasm-bindgen-test.path = \"../tests\"\n";
    let lock = "version = 4\n\n\
                [[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\
                dependencies = [\n \"wasm-bindgen\",\n \"wasm-bindgen-test\",\n]\n\n\
                [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.100\"\n\n\
                [[package]]\nname = \"wasm-bindgen-test\"\nversion = \"0.3.50\"\n";
    Project::new("app")
        .file("Cargo.toml", &app)
        .file("Cargo.lock", lock)
        .file(
            "../bindgen/Cargo.toml",
            &manifest("wasm-bindgen", "0.2.100"),
        )
        .file("../bindgen/src/lib.rs", "")
        .file(
            "../tests/Cargo.toml",
            &manifest("wasm-bindgen-test", "0.3.50"),
        )
        .file("../tests/src/lib.rs", "")
}

/// A machine with the program for this version.
fn with_program(version: &str) -> Machine {
    on_with_program(Fakes::Sandbox, version)
}

fn on_with_program(engine: Fakes, version: &str) -> Machine {
    let says = Answer::says(&format!("{PROGRAM} {version}\n"));
    machine(engine)
        .program(PROGRAM)
        .rule(PROGRAM, &["--version"], says)
}

fn test_on(machine: &Machine, project: &Project) -> Request {
    machine.cross(project).test(TARGET)
}

fn mounts_the_program(plan: &Plan) -> bool {
    plan.to_string().contains(PROGRAM)
}

#[test]
fn the_machines_program_starts_them_under_node() {
    let (machine, project) = (with_program("0.2.100"), project());
    let plan = test_on(&machine, &project).plan().unwrap();
    assert!(mounts_the_program(&plan), "{plan}");
    assert_eq!(plan.warnings, []);
    // Everything of the project is in one environment, which another one's is not.
    let built = machine.cross(&project).build(TARGET).plan().unwrap();
    assert_eq!(built.environment.name, plan.environment.name);
    let other = machine.cross(&Project::new("app")).build(TARGET).plan();
    assert_ne!(other.unwrap().environment.name, plan.environment.name);
}

#[test]
fn without_a_fitting_program_the_command_that_installs_it_is_told() {
    let project = project();
    let install = "cargo install wasm-bindgen-cli --version 0.2.100 --locked";
    for (machine, says) in [
        (machine(Fakes::Sandbox), "is not installed on this machine"),
        (
            with_program("0.2.99"),
            "is for wasm-bindgen 0.2.99, and `Cargo.lock` has 0.2.100",
        ),
    ] {
        let error = test_on(&machine, &project).plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ToolMissing);
        assert!(error.to_string().contains(says), "{error}");
        let help = error.help().unwrap_or_default();
        assert!(help.contains(install), "{help}");
        let line = machine.cross(&project).cargo(["test", "--target", TARGET]);
        assert_eq!(line.plan().unwrap_err().kind(), ErrorKind::ToolMissing);
        // What starts nothing needs no program.
        machine.cross(&project).build(TARGET).plan().unwrap();
        let unrun = ["test", "--no-run", "--target", TARGET];
        machine.cross(&project).cargo(unrun).plan().unwrap();
    }
}

#[test]
fn a_runner_of_the_users_is_kept() {
    let project = project().cross_toml(&format!("[target.{TARGET}]\nrunner = \"my-runner\"\n"));
    let machine = machine(Fakes::Sandbox);
    let plan = test_on(&machine, &project).plan().unwrap();
    assert!(!mounts_the_program(&plan), "{plan}");
}

#[test]
fn an_export_tells_that_the_program_is_not_in_the_archive() {
    let project = project();
    let machine = with_program("0.2.100")
        .program("rustup")
        .rule("rustup", &[], Answer::says(""));
    let cross = project.recorder().hear(machine.cross(&project));
    machine.make_environment(&cross.build(TARGET).plan().unwrap());
    let archive = project.outer().join("offline.tar");
    cross.export([TARGET], archive).run().unwrap();
    let events = project.recorder().events();
    let warned = events.iter().any(|event| match &event.kind {
        EventKind::Warning {
            code,
            message,
            help: Some(help),
            ..
        } => {
            code == "not-exported"
                && message.contains(PROGRAM)
                && help.contains("cargo install wasm-bindgen-cli --version 0.2.100")
        }
        _ => false,
    });
    assert!(warned, "{events:?}");
}

/// A test binary in which `main` gives the test `plain` to libtest.
const BINARY: &[u8] = b"\0asm\x01\0\0\0\
    \x0a\x0e\x02\x09\0\x41\xe8\x07\x41\x01\x10\x01\x0b\x02\0\x0b\
    \x0b\x18\x01\0\x41\xe8\x07\x0b\x11\xec\x03\0\0\xf4\x03\0\0\x05\0\0\0plain\
    \0\x28\x04name\x01\x21\x01\x01\x1e_ZN4test16test_main_static17hE";

/// The runner ends with success where a binary has no tests by wasm-bindgen-test.
#[test]
fn a_run_that_starts_no_test_of_those_that_there_are_is_an_error_and_else_a_warning() {
    let project = project().file("src/lib.rs", "").without("src/main.rs");
    let of_others = "running 1 test\ntest app::other ... ok\n\n\
                     test result: ok. 1 passed; 0 failed; 0 ignored; 0 filtered out\n";
    for (prints, has_run) in [("no tests to run!\n", false), (of_others, true)] {
        let machine = on_with_program(Fakes::Docker, "0.2.100")
            .program("rustup")
            .rule("rustup", &[], Answer::says(""));
        let test = |machine: &Machine| {
            let cross = machine.cross(&project).engine("docker");
            project.recorder().hear(cross).test(TARGET)
        };
        let plan = test(&machine).plan().unwrap();
        let file = "app-0123456789abcdef.wasm";
        let path = plan.target_dir.join(TARGET).join("debug/deps").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, BINARY).unwrap();
        let root = project.path().display();
        let path = path.display();
        let built = serde_json::json!({
            "reason": "compiler-artifact", "fresh": true,
            "package_id": format!("path+file://{root}#app@0.1.0"),
            "manifest_path": format!("{root}/Cargo.toml"),
            "target": {"kind": ["lib"], "crate_types": ["lib"], "name": "app",
                "src_path": format!("{root}/src/lib.rs"), "edition": "2021",
                "doc": true, "doctest": true, "test": true},
            "profile": {"opt_level": "0", "debuginfo": 2, "debug_assertions": true,
                "overflow_checks": true, "test": true},
            "features": [], "filenames": [path.to_string()], "executable": path.to_string(),
        });
        let ran = Answer::Say {
            stdout: prints.to_owned(),
            stderr: format!("     Running unittests src/lib.rs ({path})\n"),
            code: 0,
        };
        let machine = machine.rule("docker", &["run"], ran).rule(
            "docker",
            &["run", "--no-run"],
            Answer::says(&format!("{built}\n")),
        );
        let done = test(&machine).run();
        let said = format!("did not start 1 test of `{file}` with the attribute `#[test]`: plain");
        match has_run {
            false => {
                let error = done.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
                assert!(error.to_string().contains(&said), "{error}");
                assert!(error.help().unwrap().contains("#[wasm_bindgen_test]"));
            }
            true => {
                assert_eq!(done.unwrap().tests.unwrap().passed, 1);
                let events = project.recorder().events();
                let mut warnings = events.iter().filter_map(|event| match &event.kind {
                    EventKind::Warning { message, .. } => Some(message),
                    _ => None,
                });
                assert!(
                    warnings.any(|message| message.contains(&said)),
                    "{events:?}"
                );
            }
        }
    }
}
