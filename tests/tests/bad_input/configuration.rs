//! Configuration, manifests and dependencies that cannot be read or fetched.

use cross_core::ErrorKind;
use cross_tests::Project;

use crate::{Case, Fails as _, TARGET, fails, says};

fn configured(cross_toml: &str) -> Case {
    Case::of(Project::new("app").cross_toml(cross_toml), "sandbox")
}

#[test]
fn cross_toml_with_a_syntax_error() {
    let error = configured("[build]\nnetwork = = \"none\"\n").build_fails(ErrorKind::Config);
    says(&error.to_string(), &["app/Cross.toml:2:11", "syntax"]);
}

#[test]
fn cross_toml_with_a_wrong_type() {
    let error = configured("[build]\n\npackages = 7\n").build_fails(ErrorKind::Config);
    says(
        &error.to_string(),
        &["app/Cross.toml:3:12", "packages", "wrong-type"],
    );
}

#[test]
fn cross_toml_with_an_unknown_key() {
    let error = configured("[build]\nnetwork = \"none\"\nnetwrok = \"none\"\n")
        .build_fails(ErrorKind::Config);
    says(
        &error.to_string(),
        &["app/Cross.toml:3:1", "`netwrok`", "unknown-key"],
    );
    says(error.help().unwrap(), &["did you mean `network`?"]);
}

#[test]
fn several_problems_are_reported_at_once() {
    let error =
        configured("[build]\npackages = 7\nnetwork = \"some\"\n").build_fails(ErrorKind::Config);
    says(&error.to_string(), &["Cross.toml:2:12", "Cross.toml:3:11"]);
}

#[test]
fn manifest_missing() {
    let project = Project::new("app")
        .without("Cargo.toml")
        .without("Cargo.lock");
    let error = Case::of(project, "sandbox").build_fails(ErrorKind::Manifest);
    says(&error.to_string(), &["Cargo.toml", "cross-test-"]);
    says(error.help().unwrap(), &["manifest_path"]);
}

#[test]
fn manifest_named_but_missing() {
    let case = Case::of(Project::new("app"), "sandbox");
    let elsewhere = case.cross.clone().manifest_path("nowhere/Cargo.toml");
    let error = fails(ErrorKind::Manifest, elsewhere.build(TARGET).run());
    says(&error.to_string(), &["nowhere/Cargo.toml"]);
    case.leftovers.are_none();
}

#[test]
fn directory_missing() {
    let case = Case::of(Project::new("app"), "sandbox");
    let gone = cross_core::Cross::at(case.project.path().join("gone")).env(case.leftovers.env());
    let error = fails(ErrorKind::Manifest, gone.build(TARGET).run());
    says(&error.to_string(), &["app/gone", "does not exist"]);
}

#[test]
fn manifest_broken() {
    let project = Project::new("app").file("Cargo.toml", "[package]\nname = app\n");
    let error = Case::of(project, "sandbox").build_fails(ErrorKind::Manifest);
    says(&error.to_string(), &["Cargo.toml", "2"]);
}

/// The registry has an address where nothing listens, on any network.
#[test]
fn dependency_not_fetchable() {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [dependencies]\nmissing = { git = \"https://127.0.0.1:9/missing.git\" }\n";
    let project = Project::new("app").file("Cargo.toml", manifest);
    let error = Case::of(project, "sandbox").build_fails(ErrorKind::Fetch);
    says(
        &error.to_string(),
        &["cargo", "https://127.0.0.1:9/missing.git"],
    );
    says(error.help().unwrap(), &["cargo fetch"]);
}

/// `--locked` applies: the lock file does not change.
#[test]
fn lock_file_that_would_have_to_change() {
    let project = Project::new("app").without("Cargo.lock");
    let case = Case::of(project, "sandbox");
    let error = fails(
        ErrorKind::Fetch,
        case.cross.build(TARGET).locked(true).run(),
    );
    says(&error.to_string(), &["--locked"]);
    assert!(!case.project.path().join("Cargo.lock").exists());
    case.leftovers.are_none();
}
