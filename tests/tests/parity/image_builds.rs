//! Images that are built from a Dockerfile or by `pre-build`, and Zig.

use cross_core::ErrorKind;
use cross_core::plan::EnvironmentKind;
use cross_engine::ContainerfileSource;
use cross_tests::Answer;

use crate::case::{Case, PUBLISHED, T, case, each_with, has_tool, of_t, says, t_with, text};
use crate::seen::has_words;

fn dockerfile(body: &str) -> Case {
    let case = t_with("dockerfile = \"ci/Dockerfile\"");
    case.file("ci/Dockerfile", body).cold()
}

#[test]
fn a_dockerfile_is_relative_to_the_workspace() {
    let case = dockerfile("FROM mine\n").in_dir("sub");
    let seen = case.build();
    seen.is(
        &seen.built().0.file,
        &ContainerfileSource::Path(case.path("ci/Dockerfile")),
    );
}

#[test]
fn a_missing_dockerfile_is_named() {
    let case = t_with("dockerfile = \"no/Dockerfile\"");
    let error = case.refused(&["build", "--target", T], cross_core::ErrorKind::Io);
    says(&error, "no/Dockerfile", "`dockerfile`");
}

#[test]
fn a_dockerfile_image_is_named_after_target_and_content() {
    let tag = |body: &str| dockerfile(body).build().built().0.tag.clone();
    let (one, two) = (tag("FROM one\n"), tag("FROM two\n"));
    assert!(one.starts_with("localhost/"), "{one}");
    assert!(one.contains(T), "{one}");
    assert_ne!(one, two);
}

#[test]
fn differs_a_dockerfile_is_built_only_if_its_image_is_missing() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM mine\n");
    let seen = case.build();
    seen.is(seen.builds().len(), 0);
    seen.ensure(seen.plan().environment.exists, "it is there");
}

#[test]
fn differs_a_dockerfile_that_copies_is_built_every_time() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM mine\nCOPY . /x\n");
    case.build().built();
}

#[test]
fn a_dockerfile_gets_the_declared_build_arguments() {
    let body =
        "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nARG CROSS_DEB_ARCH\nARG CROSS_TARGET\n";
    let seen = dockerfile(body).build();
    let args = &seen.built().0.build_args;
    seen.is(
        args.get("CROSS_DEB_ARCH").map(String::as_str),
        Some("arm64"),
    );
    seen.is(args.get("CROSS_TARGET").map(String::as_str), Some(T));
    seen.ensure(args.contains_key("CROSS_BASE_IMAGE"), "the base");
}

#[test]
fn differs_the_base_image_is_the_recipe_image() {
    let seen = dockerfile("ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\n").build();
    let base = &seen.built().0.build_args["CROSS_BASE_IMAGE"];
    seen.ensure(
        base.starts_with(&format!("localhost/cross-core:{T}-")),
        base,
    );
    seen.is(seen.purposes()[0], "make the environment");
    seen.ensure(base.ends_with(&seen.blueprint().name), base);
}

#[test]
fn without_a_recipe_the_base_image_is_the_published_image() {
    let toml = format!("[target.{PUBLISHED}]\ndockerfile = \"Dockerfile\"\n");
    let body = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\n";
    let case = case(&toml).file("Dockerfile", body).cold();
    let seen = case.build_for(PUBLISHED);
    let base = &seen.built().0.build_args["CROSS_BASE_IMAGE"];
    seen.is(base, &format!("ghcr.io/cross-rs/{PUBLISHED}:main"));
}

#[test]
fn a_configured_build_argument_overrides_the_default() {
    let lines =
        "dockerfile = { file = \"Dockerfile\", build-args = { CROSS_BASE_IMAGE = \"mine\" } }";
    let body = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\n";
    let seen = t_with(lines).file("Dockerfile", body).cold().build();
    let (build, command) = seen.built();
    seen.is(build.build_args["CROSS_BASE_IMAGE"].as_str(), "mine");
    let words = ["--build-arg", "CROSS_BASE_IMAGE=mine"];
    seen.ensure(has_words(command, &words), words);
}

#[test]
fn deb_arch_has_the_value_that_cross_uses() {
    let words = [
        (T, Some("arm64")),
        ("x86_64-unknown-linux-gnu", Some("amd64")),
        ("armv7-unknown-linux-gnueabihf", Some("armhf")),
        ("arm-unknown-linux-gnueabi", Some("armel")),
        ("i586-unknown-linux-gnu", Some("i386")),
        ("powerpc64le-unknown-linux-gnu", Some("ppc64el")),
        ("riscv64gc-unknown-linux-gnu", Some("riscv64")),
        ("aarch64-unknown-linux-musl", Some("musl-linux-arm64")),
        ("x86_64-unknown-freebsd", Some("freebsd-amd64")),
        ("thumbv6m-none-eabi", Some("arm")),
        ("armv5te-unknown-linux-gnueabi", None),
        ("aarch64-linux-android", None),
    ];
    let targets = words.map(|(target, _)| target);
    let case = each_with(&targets, "dockerfile = \"Dockerfile\"")
        .file("Dockerfile", "FROM mine\nARG CROSS_DEB_ARCH\n")
        .cold();
    for (target, word) in words {
        let seen = case.build_for(target);
        let told = seen.built().0.build_args.get("CROSS_DEB_ARCH");
        seen.is(told.map(String::as_str), word);
    }
}

#[test]
fn a_script_gets_the_target() {
    let case =
        t_with("image = \"mine\"\npre-build = \"pre.sh\"").file("pre.sh", "#!/bin/bash\necho $1\n");
    let seen = case.cold().build();
    let (build, _) = seen.built();
    seen.is(build.build_args["CROSS_TARGET"].as_str(), T);
    seen.is(build.build_args["CROSS_DEB_ARCH"].as_str(), "arm64");
    let script = build.files.values().next().unwrap();
    seen.is(script.as_str(), "#!/bin/bash\necho $1\n");
    let ContainerfileSource::Text(text) = &build.file else {
        panic!("a text of ours, not {:?}", build.file);
    };
    seen.ensure(text.starts_with("FROM mine\n"), text);
    seen.ensure(text.contains("\"$CROSS_TARGET\""), text);
}

#[test]
fn pre_build_extends_the_dockerfile_image() {
    let case = t_with("dockerfile = \"Dockerfile\"\npre-build = [\"true\"]");
    let seen = case.file("Dockerfile", "FROM mine\n").cold().build();
    let builds = seen.builds();
    seen.is(builds.len(), 2);
    let ContainerfileSource::Text(text) = &builds[1].0.file else {
        panic!("a text of ours, not {:?}", builds[1].0.file);
    };
    seen.ensure(
        text.starts_with(&format!("FROM {}\n", builds[0].0.tag)),
        text,
    );
    seen.image(&builds[1].0.tag);
}

#[test]
fn a_pre_build_image_is_named_after_its_content() {
    let tag = |command: &str| {
        let case = t_with(&format!("image = \"mine\"\npre-build = [\"{command}\"]"));
        case.cold().build().built().0.tag.clone()
    };
    assert!(tag("one").contains("-pre-build-"), "{}", tag("one"));
    assert_ne!(tag("one"), tag("two"));
}

#[test]
fn an_empty_pre_build_builds_nothing() {
    let seen = t_with("image = \"mine\"\npre-build = []").build();
    seen.is(seen.builds().len(), 0);
    seen.image("mine");
}

#[test]
fn differs_pre_build_without_an_image_extends_the_recipe() {
    for engine in cross_tests::Fakes::ENGINES {
        let toml = format!("[target.{T}]\npre-build = [\"one $CROSS_DEB_ARCH\"]\n");
        let case = crate::case::on(engine).toml(&toml);
        let gone = Answer::fails(1, "Error: No such image\n");
        let case = case.rule(engine.name(), &["image", "inspect"], gone);
        let seen = case.build();
        seen.kind(EnvironmentKind::Recipe);
        let made = seen.blueprint();
        seen.ensure(
            made.commands.concat().contains("\none $CROSS_DEB_ARCH\n"),
            &made.commands,
        );
        seen.is(made.command_env["CROSS_DEB_ARCH"].as_str(), "arm64");
        seen.is(made.command_env["CROSS_TARGET"].as_str(), T);
    }
}

#[test]
fn buildx_is_used_if_it_is_installed() {
    let case = dockerfile("FROM mine\n");
    let case = has_tool(
        case,
        "docker",
        &["buildx", "version"],
        "github.com/docker/buildx 0.12\n",
    );
    let seen = case.build();
    seen.ensure(has_words(seen.built().1, &["buildx", "build"]), "buildx");
}

#[test]
fn a_build_has_the_platform_of_the_image() {
    let lines =
        "image = { name = \"mine\", toolchain = [\"linux/arm64\"] }\npre-build = [\"true\"]";
    let seen = t_with(lines).program("rustup").cold().build();
    let words = ["--platform", "linux/arm64"];
    seen.ensure(has_words(seen.built().1, &words), words);
}

/// Whether the environment of a case has Zig.
fn has_zig(case: Case) {
    let seen = case.cold().build();
    let packages = seen.blueprint().packages.concat();
    let commands = seen.blueprint().commands.concat();
    seen.ensure(
        packages.contains("zig") || commands.contains("zig"),
        "zig in the recipe",
    );
}

/// The published image has a Zig that does not link either.
#[test]
fn differs_a_glibc_that_zig_does_not_link_is_refused() {
    for (target, zig, message) in [
        ("sparc64-unknown-linux-gnu", "true", "cannot link programs"),
        ("riscv64gc-unknown-linux-gnu", "\"2.17\"", "older than 2.27"),
        ("x86_64-unknown-linux-gnu", "\"2.99\"", "newer than 2.42"),
    ] {
        let case = each_with(&[target], &format!("zig = {zig}"));
        let words = ["build", "--target", target];
        let error = case.refused(&words, ErrorKind::UnsupportedTarget);
        says(&error, message, "write `zig = false` in `[target.");
    }
}

#[test]
fn every_way_to_enable_zig_extends_the_recipe() {
    has_zig(t_with("zig = true"));
    has_zig(t_with("zig = \"2.17\""));
    has_zig(t_with("zig = { enable = true, version = \"2.17\" }"));
    has_zig(case("[build]\nzig = true\n"));
    has_zig(case("").set("CROSS_BUILD_ZIG", "1"));
    has_zig(case("").set(&of_t("ZIG"), "true"));
}

#[test]
fn zig_can_be_off_for_one_target() {
    let toml = format!("[build]\nzig = true\n[target.{T}]\nzig = false\n");
    let seen = case(&toml).cold().build();
    let all = format!("{:?}", seen.blueprint());
    seen.ensure(!all.contains("zig"), all);
}

#[test]
fn an_image_with_zig_is_used_with_its_cargo_zigbuild() {
    for (version, target) in [
        ("", T.to_owned()),
        ("version = \"2.17\", ", format!("{T}.2.17")),
    ] {
        let lines = format!("zig = {{ enable = true, {version}image = \"mine/zig:1\" }}");
        let seen = t_with(&lines).cargo(&["build", "--release", "--target", T]);
        seen.image("mine/zig:1");
        let words = [
            "cargo-zigbuild",
            "build",
            "--target",
            &target,
            "--locked",
            "--release",
        ];
        seen.is(seen.run().0.command.as_slice(), words);
    }
}

#[test]
fn an_image_from_a_variable_supports_zig() {
    let case = case("").set("CROSS_BUILD_ZIG", "1");
    case.set("CROSS_BUILD_ZIG_IMAGE", "mine/zig:1")
        .build()
        .image("mine/zig:1");
}

#[test]
fn the_zig_cache_is_in_the_target_directory() {
    let seen = t_with("zig = { enable = true, image = \"mine/zig:1\" }").build();
    let cache = seen.value("XDG_CACHE_HOME").unwrap();
    seen.ensure(cache.starts_with(text(&seen.plan().target_dir)), cache);
    // The compiler script of a recipe uses the directory.
    let seen = t_with("zig = true").cold().build();
    let script = seen.blueprint().commands.concat();
    seen.ensure(
        script.contains("${CARGO_TARGET_DIR:-/tmp}/zig-cache"),
        script,
    );
}

#[test]
fn the_version_of_zig_is_the_oldest_glibc() {
    let commands = |lines: &str| t_with(lines).cold().build().blueprint().commands.concat();
    let (plain, floor) = (commands("zig = true"), commands("zig = \"2.17\""));
    assert!(floor.contains("2.17"), "{floor}");
    assert!(!plain.contains("2.17"), "{plain}");
}

#[test]
fn a_zig_version_without_zig_is_a_warning() {
    t_with("zig = { version = \"2.17\" }")
        .build()
        .warns("no-effect", "zig.version");
}
