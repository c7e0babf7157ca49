//! Bugs in the engines and containers of `cross` that this project does not have.

use cross_core::{ErrorKind, plan::EnvironmentKind};
use cross_engine::{Access, ContainerfileSource, Stdio};
use cross_tests::{Answer, Fakes};

use crate::case::{HOST, T, case, each_with, for_t, on, says, t_with, text};
use crate::seen::{Seen, has_words};

#[test]
fn an_error_names_the_configured_engine() {
    let case = on(Fakes::Docker).set("CROSS_CONTAINER_ENGINE", "no-such-engine");
    let error = case.refused(&["build", "--target", T], ErrorKind::EngineUnusable);
    says(&error, "no-such-engine", "podman");
}

#[test]
fn an_unknown_architecture_of_the_engine_is_accepted() {
    let answer = Answer::says("26.1.5|linux/z80|Engine \n");
    let case = for_t().rule("docker", &["version", "--format"], answer);
    let seen = case.cargo(&["build"]);
    seen.is(seen.plan().engine.architecture.as_str(), "z80");
}

#[test]
fn standard_input_reaches_the_program() {
    for engine in Fakes::ENGINES {
        let case = on(engine);
        let request = case.cross().cargo(["run", "--target", T]).inherit(true);
        let seen = Seen::new(request.plan().unwrap());
        seen.is(seen.run().0.stdio, Stdio::Inherit);
        if engine != Fakes::Sandbox {
            seen.engine_has(&["--interactive"]);
            seen.engine_lacks("--tty");
        }
    }
}

#[test]
fn these_variables_are_forwarded() {
    let all = ["RUST_BACKTRACE", "RUST_LOG", "SOURCE_DATE_EPOCH"];
    let proxies = [
        "HTTP_PROXY",
        "NO_PROXY",
        "no_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let case = for_t()
        .set_all(&all, "the user's")
        .set_all(&proxies, "the user's");
    // Only what has a network is told how to reach it.
    let seen = case.set("CROSS_BUILD_NETWORK", "host").cargo(&["test"]);
    for name in all.iter().chain(&proxies) {
        seen.has(name, "the user's");
    }
}

#[test]
fn variables_of_the_outer_cargo_and_of_host_tools_are_not_forwarded() {
    let hosts = [
        "CARGO_MANIFEST_DIR",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
        "CC",
        "CFLAGS",
        "SSH_AUTH_SOCK",
    ];
    let case = for_t()
        .set_all(&hosts, "the host's")
        .set("RUSTC_WRAPPER", "/usr/bin/sccache");
    let seen = case.build();
    for name in hosts {
        seen.lacks(name);
    }
    seen.lacks("RUSTC_WRAPPER");
}

#[test]
fn linkers_of_the_host_do_not_replace_those_of_the_environment() {
    let linker = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";
    let seen = for_t().set(linker, "/usr/bin/host-linker").build();
    seen.has(linker, "aarch64-linux-gnu-gcc");
    let case = t_with("image = \"mine\"")
        .set(linker, "/usr/bin/host-linker")
        .image(&[(linker, "mine-gcc")]);
    case.build().lacks(linker);
}

#[test]
fn credentials_are_not_visible_in_the_environment() {
    for engine in Fakes::ENGINES {
        let case = on(engine).set_to_dir("CARGO_HOME", "../cargo").file(
            "../cargo/credentials.toml",
            "[registry]\ntoken = \"s3cret\"\n",
        );
        let seen = case.build();
        let home = seen.value("CARGO_HOME").unwrap().to_owned();
        seen.mounts(&home, Access::Scratch);
        let sees = |mount: &cross_engine::Mount| {
            mount.access != Access::Scratch && text(&mount.source).contains("credentials")
        };
        seen.ensure(!seen.run().0.mounts.iter().any(sees), "no credentials");
        let writes = |mount: &cross_engine::Mount| {
            mount.access == Access::Write && mount.target.starts_with(&home)
        };
        seen.ensure(
            !seen.run().0.mounts.iter().any(writes),
            "nothing can be written",
        );
    }
}

#[test]
fn the_users_own_linkers_and_wrappers_take_no_effect() {
    let config = format!(
        "[build]\nrustc-wrapper = \"sccache\"\n[target.{T}]\nlinker = \"/usr/bin/host-linker\"\n\
         [target.{HOST}]\nlinker = \"clang\"\n"
    );
    for path in ["../cargo/config.toml", ".cargo/config.toml"] {
        let case = for_t()
            .set_to_dir("CARGO_HOME", "../cargo")
            .file(path, &config);
        let seen = case.cargo(&["build"]);
        for variable in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            match path {
                ".cargo/config.toml" => seen.has(variable, "/usr/bin/env"),
                // The user's configuration is not visible inside.
                _ => seen.lacks(variable),
            };
        }
        seen.has(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        );
        seen.has("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "cc");
    }
}

#[test]
fn a_host_setting_in_the_workspaces_configuration_is_a_warning() {
    let case = for_t().file(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"sccache\"\n",
    );
    let seen = case.cargo(&["build"]);
    let warnings = &seen.all().decision.warnings;
    seen.ensure(
        warnings
            .iter()
            .any(|warning| warning.contains("build.rustc-wrapper")),
        warnings,
    );
}

#[test]
fn cargo_configuration_above_the_workspace_applies() {
    let config = format!("[build]\ntarget = \"{T}\"\n[alias]\nship = \"build --release\"\n");
    let case = case("").file("../.cargo/config.toml", &config);
    let seen = case.cargo(&["ship"]);
    seen.given(&["build", "--target", T, "--release"]);
}

#[test]
fn source_replacement_above_the_workspace_applies() {
    let config = "[registries.mine]\nindex = \"sparse+https://mine.invalid/\"\n";
    let case = for_t().file("../.cargo/config.toml", config);
    let seen = case.build();
    let file = case.path("../.cargo/config.toml").canonicalize().unwrap();
    let is_mounted = seen.run().0.mounts.iter().any(|mount| mount.source == file);
    let is_told = format!("{:?}", seen.plan()).contains("mine.invalid");
    seen.ensure(is_mounted || is_told, "the registry");
}

#[test]
fn paths_are_the_same_inside_and_outside() {
    let seen = for_t().workspace().build();
    let moved = |mount: &&cross_engine::Mount| {
        mount.access != Access::Scratch && mount.source != mount.target
    };
    let moved: Vec<_> = seen.run().0.mounts.iter().filter(moved).collect();
    let only_files_of_ours = moved.iter().all(|mount| mount.target.starts_with("/etc"));
    seen.ensure(only_files_of_ours, moved);
}

#[test]
fn artifacts_of_the_host_are_not_reused_in_an_environment() {
    let case = for_t();
    let seen = case.build();
    let dir = &seen.plan().target_dir;
    seen.ensure(*dir != case.path("target"), dir);
    let sandboxed = on(Fakes::Sandbox).build();
    sandboxed.ensure(
        sandboxed
            .plan()
            .target_dir
            .starts_with(&sandboxed.plan().publish_dir),
        "below",
    );
    let mirrored = seen.plan().steps.iter().any(|step| match &step.action {
        cross_core::plan::Action::Mirror { to, .. } => *to == case.path("target").join(T),
        _ => false,
    });
    seen.ensure(mirrored, "what was built appears in its usual place");
}

#[test]
fn a_path_dependency_inside_the_workspace_is_mounted_once() {
    let inner =
        "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    let case = for_t()
        .manifest(
            "[workspace]\nexclude = [\"inner\"]\n[dependencies]\ninner = { path = \"inner\" }",
        )
        .file("inner/Cargo.toml", inner)
        .file("inner/src/lib.rs", "")
        .without("Cargo.lock");
    let seen = case.build();
    seen.ensure(
        seen.mount(case.path("inner")).is_none(),
        "it is seen through the workspace",
    );
    seen.mounts(case.project.path(), Access::Read);
}

#[test]
fn every_user_has_a_home_and_a_passwd_entry() {
    let case = for_t()
        .set("CROSS_CONTAINER_UID", "1234")
        .set("CROSS_CONTAINER_GID", "4321");
    let seen = case.build();
    seen.has("HOME", "/tmp/home").has("USER", "user");
    seen.mounts("/tmp/home", Access::Scratch);
    let passwd = seen.plan().to_string();
    seen.ensure(passwd.contains("/passwd"), "it is written");
    seen.mounts("/etc/passwd", Access::Read)
        .mounts("/etc/group", Access::Read);
}

#[test]
fn the_nix_store_cannot_be_written() {
    let case = for_t().set_to_dir("NIX_STORE_DIR", "../store");
    let seen = case.build();
    let writes = |mount: &cross_engine::Mount| {
        mount.access == Access::Write && mount.target.ends_with("store")
    };
    seen.ensure(!seen.run().0.mounts.iter().any(writes), "read only");
}

#[test]
fn a_seccomp_profile_is_named_by_its_content() {
    let toml = "[target.armv7-linux-androideabi]\nimage = \"mine\"\n";
    let case = case(toml);
    let seen = case.build_for("armv7-linux-androideabi");
    let profile = seen.run().0.seccomp.clone().unwrap();
    seen.ensure(
        profile.starts_with(case.machine.path("cache/files")),
        &profile,
    );
    seen.ensure(
        !profile.starts_with(case.path("target")),
        "not in the target directory",
    );
}

#[test]
fn an_image_is_built_once_for_its_content() {
    let case = t_with("image = \"mine\"\npre-build = [\"true\"]").cold();
    let first = case.build();
    let built = &first.built().0.tag;
    let case = case.built_on("sha256:0");
    let again = case.build();
    again.is(again.builds().len(), 0).image(built);
    let newer = case.built_on("sha256:of another base").build();
    newer.is(newer.builds().len(), 1);
}

#[test]
fn commands_end_at_the_first_that_fails() {
    let case = t_with("image = \"mine\"\npre-build = [\"false\", \"true\"]").cold();
    let seen = case.build();
    let script = seen.built().0.files.values().next().unwrap();
    seen.is(script.as_str(), "#!/bin/sh\nset -e\nfalse\ntrue\n");
    let seen = t_with("pre-build = [\"false\", \"true\"]").cold().build();
    let commands = seen.blueprint().commands.concat();
    seen.ensure(
        commands.contains("#!/bin/sh\nset -e\nfalse\ntrue\n"),
        commands,
    );
}

#[test]
fn the_context_of_pre_build_is_empty() {
    let seen = t_with("image = \"mine\"\npre-build = [\"true\"]")
        .cold()
        .build();
    let (build, command) = seen.built();
    seen.is(build.context.as_deref(), None::<&std::path::Path>);
    let project = text(&seen.plan().workspace_root);
    let is_context = command.args.last().unwrap().starts_with(project);
    seen.ensure(!is_context, command.args.last());
}

#[test]
fn a_context_is_relative_to_its_configuration_file() {
    let lines = "dockerfile = { file = \"ci/Dockerfile\", context = \"ci\" }";
    let case = t_with(lines)
        .file("ci/Dockerfile", "FROM mine\nCOPY x /x\n")
        .cold();
    let case = case.in_dir("elsewhere");
    let seen = case.build();
    let (build, _) = seen.built();
    seen.is(
        &build.file,
        &ContainerfileSource::Path(case.path("ci/Dockerfile")),
    );
    seen.is(build.context.clone(), Some(case.path("ci")));
}

#[test]
fn output_options_are_recognised_by_whole_words() {
    let case = |options: &str| {
        let case = t_with("dockerfile = \"Dockerfile\"")
            .file("Dockerfile", "FROM mine\n")
            .cold();
        case.set("CROSS_BUILD_OPTS", options).rule(
            "docker",
            &["buildx", "version"],
            Answer::says("buildx 0.12\n"),
        )
    };
    let ours = |options: &str| has_words(case(options).build().built().1, &["--load"]);
    assert!(ours("--label x--load"));
    assert!(ours(""));
    assert!(!ours("-o type=docker"));
    assert!(!ours("--output=type=docker"));
}

#[test]
fn a_configured_image_is_used_for_any_target() {
    let targets = [
        "wasm32-unknown-unknown",
        "wasm32-wasip1",
        "x86_64-unknown-uefi",
        "nvptx64-nvidia-cuda",
    ];
    let case = each_with(&targets, "image = \"mine\"");
    for target in targets {
        let seen = case.build_for(target);
        seen.kind(EnvironmentKind::Image).image("mine");
        seen.given(&["build", "--target", target]);
    }
}

#[test]
fn an_engine_failure_is_not_an_exit_code_of_cargo() {
    let words = "docker: Error response from daemon: no space left on device.\n";
    let case = for_t().rule("docker", &["run"], Answer::fails(125, words));
    let error = case.cross().cargo(["build"]).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineCannotStart, "{error}");
    assert_eq!(error.code(), None);
    says(&error, "no space left on device", "free some space");
    let rustups = case.machine.calls_of("rustup");
    assert!(rustups.is_empty(), "{rustups:?}");
}

#[test]
fn a_program_with_the_engines_exit_code_is_not_an_engine_failure() {
    // The fake container reports that its command started.
    let case = on(Fakes::Docker).rule("docker", &["run"], Answer::RunHere);
    let case = case.file("src/main.rs", "fn main() { std::process::exit(125) }\n");
    let done = case.cross().cargo(["run", "--target", HOST]).run().unwrap();
    assert_eq!(done.code, 125);
}
