//! The keys of `cross`, with each type that they take.

use std::path::PathBuf;

use super::*;
use crate::values::build_std::BuildStd;
use crate::values::pre_build::PreBuild;

const S390X: &str = "s390x-unknown-linux-gnu";

/// The values for one target in `text`, which has no problems.
fn target(text: &str) -> KeyValues {
    let mut layer_values = cross_toml(
        Path::new("Cross.toml"),
        &format!("[target.{S390X}]\n{text}\n"),
    );
    assert_eq!(layer_values.problems, [], "{text}");
    layer_values.targets.remove(S390X).unwrap()
}

fn shown(key: &str, values: &KeyValues) -> Vec<String> {
    let rows = (Key::named(key).unwrap().field)(values).rows();
    let row = |row: crate::values::value::ValueRow| match row.name {
        Some(name) => format!("{name}={}", row.value),
        None => row.value,
    };
    rows.unwrap_or_default().into_iter().map(row).collect()
}

#[test]
fn build_std_is_a_flag_or_crates() {
    let build_std = |text: &str| target(text).build_std.unwrap().value;
    assert_eq!(build_std("build-std = true"), BuildStd::Default);
    assert_eq!(build_std("build-std = false"), BuildStd::Off);
    assert_eq!(build_std("build-std = []"), BuildStd::Off);
    let crates = ["core", "panic_abort"].map(str::to_owned).to_vec();
    assert_eq!(
        build_std("build-std = ['core', 'panic_abort']"),
        BuildStd::Crates(crates)
    );
    check(
        "build.build-std = 'core'",
        &[
            "Cross.toml:1:19: `build-std` is a string, expected a boolean or an array of strings [wrong-type]",
        ],
    );
    check(
        "build.build-std = ['core', '-x']",
        &["Cross.toml:1:28: invalid value `-x` for `build-std` [invalid-value]"],
    );
}

#[test]
fn zig_is_a_flag_a_version_or_a_table() {
    for (text, enable, version) in [
        ("zig = true", "true", None),
        ("zig = false", "false", None),
        ("zig = '2.17'", "true", Some("2.17")),
        ("zig = { enable = true }", "true", None),
        (
            "zig = { enable = false, version = '2.28' }",
            "false",
            Some("2.28"),
        ),
    ] {
        let values = target(text);
        assert_eq!(shown("zig.enable", &values), [enable], "{text}");
        assert_eq!(
            shown("zig.version", &values),
            Vec::from_iter(version),
            "{text}"
        );
    }
    check(
        "build.zig = 2.17",
        &[
            "Cross.toml:1:13: `zig` is a float, expected a boolean, a string or a table [wrong-type]",
        ],
    );
    check(
        "build.zig = 'glibc'",
        &["Cross.toml:1:13: invalid value `glibc` for `zig.version` [invalid-value]"],
    );
}

#[test]
fn an_image_is_a_name_or_a_table() {
    for (key, text) in [
        ("image", "image = 'my/image:1'"),
        ("image", "image = { name = 'my/image:1' }"),
        ("zig.image", "zig = { enable = true, image = 'my/image:1' }"),
        (
            "zig.image",
            "zig.enable = true\nzig.image.name = 'my/image:1'",
        ),
    ] {
        let values = target(text);
        // `cross` requires the platforms.
        assert_eq!(shown(&format!("{key}.name"), &values), ["my/image:1"]);
        assert_eq!(shown(&format!("{key}.toolchain"), &values), [""; 0]);
    }
    let both = target("image = { name = ':edge', toolchain = ['linux/amd64', 'linux/arm64'] }");
    assert_eq!(
        shown("image.toolchain", &both),
        [
            "linux/amd64=x86_64-unknown-linux-gnu",
            "linux/arm64=aarch64-unknown-linux-gnu"
        ]
    );
    check(
        &format!("target.{S390X}.image = {{ name = 'a b', toolchain = ['vax'] }}"),
        &[
            "Cross.toml:1:49: invalid value `a b` for `image.name` [invalid-value]",
            "Cross.toml:1:69: invalid value `vax` for `image.toolchain` [invalid-value]",
        ],
    );
}

#[test]
fn a_dockerfile_is_a_path_or_a_table() {
    let shorthand = target("dockerfile = './Dockerfile'");
    assert_eq!(shown("dockerfile.file", &shorthand), ["./Dockerfile"]);
    // `cross` requires the file in each table.
    let table = target("dockerfile = { build-args = { A = '1', B = '' } }");
    assert_eq!(shown("dockerfile.build-args", &table), ["A=1", "B="]);
    check(
        "[build.dockerfile]\nfile = ''\ncontext = 'https://x'\nbuild-args = { A = 1, 'b=c' = '' }",
        &[
            "Cross.toml:2:8: invalid value `` for `dockerfile.file` [invalid-value]",
            "Cross.toml:3:11: invalid value `https://x` for `dockerfile.context` [invalid-value]",
            "Cross.toml:4:20: `dockerfile.build-args.A` is an integer, expected a string [wrong-type]",
            "Cross.toml:4:31: invalid name `b=c` in `dockerfile.build-args` [invalid-value]",
        ],
    );
}

#[test]
fn pre_build_is_a_text_or_commands() {
    let text = target("pre-build = 'ci/setup.sh'").pre_build.unwrap().value;
    assert_eq!(
        text,
        PreBuild::ScriptOrCommand {
            text: "ci/setup.sh".to_owned(),
            path: PathBuf::from("ci/setup.sh"),
        }
    );
    let commands = target("pre-build = ['a', 'b']").pre_build.unwrap().value;
    assert_eq!(
        commands,
        PreBuild::Commands(vec!["a".to_owned(), "b".to_owned()])
    );
    assert!(target("pre-build = []").pre_build.unwrap().value.is_empty());
    check(
        "build.pre-build = ' '",
        &["Cross.toml:1:19: invalid value ` ` for `pre-build` [invalid-value]"],
    );
}

#[test]
fn volumes_are_names_with_or_without_a_path() {
    let values = target("env.volumes = ['A', 'B=/b', 'C=rel']");
    assert_eq!(shown("env.volumes", &values), ["A", "B=/b", "C=rel"]);
    check(
        "build.env.volumes = ['/x:/y', 'CROSS_RUNNER=/z']",
        &[
            "Cross.toml:1:22: invalid value `/x:/y` for `env.volumes` [invalid-value]",
            "Cross.toml:1:31: `CROSS_RUNNER` in `env.volumes` is reserved [reserved-name]",
        ],
    );
}

#[test]
fn a_key_at_the_wrong_level_says_where_it_belongs() {
    for (text, belongs) in [
        (
            "build.image = 'x'",
            "`image` belongs in `[target.<triple>]`",
        ),
        (
            "build.image.name = 'x'",
            "`image` belongs in `[target.<triple>]`",
        ),
        (
            "build.runner = 'x'",
            "`runner` belongs in `[target.<triple>]`",
        ),
        (
            "target.s390x-unknown-linux-gnu.default-target = 'x'",
            "`default-target` belongs in `[build]`",
        ),
    ] {
        assert_eq!(helps(text), [belongs], "{text}");
    }
    assert_eq!(
        helps("build.zig.vesrion = 'x'"),
        ["did you mean `zig.version`?"]
    );
    assert_eq!(
        helps("build.zig.nothing = 'x'"),
        ["the keys of `zig` are enable, image, version"]
    );
}

#[test]
fn xargo_is_read_as_build_std_and_reported() {
    let layer_values = |text: &str| cross_toml(Path::new("Cross.toml"), text);
    let alone = layer_values("build.xargo = true");
    assert_eq!(
        alone.problems[0].to_string(),
        "Cross.toml:1:7: `xargo` is a deprecated name of `build-std` [deprecated]"
    );
    assert_eq!(alone.problems[0].severity, Severity::Warning);
    assert_eq!(alone.build.build_std.unwrap().value, BuildStd::Default);
    // As documented: build-std has precedence.
    let both = layer_values("build.xargo = true\nbuild.build-std = false");
    assert_eq!(both.build.build_std.unwrap().value, BuildStd::Off);
    assert!(both.problems[0].message.ends_with("is ignored"));
    check(
        "build.xargo = 1",
        &[
            "Cross.toml:1:7: `xargo` is a deprecated name of `build-std` [deprecated]",
            "Cross.toml:1:15: `xargo` is an integer, expected a boolean or an array of strings [wrong-type]",
        ],
    );
}

#[test]
fn no_value_has_a_nul_character_in_it() {
    for text in [
        r#"build.engine = "a\u0000""#,
        r#"build.pre-build = ["a\u0000"]"#,
        r#"build.env.passthrough = ["A=\u0000"]"#,
        r#"build.dockerfile = { file = "D", build-args = { A = "\u0000" } }"#,
    ] {
        let messages = problems(text);
        assert!(
            messages[0].ends_with("contains a NUL character [invalid-value]"),
            "{messages:?}"
        );
    }
}

#[test]
fn the_documented_example_of_cross_has_no_error() {
    let text = r#"
[build]
build-std = false
xargo = true
zig = false
default-target = "x86_64-unknown-linux-gnu"
pre-build = [
    "dpkg --add-architecture $CROSS_DEB_ARCH",
    "apt-get update && apt-get --assume-yes install libssl-dev:$CROSS_DEB_ARCH"
]
[build.env]
volumes = ["VOL1_ARG", "VOL2_ARG=/path/to/volume"]
passthrough = ["VAR1_ARG", "VAR2_ARG=VALUE"]
[build.dockerfile]
file = "./Dockerfile"
context = "."
build-args = { ARG1 = "foo" }
[target.aarch64-unknown-linux-gnu]
image.name = "alpine:edge"
image.toolchain = ["x86_64-unknown-linux-musl", "linux/arm64=aarch64-unknown-linux-musl"]
runner = "qemu-user"
[target.aarch64-unknown-linux-gnu.zig]
enable = true
version = "2.17"
image = "myimage"
"#;
    check(
        text,
        &[
            "Cross.toml:4:1: `xargo` is a deprecated name of `build-std`, and is ignored [deprecated]",
        ],
    );
}
