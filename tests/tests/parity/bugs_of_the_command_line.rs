//! §9.2, 10 to 21 and 34: the bugs of upstream's command line and toolchains, which ours does not
//! have.

use cross_core::{ErrorKind, cargo_cli::Placement, events::EventKind};
use cross_tests::{Answer, Fakes, Recorder};

use crate::case::{Case, NIGHTLY, T, case, for_t, on, says, t_with};

#[test]
fn bug_10_a_target_directory_is_no_target() {
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
fn bug_11_no_letter_panics() {
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
fn bug_12_every_alias_of_cargo_is_known() {
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
fn bug_12_aliases_of_the_user_are_known_in_ci() {
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
fn bug_12_plugins_are_known() {
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
fn bug_13_what_needs_no_engine_starts_none_and_downloads_nothing() {
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
fn bug_14_on_standard_output_there_is_nothing_but_cargos() {
    let json = "{\"reason\":\"build-finished\",\"success\":true}";
    let case = for_t().rule("docker", &["run"], Answer::says(&format!("{json}\n")));
    let recorder = heard(&case, &["build", "-v", "--message-format", "json"]);
    assert_eq!(recorder.output(), format!("{json}\n"));
    let answer = Answer::says("{}\n");
    let case = on(Fakes::Nothing).rule("cargo", &["metadata", "--no-deps", "-v"], answer);
    let recorder = heard(&case, &["metadata", "--no-deps", "-v"]);
    assert_eq!(recorder.output(), "{}\n");
}

#[test]
fn bug_15_the_manifests_are_read_as_the_command_line_says() {
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
fn bug_15_what_is_fetched_is_fetched_as_the_command_line_says() {
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
fn bug_15_why_the_manifests_cannot_be_read_is_said_as_cargo_says_it() {
    let case = for_t().manifest("[dependencies]\nbroken = { path = 1 }");
    let error = case.refused(&["build"], ErrorKind::Manifest);
    says(&error, "broken = { path = 1 }", "cargo metadata");
    assert!(
        error.to_string().lines().count() > 1,
        "its lines are kept: {error}"
    );
}

#[test]
fn bug_16_what_is_refused_is_an_error_and_what_is_the_hosts_a_decision() {
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
fn bug_17_rust_src_is_installed_for_build_std_alone() {
    let case = for_t().program("rustup");
    for target in [T, "powerpc-unknown-linux-gnu"] {
        let seen = case.build_for(target);
        let commands = seen.host_commands().concat();
        seen.ensure(!commands.contains("rust-src"), commands);
    }
}

#[test]
fn bug_18_a_toolchain_is_named_in_what_is_said_of_it() {
    let case = for_t().program("rustup");
    let error = case.refused(&["+my-own", "build"], ErrorKind::Toolchain);
    says(&error, "`my-own`", "my-own");
    assert!(!error.to_string().contains('{'), "{error}");
}

#[test]
fn bug_19_a_toolchain_that_is_not_there_yet_is_no_other_version() {
    let case = t_with("image = \"mine\"\nbuild-std = true").program("rustup");
    let seen = case.cargo(&["+nightly", "build", "--target", T]);
    seen.given(&["build", "--target", T, "-Zbuild-std"]);
    seen.is(seen.plan().toolchain.version.as_deref(), None::<&str>);
    // It is better not said than said wrong.
    let minor = seen.value("CROSS_RUSTC_MINOR_VERSION");
    seen.ensure(minor != Some("0"), format!("1.0.0 is told: {minor:?}"));
}

#[test]
fn bug_20_a_channel_without_a_date_has_none() {
    let dated = "nightly-2025-01-01-x86_64-unknown-linux-gnu";
    let case = for_t()
        .nightly()
        .set("RUSTUP_TOOLCHAIN", "nightly-2025-01-01")
        .toolchain(dated, "1.85.0-nightly");
    case.cargo(&["build"]).toolchain(dated);
    case.cargo(&["+nightly", "build"]).toolchain(NIGHTLY);
}

#[test]
fn bug_21_a_toolchain_has_the_name_that_rustup_has_for_it() {
    let case = case("")
        .set("RUSTUP_TOOLCHAIN", "distro")
        .toolchain("distro", "1.85.0");
    case.build().toolchain("distro");
    let case = for_t().set("CROSS_BUILD_TOOLCHAIN", "image");
    let seen = case.build();
    seen.is(seen.plan().toolchain.sysroot(), None);
}

#[test]
fn bug_34_nothing_of_ours_reaches_the_program() {
    let words = ["run", "--target-dir", "out", "--", "--message-format", "x"];
    let seen = for_t().cargo(&words);
    seen.given(&["run", "--target", T, "--", "--message-format", "x"]);
    let program = ["run", "prog", "--target", "x"];
    for_t()
        .cargo(&program)
        .given(&["run", "--target", T, "prog", "--target", "x"]);
}
