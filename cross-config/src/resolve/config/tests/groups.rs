//! Merging of groups of keys over levels and sources.

use std::path::PathBuf;

use super::*;
use crate::{BuildStd, PreBuild, Settings};

fn target(layers: impl IntoIterator<Item = Layer>) -> TargetConfig {
    Config::merge(layers).for_target(S390X)
}

fn in_target(text: &str) -> String {
    format!("[target.{S390X}]\n{text}\n")
}

fn cargo_target(text: &str) -> Layer {
    cargo(&format!(
        "[workspace.metadata.cross.target.{S390X}]\n{text}\n"
    ))
}

#[test]
fn tables_of_two_files_are_merged_key_by_key() {
    let below = cargo_target(
        "dockerfile = { file = '/c/D', context = '/c', build-args = { A = '1', B = '1' } }",
    );
    let above = cross(&in_target(
        "dockerfile = { context = '/x', build-args = { B = '2', C = '2' } }",
    ));
    let dockerfile = target([below, above]).dockerfile.unwrap();
    assert_eq!(dockerfile.origin.to_string(), "Cargo.toml:2:23");
    let dockerfile = dockerfile.value;
    assert_eq!(dockerfile.file, PathBuf::from("/c/D"));
    assert_eq!(dockerfile.context, Some(PathBuf::from("/x")));
    let arguments: Vec<_> = dockerfile.build_args.into_iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(arguments, [pair("A", "1"), pair("B", "2"), pair("C", "2")]);
}

#[test]
fn a_value_in_place_of_a_table_replaces_it_and_is_replaced_by_it() {
    let file = |layers: [Layer; 2]| {
        let dockerfile = target(layers).dockerfile.map(|dockerfile| dockerfile.value);
        dockerfile.map(|dockerfile| (dockerfile.file, dockerfile.context))
    };
    let shorthand = |file: &str| in_target(&format!("dockerfile = '{file}'"));
    let table = "dockerfile = { file = '/table', context = '/context' }";
    assert_eq!(
        file([cargo_target(table), cross(&shorthand("/short"))]),
        Some((PathBuf::from("/short"), None))
    );
    let context_only = cross(&in_target("dockerfile.context = '/x'"));
    let below = cargo_target("dockerfile = '/short'");
    assert_eq!(file([below, context_only]), None);

    // The same in one `Cargo.toml`: the package's table over the workspace's.
    let both = cargo(&format!(
        "[workspace.metadata.cross.target.{S390X}]\n{table}\n[package.metadata.cross.target.{S390X}]\ndockerfile = '/short'\n"
    ));
    assert_eq!(
        file([both, cross("")]),
        Some((PathBuf::from("/short"), None))
    );
}

#[test]
fn each_key_of_a_table_is_asked_for_by_itself_over_levels_and_sources() {
    let file = cross(&format!(
        "[build]\nzig = {{ version = '2.17', image = 'zig:1' }}\n[target.{S390X}]\nzig = true\n"
    ));
    let zig = target([file.clone()]).zig.unwrap();
    assert_eq!(zig.origin.to_string(), "Cross.toml:4:7");
    assert!(zig.value.enable);
    assert_eq!(zig.value.version.as_deref(), Some("2.17"));
    assert_eq!(zig.value.image.unwrap().name, "zig:1");
    let off = variables(&[("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_ZIG", "0")]);
    let zig = target([file, off]).zig.unwrap().value;
    assert!(!zig.enable && zig.version.is_some());
    assert_eq!(target([cross("")]).zig, None);
}

#[test]
fn build_args_of_build_and_target_are_merged_and_the_targets_win() {
    let file = cross(&format!(
        "[build.dockerfile]\nfile = '/D'\nbuild-args = {{ A = 'build', B = 'build' }}\n[target.{S390X}.dockerfile.build-args]\nB = 'target'\n"
    ));
    let arguments = target([file]).dockerfile.unwrap().value.build_args;
    assert_eq!(
        (arguments["A"].as_str(), arguments["B"].as_str()),
        ("build", "target")
    );
}

#[test]
fn the_platforms_of_an_image_go_with_its_name() {
    let image = |layers: Vec<Layer>| {
        let image = target(layers).image.unwrap().value;
        let platforms: Vec<_> = image
            .platforms
            .iter()
            .map(|platform| platform.oci())
            .collect();
        (image.name, platforms.join(" "))
    };
    let file = || {
        cross(&in_target(
            "image = { name = 'a', toolchain = ['linux/arm64'] }",
        ))
    };
    let (name, platforms) = (
        "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_IMAGE",
        "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_IMAGE_TOOLCHAIN",
    );
    let expected = |image: &str, platforms: &str| (image.to_owned(), platforms.to_owned());
    assert_eq!(image(vec![file()]), expected("a", "linux/arm64"));
    assert_eq!(
        image(vec![file(), variables(&[(name, "b")])]),
        expected("b", "")
    );
    // `cross` ignores these without a name.
    assert_eq!(
        image(vec![
            file(),
            variables(&[(platforms, "linux/s390x,linux/amd64")])
        ]),
        expected("a", "linux/s390x linux/amd64")
    );
    let below = cargo_target("image = { name = 'c', toolchain = ['linux/s390x'] }");
    assert_eq!(
        image(vec![below.clone(), cross(&in_target("image.name = 'a'"))]),
        expected("a", "linux/s390x")
    );
    assert_eq!(
        image(vec![below, cross(&in_target("image = 'a'"))]),
        expected("a", "")
    );
}

#[test]
fn lists_are_replaced_whole_and_an_empty_one_is_off() {
    let file = cross(&format!(
        "[build]\nbuild-std = ['core']\npre-build = ['a', 'b']\nenv.volumes = ['A=/a']\n[target.{S390X}]\nbuild-std = []\npre-build = []\nenv.volumes = []\n"
    ));
    let off = target([file.clone()]);
    assert_eq!(off.build_std.unwrap().value, BuildStd::Off);
    assert_eq!((off.pre_build, off.volumes), (None, Vec::new()));
    let on = Config::merge([file]).for_target("riscv64gc-unknown-linux-gnu");
    assert_eq!(
        on.build_std.unwrap().value,
        BuildStd::Crates(vec!["core".to_owned()])
    );
    let commands = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(on.pre_build.unwrap().value, PreBuild::Commands(commands));
    assert_eq!(on.volumes[0].value.path, Some(PathBuf::from("/a")));
}

#[test]
fn relative_paths_are_relative_to_what_says_them() {
    let text = "[build]\nenv.volumes = ['A=a', 'B']\npre-build = 'setup.sh'\ndockerfile = { file = 'D', context = '..' }";
    let file = Layer::cross_toml(std::path::Path::new("/w/ci/Cross.toml"), text);
    let config = target([file]);
    assert_eq!(config.volumes[0].value.path, Some(PathBuf::from("/w/ci/a")));
    assert_eq!(config.volumes[1].value.path, None);
    let PreBuild::ScriptOrCommand { text, path } = config.pre_build.unwrap().value else {
        panic!("a text is a script or a command");
    };
    assert_eq!(
        (text.as_str(), path),
        ("setup.sh", PathBuf::from("/w/ci/setup.sh"))
    );
    let dockerfile = config.dockerfile.unwrap().value;
    assert_eq!(dockerfile.file, PathBuf::from("/w/ci/D"));
    assert_eq!(dockerfile.context, Some(PathBuf::from("/w/ci/..")));
    let variable = variables(&[("CROSS_BUILD_DOCKERFILE", "D")]);
    let variable = variable.relative_to(std::path::Path::new("/here"));
    assert_eq!(
        target([variable]).dockerfile.unwrap().value.file,
        PathBuf::from("/here/D")
    );
}

#[test]
fn an_sdk_is_relative_to_what_says_it_and_has_a_place() {
    let text = format!("[target.{S390X}]\nsdk = '../ndk'");
    let file = Layer::cross_toml(std::path::Path::new("/w/ci/Cross.toml"), &text);
    let sdk = target([file]).sdk.unwrap();
    assert_eq!(sdk.value, PathBuf::from("/w/ci/../ndk"));
    assert_eq!(sdk.origin.to_string(), "/w/ci/Cross.toml:2:7");
    let variable = variables(&[("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_SDK", "sdk")]);
    let sdk = target([variable.relative_to(std::path::Path::new("/here"))]).sdk;
    assert_eq!(sdk.unwrap().value, PathBuf::from("/here/sdk"));
}

#[test]
fn explain_has_a_row_for_each_leaf() {
    let config = Config::merge([
        cross(&in_target(
            "dockerfile = { file = '/D', build-args = { FOO = 'shown', B = '' } }\nzig = '2.17'\nenv.volumes = ['A=/a']",
        )),
        variables(&[("CROSS_CONTAINER_OPTS", "-e TOKEN=hunter2 --memory 1g")]),
    ]);
    let rows = rows(&config).split_off(2);
    // Paths are shown with the separators of the host.
    let rows: Vec<_> = rows.iter().map(|row| row.replace('\\', "/")).collect();
    assert_eq!(
        rows,
        [
            format!("target.{S390X}.zig.enable = true (Cross.toml:3:7)"),
            format!("target.{S390X}.zig.version = 2.17 (Cross.toml:3:7)"),
            format!("target.{S390X}.dockerfile.file = /D (Cross.toml:2:23)"),
            format!("target.{S390X}.dockerfile.build-args.B =  (Cross.toml:2:63)"),
            format!("target.{S390X}.dockerfile.build-args.FOO = shown (Cross.toml:2:50)"),
            format!("target.{S390X}.env.volumes = A=/a (Cross.toml:4:16)"),
            "CROSS_CONTAINER_OPTS = -e 'TOKEN=[redacted]' --memory 1g (CROSS_CONTAINER_OPTS)"
                .to_owned(),
        ]
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn settings_are_those_of_the_environment() {
    assert_eq!(merge([]).settings(), &Settings::default());
    let config = merge([
        variables(&[("CROSS_CONTAINER_UID", "1"), ("CROSS_CONTAINER_GID", "1")]),
        variables(&[("CROSS_CONTAINER_UID", "2")]),
    ]);
    let settings = config.settings();
    assert_eq!(settings.uid.as_ref().unwrap().value, 2);
    assert_eq!(settings.gid.as_ref().unwrap().value, 1);
}

/// In `cross`, the variable of `[build]` hides the lists of all files.
#[test]
fn every_passthrough_that_is_set_counts() {
    let names = |variables_: &[(&str, &str)]| {
        let file = cross(&format!(
            "build.env.passthrough = ['FILE_BUILD']\ntarget.{S390X}.env.passthrough = ['FILE_TARGET']"
        ));
        let config = target([file, variables(variables_)]);
        let names = config
            .passthrough
            .into_iter()
            .map(|variable| variable.value.name);
        names.collect::<Vec<_>>()
    };
    let build = ("CROSS_BUILD_ENV_PASSTHROUGH", "VAR_BUILD");
    let of_target = (
        "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_ENV_PASSTHROUGH",
        "VAR_TARGET",
    );
    assert_eq!(names(&[]), ["FILE_BUILD", "FILE_TARGET"]);
    assert_eq!(names(&[build]), ["FILE_BUILD", "VAR_BUILD", "FILE_TARGET"]);
    assert_eq!(
        names(&[of_target]),
        ["FILE_BUILD", "FILE_TARGET", "VAR_TARGET"]
    );
    assert_eq!(
        names(&[build, of_target]),
        ["FILE_BUILD", "VAR_BUILD", "FILE_TARGET", "VAR_TARGET"]
    );
}
