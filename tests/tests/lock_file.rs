//! `Cargo.lock` is settled on the host, as cargo itself would, before the read-only sources are
//! compiled.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use cross_engine::process::Output;
use cross_tests::{Leftovers, Project, on_engines, shell};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A member that the manifest names and the lock file does not.
const WITH_MEMBER: &str = "\
[package]
name = \"app\"
version = \"0.1.0\"
edition = \"2021\"

[workspace]
members = [\"member\"]

[dependencies]
member = { path = \"member\" }
";

const MEMBER: &str = "[package]\nname = \"member\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

/// A project in a shell.
struct Shell {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
}

impl Shell {
    /// Creates a project whose lock file is complete, but not in the layout that cargo writes.
    fn new(engine: &'static str) -> Self {
        Shell::with(Project::new("app"), engine)
    }

    fn with(project: Project, engine: &'static str) -> Self {
        Shell {
            leftovers: Leftovers::of(&project),
            project,
            engine,
        }
    }

    /// Creates a project whose lock file lacks a member.
    fn outdated(engine: &'static str) -> Self {
        let project = Project::new("app")
            .file("Cargo.toml", WITH_MEMBER)
            .file("member/Cargo.toml", MEMBER)
            .file("member/src/lib.rs", "");
        Shell::with(project, engine)
    }

    fn lock_path(&self) -> PathBuf {
        self.project.path().join("Cargo.lock")
    }

    fn lock(&self) -> Option<String> {
        fs::read_to_string(self.lock_path()).ok()
    }

    /// Runs `line` in a shell where `cross` is the front door and `CROSS_BUILD_TARGET` is set.
    fn types(&self, line: &str) -> Output {
        let env = self.leftovers.env().set("CROSS_BUILD_TARGET", TARGET);
        let cross = [env!("CARGO_BIN_EXE_front-door"), self.engine];
        shell(&self.project, &env, cross, line)
    }

    #[track_caller]
    fn succeeds(&self, line: &str) {
        let output = self.types(line);
        assert!(output.exit.success(), "{line}: {}", output.stderr);
        self.leftovers.are_none();
    }

    #[track_caller]
    fn fails(&self, line: &str, reason: &str) {
        let output = self.types(line);
        assert!(!output.exit.success(), "{line}");
        assert!(output.stderr.contains(reason), "{line}: {}", output.stderr);
        self.leftovers.are_none();
    }

    /// What the host's cargo makes of the lock file.
    fn cargos(&self) -> String {
        let before = self.lock();
        self.succeeds("cargo fetch --quiet");
        let cargos = self.lock().unwrap();
        match before {
            Some(text) => fs::write(self.lock_path(), text).unwrap(),
            None => fs::remove_file(self.lock_path()).unwrap(),
        }
        cargos
    }
}

on_engines! {
    a_lock_file_in_another_layout_is_left_as_it_is
    a_missing_lock_file_is_what_cargo_writes
    an_outdated_lock_file_is_what_cargo_makes_of_it
}

fn a_lock_file_in_another_layout_is_left_as_it_is(engine: &'static str) {
    let shell = Shell::new(engine);
    let before = shell.lock();
    for line in [
        "cross build",
        "cross test",
        "cross run",
        "cross build --locked",
        "cross build --frozen",
        "cross build --offline",
    ] {
        shell.succeeds(line);
        assert_eq!(shell.lock(), before, "{line}");
    }
    let cross = shell.project.cross().env(shell.leftovers.env());
    cross.engine(engine).test(TARGET).run().unwrap();
    assert_eq!(shell.lock(), before);
}

fn a_missing_lock_file_is_what_cargo_writes(engine: &'static str) {
    let shell = Shell::new(engine);
    fs::remove_file(shell.lock_path()).unwrap();
    let expected = shell.cargos();
    for line in ["cross build", "cross build --offline"] {
        shell.succeeds(line);
        assert_eq!(shell.lock().as_deref(), Some(&*expected), "{line}");
        fs::remove_file(shell.lock_path()).unwrap();
    }
    let cross = shell.project.cross().env(shell.leftovers.env());
    cross.engine(engine).build(TARGET).run().unwrap();
    assert_eq!(shell.lock(), Some(expected));
}

fn an_outdated_lock_file_is_what_cargo_makes_of_it(engine: &'static str) {
    let shell = Shell::outdated(engine);
    let (outdated, expected) = (shell.lock(), shell.cargos());
    for line in ["cross build --locked", "cross build --frozen"] {
        shell.fails(line, "--locked");
        assert_eq!(shell.lock(), outdated, "{line}");
    }
    shell.succeeds("cross build");
    assert_eq!(shell.lock(), Some(expected));
    shell.succeeds("cross build --locked");
}

/// A plugin starts cargo without flags of its own.
#[test]
fn a_plugin_runs_with_a_settled_lock_file() {
    let shell = Shell::new("sandbox");
    let before = shell.lock();
    shell.succeeds("cross hack check");
    assert_eq!(shell.lock(), before);
    let shell = Shell::outdated("sandbox");
    let expected = shell.cargos();
    shell.succeeds("cross hack check");
    assert_eq!(shell.lock(), Some(expected));
}

/// Most plugins start a cargo that writes a lock file whose layout is not its own, as
/// `cargo metadata` does. It is laid out as plain cargo does it, and with `--locked` it is not.
#[test]
fn a_plugin_that_starts_cargo_unlocked_finds_the_layout_that_cargo_writes() {
    for shell in [Shell::new("sandbox"), Shell::outdated("sandbox")] {
        let bin = shell.project.outer().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let plugin = bin.join("cargo-bloat");
        let script = "#!/bin/sh\nset -e\ncargo metadata --format-version 1 >/dev/null\n\
            shift\ncargo build \"$@\"\n";
        fs::write(&plugin, script).unwrap();
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
        let line = |words: &str| format!("PATH={}:$PATH cross bloat {words}", bin.display());
        let (before, expected) = (shell.lock(), shell.cargos());
        assert_ne!(before.as_ref(), Some(&expected));
        shell.fails(&line("--locked"), "Cargo.lock");
        assert_eq!(shell.lock(), before);
        shell.succeeds(&line("--release"));
        assert_eq!(shell.lock(), Some(expected));
    }
}

/// The cargo of the environment is older than the host's, and so is the format that it writes.
#[test]
fn toolchains_of_other_ages_read_the_same_lock_file() {
    let shell = Shell::outdated("sandbox");
    let cross = shell.project.cross().env(shell.leftovers.env());
    let cross = cross.engine("sandbox");
    cross.build(TARGET).run().unwrap();
    let lock = shell.lock();
    for toolchain in ["host", "image"] {
        let cross = cross.clone().toolchain(toolchain);
        cross.build(TARGET).locked(true).run().unwrap();
        cross.build(TARGET).run().unwrap();
        assert_eq!(shell.lock(), lock, "{toolchain}");
    }
}

#[test]
fn a_virtual_workspace_has_its_lock_file_at_its_root() {
    let project = Project::new("app")
        .without("Cargo.lock")
        .file("Cargo.toml", "[workspace]\nmembers = [\"member\"]\n")
        .file("member/Cargo.toml", MEMBER)
        .file("member/src/main.rs", "fn main() {}\n");
    let shell = Shell::with(project, "sandbox");
    let expected = shell.cargos();
    shell.succeeds("cd member && cross run");
    assert_eq!(shell.lock(), Some(expected));
    assert!(!shell.project.path().join("member/Cargo.lock").exists());
}

#[test]
fn an_xtask_runs_with_a_settled_lock_file() {
    let alias = "[alias]\nxtask = \"run --quiet --package member --\"\n";
    let arguments = "fn main() { assert_eq!(std::env::args().nth(1).unwrap(), \"--locked\"); }\n";
    let shell = Shell::outdated("sandbox");
    fs::remove_file(shell.lock_path()).unwrap();
    for (path, text) in [
        (".cargo/config.toml", alias),
        ("member/src/main.rs", arguments),
    ] {
        let path = shell.project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let expected = shell.cargos();
    shell.succeeds("cross xtask --locked");
    assert_eq!(shell.lock(), Some(expected));
}
