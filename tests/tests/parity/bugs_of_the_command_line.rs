//! Bugs in the command line and toolchains of `cross` that this project does not have.

use cross_core::{ErrorKind, cargo_cli::Placement, events::EventKind};
use cross_tests::{Answer, Fakes, Recorder};

use crate::case::{Case, NIGHTLY, T, case, for_t, on, says, t_with};

#[test]
fn a_target_directory_is_not_a_target() {
    let case = for_t();
    for words in [
        &["build", "--target-dir", "out"][..],
        &["build", "--target-dir=out"],
        &["--target-dir=out", "build"],
    ] {
        case.cargo(words).given(&["build", "--target", T]);
    }
}

#[test]
fn non_ascii_arguments_do_not_panic() {
    for_t()
        .cargo(&["test", "äöü"])
        .given(&["test", "--target", T, "äöü"]);
    let error = for_t().refused(&["ß"], ErrorKind::CargoFailed);
    says(&error, "ß", "");
    let many = format!("-{}", "v".repeat(300));
    for_t()
        .cargo(&["build", &many])
        .given(&["build", "--target", T, &many]);
}

#[test]
fn every_alias_of_cargo_is_known() {
    let case = for_t();
    for (alias, name) in [
        ("b", "build"),
        ("c", "check"),
        ("t", "test"),
        ("r", "run"),
        ("d", "doc"),
    ] {
        case.cargo(&[alias]).given(&[name, "--target", T]);
    }
}

#[test]
fn aliases_of_the_user_are_known_in_ci() {
    let case = for_t().file(
        ".cargo/config.toml",
        "[alias]\nship = \"build --release\"\n",
    );
    let seen = case.set("CI", "true").cargo(&["ship"]);
    seen.given(&["build", "--target", T, "--release"]);
    let case = for_t().set("CARGO_ALIAS_SHIP", "build --locked");
    case.cargo(&["ship"])
        .given(&["build", "--target", T, "--locked"]);
}

#[test]
fn plugins_are_known() {
    for (name, words, given) in [
        (
            "nextest",
            &["nextest", "run"][..],
            &["nextest", "run", "--target", T][..],
        ),
        (
            "llvm-cov",
            &["llvm-cov", "--html"],
            &["llvm-cov", "--target", T, "--html"],
        ),
        ("expand", &["expand", "x"], &["expand", "--target", T, "x"]),
    ] {
        let case = for_t().program(&format!("cargo-{name}"));
        case.cargo(words).given(given);
    }
}

#[test]
fn commands_that_need_no_engine_start_none() {
    let case = on(Fakes::Docker).program("rustup");
    for words in [
        &["--help"][..],
        &[],
        &["--version"],
        &["--list"],
        &["clean"],
        &["build", "--help"],
        &["nextest", "run", "--help"],
    ] {
        let seen = case.cargo(words);
        seen.is(seen.all().decision.place, Placement::Host);
    }
    assert_eq!(case.started(), [""; 0]);
}

fn heard(case: &Case, words: &[&str]) -> Recorder {
    let recorder = Recorder::default();
    let cross = recorder.hear(case.cross());
    cross.cargo(words).run().unwrap();
    recorder
}

#[test]
fn standard_output_has_only_the_output_of_cargo() {
    let json = "{\"reason\":\"build-finished\",\"success\":true}";
    let case = for_t().rule("docker", &["run"], Answer::says(&format!("{json}\n")));
    let recorder = heard(&case, &["check", "-v", "--message-format", "json"]);
    assert_eq!(recorder.output(), format!("{json}\n"));
    let answer = Answer::says("{}\n");
    let case = on(Fakes::Nothing).rule("cargo", &["metadata", "--no-deps", "-v"], answer);
    let recorder = heard(&case, &["metadata", "--no-deps", "-v"]);
    assert_eq!(recorder.output(), "{}\n");
}

#[test]
fn cargo_metadata_gets_the_options_of_the_command_line() {
    let case = for_t();
    case.cargo(&["build"]);
    let calls = case.machine.calls_of("cargo");
    let question = calls.iter().rfind(|call| call.has("metadata")).unwrap();
    for word in ["--offline", "--locked", "--all-features"] {
        assert!(question.has(word), "{}", question.line());
    }
    assert!(
        question.line().contains(&format!("--filter-platform {T}")),
        "{}",
        question.line()
    );
}

#[test]
fn cargo_fetch_gets_the_options_of_the_command_line() {
    for flag in ["--locked", "--offline"] {
        let case = for_t().without("Cargo.lock");
        let seen = case.cargo(&["build", flag]);
        let commands = seen.host_commands();
        seen.ensure(commands[0].contains(flag), &commands);
    }
    let case = for_t().without("Cargo.lock");
    let seen = case.cargo(&["build", "--frozen"]);
    let commands = seen.host_commands();
    seen.ensure(
        commands[0].contains("--locked") && commands[0].contains("--offline"),
        &commands,
    );
}

#[test]
fn a_manifest_error_has_the_message_of_cargo() {
    let case = for_t().manifest("[dependencies]\nbroken = { path = 1 }");
    let error = case.refused(&["build"], ErrorKind::Manifest);
    says(&error, "broken = { path = 1 }", "cargo metadata");
    assert!(
        error.to_string().lines().count() > 1,
        "its lines are kept: {error}"
    );
}

#[test]
fn a_refusal_is_an_error_and_the_host_is_a_decision() {
    let error = for_t().refused(&["frobnicate"], ErrorKind::CargoFailed);
    assert_eq!(error.code(), Some(101));
    let case = on(Fakes::Nothing).rule("cargo", &["fmt"], Answer::says(""));
    let events = heard(&case, &["fmt"]).events();
    let decided = events.iter().find_map(|event| match &event.kind {
        EventKind::Decided(decision) => Some(decision),
        _ => None,
    });
    let decided = decided.unwrap();
    assert_eq!(
        (decided.place, decided.command.as_deref()),
        (Placement::Host, Some("fmt"))
    );
    assert_eq!(decided.why, "only formats sources");
}

#[test]
fn rust_src_is_installed_only_for_build_std() {
    let case = for_t().program("rustup");
    for target in [T, "powerpc-unknown-linux-gnu"] {
        let seen = case.build_for(target);
        let commands = seen.host_commands().concat();
        seen.ensure(!commands.contains("rust-src"), commands);
    }
}

#[test]
fn toolchain_messages_name_the_toolchain() {
    let case = for_t().program("rustup");
    let error = case.refused(&["+my-own", "build"], ErrorKind::Toolchain);
    says(&error, "`my-own`", "my-own");
    assert!(!error.to_string().contains('{'), "{error}");
}

#[test]
fn a_missing_toolchain_has_no_version() {
    let case = t_with("image = \"mine\"\nbuild-std = true").program("rustup");
    let seen = case.cargo(&["+nightly", "build", "--target", T]);
    seen.given(&["build", "--target", T, "-Zbuild-std"]);
    seen.is(seen.plan().toolchain.version.as_deref(), None::<&str>);
    // An unknown version is better than a wrong one.
    let minor = seen.value("CROSS_RUSTC_MINOR_VERSION");
    seen.ensure(minor != Some("0"), format!("1.0.0 is told: {minor:?}"));
}

#[test]
fn an_undated_channel_has_no_date() {
    let dated = "nightly-2025-01-01-x86_64-unknown-linux-gnu";
    let case = for_t()
        .nightly()
        .set("RUSTUP_TOOLCHAIN", "nightly-2025-01-01")
        .toolchain(dated, "1.85.0-nightly");
    case.cargo(&["build"]).toolchain(dated);
    case.cargo(&["+nightly", "build"]).toolchain(NIGHTLY);
}

#[test]
fn a_toolchain_has_its_rustup_name() {
    let case = case("")
        .set("RUSTUP_TOOLCHAIN", "distro")
        .toolchain("distro", "1.85.0");
    case.build().toolchain("distro");
    let case = for_t().set("CROSS_BUILD_TOOLCHAIN", "image");
    let seen = case.build();
    seen.is(seen.plan().toolchain.sysroot(), None);
}

#[test]
fn internal_variables_do_not_reach_the_program() {
    let words = ["run", "--target-dir", "out", "--", "--message-format", "x"];
    let seen = for_t().cargo(&words);
    seen.given(&["run", "--target", T, "--", "--message-format", "x"]);
    let program = ["run", "prog", "--target", "x"];
    for_t()
        .cargo(&program)
        .given(&["run", "--target", T, "prog", "--target", "x"]);
}
