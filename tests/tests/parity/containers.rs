//! The choice of the engine, and the options of its `run` besides mounts.

use cross_core::{ErrorKind, engine::EngineKind};
use cross_tests::{Answer, Fakes, tool};

use crate::case::{T, U, each_with, for_t, of_t, on, says, t_with};

const IMAGE: &str = "image = \"mine\"";

#[test]
fn docker_is_preferred_over_podman_for_an_image() {
    let case = on(Fakes::Podman).also(Fakes::Docker).also(Fakes::Sandbox);
    let case = case.toml(&format!("[target.{T}]\n{IMAGE}\n"));
    let seen = case.build();
    seen.is(seen.plan().engine.kind, EngineKind::Docker);
    let seen = on(Fakes::Podman)
        .toml(&format!("[target.{T}]\n{IMAGE}\n"))
        .build();
    seen.is(seen.plan().engine.kind, EngineKind::Podman);
}

#[test]
fn differs_a_recipe_needs_no_container_engine() {
    let seen = on(Fakes::Docker).also(Fakes::Sandbox).build();
    seen.is(seen.plan().engine.kind, EngineKind::Sandbox);
}

#[test]
fn the_sandbox_cannot_run_images() {
    let case = on(Fakes::Sandbox)
        .toml(&format!("[target.{T}]\n{IMAGE}\n"))
        .set("CROSS_CONTAINER_ENGINE", "sandbox");
    let error = case.refused(&["build", "--target", T], ErrorKind::EngineUnusable);
    says(&error, "image", "docker");
    let case = on(Fakes::Sandbox).toml(&format!("[target.{T}]\n{IMAGE}\n"));
    let error = case.refused(&["build", "--target", T], ErrorKind::NoEngine);
    says(&error, "docker", "install");
}

#[test]
fn a_rootless_docker_is_detected() {
    let answer = Answer::says("26.1.5|linux/amd64|Engine rootlesskit \n");
    let case = for_t().rule("docker", &["version", "--format"], answer);
    let seen = case.cargo(&["build"]);
    seen.ensure(seen.plan().engine.rootless, "rootless");
    seen.engine_lacks("--user");
}

#[test]
fn docker_uses_the_user_namespace_of_the_host() {
    for_t().cargo(&["build"]).engine_has(&["--userns", "host"]);
}

#[test]
fn a_platform_other_than_the_engines_is_passed() {
    let platform = |toolchain: &str| {
        let lines = format!("image = {{ name = \"mine\", toolchain = [{toolchain}] }}");
        t_with(&lines).program("rustup").build()
    };
    platform("\"linux/amd64\"").engine_lacks("--platform");
    platform("\"x86_64-unknown-linux-gnu\"").engine_lacks("--platform");
    platform("\"linux/arm64\"").engine_has(&["--platform", "linux/arm64"]);
    platform("\"linux/arm64/v8\"").engine_has(&["--platform", "linux/arm64/v8"]);
    platform("\"linux/arm64\", \"linux/amd64\"").engine_lacks("--platform");
    t_with(IMAGE).build().engine_lacks("--platform");
}

#[test]
fn the_runner_is_passed_to_the_scripts_of_an_image() {
    t_with(IMAGE).build().has("CROSS_RUNNER", "");
    let seen = t_with(&format!("{IMAGE}\nrunner = \"native\"")).build();
    seen.has("CROSS_RUNNER", "native");
    let case = t_with(&format!("{IMAGE}\nrunner = \"qemu-system\""));
    case.build().has("CROSS_RUNNER", "qemu-system");
}

#[test]
fn the_toolchain_is_passed_to_the_scripts_of_an_image() {
    let case = t_with(IMAGE);
    let seen = case.build();
    let sysroot = seen.plan().toolchain.sysroot().unwrap().to_owned();
    seen.has("CROSS_RUST_SYSROOT", sysroot.to_str().unwrap());
}

#[test]
fn these_variables_of_the_user_reach_the_environment() {
    let names = [
        "TERM",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "QEMU_STRACE",
        "CARGO_INCREMENTAL",
        "CARGO_BUILD_JOBS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_RUSTDOCFLAGS",
        "CARGO_PROFILE_RELEASE_LTO",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        "CROSS_DEBUG",
    ];
    let seen = for_t().set_all(&names, "1").build();
    for name in names {
        seen.has(name, "1");
    }
}

#[test]
fn differs_these_variables_of_the_user_do_not_reach_the_environment() {
    let names = [
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTDOC",
        "CARGO_REGISTRY_TOKEN",
        "CROSS_MY_OWN",
        "LD_LIBRARY_PATH",
        "MY_TOKEN",
    ];
    let seen = for_t().set_all(&names, "x").build();
    for name in names {
        seen.lacks(name);
    }
}

#[test]
fn source_replacement_is_passed_without_secrets() {
    let case = for_t()
        .set(
            "CARGO_REGISTRIES_MINE_INDEX",
            "sparse+https://mine.invalid/",
        )
        .set("CARGO_REGISTRIES_MINE_TOKEN", "s3cret");
    let seen = case.build();
    seen.has(
        "CARGO_REGISTRIES_MINE_INDEX",
        "sparse+https://mine.invalid/",
    );
    seen.lacks("CARGO_REGISTRIES_MINE_TOKEN");
}

#[test]
fn differs_the_address_of_a_registry_has_no_password() {
    let name = "CARGO_REGISTRIES_MINE_INDEX";
    let seen = for_t()
        .set(name, "sparse+https://me:s3cret@mine.invalid/")
        .build();
    seen.has(name, "sparse+https://mine.invalid/");
}

#[test]
fn these_variables_have_another_value_inside() {
    for name in ["CARGO_TARGET_DIR", "CROSS_RUNNER", "HOME"] {
        let case = t_with(IMAGE).set_to_dir(name, "../the-users");
        let seen = case.build();
        let value = seen.value(name).unwrap();
        seen.ensure(!value.ends_with("/the-users"), format!("{name}={value}"));
    }
}

#[test]
fn differs_proxy_variables_reach_runs_with_a_network_without_a_password() {
    let names = ["http_proxy", "https_proxy", "HTTPS_PROXY"];
    let case = for_t().set_all(&names, "http://me:s3cret@proxy.invalid");
    let without = case.cargo(&["test"]);
    let with = case.set("CROSS_BUILD_NETWORK", "host").cargo(&["test"]);
    for name in names {
        with.has(name, "http://proxy.invalid");
        without.lacks(name);
    }
}

#[test]
fn the_user_has_a_name() {
    for_t()
        .build()
        .has("USER", if tool::is_root() { "root" } else { "user" });
    for_t()
        .set("CROSS_CONTAINER_UID", "1234")
        .build()
        .has("USER", "user");
}

#[test]
fn container_options_precede_the_image() {
    let seen = t_with(IMAGE)
        .set("CROSS_CONTAINER_OPTS", "--memory 2g")
        .build();
    seen.engine_has(&["--memory", "2g", "mine"]);
}

#[test]
fn the_rustc_version_is_passed_to_the_scripts_of_an_image() {
    let seen = t_with(IMAGE).build();
    for (part, number) in [("MAJOR", "1"), ("MINOR", "85"), ("PATCH", "0")] {
        seen.has(&format!("CROSS_RUSTC_{part}_VERSION"), number);
    }
}

#[test]
fn a_container_has_a_name_and_is_removed() {
    let seen = for_t().build();
    seen.engine_has(&["--name", &format!("cross-{T}")]);
    seen.engine_has(&["run", "--rm"]);
}

#[test]
fn only_32_bit_android_has_a_seccomp_profile() {
    let need = [
        "armv7-linux-androideabi",
        "arm-linux-androideabi",
        "i686-linux-android",
    ];
    let others = ["aarch64-linux-android", "x86_64-linux-android", T];
    let case = each_with(&[need, others].concat(), IMAGE);
    for (target, needs) in need
        .map(|target| (target, true))
        .into_iter()
        .chain(others.map(|target| (target, false)))
    {
        let seen = case.build_for(target);
        let has = |arg: &String| arg.starts_with("seccomp=") && arg.ends_with("/seccomp.json");
        seen.is(seen.run().1.args.iter().any(has), needs);
    }
}

#[test]
fn a_rootful_engine_runs_as_the_caller() {
    let seen = for_t().build();
    let (uid, gid) = seen.plan().engine.user;
    seen.engine_has(&["--user", &format!("{uid}:{gid}")]);
}

#[test]
fn a_rootless_engine_runs_as_root() {
    let case = for_t().set("CROSS_ROOTLESS_CONTAINER_ENGINE", "true");
    let seen = case.build();
    seen.engine_lacks("--user");
    seen.has("USER", "root");
}

#[test]
fn the_command_runs_in_the_callers_directory() {
    let case = for_t().workspace().in_dir("member/src");
    let seen = case.build();
    let dir = case.path("member/src");
    seen.is(&seen.run().0.cwd, &dir);
    seen.engine_has(&["--workdir", dir.to_str().unwrap()]);
}

#[test]
fn only_the_users_program_gets_a_terminal() {
    let words = |word: &str| {
        let case = for_t();
        let request = case.cross().cargo([word]).inherit(true).terminal(true);
        crate::seen::Seen::new(request.plan().unwrap())
    };
    words("run").engine_has(&["--tty"]);
    words("test").engine_has(&["--tty"]);
    words("build").engine_lacks("--tty");
    let piped = for_t().cross().cargo(["run"]).inherit(true).plan().unwrap();
    crate::seen::Seen::new(piped).engine_lacks("--tty");
}

#[test]
fn differs_cargo_is_started_without_a_shell() {
    let case = for_t();
    let seen = case.cargo(&["build", "--features", "a b; c"]);
    let words = [
        "cargo",
        "build",
        "--target",
        T,
        "--locked",
        "--features",
        "a b; c",
    ];
    seen.engine_has(&words);
    let path = seen.value("PATH").unwrap().to_owned();
    let sysroot = seen.plan().toolchain.sysroot().unwrap();
    let bin = sysroot.join("bin");
    seen.ensure(path.starts_with(bin.to_str().unwrap()), path);
}

#[test]
fn differs_an_unprivileged_caller_has_a_home_and_a_passwd_entry() {
    let seen = for_t().set("CROSS_CONTAINER_UID", "1234").build();
    seen.has("HOME", "/tmp/home");
    seen.mounts("/etc/passwd", cross_engine::Access::Read);
    seen.mounts("/tmp/home", cross_engine::Access::Scratch);
}

#[test]
fn differs_podman_has_its_own_user_namespace() {
    let seen = on(Fakes::Podman).build();
    seen.engine_lacks("--userns");
    let case = on(Fakes::Podman).set("CROSS_CONTAINER_USER_NAMESPACE", "keep-id");
    case.build().engine_has(&["--userns", "keep-id"]);
}

#[test]
fn differs_selinux_labels_are_unchanged() {
    let seen = for_t().build();
    seen.engine_has(&["--security-opt", "label=disable"]);
    let relabels =
        |arg: &String| arg.ends_with(":z") || arg.contains(":z,") || arg.contains("relabel");
    seen.ensure(!seen.run().1.args.iter().any(relabels), "no :z");
}

#[test]
fn differs_several_targets_have_several_environments() {
    let case = for_t().set(&of_t("RUNNER"), "mine");
    let seen = case.cargo(&["test", "--target", T, "--target", U]);
    let names: Vec<_> = seen
        .plans()
        .map(|plan| plan.environment.name.clone())
        .collect();
    seen.ensure(names[0].starts_with(T) && names[1].starts_with(U), &names);
}
