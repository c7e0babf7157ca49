use super::outer::tests::script;
use super::*;
use crate::ErrorKind;
use crate::cargo::outer::GUARD;

/// A build by a script with the variables of [`script`] and `more`, whose `OUT_DIR` is `out`.
fn build(out: &Path, more: &[(&str, &str)]) -> Build {
    let env = script().set("OUT_DIR", out);
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    let script = BuildScript::from_env(more.iter().fold(env, set)).unwrap();
    script
        .skip_when_checking(true)
        .build("thumbv7em-none-eabihf")
}

#[test]
fn an_inner_build_has_a_target_directory_of_its_own() {
    let out = Path::new("/w/target/debug/build/app-1/out");
    let build = build(out, &[("CARGO_TARGET_DIR", "/w/target")]);
    let dir = build.request.options.target_dir.as_ref().unwrap();
    assert!(dir.starts_with(out) && dir != out, "{}", dir.display());
    let env = build.request.cross.environment();
    assert_eq!(env.get("CARGO_TARGET_DIR"), None);
}

#[test]
fn a_nested_build_is_refused_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let nested = build(dir.path(), &[(GUARD, "outermost")]);
    assert!(nested.script.is_nested());
    assert_eq!(nested.run().unwrap_err().kind(), ErrorKind::Recursion);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let outermost = build(dir.path(), &[]);
    assert!(!outermost.script.is_nested());
    // A build script in its build knows that it is nested.
    let env = outermost.request.cross.environment();
    assert_eq!(env.get_str(GUARD), Some("app"));
}

#[test]
fn a_skipped_build_is_not_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let clippy = [("RUSTC_WORKSPACE_WRAPPER", "/r/bin/clippy-driver")];
    for (variables, why) in [
        (&[("DOCS_RS", "1")][..], Skipped::DocsRs),
        (&[("CROSS_SKIP_BUILD_SCRIPT", "1")], Skipped::Asked),
        (&[("RA_RUSTC_WRAPPER", "1")], Skipped::RustAnalyzer),
        (&clippy, Skipped::Clippy),
        // A nested build may be skipped.
        (
            &[("CROSS_SKIP_BUILD_SCRIPT", "1"), (GUARD, "x")],
            Skipped::Asked,
        ),
    ] {
        let built = build(dir.path(), variables).run().unwrap();
        assert_eq!(built.skipped(), Some(why));
        assert!(built.outcome.is_none() && built.embedded.is_empty());
        let lines = built.to_string();
        assert!(
            !lines.contains("rustc-env"),
            "no variable was named: {lines}"
        );
        assert!(lines.contains("cargo::rerun-if-env-changed=CROSS_SKIP_BUILD_SCRIPT\n"));
        assert!(lines.contains("cargo::rerun-if-env-changed=RA_RUSTC_WRAPPER\n"));
    }
}

#[test]
fn a_named_variable_has_a_stand_in_if_the_build_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let skipped = build(dir.path(), &[("DOCS_RS", "1")]).rustc_env("FIRMWARE");
    let built = skipped.run().unwrap();
    let path = built.path("FIRMWARE").unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"");
    let line = format!("cargo::rustc-env=FIRMWARE={}\n", path.display());
    assert!(built.to_string().contains(&line), "{built}");

    let given = dir.path().join("prebuilt");
    std::fs::write(&given, "x").unwrap();
    let built = skipped.stand_in(&given).run().unwrap();
    assert_eq!(built.path("FIRMWARE"), Some(given.as_path()));
    assert_eq!(built.path("OTHER"), None);
}

/// What is not there would otherwise be known from a variable that `env!` misses.
#[test]
fn a_skipped_build_without_its_project_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let skipped = build(dir.path(), &[("CROSS_SKIP_BUILD_SCRIPT", "1")]);
    let said = skipped.run().unwrap().to_string();
    let warning = said.lines().find(|it| it.starts_with("cargo::warning="));
    let warning = warning.unwrap_or_else(|| panic!("{said}"));
    assert!(warning.contains("no variable has a stand-in"), "{warning}");
    let named = skipped.rustc_env("FIRMWARE").run().unwrap().to_string();
    assert!(!named.contains("cargo::warning="), "{named}");
}

#[test]
fn the_webassembly_of_a_script_has_a_stand_in_too() {
    let dir = tempfile::tempdir().unwrap();
    let env = script().set("OUT_DIR", dir.path()).set("DOCS_RS", "1");
    let script = BuildScript::from_env(env).unwrap();
    let named = |target: &str| {
        let built = script.build(target).rustc_env("FW").run().unwrap();
        let variables = built.embedded.into_iter().map(|file| file.variable);
        variables.collect::<Vec<_>>()
    };
    assert_eq!(named("wasm32-unknown-emscripten"), ["FW", "FW_WASM"]);
    assert_eq!(named("wasm32-unknown-unknown"), ["FW"]);
}

#[test]
fn the_inner_build_has_the_flags_of_the_outer_one() {
    let command_line = ["cargo", "build", "--frozen"].map(str::to_owned);
    let outer = OuterBuild::from_env(script()).unwrap();
    let outer = outer.with_flags_of(&command_line);
    let build = BuildScript::new(outer).build("thumbv7em-none-eabihf");
    let options = &build.request.options;
    assert!(options.locked && options.offline);
}

#[test]
fn a_project_is_relative_to_the_package() {
    let script = BuildScript::from_env(script()).unwrap();
    assert_eq!(script.cross.dir(), Path::new("/w/app"));
    let script = script.project("../firmware");
    assert_eq!(script.cross.dir(), Path::new("/w/app/../firmware"));
}
