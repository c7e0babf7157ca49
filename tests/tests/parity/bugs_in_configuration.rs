//! Bugs in the configuration of `cross` that this project does not have.

use cross_core::{ErrorKind, plan::EnvironmentKind};
use cross_tests::Fakes;

use crate::case::{T, U, case, of_t, on, says, t_with};

#[test]
fn cross_toml_beats_cargo_toml() {
    let case = t_with("runner = \"of Cross.toml\"").manifest(&format!(
        "[package.metadata.cross.target.{T}]\nrunner = \"of Cargo.toml\""
    ));
    let runner = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER";
    case.build().has(runner, "of Cross.toml");
}

#[test]
fn passthrough_of_a_target_variable_works_alone() {
    let case = case("").set(&of_t("ENV_PASSTHROUGH"), "A=1");
    case.build().has("A", "1");
    case.build_for(U).lacks("A");
}

#[test]
fn passthrough_of_a_variable_is_added_to_that_of_the_file() {
    let case = case("[build.env]\npassthrough = [\"A=1\"]\n");
    let seen = case.set("CROSS_BUILD_ENV_PASSTHROUGH", "B=2").build();
    seen.has("A", "1").has("B", "2");
}

#[test]
fn a_missing_cross_config_file_is_an_error() {
    let case = case("").set("CROSS_CONFIG", "no/such.toml");
    case.misconfigured("no/such.toml` does not exist", "CROSS_CONFIG");
}

#[test]
fn an_image_needs_no_platform() {
    let seen = t_with("image = { name = \"mine\" }").build();
    seen.image("mine").engine_lacks("--platform");
}

#[test]
fn a_dockerfile_table_without_a_file_is_a_warning() {
    let seen = t_with("dockerfile = { build-args = { A = \"1\" } }").build();
    seen.kind(EnvironmentKind::Recipe);
    seen.warns("no-effect", "dockerfile.build-args");
}

#[test]
fn platforms_in_a_variable_have_the_syntax_of_the_file() {
    let platforms = of_t("IMAGE_TOOLCHAIN");
    let case = case("")
        .program("rustup")
        .set(&of_t("IMAGE"), "mine")
        .set(&platforms, "linux/arm64=aarch64-unknown-linux-musl");
    let seen = case.build();
    seen.engine_has(&["--platform", "linux/arm64"]);
    seen.toolchain("stable-aarch64-unknown-linux-musl");
}

#[test]
fn platforms_in_a_variable_apply_to_the_image_in_the_file() {
    let case = t_with("image = \"mine\"").program("rustup");
    let seen = case.set(&of_t("IMAGE_TOOLCHAIN"), "linux/arm64").build();
    seen.image("mine")
        .engine_has(&["--platform", "linux/arm64"]);
}

#[test]
fn an_empty_variable_turns_build_std_off() {
    for name in ["CROSS_BUILD_STD".to_owned(), of_t("BUILD_STD")] {
        let seen = case("").set(&name, "").build();
        seen.given(&["build", "--target", T]);
    }
}

#[test]
fn no_and_off_mean_no() {
    for text in ["no", "off", "NO", "Off"] {
        let case = case("").set("CROSS_BUILD_STD", text);
        case.build().given(&["build", "--target", T]);
    }
}

#[test]
fn a_dot_in_a_target_is_an_underscore_in_variables() {
    let triple = "thumbv8m.base-none-eabi";
    let toml = format!("[target.\"{triple}\"]\nimage = \"mine\"\n");
    for spelled in ["THUMBV8M_BASE_NONE_EABI", "THUMBV8M.BASE_NONE_EABI"] {
        let case = case(&toml).set(&format!("CROSS_TARGET_{spelled}_RUNNER"), "mine");
        let seen = case.build_for(triple);
        seen.has("CARGO_TARGET_THUMBV8M_BASE_NONE_EABI_RUNNER", "mine");
    }
}

#[test]
fn a_target_specification_uses_its_file_name_in_variables() {
    let case = case("")
        .file("specs/my.board.json", "{}")
        .set("CROSS_TARGET_MY_BOARD_IMAGE", "mine");
    case.build_for("specs/my.board.json").image("mine");
}

#[test]
fn metadata_comes_from_the_built_package() {
    let passing =
        |name: &str| format!("[package.metadata.cross.build.env]\npassthrough = [\"{name}=1\"]\n");
    let member = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let case = case("").workspace().manifest(&passing("OF_APP")).file(
        "member/Cargo.toml",
        &format!("{member}{}", passing("OF_MEMBER")),
    );
    let app = case.build();
    app.has("OF_APP", "1").lacks("OF_MEMBER").is_silent();
    let member = case.cargo(&["build", "--target", T, "-p", "member"]);
    member.has("OF_MEMBER", "1").lacks("OF_APP");
    let inside = case.in_dir("member").build();
    inside.has("OF_MEMBER", "1").lacks("OF_APP");
}

#[test]
fn a_problem_names_the_manifest_that_has_it() {
    let member = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                  [package.metadata.cross.build]\nzigg = true\n";
    let case = case("")
        .workspace()
        .file("member/Cargo.toml", member)
        .in_dir("member");
    let error = case.refused(&["build", "--target", T], ErrorKind::Config);
    says(&error, "member/Cargo.toml:6:1", "zig");
}

#[test]
fn every_key_with_a_simple_value_has_a_variable() {
    let keys: Vec<_> = cross_config::keys().collect();
    for key in &keys {
        let of_build = !key.build || !key.build_variables.is_empty();
        let of_target = !key.target || key.target_variable.is_some();
        // The keys of a table have their own variables.
        let is_table = keys
            .iter()
            .any(|row| row.name.starts_with(&format!("{}.", key.name)));
        assert!(is_table || of_build && of_target, "{}", key.name);
    }
}

#[test]
fn the_default_target_and_the_dockerfile_have_variables() {
    let seen = on(Fakes::Docker)
        .set("CROSS_BUILD_TARGET", T)
        .cargo(&["build"]);
    seen.given(&["build", "--target", T]);
    let case = case("").set("CROSS_BUILD_DOCKERFILE", "Dockerfile");
    let seen = case.file("Dockerfile", "FROM mine\n").build();
    seen.kind(EnvironmentKind::Dockerfile);
}

#[test]
fn build_args_have_a_variable() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM mine\n");
    let case = case
        .set("CROSS_BUILD_DOCKERFILE_BUILD_ARGS", "A=1 'B=x y'")
        .cold();
    let seen = case.build();
    let args = &seen.built().0.build_args;
    let args: Vec<_> = args
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    seen.is(args, ["A=1", "B=x y"]);
}
