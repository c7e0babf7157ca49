//! The examples of the lower crates, run as their documentation says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use cross_engine::Invocation;
use cross_engine::process::Output;
use cross_tests::{Project, engines, tool};

/// Runs the example of a crate in the directory of `project`.
fn example(krate: &str, name: &str, args: &[&str], project: &Project) -> Output {
    let manifest = tool::repository().join("Cargo.toml");
    let cargo = Invocation::new(tool::cargo())
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(manifest.to_str().unwrap())
        .args(["--package", krate, "--example", name, "--"])
        .args(args.iter().copied())
        .cwd(project.path());
    tool::output(&cargo)
}

#[test]
fn cross_targets_describes_a_target() {
    let here = Project::new("app");
    let one = example(
        "cross-targets",
        "targets",
        &["mips-unknown-linux-gnu"],
        &here,
    );
    assert!(one.stdout.contains("gcc-mips-linux-gnu"), "{one:?}");
    let all = example("cross-targets", "targets", &[], &here);
    assert_eq!(
        all.stdout.lines().count(),
        cross_targets::Target::all().count()
    );
    let none = example("cross-targets", "targets", &["aarch64-linux-gnu"], &here);
    assert_eq!(none.exit.code, Some(1));
    assert!(none.stderr.contains("aarch64-linux-gnu"), "{}", none.stderr);
}

#[test]
fn cross_config_explains_a_project() {
    let project = Project::new("app").cross_toml("[build]\nsuite = \"trixie\"\n");
    let said = example("cross-config", "explain", &["."], &project);
    assert!(said.stdout.contains("build.suite = trixie  # "), "{said:?}");
    assert!(said.stdout.contains("Cross.toml:2:9"), "{said:?}");
}

#[test]
fn cross_engine_runs_a_command_in_a_sandbox() {
    engines::need("sandbox");
    let project = Project::new("app");
    let script = "cat Cargo.toml; ls /sys/class/net 2>&1; exit 3";
    let said = example(
        "cross-engine",
        "run",
        &["sandbox", "/", "sh", "-c", script],
        &project,
    );
    assert_eq!(said.exit.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("name = \"app\""), "{said:?}");
}
