//! Tests by wasm-bindgen-test: which program starts them, and what is said where none can.

use cross_core::{ErrorKind, Plan, Request};
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
    let says = Answer::says(&format!("{PROGRAM} {version}\n"));
    machine(Fakes::Sandbox)
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
