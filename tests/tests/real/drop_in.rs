//! What a project that moves from `cross` has, and expects to keep its meaning.

use cross_tests::{Project, on_engines};

use super::TARGET;

on_engines! { @ encoded_rustflags_reach_the_compiler sandbox }

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
