//! What an error carries beside its message and its help.

use cross_core::events::EventKind;
use cross_tests::Project;

use super::{Case, TARGET};

/// What `fn main() -> cross_core::Result<()>` prints.
#[test]
fn the_debug_form_is_the_message_the_help_and_the_diagnostics() {
    let broken = "fn main() {\n    let number: u8 = \"text\";\n    nothing();\n}\n";
    let error = Case::new(Project::new("app").file("src/main.rs", broken)).error();
    let shown = format!("{error:?}");
    assert!(
        shown.starts_with("cargo build failed with exit status 101: "),
        "{shown}"
    );
    for word in [
        "error[E0308]",
        "--> src/main.rs:2:",
        "error[E0425]",
        "--> src/main.rs:3:",
    ] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
    assert!(!shown.contains("\\n"), "no escaped structure: {shown}");

    let error = Case::shell("echo looking for it; pkg-config --libs openssl").error();
    let shown = format!("{error:?}");
    for word in [
        "\nhelp: ",
        "libssl-dev:arm64",
        "Package openssl was not found",
    ] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
}

#[test]
fn the_debug_form_of_a_warned_build_shows_why_it_failed() {
    let case = Case::build_script("let unused = 1; panic!(\"the moon\");");
    let shown = format!("{:?}", case.error());
    assert!(shown.contains("the moon"), "{shown}");
}

/// A build script decides what it prints.
#[test]
fn what_cargo_printed_is_bounded_redacted_and_harmless() {
    let code = "for n in 0..10_000 { eprintln!(\"line {n}\"); }\n\
        eprintln!(\"{}\", \"x\".repeat(1 << 20));\n\
        eprintln!(\"\\x1b]0;pwned\\x07\\x1b[31mred\\x1b[0m \\x1b[2J\\u{9b}31m\");\n\
        eprintln!(\"https://me:s3cret@example.invalid/\");\n\
        eprintln!(\"sh: 1: $(reboot): not found\");\n\
        eprintln!(\"sh: 1: \\x1b]0;x\\x07: not found\");\n\
        std::process::exit(1);";
    let error = Case::build_script(code).error();
    let (output, shown) = (error.cargo_output(), format!("{error:?}"));
    assert!(output.len() <= 16 << 10, "{}", output.len());
    assert!(output.lines().count() <= 40);
    for text in [output, &shown] {
        assert!(
            text.contains("red") && text.contains("\\u{9b}31m"),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
    }
    assert_eq!(error.help(), None, "{error:?}");
}

/// A diagnostic quotes the source, whose words are no cause.
#[test]
fn words_in_the_source_are_no_cause() {
    let broken = "fn main() {\n    let sh: u8 = \"sh: 1: protoc: not found\";\n    \
        let ld: u8 = \"/usr/bin/ld: cannot find -lssl\";\n}\n";
    let error = Case::new(Project::new("app").file("src/main.rs", broken)).error();
    assert_eq!(error.help(), None, "{error:?}");
}

/// A cargo command line has no error of its own: cargo's exit code is the answer.
#[test]
fn the_front_door_names_the_remedy_as_a_warning() {
    let case = Case::shell("pkg-config --libs sqlite3");
    let line = ["build", "--target", TARGET].map(str::to_owned);
    let outcome = case.cross.cargo(line).run().unwrap();
    assert_eq!(outcome.code, 101);
    let events = case.project.recorder().events();
    let warned = events.iter().any(|event| match &event.kind {
        EventKind::Warning { help: Some(it), .. } => it.contains("libsqlite3-dev:arm64"),
        _ => false,
    });
    assert!(warned, "{events:?}");
}
