//! Runners: what starts a target's programs, and what is said where nothing does.

use cross_core::{ErrorKind, Plan, plan::Verb};
use cross_tests::{Fakes, Project};

use super::{machine, request};

const MAC: &str = "aarch64-apple-darwin";

fn not_run(plan: &Plan) -> Option<&str> {
    let mut warnings = plan.warnings.iter();
    let warning = warnings.find(|warning| warning.code == "not-run")?;
    assert!(warning.help.as_ref().unwrap().contains("`runner`"));
    Some(&warning.message)
}

#[test]
fn that_nothing_starts_programs_is_said_before_anything_is_compiled() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    for target in [MAC, "x86_64-unknown-freebsd", "x86_64-pc-windows-msvc"] {
        for verb in [Verb::Test, Verb::Run] {
            let plan = request(&machine, &project, verb, target).plan().unwrap();
            let said = not_run(&plan).unwrap_or_else(|| panic!("{target} {verb:?}"));
            assert!(said.contains(target), "{said}");
        }
        let plan = machine.cross(&project).build(target).plan().unwrap();
        assert_eq!(not_run(&plan), None, "{target}");
    }
    let compiled = machine.cross(&project).test(MAC).cargo_args(["--no-run"]);
    assert_eq!(not_run(&compiled.plan().unwrap()), None);
    let line = ["test", "--target", MAC];
    let cargo = machine.cross(&project).cargo(line).plan().unwrap();
    assert!(serde_json::to_string(&cargo).unwrap().contains("not-run"));
}

#[test]
fn what_starts_programs_leaves_nothing_to_say() {
    let machine = machine(Fakes::Sandbox);
    let own = Project::new("app").file(
        "Cross.toml",
        &format!("[target.{MAC}]\nrunner = \"./over-there.sh\"\n"),
    );
    for (project, target) in [
        (own, MAC),
        (Project::new("app"), "x86_64-pc-windows-gnu"),
        (Project::new("app"), "aarch64-unknown-linux-gnu"),
    ] {
        let plan = machine.cross(&project).test(target).plan().unwrap();
        assert_eq!(not_run(&plan), None, "{target}");
    }
}

#[test]
fn a_runners_name_that_no_recipe_has_is_refused_with_what_is_there() {
    let machine = machine(Fakes::Sandbox);
    for (target, runner, help) in [
        (
            MAC,
            "qemu-system",
            "nothing in its environment runs programs",
        ),
        (MAC, "wasmtime", "nothing in its environment runs programs"),
        ("wasm32-wasip1-threads", "wasmtime", "is the default"),
        ("wasm32-unknown-unknown", "wasmtime", "wasm-bindgen-test"),
        ("wasm32-wasip1", "wasm-bindgen", "is the default"),
    ] {
        let project = Project::new("app").file(
            "Cross.toml",
            &format!("[target.{target}]\nrunner = \"{runner}\"\n"),
        );
        let planned = machine.cross(&project).test(target).plan();
        let error = planned.err().unwrap_or_else(|| panic!("{target} {runner}"));
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        let said = format!("no recipe has the runner `{runner}` for {target}");
        assert!(error.to_string().starts_with(&said), "{error}");
        assert!(error.help().unwrap().contains(help), "{error:?}");
    }
    let project = Project::new("app").file(
        "Cross.toml",
        "[target.wasm32-wasip1]\nrunner = \"wasmtime\"\n",
    );
    machine
        .cross(&project)
        .test("wasm32-wasip1")
        .plan()
        .unwrap();
}
