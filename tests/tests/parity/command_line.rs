//! §1.1, §1.6 and §1.7: how a command line is read, and what the environment's cargo is given.

use cross_core::ErrorKind;
use cross_engine::Access;

use crate::case::{HOST, T, U, case, for_t, says, text};

/// A command line for the target of the configuration, and what the environment's cargo is given.
macro_rules! given {
    ($($name:ident: $words:expr => $given:expr;)*) => {$(
        #[test]
        fn $name() {
            for_t().cargo(&$words).given(&$given);
        }
    )*};
}

given! {
    s1_1_what_follows_two_dashes_is_kept_as_it_is:
        ["run", "--", "--target", "x", "-v", "+y", "--target-dir", "z"]
        => ["run", "--target", T, "--", "--target", "x", "-v", "+y", "--target-dir", "z"];
    s1_1_verbosity_is_forwarded: ["build", "-vv"] => ["build", "--target", T, "-vv"];
    s1_1_verbosity_before_the_subcommand_too: ["-v", "build"] => ["build", "--target", T, "-v"];
    s1_1_quiet_is_forwarded: ["test", "--quiet"] => ["test", "--target", T, "--quiet"];
    s1_1_a_colour_is_forwarded:
        ["build", "--color", "never"] => ["build", "--target", T, "--color", "never"];
    s1_1_an_attached_colour_is_forwarded:
        ["--color=always", "build"] => ["build", "--target", T, "--color=always"];
    s1_1_features_are_forwarded_in_every_form:
        ["build", "--features", "a b", "--features=c", "-F", "d"]
        => ["build", "--target", T, "--features", "a b", "--features=c", "-F", "d"];
    s1_1_a_target_beats_the_configurations:
        ["check", "--target", U] => ["check", "--target", U];
    s1_1_an_attached_target_too: ["check", "--target=s390x-unknown-linux-gnu"] => ["check", "--target", U];
    s1_1_the_host_has_a_name_of_its_own:
        ["check", "--target", "host-tuple"] => ["check", "--target", HOST];
    s1_1_empty_words_are_dropped: ["", "build", ""] => ["build", "--target", T];
    s1_1_what_is_not_known_is_forwarded:
        ["build", "--timings", "-j2", "--message-format", "json", "--keep-going"]
        => ["build", "--target", T, "--timings", "-j2", "--message-format", "json", "--keep-going"];
    s1_1_differs_the_value_of_an_unstable_flag_is_no_subcommand:
        ["-Z", "unstable-options", "build"] => ["build", "--target", T, "-Z", "unstable-options"];
    s1_1_differs_the_value_of_config_is_no_subcommand:
        ["--config", "profile.dev.debug=0", "build"]
        => ["build", "--target", T, "--config", "profile.dev.debug=0"];
    s1_2_aliases_of_cargo_are_spelled_out: ["t", "name"] => ["test", "--target", T, "name"];
    s1_6_the_configurations_target_is_added: ["build"] => ["build", "--target", T];
    s1_6_what_is_added_stands_before_two_dashes:
        ["test", "--lib", "--", "--nocapture"] => ["test", "--target", T, "--lib", "--", "--nocapture"];
}

#[test]
fn s1_1_differs_each_of_several_targets_has_a_part() {
    let seen = for_t().cargo(&["check", "--target", U, "--target", T, "--target", U]);
    seen.is(seen.targets(), [U, T]);
}

#[test]
fn s1_1_a_relative_manifest_path_is_the_one_of_the_caller() {
    let case = for_t().in_dir("sub");
    let seen = case.cargo(&["build", "--manifest-path", "../Cargo.toml"]);
    seen.is(&seen.plan().workspace_root, case.project.path());
    let command = &seen.run().0.command;
    let at = command.iter().position(|it| it == "--manifest-path");
    let given = std::path::Path::new(&command[at.unwrap() + 1]);
    seen.ensure(given.is_absolute(), "an absolute path");
    seen.is(given.canonicalize().unwrap(), case.path("Cargo.toml"));
}

#[test]
fn s1_1_the_last_toolchain_wins_wherever_it_stands() {
    let case = for_t().nightly();
    let seen = case.cargo(&["+stable", "build", "+nightly", "-q"]);
    seen.given(&["build", "--target", T, "-q"]);
    seen.toolchain(crate::case::NIGHTLY);
}

#[test]
fn s1_1_a_specification_is_a_target() {
    let case = case("[target.my-board]\nimage = \"mine\"\n").file("specs/my-board.json", "{}");
    let case = case.in_dir("specs");
    let seen = case.cargo(&["build", "--target", "my-board.json"]);
    let path = case.path("specs/my-board.json");
    seen.given(&["build", "--target", text(&path)]);
    seen.image("mine");
}

#[test]
fn s1_1_a_target_directory_is_absolute_and_no_target() {
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
fn s1_1_differs_a_directory_moves_the_command() {
    let case = for_t().workspace();
    let seen = case.cargo(&["-C", "member", "build"]);
    seen.given(&["build", "--target", T]);
    seen.is(&seen.run().0.cwd, &case.path("member"));
}

#[test]
fn s1_1_differs_a_file_that_config_names_is_seen_inside() {
    let case = for_t().file("../extra.toml", "[profile.dev]\ndebug = 0\n");
    let seen = case.cargo(&["build", "--config", "../extra.toml"]);
    let file = case.path("../extra.toml");
    let sees = seen.run().0.mounts.iter().any(|it| it.source == file);
    seen.ensure(sees, "the file");
}

#[test]
fn s1_1_a_value_that_is_missing_or_wrong_is_a_usage_error() {
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
fn s1_7_verbose_and_quiet_are_refused_together() {
    let error = for_t().refused(&["build", "-v", "-q"], ErrorKind::CargoFailed);
    assert_eq!(error.code(), Some(101));
    says(
        &error,
        "cannot set both --verbose and --quiet",
        "remove one",
    );
}

#[test]
fn s1_7_cargos_terminal_variables_reach_the_environment() {
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
fn s1_6_every_addition_stands_before_the_users_words() {
    let toml = format!("[build]\ndefault-target = \"{T}\"\nbuild-std = [\"core\", \"alloc\"]\n");
    let case = case(&toml)
        .nightly()
        .set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "true");
    let seen = case.cargo(&["+nightly", "test", "--lib", "--", "-q"]);
    let ours = ["-Zbuild-std=core,alloc", "-Zdoctest-xcompile"];
    seen.given(&["test", "--target", T, ours[0], ours[1], "--lib", "--", "-q"]);
}

#[test]
fn s1_6_documentation_tests_need_a_nightly_toolchain() {
    let case = for_t().set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "true");
    case.cargo(&["test"]).given(&["test", "--target", T]);
}

#[test]
fn s1_6_documentation_tests_are_a_matter_of_test_alone() {
    let case = for_t().nightly().set("CROSS_UNSTABLE_ENABLE_DOCTESTS", "1");
    let seen = case.cargo(&["+nightly", "build"]);
    seen.given(&["build", "--target", T]);
}
