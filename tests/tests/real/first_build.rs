//! A first build on an empty machine is like the second.

use std::fs;
use std::os::unix::fs::symlink;

use cross_core::{Artifact, Cross};
use cross_tests::{NATIVE, Project, on_engines, real_env};

use super::TARGET;

on_engines! { @ a_patch_of_the_manifest_is_seen_by_the_first_build sandbox docker }
on_engines! { @ a_patch_of_cargos_configuration_is_seen_by_the_first_build sandbox docker }
on_engines! { @ members_outside_of_the_root_are_seen_by_the_first_build sandbox }
on_engines! { @ sources_of_cargos_configuration_are_seen_by_the_first_build sandbox docker }
on_engines! { @ programs_and_tests_that_are_added_are_seen_by_the_next_run sandbox }
on_engines! { @ a_lock_file_that_is_a_link_is_written_and_seen_by_the_first_build sandbox docker }
on_engines! { @ an_override_of_cargos_configuration_is_seen_by_the_first_build sandbox }

/// A project that uses `itoa` of the registry. Nothing is locked, and nothing is fetched.
fn with_itoa(manifest: &str) -> Project {
    let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n\
                   [dependencies]\nitoa = \"1\"\n";
    let main = "fn main() { assert_eq!(itoa::seven(), 7) }\n\n#[test]\nfn seven() { main() }\n";
    Project::new("app")
        .file("Cargo.toml", &format!("{package}\n{manifest}"))
        .file("src/main.rs", main)
        .without("Cargo.lock")
}

/// Adds the package `itoa` in the directory `dir`.
fn itoa(project: Project, dir: &str) -> Project {
    let manifest = "[package]\nname = \"itoa\"\nversion = \"1.0.99\"\nedition = \"2021\"\n";
    project.file(&format!("{dir}/Cargo.toml"), manifest).file(
        &format!("{dir}/src/lib.rs"),
        "pub fn seven() -> u32 { 7 }\n",
    )
}

/// Adds the package `seven` beside the project.
fn seven(project: Project) -> Project {
    let manifest = "[package]\nname = \"seven\"\nversion = \"0.1.0\"\n";
    project
        .file("../seven/Cargo.toml", manifest)
        .file("../seven/src/lib.rs", "pub fn seven() -> u32 { 7 }\n")
}

/// A registry in a directory, with `itoa` if it `has_itoa`, as `[source]` tables.
fn registry(project: Project, dir: &str, has_itoa: bool) -> Project {
    if !has_itoa {
        fs::create_dir_all(project.path().join(dir)).unwrap();
        return project;
    }
    let sum = r#"{"files":{},"package":null}"#;
    itoa(project, &format!("{dir}/itoa")).file(&format!("{dir}/itoa/.cargo-checksum.json"), sum)
}

fn replaced(dir: &str) -> String {
    format!(
        "[source.crates-io]\nreplace-with = \"local\"\n\n[source.local]\ndirectory = \"{dir}\"\n"
    )
}

/// A machine whose cargo home is empty.
fn empty_machine(project: &Project, engine: &str) -> Cross {
    let home = project.outer().join("cargo-home");
    let env = real_env().set("CARGO_HOME", &home);
    project.cross().env(env).engine(engine)
}

#[track_caller]
fn passes_at_once_and_again(cross: &Cross) {
    for round in ["first", "second"] {
        let ran = cross.test(TARGET).run();
        let ran = ran.unwrap_or_else(|error| panic!("{round}: {error:?}"));
        assert_eq!(ran.tests.unwrap().passed, 1);
    }
}

fn a_patch_of_the_manifest_is_seen_by_the_first_build(engine: &'static str) {
    // A patch may itself have dependencies by path, and be a link.
    let project = with_itoa("[patch.crates-io]\nitoa = { path = \"../lib\" }\n");
    let project = seven(itoa(project, "../real/itoa"))
        .file(
            "../real/itoa/Cargo.toml",
            "[package]\nname = \"itoa\"\nversion = \"1.0.99\"\nedition = \"2021\"\n\n\
             [dependencies]\nseven = { path = \"../seven\" }\n",
        )
        .file("../real/itoa/src/lib.rs", "pub use seven::seven;\n");
    symlink("real/itoa", project.outer().join("lib")).unwrap();
    let project = registry(project, "none", false).file(".cargo/config.toml", &replaced("none"));
    passes_at_once_and_again(&empty_machine(&project, engine));
}

fn a_patch_of_cargos_configuration_is_seen_by_the_first_build(engine: &'static str) {
    let patch = "[patch.crates-io]\nitoa = { path = \"../lib\" }\n\n";
    let project = itoa(with_itoa(""), "../lib");
    let project = registry(project, "none", false).file(
        ".cargo/config.toml",
        &(patch.to_owned() + &replaced("none")),
    );
    passes_at_once_and_again(&empty_machine(&project, engine));
}

fn members_outside_of_the_root_are_seen_by_the_first_build(engine: &'static str) {
    let project = with_itoa(
        "[workspace]\nmembers = [\"../beside/member\"]\n\n\
         [patch.\"https://github.com/rust-lang/crates.io-index\"]\nitoa = { path = \"vendored/itoa\" }\n",
    );
    let manifest = "[package]\nname = \"itoa\"\nversion = \"1.0.99\"\nedition = \"2021\"\n\n\
                    [target.'cfg(unix)'.dependencies]\nseven = { path = \"../../../seven\" }\n";
    let project = seven(itoa(project, "vendored/itoa"))
        .file("vendored/itoa/Cargo.toml", manifest)
        .file("vendored/itoa/src/lib.rs", "pub use seven::seven;\n")
        .file(
            "../beside/member/Cargo.toml",
            "[package]\nname = \"member\"\nversion = \"0.1.0\"\nworkspace = \"../../app\"\n",
        )
        .file("../beside/member/src/lib.rs", "");
    let project = registry(project, "none", false).file(".cargo/config.toml", &replaced("none"));
    passes_at_once_and_again(&empty_machine(&project, engine));
}

fn sources_of_cargos_configuration_are_seen_by_the_first_build(engine: &'static str) {
    for (dir, link) in [("../vendor", None), ("vendor", Some("../elsewhere"))] {
        let project = registry(with_itoa(""), link.unwrap_or(dir), true);
        if let Some(to) = link {
            symlink(to, project.path().join(dir)).unwrap();
        }
        let project = project.file(".cargo/config.toml", &replaced(dir));
        passes_at_once_and_again(&empty_machine(&project, engine));
    }
}

fn an_override_of_cargos_configuration_is_seen_by_the_first_build(engine: &'static str) {
    let project = itoa(registry(with_itoa(""), "vendor", true), "../mine/itoa");
    let text = format!("paths = [\"../mine/itoa\"]\n\n{}", replaced("vendor"));
    let project = project.file(".cargo/config.toml", &text);
    passes_at_once_and_again(&empty_machine(&project, engine));
}

/// The link leads to a file that is still to be written.
fn a_lock_file_that_is_a_link_is_written_and_seen_by_the_first_build(engine: &'static str) {
    let project = itoa(
        with_itoa("[patch.crates-io]\nitoa = { path = \"lib\" }\n"),
        "lib",
    );
    let project = registry(project, "none", false).file(".cargo/config.toml", &replaced("none"));
    symlink("../locks.toml", project.path().join("Cargo.lock")).unwrap();
    passes_at_once_and_again(&empty_machine(&project, engine));
    let written = fs::read_to_string(project.outer().join("locks.toml")).unwrap();
    assert!(written.contains("itoa"), "{written}");
}

/// Cargo finds them by their place, so that no manifest changes.
fn programs_and_tests_that_are_added_are_seen_by_the_next_run(engine: &'static str) {
    let project = Project::new("app").file("src/main.rs", "fn main() {}\n");
    let cross = project.cross().engine(engine);
    let made = |cross: &Cross| {
        let outcome = cross.build(NATIVE).run();
        let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}"));
        let names = outcome.artifacts.into_iter().map(|artifact| artifact.name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(made(&cross), ["app"]);
    let project = project
        .file("src/bin/one.rs", "fn main() {}\n")
        .file("src/bin/two/main.rs", "fn main() {}\n");
    assert_eq!(made(&cross), ["app", "one", "two"]);
    let dir = project.path().join("src/bin/three");
    fs::create_dir_all(&dir).unwrap();
    assert_eq!(made(&cross), ["app", "one", "two"]);
    let project = project
        .file("src/bin/three/main.rs", "fn main() {}\n")
        .file("tests/it.rs", "#[test]\nfn passes() {}\n");
    assert_eq!(made(&cross), ["app", "one", "three", "two"]);
    let tested = cross.test(NATIVE).run();
    let tested = tested.unwrap_or_else(|error| panic!("{error:?}"));
    let is_it = |artifact: &Artifact| artifact.name == "it";
    assert!(tested.artifacts.iter().any(is_it), "{:?}", tested.artifacts);
    fs::remove_file(project.path().join("src/bin/one.rs")).unwrap();
    assert_eq!(made(&cross), ["app", "three", "two"]);
}
