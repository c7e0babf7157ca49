//! Values and problems of TOML text, with exact locations.

use super::*;
use crate::diagnostics::diagnostic::Severity;

fn problems(text: &str) -> Vec<String> {
    let layer_values = cross_toml(Path::new("Cross.toml"), text);
    layer_values
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn helps(text: &str) -> Vec<String> {
    let layer_values = cross_toml(Path::new("Cross.toml"), text);
    layer_values
        .problems
        .into_iter()
        .filter_map(|problem| problem.help)
        .collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(problems(text), expected, "{text}");
}

/// All keys at all levels, with valid values.
const SAMPLE: &str = r#"
[build]
default-target = "aarch64-unknown-linux-gnu"
targets = ["aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"]
engine = "podman"
toolchain = "host"
network = "none"
memory = "512m"
suite = "bookworm"
deployment-target = "11.0"
snapshot = "http://127.0.0.1/old/{date}"
packages = ["libssl-dev"]
serial-tests = true
reproducible = true
writable = ["generated"]
env.passthrough = ["A", "B=1"]
env.volumes = ["DATA=/data"]
build-std = true
pre-build = "./setup.sh"
zig = { enable = true, version = "2.17", image = { name = "zig", toolchain = ["linux/arm64"] } }

[build.dockerfile]
file = "Dockerfile"
context = "ci"
build-args = { A = "b" }

[target.aarch64-unknown-linux-gnu]
build-std = ["core", "alloc"]
pre-build = ["apt-get update", "true"]
dockerfile = { file = "D", context = ".", build-args = { "a.b" = "" } }
zig = { enable = false, version = "2.31", image = { name = ":x", toolchain = ["s390x-unknown-linux-gnu"] } }
image = { name = "my/image:1", toolchain = ["linux/arm64/v8=aarch64-unknown-linux-gnu"] }
toolchain = "image"
network = "host"
memory = "4GiB"
suite = "trixie"
deployment-target = "12"
snapshot = "file:///mirror"
packages = ["zlib1g-dev:arm64"]
runner = "qemu-user"
serial-tests = false
reproducible = false
writable = ["schema/generated"]
sdk = "/sdk"

[target.aarch64-unknown-linux-gnu.env]
passthrough = ["C=é"]
volumes = ["HOME_DATA"]

[target."thumbv8m.main-none-eabi"]
network = "default"
zig = "2.17"
dockerfile = "Dockerfile"
image = "-centos"
"#;

#[test]
fn a_valid_file_has_no_problems_and_every_key() {
    let layer_values = cross_toml(Path::new("Cross.toml"), SAMPLE);
    assert_eq!(layer_values.problems, []);
    let aarch64 = &layer_values.targets["aarch64-unknown-linux-gnu"];
    for key in Key::at(Level::Build) {
        assert!(
            (key.field)(&layer_values.build).rows().is_some(),
            "build.{}",
            key.name
        );
    }
    for key in Key::at(Level::Target) {
        assert!((key.field)(aarch64).rows().is_some(), "target.{}", key.name);
    }
    assert!(layer_values.targets.contains_key("thumbv8m.main-none-eabi"));
}

#[test]
fn an_empty_file_says_nothing() {
    check("", &[]);
    check("# a comment\r\n\r\n[build]\n[target]\n", &[]);
}

#[test]
fn every_mistake_of_a_file_is_reported_in_the_order_of_places() {
    check(
        r#"
[build]
tagets = ["s390x-unknown-linux-gnu"]
network = "nnone"
suite = 12
[target.s390x-linux-gnu]
env.passthrough = ["A-B", "CROSS_RUNNER"]
"#,
        &[
            "Cross.toml:3:1: unknown key `tagets` [unknown-key]",
            "Cross.toml:4:11: invalid value `nnone` for `network` [invalid-value]",
            "Cross.toml:5:9: `suite` is an integer, expected a string [wrong-type]",
            "Cross.toml:6:9: unknown target `s390x-linux-gnu` [unknown-target]",
            "Cross.toml:7:20: invalid value `A-B` for `env.passthrough` [invalid-value]",
            "Cross.toml:7:27: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
        ],
    );
}

#[test]
fn syntax_errors_have_a_place_and_hide_what_follows_from_them() {
    check(
        "[build]\nengine = \n",
        &[
            "Cross.toml:2:10: invalid TOML: string values must be quoted, expected literal string [syntax]",
        ],
    );
    let two = problems("[build]\nengine = = 1\nnetwork = 'none'\nsuite = 'x\n");
    assert_eq!(two.len(), 2, "{two:?}");
    assert!(two[0].starts_with("Cross.toml:2:"), "{two:?}");
    assert!(two[1].starts_with("Cross.toml:4:"), "{two:?}");
    check(
        "[build]\nengine = 'a'\nengine = 'b'\n",
        &["Cross.toml:3:1: invalid TOML: duplicate key [syntax]"],
    );
}

#[test]
fn columns_count_characters_and_survive_crlf_and_a_byte_order_mark() {
    check(
        "\u{feff}bild = 1\r\n",
        &["Cross.toml:1:1: unknown key `bild` [unknown-key]"],
    );
    check(
        "[build]\r\n\r\nnetwork = 1\r\n",
        &["Cross.toml:3:11: `network` is an integer, expected a string [wrong-type]"],
    );
    check(
        "[build]\npackages = ['日本', 'libssl-dev', 1]\n",
        &[
            "Cross.toml:2:13: invalid value `日本` for `packages` [invalid-value]",
            "Cross.toml:2:33: `an item of packages` is an integer, expected a string [wrong-type]",
        ],
    );
}

#[test]
fn origins_point_at_values_and_at_items() {
    let layer_values = cross_toml(
        Path::new("d/Cross.toml"),
        "build = { engine = 'docker' }\n[target.s390x-unknown-linux-gnu]\npackages = [\n  'a1',\n  'b1' ]\n",
    );
    assert_eq!(
        layer_values.build.engine.unwrap().origin.to_string(),
        "d/Cross.toml:1:20"
    );
    let packages = layer_values.targets["s390x-unknown-linux-gnu"]
        .packages
        .clone()
        .unwrap();
    assert_eq!(packages.origin.to_string(), "d/Cross.toml:3:12");
    let items: Vec<_> = packages
        .value
        .iter()
        .map(|row| row.origin.to_string())
        .collect();
    assert_eq!(items, ["d/Cross.toml:4:3", "d/Cross.toml:5:3"]);
}

#[test]
fn wrong_types_say_what_was_found_and_expected() {
    for (value, found) in [
        ("1", "an integer"),
        ("1.5", "a float"),
        ("true", "a boolean"),
        ("1979-05-27", "a datetime"),
        ("[]", "an array"),
        ("{}", "a table"),
    ] {
        let text = format!("build.engine = {value}");
        check(
            &text,
            &[&format!(
                "Cross.toml:1:16: `engine` is {found}, expected a string [wrong-type]"
            )],
        );
    }
    check(
        "build.packages = 'x'",
        &["Cross.toml:1:18: `packages` is a string, expected an array of strings [wrong-type]"],
    );
    check(
        "build.env = []",
        &["Cross.toml:1:13: `env` is an array, expected a table [wrong-type]"],
    );
    check(
        "build = 1",
        &["Cross.toml:1:9: `build` is an integer, expected a table [wrong-type]"],
    );
    check(
        "target = 'x'",
        &["Cross.toml:1:10: `target` is a string, expected a table [wrong-type]"],
    );
    check(
        "target.s390x-unknown-linux-gnu = 'x'",
        &[
            "Cross.toml:1:34: `target.s390x-unknown-linux-gnu` is a string, expected a table [wrong-type]",
        ],
    );
}

#[test]
fn empty_values_that_name_nothing_are_invalid() {
    for key in ["engine", "toolchain", "default-target", "suite"] {
        check(
            &format!("build.{key} = ''"),
            &[&format!(
                "Cross.toml:1:{}: invalid value `` for `{key}` [invalid-value]",
                key.len() + 10
            )],
        );
    }
    check("target.s390x-unknown-linux-gnu.runner = ''", &[]);
}

#[test]
fn unknown_keys_are_helped_to_the_nearest_real_one() {
    assert_eq!(helps("[buid]"), ["did you mean `[build]`?"]);
    assert_eq!(
        helps("[tests]"),
        ["the tables are `[build]` and `[target.<triple>]`"]
    );
    assert_eq!(helps("[package]"), ["`package` belongs in `Cargo.toml`"]);
    assert_eq!(helps("[build]\nengin = ''"), ["did you mean `engine`?"]);
    assert_eq!(
        helps("[build]\nenv.passtrough = []"),
        ["did you mean `env.passthrough`?"]
    );
    assert_eq!(
        helps("[build]\nenvs.passthrough = []"),
        ["did you mean `env`?"]
    );
    assert_eq!(
        helps("[build]\nrunner = 'x'"),
        ["`runner` belongs in `[target.<triple>]`"]
    );
    for beside_the_targets in ["[target]\nimage = 'x'", "[target.env]\npassthrough = ['A']"] {
        let helps = helps(beside_the_targets);
        assert!(
            helps[0].contains("belongs in `[target.<triple>]`"),
            "{helps:?}"
        );
    }
    assert_eq!(
        helps("[build]\nimage = 'x'"),
        ["`image` belongs in `[target.<triple>]`"]
    );
    assert_eq!(
        helps("[target.s390x-unknown-linux-gnu]\nengine = 'x'"),
        ["`engine` belongs in `[build]`"]
    );
    assert_eq!(
        helps("[target.s390x-unknown-linux-gnu]\nzzzzzzz = 1"),
        [
            "the keys of `[target.<triple>]` are build-std, deployment-target, dockerfile, env, image, memory, network, packages, pre-build, reproducible, runner, sdk, serial-tests, snapshot, suite, toolchain, writable, zig"
        ]
    );
}

#[test]
fn a_near_miss_triple_is_a_warning_with_the_real_one() {
    let layer_values = cross_toml(
        Path::new("Cross.toml"),
        "[target.aarch64-linux-gnu]\nnetwork = 'none'\n[build]\ndefault-target = 's390x-linux-gnu'\n",
    );
    let messages: Vec<_> = layer_values
        .problems
        .iter()
        .map(|problem| (problem.severity, problem.help.as_deref().unwrap()))
        .collect();
    assert_eq!(
        messages,
        [
            (
                Severity::Warning,
                "did you mean `aarch64-unknown-linux-gnu`?"
            ),
            (Severity::Warning, "did you mean `s390x-unknown-linux-gnu`?"),
        ]
    );
    assert!(
        layer_values.targets.contains_key("aarch64-linux-gnu"),
        "a custom triple keeps its values"
    );
}

/// As the error for such a target says it.
#[test]
fn several_similar_triples_are_told_in_one_form() {
    let unknown = cross_targets::Target::parse("x86_64-linux").unwrap_err();
    let several = unknown.help();
    assert!(
        several.contains("`, `") && several.contains("` or `"),
        "{several}"
    );
    assert_eq!(helps("[target.x86_64-linux]\nnetwork = 'none'"), [several]);
}

#[test]
fn a_triple_with_a_dot_needs_quotes() {
    assert_eq!(
        helps("[target.thumbv8m.main-none-eabi]\nrunner = 'x'"),
        ["write `[target.\"thumbv8m.main-none-eabi\"]`"]
    );
    assert_eq!(
        helps("[target.x86_64-unknown-linux-gnu.2.17]\nrunner = 'x'"),
        ["write `[target.\"x86_64-unknown-linux-gnu.2.17\"]`"]
    );
    check(
        "[target.x86_64-unknown-linux-gnu.env]\npassthrough = []",
        &[],
    );
}

#[test]
fn cargo_metadata_is_read_and_the_package_wins_over_the_workspace() {
    let text = r#"
[package]
name = "x"
unrelated = 1
[workspace.metadata.cross.build]
engine = "docker"
network = "none"
[package.metadata.cross.build]
network = "host"
bogus = 1
"#;
    let read = |sections| cargo_toml(Path::new("Cargo.toml"), text, sections);
    let both = read(Sections::Both);
    assert_eq!(
        both.build.engine.unwrap().origin.to_string(),
        "Cargo.toml:6:10"
    );
    assert_eq!(
        both.build.network.unwrap().origin.to_string(),
        "Cargo.toml:9:11"
    );
    assert_eq!(both.problems.len(), 1);
    assert_eq!(
        both.problems[0].to_string(),
        "Cargo.toml:10:1: unknown key `bogus` [unknown-key]"
    );
    let workspace = read(Sections::Workspace);
    assert_eq!(
        workspace.build.network.unwrap().origin.to_string(),
        "Cargo.toml:7:11"
    );
    assert_eq!(workspace.problems, []);
    assert!(read(Sections::Package).build.engine.is_none());
    let wrong = cargo_toml(
        Path::new("Cargo.toml"),
        "package.metadata.cross = 1",
        Sections::Both,
    );
    assert_eq!(
        wrong.problems[0].to_string(),
        "Cargo.toml:1:26: `package.metadata.cross` is an integer, expected a table [wrong-type]"
    );
}

mod arbitrary;
mod upstream;
