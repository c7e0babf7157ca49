//! Values and problems of environment variables.

use super::*;
use crate::diagnostics::diagnostic::Severity;
use crate::values::build_std::BuildStd;
use crate::values::value::ValueRow;

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    let layer_values = read(&variables.iter().fold(Env::new(), set));
    layer_values
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn an_empty_environment_says_nothing() {
    let layer_values = read(&Env::new());
    assert!(layer_values.problems.is_empty() && layer_values.targets.is_empty());
    assert!(
        KEYS.iter()
            .all(|key| (key.field)(&layer_values.build).rows().is_none())
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
            "CROSS_BUILD_ENV_PASSTHROUGH: invalid value `A-B` for `env.passthrough` [invalid-value]",
            "CROSS_BUILD_ENV_PASSTHROUGH: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
            "CROSS_BUILD_NETWORK: invalid value `maybe` for `network` [invalid-value]",
            "CROSS_BUILD_TARGET: unknown target `s390x-linux-gnu` [unknown-target]",
            "CROSS_BUILD_TOOLCHIAN: unknown variable [unknown-variable]",
            "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_PACKAGES: invalid value `-o` for `packages` [invalid-value]",
            "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNER: unknown variable [unknown-variable]",
        ]
    );
}

#[test]
fn a_misspelled_variable_is_a_warning_with_the_nearest_real_one() {
    let layer_values = read(&Env::new().set("CROSS_BUILD_TOOLCHIAN", "host"));
    let [problem] = layer_values.problems.as_slice() else {
        panic!("{:?}", layer_values.problems)
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
    let messages: Vec<_> = read(&env)
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        messages,
        ["CROSS_CONTAINER_ENGINE: value is not valid UTF-8 [invalid-value]"]
    );
}

const S390X: &str = "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU";

fn read_values(variables: &[(&str, &str)]) -> LayerValues {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    read(&variables.iter().fold(Env::new(), set))
}

/// The rows of a key at a level, where the only problem may be a missing counterpart.
fn shown(key: &str, values: &KeyValues) -> Vec<String> {
    let rows: Option<Vec<ValueRow>> = (Key::named(key).unwrap().field)(values).rows();
    let rows = rows.unwrap_or_default();
    rows.into_iter().map(|row| row.value).collect()
}

/// Some keys have no variable in `cross`.
#[test]
fn every_key_is_read_from_its_variables() {
    let texts = |key: &Key| match key.name {
        "default-target" | "targets" => ("s390x-unknown-linux-gnu", "s390x-unknown-linux-gnu"),
        "memory" => ("4GiB", "4g"),
        "network" => ("none", "none"),
        "deployment-target" => ("11", "11.0"),
        "snapshot" => ("https://m/{date}", "https://m/{date}"),
        "build-std" => ("core", "core"),
        "zig.enable" | "serial-tests" | "reproducible" => ("on", "true"),
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
            let layer_values = read_values(&[(name, text)]);
            assert_eq!(shown(key.name, &layer_values.build), [expected], "{name}");
            assert_eq!(layer_values.problems, [], "{name}");
        }
        if let Some(suffix) = key.target_suffix {
            let layer_values = read_values(&[(&format!("{S390X}_{suffix}"), text)]);
            let values = &layer_values.targets["S390X_UNKNOWN_LINUX_GNU"];
            assert_eq!(shown(key.name, values), [expected], "{suffix}");
            assert_eq!(layer_values.problems, [], "{suffix}");
        }
    }
}

#[test]
fn lists_are_separated_as_each_key_says() {
    let layer_values = read_values(&[
        ("CROSS_BUILD_PRE_BUILD", "apt-get update\n\n  make -j 4\n"),
        ("CROSS_BUILD_ENV_VOLUMES", "A=/a\n B "),
        (
            "CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN",
            "linux/arm64, x86_64-unknown-linux-musl",
        ),
        ("CROSS_BUILD_STD", "core, alloc"),
    ]);
    assert_eq!(layer_values.problems, []);
    assert_eq!(
        shown("pre-build", &layer_values.build),
        ["apt-get update", "make -j 4"]
    );
    assert_eq!(shown("env.volumes", &layer_values.build), ["A=/a", "B"]);
    assert_eq!(
        shown("zig.image.toolchain", &layer_values.build),
        [
            "linux/arm64=aarch64-unknown-linux-gnu",
            "linux/amd64=x86_64-unknown-linux-musl"
        ]
    );
    assert_eq!(shown("build-std", &layer_values.build), ["core", "alloc"]);
}

#[test]
fn build_arguments_are_pairs() {
    let ok = read_values(&[("CROSS_BUILD_DOCKERFILE_BUILD_ARGS", "A=1 B= 'C=x y=z'")]);
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
                "CROSS_BUILD_DOCKERFILE_BUILD_ARGS: invalid value `{shown}` for `dockerfile.build-args` [invalid-value]"
            )]
        );
    }
}

/// `cross` only accepts triples here.
#[test]
fn the_platforms_of_an_image_are_read_in_every_form() {
    let layer_values = read_values(&[(
        &format!("{S390X}_IMAGE_TOOLCHAIN"),
        "linux/arm64/v8=aarch64-unknown-linux-musl",
    )]);
    assert_eq!(
        shown(
            "image.toolchain",
            &layer_values.targets["S390X_UNKNOWN_LINUX_GNU"]
        ),
        ["linux/arm64/v8=aarch64-unknown-linux-musl"]
    );
}

/// `cross` parses the empty text as a crate name, and `no` as true.
#[test]
fn flags_are_strict_and_the_empty_text_is_off() {
    let std = |text: &str| {
        let layer_values = read_values(&[("CROSS_BUILD_STD", text)]);
        layer_values
            .build
            .build_std
            .map(|build_std| build_std.value)
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
        ["CROSS_BUILD_ZIG: invalid value `maybe` for `zig.enable` [invalid-value]"]
    );
    let off = read_values(&[("CROSS_BUILD_ZIG", "")]);
    assert_eq!(shown("zig.enable", &off.build), ["false"]);
    // A variable without a flag format counts as unset.
    let unset = read_values(&[
        ("CROSS_BUILD_DOCKERFILE", ""),
        ("CROSS_BUILD_PRE_BUILD", ""),
    ]);
    assert!(unset.build.dockerfile.is_none() && unset.build.pre_build.is_none());
}

#[test]
fn the_longest_suffix_wins() {
    let set = |suffix: &str, text: &str| {
        let layer_values = read_values(&[(&format!("{S390X}_{suffix}"), text)]);
        assert_eq!(layer_values.problems, [], "{suffix}");
        layer_values.targets["S390X_UNKNOWN_LINUX_GNU"].clone()
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
    let build = read_values(&[("CROSS_BUILD_XARGO", "1")]);
    assert_eq!(shown("build-std", &build.build), ["true"]);
    assert_eq!(
        build.problems[0].to_string(),
        "CROSS_BUILD_XARGO: deprecated name of CROSS_BUILD_STD [deprecated]"
    );
    let both = read_values(&[("CROSS_BUILD_XARGO", "1"), ("CROSS_BUILD_STD", "0")]);
    assert_eq!(shown("build-std", &both.build), ["false"]);
    assert!(both.problems[0].message.ends_with("is ignored"));
    let (old, new) = (format!("{S390X}_XARGO"), format!("{S390X}_BUILD_STD"));
    let target = read_values(&[(&old, "1")]);
    assert_eq!(target.problems[0].code, DiagnosticCode::Deprecated);
    assert_eq!(
        shown("build-std", &target.targets["S390X_UNKNOWN_LINUX_GNU"]),
        ["true"]
    );
    let both = read_values(&[(&old, "1"), (&new, "core")]);
    assert_eq!(both.problems.len(), 1);
    assert_eq!(
        shown("build-std", &both.targets["S390X_UNKNOWN_LINUX_GNU"]),
        ["core"]
    );
}

#[test]
fn a_misspelled_setting_is_a_warning_too() {
    let layer_values = read_values(&[("CROSS_CONTAINER_OPT", "x")]);
    assert_eq!(
        layer_values.problems[0].help.as_deref(),
        Some("did you mean `CROSS_CONTAINER_OPTS`?")
    );
}
