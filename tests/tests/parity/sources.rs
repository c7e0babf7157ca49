//! The sources of configuration and their precedence.

use cross_core::{ErrorKind, config::Origin};

use crate::case::{Case, T, U, case, of_t, says, t_with};
use crate::seen::Seen;

/// Checks which value won, by the crates of `std` that cargo builds.
fn builds(case: Case, crates: &str) {
    let seen = case.nightly().cargo(&["+nightly", "build", "--target", T]);
    let flag = format!("-Zbuild-std={crates}");
    seen.given(&["build", "--target", T, &flag]);
}

const OF_BUILD: &str = "[build]\nbuild-std = [\"core\"]\n";

fn of_both() -> String {
    format!("{OF_BUILD}[target.{T}]\nbuild-std = [\"std\", \"test\"]\n")
}

#[test]
fn the_build_table_is_for_every_target() {
    builds(case(OF_BUILD), "core");
}

#[test]
fn a_build_variable_overrides_the_build_table() {
    builds(case(OF_BUILD).set("CROSS_BUILD_STD", "alloc"), "alloc");
}

#[test]
fn a_target_table_overrides_a_build_variable() {
    builds(case(&of_both()).set("CROSS_BUILD_STD", "alloc"), "std,test");
}

#[test]
fn a_target_variable_overrides_the_target_table() {
    let case = case(&of_both()).set(&of_t("BUILD_STD"), "proc_macro");
    builds(case, "proc_macro");
}

#[test]
fn the_table_of_another_target_has_no_effect() {
    let toml = format!("{OF_BUILD}[target.{U}]\nbuild-std = [\"std\"]\n");
    builds(case(&toml), "core");
}

#[test]
fn a_list_is_replaced_and_not_merged() {
    builds(case(&of_both()), "std,test");
}

#[test]
fn the_file_is_in_the_workspace_root() {
    let case = case(OF_BUILD).workspace().in_dir("member");
    builds(case, "core");
}

#[test]
fn cross_config_names_another_file() {
    let case = case(OF_BUILD)
        .in_dir("sub")
        .file("sub/mine.toml", "[build]\nbuild-std = [\"alloc\"]\n")
        .set("CROSS_CONFIG", "mine.toml");
    builds(case, "alloc");
}

#[test]
fn a_variable_in_lower_case_is_a_warning() {
    let case = crate::case::on(cross_tests::Fakes::Docker).file("cross.toml", OF_BUILD);
    let seen = case.build();
    seen.given(&["build", "--target", T]);
    seen.warns("lower-case-file", "cross.toml");
}

#[test]
fn the_workspaces_metadata_is_read() {
    let lines = "[workspace]\n[workspace.metadata.cross.build]\nbuild-std = [\"core\"]";
    builds(case("").manifest(lines), "core");
}

#[test]
fn the_packages_metadata_is_read() {
    let lines = format!("[package.metadata.cross.target.{T}]\nbuild-std = [\"core\"]");
    builds(case("").manifest(&lines), "core");
}

#[test]
fn metadata_and_cross_toml_are_merged_key_by_key() {
    let lines = "[package.metadata.cross.build]\nbuild-std = [\"core\"]\n\
                 env.passthrough = [\"A=1\"]\n";
    let case = case(&format!("[target.{T}]\nrunner = \"mine\"\n"))
        .manifest(lines)
        .nightly();
    let seen = case.cargo(&["+nightly", "build", "--target", T]);
    seen.given(&["build", "--target", T, "-Zbuild-std=core"]);
    seen.has("A", "1");
    seen.has("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", "mine");
}

fn passes(seen: &Seen, names: [(&str, bool); 4]) {
    for (name, passed) in names {
        seen.is((name, seen.env().contains_key(name)), (name, passed));
    }
}

fn passing() -> Case {
    let toml = format!(
        "[build.env]\npassthrough = [\"IN_BUILD=1\"]\n[target.{T}.env]\npassthrough = [\"IN_TARGET=1\"]\n"
    );
    case(&toml)
}

#[test]
fn passthrough_of_build_and_target_is_combined() {
    let seen = passing().build();
    passes(
        &seen,
        [
            ("IN_BUILD", true),
            ("IN_TARGET", true),
            ("X", false),
            ("Y", false),
        ],
    );
    let other = passing().build_for(U);
    passes(
        &other,
        [
            ("IN_BUILD", true),
            ("IN_TARGET", false),
            ("X", false),
            ("Y", false),
        ],
    );
}

#[test]
fn differs_passthrough_in_variables_is_added() {
    let case = passing()
        .set("CROSS_BUILD_ENV_PASSTHROUGH", "X=1")
        .set(&of_t("ENV_PASSTHROUGH"), "Y=1");
    passes(
        &case.build(),
        [
            ("IN_BUILD", true),
            ("IN_TARGET", true),
            ("X", true),
            ("Y", true),
        ],
    );
}

#[test]
fn build_args_are_merged_and_the_target_wins() {
    let toml = format!(
        "[build.dockerfile]\nfile = \"Dockerfile\"\nbuild-args = {{ A = \"build\", B = \"build\" }}\n\
         [target.{T}.dockerfile]\nbuild-args = {{ B = \"target\", C = \"target\" }}\n"
    );
    let case = case(&toml).file("Dockerfile", "FROM mine\n").cold();
    let seen = case.build();
    let args = &seen.built().0.build_args;
    let args: Vec<_> = args
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    seen.is(args, [("A", "build"), ("B", "target"), ("C", "target")]);
}

#[test]
fn image_and_runner_are_only_allowed_for_a_target() {
    for key in ["image", "runner"] {
        let case = case(&format!("[build]\n{key} = \"mine\"\n"));
        case.misconfigured(&format!("unknown key `{key}`"), "[target.<triple>]");
    }
}

#[test]
fn the_default_target_is_only_allowed_for_build() {
    t_with("default-target = \"x\"").misconfigured("unknown key `default-target`", "[build]");
}

#[test]
fn differs_an_unknown_key_is_an_error_with_its_place() {
    let case = case("[build]\npre-biuld = [\"true\"]\n");
    case.misconfigured("Cross.toml:2:1: unknown key `pre-biuld`", "pre-build");
    case.manifest("[package.metadata.cross.build]\nzigg = true")
        .misconfigured("Cargo.toml:", "zig");
}

#[test]
fn a_wrong_type_is_an_error() {
    for lines in [
        "build-std = \"yes\"",
        "pre-build = true",
        "image = 1",
        "runner = []",
    ] {
        let key = lines.split(' ').next().unwrap();
        let error = t_with(lines).refused(&["build", "--target", T], ErrorKind::Config);
        says(&error, &format!("`{key}`"), "");
        says(&error, "[wrong-type]", "");
    }
}

#[test]
fn every_problem_is_reported_at_once() {
    let case = case("[build]\na = 1\nb = 2\nzig = []\n").set("CROSS_BUILD_STD", "a b");
    let error = case.refused(&["build", "--target", T], ErrorKind::Config);
    for problem in ["`a`", "`b`", "`zig`", "CROSS_BUILD_STD"] {
        says(&error, problem, "");
    }
}

#[test]
fn a_table_with_a_misspelled_target_is_a_warning() {
    for name in [
        "aarch64_unknown_linux_gnu",
        "AArch64-unknown-linux-gnu",
        "aarch64-linux-gnu",
    ] {
        let case = case(&format!("[target.{name}]\nrunner = \"mine\"\n"));
        case.build().warns("unknown-target", name);
        let config = case.cross().config().unwrap();
        let help = config
            .diagnostics()
            .find_map(|diagnostic| diagnostic.help.clone());
        let help = help.unwrap_or_default();
        assert!(help.contains(T), "{name}: {help}");
    }
}

#[test]
fn every_value_has_an_origin() {
    let case = case(OF_BUILD)
        .manifest("[workspace]\n[workspace.metadata.cross.build]\nzig = false")
        .set(&of_t("RUNNER"), "mine");
    let config = case.cross().config().unwrap();
    let rows = config.explain();
    let origin = |key: &str| {
        let row = rows.iter().find(|row| row.key == key);
        row.unwrap_or_else(|| panic!("{key} is not in {rows:#?}"))
            .origin
            .clone()
    };
    assert!(matches!(origin("build.build-std"), Origin::CrossToml(_)));
    assert!(matches!(origin("build.zig.enable"), Origin::CargoToml(_)));
    let runner = origin(&format!("target.{T}.runner"));
    assert_eq!(runner, Origin::Variable(of_t("RUNNER")));
}
