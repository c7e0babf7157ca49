//! Requests, projects and configurations that cannot be served.

use std::os::unix::ffi::OsStrExt as _;

use cross_core::build_script::BuildScript;
use cross_core::{Cross, Env};
use cross_tests::{Project, real_env};

use super::{Case, TARGET, failed, rows};

rows! {
    a_target_that_is_misspelt => UnknownTarget
        ["aarch64-unkown-linux-gnu"] ["aarch64-unknown-linux-gnu"]
        || failed(Case::new(Project::new("app")).cross.build("aarch64-unkown-linux-gnu").run());
    a_target_that_no_environment_builds_for => UnsupportedTarget
        ["sparcv9-sun-solaris"] ["docker or podman"]
        || failed(Case::new(Project::new("app")).cross.build("sparcv9-sun-solaris").run());
    a_program_that_needs_an_sdk => SdkMissing
        ["cargo build failed"] ["aarch64-apple-ios: programs and C code for it need", "xcrun --sdk iphoneos --show-sdk-path"] || {
            let case = Case::new(Project::new("app"));
            failed(case.cross.toolchain("host").build("aarch64-apple-ios").run())
        };
    a_program_that_needs_a_newer_macos => DeploymentTarget
        ["needs version 13.0", "11.0 was requested"] ["`-mmacosx-version-min`"] || {
            let case = Case::new(Project::new("app"));
            let cross = case.cross.env(case.env.set("MACOSX_DEPLOYMENT_TARGET", "11.0"));
            let build = cross.toolchain("host").build("aarch64-apple-darwin");
            failed(build.rustflags(["-Clink-arg=-mmacosx-version-min=13.0"]).run())
        };
    a_lock_of_a_newer_version => Lock
        ["Cross.lock", "it has version 99"] ["lock again with this version"]
        || Case::new(Project::new("app").file("Cross.lock", "version = 99\n")).error();
    an_archive_that_is_none => Archive
        ["`/etc/hostname` ends early, or is no archive"] ["export again"]
        || Case::new(Project::new("app")).cross.import("/etc/hostname").run().unwrap_err();
    a_batch_without_a_target => Request
        ["target"] ["name at least one target"]
        || {
            let project = Project::new("app");
            project.cross().batch([]).run().unwrap_err()
        };
    a_value_of_another_type => Config
        ["Cross.toml:2:", "array of strings"] ["docs/configuration.md"]
        || toml("[build]\npackages = 7\n").error();
    a_key_that_is_misspelt => Config
        ["tagets"] ["targets"]
        || toml("[build]\ntagets = [\"x\"]\n").error();
    two_keys_in_the_wrong_place => Config
        ["`passthrough`", "`volumes`"] ["`env.passthrough`; ", "`env.volumes`"]
        || toml("[build]\npassthrough = [\"A\"]\nvolumes = [\"B\"]\n").error();
    a_setting_that_looks_like_no_variable => Config
        ["`env.ssh_agent_passthrough`"] ["keys of `env`"]
        || toml("[build.env]\nssh_agent_passthrough = true\n").error();
    a_command_line_in_the_file => Config
        ["invalid TOML"] ["`key = value`"]
        || toml("[build]\ndocker run --rm \\\n").error();
    a_directory_without_a_project => Manifest
        ["Cargo.toml"] ["manifest_path"]
        || {
            let dir = tempfile::tempdir().unwrap();
            let cross = Cross::at(dir.path()).env(real_env());
            cross.build(TARGET).run().unwrap_err()
        };
    a_manifest_that_cannot_be_parsed => Manifest
        ["Cargo.toml"] ["cargo metadata"]
        || Case::new(Project::new("app").file("Cargo.toml", "[package]\nname = app\n")).error();
    an_environment_that_is_missing_offline => Offline
        ["environment"] ["prefetch"]
        || {
            let case = Case::new(Project::new("app")).own_cache();
            failed(case.cross.build(TARGET).offline(true).run())
        };
    an_argument_that_is_no_text => Path
        ["is not UTF-8"] ["file"]
        || {
            let argument = std::ffi::OsStr::from_bytes(b"caf\xe9").to_owned();
            failed(Case::new(Project::new("app")).cross.run(TARGET).arg(argument).run())
        };
    a_process_that_is_no_build_script => BuildScript
        ["build script"] ["build.rs"]
        || BuildScript::from_env(Env::default()).unwrap_err();
    a_build_script_within_a_build_script => Recursion
        ["build script"] ["is_nested"]
        || {
            let project = Project::new("app");
            let out = project.outer().join("out");
            let env = real_env()
                .set("CARGO_MANIFEST_DIR", project.path())
                .set("CARGO_PKG_NAME", "app")
                .set("OUT_DIR", out)
                .set("TARGET", "x86_64-unknown-linux-gnu")
                .set("HOST", "x86_64-unknown-linux-gnu")
                .set("NUM_JOBS", "1")
                .set("CARGO", cross_tests::tool::cargo())
                .set("CROSS_CORE_ACTIVE", "outer");
            BuildScript::from_env(env).unwrap().build(TARGET).run().unwrap_err()
        };
}

fn toml(text: &str) -> Case {
    Case::new(Project::new("app").cross_toml(text))
}
