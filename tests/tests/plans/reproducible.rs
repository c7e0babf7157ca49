//! Plans of reproducible builds: what runs see is the same wherever everything is.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{ErrorKind, cargo_cli::CargoPart};
use cross_engine::{EnvValue, Mount};
use cross_tests::says;

use super::*;

/// Everything that a run can see of the host.
fn seen(spec: &RunSpec) -> Vec<String> {
    let text = |(name, value): (&String, &EnvValue)| match value {
        EnvValue::Plain(value) | EnvValue::Secret(value) => format!("{name}={value}"),
        _ => format!("no {name}"),
    };
    let mut seen = vec![spec.cwd.display().to_string()];
    seen.extend(spec.command.iter().cloned());
    seen.extend(spec.env.iter().map(text));
    let targets = spec.mounts.iter().map(|mount| &mount.target);
    seen.extend(targets.map(|target| target.display().to_string()));
    seen
}

fn runs(plan: &Plan) -> Vec<&RunSpec> {
    let runs = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Run { spec, .. } => Some(spec),
        _ => None,
    });
    runs.collect()
}

/// A project that names places of the host in its configuration.
fn project(dir: &str) -> Project {
    let project = Project::in_dir("app", &format!("{dir}/app"))
        .with_member_and_path_dependency()
        .cross_toml("[build]\nreproducible = true\n[target.aarch64-unknown-linux-gnu]\nenv.passthrough = [\"DIR\"]\n");
    let flag = format!("-L{}", project.path().join("lib").display());
    let config = format!("[build]\nrustflags = [{flag:?}]\n");
    fs::create_dir_all(project.path().join("lib")).unwrap();
    // Above the project, so that it goes into the cargo home of a run.
    project.file("../.cargo/config.toml", &config)
}

#[test]
fn runs_see_the_same_in_any_directory_and_for_any_user() {
    for engine in Fakes::ENGINES {
        let mut all = Vec::new();
        for dir in ["here", "a longer/path"] {
            let project = project(dir);
            let machine = machine(engine).set("DIR", project.path().to_str().unwrap());
            let places = [project.outer().to_owned(), machine.path("")];
            let cross = machine.cross(&project);
            let manifest = project.path().join("Cargo.toml");
            let words = ["build", "--target", AARCH64, "--manifest-path"];
            let words = words.map(str::to_owned).into_iter();
            let words = words.chain([manifest.display().to_string()]);
            let line = cross.cargo(words).plan().unwrap();
            let mut plans = Vec::new();
            for verb in VERBS {
                plans.push(plan_with_environment(&machine, &project, verb, AARCH64));
            }
            let files = plans[0].steps.iter().filter_map(|step| match &step.action {
                Action::Prepare(files) => Some(format!("{files:?}")),
                _ => None,
            });
            let files = files.collect::<String>();
            let mut found = Vec::new();
            let of_line = line.parts.iter().flat_map(|part| match part {
                CargoPart::Environment(plan) => runs(plan),
                other => panic!("{other:?}"),
            });
            for spec in plans.iter().flat_map(runs).chain(of_line) {
                let seen = seen(spec);
                for place in &places {
                    let place = place.to_str().unwrap().trim_end_matches('/');
                    let names = |text: &&String| text.contains(place);
                    assert_eq!(seen.iter().find(names), None, "{engine:?}");
                }
                assert_eq!(spec.hostname.as_deref(), Some("cross"));
                found.push(seen);
            }
            assert!(found.len() >= 5, "{}", found.len());
            assert!(files.contains("-L/cross/project/app/lib"), "{files}");
            all.push(found);
        }
        assert_eq!(all[0], all[1], "{engine:?}");
    }
}

#[test]
fn the_target_directory_is_another_one_and_what_is_published_is_hidden() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    let request = |yes| machine.cross(&project).build(AARCH64).reproducible(yes);
    let [usual, fixed] = [false, true].map(|yes| request(yes).plan().unwrap());
    assert_ne!(usual.target_dir, fixed.target_dir);
    assert_eq!(usual.target_dir.parent(), fixed.target_dir.parent());
    let spec = runs(&fixed)[0];
    let at = |place: &str| {
        let mut mounts = spec.mounts.iter();
        mounts
            .find(|mount| mount.target == Path::new(place))
            .unwrap()
    };
    assert_eq!(at("/cross/target").source, fixed.target_dir);
    assert_eq!(at("/cross/project").source, project.path());
    assert_eq!(at("/cross/project/target").access, Access::Scratch);
    assert_eq!(runs(&usual)[0].hostname, None);
}

/// What was built is what a command of the caller is for.
#[test]
fn a_command_of_the_caller_sees_what_was_published() {
    let machine = machine(Fakes::Sandbox);
    let project = Project::new("app").cross_toml("[build]\nreproducible = true\n");
    let cross = machine.cross(&project);
    let built = project.path().join("target/app");
    let command = ["file", built.to_str().unwrap()];
    let plan = cross.exec(AARCH64, command).plan().unwrap();
    machine.make_environment(&plan);
    let spec = runs(&plan)[0].clone();
    assert_eq!(spec.command, ["file", "/cross/project/target/app"]);
    let hides = |mount: &&Mount| mount.target == Path::new("/cross/project/target");
    assert_eq!(spec.mounts.iter().find(hides), None);
}

/// What a run sees at a place, if there is something.
fn at<'a>(plan: &'a Plan, place: &str) -> Option<&'a Path> {
    let mut mounts = runs(plan)[0].mounts.iter();
    let found = mounts.find(|mount| mount.target == Path::new(place));
    found.map(|mount| mount.source.as_path())
}

#[test]
fn what_a_literal_names_by_chance_does_not_move_the_project() {
    let build = "fn main() { for dir in [\"../dist\", \"../target/x\"] { println!(\"{dir}\") } }\n";
    let in_dir = |dir: &str| {
        Project::in_dir("app", dir)
            .file("build.rs", build)
            .cross_toml("[build]\nreproducible = true\n")
    };
    let machine = machine(Fakes::Sandbox);
    let plan = |project: &Project| plan_with_environment(&machine, project, Verb::Build, AARCH64);
    let mut alone = Vec::new();
    for dir in ["app", "far/below/others/app"] {
        let project = in_dir(dir);
        let without = plan(&project);
        assert_eq!(at(&without, "/cross/project"), Some(project.path()));
        let project = project
            .file("../dist/app.tar", "")
            .file("../target/x/y", "");
        let with = plan(&project);
        assert_eq!(at(&with, "/cross/project"), Some(project.path()));
        let dist = project.path().parent().unwrap().join("dist");
        assert_eq!(at(&with, "/cross/dist"), Some(&*dist));
        // A run has its own target directory there.
        let said = warned(&with).join("\n");
        says(
            &said,
            &["/target/x`, which has no place beside `/cross/project`"],
        );
        assert!(!warned(&without).join("\n").contains("beside"));
        let [mut with, without] = [with, without].map(|plan| seen(runs(&plan)[0]));
        with.retain(|text| text != "/cross/dist");
        assert_eq!(with, without, "nothing else is another one");
        alone.push(without);
    }
    assert_eq!(alone[0], alone[1], "at any depth");
}

#[test]
fn a_relative_link_out_of_the_project_leads_to_the_same_place_inside() {
    let machine = machine(Fakes::Sandbox);
    let project = Project::new("app")
        .file("../shared/data.txt", "")
        .cross_toml("[build]\nreproducible = true\n");
    std::os::unix::fs::symlink("../../shared", project.path().join("src/shared")).unwrap();
    let plan = plan_with_environment(&machine, &project, Verb::Build, AARCH64);
    assert_eq!(at(&plan, "/cross/project"), Some(project.path()));
    let shared = project.path().parent().unwrap().join("shared");
    assert_eq!(at(&plan, "/cross/shared"), Some(&*shared));
}

fn warned(plan: &Plan) -> Vec<&str> {
    let warnings = plan.warnings.iter();
    let ours = warnings.filter(|warning| warning.code == "reproducible");
    ours.map(|warning| warning.message.as_str()).collect()
}

#[test]
fn a_plan_warns_of_what_defeats_it() {
    let machine = machine(Fakes::Sandbox).set("RUSTFLAGS", "-Ctarget-cpu=native");
    let project = Project::new("app");
    let request = machine.cross(&project).build(AARCH64);
    assert_eq!(warned(&request.clone().plan().unwrap()), [""; 0]);
    let plan = request.reproducible(true).plan().unwrap();
    let said = warned(&plan).join("\n");
    says(
        &said,
        &[
            "time of the sources is unknown",
            "not locked",
            "target-cpu=native",
        ],
    );
    let configured = Project::new("app").file(
        ".cargo/config.toml",
        "[target.aarch64-unknown-linux-gnu]\nrustflags = [\"-C\", \"target-cpu=native\"]\n",
    );
    let plain = self::machine(Fakes::Sandbox);
    let request = plain.cross(&configured).build(AARCH64).reproducible(true);
    says(
        &warned(&request.plan().unwrap()).join("\n"),
        &["target-cpu=native"],
    );
    let app = Project::new("app");
    let request = || plain.cross(&app).build(AARCH64).reproducible(true);
    for request in [
        request().rustflags(["-C", "target_cpu=native"]),
        request().cargo_args(["--config", "build.rustflags='-Ctarget-cpu=native'"]),
    ] {
        let said = warned(&request.plan().unwrap()).join("\n");
        says(&said, &["target-cpu=native"]);
    }
    let planned = |time: &str, reproducible| {
        let machine = self::machine(Fakes::Sandbox).set("SOURCE_DATE_EPOCH", time);
        let request = machine.cross(&project).build(AARCH64);
        request.reproducible(reproducible).plan()
    };
    let time = |text: &str| {
        let plan = planned(text, true).unwrap();
        let is_unknown = warned(&plan).join("\n").contains("time of the sources");
        assert_eq!(is_unknown, text.is_empty());
        runs(&plan)[0].env["SOURCE_DATE_EPOCH"].clone()
    };
    let plain = |text: &str| EnvValue::Plain(text.to_owned());
    assert_eq!(time("1700000000"), plain("1700000000"));
    assert_eq!(time(""), plain("315532800"));
    for text in ["yesterday", "1790000000000", "-1"] {
        let error = planned(text, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        // What is not reproducible leaves the variable to the tools that read it.
        planned(text, false).unwrap();
    }
}

#[test]
fn what_is_passed_and_not_set_is_fixed() {
    let names = ["SOURCE_DATE_EPOCH", "TZ", "LANG", "LC_ALL", "USER"];
    let project = Project::new("app").cross_toml(&format!(
        "[build]\nreproducible = true\nenv.passthrough = {names:?}\n"
    ));
    let machine = |value: &str| {
        let machine = self::machine(Fakes::Sandbox);
        names
            .iter()
            .fold(machine, |machine, name| machine.set(name, value))
    };
    let value = |given: &str, name: &str| {
        let machine = machine(given);
        let plan = machine.cross(&project).build(AARCH64).plan().unwrap();
        runs(&plan)[0].env[name].clone()
    };
    let fixed = ["315532800", "UTC", "C.UTF-8", "C.UTF-8", "user"];
    for (name, fixed) in names.iter().zip(fixed) {
        assert_eq!(value("", name), EnvValue::Plain(fixed.to_owned()));
        assert_eq!(value("17", name), EnvValue::Secret("17".to_owned()));
    }
}

#[test]
fn a_variable_of_cargos_configuration_may_compile_for_this_machine() {
    for value in [
        "\"-march=native\"",
        "{ value = \"-O2 -march=native\", force = true }",
    ] {
        let project = Project::new("app")
            .cross_toml("[build]\nreproducible = true\n")
            .file(".cargo/config.toml", &format!("[env]\nCFLAGS = {value}\n"));
        let machine = machine(Fakes::Sandbox);
        let plan = machine.cross(&project).build(AARCH64).plan().unwrap();
        says(&warned(&plan).join("\n"), &["`-march=native` compiles for"]);
    }
}

#[test]
fn sources_without_a_common_directory_are_refused() {
    let elsewhere = Project::new("beside")
        .without("src/main.rs")
        .file("src/lib.rs", "");
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [dependencies]\nbeside = {{ path = {:?} }}\n",
        elsewhere.path()
    );
    let lock = "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"beside\",\n]\n\n\
                [[package]]\nname = \"beside\"\nversion = \"0.1.0\"\n";
    let project = Project::new("app")
        .file("Cargo.toml", &manifest)
        .file("Cargo.lock", lock);
    let machine = machine(Fakes::Sandbox);
    let request = machine.cross(&project).build(AARCH64);
    request.clone().plan().unwrap();
    let error = request
        .reproducible(true)
        .plan()
        .map(|plan| plan.to_string())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let places: [PathBuf; 2] = [project.path().into(), elsewhere.path().into()];
    for place in places {
        says(&error.to_string(), &[place.to_str().unwrap(), "in common"]);
    }
    says(
        error.help().unwrap(),
        &["one directory", "remove `reproducible`"],
    );
}
