//! The front door on real engines: a cargo command line works as with cargo itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use cross_engine::process::Output;
use cross_tests::{Leftovers, Project, on_engines, shell};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// A project with a shell in it.
struct Shell {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
}

impl Shell {
    fn new(engine: &'static str, main: &str) -> Self {
        let main = format!("fn main() {{ {main} }}\n#[test]\nfn passes() {{}}\n");
        let project = Project::new("app").file("src/main.rs", &main);
        Shell {
            leftovers: Leftovers::of(&project),
            project,
            engine,
        }
    }

    fn target(&self, path: &str) -> PathBuf {
        self.project.path().join("target").join(path)
    }

    /// Runs `line` in a shell where `cross` is the front door and `CROSS_BUILD_TARGET` is set.
    fn types(&self, line: &str) -> Output {
        let env = self.leftovers.env().set("CROSS_BUILD_TARGET", TARGET);
        let cross = [env!("CARGO_BIN_EXE_front-door"), self.engine];
        shell(&self.project, &env, cross, line)
    }

    /// Runs a line that must succeed, and returns its standard output.
    #[track_caller]
    fn prints(&self, line: &str) -> String {
        let said = self.types(line);
        assert!(said.exit.success(), "{}\n{}", said.exit, said.stderr);
        self.leftovers.are_none();
        said.stdout
    }
}

on_engines! {
    standard_input_reaches_the_program
    exit_codes_come_from_cargo_and_the_program
    standard_output_has_only_the_output_of_cargo
    artifacts_are_at_cargos_paths
    a_failing_test_is_reported_as_by_cargo
}

fn standard_input_reaches_the_program(engine: &'static str) {
    let main = "println!(\"read {}\", std::io::read_to_string(std::io::stdin()).unwrap().len());";
    let shell = Shell::new(engine, main);
    assert_eq!(shell.prints("printf 12345 | cross run --quiet"), "read 5\n");
    assert_eq!(shell.prints("cross run --quiet < /dev/null"), "read 0\n");
}

fn exit_codes_come_from_cargo_and_the_program(engine: &'static str) {
    let shell = Shell::new(
        engine,
        "std::process::exit(std::env::args().count() as i32);",
    );
    for (line, code) in [
        ("cross run -q -- a b", 3),
        ("cross build --no-such-flag", 1),
        ("cross build --bin missing", 101),
        ("cross check", 0),
    ] {
        assert_eq!(shell.types(line).exit.code, Some(code), "{line}");
    }
    let of_ours = shell.types("cross build --target no-such-target");
    assert_eq!(of_ours.exit.code, Some(125), "{}", of_ours.stderr);
    assert!(
        of_ours.stderr.contains("UnknownTarget"),
        "{}",
        of_ours.stderr
    );
    shell.leftovers.are_none();
}

fn standard_output_has_only_the_output_of_cargo(engine: &'static str) {
    let shell = Shell::new(engine, "");
    assert_eq!(shell.prints("cross build"), "");
    let json = shell.prints("cross build --message-format json");
    let reasons = json.lines().map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        message["reason"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        reasons.collect::<Vec<_>>(),
        ["compiler-artifact", "build-finished"]
    );
    let host = shell.prints("cross metadata --format-version 1 --no-deps");
    let metadata: serde_json::Value = serde_json::from_str(&host).unwrap();
    assert_eq!(metadata["packages"][0]["name"], "app");
}

fn artifacts_are_at_cargos_paths(engine: &'static str) {
    let shell = Shell::new(engine, "");
    shell.prints("cross build && cross build --release && cross doc --quiet");
    for made in ["debug/app", "release/app", "doc/app/index.html"] {
        assert!(shell.target(TARGET).join(made).is_file(), "{made}");
    }
    shell.prints("cross build --target-dir elsewhere");
    let elsewhere = shell.project.path().join("elsewhere").join(TARGET);
    assert!(elsewhere.join("debug/app").is_file());
    let inside = fs::read_dir(shell.target("cross")).unwrap().next().unwrap();
    let inside = inside.unwrap().path().join(TARGET);
    shell.prints(&format!("cross clean --package app --target {TARGET}"));
    for dir in [shell.target(TARGET), inside] {
        assert!(!dir.join("debug/app").exists(), "{}", dir.display());
    }
    shell.prints("cross clean");
    assert!(!shell.target("").exists());
}

fn a_failing_test_is_reported_as_by_cargo(engine: &'static str) {
    let shell = Shell::new(engine, "");
    let passed = shell.prints("cross test");
    assert!(passed.contains("test passes ... ok"), "{passed}");
    let main = shell.project.path().join("src/main.rs");
    fs::write(
        &main,
        "fn main() {}\n#[test]\nfn fails() { panic!(\"so it is\") }\n",
    )
    .unwrap();
    let failed = shell.types("cross test");
    assert_eq!(failed.exit.code, Some(101));
    assert!(failed.stdout.contains("so it is"), "{}", failed.stdout);
    shell.leftovers.are_none();
}

/// Each target is built, and aliases of the workspace are expanded.
#[test]
fn several_targets_and_aliases_work_as_in_cargo() {
    let shell = Shell::new("sandbox", "println!(\"{}\", std::env::consts::ARCH);");
    let project = &shell.project;
    fs::create_dir_all(project.path().join(".cargo")).unwrap();
    let config = "[alias]\nboth = \"build --target aarch64-unknown-linux-gnu --target x86_64-unknown-linux-gnu\"\n";
    fs::write(project.path().join(".cargo/config.toml"), config).unwrap();
    shell.prints("cross both");
    for target in [TARGET, "x86_64-unknown-linux-gnu"] {
        assert!(shell.target(target).join("debug/app").is_file(), "{target}");
    }
    let elsewhere = shell.prints(&format!(
        "cd / && cross -C '{}' run -q",
        project.path().display()
    ));
    assert_eq!(elsewhere, "aarch64\n");
    let manifest = project.path().join("Cargo.toml");
    let line = format!(
        "cd / && cross run -q --manifest-path '{}'",
        manifest.display()
    );
    assert_eq!(shell.prints(&line), "aarch64\n");
}

/// Tools that start `$CARGO` have a program in it, and no words before cargo's own.
#[test]
fn a_tool_that_knows_only_another_cargo_gets_the_front_door() {
    let shell = Shell::new("sandbox", "println!(\"{}\", std::env::consts::ARCH);");
    let program = shell.project.outer().join("cross");
    let front_door = env!("CARGO_BIN_EXE_front-door");
    let script = format!("#!/bin/sh\nexec '{front_door}' sandbox \"$@\"\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let rules = "CARGO ?= cargo\nshow:\n\t@$(CARGO) run --quiet\n\t@$(CARGO) --version\n";
    fs::write(shell.project.path().join("Makefile"), rules).unwrap();
    let said = shell.prints(&format!("CARGO='{}' make --silent", program.display()));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "aarch64", "{said}");
    assert!(lines[1].starts_with("cargo 1."), "{said}");
}
