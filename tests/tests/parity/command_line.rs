//! Parsing of the command line, and the arguments of cargo in the environment.

use cross_core::ErrorKind;
use cross_engine::Access;

use crate::case::{HOST, T, U, case, for_t, says, text};

/// Tests of a command line with a configured target, and the arguments of cargo in the environment.
macro_rules! given {
    ($($name:ident: $words:expr => $given:expr;)*) => {$(
        #[test]
        fn $name() {
            for_t().cargo(&$words).given(&$given);
        }
    )*};
}

given! {
    arguments_after_two_dashes_are_unchanged:
        ["run", "--", "--target", "x", "-v", "+y", "--target-dir", "z"]
        => ["run", "--target", T, "--", "--target", "x", "-v", "+y", "--target-dir", "z"];
    verbosity_is_forwarded: ["build", "-vv"] => ["build", "--target", T, "-vv"];
    verbosity_before_the_subcommand_is_forwarded: ["-v", "build"] => ["build", "--target", T, "-v"];
    quiet_is_forwarded: ["test", "--quiet"] => ["test", "--target", T, "--quiet"];
    a_colour_is_forwarded:
        ["build", "--color", "never"] => ["build", "--target", T, "--color", "never"];
    a_colour_with_an_equals_sign_is_forwarded:
        ["--color=always", "build"] => ["build", "--target", T, "--color=always"];
    features_are_forwarded_in_every_form:
        ["build", "--features", "a b", "--features=c", "-F", "d"]
        => ["build", "--target", T, "--features", "a b", "--features=c", "-F", "d"];
    a_target_option_overrides_the_configuration:
        ["check", "--target", U] => ["check", "--target", U];
    a_target_with_an_equals_sign_is_recognised: ["check", "--target=s390x-unknown-linux-gnu"] => ["check", "--target", U];
    the_host_tuple_keyword_is_resolved:
        ["check", "--target", "host-tuple"] => ["check", "--target", HOST];
    empty_words_are_dropped: ["", "build", ""] => ["build", "--target", T];
    unknown_options_are_forwarded:
        ["build", "--timings", "-j2", "--message-format", "json", "--keep-going"]
        => ["build", "--target", T, "--timings", "-j2", "--message-format", "json", "--keep-going"];
    differs_the_value_of_an_unstable_flag_is_not_a_subcommand:
        ["-Z", "unstable-options", "build"] => ["build", "--target", T, "-Z", "unstable-options"];
    differs_the_value_of_config_is_not_a_subcommand:
        ["--config", "profile.dev.debug=0", "build"]
        => ["build", "--target", T, "--config", "profile.dev.debug=0"];
    aliases_of_cargo_are_spelled_out: ["t", "name"] => ["test", "--target", T, "name"];
    the_configurations_target_is_added: ["build"] => ["build", "--target", T];
    added_options_precede_two_dashes:
        ["test", "--lib", "--", "--nocapture"] => ["test", "--target", T, "--lib", "--", "--nocapture"];
}

#[test]
fn differs_each_target_has_its_own_plan() {
    let seen = for_t().cargo(&["check", "--target", U, "--target", T, "--target", U]);
    seen.is(seen.targets(), [U, T]);
}

#[test]
fn a_relative_manifest_path_is_relative_to_the_callers_directory() {
    let case = for_t().in_dir("sub");
    let seen = case.cargo(&["build", "--manifest-path", "../Cargo.toml"]);
    seen.is(&seen.plan().workspace_root, case.project.path());
    let command = &seen.run().0.command;
    let at = command.iter().position(|word| word == "--manifest-path");
    let given = std::path::Path::new(&command[at.unwrap() + 1]);
    seen.ensure(given.is_absolute(), "an absolute path");
    seen.is(given.canonicalize().unwrap(), case.path("Cargo.toml"));
}

#[test]
fn the_last_toolchain_wins_in_any_position() {
    let case = for_t().nightly();
    let seen = case.cargo(&["+stable", "build", "+nightly", "-q"]);
    seen.given(&["build", "--target", T, "-q"]);
    seen.toolchain(crate::case::NIGHTLY);
}

#[test]
fn a_target_specification_is_a_target() {
    let case = case("[target.my-board]\nimage = \"mine\"\n").file("specs/my-board.json", "{}");
    let case = case.in_dir("specs");
    let seen = case.cargo(&["build", "--target", "my-board.json"]);
    let path = case.path("specs/my-board.json");
    seen.given(&["build", "--target", text(&path)]);
    seen.image("mine");
}

#[test]
fn a_target_directory_becomes_absolute() {
    let case = for_t().in_dir("sub");
    let seen = case.cargo(&["build", "--target-dir", "out"]);
    seen.given(&["build", "--target", T]);
    seen.is(&seen.plan().publish_dir, &case.path("sub/out"));
    let inside = seen.value("CARGO_TARGET_DIR").unwrap();
    seen.ensure(
        inside.starts_with(text(&case.path("sub/out/cross"))),
        inside,
    );
    seen.mounts(inside, Access::Write);
}

#[test]
fn differs_a_directory_moves_the_command() {
    let case = for_t().workspace();
    let seen = case.cargo(&["-C", "member", "build"]);
    seen.given(&["build", "--target", T]);
    seen.is(&seen.run().0.cwd, &case.path("member"));
}

#[test]
fn differs_a_file_named_by_config_is_mounted() {
    let case = for_t().file("../extra.toml", "[profile.dev]\ndebug = 0\n");
    let seen = case.cargo(&["build", "--config", "../extra.toml"]);
    let file = case.path("../extra.toml").canonicalize().unwrap();
    let sees = seen.run().0.mounts.iter().any(|mount| mount.source == file);
    seen.ensure(sees, "the file");
}

#[test]
fn a_value_that_is_missing_or_wrong_is_a_usage_error() {
    for words in [
        &["build", "--color"][..],
        &["build", "--color", "blue"],
        &["--color=blue", "build"],
        &["build", "--features"],
    ] {
        let error = for_t().refused(words, ErrorKind::CargoFailed);
        assert_eq!(error.code(), Some(1), "{words:?}: {error}");
    }
}

#[test]
fn verbose_and_quiet_are_refused_together() {
    let error = for_t().refused(&["build", "-v", "-q"], ErrorKind::CargoFailed);
    assert_eq!(error.code(), Some(101));
    says(
        &error,
        "cannot set both --verbose and --quiet",
        "remove one",
    );
}

#[test]
fn cargos_terminal_variables_reach_the_environment() {
    let names = ["CARGO_TERM_VERBOSE", "CARGO_TERM_QUIET", "CARGO_TERM_COLOR"];
    let mut case = for_t();
    for name in names {
        case = case.set(name, "what the user says");
    }
    let seen = case.cargo(&["build"]);
    for name in names {
        seen.has(name, "what the user says");
    }
}

#[test]
fn added_options_precede_the_users_arguments() {
    let toml = format!("[build]\ndefault-target = \"{T}\"\nbuild-std = [\"core\", \"alloc\"]\n");
    let case = case(&toml)
        .nightly()
        .set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "true");
    let seen = case.cargo(&["+nightly", "test", "--lib", "--", "-q"]);
    let ours = ["-Zbuild-std=core,alloc", "-Zdoctest-xcompile"];
    seen.given(&["test", "--target", T, ours[0], ours[1], "--lib", "--", "-q"]);
}

#[test]
fn documentation_tests_need_a_nightly_toolchain() {
    let case = for_t().set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "true");
    case.cargo(&["test"]).given(&["test", "--target", T]);
}

#[test]
fn only_cargo_test_runs_documentation_tests() {
    let case = for_t().nightly().set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "1");
    let seen = case.cargo(&["+nightly", "build"]);
    seen.given(&["build", "--target", T]);
}

#[test]
fn s1_1_differs_the_lock_file_is_settled_before_on_the_host() {
    let case = for_t();
    let count = |words: &[&str]| {
        let seen = case.cargo(words);
        let command = &seen.run().0.command;
        command.iter().filter(|word| *word == "--locked").count()
    };
    for word in ["build", "test", "doc", "fix", "clippy"] {
        assert_eq!(count(&[word]), 1, "{word}");
    }
    assert_eq!(count(&["build", "--locked"]), 1);
    assert_eq!(count(&["build", "--frozen"]), 0);
}
