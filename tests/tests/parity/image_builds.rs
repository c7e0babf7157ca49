//! §4.3 and §4.5: images that are built of a Dockerfile and of `pre-build`, and zig.

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
fn s4_3_a_dockerfile_is_relative_to_the_workspace() {
    let case = dockerfile("FROM mine\n").in_dir("sub");
    let seen = case.build();
    seen.is(
        &seen.built().0.file,
        &ContainerfileSource::Path(case.path("ci/Dockerfile")),
    );
}

#[test]
fn s4_3_a_dockerfile_that_is_missing_is_named() {
    let case = t_with("dockerfile = \"no/Dockerfile\"");
    let error = case.refused(&["build", "--target", T], cross_core::ErrorKind::Io);
    says(&error, "no/Dockerfile", "`dockerfile`");
}

#[test]
fn s4_3_a_dockerfiles_image_is_named_for_target_and_content() {
    let tag = |body: &str| dockerfile(body).build().built().0.tag.clone();
    let (one, two) = (tag("FROM one\n"), tag("FROM two\n"));
    assert!(one.starts_with("localhost/"), "{one}");
    assert!(one.contains(T), "{one}");
    assert_ne!(one, two);
}

#[test]
fn s4_3_differs_a_dockerfile_is_built_only_where_its_image_is_not_there() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM mine\n");
    let seen = case.build();
    seen.is(seen.builds().len(), 0);
    seen.ensure(seen.plan().environment.exists, "it is there");
}

#[test]
fn s4_3_differs_one_that_copies_is_left_to_the_engines_cache() {
    let case = t_with("dockerfile = \"Dockerfile\"").file("Dockerfile", "FROM mine\nCOPY . /x\n");
    case.build().built();
}

#[test]
fn s4_3_a_dockerfile_is_told_what_it_asks_for() {
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
fn s4_3_differs_the_base_image_is_the_recipes() {
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
fn s4_3_without_a_recipe_the_base_image_is_the_published_one() {
    let toml = format!("[target.{PUBLISHED}]\ndockerfile = \"Dockerfile\"\n");
    let body = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\n";
    let case = case(&toml).file("Dockerfile", body).cold();
    let seen = case.build_for(PUBLISHED);
    let base = &seen.built().0.build_args["CROSS_BASE_IMAGE"];
    seen.is(base, &format!("ghcr.io/cross-rs/{PUBLISHED}:main"));
}

#[test]
fn s4_3_a_build_argument_of_the_users_goes_before_ours() {
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
fn s4_3_deb_arch_is_upstreams_word_for_the_target() {
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
fn s4_3_a_script_is_given_the_target() {
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
fn s4_3_pre_build_goes_on_from_the_dockerfile() {
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
fn s4_3_pre_build_on_an_image_has_a_name_for_its_content() {
    let tag = |command: &str| {
        let case = t_with(&format!("image = \"mine\"\npre-build = [\"{command}\"]"));
        case.cold().build().built().0.tag.clone()
    };
    assert!(tag("one").contains("-pre-build-"), "{}", tag("one"));
    assert_ne!(tag("one"), tag("two"));
}

#[test]
fn s4_3_an_empty_pre_build_builds_nothing() {
    let seen = t_with("image = \"mine\"\npre-build = []").build();
    seen.is(seen.builds().len(), 0);
    seen.image("mine");
}

#[test]
fn s4_3_differs_pre_build_without_an_image_is_a_part_of_the_recipe() {
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
fn s4_3_buildx_builds_where_it_is() {
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
fn s4_3_a_build_is_for_the_platform_of_the_image() {
    let lines =
        "image = { name = \"mine\", toolchain = [\"linux/arm64\"] }\npre-build = [\"true\"]";
    let seen = t_with(lines).program("rustup").cold().build();
    let words = ["--platform", "linux/arm64"];
    seen.ensure(has_words(seen.built().1, &words), words);
}

/// What zig is asked for by a case: the recipe has it, or the image that was named.
fn has_zig(case: Case) {
    let seen = case.cold().build();
    let packages = seen.blueprint().packages.concat();
    let commands = seen.blueprint().commands.concat();
    seen.ensure(
        packages.contains("zig") || commands.contains("zig"),
        "zig in the recipe",
    );
}

#[test]
fn s4_5_zig_is_a_part_of_the_recipe_however_it_is_asked_for() {
    has_zig(t_with("zig = true"));
    has_zig(t_with("zig = \"2.17\""));
    has_zig(t_with("zig = { enable = true, version = \"2.17\" }"));
    has_zig(case("[build]\nzig = true\n"));
    has_zig(case("").set("CROSS_BUILD_ZIG", "1"));
    has_zig(case("").set(&of_t("ZIG"), "true"));
}

#[test]
fn s4_5_zig_can_be_off_for_one_target() {
    let toml = format!("[build]\nzig = true\n[target.{T}]\nzig = false\n");
    let seen = case(&toml).cold().build();
    let all = format!("{:?}", seen.blueprint());
    seen.ensure(!all.contains("zig"), all);
}

#[test]
fn s4_5_an_image_with_zig_is_used_with_its_cargo_zigbuild() {
    for (version, target) in [
        ("", T.to_owned()),
        ("version = \"2.17\", ", format!("{T}.2.17")),
    ] {
        let lines = format!("zig = {{ enable = true, {version}image = \"mine/zig:1\" }}");
        let seen = t_with(&lines).cargo(&["build", "--release", "--target", T]);
        seen.image("mine/zig:1");
        let words = ["cargo-zigbuild", "build", "--target", &target, "--release"];
        seen.is(seen.run().0.command.as_slice(), words);
    }
}

#[test]
fn s4_5_an_image_of_a_variable_has_zig_too() {
    let case = case("").set("CROSS_BUILD_ZIG", "1");
    case.set("CROSS_BUILD_ZIG_IMAGE", "mine/zig:1")
        .build()
        .image("mine/zig:1");
}

#[test]
fn s3_2_05_what_zig_makes_once_is_kept_in_the_target_directory() {
    let seen = t_with("zig = { enable = true, image = \"mine/zig:1\" }").build();
    let cache = seen.value("XDG_CACHE_HOME").unwrap();
    seen.ensure(cache.starts_with(text(&seen.plan().target_dir)), cache);
    // A recipe's own compiler script looks there.
    let seen = t_with("zig = true").cold().build();
    let script = seen.blueprint().commands.concat();
    seen.ensure(
        script.contains("${CARGO_TARGET_DIR:-/tmp}/zig-cache"),
        script,
    );
}

#[test]
fn s4_5_the_version_of_zig_is_the_oldest_glibc() {
    let commands = |lines: &str| t_with(lines).cold().build().blueprint().commands.concat();
    let (plain, floor) = (commands("zig = true"), commands("zig = \"2.17\""));
    assert!(floor.contains("2.17"), "{floor}");
    assert!(!plain.contains("2.17"), "{plain}");
}

#[test]
fn s4_5_a_version_of_zig_without_zig_says_that_it_has_no_effect() {
    t_with("zig = { version = \"2.17\" }")
        .build()
        .warns("no-effect", "zig.version");
}
