//! What an environment gives: values with the variables they are from, and every problem at once.

use super::*;
use crate::diagnostics::diagnostic::Severity;
use crate::values::build_std::BuildStd;
use crate::values::value::Row;

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    let written = read(&variables.iter().fold(Env::new(), set));
    written.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_environment_says_nothing() {
    let written = read(&Env::new());
    assert!(written.problems.is_empty() && written.targets.is_empty());
    assert!(
        KEYS.iter()
            .all(|key| (key.field)(&written.build).rows().is_none())
    );
}

#[test]
fn every_problem_is_reported_at_once_by_variable() {
    assert_eq!(
        problems(&[
            ("CROSS_BUILD_NETWORK", "maybe"),
            ("CROSS_BUILD_ENV_PASSTHROUGH", "A-B OK CROSS_RUNNER"),
            ("CROSS_BUILD_TARGET", "s390x-linux-gnu"),
            ("CROSS_BUILD_TOOLCHIAN", "host"),
            ("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_PACKAGES", "-o"),
            ("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNER", "x"),
        ]),
        [
            "CROSS_BUILD_ENV_PASSTHROUGH: `A-B` is not a value of `env.passthrough` [invalid-value]",
            "CROSS_BUILD_ENV_PASSTHROUGH: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
            "CROSS_BUILD_NETWORK: `maybe` is not a value of `network` [invalid-value]",
            "CROSS_BUILD_TARGET: `s390x-linux-gnu` is not a known target [unknown-target]",
            "CROSS_BUILD_TOOLCHIAN: this variable means nothing [unknown-variable]",
            "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_PACKAGES: `-o` is not a value of `packages` [invalid-value]",
            "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNER: this variable means nothing [unknown-variable]",
        ]
    );
}

#[test]
fn a_misspelled_variable_is_a_warning_with_the_nearest_real_one() {
    let written = read(&Env::new().set("CROSS_BUILD_TOOLCHIAN", "host"));
    let [problem] = written.problems.as_slice() else {
        panic!("{:?}", written.problems)
    };
    assert_eq!(problem.severity, Severity::Warning);
    assert_eq!(
        problem.help.as_deref(),
        Some("did you mean `CROSS_BUILD_TOOLCHAIN`?")
    );
}

#[test]
fn variables_of_others_are_left_alone() {
    assert_eq!(
        problems(&[
            ("CROSS_COMPILE", "aarch64-linux-gnu-"),
            ("CROSS_DEBUG", "1"),
            ("CROSS_TARGET_RUNNER", "qemu"),
            ("CARGO_TARGET_DIR", "x"),
            ("CROSS_CONFIG", "x"),
        ]),
        [""; 0]
    );
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf_8_is_an_error_that_does_not_show_it() {
    use std::os::unix::ffi::OsStringExt;
    let env = Env::new().set(
        "CROSS_CONTAINER_ENGINE",
        std::ffi::OsString::from_vec(vec![0xff]),
    );
    let said: Vec<_> = read(&env)
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        ["CROSS_CONTAINER_ENGINE: its value is not UTF-8 [invalid-value]"]
    );
}

const S390X: &str = "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU";

fn written(variables: &[(&str, &str)]) -> Written {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    read(&variables.iter().fold(Env::new(), set))
}

/// The rows of a key at a level, where the only problem may be a missing counterpart.
fn shown(key: &str, values: &Values) -> Vec<String> {
    let rows: Option<Vec<Row>> = (Key::named(key).unwrap().field)(values).rows();
    let rows = rows.unwrap_or_default();
    rows.into_iter().map(|row| row.value).collect()
}

/// Upstream bug 9: some keys had no variable.
#[test]
fn every_key_is_read_from_its_variables() {
    let texts = |key: &Key| match key.name {
        "default-target" | "targets" => ("s390x-unknown-linux-gnu", "s390x-unknown-linux-gnu"),
        "network" => ("none", "none"),
        "build-std" => ("core", "core"),
        "zig.enable" | "serial-tests" => ("on", "true"),
        "zig.version" => ("2.17", "2.17"),
        "zig.image.toolchain" | "image.toolchain" => {
            ("linux/arm64", "linux/arm64=aarch64-unknown-linux-gnu")
        }
        "dockerfile.build-args" => ("A='one two'", "one two"),
        _ => ("one", "one"),
    };
    for key in KEYS {
        let (text, expected) = texts(key);
        for name in key.build_variables {
            let written = written(&[(name, text)]);
            assert_eq!(shown(key.name, &written.build), [expected], "{name}");
            assert_eq!(written.problems, [], "{name}");
        }
        if let Some(suffix) = key.target_suffix {
            let written = written(&[(&format!("{S390X}_{suffix}"), text)]);
            let values = &written.targets["S390X_UNKNOWN_LINUX_GNU"];
            assert_eq!(shown(key.name, values), [expected], "{suffix}");
            assert_eq!(written.problems, [], "{suffix}");
        }
    }
}

#[test]
fn lists_are_separated_as_each_key_says() {
    let written = written(&[
        ("CROSS_BUILD_PRE_BUILD", "apt-get update\n\n  make -j 4\n"),
        ("CROSS_BUILD_ENV_VOLUMES", "A=/a\n B "),
        (
            "CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN",
            "linux/arm64, x86_64-unknown-linux-musl",
        ),
        ("CROSS_BUILD_STD", "core, alloc"),
    ]);
    assert_eq!(written.problems, []);
    assert_eq!(
        shown("pre-build", &written.build),
        ["apt-get update", "make -j 4"]
    );
    assert_eq!(shown("env.volumes", &written.build), ["A=/a", "B"]);
    assert_eq!(
        shown("zig.image.toolchain", &written.build),
        [
            "linux/arm64=aarch64-unknown-linux-gnu",
            "linux/amd64=x86_64-unknown-linux-musl"
        ]
    );
    assert_eq!(shown("build-std", &written.build), ["core", "alloc"]);
}

#[test]
fn build_arguments_are_pairs() {
    let ok = written(&[("CROSS_BUILD_DOCKERFILE_BUILD_ARGS", "A=1 B= 'C=x y=z'")]);
    assert_eq!(ok.problems, []);
    let arguments = ok.build.build_args.unwrap().value;
    let arguments: Vec<_> = arguments
        .iter()
        .map(|(name, text)| (name.as_str(), text.value.as_str()))
        .collect();
    assert_eq!(arguments, [("A", "1"), ("B", ""), ("C", "x y=z")]);
    for (text, shown) in [("A", "A"), ("A='", "A=\\'")] {
        assert_eq!(
            problems(&[("CROSS_BUILD_DOCKERFILE_BUILD_ARGS", text)]),
            [format!(
                "CROSS_BUILD_DOCKERFILE_BUILD_ARGS: `{shown}` is not a value of `dockerfile.build-args` [invalid-value]"
            )]
        );
    }
}

/// Upstream bug 5: only triples were read here.
#[test]
fn the_platforms_of_an_image_are_read_in_every_form() {
    let written = written(&[(
        &format!("{S390X}_IMAGE_TOOLCHAIN"),
        "linux/arm64/v8=aarch64-unknown-linux-musl",
    )]);
    assert_eq!(
        shown(
            "image.toolchain",
            &written.targets["S390X_UNKNOWN_LINUX_GNU"]
        ),
        ["linux/arm64/v8=aarch64-unknown-linux-musl"]
    );
}

/// Upstream bug 6: the empty text built an empty crate, and `no` was yes.
#[test]
fn flags_are_strict_and_the_empty_text_is_off() {
    let std = |text: &str| {
        let written = written(&[("CROSS_BUILD_STD", text)]);
        written.build.build_std.map(|it| it.value)
    };
    for off in ["", "0", "no", "off", "false"] {
        assert_eq!(std(off), Some(BuildStd::Off), "{off}");
    }
    for on in ["1", "yes", "true"] {
        assert_eq!(std(on), Some(BuildStd::Default), "{on}");
    }
    assert_eq!(std("core"), Some(BuildStd::Crates(vec!["core".to_owned()])));
    assert_eq!(
        problems(&[("CROSS_BUILD_ZIG", "maybe")]),
        ["CROSS_BUILD_ZIG: `maybe` is not a value of `zig.enable` [invalid-value]"]
    );
    let off = written(&[("CROSS_BUILD_ZIG", "")]);
    assert_eq!(shown("zig.enable", &off.build), ["false"]);
    // What is no flag is as if it were not set.
    let unset = written(&[
        ("CROSS_BUILD_DOCKERFILE", ""),
        ("CROSS_BUILD_PRE_BUILD", ""),
    ]);
    assert!(unset.build.dockerfile.is_none() && unset.build.pre_build.is_none());
}

#[test]
fn the_longest_suffix_wins() {
    let set = |suffix: &str, text: &str| {
        let written = written(&[(&format!("{S390X}_{suffix}"), text)]);
        assert_eq!(written.problems, [], "{suffix}");
        written.targets["S390X_UNKNOWN_LINUX_GNU"].clone()
    };
    assert!(set("ZIG_IMAGE", "x").zig_image.is_some());
    assert!(set("IMAGE", "x").image.is_some());
    assert!(
        set("IMAGE_TOOLCHAIN", "linux/amd64")
            .image_toolchain
            .is_some()
    );
    assert!(
        set("ZIG_IMAGE_TOOLCHAIN", "linux/amd64")
            .zig_image_toolchain
            .is_some()
    );
    assert!(set("TOOLCHAIN", "host").toolchain.is_some());
}

#[test]
fn old_names_are_read_and_reported() {
    let build = written(&[("CROSS_BUILD_XARGO", "1")]);
    assert_eq!(shown("build-std", &build.build), ["true"]);
    assert_eq!(
        build.problems[0].to_string(),
        "CROSS_BUILD_XARGO: an old name of CROSS_BUILD_STD [deprecated]"
    );
    let both = written(&[("CROSS_BUILD_XARGO", "1"), ("CROSS_BUILD_STD", "0")]);
    assert_eq!(shown("build-std", &both.build), ["false"]);
    assert!(
        both.problems[0]
            .message
            .ends_with("not read where that is set")
    );
    let (old, new) = (format!("{S390X}_XARGO"), format!("{S390X}_BUILD_STD"));
    let target = written(&[(&old, "1")]);
    assert_eq!(target.problems[0].code, Code::Deprecated);
    assert_eq!(
        shown("build-std", &target.targets["S390X_UNKNOWN_LINUX_GNU"]),
        ["true"]
    );
    let both = written(&[(&old, "1"), (&new, "core")]);
    assert_eq!(both.problems.len(), 1);
    assert_eq!(
        shown("build-std", &both.targets["S390X_UNKNOWN_LINUX_GNU"]),
        ["core"]
    );
}

#[test]
fn an_engine_on_another_machine_is_said_not_to_be_served_unless_it_is_off() {
    for name in REMOTE {
        for on in ["1", "true", "maybe"] {
            let written = written(&[(name, on)]);
            assert_eq!(written.problems.len(), 1, "{name}={on}");
            assert_eq!(written.problems[0].code, Code::NotSupportedYet);
            assert_eq!(written.problems[0].severity, Severity::Error);
        }
        for off in ["", "0", "false", "no"] {
            assert_eq!(problems(&[(name, off)]), [""; 0], "{name}={off}");
        }
    }
}

#[test]
fn a_misspelled_setting_is_a_warning_too() {
    let written = written(&[("CROSS_CONTAINER_OPT", "x")]);
    assert_eq!(
        written.problems[0].help.as_deref(),
        Some("did you mean `CROSS_CONTAINER_OPTS`?")
    );
}
