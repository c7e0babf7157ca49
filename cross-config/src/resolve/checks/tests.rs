//! Checks of combinations of values.

use std::path::Path;

use crate::{Config, Env, Layer};

const S390X: &str = "s390x-unknown-linux-gnu";
const MUSL: &str = "aarch64-unknown-linux-musl";

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_layers([Layer::cross_toml(Path::new("Cross.toml"), text)], expected);
}

#[track_caller]
fn check_layers(layers: impl IntoIterator<Item = Layer>, expected: &[&str]) {
    let config = Config::merge(layers);
    let messages: Vec<_> = config.diagnostics().collect();
    assert!(
        messages.iter().all(|problem| problem.help.is_some()),
        "{messages:?}"
    );
    let messages: Vec<_> = messages.iter().map(ToString::to_string).collect();
    assert_eq!(messages, expected);
}

#[test]
fn an_image_beside_a_dockerfile_is_only_its_name() {
    let both = format!("[build]\ndockerfile = 'D'\n[target.{S390X}]\nimage = 'mine'\n");
    check(
        &both,
        &[
            "Cross.toml:4:9: `image` only names the result: the Dockerfile (Cross.toml:2:14) is built and tagged `mine` [image-and-dockerfile]",
        ],
    );
    check(
        &format!("target.{S390X}.image = 'mine'\ntarget.{MUSL}.dockerfile = 'D'"),
        &[],
    );
}

#[test]
fn zig_has_to_be_enabled_for_its_other_keys() {
    check(
        "build.zig = { version = '2.17', image = 'zig' }",
        &[
            "Cross.toml:1:25: `zig.version` has no effect: zig is not enabled [no-effect]",
            "Cross.toml:1:41: `zig.image.name` has no effect: zig is not enabled [no-effect]",
        ],
    );
    check("build.zig = '2.17'", &[]);
    // Enabling for one target is enough.
    check(
        &format!("build.zig.version = '2.17'\ntarget.{S390X}.zig = true"),
        &[],
    );
    check(
        &format!("build.zig = '2.17'\ntarget.{S390X}.zig = false"),
        &[],
    );
    let variable = Env::new().set("CROSS_BUILD_ZIG_VERSION", "2.17");
    check_layers(
        [Layer::variables(&variable)],
        &["CROSS_BUILD_ZIG_VERSION: `zig.version` has no effect: zig is not enabled [no-effect]"],
    );
}

#[test]
fn a_version_of_glibc_is_for_targets_with_glibc() {
    check(
        &format!("target.{MUSL}.zig = '2.17'"),
        &[
            "Cross.toml:1:41: `zig.version` has no effect: the target does not use glibc [no-effect]",
        ],
    );
    check(
        &format!("build.zig = '2.17'\ntarget.{MUSL}.suite = 'trixie'"),
        &[],
    );
    check(
        "target.my-own-target.zig = '2.17'",
        &["Cross.toml:1:8: unknown target `my-own-target` [unknown-target]"],
    );
}

#[test]
fn zig_is_for_targets_that_it_builds_for() {
    const NO_EFFECT: &str = "`zig.enable` has no effect: Zig does not build for the target";
    for triple in [
        "x86_64-pc-windows-gnu",
        "x86_64-pc-windows-msvc",
        "wasm32-wasip1",
        "aarch64-apple-ios",
        "x86_64-unknown-uefi",
    ] {
        let at = format!("Cross.toml:1:{}", "target..zig = ".len() + triple.len() + 1);
        let expected = format!("{at}: {NO_EFFECT} [no-effect]");
        check(&format!("target.{triple}.zig = true"), &[&expected]);
        check(&format!("target.{triple}.zig = '2.17'"), &[&expected]);
        check(&format!("target.{triple}.zig = false"), &[]);
        let image = "{ enable = true, image = 'zig:1' }";
        check(&format!("target.{triple}.zig = {image}"), &[]);
        check(
            &format!("build.zig = true\ntarget.{triple}.suite = 'trixie'"),
            &[],
        );
    }
    // The published image has Zig where there is no recipe.
    for triple in [
        MUSL,
        S390X,
        "x86_64-pc-windows-gnullvm",
        "x86_64-unknown-illumos",
    ] {
        check(&format!("target.{triple}.zig = true"), &[]);
    }
}

#[test]
fn what_describes_a_dockerfile_or_an_image_needs_one() {
    check(
        "build.dockerfile = { context = 'ci', build-args = { A = '' } }",
        &[
            "Cross.toml:1:32: `dockerfile.context` has no effect: no Dockerfile is named [no-effect]",
            "Cross.toml:1:51: `dockerfile.build-args` has no effect: no Dockerfile is named [no-effect]",
        ],
    );
    check(
        &format!("build.dockerfile.build-args.A = ''\ntarget.{S390X}.dockerfile.file = 'D'"),
        &[],
    );
    check(
        &format!("target.{S390X}.image.toolchain = ['linux/amd64']"),
        &["Cross.toml:1:50: `image.toolchain` has no effect: no image is named [no-effect]"],
    );
    check(
        "build.zig = { enable = true, image = { toolchain = [] } }",
        &["Cross.toml:1:52: `zig.image.toolchain` has no effect: no image is named [no-effect]"],
    );
}

#[test]
fn what_goes_into_a_recipe_has_no_effect_on_an_image() {
    let text = format!(
        "[target.{S390X}]\nimage = 'mine'\npackages = ['libssl-dev', 'zlib1g-dev']\nsuite = 'trixie'\n"
    );
    check(
        &text,
        &[
            "Cross.toml:3:12: `packages` has no effect: recipes do not apply to images [no-effect]",
            "Cross.toml:4:9: `suite` has no effect: recipes do not apply to images [no-effect]",
        ],
    );
    // Other targets use a recipe, and a Dockerfile may use one.
    check(
        &format!("build.packages = ['libssl-dev']\ntarget.{S390X}.image = 'mine'"),
        &[],
    );
    check(
        &format!("[target.{S390X}]\ndockerfile = 'D'\npackages = ['libssl-dev']"),
        &[],
    );
}

#[test]
fn a_problem_of_the_caller_names_the_caller() {
    check_layers(
        [Layer::request().zig_version("2.17").build()],
        &["request: `zig.version` has no effect: zig is not enabled [no-effect]"],
    );
}
