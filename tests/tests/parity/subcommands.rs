//! Subcommands: where each of them runs, what never falls back to the host, and the supported
//! targets.

use cross_core::{ErrorKind, cargo_cli::Placement, plan::EnvironmentKind};
use cross_engine::Network;
use cross_tests::{Answer, Fakes};

use crate::case::{HOST, PUBLISHED, T, case, each_with, for_t, on, says, text};

/// Subcommands that compile for the target.
const COMPILES: [&str; 8] = [
    "build", "b", "check", "c", "doc", "rustc", "rustdoc", "clippy",
];
/// Subcommands that run what they compiled.
const RUNS: [&str; 5] = ["run", "r", "test", "t", "bench"];

#[test]
fn compiling_subcommands_run_in_the_environment() {
    let case = for_t();
    for word in COMPILES {
        let seen = case.cargo(&[word]);
        let place = seen.all().decision.place;
        let compiles = matches!(
            place,
            Placement::Environment {
                compiles: true,
                runs_programs: false,
                ..
            }
        );
        seen.ensure(compiles, format!("{place:?}"));
        seen.is(seen.targets(), [T]);
        seen.is(seen.run().0.network, Network::None);
    }
}

#[test]
fn differs_running_subcommands_run_in_the_environment_without_a_network() {
    let case = for_t();
    for word in RUNS {
        let seen = case.cargo(&[word]);
        let place = seen.all().decision.place;
        let runs = matches!(
            place,
            Placement::Environment {
                compiles: true,
                runs_programs: true,
                ..
            }
        );
        seen.ensure(runs, format!("{place:?}"));
        seen.is(seen.run().0.network, Network::None);
    }
}

#[test]
fn differs_metadata_runs_on_the_host_without_a_target() {
    let case = on(Fakes::Nothing);
    let seen = case.cargo(&["metadata", "--target", T, "--no-deps", "--target=x"]);
    seen.is(
        &seen.on_host()[0].args,
        ["metadata", "--no-deps"].as_slice(),
    );
    seen.is(seen.all().decision.changes.len(), 2);
}

#[test]
fn clean_runs_on_the_host() {
    let case = on(Fakes::Nothing);
    let seen = case.cargo(&["clean", "--target", T]);
    seen.is(seen.on_host().len(), 1);
    seen.is(&seen.on_host()[0].args, ["clean", "--target", T].as_slice());
    assert_eq!(case.started(), [""; 0]);
}

/// Returns how many calls of a `clean` are for the target directory of an environment.
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
fn differs_clean_reaches_the_environments_directories() {
    // Without a selection, cargo removes the whole target directory, including those of
    // environments. With only a target it does the same.
    assert_eq!(cleaned(&["clean"]), 0);
    assert_eq!(cleaned(&["clean", "--target", T]), 0);
    assert_eq!(cleaned(&["clean", "-p", "app"]), 2);
    assert_eq!(cleaned(&["clean", "-p", "app", "--target", T]), 1);
}

#[test]
fn other_subcommands_run_on_the_host() {
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
fn differs_compiling_for_the_host_is_refused() {
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
fn differs_an_unknown_subcommand_is_refused() {
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
fn differs_a_build_without_a_package_does_not_fall_back_to_the_host() {
    let case = for_t().without("Cargo.toml");
    let error = case.refused(&["build"], ErrorKind::Manifest);
    says(&error, "Cargo.toml", "cargo project");
}

#[test]
fn differs_a_build_without_an_image_does_not_fall_back_to_the_host() {
    let case = for_t().file("board.json", "{}");
    for (target, kind) in [
        ("board.json", ErrorKind::UnsupportedTarget),
        ("arm64e-apple-darwin", ErrorKind::UnknownTarget),
        ("thumbv7a-pc-windows-msvc", ErrorKind::UnknownTarget),
        ("x86_64-unknown-frobnix", ErrorKind::UnknownTarget),
    ] {
        let error = case.refused(&["build", "--target", target], kind);
        says(&error, target, "");
        assert!(error.help().is_some(), "{error}");
    }
}

#[test]
fn a_dockerfile_needs_no_published_image() {
    let case = case("[target.aarch64-apple-darwin]\ndockerfile = \"Dockerfile\"\n")
        .file("Dockerfile", "FROM mine\n");
    let seen = case.build_for("aarch64-apple-darwin");
    seen.kind(EnvironmentKind::Dockerfile);
}

#[test]
fn differs_warnings_are_not_errors_in_ci() {
    let case = case("[target.aarch64_unknown_linux_gnu]\nrunner = \"native\"\n")
        .set("CI", "true")
        .set("GITHUB_ACTION", "1");
    case.build()
        .warns("unknown-target", "aarch64_unknown_linux_gnu");
}

#[test]
fn the_default_target_is_the_host_in_an_environment() {
    let seen = case("").cargo(&["build"]);
    seen.given(&["build", "--target", HOST]);
}

#[test]
fn every_system_can_have_an_environment() {
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
fn version_and_list_run_on_the_host() {
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
fn differs_a_plugin_runs_in_the_environment() {
    let case = for_t().program("cargo-nextest");
    let seen = case.cargo(&["nextest", "run", "--lib"]);
    seen.given(&["nextest", "run", "--target", T, "--lib"]);
    let program = case.machine.path("bin/cargo-nextest");
    let inside = case.machine.path("cargo/bin/cargo-nextest");
    let mount = seen.mount(inside).unwrap();
    seen.is(&mount.source, &program);
}

#[test]
fn differs_a_missing_plugin_is_named() {
    let error = for_t().refused(&["nextest", "run"], ErrorKind::ToolMissing);
    says(&error, "cargo-nextest", "cargo install cargo-nextest");
}

#[test]
fn differs_an_alias_of_the_workspace_is_expanded() {
    let config = "[alias]\nship = [\"build\", \"--release\"]\nx = \"ship --locked\"\n";
    let case = for_t().file(".cargo/config.toml", config);
    let seen = case.cargo(&["x", "-v"]);
    seen.given(&["build", "--target", T, "--release", "--locked", "-v"]);
    let through = seen.all().decision.aliases.iter();
    seen.is(
        through
            .map(|through| through.alias.as_str())
            .collect::<Vec<_>>(),
        ["x", "ship"],
    );
}

#[test]
fn the_place_of_a_command_line_is_reported() {
    let seen = for_t().cargo(&["tree"]);
    let said = seen.all().to_string();
    seen.ensure(
        said.starts_with("# `cargo tree` runs on the host: it "),
        "why",
    );
}

#[test]
fn the_requested_toolchain_runs_on_the_host() {
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
fn a_missing_published_image_is_pulled() {
    let case = case("")
        .cold()
        .rule("docker", &["pull"], Answer::fails(1, "no\n"));
    let seen = case.build_for(PUBLISHED);
    seen.kind(EnvironmentKind::PublishedImage);
    seen.ensure(seen.pulled().is_some(), "it is pulled");
}
