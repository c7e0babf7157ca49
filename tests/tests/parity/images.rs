//! §4.1, §4.2 and §4.4: which image it is.

use cross_core::plan::EnvironmentKind;
use cross_tests::Fakes;

use crate::case::{PUBLISHED, T, case, of_t, on, t_with};

#[test]
fn s4_1_differs_a_recipe_goes_before_the_published_image() {
    let seen = case("").build();
    seen.kind(EnvironmentKind::Recipe).is_silent();
}

#[test]
fn s4_1_differs_without_a_recipe_the_published_image_is_used_and_said() {
    let seen = case("").build_for(PUBLISHED);
    let image = format!("ghcr.io/cross-rs/{PUBLISHED}:main");
    seen.kind(EnvironmentKind::PublishedImage).image(&image);
    seen.warns("published-image", &image);
}

#[test]
fn s4_1_the_users_image_goes_before_both() {
    let seen = t_with("image = \"registry.invalid:5000/me/mine:1\"").build();
    seen.kind(EnvironmentKind::Image)
        .image("registry.invalid:5000/me/mine:1");
    let toml = format!("[target.{PUBLISHED}]\nimage = \"mine\"\n");
    case(&toml).build_for(PUBLISHED).image("mine");
}

#[test]
fn s4_1_a_part_of_a_name_is_of_the_published_image() {
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
fn s4_1_an_image_of_variables() {
    case("").set(&of_t("IMAGE"), "mine").build().image("mine");
    let case = case("")
        .program("rustup")
        .set(&of_t("IMAGE"), "mine")
        .set(&of_t("IMAGE_TOOLCHAIN"), "aarch64-unknown-linux-gnu");
    let seen = case.build();
    seen.image("mine")
        .engine_has(&["--platform", "linux/arm64"]);
}

/// The toolchain for the platforms of an image.
fn toolchain(platforms: &str, name: &str) {
    let lines = format!("image = {{ name = \"mine\", toolchain = [{platforms}] }}");
    t_with(&lines).program("rustup").build().toolchain(name);
}

#[test]
fn s4_1_the_platform_decides_the_toolchain() {
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
fn s4_1_of_several_platforms_the_engines_own_is_chosen() {
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
fn s4_1_a_platform_that_is_none_is_an_error() {
    let case = t_with("image = { name = \"mine\", toolchain = [\"linux/z80\"] }");
    case.misconfigured("`linux/z80`", "a platform such as `linux/amd64`");
}

#[test]
fn s4_2_these_targets_without_a_recipe_have_a_published_image() {
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
fn s4_2_differs_a_target_whose_image_is_not_published_has_a_recipe() {
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
fn s4_4_an_image_that_is_not_there_is_pulled_before() {
    let seen = t_with("image = \"mine\"").cold().build();
    seen.is(seen.pulled(), Some(("mine", None)));
    seen.is(seen.purposes()[0], "pull the image");
    let case = t_with("image = { name = \"mine\", toolchain = [\"linux/arm64\"] }");
    let seen = case.program("rustup").cold().build();
    seen.is(seen.pulled(), Some(("mine", Some("linux/arm64"))));
}

#[test]
fn s4_4_an_image_that_is_there_is_never_refreshed() {
    let seen = t_with("image = \"mine\"").build();
    seen.is(seen.pulled(), None);
    seen.engine_has(&["--pull", "never"]);
    seen.ensure(seen.plan().environment.exists, "it is there");
}

#[test]
fn s4_1_differs_an_image_and_a_dockerfile_are_the_name_and_what_is_built() {
    let case = t_with("image = \"mine:1\"\ndockerfile = \"Dockerfile\"");
    let seen = case.file("Dockerfile", "FROM other\n").cold().build();
    seen.kind(EnvironmentKind::Dockerfile).image("mine:1");
    seen.is(seen.built().0.tag.as_str(), "mine:1");
    seen.warns("image-and-dockerfile", "mine:1");
}

#[test]
fn s4_1_an_image_needs_no_known_target() {
    let case = on(Fakes::Podman).toml("[target.mine-none-elf]\nimage = \"mine\"\n");
    case.build_for("mine-none-elf").image("mine");
}
