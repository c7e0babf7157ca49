//! Which files are read, and which problems are reported.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::diagnostics::diagnostic::Severity;

fn workspace(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code.as_str())
        .collect()
}

#[test]
fn a_workspace_without_files_has_the_built_in_configuration() {
    let root = workspace(&[]);
    let loaded = Loader::new(root.path()).load().unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.files, [""; 0].map(PathBuf::from));
    assert_eq!(
        loaded
            .config
            .for_target("s390x-unknown-linux-gnu")
            .engine
            .unwrap()
            .value,
        "auto"
    );
}

#[test]
fn what_a_problem_means_is_the_callers_to_say() {
    let root = workspace(&[(
        "Cross.toml",
        "[build]\nsuite = 'b'\nnetwrok = 'none'\n[target.s390x-linux-gnu]\n",
    )]);
    let loader = || Loader::new(root.path());
    assert!(loader().load().is_err());
    let lenient = loader()
        .severity(DiagnosticCode::UnknownKey, Severity::Warning)
        .load()
        .unwrap();
    assert_eq!(codes(&lenient.warnings), ["unknown-key", "unknown-target"]);
    assert!(
        lenient
            .config
            .for_target("s390x-unknown-linux-gnu")
            .suite
            .is_some()
    );
    let strict = loader()
        .severity(DiagnosticCode::UnknownKey, Severity::Warning)
        .severity(DiagnosticCode::UnknownTarget, Severity::Error)
        .load();
    assert!(strict.unwrap_err().to_string().contains("[unknown-target]"));
}

#[test]
fn every_source_is_read_and_the_files_are_named() {
    let root = workspace(&[
        (
            "Cargo.toml",
            "[workspace.metadata.cross.build]\nsuite = 'a'\nnetwork = 'none'",
        ),
        ("Cross.toml", "build.suite = 'b'"),
    ]);
    let env = Env::new().set("CROSS_CONTAINER_ENGINE", "docker");
    let loaded = Loader::new(root.path())
        .env(&env)
        .embedder(Layer::embedder("app").packages(["a0"]))
        .request(Layer::request().toolchain("image"))
        .load()
        .unwrap();
    let target = loaded.config.for_target("s390x-unknown-linux-gnu");
    assert_eq!(
        target.suite.unwrap().origin.to_string(),
        format!("{}:1:15", root.path().join("Cross.toml").display())
    );
    assert_eq!(target.network.unwrap().value.as_str(), "none");
    assert_eq!(
        target.engine.unwrap().to_string(),
        "docker (CROSS_CONTAINER_ENGINE)"
    );
    assert_eq!(target.packages[0].to_string(), "a0 (embedder app)");
    assert_eq!(target.toolchain.unwrap().to_string(), "image (request)");
    assert_eq!(
        loaded.files,
        [
            root.path().join("Cargo.toml"),
            root.path().join("Cross.toml")
        ]
    );
}

/// In `cross`, the metadata of the first member that has any is read.
#[test]
fn only_the_package_that_is_built_is_read() {
    let root = workspace(&[
        (
            "Cargo.toml",
            "[workspace.metadata.cross.build]\nnetwork = 'none'\n[package.metadata.cross.build]\nsuite = 'root'",
        ),
        (
            "a/Cargo.toml",
            "[package.metadata.cross.build]\npackages = ['a0']\n[workspace.metadata.cross]\nbuild.network = 'host'",
        ),
        ("b/Cargo.toml", "not TOML"),
    ]);
    let of = |loader: Loader| {
        loader
            .load()
            .unwrap()
            .config
            .for_target("s390x-unknown-linux-gnu")
    };
    let member = of(Loader::new(root.path()).package_manifest(root.path().join("a/Cargo.toml")));
    assert_eq!(member.network.unwrap().value.as_str(), "none");
    assert_eq!(member.suite, None);
    assert_eq!(member.packages.len(), 1);
    let itself = of(Loader::new(root.path()).package_manifest(root.path().join("Cargo.toml")));
    assert_eq!(itself.suite.unwrap().value, "root");
}

/// In `cross`, a missing file is ignored.
#[test]
fn a_file_that_was_named_and_is_missing_is_an_error() {
    let root = workspace(&[("Cross.toml", "build.suite = 'b'")]);
    let env = Env::new().set(CROSS_CONFIG, "other.toml");
    let error = Loader::new(root.path()).env(&env).load().unwrap_err();
    let path = root.path().join("other.toml");
    assert_eq!(
        error.to_string(),
        format!(
            "CROSS_CONFIG: `{}` does not exist [missing-file]",
            path.display()
        )
    );
    assert_eq!(
        error.help(),
        Some("correct the path, or unset CROSS_CONFIG")
    );
    let error = Loader::new(root.path())
        .package_manifest(root.path().join("no/Cargo.toml"))
        .load()
        .unwrap_err();
    assert_eq!(codes(error.diagnostics()), ["missing-file"]);
}

#[test]
fn cross_config_replaces_cross_toml_and_is_relative_to_the_current_directory() {
    let root = workspace(&[
        ("Cross.toml", "build.suite = 'b'"),
        ("sub/other.toml", "build.network = 'none'"),
    ]);
    let env = Env::new().set(CROSS_CONFIG, "other.toml");
    let loaded = Loader::new(root.path())
        .env(&env)
        .current_dir(root.path().join("sub"))
        .load()
        .unwrap();
    let target = loaded.config.for_target("s390x-unknown-linux-gnu");
    assert_eq!((target.suite, target.network.is_some()), (None, true));
}

#[test]
fn lower_case_cross_toml_is_a_warning() {
    let root = workspace(&[("cross.toml", "build.suite = 'b'")]);
    let loaded = Loader::new(root.path()).load().unwrap();
    // Where case does not matter, the file is the one that is looked for.
    let suite = loaded.config.for_target("s390x-unknown-linux-gnu").suite;
    match root.path().join("Cross.toml").exists() {
        true => assert!(loaded.warnings.is_empty() && suite.is_some()),
        false => {
            assert_eq!(codes(&loaded.warnings), ["lower-case-file"]);
            assert_eq!(suite, None);
        }
    }
    // A named file makes the default name irrelevant.
    let named = Env::new().set(CROSS_CONFIG, "other.toml");
    let error = Loader::new(root.path()).env(&named).load().unwrap_err();
    assert_eq!(codes(error.diagnostics()), ["missing-file"]);
}

#[test]
fn a_file_that_cannot_be_read_is_reported_once() {
    let root = workspace(&[]);
    fs::create_dir(root.path().join("Cross.toml")).unwrap();
    fs::write(root.path().join("Cargo.toml"), [0xff]).unwrap();
    let error = Loader::new(root.path()).load().unwrap_err();
    assert_eq!(
        codes(error.diagnostics()),
        ["unreadable-file", "unreadable-file"]
    );
}

#[test]
fn problems_of_all_sources_come_at_once_with_the_warnings() {
    let root = workspace(&[
        ("Cargo.toml", "workspace.metadata.cross.bulid = 1"),
        (
            "Cross.toml",
            "[build]\nengine = 1\n[target.s390x-linux-gnu]\n",
        ),
    ]);
    let env = Env::new().set("CROSS_BUILD_NETWORK", "x");
    let layer = Layer::embedder("app").suite("-");
    let error = Loader::new(root.path())
        .env(&env)
        .embedder(layer)
        .load()
        .unwrap_err();
    assert_eq!(
        codes(error.diagnostics()),
        [
            "invalid-value",
            "unknown-key",
            "wrong-type",
            "unknown-target",
            "invalid-value"
        ]
    );
    assert_eq!(error.to_string().lines().count(), 4, "{error}");
    assert_eq!(error.diagnostics()[3].severity, Severity::Warning);
}

#[test]
fn relative_paths_are_relative_to_what_declares_them() {
    let root = workspace(&[
        (
            "Cross.toml",
            "build.toolchain = './rust/1.90'\nbuild.engine = 'docker'",
        ),
        (
            "elsewhere/c.toml",
            "build.toolchain = '../rust'\ntarget.s390x-unknown-linux-gnu.toolchain = '/abs/rust'",
        ),
    ]);
    let toolchain = |loader: Loader, triple: &str| {
        PathBuf::from(
            loader
                .load()
                .unwrap()
                .config
                .for_target(triple)
                .toolchain
                .unwrap()
                .value,
        )
    };
    let at = |path: &str| root.path().join(path);
    let loader = || Loader::new(root.path());
    assert_eq!(toolchain(loader(), "x"), at("rust/1.90"));
    let elsewhere = Env::new().set(CROSS_CONFIG, "elsewhere/c.toml");
    assert_eq!(
        toolchain(loader().env(&elsewhere), "x"),
        at("elsewhere/../rust")
    );
    assert_eq!(
        toolchain(loader().env(&elsewhere), "s390x-unknown-linux-gnu"),
        // On Windows, it is on the drive of the file that names it.
        at("/abs/rust")
    );
    let variable = Env::new().set("CROSS_BUILD_TOOLCHAIN", "tc/");
    assert_eq!(
        toolchain(loader().env(&variable).current_dir(at("sub")), "x"),
        at("sub/tc")
    );
    assert_eq!(
        toolchain(loader().request(Layer::request().toolchain("a/b")), "x"),
        at("a/b")
    );
    let engine = loader()
        .load()
        .unwrap()
        .config
        .for_target("x")
        .engine
        .unwrap();
    assert_eq!(engine.value, "docker");
}
