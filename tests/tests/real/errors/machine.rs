//! Machines without what a request needs: engines, programs, rights and files.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use cross_core::Cancel;
use cross_tests::{Project, tool};

use super::{Case, TARGET, rows};

rows! {
    no_engine => NoEngine
        ["`bwrap` is not installed", "`docker` is not installed"] ["bubblewrap", "docker.io"]
        || bare(Case::of(Project::new("app"), "auto")).error();
    an_engine_that_is_not_installed => EngineUnusable
        ["podman", "not installed"] ["install podman"]
        || bare(Case::of(Project::new("app"), "podman")).error();
    no_path => EngineUnusable
        ["`bwrap` is not found", "PATH is not set"] ["set PATH"]
        || Case::of(Project::new("app"), "sandbox").env(|env| env.remove("PATH")).error();
    a_home_that_is_no_directory => Manifest
        ["could not create home directory"] ["`HOME` or `RUSTUP_HOME`"] || {
            let case = Case::of(Project::new("app"), "sandbox");
            let cargo_home = case.env.get("CARGO_HOME").map(std::ffi::OsStr::to_owned);
            let cache = case.leftovers.own_cache();
            case.env(|env| {
                let env = env.set("HOME", "/etc/hostname").remove("RUSTUP_HOME").remove("RUST_BACKTRACE");
                let env = env.set("CROSS_CACHE_DIR", cache);
                match cargo_home { Some(home) => env.set("CARGO_HOME", home), None => env }
            }).error()
        };
    a_daemon_that_does_not_answer => EngineUnusable
        ["docker daemon does not answer"] ["dockerd"]
        || Case::on("docker", Project::new("app")).env(|env| env.set("DOCKER_HOST", "unix:///none.sock")).error();
    a_container_that_the_daemon_does_not_have => OutOfReach
        ["does not have the container"] ["/var/run/docker.sock", "unset CROSS_CONTAINER_IN_CONTAINER"]
        || Case::on("docker", Project::new("app")).env(|env| env.set("CROSS_CONTAINER_IN_CONTAINER", "1")).error();
    a_limit_that_the_kernel_refuses => EngineCannotStart
        ["podman cannot start", "limits"] ["default_ulimits"] || {
            let case = Case::on("podman", Project::new("app"));
            let config = case.project.outer().join("containers.conf");
            let runtime = tool::found("runc").map_or("crun", |_| "runc");
            let limits = "default_ulimits = [\"nofile=2147483647:2147483647\"]";
            let text = format!("[containers]\n{limits}\n[engine]\nruntime = \"{runtime}\"\n");
            fs::write(&config, text).unwrap();
            case.env(|env| env.set("CONTAINERS_CONF", config)).error()
        };
    no_mmdebstrap => ToolMissing
        ["`mmdebstrap` is not installed"] ["install mmdebstrap", "docker"] || {
            let case = Case::new(Project::new("app").cross_toml("[build]\npackages = [\"hello\"]\n"));
            let bin = without(&case, "mmdebstrap");
            case.env(|env| env.set("PATH", bin)).error()
        };
    a_machine_that_cannot_be_set_up => Setup
        ["apt-get", "E: the mirror is gone"] ["run the command by hand"] || {
            let case = Case::of(Project::new("app"), "sandbox");
            let bin = without(&case, "bwrap");
            let apt = bin.join("apt-get");
            let _ = fs::remove_file(&apt);
            fs::write(&apt, "#!/bin/sh\necho 'E: the mirror is gone' >&2\nexit 100\n").unwrap();
            fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
            let case = case.env(|env| env.set("PATH", bin));
            let plan = case.cross.setup().plan().unwrap();
            plan.apply(&Cancel::new(), |_| {}).unwrap_err()
        };
    a_target_directory_without_programs => CargoFailed
        ["custom build command"] ["`noexec`", "`build.target-dir`"] || {
            let case = Case::build_script("");
            let target = case.project.path().join("target");
            fs::create_dir(&target).unwrap();
            let mount = cross_engine::Invocation::new("mount")
                .args(["-t", "tmpfs", "-o", "noexec,size=200m", "small", target.to_str().unwrap()]);
            tool::stdout(&mount);
            let error = super::failed(case.cross.build(TARGET).run());
            tool::stdout(&cross_engine::Invocation::new("umount").arg(target.to_str().unwrap()));
            case.leftovers.are_none();
            error
        };
    a_target_directory_that_is_a_file => Io
        ["target"] ["app/target` is not a directory"] || {
            Case::new(Project::new("app").file("target", "")).error()
        };
}

/// The case with a directory as `PATH` that has only cargo and rustc.
fn bare(case: Case) -> Case {
    let bin = case.project.outer().join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, program) in [("cargo", tool::cargo()), ("rustc", tool::rustc())] {
        symlink(program, bin.join(name)).unwrap();
    }
    case.env(|env| env.set("PATH", bin))
}

/// A directory with every program of `PATH` but one.
fn without(case: &Case, missing: &str) -> PathBuf {
    let bin = case.project.outer().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = case.env.get("PATH").unwrap().to_owned();
    for dir in std::env::split_paths(&path) {
        for program in fs::read_dir(dir).into_iter().flatten() {
            let program = program.unwrap().path();
            let name = program.file_name().unwrap();
            if name != missing {
                // The first one in `PATH` is found.
                let _ = symlink(&program, bin.join(name));
            }
        }
    }
    bin
}

#[test]
fn a_cache_below_a_file_is_named_with_the_file() {
    let case = Case::new(Project::new("app"));
    let file = case.project.outer().join("file");
    fs::write(&file, "").unwrap();
    let case = case.env(|env| env.set("CROSS_CACHE_DIR", file.join("cache")));
    let error = super::failed(case.cross.build(TARGET).run());
    assert!(error.to_string().contains("file/cache"), "{error:?}");
    let help = error.help().unwrap_or_default();
    assert!(help.contains("file` is not a directory"), "{error:?}");
}
