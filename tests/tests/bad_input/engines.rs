//! Engines that are missing, do not answer, or cannot start a container.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_core::{Env, ErrorKind};
use cross_engine::process::clock;
use cross_tests::{Leftovers, PlainUser, Project, engines, tool};

use crate::{Case, Fails as _, TARGET, says};

/// Creates a directory with cargo and the programs of `add`, to be the only one in `PATH`.
fn only(case: &Case, add: impl FnOnce(&Path)) -> PathBuf {
    let bin = case.project.outer().join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, program) in [("cargo", tool::cargo()), ("rustc", tool::rustc())] {
        symlink(program, bin.join(name)).unwrap();
    }
    add(&bin);
    bin
}

#[test]
fn no_engine_at_all() {
    let case = Case::of(Project::new("app"), "auto");
    let bin = only(&case, |_| {});
    let case = case.env(|env| env.set("PATH", bin));
    let error = case.build_fails(ErrorKind::NoEngine);
    let words = [
        "`bwrap` is not installed",
        "`docker` is not installed",
        "`podman` is not installed",
    ];
    says(&error.to_string(), &words);
    let packages = ["bubblewrap", "docker.io", "podman"];
    says(error.help().unwrap(), &packages);
}

#[test]
fn engine_not_installed() {
    let case = Case::of(Project::new("app"), "podman");
    let bin = only(&case, |_| {});
    let case = case.env(|env| env.set("PATH", bin));
    let error = case.build_fails(ErrorKind::EngineUnusable);
    says(&error.to_string(), &["podman", "not installed"]);
    says(error.help().unwrap(), &["install podman"]);
}

#[test]
fn engine_that_is_no_engine() {
    let case = Case::of(Project::new("app"), "/bin/true");
    let error = case.build_fails(ErrorKind::EngineUnusable);
    says(&error.to_string(), &["/bin/true", "--version"]);
}

/// A client without its daemon is not an engine.
#[test]
fn engine_installed_but_not_answering() {
    let case = Case::of(Project::new("app"), "docker");
    let socket = format!("unix://{}/none.sock", case.project.outer().display());
    let case = case.env(|env| env.set("DOCKER_HOST", &socket));
    let error = case.build_fails(ErrorKind::EngineUnusable);
    says(
        &error.to_string(),
        &["docker", "daemon does not answer", &socket],
    );
    says(error.help().unwrap(), &["dockerd"]);
}

/// A daemon that accepts connections and never answers must not hang the request.
#[test]
fn engine_installed_but_silent() {
    let case = Case::of(Project::new("app"), "docker");
    let socket = case.project.outer().join("silent.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let host = format!("unix://{}", socket.display());
    let case = case.env(|env| env.set("DOCKER_HOST", &host));
    let start = clock::now();
    let error = case.build_fails(ErrorKind::EngineUnusable);
    says(&error.to_string(), &["docker", "does not answer"]);
    // A request that hangs would last forever.
    assert!(start.elapsed() < Duration::from_secs(120));
}

/// `auto` reports the engines that it skipped, with the reasons.
#[test]
fn no_engine_answers_though_one_is_installed() {
    let case = Case::of(Project::new("app"), "auto");
    let bin = only(&case, |bin| {
        symlink(tool::on_path("docker"), bin.join("docker")).unwrap();
    });
    let env = |env: Env| env.set("PATH", bin).set("DOCKER_HOST", "unix:///none.sock");
    let error = case.env(env).build_fails(ErrorKind::NoEngine);
    says(
        &error.to_string(),
        &["docker: the docker daemon does not answer"],
    );
}

/// Runs the real bubblewrap in a user namespace that forbids further ones. Root would not need one.
#[test]
fn engine_that_cannot_start_bubblewrap_refused_user_namespaces() {
    let user = PlainUser::get();
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project).of_user(user.id());
    let script = format!(
        "#!/bin/sh\nexec unshare --user --map-root-user sh -c \
         'echo 0 > /proc/sys/user/max_user_namespaces && exec {} \"$@\"' sh \"$@\"\n",
        tool::on_path("bwrap").display()
    );
    let bin = project.outer().join("refused");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("bwrap"), script).unwrap();
    fs::set_permissions(bin.join("bwrap"), fs::Permissions::from_mode(0o755)).unwrap();
    let caller = user.owns(&project, Path::new(env!("CARGO_BIN_EXE_caller")));
    let env = before_path(user.env(), bin);
    let said = user.run(&env, project.path(), &[&caller, "build", "sandbox", TARGET]);
    let error = &said["error"];
    assert_eq!(error["kind"], "EngineUnusable", "{said}");
    let words = [
        "sandbox",
        "refuses user namespaces",
        "Creating new namespace failed",
    ];
    says(error["message"].as_str().unwrap(), &words);
    let remedies = ["user namespaces", "docker"];
    says(error["help"].as_str().unwrap(), &remedies);
    leftovers.are_none();
}

fn before_path(env: Env, dir: PathBuf) -> Env {
    let path = env.get("PATH").unwrap().to_owned();
    let all = std::env::join_paths(std::iter::once(dir).chain(std::env::split_paths(&path)));
    env.set("PATH", all.unwrap())
}

/// Returns the error of podman with one changed setting.
fn podman_refused(containers: &str, engine: &str) -> String {
    engines::need("podman");
    let case = Case::of(Project::new("app"), "podman");
    let config = case.project.outer().join("containers.conf");
    let runtime = tool::found("runc").map_or("crun", |_| "runc");
    let text = format!("[containers]\n{containers}\n[engine]\nruntime = \"{runtime}\"\n{engine}\n");
    fs::write(&config, text).unwrap();
    let case = case.env(|env| {
        env.set("CONTAINERS_CONF", config)
            .set("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/none")
            .set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/none")
    });
    let error = case.build_fails(ErrorKind::EngineCannotStart);
    format!("{error}\n{}", error.help().unwrap())
}

/// The limit of open files is larger than any kernel allows.
#[test]
fn engine_that_cannot_start_podman_refused_by_ulimits() {
    let told = podman_refused("default_ulimits = [\"nofile=2147483647:2147483647\"]", "");
    says(
        &told,
        &["podman cannot start", "limits", "rlimit", "default_ulimits"],
    );
}

/// Control groups are managed by a systemd that does not answer.
#[test]
fn engine_that_cannot_start_podman_refused_by_cgroups() {
    let limits = "default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]";
    let told = podman_refused(limits, "cgroup_manager = \"systemd\"");
    says(
        &told,
        &["podman cannot start", "control group", "cgroup_manager"],
    );
}
