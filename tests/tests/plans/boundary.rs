//! What a plan lets the inside write and reach.

use std::path::{Path, PathBuf};

use cross_core::{Cross, ErrorKind, cargo_cli::CargoPart, config::MemoryLimit, plan::Verb};
use cross_engine::{Access, EngineKind, EnvValue, Network};
use cross_tests::{Answer, Fakes, Machine, Project};

use crate::{AARCH64, machine, plan_with_environment, specs};

/// What runs programs compiles in the same step.
#[test]
fn what_compiles_or_runs_has_no_network_unless_the_configuration_says_so() {
    for engine in Fakes::ENGINES {
        let machine = machine(engine).set("http_proxy", "http://proxy.invalid");
        for toml in ["", "[build]\nnetwork = \"default\"\n"] {
            let project = Project::new("app").cross_toml(toml);
            let has_network = !toml.is_empty();
            let plan = plan_with_environment(&machine, &project, Verb::Test, AARCH64);
            for (spec, _) in specs(&plan) {
                let expected = match has_network {
                    true => Network::Default,
                    false => Network::None,
                };
                assert_eq!(spec.network, expected);
                assert_eq!(spec.env.contains_key("http_proxy"), has_network);
                let sees = |path: &str| spec.mounts.iter().any(|it| it.target == Path::new(path));
                if Path::new("/etc/ssl/certs").exists() {
                    assert_eq!(sees("/etc/ssl/certs"), has_network, "{engine:?}");
                }
            }
        }
    }
}

/// A password in the proxy's address is there where the user says that it is.
#[test]
fn a_proxy_that_the_configuration_passes_on_keeps_its_password() {
    let given = "http://me:s3cret@proxy.invalid";
    let machine = machine(Fakes::Sandbox).set("http_proxy", given);
    for (passed, expected) in [("[]", "http://proxy.invalid"), ("[\"http_proxy\"]", given)] {
        let toml = format!("[build]\nnetwork = \"default\"\nenv.passthrough = {passed}\n");
        let project = Project::new("app").cross_toml(&toml);
        let plan = plan_with_environment(&machine, &project, Verb::Test, AARCH64);
        for (spec, _) in specs(&plan) {
            let expected = EnvValue::Secret(expected.to_owned());
            assert_eq!(spec.env["http_proxy"], expected);
        }
    }
}

/// Nothing is compiled there unless the caller does.
#[test]
fn a_command_of_the_callers_has_the_engines_network() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        plan_with_environment(&machine, &project, Verb::Build, AARCH64);
        let plan = machine.cross(&project).exec(AARCH64, ["true"]).plan();
        let plan = plan.unwrap();
        assert!(specs(&plan).all(|(spec, _)| spec.network == Network::Default));
    }
}

/// A program that writes there succeeds, and its file is gone.
#[test]
fn what_a_program_writes_to_a_place_that_ends_with_the_run_is_told_before() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app").file("src/x", ""));
        plan_with_environment(&machine, &project, Verb::Build, AARCH64);
        let cross = machine.cross(&project);
        let told = |plan: cross_core::Result<cross_core::Plan>| {
            let warnings = plan.unwrap().warnings.into_iter();
            let mut told = warnings.filter(|warning| warning.code == "lost-output");
            told.next().map(|warning| warning.message)
        };
        let exec = |words: &[&str]| told(cross.exec(AARCH64, words.iter().copied()).plan());
        let lost = exec(&["objcopy", "-O", "binary", "src/x", "/tmp/fw.bin"]);
        assert!(lost.unwrap().contains("`/tmp/fw.bin`"), "{engine:?}");
        let home = "--output=/tmp/home/x";
        assert!(exec(&["tool", home]).is_some(), "{engine:?}");
        let script = exec(&["sh", "-c", "echo hi >/tmp/lost; echo hi >$HOME/x"]).unwrap();
        assert!(script.contains("`/tmp/lost`, `$HOME/x`"), "{script}");
        let reads = exec(&["sh", "-euc", "nm a >/tmp/x; sort /tmp/x 2>/dev/null"]);
        assert_eq!(reads, None, "{engine:?}");
        let run = told(cross.run(AARCH64).arg("/tmp/out").plan());
        assert!(run.is_some(), "{engine:?}");
        let kept = project.path().join("target/cross");
        for word in ["src/x", "-I/usr/include", kept.to_str().unwrap()] {
            assert_eq!(exec(&["tool", word]), None, "{engine:?}: {word}");
        }
    }
}

/// The directories are those of both tables, of the variables and of the request.
#[test]
fn what_is_named_can_be_written_too() {
    let machine = machine(Fakes::Sandbox).set("CROSS_BUILD_WRITABLE", "by/variable");
    let toml = format!(
        "[build]\nwritable = [\"schema/generated\"]\n[target.{AARCH64}]\nwritable = [\"assets\"]\n"
    );
    let project = Project::new("app").cross_toml(&toml);
    let dirs = ["schema/generated", "assets", "by/variable", "by/request"];
    let project = dirs
        .iter()
        .fold(project, |it, dir| it.file(&format!("{dir}/x"), ""));
    let request = machine
        .cross(&project)
        .build(AARCH64)
        .writable("by/request");
    let plan = request.plan().unwrap();
    for (spec, _) in specs(&plan) {
        for dir in dirs {
            let dir = project.path().join(dir);
            let mount = spec.mounts.iter().find(|it| it.target == dir).unwrap();
            assert_eq!((mount.access, &mount.source), (Access::Write, &dir));
        }
    }
}

/// Cargo refuses a second `--locked`.
#[test]
fn a_flag_about_the_lock_file_is_passed_once() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    plan_with_environment(&machine, &project, Verb::Build, AARCH64);
    let request = || machine.cross(&project).build(AARCH64);
    for request in [
        request(),
        request().locked(true),
        request().frozen(true),
        request().cargo_args(["--locked"]),
        request().cargo_args(["--frozen", "--offline"]),
    ] {
        let plan = request.plan().unwrap();
        let (spec, _) = specs(&plan).next().unwrap();
        let locked = spec.command.iter().filter(|arg| *arg == "--locked");
        assert_eq!(locked.count(), 1, "{:?}", spec.command);
        let others = ["--frozen", "--offline"].map(str::to_owned);
        assert!(!others.iter().any(|other| spec.command.contains(other)));
    }
}

/// `cargo fix` edits sources, and nothing that something on the host obeys.
#[test]
fn what_mends_sources_can_write_them_and_nothing_else() {
    let machine = machine(Fakes::Docker);
    let project = Project::new("app")
        .with_member_and_path_dependency()
        .file("build.rs", "fn main() {}\n")
        .file("tests/it.rs", "");
    plan_with_environment(&machine, &project, Verb::Build, AARCH64);
    let written = |words: &[&str]| {
        let words = words.iter().copied().chain(["--target", AARCH64]);
        let plan = machine.cross(&project).cargo(words).plan().unwrap();
        let [CargoPart::Environment(plan)] = &plan.parts[..] else {
            panic!("it compiles for one target");
        };
        let (spec, _) = specs(plan).next().unwrap();
        let mounts = spec.mounts.iter().filter(|it| it.access == Access::Write);
        let sources = mounts.filter(|it| it.source != plan.target_dir);
        let from_root = |path: &PathBuf| path.strip_prefix(project.path()).unwrap().to_owned();
        let mut paths: Vec<_> = sources.map(|it| from_root(&it.target)).collect();
        paths.sort();
        paths
    };
    let sources = ["build.rs", "member/src", "src", "tests"].map(PathBuf::from);
    assert_eq!(written(&["fix", "--allow-no-vcs"]), sources);
    assert_eq!(written(&["clippy", "--fix"]), sources);
    assert_eq!(written(&["clippy"]), [] as [PathBuf; 0]);
}

/// Where the kernel has an interpreter for the programs, there is no warning.
#[test]
fn a_native_runner_of_a_foreign_target_is_a_warning() {
    let toml = |target: &str| format!("[target.{target}]\nrunner = \"native\"\n");
    let warned = |target: &str| {
        let project = Project::new("app").cross_toml(&toml(target));
        let machine = machine(Fakes::Sandbox);
        let plan = machine.cross(&project).build(target).plan().unwrap();
        let warnings = plan.warnings.iter();
        warnings.filter(|warning| warning.code == "runner").count()
    };
    let list = std::path::Path::new("/proc/sys/fs/binfmt_misc/status");
    if !list.exists() {
        assert_eq!(warned("s390x-unknown-linux-gnu"), 1);
    }
    assert_eq!(warned(cross_tests::NATIVE), 0);
}

/// A machine with `engine`, which says of itself whether it can limit memory.
fn with_memory_limits(engine: Fakes, can_limit: bool) -> Machine {
    let (program, answer) = match (engine, can_limit) {
        (Fakes::Docker, true) => ("docker", "true\n"),
        (Fakes::Docker, false) => ("docker", "false\n"),
        (Fakes::Podman, true) => ("podman", "cpu memory pids \n"),
        (Fakes::Podman, false) => ("podman", "\n"),
        (other, _) => panic!("{other:?} is not asked"),
    };
    machine(engine).rule(program, &["info", "--format"], Answer::says(answer))
}

#[test]
fn every_run_of_a_container_has_the_configured_limit_of_memory() {
    for engine in [Fakes::Docker, Fakes::Podman] {
        let machine = with_memory_limits(engine, true);
        let project = Project::new("app").cross_toml("[build]\nmemory = \"512MiB\"\n");
        let limits = |plan: &cross_core::Plan| {
            let limits: Vec<_> = specs(plan).map(|(spec, _)| spec.memory).collect();
            assert!(!limits.is_empty());
            limits
        };
        let plan = plan_with_environment(&machine, &project, Verb::Test, AARCH64);
        let configured = limits(&plan);
        assert!(configured.iter().all(|limit| *limit == Some(512 << 20)));

        let limit = |text| MemoryLimit::parse(text).unwrap();
        let cross = machine.cross(&project).memory(limit("2g"));
        let plan = cross.build(AARCH64).plan().unwrap();
        assert!(limits(&plan).iter().all(|limit| *limit == Some(2 << 30)));
        let plan = cross.build(AARCH64).memory(limit("3g")).plan().unwrap();
        assert!(limits(&plan).iter().all(|limit| *limit == Some(3 << 30)));
    }
}

/// Such an engine would start the container without the limit, and only warn.
#[test]
fn an_engine_that_cannot_limit_memory_refuses_the_limit() {
    let mute = machine(Fakes::Docker).rule("docker", &["info", "--format"], Answer::fails(1, "no"));
    let machines = [
        with_memory_limits(Fakes::Docker, false),
        with_memory_limits(Fakes::Podman, false),
        mute,
        machine(Fakes::Sandbox),
    ];
    for machine in machines {
        let project = Project::new("app").cross_toml("[build]\nmemory = \"1g\"\n");
        let error = machine.cross(&project).build(AARCH64).plan().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoEngine, "{error}");
        let message = error.to_string();
        assert!(message.contains("cannot limit memory"), "{message}");
        assert!(message.contains("Cross.toml"), "{message}");
        assert!(error.help().unwrap().contains("remove `memory`"));
    }
    let named = machine(Fakes::Sandbox);
    let project = Project::new("app").cross_toml("[build]\nmemory = \"1g\"\n");
    let cross = named.cross(&project).engine("sandbox");
    let error = cross.build(AARCH64).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
    assert!(error.help().unwrap().contains("docker or podman"));
}

/// The sandbox comes first, where it can do what is asked.
#[test]
fn auto_takes_an_engine_that_can_do_what_is_configured() {
    let takes = |machine: &Machine, toml: &str| {
        let project = Project::new("app").cross_toml(toml);
        let plan = machine.cross(&project).build(AARCH64).plan().unwrap();
        plan.engine.kind
    };
    let both = |engine, can_limit| with_memory_limits(engine, can_limit).engine(Fakes::Sandbox);
    let limit = "[build]\nmemory = \"1g\"\n";
    assert_eq!(takes(&both(Fakes::Docker, true), ""), EngineKind::Sandbox);
    assert_eq!(takes(&both(Fakes::Docker, true), limit), EngineKind::Docker);
    let docker_cannot = both(Fakes::Podman, true).engine(Fakes::Docker).rule(
        "docker",
        &["info", "--format"],
        Answer::says("false\n"),
    );
    assert_eq!(takes(&docker_cannot, limit), EngineKind::Podman);
    let options = |machine: Machine| machine.set("CROSS_CONTAINER_OPTS", "--cpus 2");
    let docker = options(machine(Fakes::Sandbox).engine(Fakes::Docker));
    assert_eq!(takes(&docker, ""), EngineKind::Docker);
    assert_eq!(
        takes(&options(machine(Fakes::Sandbox)), ""),
        EngineKind::Sandbox
    );
}

/// As cargo does. On a disk that ignores case, another spelling is such a path, too.
#[test]
fn a_request_in_a_directory_that_is_a_link_is_made_where_it_leads() {
    let project = Project::new("app").with_member_and_path_dependency();
    let machine = machine(Fakes::Docker);
    let directory = |to: &str, name: &str| {
        let link = project.outer().join(name);
        std::os::unix::fs::symlink(project.path().join(to), &link).unwrap();
        let cross = Cross::at(link).env(machine.env());
        let plan = cross.build(AARCH64).plan().unwrap();
        let cwds = specs(&plan).map(|(spec, _)| spec.cwd.clone());
        cwds.last().unwrap()
    };
    assert_eq!(directory("", "whole"), project.path());
    assert_eq!(directory("member", "part"), project.path().join("member"));
}
