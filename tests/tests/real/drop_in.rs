//! What a project that moves from `cross` has, and expects to keep its meaning.

use cross_core::ErrorKind;
use cross_tests::{Leftovers, Project, on_engines};

use super::TARGET;

on_engines! { @ encoded_rustflags_reach_the_compiler sandbox }
on_engines! { @ pre_build_finds_the_programs_of_the_images_of_cross sandbox docker }
on_engines! { @ a_program_that_pre_build_lacks_is_named_with_its_package sandbox docker }

/// Prints the flags with which it was compiled.
const FLAGS: &str =
    "fn main() {\n    println!(\"{} {}\", cfg!(answer = \"a b\"), cfg!(of_request));\n}\n";

/// Only the encoded form can hold a flag with a space.
fn encoded_rustflags_reach_the_compiler(engine: &'static str) {
    let project = Project::new("app").file("src/main.rs", FLAGS);
    let env = cross_tests::real_env()
        .set("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}answer=\"a b\"")
        .set("RUSTFLAGS", "--cfg ignored");
    let cross = project.cross().env(env).engine(engine);
    let ran = cross.run(TARGET).capture(true).run().unwrap();
    assert_eq!(ran.stdout.as_deref(), Some("true false\n"));
    let request = cross.run(TARGET).rustflags(["--cfg", "of_request"]);
    let ran = request.capture(true).run().unwrap();
    assert_eq!(ran.stdout.as_deref(), Some("true true\n"));
}

/// Each of them is called by the `pre-build` of a real project.
fn pre_build_finds_the_programs_of_the_images_of_cross(engine: &'static str) {
    let programs = [
        "curl",
        "git",
        "file",
        "autoconf",
        "automake",
        "libtoolize",
        "make",
        "pkg-config",
        "wget",
        "xz",
    ];
    let mut lines: Vec<_> = programs
        .map(|program| format!("{program} --version"))
        .into();
    lines.push("unzip -v".to_owned());
    let project = Project::new("app").cross_toml(&format!("[build]\npre-build = {lines:?}\n"));
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let ran = cross.exec(TARGET, ["git", "--version"]).run().unwrap();
    cross
        .remove_environment(engine, &ran.environment.name)
        .unwrap();
}

fn a_program_that_pre_build_lacks_is_named_with_its_package(engine: &'static str) {
    let project = Project::new("app").cross_toml("[build]\npre-build = [\"yasm --version\"]\n");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let error = cross.exec(TARGET, ["true"]).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommandFailed, "{error}");
    let help = error.help().unwrap_or_default();
    assert!(help.contains("`packages = [\"yasm:native\"]`"), "{help}");
}
