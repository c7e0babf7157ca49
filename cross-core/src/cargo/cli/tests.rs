use std::collections::BTreeMap;

use super::decision::Decision;
use super::*;

fn understand(files: &[(&str, &str)], words: &[&str]) -> Result<Understood> {
    let files: BTreeMap<PathBuf, String> = files
        .iter()
        .map(|(path, text)| (path.into(), (*text).to_owned()))
        .collect();
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let around = CliContext {
        dir: Path::new("/w"),
        cargo_home: Some(Path::new("/home/u/.cargo")),
        read: &|path| files.get(path).cloned(),
        variable: &|name| (name == "CARGO_ALIAS_V").then(|| "check -v".to_owned()),
    };
    read(&words, &around)
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
fn the_directory_decides_which_aliases_there_are() {
    let here = understand(FILES, &["rr", "--help"]).unwrap();
    assert_eq!(here.expanded.words, ["run", "--release", "--", "--help"]);
    let there = understand(FILES, &["-C", "app", "rr"]).unwrap();
    assert_eq!(there.dir, Path::new("/w/app"));
    assert_eq!(
        there.expanded.words,
        ["-C", "app", "run", "--bin", "app", "--"]
    );
    assert_eq!(
        understand(FILES, &["v"]).unwrap().line.name(),
        Some("check")
    );
}

#[test]
fn the_command_lines_configuration_is_a_file_or_a_setting() {
    let words = [
        "--config",
        "extra.toml",
        "build",
        "--config",
        "build.target='said'",
    ];
    let understood = understand(FILES, &words).unwrap();
    assert_eq!(understood.config_files, [Path::new("/w/extra.toml")]);
    assert_eq!(understood.configs.target_dir(), Some("/fast".into()));
    let targets = understood.configs.default_targets().unwrap().unwrap();
    assert_eq!(targets.targets, ["said"]);
    let error = understand(FILES, &["build", "--config", "nothing/here"]).unwrap_err();
    assert!(
        error.to_string().starts_with("`--config` is not TOML"),
        "{error}"
    );
}

#[test]
fn the_whole_way_ends_in_a_decision() {
    let understood = understand(FILES, &["rr", "x"]).unwrap();
    let targets = understood.configs.default_targets().unwrap().unwrap();
    let decision = Decision::new(&understood.expanded, &understood.line, &targets.targets);
    assert_eq!(decision.aliases[0].alias, "rr");
    assert_eq!(
        decision.to_string(),
        "`cargo run` runs in the environment: it compiles a program for the target and runs it"
    );
    assert_eq!(decision.parts[0].target.as_deref(), Some("file"));
}

#[test]
fn a_flag_behind_an_alias_is_not_judged_before_the_alias_is_known() {
    let understood = understand(FILES, &["rr", "--features", "--color", "pink", "-vq"]).unwrap();
    assert_eq!(
        understood.line.trailing,
        ["--", "--features", "--color", "pink", "-vq"]
    );
}
