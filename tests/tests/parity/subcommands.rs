//! §1.2 to §1.5: where each subcommand runs, what never falls back to the host, and which targets an
//! environment serves.

use cross_core::{ErrorKind, cargo_cli::Placement, plan::EnvironmentKind};
use cross_engine::Network;
use cross_tests::{Answer, Fakes};

use crate::case::{HOST, PUBLISHED, T, case, each_with, for_t, on, says, text};

/// Subcommands that compile for the target, and those that start what they compiled.
const COMPILES: [&str; 8] = [
    "build", "b", "check", "c", "doc", "rustc", "rustdoc", "clippy",
];
const RUNS: [&str; 5] = ["run", "r", "test", "t", "bench"];

#[test]
fn s1_2_what_compiles_goes_to_the_environment() {
    let case = for_t();
    for word in COMPILES {
        let seen = case.cargo(&[word]);
        let compiles = Placement::Environment {
            compiles: true,
            runs_programs: false,
        };
        seen.is(seen.all().decision.place, compiles);
        seen.is(seen.targets(), [T]);
        seen.is(seen.run().0.network, Network::None);
    }
}

#[test]
fn s1_2_differs_what_runs_programs_goes_there_too_without_a_network() {
    let case = for_t();
    for word in RUNS {
        let seen = case.cargo(&[word]);
        let runs = Placement::Environment {
            compiles: true,
            runs_programs: true,
        };
        seen.is(seen.all().decision.place, runs);
        seen.is(seen.run().0.network, Network::None);
    }
}

#[test]
fn s1_2_differs_metadata_is_the_hosts_and_has_no_target() {
    let case = on(Fakes::Nothing);
    let seen = case.cargo(&["metadata", "--target", T, "--no-deps", "--target=x"]);
    seen.is(
        &seen.on_host()[0].args,
        ["metadata", "--no-deps"].as_slice(),
    );
    seen.is(seen.all().decision.changes.len(), 2);
}

#[test]
fn s1_2_clean_is_the_hosts() {
    let case = on(Fakes::Nothing);
    let seen = case.cargo(&["clean", "--target", T]);
    seen.is(seen.on_host().len(), 1);
    seen.is(&seen.on_host()[0].args, ["clean", "--target", T].as_slice());
    assert_eq!(case.started(), [""; 0]);
}

/// How many of the calls of a `clean` are for an environment's own target directory.
fn cleaned(words: &[&str]) -> usize {
    let case = on(Fakes::Nothing)
        .file(&format!("target/cross/{T}-01234567/x"), "")
        .file("target/cross/s390x-unknown-linux-gnu-01234567/x", "");
    let seen = case.cargo(words);
    let parts = seen.on_host();
    let ours = parts[0].env.contains_key("CARGO_TARGET_DIR");
    seen.ensure(!ours, "the workspace's own first");
    let others = &parts[1..];
    for part in others {
        let dir = format!("{:?}", part.env["CARGO_TARGET_DIR"]);
        seen.ensure(dir.contains("target/cross/"), dir);
        seen.is(&part.args, words);
    }
    others.len()
}

#[test]
fn s1_2_differs_clean_reaches_the_environments_directories() {
    // Without a selection cargo removes the whole target directory, where they are; so it does for
    // a target.
    assert_eq!(cleaned(&["clean"]), 0);
    assert_eq!(cleaned(&["clean", "--target", T]), 0);
    assert_eq!(cleaned(&["clean", "-p", "app"]), 2);
    assert_eq!(cleaned(&["clean", "-p", "app", "--target", T]), 1);
}

#[test]
fn s1_2_what_neither_compiles_nor_runs_is_the_hosts() {
    let case = on(Fakes::Nothing);
    for words in [
        &["fmt", "--check"][..],
        &["fetch"],
        &["update"],
        &["add", "libc"],
        &["tree"],
        &["publish", "--dry-run"],
        &["package"],
        &["install", "x"],
        &["search", "x"],
    ] {
        let seen = case.cargo(words);
        seen.is(seen.all().decision.place, Placement::Host);
        seen.is(&seen.on_host()[0].args, words);
        seen.is(seen.on_host()[0].cwd.as_deref(), Some(case.project.path()));
    }
    assert_eq!(case.started(), [""; 0]);
}

#[test]
fn s1_2_differs_what_would_compile_for_the_host_is_refused() {
    for words in [
        &["install", "--target", T, "x"][..],
        &["publish", "--target", T],
        &["watch", "-x", "build"],
        &["zigbuild"],
    ] {
        let error = for_t().refused(words, ErrorKind::CargoFailed);
        says(&error, "cannot be served", "instead: ");
    }
}

#[test]
fn s1_3_differs_a_subcommand_that_is_not_known_is_refused() {
    let error = for_t().refused(&["frobnicate"], ErrorKind::CargoFailed);
    says(
        &error,
        "frobnicate",
        "can be called directly: `cargo frobnicate`",
    );
    let error = for_t().refused(&["biuld"], ErrorKind::CargoFailed);
    says(&error, "biuld", "did you mean `build`?");
}

#[test]
fn s1_3_differs_without_a_package_the_host_does_not_build() {
    let case = for_t().without("Cargo.toml");
    let error = case.refused(&["build"], ErrorKind::Manifest);
    says(&error, "Cargo.toml", "cargo project");
}

#[test]
fn s1_3_differs_without_an_image_the_host_does_not_build() {
    let case = for_t().file("board.json", "{}");
    for (target, kind) in [
        ("board.json", ErrorKind::UnsupportedTarget),
        ("aarch64-apple-darwin", ErrorKind::UnknownTarget),
        ("x86_64-pc-windows-msvc", ErrorKind::UnknownTarget),
        ("x86_64-unknown-frobnix", ErrorKind::UnknownTarget),
    ] {
        let error = case.refused(&["build", "--target", target], kind);
        says(&error, target, "");
        assert!(error.help().is_some(), "{error}");
    }
}

#[test]
fn s1_3_without_an_image_a_dockerfile_is_enough() {
    let case = case("[target.aarch64-apple-darwin]\ndockerfile = \"Dockerfile\"\n")
        .file("Dockerfile", "FROM mine\n");
    let seen = case.build_for("aarch64-apple-darwin");
    seen.kind(EnvironmentKind::Dockerfile);
}

#[test]
fn s1_3_differs_warnings_stop_nothing_even_in_ci() {
    let case = case("[target.aarch64_unknown_linux_gnu]\nrunner = \"native\"\n")
        .set("CI", "true")
        .set("GITHUB_ACTION", "1");
    case.build()
        .warns("unknown-target", "aarch64_unknown_linux_gnu");
}

#[test]
fn s1_4_without_any_target_the_hosts_is_built_for_in_an_environment() {
    let seen = case("").cargo(&["build"]);
    seen.given(&["build", "--target", HOST]);
}

#[test]
fn s1_4_every_system_can_have_an_environment() {
    let targets = [
        "thumbv7em-none-eabihf",
        "x86_64-unknown-netbsd",
        "x86_64-unknown-illumos",
        "x86_64-pc-windows-gnu",
        "aarch64-linux-android",
        "x86_64-apple-darwin",
        "wasm32-unknown-emscripten",
        "made-up-by-me",
    ];
    let case = each_with(&targets, "image = \"mine\"");
    for target in targets {
        case.build_for(target).image("mine");
    }
}

#[test]
fn s1_5_version_and_list_are_the_host_cargos() {
    let case = on(Fakes::Nothing);
    for words in [
        &["--version"][..],
        &["-V"],
        &["--list"],
        &["-V", "build"],
        &["--help"],
        &[],
    ] {
        let seen = case.cargo(words);
        seen.is(&seen.on_host()[0].args, words);
    }
    assert_eq!(case.started(), [""; 0]);
}

#[test]
fn s1_2_differs_a_plugin_goes_to_the_environment_with_its_program() {
    let case = for_t().program("cargo-nextest");
    let seen = case.cargo(&["nextest", "run", "--lib"]);
    seen.given(&["nextest", "run", "--target", T, "--lib"]);
    let program = case.machine.path("bin/cargo-nextest");
    let inside = case.machine.path("cargo/bin/cargo-nextest");
    let mount = seen.mount(inside).unwrap();
    seen.is(&mount.source, &program);
}

#[test]
fn s1_2_differs_a_plugin_that_is_not_installed_is_named() {
    let error = for_t().refused(&["nextest", "run"], ErrorKind::ToolMissing);
    says(&error, "cargo-nextest", "cargo install cargo-nextest");
}

#[test]
fn s1_2_differs_an_alias_of_the_workspace_is_what_it_stands_for() {
    let config = "[alias]\nship = [\"build\", \"--release\"]\nx = \"ship --locked\"\n";
    let case = for_t().file(".cargo/config.toml", config);
    let seen = case.cargo(&["x", "-v"]);
    seen.given(&["build", "--target", T, "--release", "--locked", "-v"]);
    let through = seen.all().decision.aliases.iter();
    seen.is(
        through.map(|it| it.alias.as_str()).collect::<Vec<_>>(),
        ["x", "ship"],
    );
}

#[test]
fn s1_3_where_a_command_line_runs_is_said() {
    let seen = for_t().cargo(&["tree"]);
    let said = seen.all().to_string();
    seen.ensure(
        said.starts_with("# `cargo tree` runs on the host: it "),
        "why",
    );
}

#[test]
fn s1_3_the_hosts_cargo_is_the_one_that_was_asked_for() {
    let case = for_t().nightly();
    let seen = case.cargo(&["+nightly", "fmt"]);
    let cargo = case
        .machine
        .path("rustup/toolchains")
        .join(crate::case::NIGHTLY);
    let program = text(&seen.on_host()[0].program);
    seen.ensure(program.starts_with(text(&cargo)), program);
    seen.is(&seen.on_host()[0].args, ["fmt"].as_slice());
}

#[test]
fn s1_3_a_published_image_that_is_not_there_is_pulled_and_not_forgone() {
    let case = case("")
        .cold()
        .rule("docker", &["pull"], Answer::fails(1, "no\n"));
    let seen = case.build_for(PUBLISHED);
    seen.kind(EnvironmentKind::PublishedImage);
    seen.ensure(seen.pulled().is_some(), "it is pulled");
}
