//! The options of a request reach cargo under cargo's names.

use clap::Parser as _;
use cross_core::cargo_cli::{CargoPart, CargoRequest};
use cross_core::{Cross, Request};
use cross_tests::{Answer, Fakes, Machine, Project};

use crate::{NATIVE, machine};

/// Returns the arguments of cargo for the options, after its target.
fn given(options: impl FnOnce(Request) -> Request) -> String {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker).rule(
        "docker",
        &["run"],
        Answer::says(""),
    );
    let project = Project::new("app");
    let request = options(machine.cross(&project).build(NATIVE));
    let plan = request.plan().unwrap();
    let command = plan.commands().last().unwrap();
    let target = command.args.iter().position(|arg| arg == NATIVE).unwrap();
    let args = &command.args[target + 1..command.args.len() - 1];
    args.join(" ")
}

#[test]
fn every_selection_reaches_cargo() {
    let all = given(|request| {
        request
            .package("a")
            .package("b")
            .workspace(true)
            .exclude("c")
            .lib(true)
            .bin("d")
            .bins(true)
            .example("e")
            .examples(true)
            .test_target("f")
            .tests(true)
            .bench_target("g")
            .benches(true)
            .all_targets(true)
    });
    assert_eq!(
        all,
        "--locked --package a --package b --workspace --exclude c --lib --bin d --bins --example e \
         --examples --test f --tests --bench g --benches --all-targets"
    );
}

#[test]
fn features_profiles_and_options_reach_cargo() {
    let all = given(|request| {
        request
            .features(["a", "b/c"])
            .all_features(true)
            .no_default_features(true)
            .profile("dist")
            .config("profile.dist.lto=\"thin\"")
            .jobs(3)
            .cargo_args(["--timings"])
    });
    assert_eq!(
        all,
        "--locked --features a,b/c --all-features --no-default-features --profile dist \
         --config profile.dist.lto=\"thin\" --jobs 3 --timings"
    );
    assert_eq!(given(|request| request.release(true)), "--locked --release");
    assert_eq!(given(|request| request.frozen(true)), "--locked");
}

/// Flags for the target apply to its code, and not to its build script.
#[test]
fn rustflags_apply_only_to_the_target() {
    let marked = "fn main() { for (name, is) in [(\"ours\", cfg!(ours)), (\"theirs\", cfg!(theirs))] {\n\
                  println!(\"{name}={is}\"); } }\n";
    let project = Project::new("app")
        .file("src/main.rs", marked)
        .file(
            "build.rs",
            "fn main() { assert!(!cfg!(ours), \"a build script runs elsewhere\"); }\n",
        )
        .file(
            ".cargo/config.toml",
            &format!("[target.{NATIVE}]\nrustflags = [\"--cfg\", \"theirs\"]\n"),
        );
    let machine = machine();
    let said = |cross: Cross| {
        let request = cross.run(NATIVE).rustflags(["--cfg", "ours"]);
        request.capture(true).run().unwrap().stdout.unwrap()
    };
    let joined = said(machine.cross(&project));
    assert_eq!(joined, "ours=true\ntheirs=true\n");
    // The variable replaces the file, as in cargo, and keeps its own flags.
    let variable = machine.env().set("RUSTFLAGS", "--cfg unrelated");
    let replaced = said(machine.cross(&project).env(variable));
    assert_eq!(replaced, "ours=true\ntheirs=false\n");
}

#[test]
fn a_request_can_name_another_manifest() {
    let machine = machine();
    let project = Project::new("app")
        .file("other/src/main.rs", "fn main() {}\n")
        .file(
            "other/Cargo.toml",
            "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        );
    let cross = machine.cross(&project);
    let built = cross.build(NATIVE).manifest_path("other/Cargo.toml").run();
    assert_eq!(built.unwrap().artifacts[0].package, "other");
    let built = cross.build(NATIVE).run();
    assert_eq!(built.unwrap().artifacts[0].package, "app");
}

/// The options that cargo-zigbuild and maturin take, and every other cargo command line.
#[test]
fn the_options_of_cargo_options_reach_cargo_all() {
    let (machine, project) = (machine(), Project::new("app"));
    let cross = machine.cross(&project);
    let words = "build --release --bin app --all-features --config build.jobs=1 --timings -vv \
                 --future-incompat-report --ignore-rust-version --artifact-dir out -Z unstable-options";
    let line = format!("{words} --target {NATIVE}");
    let parsed = cargo_options::Build::try_parse_from(line.split_whitespace()).unwrap();
    let command = |request: CargoRequest| {
        let plan = request.plan().unwrap();
        let CargoPart::Environment(plan) = &plan.parts[0] else {
            panic!("{plan:?}");
        };
        let run = plan.steps.iter().find(|step| step.purpose == "cargo build");
        run.unwrap().command.as_ref().unwrap().args.clone()
    };
    let made = parsed.command();
    let given = made.get_args().map(|arg| arg.to_str().unwrap());
    let given: Vec<_> = given.collect();
    for word in line
        .split_whitespace()
        .filter(|word| word.starts_with("--"))
    {
        let is_given = |arg: &&str| *arg == word || arg.starts_with(&format!("{word}="));
        assert!(given.iter().any(is_given), "{word} in {given:?}");
    }
    assert_eq!(
        command(cross.cargo_command(&made)),
        command(cross.cargo(given))
    );
}

/// Where a command runs and what it changes belongs to it.
#[test]
fn a_command_brings_its_directory_and_its_variables() {
    let (machine, project) = (machine(), Project::new("app"));
    let mut command = cargo_options::Build::default().command();
    command.env("CROSS_BUILD_TARGET", NATIVE);
    command.env_remove("CARGO_TARGET_DIR");
    command.current_dir(project.path().file_name().unwrap());
    let above = project.path().parent().unwrap();
    let env = machine.env().set("CARGO_TARGET_DIR", "/elsewhere");
    let above = Cross::at(above).env(env);
    let plan = above.cargo_command(&command).plan().unwrap();
    let CargoPart::Environment(plan) = &plan.parts[0] else {
        panic!("{plan:?}");
    };
    assert_eq!(plan.target, NATIVE);
    assert_eq!(plan.publish_dir, project.path().join("target"));
}
