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
fn differs_the_home_of_an_image_is_not_used() {
    let seen = t_with("image = \"mine\"").image(&[("HOME", "/of-the-image")]);
    seen.build().has("HOME", "/tmp/home");
}

#[test]
fn differs_the_mounted_toolchain_is_used_before_an_images_own() {
    let path = "/opt/rust/bin:/usr/bin";
    let case = t_with("image = \"mine\"").image(&[("PATH", path)]);
    let seen = case.build();
    let sysroot = seen.plan().toolchain.sysroot().unwrap().join("bin");
    seen.has("PATH", &format!("{}:{path}", sysroot.display()));
    let seen = t_with("image = \"mine\"\ntoolchain = \"image\"").image(&[("PATH", path)]);
    seen.build().lacks("CROSS_RUST_SYSROOT").has("PATH", path);
}

#[test]
fn differs_verbose_is_no_argument_of_a_build() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM x\nARG VERBOSE\n");
    let seen = case.cold().cargo(&["build", "-vv", "--target", T]);
    seen.ensure(!seen.built().0.build_args.contains_key("VERBOSE"), "none");
    let lines = "dockerfile = { file = \"Dockerfile\", build-args = { VERBOSE = \"1\" } }";
    let case = t_with(lines).file("Dockerfile", "FROM x\nARG VERBOSE\n");
    let seen = case.cold().build();
    seen.is(seen.built().0.build_args["VERBOSE"].as_str(), "1");
}

#[test]
fn a_target_of_rustc_without_a_row_is_no_spelling_mistake() {
    for target in [
        "powerpc-unknown-linux-musl",
        "arm64e-apple-darwin",
        "thumbv7a-pc-windows-msvc",
        "loongarch64-unknown-linux-ohos",
    ] {
        let case = case(&format!("[target.{target}]\nimage = \"mine\"\n"));
        case.build_for(target).image("mine").is_silent();
        case.set("CROSS_BUILD_TARGET", target).build().is_silent();
    }
}

#[test]
fn an_image_supports_an_unknown_target() {
    let case = on(Fakes::Podman).toml("[target.mine-none-elf]\nimage = \"mine\"\n");
    case.build_for("mine-none-elf").image("mine");
}

/// In a recipe a variable replaces the linker of cargo's configuration, and in an image nothing
/// does.
#[test]
fn only_a_setting_that_is_replaced_is_called_unused() {
    let config = format!("[target.{T}]\nlinker = \"aarch64-linux-gnu-gcc\"\n");
    let warnings = |lines: &str| {
        let case = t_with(lines).file(".cargo/config.toml", &config);
        let seen = case.file("Dockerfile", "FROM mine\n").build();
        seen.all().decision.warnings.clone()
    };
    let of_recipe = warnings("");
    assert!(of_recipe.concat().contains("linker"), "{of_recipe:?}");
    assert_eq!(warnings("image = \"mine\""), [""; 0]);
    assert_eq!(warnings("dockerfile = \"Dockerfile\""), [""; 0]);
}
