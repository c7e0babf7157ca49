//! Zig beside an image, a Dockerfile and the published images: Zig's environment is used, as with
//! `cross`.

use cross_core::plan::EnvironmentKind;
use cross_engine::ImageBuild;

use crate::case::{Case, PUBLISHED, T, case, of_t, t_with};
use crate::seen::Seen;

/// A Dockerfile on the image that it is given.
const ON_BASE: &str = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\n";
/// The image of the `cross` project that has `cargo-zigbuild`.
const ZIG_IMAGE: &str = "ghcr.io/cross-rs/zig:main";

#[track_caller]
fn calls(seen: &Seen, program: &str, target: &str) {
    let command = &seen.run().0.command;
    let words = [program, "build", "--target", target];
    seen.ensure(command.starts_with(&words.map(str::to_owned)), command);
}

/// Checks that the environment is the recipe with Zig, and that the user is told.
#[track_caller]
fn is_recipe_with_zig(case: Case) {
    let seen = case.cold().build();
    seen.kind(EnvironmentKind::Recipe);
    let all = format!("{:?}", seen.blueprint());
    seen.ensure(all.contains("/opt/zig"), all);
    calls(&seen, "cargo", T);
    seen.warns("no-effect", "`image.name` has no effect");
    let warning = &seen.plan().warnings[0];
    let help = warning.help.as_deref().unwrap_or_default();
    seen.ensure(help.contains("`zig.image`"), warning);
}

#[test]
fn zig_beside_an_image_uses_the_environment_with_zig() {
    is_recipe_with_zig(t_with("image = \"mine\"\nzig = \"2.17\""));
    is_recipe_with_zig(t_with("image = \"mine\"\nzig = true"));
    is_recipe_with_zig(t_with("image = \"mine\"").set("CROSS_BUILD_ZIG", "1"));
    is_recipe_with_zig(case("[build]\nzig = true\n").set(&of_t("IMAGE"), "mine"));
    let toml = format!("[build]\nzig = true\n[target.{T}]\nimage = \"mine\"\n");
    is_recipe_with_zig(case(&toml));
}

#[test]
fn an_image_is_used_where_zig_is_off() {
    let toml = format!("[build]\nzig = true\n[target.{T}]\nimage = \"mine\"\nzig = false\n");
    case(&toml).build().image("mine").is_silent();
    let seen = t_with("image = \"mine\"").set("CROSS_BUILD_ZIG", "0");
    seen.build().image("mine").is_silent();
}

#[test]
fn an_image_of_zig_is_preferred_over_an_image() {
    let lines = "image = \"mine\"\nzig = { enable = true, image = \"mine/zig:1\" }";
    let seen = t_with(lines).build();
    seen.image("mine/zig:1");
    seen.warns("no-effect", "`image.name` has no effect");
    calls(&seen, "cargo-zigbuild", T);
}

#[test]
fn zig_without_a_recipe_uses_the_published_image_of_zig() {
    for (zig, target) in [
        ("true", PUBLISHED.to_owned()),
        ("\"2.17\"", format!("{PUBLISHED}.2.17")),
    ] {
        let toml = format!("[target.{PUBLISHED}]\nzig = {zig}\n");
        let seen = case(&toml).build_for(PUBLISHED);
        seen.kind(EnvironmentKind::PublishedImage).image(ZIG_IMAGE);
        calls(&seen, "cargo-zigbuild", &target);
        seen.ensure(seen.value("XDG_CACHE_HOME").is_some(), "Zig's cache");
    }
    let seen = case("").set("CROSS_BUILD_ZIG", "1").build_for(PUBLISHED);
    seen.image(ZIG_IMAGE).warns("published-image", ZIG_IMAGE);
}

#[test]
fn zig_is_used_for_a_target_without_a_row_and_without_an_image() {
    let seen = case("")
        .set("CROSS_BUILD_ZIG", "1")
        .build_for("powerpc-unknown-linux-musl");
    seen.image(ZIG_IMAGE);
    calls(&seen, "cargo-zigbuild", "powerpc-unknown-linux-musl");
}

fn built(seen: &Seen) -> &ImageBuild {
    seen.built().0
}

#[track_caller]
fn based_on(seen: &Seen, image: &str) {
    seen.kind(EnvironmentKind::Dockerfile);
    let base = built(seen).build_args.get("CROSS_BASE_IMAGE");
    seen.is(base.map(String::as_str), Some(image));
    calls(seen, "cargo-zigbuild", T);
}

#[test]
fn a_dockerfile_is_based_on_the_image_of_zig() {
    let zig = "zig = { enable = true, image = \"mine/zig:1\" }";
    let case = t_with(&format!("dockerfile = \"Dockerfile\"\n{zig}"));
    based_on(
        &case.file("Dockerfile", ON_BASE).cold().build(),
        "mine/zig:1",
    );
    let case = t_with("dockerfile = \"Dockerfile\"")
        .set("CROSS_BUILD_ZIG", "1")
        .set("CROSS_BUILD_ZIG_IMAGE", "mine/zig:2");
    based_on(
        &case.file("Dockerfile", ON_BASE).cold().build(),
        "mine/zig:2",
    );
    let toml = format!("[build]\n{zig}\n[target.{T}]\ndockerfile = \"Dockerfile\"\n");
    let case = crate::case::case(&toml).file("Dockerfile", ON_BASE).cold();
    based_on(&case.build(), "mine/zig:1");
}

#[test]
fn another_image_of_zig_builds_the_dockerfile_again() {
    let tag = |image: &str| {
        let zig = format!("zig = {{ enable = true, image = \"{image}\" }}");
        let case = t_with(&format!("dockerfile = \"Dockerfile\"\n{zig}"));
        let seen = case.file("Dockerfile", ON_BASE).cold().build();
        built(&seen).tag.clone()
    };
    assert_ne!(tag("mine/zig:1"), tag("mine/zig:2"));
}

#[test]
fn the_platform_of_a_dockerfile_is_that_of_the_image_of_zig() {
    let zig = "zig = { enable = true, image = { name = \"z\", toolchain = [\"linux/arm64\"] } }";
    let case = t_with(&format!("dockerfile = \"Dockerfile\"\n{zig}")).program("rustup");
    let seen = case.file("Dockerfile", ON_BASE).cold().build();
    seen.engine_has(&["--platform", "linux/arm64"]);
}

#[test]
fn a_dockerfile_without_an_image_of_zig_is_based_on_the_recipe_with_zig() {
    let case = t_with("dockerfile = \"Dockerfile\"\nzig = \"2.17\"");
    let seen = case.file("Dockerfile", ON_BASE).cold().build();
    let recipe = format!("{:?}", seen.blueprint());
    seen.ensure(recipe.contains("aarch64-linux-gnu.2.17"), recipe);
    calls(&seen, "cargo", T);
}

#[test]
fn a_dockerfile_with_a_base_of_its_own_brings_cargo_zigbuild() {
    let case = t_with("dockerfile = \"Dockerfile\"\nzig = \"2.17\"");
    let seen = case.file("Dockerfile", "FROM mine\n").cold().build();
    seen.kind(EnvironmentKind::Dockerfile);
    calls(&seen, "cargo-zigbuild", &format!("{T}.2.17"));
    let lines = "zig = true\ndockerfile = { file = \"Dockerfile\", build-args = { CROSS_BASE_IMAGE = \"mine\" } }";
    let seen = t_with(lines).file("Dockerfile", ON_BASE).cold().build();
    calls(&seen, "cargo-zigbuild", T);
}

#[test]
fn pre_build_extends_the_image_of_zig() {
    let zig = "zig = { enable = true, image = \"mine/zig:1\" }\npre-build = [\"true\"]";
    let seen = t_with(zig).cold().build();
    calls(&seen, "cargo-zigbuild", T);
    let text = format!("{:?}", built(&seen).file);
    seen.ensure(text.contains("FROM mine/zig:1"), text);
}

#[test]
fn keys_of_recipes_have_no_effect_on_an_image_of_zig() {
    for key in ["packages = [\"cmake\"]", "suite = \"trixie\""] {
        let zig = "zig = { enable = true, image = \"mine/zig:1\" }";
        let seen = t_with(&format!("{zig}\n{key}")).build();
        seen.warns("no-effect", key.split(' ').next().unwrap());
        // The recipe with Zig is used, so these keys have an effect.
        let seen = t_with(&format!("zig = true\nimage = \"mine\"\n{key}")).build();
        seen.is(seen.plan().warnings.len(), 1);
    }
}

#[test]
fn an_sdk_has_no_effect_beside_an_image_or_a_dockerfile() {
    let target = "aarch64-linux-android";
    for lines in [
        "image = \"mine\"",
        "dockerfile = \"Dockerfile\"",
        "zig = { enable = true, image = \"mine/zig:1\" }",
    ] {
        let toml = format!("[target.{target}]\nsdk = \"ndk\"\n{lines}\n");
        let case = case(&toml).file("Dockerfile", "FROM mine\n");
        let seen = case.file("ndk/x", "").build_for(target);
        seen.warns("no-effect", "`sdk` has no effect");
    }
}
