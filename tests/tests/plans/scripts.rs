//! Plans as scripts: what is stripped, and mounts in directories of an environment that is to be made.

use cross_core::object_files::Strip;
use cross_core::plan::{Action, Verb};
use cross_core::{ErrorKind, Plan};
use cross_tests::{Fakes, Project};

use crate::{AARCH64, every_form_has_the_same_steps, machine, plan_with_environment};

fn purposes(plan: &Plan) -> Vec<&str> {
    plan.steps
        .iter()
        .map(|step| step.purpose.as_str())
        .collect()
}

/// What is stripped is published, whoever runs the steps.
#[test]
fn a_plan_strips_what_was_built_before_it_is_published() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        plan_with_environment(&machine, &project, Verb::Build, AARCH64);
        let build = machine.cross(&project).build(AARCH64).release(true);
        let plan = build.strip(Strip::Split).plan().unwrap();
        every_form_has_the_same_steps(&plan);
        let last = &purposes(&plan)[plan.steps.len() - 3..];
        assert_eq!(
            last,
            ["compile", "strip the programs", "publish the artifacts"]
        );
        let Some(Action::Publish { stripped, .. }) = plan.steps.last().map(|step| &step.action)
        else {
            panic!("{:?}", plan.steps.last());
        };
        let stripped = stripped.clone().unwrap();
        assert!(stripped.ends_with("stripped/split/aarch64-unknown-linux-gnu/release"));
        let strip = plan.steps[plan.steps.len() - 2].command.as_ref().unwrap();
        let words = strip.args.iter().rev().take(8).rev();
        let words: Vec<_> = words.map(String::as_str).collect();
        let from = stripped
            .display()
            .to_string()
            .replace("/stripped/split", "");
        assert_eq!(
            words,
            [
                "strip",
                "aarch64-linux-gnu-objcopy",
                "",
                "--strip-all",
                "debug",
                &from,
                &stripped.display().to_string(),
                "app"
            ]
        );
        let text = plan.to_string();
        let published = project.path().join("target").join(AARCH64).join("release");
        let call = format!(
            "publish_dir {} {} app\n",
            stripped.display(),
            published.display()
        );
        assert!(text.contains(&call), "{call} in {text}");
    }
}

#[test]
fn a_target_strips_as_its_platform_has_it() {
    let (machine, project) = (machine(Fakes::Docker), Project::new("app"));
    let cross = machine.cross(&project);
    let planned = |target: &str, strip| cross.build(target).strip(strip).plan();
    for (target, strip, why) in [
        (
            "wasm32-unknown-emscripten",
            Strip::Symbols,
            "more than a module",
        ),
        ("wasm32-wasip1", Strip::Split, "no tool keeps"),
    ] {
        let error = planned(target, strip).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedTarget, "{target}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.help().unwrap().contains("strip = true"), "{error:?}");
    }
    // What nobody runs is not stripped.
    let check = cross.check(AARCH64).strip(Strip::Symbols).plan().unwrap();
    assert!(!purposes(&check).contains(&"strip the programs"));
    let mingw = planned("x86_64-pc-windows-gnu", Strip::Split).unwrap();
    assert!(purposes(&mingw).contains(&"strip the programs"));
}

/// Which entries of `/usr` there will be is not known before there is one.
#[test]
fn a_script_reads_the_directories_of_an_environment_that_it_makes() {
    let machine = machine(Fakes::Sandbox);
    let project =
        Project::new("app").cross_toml("[build.env]\nvolumes = [\"SHARED=/usr/share\"]\n");
    let plan = machine.cross(&project).build(AARCH64).plan().unwrap();
    assert!(!plan.environment.exists);
    every_form_has_the_same_steps(&plan);
    let text = plan.to_string();
    assert_eq!(text.matches("\nlayout() {\n").count(), 1, "{text}");
    let compile = text.split("compile\n").nth(1).unwrap();
    let lines: Vec<_> = compile.lines().collect();
    assert_eq!(lines[0], "layout=$(mktemp)");
    let root = lines[1].split(' ').nth(1).unwrap();
    assert!(root.contains(&plan.environment.name), "{}", lines[1]);
    assert!(lines[1].contains(" /usr/share "), "{}", lines[1]);
    assert_eq!(lines[2], "exec 5<\"$layout\"; rm -f -- \"$layout\"");
    assert!(lines[3].contains(" --tmpfs / --args 5 "), "{}", lines[3]);
    assert!(!text.contains("exit 1\n"), "{text}");
}
