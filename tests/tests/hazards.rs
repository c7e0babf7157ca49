//! The hazards of building in an environment, one test for each.
//!
//! The hazards of build scripts are in `build_script.rs`, and those of the jobserver in `batch`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::Path;

use cross_core::{
    Cancel, ErrorKind, Plan, config::DiagnosticCode, engine::EnvValue, events::EventKind,
};
use cross_tests::{Answer, Leftovers, Machine, NATIVE, Project, Recorder, engines, tool};

const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// A machine whose containers run their commands on the machine itself.
fn machine() -> Machine {
    Machine::running_here(env!("CARGO_BIN_EXE_fake-engine"))
}

fn plan(machine: &Machine, project: &Project, target: &str) -> Plan {
    machine.cross(project).build(target).plan().unwrap()
}

/// Secrets of the host are not in the environment, whatever the names of their variables.
#[test]
fn secrets_of_the_host_do_not_reach_a_build() {
    engines::need("sandbox");
    let home = tempfile::tempdir().unwrap();
    let credentials = home.path().join("credentials.toml");
    fs::write(&credentials, "[registry]\ntoken = \"s3cret\"\n").unwrap();
    let looks = format!(
        "fn main() {{\n\
         for (name, value) in std::env::vars() {{ assert!(!value.contains(\"s3cret\"), \"{{name}}\"); }}\n\
         assert!(!std::path::Path::new({credentials:?}).exists());\n}}\n"
    );
    let project = Project::new("app").file("build.rs", &looks);
    let leftovers = Leftovers::of(&project);
    let secrets = [
        "CARGO_REGISTRY_TOKEN",
        "CARGO_REGISTRIES_MINE_TOKEN",
        "GITHUB_TOKEN",
        "AWS_ACCESS_KEY_ID",
    ];
    let env = secrets
        .iter()
        .fold(leftovers.env(), |env, name| env.set(*name, "s3cret"));
    let cross = project.cross().env(env).cargo_home_dir(home.path());
    cross.engine("sandbox").build(AARCH64).run().unwrap();
    leftovers.are_none();
}

/// Artifacts of one libc or toolchain are never reused for another.
#[test]
fn builds_by_another_libc_or_toolchain_have_their_own_target_directory() {
    let machine = machine().toolchain("1.80.0-x86_64-unknown-linux-gnu", "1.80.0");
    let project = Project::new("app");
    let cross = machine.cross(&project);
    let dir = |cross: &cross_core::Cross| cross.build(NATIVE).plan().unwrap().target_dir;
    let usual = dir(&cross);
    assert_eq!(dir(&cross), usual);
    let image = dir(&cross.clone().toolchain("image"));
    let project = project.cross_toml("[build]\nsuite = \"trixie\"\n");
    let suite = dir(&cross);
    let _project = project.cross_toml(&format!("[target.{NATIVE}]\nimage = \"mine:1\"\n"));
    let mine = dir(&cross);
    let all = [&usual, &image, &suite, &mine];
    for (n, one) in all.iter().enumerate() {
        assert!(!all[..n].contains(one), "{all:?}");
    }
}

/// Artifacts, events and diagnostics name paths of the host.
#[test]
fn reported_paths_are_host_paths() {
    let (machine, recorder) = (machine(), Recorder::default());
    let warns = "fn main() { let unused = 1; }\n";
    let project = Project::new("app").file("src/main.rs", warns);
    let built = recorder
        .hear(machine.cross(&project))
        .build(NATIVE)
        .run()
        .unwrap();
    assert!(built.artifacts[0].path.is_file() && built.artifacts[0].inside.is_file());
    for event in recorder.events() {
        if let EventKind::Artifact(artifact) = event.kind {
            assert!(artifact.path.starts_with(project.path()), "{artifact:?}");
        }
    }
    let place = built.diagnostics[0].place.clone().unwrap();
    assert!(project.path().join(place.file).is_file());
    let deps = built.artifacts[0].inside.with_extension("d");
    let source = fs::read_to_string(deps).unwrap();
    assert!(
        source.contains(project.path().join("src/main.rs").to_str().unwrap()),
        "{source}"
    );
}

/// The manifest, the target directory and a dependency are outside of the current directory.
#[test]
fn paths_outside_of_the_workspace_are_mounted() {
    let machine = machine();
    let project = Project::new("app").with_member_and_path_dependency();
    let elsewhere = project.outer().join("else where/target");
    let manifest = project.path().join("Cargo.toml");
    let request = cross_core::Cross::at(project.outer())
        .env(machine.env())
        .manifest_path(&manifest)
        .build(NATIVE)
        .target_dir(&elsewhere);
    let plan = request.plan().unwrap();
    let is_mounted = |path: &Path| {
        plan.mounts()
            .iter()
            .any(|mount| path.starts_with(&mount.source))
    };
    for path in [
        project.path(),
        &project.outer().join("beside"),
        &plan.target_dir,
    ] {
        assert!(is_mounted(path), "{}: {:?}", path.display(), plan.mounts());
    }
    let built = request.run().unwrap();
    assert_eq!(
        built.artifacts[0].path,
        elsewhere.join(NATIVE).join("debug/app")
    );
    let unasked = project.path().join("target").join(NATIVE);
    assert!(!unasked.exists(), "{}", unasked.display());
}

/// The image's id is recorded, and a warning says that its tag may move.
#[test]
fn an_unpinned_image_is_warned_about_and_recorded() {
    let (machine, project) = (machine(), Project::new("app"));
    let plan = plan(&machine, &project, "x86_64-pc-solaris");
    let warning = plan
        .warnings
        .iter()
        .find(|warning| warning.message.contains("ghcr.io/cross-rs"));
    let warning = warning.unwrap_or_else(|| panic!("{:?}", plan.warnings));
    let shown = format!(
        "{} {}",
        warning.message,
        warning.help.clone().unwrap_or_default()
    );
    assert!(
        shown.contains("sha256:"),
        "the help says how to pin it: {shown}"
    );
    assert!(
        plan.environment.image_id.is_some(),
        "{:?}",
        plan.environment
    );
}

/// The mounted toolchain is the one for the image's platform, not for the host's.
#[test]
fn the_toolchain_runs_on_the_platform_of_the_image() {
    let other = "stable-aarch64-unknown-linux-gnu";
    let machine = machine().toolchain(other, "1.85.0");
    let project = Project::new("app").cross_toml(&format!(
        "[target.{AARCH64}.image]\nname = \"mine:1\"\ntoolchain = [\"linux/arm64\"]\n"
    ));
    let plan = plan(&machine, &project, AARCH64);
    assert!(
        plan.toolchain.to_string().starts_with(other),
        "{}",
        plan.toolchain
    );
    let run = plan.commands().last().unwrap();
    let at = run.args.iter().position(|arg| arg == "--platform").unwrap();
    assert_eq!(run.args[at + 1], "linux/arm64");
}

/// The container of a cancelled request is removed exactly once.
#[test]
fn a_cancelled_build_leaves_no_container() {
    let hang = Answer::Hang {
        stdout: "begun\n".to_owned(),
    };
    let machine = machine().rule("docker", &["run"], hang);
    let (project, cancel) = (Project::new("app"), Cancel::new());
    let cross = Recorder::default().hear_and_cancel(machine.cross(&project), &cancel, {
        |kind| matches!(kind, EventKind::Output { line, .. } if line == "begun")
    });
    let error = cross.build(NATIVE).run_until(&cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let calls = machine.calls_of("docker");
    let name = |call: &cross_tests::Call| {
        let at = call.args.iter().position(|arg| arg == "--name")?;
        call.args.get(at + 1).cloned()
    };
    let started = calls.iter().find_map(name).unwrap();
    let removed = calls
        .iter()
        .filter(|call| call.args == ["rm", "--force", &started]);
    assert_eq!(removed.count(), 1, "{calls:#?}");
}

/// No name of a directory or a package leads to an image name that an engine refuses.
#[test]
fn image_names_are_valid_whatever_the_project_is_called() {
    let machine = machine();
    for dir in ["UPPER..CASE", "-.dots and spaces", "ünïcödé", "a/..b"] {
        let project = Project::in_dir("app", dir)
            .file("Dockerfile", "FROM scratch\n")
            .cross_toml(&format!("[target.{NATIVE}]\ndockerfile = \"Dockerfile\"\n"));
        let plan = plan(&machine, &project, NATIVE);
        let name = &plan.environment.name;
        let (repository, tag) = name.rsplit_once(':').unwrap();
        let is_plain =
            |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
        let last = repository.rsplit('/').next().unwrap();
        assert!(
            last.starts_with(is_plain) && last.ends_with(is_plain),
            "{name}"
        );
        assert!(
            !last.contains("..")
                && last
                    .chars()
                    .all(|character| is_plain(character) || "._-".contains(character))
        );
        let starts = |character: char| character.is_ascii_alphanumeric() || character == '_';
        assert!(tag.starts_with(starts) && tag.len() <= 128, "{name}");
        assert!(
            tag.chars()
                .all(|character| starts(character) || ".-".contains(character)),
            "{name}"
        );
    }
}

/// No library and no test sets a variable or the current directory of its process. The lint in
/// `clippy.toml` forbids it in libraries; this test also finds code that allows the lint.
#[test]
fn no_code_changes_the_process_environment() {
    let names = ["set_var", "remove_var", "set_current_dir"];
    let root = tool::repository();
    let list = cross_engine::Invocation::new("git")
        .args(["ls-files", "*.rs"])
        .cwd(root);
    let files = tool::stdout(&list);
    let mut seen = 0;
    for file in files.lines().filter(|file| !file.ends_with("hazards.rs")) {
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        seen += 1;
        for name in names {
            assert!(!text.contains(&format!("env::{name}(")), "{file}: {name}");
        }
    }
    assert!(seen > 100, "{seen} files");
}

/// Variables of a CI system change nothing.
#[test]
fn plans_are_the_same_in_ci() {
    let project = Project::new("app").cross_toml("[build]\nunknown-key = 1\n");
    let machine = machine();
    let shown = |machine: &Machine| {
        let cross = machine.cross(&project);
        let cross = cross.severity(
            DiagnosticCode::UnknownKey,
            cross_core::config::Severity::Warning,
        );
        let plan = cross.build(NATIVE).plan().unwrap();
        assert!(
            !plan.env().contains_key("CI"),
            "the environment does not get it"
        );
        let quiet = EnvValue::Plain("never".to_owned());
        assert!(plan.env().get("CARGO_TERM_COLOR") != Some(&&quiet));
        plan.to_string()
    };
    let usual = shown(&machine);
    let machine = machine
        .set("CI", "true")
        .set("GITHUB_ACTIONS", "true")
        .set("BUILD_NUMBER", "7");
    assert_eq!(shown(&machine), usual);
}
