//! The cost of a build when nothing or one line has changed: by the library, by the same command
//! entered by hand, and by cargo on the host.
//!
//! ```sh
//! cargo bench --package cross-tests --bench noop            # all engines that answer
//! cargo bench --package cross-tests --bench noop -- docker  # only this one
//! ```
//!
//! The time of the library includes the start and the end of a process. Another column has the time
//! within a running process.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cross, Plan, engine::Invocation};
use cross_tests::measure::{
    Error, Times, Variant, alternate, command, finish, head, milliseconds, now, row, words,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ROUNDS: usize = 21;
const EDITS: usize = 11;

fn main() -> Result<(), Error> {
    let words = words();
    // The measured child: one build through the library.
    if let [child, dir, engine] = &words[..] {
        if child == "--build" {
            cross(Path::new(dir), engine).build(TARGET).run()?;
            return Ok(());
        }
    }
    println!(
        "Nothing to build, a crate without dependencies, medians of {ROUNDS} alternating rounds, ms:\n"
    );
    println!(
        "{}",
        head(&[
            "engine",
            "host cargo",
            "by hand",
            "library",
            "library, in the caller's process",
            "of which plan",
            "library / by hand",
            "in the caller's process / by hand",
            "library / host cargo",
        ])
    );
    let engines = ["sandbox", "docker", "podman", "host"];
    let asked = |engine: &&str| words.is_empty() || words.iter().any(|word| word == engine);
    let projects: Vec<_> = engines
        .into_iter()
        .filter(asked)
        .map(|engine| Ok((engine, Tiny::new()?)))
        .collect::<Result<_, Error>>()?;
    for (engine, project) in &projects {
        no_op(project, engine)?;
    }
    println!("\nOne line edited, medians of {EDITS} alternating rounds, ms:\n");
    println!(
        "{}",
        head(&["engine", "host cargo", "library", "library / host cargo"])
    );
    for (engine, project) in &projects {
        edited(project, engine)?;
    }
    Ok(())
}

fn cross(dir: &Path, engine: &str) -> Cross {
    Cross::at(dir).engine(engine).toolchain("host")
}

/// A crate without dependencies in a temporary directory.
struct Tiny(tempfile::TempDir);

impl Tiny {
    fn new() -> Result<Self, Error> {
        let dir = tempfile::tempdir()?;
        let manifest =
            "[package]\nname = \"noop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
        fs::create_dir(dir.path().join("src"))?;
        fs::write(dir.path().join("Cargo.toml"), manifest)?;
        let tiny = Tiny(dir);
        tiny.edit(0)?;
        Ok(tiny)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn edit(&self, number: usize) -> Result<(), Error> {
        let text = format!("fn main() {{\n    println!(\"{{}}\", {number});\n}}\n");
        Ok(fs::write(self.path().join("src/main.rs"), text)?)
    }
}

fn no_op(project: &Tiny, engine: &str) -> Result<(), Error> {
    let dir = project.path();
    let request = cross(dir, engine).build(TARGET);
    request.run()?;
    let plan = request.plan()?;
    let hand = by_hand(&plan)?;
    let times = alternate(
        1,
        ROUNDS,
        vec![
            Variant::new("host cargo", host_cargo(dir, &plan)?),
            Variant::new("by hand", || finish(to_command(&hand))),
            Variant::new("library", library(dir, engine)?),
            Variant::new("in process", || {
                Ok(cross(dir, engine).build(TARGET).run().map(drop)?)
            }),
            Variant::new("plan", || {
                Ok(cross(dir, engine).build(TARGET).plan().map(drop)?)
            }),
        ],
    )?;
    let [host, hand, library, inside, plan] = &times[..] else {
        return Err("five variants".into());
    };
    let cells = [host, hand, library, inside, plan].map(milliseconds);
    let ratios = [
        ratio(library, hand),
        ratio(inside, hand),
        ratio(library, host),
    ];
    println!(
        "{}",
        row([engine.to_owned()].into_iter().chain(cells).chain(ratios))
    );
    Ok(())
}

fn edited(project: &Tiny, engine: &str) -> Result<(), Error> {
    let dir = project.path();
    let plan = cross(dir, engine).build(TARGET).plan()?;
    let (mut host, mut library) = (host_cargo(dir, &plan)?, library(dir, engine)?);
    let mut number = 0;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..=EDITS {
        number += 1;
        project.edit(number)?;
        let variants: [&mut dyn FnMut() -> Result<(), Error>; 2] = [&mut host, &mut library];
        for (variant, times) in variants.into_iter().zip(&mut times) {
            let start = now();
            variant()?;
            times.push(start.elapsed());
        }
    }
    let [host, library] = times.map(|times| Times::of("", times.into_iter().skip(1)));
    let cells = [&host, &library].map(milliseconds);
    let ratios = [ratio(&library, &host)];
    println!(
        "{}",
        row([engine.to_owned()].into_iter().chain(cells).chain(ratios))
    );
    Ok(())
}

fn ratio(of: &Times, to: &Times) -> String {
    format!("{:.2}", of.median() / to.median())
}

/// Returns a call of cargo on the host, without rustup's proxy and with its own target directory.
fn host_cargo(dir: &Path, plan: &Plan) -> Result<impl FnMut() -> Result<(), Error> + use<>, Error> {
    let sysroot = plan
        .toolchain
        .sysroot()
        .ok_or("the host's toolchain is measured")?;
    let (cargo, rustc): (PathBuf, PathBuf) = (sysroot.join("bin/cargo"), sysroot.join("bin/rustc"));
    let dir = dir.to_owned();
    Ok(move || {
        let mut command = command(&cargo);
        command
            .args(["build", "--quiet", "--target", TARGET])
            .env("RUSTC", &rustc)
            .env("CARGO_TARGET_DIR", dir.join("host-target"))
            .current_dir(&dir);
        finish(command)
    })
}

/// Returns the plan's compile step with its mounts and without the other parts of the library: what
/// a user would type for the fastest start.
fn by_hand(plan: &Plan) -> Result<Invocation, Error> {
    let mut compile = plan.commands().last().ok_or("the plan compiles")?.clone();
    let mut lean = Vec::new();
    let mut args = compile.args.iter().peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--interactive" => {}
            "--label" | "--security-opt" | "--name" => drop(args.next()),
            // The lifeline: `sh -c SCRIPT cross`, then the command.
            "sh" if args.peek().is_some_and(|next| *next == "-c") => drop(args.nth(2)),
            _ => lean.push(arg.clone()),
        }
    }
    compile.args = lean;
    Ok(compile)
}

fn library(dir: &Path, engine: &str) -> Result<impl FnMut() -> Result<(), Error> + use<>, Error> {
    let me = std::env::current_exe()?;
    let (dir, engine) = (dir.to_owned(), engine.to_owned());
    Ok(move || {
        let mut command = command(&me);
        command.arg("--build").arg(&dir).arg(&engine);
        finish(command)
    })
}

fn to_command(invocation: &Invocation) -> std::process::Command {
    let caller = cross_tests::ambient::variables().collect();
    cross_engine::process::command(invocation, &caller)
}
