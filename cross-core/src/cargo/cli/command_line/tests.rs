use super::super::cases::CASES;
use super::super::command::Placement;
use super::super::render::EnvironmentArguments;
use super::*;
#[cfg(unix)]
use crate::ErrorKind;

fn parse(words: &[&str]) -> Result<CommandLine> {
    CommandLine::parse(words.iter().map(OsString::from))
}

fn inside(line: &CommandLine, additions: &[String]) -> Vec<String> {
    let manifest = line.manifest_path(Path::new("/w"));
    let to = EnvironmentArguments {
        manifest: manifest.as_deref(),
        targets: &["T".to_owned()],
        additions,
    };
    line.in_environment(&to).unwrap()
}

/// A path that was composed on this system, as Unix would.
fn with_slashes(path: &str) -> String {
    path.replace(std::path::MAIN_SEPARATOR, "/")
}

#[test]
fn every_case_is_parsed_as_the_table_expects() {
    for case in CASES {
        let name = format!("{}: {:?}", case.about, case.words);
        let line = parse(case.words).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(line.original(), case.words, "{name}");
        assert_eq!(line.name(), case.command, "{name}");
        assert_eq!(line.toolchain(), case.toolchain, "{name}");
        let targets = line.targets("HOST", Path::new("/w"));
        let targets: Vec<_> = targets.iter().map(|target| with_slashes(target)).collect();
        assert_eq!(targets, case.targets, "{name}");
        let target_dir = line.target_dir(Path::new("/w"));
        assert_eq!(
            target_dir.as_deref(),
            case.target_dir.map(Path::new),
            "{name}"
        );
        let place = line.rule().map_or(Placement::Refused, |rule| rule.place);
        let (place, given) = match place {
            Placement::Environment { .. } => {
                ("environment", inside(&line, &["-Zadded".to_owned()]))
            }
            Placement::Host => ("host", super::super::render::to_text(&line.on_host())),
            Placement::Refused => ("refused", Vec::new()),
        };
        assert_eq!(place, case.place, "{name}");
        let given: Vec<_> = given.iter().map(|word| with_slashes(word)).collect();
        assert_eq!(given, case.given, "{name}");
    }
}

#[test]
fn command_lines_that_cargo_refuses_are_refused_with_its_code() {
    for (words, message, code) in [
        (
            &["build", "-vq"][..],
            "cannot set both --verbose and --quiet",
            101,
        ),
        (
            &["-q", "build", "--verbose"],
            "cannot set both --verbose and --quiet",
            101,
        ),
        (
            &["build", "--color", "pink"],
            "`pink` is not a value of `--color`",
            1,
        ),
        (&["--color=", "build"], "`` is not a value of `--color`", 1),
        (&["build", "--target"], "`--target` names no target", 101),
        (&["build", "--target="], "`--target` names no target", 101),
        (
            &["build", "--target", ""],
            "`--target` names no target",
            101,
        ),
        (
            &["build", "--target", "--release"],
            "`--target` names no target",
            101,
        ),
        (
            &["run", "--target", "a", "--target", "b"],
            "only one `--target` argument is supported",
            101,
        ),
        (&["--", "build"], "there is no subcommand before `--`", 1),
        (&["build", "+"], "`+` names no toolchain", 1),
        (
            &["build", "--manifest-path"],
            "a value is required for `--manifest-path`, but none was given",
            1,
        ),
    ] {
        let error = parse(words).unwrap_err();
        assert_eq!(error.to_string(), message, "{words:?}");
        assert_eq!(error.code(), Some(code), "{words:?}");
    }
}

#[test]
fn command_lines_that_cargo_allows_are_allowed() {
    for words in [
        &["build", "-vqh"][..],
        &["-V", "-v", "-q"],
        &["nextest", "run", "-vq"],
        &["test", "--target", "a", "--target", "b"],
        &["test", "--", "-vq", "--target"],
        &["build", "-p"],
        &["build", "--bin", "--release"],
    ] {
        assert!(parse(words).is_ok(), "{words:?}");
    }
}

#[test]
fn values_are_found_in_every_form() {
    let line = parse(&["build", "-pa", "--package", "b", "--message-format=json"]).unwrap();
    assert_eq!(line.texts(Flag::Package).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(line.texts(Flag::MessageFormat).last(), Some("json"));
}

#[test]
fn the_environments_cargo_is_given_exactly_one_target() {
    for words in [
        &["build"][..],
        &["build", "--target", "a"],
        &[
            "build",
            "--target=a",
            "--target",
            "b",
            "--target-dir",
            "--x",
            "y",
        ][..4],
        &["--target", "a", "build", "--target-dir=b"],
        &["-q", "clippy", "--target-dir", "b", "--", "-Dwarnings"],
        &["llvm-cov", "nextest", "--target", "a"],
    ] {
        let found = inside(&parse(words).unwrap(), &[]);
        let targets = found.iter().filter(|word| word.starts_with("--target"));
        assert_eq!(targets.count(), 1, "{found:?}");
        let at = found.iter().position(|word| word == "--target").unwrap();
        assert_eq!(found[at + 1], "T");
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_not_utf8_are_passed_to_the_hosts_cargo_and_to_no_engine() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = || OsString::from_vec(b"\xffx".to_vec());
    let line = CommandLine::parse([OsString::from("fmt"), odd()]).unwrap();
    assert_eq!(line.on_host(), ["fmt".into(), odd()]);
    let line = CommandLine::parse(["run".into(), OsString::from("--"), odd()]).unwrap();
    let to = EnvironmentArguments {
        manifest: None,
        targets: &["T".to_owned()],
        additions: &[],
    };
    let error = line.in_environment(&to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Path);
    assert_eq!(error.to_string(), "the argument `\u{fffd}x` is not UTF-8");
    let line = CommandLine::parse([odd()]).unwrap();
    assert_eq!((line.name(), line.rule().is_none()), (None, true));
    let words = ["build".into(), OsString::from("--target-dir"), odd()];
    let line = CommandLine::parse(words).unwrap();
    assert_eq!(
        line.target_dir(Path::new("/w")),
        Some(Path::new("/w").join(odd()))
    );
    assert!(line.in_environment(&to).is_ok(), "a variable passes it");
}

#[test]
fn features_that_manifests_use_are_known() {
    let line = CommandLine::parse(["-Zbindeps", "build", "-Z", "script", "-Zbuild-std"]).unwrap();
    assert_eq!(line.manifest_features(), ["bindeps", "script"]);
}
