//! The choice of the image.

use cross_core::plan::EnvironmentKind;
use cross_tests::Fakes;

use crate::case::{PUBLISHED, T, case, of_t, on, t_with};

#[test]
fn differs_a_recipe_is_preferred_over_the_published_image() {
    let seen = case("").build();
    seen.kind(EnvironmentKind::Recipe).is_silent();
}

#[test]
fn differs_without_a_recipe_the_published_image_is_used_with_a_warning() {
    let seen = case("").build_for(PUBLISHED);
    let image = format!("ghcr.io/cross-rs/{PUBLISHED}:main");
    seen.kind(EnvironmentKind::PublishedImage).image(&image);
    seen.warns("published-image", &image);
}

#[test]
fn a_configured_image_is_preferred_over_both() {
    let seen = t_with("image = \"registry.invalid:5000/me/mine:1\"").build();
    seen.kind(EnvironmentKind::Image)
        .image("registry.invalid:5000/me/mine:1");
    let toml = format!("[target.{PUBLISHED}]\nimage = \"mine\"\n");
    case(&toml).build_for(PUBLISHED).image("mine");
}

#[test]
fn a_partial_image_name_completes_the_published_image() {
    for (name, image) in [
        ("-centos", "main-centos"),
        (":edge", "edge"),
        (":0.2.5-centos", "0.2.5-centos"),
    ] {
        let seen = t_with(&format!("image = \"{name}\"")).build();
        seen.image(&format!("ghcr.io/cross-rs/{T}:{image}"));
    }
    let seen = t_with(
        "image = \"@sha256:77db671d8356a64ae72a3e1415e63f547f26d374fbe3c4762c1cd36c7eac7b99\"",
    )
    .build();
    seen.image(&format!(
        "ghcr.io/cross-rs/{T}@sha256:77db671d8356a64ae72a3e1415e63f547f26d374fbe3c4762c1cd36c7eac7b99"
    ));
}

#[test]
fn an_image_comes_from_variables() {
    case("").set(&of_t("IMAGE"), "mine").build().image("mine");
    let case = case("")
        .program("rustup")
        .set(&of_t("IMAGE"), "mine")
        .set(&of_t("IMAGE_TOOLCHAIN"), "aarch64-unknown-linux-gnu");
    let seen = case.build();
    seen.image("mine")
        .engine_has(&["--platform", "linux/arm64"]);
}

/// Checks the toolchain for the platforms of an image.
fn toolchain(platforms: &str, name: &str) {
    let lines = format!("image = {{ name = \"mine\", toolchain = [{platforms}] }}");
    t_with(&lines).program("rustup").build().toolchain(name);
}

#[test]
fn the_platform_decides_the_toolchain() {
    toolchain("\"linux/amd64\"", "stable-x86_64-unknown-linux-gnu");
    toolchain("\"linux/arm64/v8\"", "stable-aarch64-unknown-linux-gnu");
    toolchain(
        "\"linux/arm64=aarch64-unknown-linux-musl\"",
        "stable-aarch64-unknown-linux-musl",
    );
    toolchain(
        "\"x86_64-unknown-linux-musl\"",
        "stable-x86_64-unknown-linux-musl",
    );
}

#[test]
fn the_platform_of_the_engine_is_preferred() {
    toolchain(
        "\"linux/arm64\", \"linux/amd64\"",
        "stable-x86_64-unknown-linux-gnu",
    );
    toolchain(
        "\"linux/s390x\", \"linux/arm64\"",
        "stable-s390x-unknown-linux-gnu",
    );
}

#[test]
fn an_invalid_platform_is_an_error() {
    let case = t_with("image = { name = \"mine\", toolchain = [\"linux/z80\"] }");
    case.misconfigured("`linux/z80`", "a platform such as `linux/amd64`");
}

#[test]
fn these_targets_without_a_recipe_have_a_published_image() {
    let case = case("");
    for target in [
        "aarch64-linux-android",
        "armv7-linux-androideabi",
        "x86_64-pc-solaris",
        "x86_64-unknown-dragonfly",
        "sparcv9-sun-solaris",
    ] {
        let seen = case.build_for(target);
        seen.image(&format!("ghcr.io/cross-rs/{target}:main"));
    }
}

#[test]
fn differs_targets_without_a_published_image_have_a_recipe() {
    let case = case("").nightly();
    for target in [
        "mips-unknown-linux-musl",
        "mips64el-unknown-linux-muslabi64",
    ] {
        let seen = case.cargo(&["+nightly", "build", "--target", target]);
        seen.kind(EnvironmentKind::Recipe).is_silent();
    }
}

#[test]
fn a_missing_image_is_pulled_first() {
    let seen = t_with("image = \"mine\"").cold().build();
    seen.is(seen.pulled(), Some(("mine", None)));
    seen.is(seen.purposes()[0], "pull the image");
    let case = t_with("image = { name = \"mine\", toolchain = [\"linux/arm64\"] }");
    let seen = case.program("rustup").cold().build();
    seen.is(seen.pulled(), Some(("mine", Some("linux/arm64"))));
}

#[test]
fn an_existing_image_is_never_pulled_again() {
    let seen = t_with("image = \"mine\"").build();
    seen.is(seen.pulled(), None);
    seen.engine_has(&["--pull", "never"]);
    seen.ensure(seen.plan().environment.exists, "it is there");
}

#[test]
fn differs_an_image_names_the_result_of_a_dockerfile() {
    let case = t_with("image = \"mine:1\"\ndockerfile = \"Dockerfile\"");
    let seen = case.file("Dockerfile", "FROM other\n").cold().build();
    seen.kind(EnvironmentKind::Dockerfile).image("mine:1");
    seen.is(seen.built().0.tag.as_str(), "mine:1");
    seen.warns("image-and-dockerfile", "mine:1");
}

#[test]
fn an_image_supports_an_unknown_target() {
    let case = on(Fakes::Podman).toml("[target.mine-none-elf]\nimage = \"mine\"\n");
    case.build_for("mine-none-elf").image("mine");
}
