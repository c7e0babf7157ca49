//! Configuration keys, in all of their types and variables.

use cross_core::{ErrorKind, plan::EnvironmentKind};
use cross_engine::Access;

use crate::case::{Case, HOST, T, U, case, for_t, of_t, says, t_with, text};

fn default_target(case: Case, target: &str) {
    let seen = case.cargo(&["build"]);
    seen.is(seen.targets(), [target]);
}

#[test]
fn default_target_in_the_file() {
    default_target(for_t(), T);
}

#[test]
fn default_target_in_the_variable() {
    default_target(for_t().set("CROSS_BUILD_TARGET", U), U);
}

#[test]
fn default_target_in_cargos_variable() {
    default_target(for_t().set("CARGO_BUILD_TARGET", U), U);
    let case = for_t().set("CARGO_BUILD_TARGET", U);
    default_target(case.set("CROSS_BUILD_TARGET", HOST), HOST);
}

#[test]
fn differs_default_targets_in_cargos_configuration() {
    let config = format!("[build]\ntarget = [\"{T}\", \"{U}\"]\n");
    let seen = case("")
        .file(".cargo/config.toml", &config)
        .cargo(&["build"]);
    seen.is(seen.targets(), [T, U]);
    default_target(
        for_t().file(".cargo/config.toml", "[build]\ntarget = \"x-y\"\n"),
        T,
    );
}

/// Checks the flag for building `std`.
fn build_std(case: Case, flag: Option<&str>) {
    let seen = case.nightly().cargo(&["+nightly", "check", "--target", T]);
    let mut words = vec!["check", "--target", T];
    words.extend(flag);
    seen.given(&words);
}

#[test]
fn build_std_is_a_flag_or_a_list() {
    build_std(t_with("build-std = true"), Some("-Zbuild-std"));
    build_std(t_with("build-std = false"), None);
    build_std(t_with("build-std = []"), None);
    build_std(
        t_with("build-std = [\"core\", \"alloc\"]"),
        Some("-Zbuild-std=core,alloc"),
    );
}

#[test]
fn build_std_in_variables() {
    for (text, flag) in [
        ("true", Some("-Zbuild-std")),
        ("1", Some("-Zbuild-std")),
        ("0", None),
        ("core,alloc", Some("-Zbuild-std=core,alloc")),
    ] {
        build_std(case("").set("CROSS_BUILD_STD", text), flag);
        build_std(case("").set(&of_t("BUILD_STD"), text), flag);
    }
}

/// A program of UEFI's aborts when it panics, by a crate that cargo does not build by itself.
#[test]
fn differs_build_std_is_of_the_crates_that_the_target_has() {
    for (target, flag) in [
        ("i686-unknown-uefi", "-Zbuild-std=std,panic_abort"),
        ("thumbv7m-none-eabi", "-Zbuild-std=core,alloc"),
    ] {
        let case = case("").set("CROSS_BUILD_STD", "1").nightly();
        let seen = case.cargo(&["+nightly", "build", "--target", target]);
        seen.given(&["build", "--target", target, flag]);
    }
}

#[test]
fn differs_a_sanitizers_std_is_rustups() {
    let target = "x86_64-unknown-linux-gnuasan";
    let case = case("").set("CROSS_BUILD_STD", "1").nightly();
    let error = case.refused(
        &["+nightly", "build", "--target", target],
        ErrorKind::Toolchain,
    );
    let why = cross_targets::Target::parse(target)
        .unwrap()
        .std_from_rustup_only();
    assert!(error.to_string().contains(why.unwrap()), "{error}");
}

#[test]
fn differs_xargo_is_build_std() {
    let case = t_with("xargo = true").nightly();
    let seen = case.cargo(&["+nightly", "build", "--target", T]);
    seen.given(&["build", "--target", T, "-Zbuild-std"]);
    seen.warns("deprecated", "xargo");
}

/// Returns the user's command for making the environment.
fn script(case: Case) -> Option<String> {
    let seen = case.cold().build();
    let mut commands = seen.blueprint().commands.iter();
    commands
        .find(|command| command.contains("pre-build"))
        .cloned()
}

#[track_caller]
fn runs(case: Case, lines: &str) {
    let script = script(case).unwrap_or_default();
    assert!(script.contains(lines), "`{lines}` is not in: {script}");
}

#[test]
fn pre_build_is_a_script_if_the_file_exists() {
    let case = t_with("pre-build = \"ci/pre.sh\"");
    runs(
        case.file("ci/pre.sh", "#!/bin/bash\nfrom the script\n"),
        "#!/bin/bash\nfrom the script\n",
    );
}

#[test]
fn pre_build_is_a_command_if_the_file_does_not_exist() {
    runs(
        t_with("pre-build = \"apt-get update\""),
        "\napt-get update\n",
    );
}

#[test]
fn pre_build_is_a_list_of_commands() {
    let lines = "pre-build = [\"dpkg --add-architecture $CROSS_DEB_ARCH\", \"apt-get update\"]";
    runs(
        t_with(lines),
        "\ndpkg --add-architecture $CROSS_DEB_ARCH\napt-get update\n",
    );
    assert_eq!(script(t_with("pre-build = []")), None);
}

#[test]
fn pre_build_in_the_build_table_applies_to_every_target() {
    runs(
        case("[build]\npre-build = [\"of build\"]\n"),
        "\nof build\n",
    );
    let toml = format!("[build]\npre-build = [\"of build\"]\n[target.{T}]\npre-build = []\n");
    assert_eq!(script(case(&toml)), None);
}

#[test]
fn pre_build_in_variables_is_lines_of_commands() {
    runs(
        case("").set("CROSS_BUILD_PRE_BUILD", "one\ntwo"),
        "\none\ntwo\n",
    );
    let case = case("").file("pre.sh", "the script's\n");
    runs(case.set(&of_t("PRE_BUILD"), "pre.sh"), "\npre.sh\n");
}

#[test]
fn dockerfile_is_a_path_or_a_table() {
    for lines in [
        "dockerfile = \"ci/Dockerfile\"",
        "dockerfile = { file = \"ci/Dockerfile\" }",
        "dockerfile.file = \"ci/Dockerfile\"",
    ] {
        let case = t_with(lines).file("ci/Dockerfile", "FROM mine\n").cold();
        let seen = case.build();
        let (_, command) = seen.built();
        let named = command
            .args
            .iter()
            .any(|arg| arg == text(&case.path("ci/Dockerfile")));
        seen.ensure(named, "the file");
        seen.kind(EnvironmentKind::Dockerfile);
    }
}

#[test]
fn dockerfile_in_the_build_table_and_in_variables() {
    for case in [
        case("[build]\ndockerfile = \"Dockerfile\"\n"),
        case("").set("CROSS_BUILD_DOCKERFILE", "Dockerfile"),
        case("").set(&of_t("DOCKERFILE"), "Dockerfile"),
    ] {
        let seen = case.file("Dockerfile", "FROM mine\n").build();
        seen.kind(EnvironmentKind::Dockerfile);
    }
}

#[test]
fn dockerfile_has_a_context() {
    let dockerfile = "FROM mine\nCOPY x /x\n";
    for (case, context) in [
        (t_with("dockerfile = \"Dockerfile\""), ""),
        (
            t_with("dockerfile = { file = \"Dockerfile\", context = \"ci\" }"),
            "ci",
        ),
        (
            t_with("dockerfile = \"Dockerfile\"").set(&of_t("DOCKERFILE_CONTEXT"), "ci"),
            "ci",
        ),
    ] {
        let case = case.file("Dockerfile", dockerfile).file("ci/x", "").cold();
        let seen = case.build();
        let expected = case.path(context);
        let used = seen.built().0.context.clone().unwrap();
        seen.is(
            used.canonicalize().unwrap(),
            expected.canonicalize().unwrap(),
        );
    }
}

#[test]
fn passthrough_is_a_name_or_a_value() {
    let case = t_with("env.passthrough = [\"GIVEN\", \"WRITTEN=a b=c\", \"ABSENT\", \"EMPTY=\"]");
    let seen = case.set("GIVEN", "by the user").set("OTHER", "x").build();
    seen.has("GIVEN", "by the user")
        .has("WRITTEN", "a b=c")
        .has("EMPTY", "");
    seen.lacks("ABSENT").lacks("OTHER");
}

#[test]
fn passthrough_in_variables_is_a_list_of_words() {
    let case = case("")
        .set("CROSS_BUILD_ENV_PASSTHROUGH", "A=1 B")
        .set(&of_t("ENV_PASSTHROUGH"), "C=3\tD=4")
        .set("B", "2");
    let seen = case.build();
    seen.has("A", "1").has("B", "2").has("C", "3").has("D", "4");
}

#[test]
fn passthrough_may_not_name_the_runner() {
    t_with("env.passthrough = [\"CROSS_RUNNER=x\"]").misconfigured("`CROSS_RUNNER`", "`runner`");
}

#[test]
fn differs_an_invalid_variable_name_is_an_error() {
    t_with("env.passthrough = [\"MY-VAR\"]").misconfigured("`MY-VAR`", "the name of a variable");
}

#[test]
fn volumes_are_a_variable_or_a_path() {
    let case = t_with("env.volumes = [\"GIVEN\", \"WRITTEN=shared\", \"ABSENT\"]")
        .set_to_dir("GIVEN", "../given")
        .file("shared/x", "");
    let seen = case.build();
    seen.lacks("ABSENT")
        .warns("no-effect", "`ABSENT` in `env.volumes`");
    let given = seen.value("GIVEN").unwrap();
    seen.mounts(given, Access::Write);
    seen.is(
        &seen.mount(given).unwrap().source,
        &case.project.outer().join("given"),
    );
    let written = case.path("shared");
    seen.has("WRITTEN", text(&written))
        .mounts(&written, Access::Write);
}

#[test]
fn volumes_are_replaced_and_not_merged() {
    let toml = format!("[build.env]\nvolumes = [\"A=a\"]\n[target.{T}.env]\nvolumes = [\"B=b\"]\n");
    let case = case(&toml).file("a/x", "").file("b/x", "").file("c/x", "");
    let seen = case.build();
    seen.lacks("A").has("B", text(&case.path("b")));
    let case = case.set("CROSS_BUILD_ENV_VOLUMES", "C=c");
    case.build().has("B", text(&case.path("b"))).lacks("C");
    case.build_for(U).has("C", text(&case.path("c"))).lacks("A");
}

#[test]
fn a_volume_that_does_not_exist_is_an_error() {
    let case = t_with("env.volumes = [\"V=/no/such/directory\"]");
    let error = case.refused(&["build", "--target", T], ErrorKind::Io);
    says(&error, "/no/such/directory", "`V` in `env.volumes`");
}

#[test]
fn runner_is_a_command() {
    let variable = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER";
    t_with("runner = \"valgrind --quiet\"")
        .build()
        .has(variable, "valgrind --quiet");
    case("")
        .set(&of_t("RUNNER"), "valgrind")
        .build()
        .has(variable, "valgrind");
}

#[test]
fn differs_flags_accept_only_known_words() {
    for (text, flag) in [
        ("yes", Some("-Zbuild-std")),
        ("on", Some("-Zbuild-std")),
        ("no", None),
        ("off", None),
        ("", None),
    ] {
        build_std(case("").set("CROSS_BUILD_STD", text), flag);
    }
    let case = case("").set("CROSS_BUILD_ZIG", "maybe");
    case.misconfigured(
        "CROSS_BUILD_ZIG: invalid value `maybe`",
        "`true` or `false`",
    );
}

#[test]
fn differs_additional_keys_do_not_change_the_others() {
    let case = t_with("suite = \"trixie\"\npackages = [\"libssl-dev\"]\nnetwork = \"host\"").cold();
    let seen = case.build();
    let packages = &seen.blueprint().packages;
    seen.ensure(
        packages.iter().any(|package| package == "libssl-dev:arm64"),
        packages,
    );
    seen.is(seen.plan().environment.suite.as_deref(), Some("trixie"));
    seen.engine_has(&["--network", "host"]);
    let other = case.build_for(U);
    other.ensure(
        !other.blueprint().packages.concat().contains("libssl-dev"),
        "none",
    );
}

/// Returns a project that `CROSS_CONFIG` names a file of another directory for.
fn with_config_in_ci(lines: &str) -> Case {
    case("")
        .file("ci/C.toml", &format!("[target.{T}]\n{lines}\n"))
        .set("CROSS_CONFIG", "ci/C.toml")
}

#[test]
fn a_script_is_beside_the_file_that_names_it_or_in_the_workspaces_root() {
    let case = with_config_in_ci("pre-build = \"ci/p.sh\"");
    runs(case.file("ci/p.sh", "of the root\n"), "of the root\n");
    let case = with_config_in_ci("pre-build = \"p.sh\"");
    runs(case.file("ci/p.sh", "beside it\n"), "beside it\n");
    let case = with_config_in_ci("pre-build = \"p.sh\"").file("p.sh", "of the root\n");
    runs(case, "of the root\n");
    let case = with_config_in_ci("pre-build = \"p.sh\"").file("p.sh", "of the root\n");
    runs(case.file("ci/p.sh", "beside it\n"), "beside it\n");
}

#[test]
fn a_members_script_and_dockerfile_may_be_in_the_workspaces_root() {
    let member = |lines: &str| {
        let manifest = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        let lines = format!("{manifest}[package.metadata.cross.target.{T}]\n{lines}\n");
        let case = case("").workspace().file("member/Cargo.toml", &lines);
        case.in_dir("member")
    };
    let case = member("pre-build = \"ci/p.sh\"");
    runs(case.file("ci/p.sh", "of the root\n"), "of the root\n");
    let case = member("dockerfile = \"ci/Dockerfile\"").file("ci/Dockerfile", "FROM mine\n");
    case.build().kind(EnvironmentKind::Dockerfile);
    let case = member("dockerfile = \"Dockerfile\"").file("member/Dockerfile", "FROM mine\n");
    case.build().kind(EnvironmentKind::Dockerfile);
}

#[test]
fn a_dockerfile_is_beside_the_file_that_names_it_or_in_the_workspaces_root() {
    for lines in [
        "dockerfile = \"ci/Dockerfile\"",
        "dockerfile = { file = \"ci/Dockerfile\" }",
        "dockerfile = \"Dockerfile\"",
    ] {
        let case = with_config_in_ci(lines).file("ci/Dockerfile", "FROM mine\n");
        case.build().kind(EnvironmentKind::Dockerfile);
    }
    for dir in ["ci", "sub"] {
        let case = case("").file("ci/Dockerfile", "FROM mine\n").in_dir(dir);
        let case = case.set("CROSS_BUILD_DOCKERFILE", "ci/Dockerfile");
        case.build().kind(EnvironmentKind::Dockerfile);
    }
}

#[test]
fn differs_a_script_that_does_not_exist_is_an_error() {
    for path in ["ci/no.sh", "./no.sh", "../no/such"] {
        t_with(&format!("pre-build = \"{path}\""))
            .misconfigured("Cross.toml:2:13", "workspace's root");
    }
    let case = with_config_in_ci("pre-build = \"scripts/p.sh\"");
    case.misconfigured(
        "the `pre-build` script",
        "relative to the file that names it",
    );
    // A command has several words, or no path of the project.
    runs(t_with("pre-build = \"ldconfig\""), "\nldconfig\n");
}
