use std::collections::BTreeMap;

use super::decision::Decision;
use super::*;

fn parsed(files: &[(&str, &str)], words: &[&str]) -> Result<ParsedCommand> {
    let files: BTreeMap<PathBuf, String> = files
        .iter()
        .map(|(path, text)| (path.into(), (*text).to_owned()))
        .collect();
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let context = CliContext {
        dir: Path::new("/w"),
        cargo_home: Some(Path::new("/home/u/.cargo")),
        read: &|path| files.get(path).cloned(),
        variable: &|name| (name == "CARGO_ALIAS_V").then(|| "check -v".to_owned()),
    };
    parse(&words, &context)
}

const FILES: &[(&str, &str)] = &[
    (
        "/w/.cargo/config.toml",
        "alias.rr = \"run --release --\"\nbuild.target = \"file\"",
    ),
    (
        "/w/app/.cargo/config.toml",
        "alias.rr = \"run --bin app --\"",
    ),
    ("/w/extra.toml", "build.target-dir = \"/fast\""),
];

#[test]
fn aliases_come_from_the_configuration_of_the_directory() {
    let here = parsed(FILES, &["rr", "--help"]).unwrap();
    assert_eq!(here.expanded.words, ["run", "--release", "--", "--help"]);
    let there = parsed(FILES, &["-C", "app", "rr"]).unwrap();
    assert_eq!(there.dir, Path::new("/w/app"));
    assert_eq!(
        there.expanded.words,
        ["-C", "app", "run", "--bin", "app", "--"]
    );
    assert_eq!(parsed(FILES, &["v"]).unwrap().line.name(), Some("check"));
}

#[test]
fn a_config_flag_is_a_file_or_a_setting() {
    let words = [
        "--config",
        "extra.toml",
        "build",
        "--config",
        "build.target='said'",
    ];
    let command = parsed(FILES, &words).unwrap();
    let (file, _) = command.configs.files().next().unwrap();
    assert_eq!(file, Path::new("/w/extra.toml"));
    assert_eq!(command.configs.target_dir(), Some("/fast".into()));
    let targets = command.configs.default_targets().unwrap().unwrap();
    assert_eq!(targets.targets, ["said"]);
    let error = parsed(FILES, &["build", "--config", "nothing/here"]).unwrap_err();
    assert!(
        error.to_string().starts_with("`--config` is not TOML"),
        "{error}"
    );
}

#[test]
fn a_command_line_becomes_a_decision() {
    let command = parsed(FILES, &["rr", "x"]).unwrap();
    let targets = command.configs.default_targets().unwrap().unwrap();
    let decision = Decision::new(&command.expanded, &command.line, &targets.targets);
    assert_eq!(decision.aliases[0].alias, "rr");
    assert_eq!(
        decision.to_string(),
        "`cargo run` runs in the environment: it compiles a program for the target and runs it"
    );
    assert_eq!(decision.parts[0].target.as_deref(), Some("file"));
}

#[test]
fn flags_after_an_alias_are_checked_after_its_expansion() {
    let command = parsed(FILES, &["rr", "--features", "--color", "pink", "-vq"]).unwrap();
    assert_eq!(
        command.line.trailing,
        ["--", "--features", "--color", "pink", "-vq"]
    );
}
