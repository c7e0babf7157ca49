//! What an environment costs from nothing: seconds and size, per target and engine.
//!
//! ```sh
//! cargo bench --package cross-tests --bench environments                          # aarch64, sandbox
//! cargo bench --package cross-tests --bench environments -- docker s390x-unknown-linux-gnu
//! cargo bench --package cross-tests --bench environments -- sandbox all image     # all seven, with Rust
//! ```
//!
//! The words may come in any order: an engine, `host` or `image` for the toolchain, targets or
//! `all`. The sandbox's environments are made in a directory of their own and removed; an image of
//! the same recipe is removed first and kept after.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::Instant;

use cross_core::{Cancel, Cross, Support, Target};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let pick = |choices: &[&str], usual: &str| {
        let named = words.iter().find(|word| choices.contains(&word.as_str()));
        named.cloned().unwrap_or_else(|| usual.to_owned())
    };
    let engine = pick(&["sandbox", "docker", "podman"], "sandbox");
    let toolchain = pick(&["host", "image"], "host");
    let proven = |target: &Target| matches!(target.facts().support, Support::Recipe);
    let targets: Vec<Target> = if words.iter().any(|word| word == "all") {
        Target::all()
            .filter(|t| proven(t) && t.glibc().is_none())
            .collect()
    } else {
        let named: Vec<_> = words
            .iter()
            .filter_map(|word| Target::parse(word).ok())
            .collect();
        if named.is_empty() {
            vec![Target::parse("aarch64-unknown-linux-gnu")?]
        } else {
            named
        }
    };
    println!("environments from nothing, engine {engine}, toolchain {toolchain}\n");
    println!("| target | seconds | size |\n|---|---|---|");
    for target in targets {
        measure(&engine, &toolchain, target)?;
    }
    Ok(())
}

fn measure(engine: &str, toolchain: &str, target: Target) -> Result<(), Error> {
    let project = tempfile::tempdir()?;
    std::fs::create_dir(project.path().join("src"))?;
    std::fs::write(project.path().join("src/main.rs"), "fn main() {}\n")?;
    let manifest = "[package]\nname = \"nothing\"\nedition = \"2021\"\n[workspace]\n";
    std::fs::write(project.path().join("Cargo.toml"), manifest)?;
    let cross = Cross::at(project.path())
        .cache_dir(project.path().join("cache"))
        .engine(engine)
        .toolchain(toolchain);
    let request = cross.build(target.triple());
    let name = request.plan()?.environment.name;
    cross.remove_environment(engine, &name)?;
    let start = now();
    request.plan()?.only_environment().execute(&Cancel::new())?;
    let seconds = start.elapsed().as_secs_f64();
    let all = cross.environments(engine)?;
    let size = all
        .iter()
        .find(|it| it.name == name)
        .map(|it| it.size.clone());
    println!("| {target} | {seconds:.1} | {} |", size.unwrap_or_default());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}
