//! Settings that exist only as variables.

use cross_core::ErrorKind;
use cross_engine::Access;
use cross_tests::{Answer, Fakes};

use crate::case::{Case, NIGHTLY, T, case, has_tool, of_t, on, says, t_with, text};
use crate::seen::has_words;

/// A project with a Dockerfile whose image has to be built.
fn with_dockerfile() -> Case {
    let case = t_with("dockerfile = \"Dockerfile\"");
    case.file("Dockerfile", "FROM mine\n").cold()
}

#[test]
fn the_engine_can_be_named() {
    let case = on(Fakes::Docker).set("CROSS_CONTAINER_ENGINE", "podman");
    let seen = case.also(Fakes::Podman).build();
    seen.is(seen.plan().engine.kind.name(), "podman");
    let why = &seen.plan().engine_reason;
    seen.ensure(why.contains("CROSS_CONTAINER_ENGINE"), why);
}

#[test]
fn container_options_are_split_as_a_shell_does() {
    let case = case("").set("CROSS_CONTAINER_OPTS", "--memory 2g --label 'a b'");
    let seen = case.build();
    seen.engine_has(&["--memory", "2g", "--label", "a b"]);
    seen.is_silent();
}

#[test]
fn the_old_name_of_container_options_is_read_with_a_warning() {
    let case = case("").set("DOCKER_OPTS", "--memory 2g");
    let seen = case.build();
    seen.engine_has(&["--memory", "2g"]);
    seen.warns("deprecated", "DOCKER_OPTS");
    let case = case.set("CROSS_CONTAINER_OPTS", "--memory 3g");
    let seen = case.build();
    seen.engine_has(&["--memory", "3g"]);
    seen.ensure(!has_words(seen.run().1, &["2g"]), "the new name wins");
    seen.warns("deprecated", "DOCKER_OPTS");
}

#[test]
fn an_open_quote_in_options_is_an_error() {
    let case = case("").set("CROSS_CONTAINER_OPTS", "--label 'a");
    case.misconfigured("CROSS_CONTAINER_OPTS", "balanced quotes");
}

#[test]
fn differs_container_options_are_a_warning_in_the_sandbox() {
    let case = on(Fakes::Sandbox).set("CROSS_CONTAINER_OPTS", "--memory 2g");
    let seen = case.build();
    seen.engine_lacks("--memory");
    seen.warns("no-effect", "CROSS_CONTAINER_OPTS");
}

#[test]
fn settings_of_containers_are_a_warning_in_the_sandbox() {
    for (name, value) in [
        ("CROSS_CONTAINER_UID", "1234"),
        ("CROSS_CONTAINER_GID", "4321"),
        ("CROSS_CONTAINER_USER_NAMESPACE", "keep-id"),
        ("CROSS_CONTAINER_IN_CONTAINER", "1"),
        ("CROSS_CONTAINER_ENGINE_NO_BUILDKIT", "1"),
        ("CROSS_ROOTLESS_CONTAINER_ENGINE", "1"),
        ("CROSS_BUILD_PROGRESS", "plain"),
        ("CROSS_REMOTE", "1"),
        ("CROSS_REUSE_CONTAINERS", "60"),
    ] {
        let seen = on(Fakes::Sandbox).set(name, value).build();
        seen.warns("no-effect", name);
    }
    for (name, value) in [
        ("CROSS_CONTAINER_IN_CONTAINER", "0"),
        ("CROSS_ROOTLESS_CONTAINER_ENGINE", "auto"),
        ("CROSS_REUSE_CONTAINERS", "0"),
    ] {
        on(Fakes::Sandbox).set(name, value).build().is_silent();
    }
}

#[test]
fn settings_of_remote_engines_are_a_warning_where_files_are_seen() {
    for name in [
        "CROSS_REMOTE_COPY_REGISTRY",
        "CROSS_REMOTE_COPY_CACHE",
        "CROSS_REMOTE_COPY_FULL_TARGET_DIR",
        "CROSS_REMOTE_SKIP_BUILD_ARTIFACTS",
    ] {
        case("").set(name, "1").build().warns("no-effect", name);
        case("").set(name, "0").build().is_silent();
    }
}

#[test]
fn build_options_reach_the_images_build() {
    let seen = with_dockerfile()
        .set("CROSS_BUILD_OPTS", "--network host --label 'a b'")
        .build();
    let words = ["--network", "host", "--label", "a b"];
    seen.ensure(has_words(seen.built().1, &words), words);
}

#[test]
fn the_build_progress_has_three_values() {
    for progress in ["auto", "plain", "tty"] {
        let seen = with_dockerfile()
            .set("CROSS_BUILD_PROGRESS", progress)
            .build();
        seen.is(seen.built().0.progress.as_deref(), Some(progress));
    }
    let case = case("").set("CROSS_BUILD_PROGRESS", "fancy");
    case.misconfigured(
        "CROSS_BUILD_PROGRESS: invalid value `fancy`",
        "`auto`, `plain` or `tty`",
    );
}

#[test]
fn buildkit_can_be_turned_off() {
    let has_buildx = |case: Case| has_tool(case, "docker", &["buildx", "version"], "buildx 0.12\n");
    let seen = has_buildx(with_dockerfile()).build();
    seen.ensure(has_words(seen.built().1, &["buildx", "build"]), "buildx");
    let case = with_dockerfile().set("CROSS_CONTAINER_ENGINE_NO_BUILDKIT", "1");
    let seen = has_buildx(case).build();
    seen.ensure(!has_words(seen.built().1, &["buildx"]), "no buildx");
    seen.is(seen.built().1.args[0].as_str(), "build");
}

#[test]
fn encoded_flags_of_the_caller_reach_cargo() {
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
    ] {
        let seen = case("").set(name, "--cfg\u{1f}a=\"b c\"").build();
        seen.has(name, "--cfg\u{1f}a=\"b c\"").is_silent();
    }
}

#[test]
fn flags_of_a_request_are_added_to_the_encoded_flags() {
    let case = case("")
        .set("CARGO_ENCODED_RUSTFLAGS", "-Copt-level=1")
        .set("RUSTFLAGS", "-Copt-level=2");
    let plan = case.cross().build(T).rustflags(["--cfg", "a b"]).plan();
    let plan = plan.unwrap();
    let encoded = plan.env().get("CARGO_ENCODED_RUSTFLAGS").copied();
    let expected = "-Copt-level=1\u{1f}--cfg\u{1f}a b".to_owned();
    assert_eq!(encoded, Some(&cross_engine::EnvValue::Plain(expected)));
}

#[test]
fn rootless_can_be_set() {
    let rootless = |value: &str| {
        let case = case("").set("CROSS_ROOTLESS_CONTAINER_ENGINE", value);
        case.build().plan().engine.rootless
    };
    assert!(rootless("1"));
    assert!(!rootless("false"));
    assert!(!rootless("auto"), "this docker says that it is not");
}

#[test]
fn the_user_namespace_can_be_set() {
    for (value, words) in [
        ("", Some(["--userns", "host"])),
        ("auto", Some(["--userns", "host"])),
        ("keep-id", Some(["--userns", "keep-id"])),
        ("none", None),
    ] {
        let seen = case("")
            .set("CROSS_CONTAINER_USER_NAMESPACE", value)
            .build();
        match words {
            Some(words) => seen.engine_has(&words),
            None => seen.engine_lacks("--userns"),
        };
    }
}

#[test]
fn the_ids_can_be_set() {
    let case = case("")
        .set("CROSS_CONTAINER_UID", "1234")
        .set("CROSS_CONTAINER_GID", "4321");
    case.build().engine_has(&["--user", "1234:4321"]);
    let case = case.set("CROSS_CONTAINER_UID", "me");
    case.misconfigured("CROSS_CONTAINER_UID: invalid value `me`", "a number");
}

#[test]
fn a_remote_engine_has_what_runs_need_in_volumes() {
    let plan = |name: &str, value: &str| {
        let case = case("").set("CROSS_REMOTE", "1").set(name, value);
        case.request(T).remote
    };
    let remote = plan("CROSS_REMOTE_COPY_CACHE", "0").unwrap();
    let kinds: Vec<_> = remote
        .transfer
        .trees
        .iter()
        .map(|tree| tree.kind.name())
        .collect();
    assert_eq!(kinds, ["sources", "target", "registry", "toolchain"]);
    assert!(!remote.whole_registry && !remote.skip_artifacts && !remote.whole_target_dir);
    assert!(!remote.transfer.with_caches);
    assert!(
        plan("CROSS_REMOTE_COPY_CACHE", "1")
            .unwrap()
            .transfer
            .with_caches
    );
    assert!(
        plan("CROSS_REMOTE_COPY_REGISTRY", "1")
            .unwrap()
            .whole_registry
    );
    assert!(
        plan("CROSS_REMOTE_SKIP_BUILD_ARTIFACTS", "1")
            .unwrap()
            .skip_artifacts
    );
    assert!(
        plan("CROSS_REMOTE_COPY_FULL_TARGET_DIR", "1")
            .unwrap()
            .whole_target_dir
    );
    assert!(plan("CROSS_REMOTE", "0").is_none());
}

/// The container is the one that the engine has by the host name. What is not mounted into it is
/// where the engine has its layers merged.
#[test]
fn in_a_container_paths_are_those_of_its_host() {
    let id = "0123456789ab".repeat(6);
    let answer = format!(
        r#"[{{"Id": "{id}", "GraphDriver": {{"Name": "overlay2", "Data": {{"MergedDir": "/store/merged"}}}}}}]"#
    );
    let inspect = ["container", "inspect"];
    let inside = |name: &str| {
        let case = case("").rule("docker", &inspect, Answer::says(&answer));
        case.set("HOSTNAME", &id[..12]).set(name, "true")
    };
    for name in ["CROSS_CONTAINER_IN_CONTAINER", "CROSS_DOCKER_IN_DOCKER"] {
        let case = inside(name);
        let project = case.path("");
        let project = text(&project).trim_end_matches('/');
        let mount = format!("type=bind,src=/store/merged{project},dst={project},readonly");
        case.build().engine_has(&["--mount", &mount]);
    }
    let case = inside("CROSS_CONTAINER_IN_CONTAINER").rule("docker", &inspect, Answer::says("[]"));
    let error = case.refused(&["build", "--target", T], ErrorKind::OutOfReach);
    assert!(error.to_string().contains("container"), "{error}");
    let off = case.set("CROSS_CONTAINER_IN_CONTAINER", "false").build();
    off.is(off.plan().engine.reach.is_shared(), true)
        .is_silent();
}

#[test]
fn a_custom_toolchain_is_not_completed() {
    let case = case("")
        .set("CROSS_CUSTOM_TOOLCHAIN", "1")
        .program("rustup");
    let seen = case.build_for("powerpc-unknown-linux-gnu");
    seen.is(seen.host_commands(), [""; 0]);
    let seen = case
        .set("CROSS_CUSTOM_TOOLCHAIN", "0")
        .build_for("powerpc-unknown-linux-gnu");
    seen.ensure(
        seen.host_commands().concat().contains("target add"),
        "completed",
    );
}

#[test]
fn a_custom_toolchain_can_be_described() {
    let case = t_with("build-std = true")
        .set("CROSS_CUSTOM_TOOLCHAIN", "1")
        .toolchain("mine", "1.85.0");
    let error = case.refused(&["+mine", "build", "--target", T], ErrorKind::Toolchain);
    says(&error, "needs a nightly toolchain", "+nightly");
    let case = case.set("CROSS_CUSTOM_TOOLCHAIN_COMPAT", NIGHTLY);
    let seen = case.cargo(&["+mine", "build", "--target", T]);
    seen.given(&["build", "--target", T, "-Zbuild-std"]);
}

#[test]
fn differs_behaviour_of_older_versions_is_not_supported() {
    let seen = case("").set("CROSS_COMPATIBILITY_VERSION", "0.2.1").build();
    seen.warns("no-effect", "CROSS_COMPATIBILITY_VERSION");
}

#[test]
fn differs_command_line_policy_does_not_change_a_plan() {
    let plain = case("");
    let plan = |case: &Case| case.request(T).steps.len();
    let before = plan(&plain);
    let told = plain.set("CROSS_NO_WARNINGS", "0").set("CROSS_DEBUG", "1");
    assert_eq!(plan(&told), before);
    told.build().is_silent();
}

#[test]
fn the_nix_store_can_be_named() {
    for name in ["NIX_STORE_DIR", "NIX_STORE"] {
        let case = case("").set_to_dir(name, "../store");
        let seen = case.build();
        let store = case.machine.env();
        let store = store.get_str(name).unwrap();
        seen.mounts(store, Access::Read);
    }
    let case = case("")
        .set("NIX_STORE", "/no/such/store")
        .set_to_dir("NIX_STORE_DIR", "store");
    let seen = case.build();
    let sees = seen
        .run()
        .0
        .mounts
        .iter()
        .any(|mount| mount.source == case.path("store"));
    seen.ensure(sees, "NIX_STORE_DIR goes before NIX_STORE");
}

#[test]
fn a_missing_nix_store_is_an_error() {
    let case = case("").set("NIX_STORE_DIR", "/no/such/store");
    case.misconfigured("/no/such/store", "NIX_STORE_DIR");
}

#[test]
fn cargo_home_is_that_of_the_user() {
    let case = case("").set_to_dir("CARGO_HOME", "../my-cargo");
    let home = case.project.outer().join("my-cargo");
    let inside = case.build();
    let seen = inside.value("CARGO_HOME").unwrap();
    inside.is(std::path::Path::new(seen).canonicalize().unwrap(), home);
}

#[test]
fn qemu_strace_is_passed_on() {
    case("")
        .set("QEMU_STRACE", "1")
        .build()
        .has("QEMU_STRACE", "1");
}

#[test]
fn engine_variables_are_left_to_the_engines_client() {
    let case = case("").set("DOCKER_HOST", "unix:///run/mine.sock");
    let seen = case.build();
    seen.lacks("DOCKER_HOST");
    seen.engine_lacks("DOCKER_HOST");
    assert_eq!(
        case.machine.calls_of("docker")[0]
            .env
            .iter()
            .filter(|name| *name == "DOCKER_HOST")
            .count(),
        1
    );
}

#[test]
fn an_unknown_variable_is_a_warning() {
    for (name, meant) in [
        ("CROSS_BUILD_PRE_BIULD", "CROSS_BUILD_PRE_BUILD"),
        ("CROSS_CONTAINER_OPT", "CROSS_CONTAINER_OPTS"),
        ("CROSS_BUILD_IMAGE", ""),
    ] {
        let case = case("").set(name, "x");
        case.build().warns("unknown-variable", name);
        let config = case.cross().config().unwrap();
        let help = config
            .diagnostics()
            .find(|diagnostic| diagnostic.variable.as_deref() == Some(name));
        let help = help.unwrap().help.clone().unwrap();
        assert!(help.contains(meant), "{name}: {help}");
    }
}

#[test]
fn target_variables_have_valid_shell_names() {
    let name = "CROSS_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER";
    let case = case("[target.\"thumbv8m.main-none-eabi\"]\nimage = \"mine\"\n").set(name, "mine");
    let seen = case.build_for("thumbv8m.main-none-eabi");
    seen.has("CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER", "mine");
    assert_eq!(
        of_t("RUNNER"),
        cross_config::variables::for_target(T, "RUNNER")
    );
}

#[test]
fn the_callers_rustc_applies_to_the_host() {
    let seen = case("").set("RUSTC", "/no/such/rustc").build();
    seen.has("RUSTC", "rustc");
}
