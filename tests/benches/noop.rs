//! What a build costs when there is nothing to build: through the library, beside the same command
//! entered by hand, beside host cargo called directly. Ratios of medians, all in one run.
//!
//! ```sh
//! cargo bench --package cross-tests --bench noop            # all engines that answer
//! cargo bench --package cross-tests --bench noop -- docker  # only this one
//! ```
//!
//! The library is measured as a user pays for it: a process of its own that starts, plans, builds
//! and ends.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cross_core::{Cross, Invocation, Plan};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ROUNDS: usize = 15;

type Error = Box<dyn std::error::Error>;
/// One way to build.
type Way = Box<dyn Fn() -> Result<(), Error>>;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    // The measured child: one build through the library.
    if let [child, dir, engine] = &args[..] {
        if child == "--build" {
            Cross::at(dir)
                .engine(engine)
                .toolchain("host")
                .build(TARGET)
                .run()?;
            return Ok(());
        }
    }
    let dir = tempfile::tempdir()?;
    write_crate(dir.path())?;
    println!(
        "no-op build of a crate without dependencies, medians of {ROUNDS} alternating rounds\n"
    );
    println!(
        "| engine | host cargo ms | by hand ms | library ms | library / by hand | library / host cargo |"
    );
    println!("|---|---|---|---|---|---|");
    for engine in ["sandbox", "docker", "podman"] {
        if args.is_empty() || args.iter().any(|name| name == engine) {
            measure(dir.path(), engine)?;
        }
    }
    Ok(())
}

fn write_crate(dir: &Path) -> Result<(), Error> {
    fs::create_dir(dir.join("src"))?;
    fs::write(dir.join("src/main.rs"), "fn main() {}\n")?;
    fs::write(
        dir.join("Cargo.toml"),
        "[package]\nname = \"noop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    Ok(())
}

fn measure(dir: &Path, engine: &str) -> Result<(), Error> {
    let request = Cross::at(dir)
        .engine(engine)
        .toolchain("host")
        .build(TARGET);
    if let Err(error) = request.run() {
        println!("| {engine} | cannot be measured: {error} | | | | |");
        return Ok(());
    }
    let plan = request.plan()?;
    let mut ways: [(Way, Vec<Duration>); 3] = [
        (Box::new(host_cargo(dir, &plan)?), Vec::new()),
        (Box::new(by_hand(&plan)?), Vec::new()),
        (Box::new(library(dir, engine)?), Vec::new()),
    ];
    for round in 0..=ROUNDS {
        for (way, times) in &mut ways {
            let start = now();
            way()?;
            // The first round warms the caches.
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    let [host, hand, library] = ways.map(|(_, times)| median(times));
    println!(
        "| {engine} | {host:.0} | {hand:.0} | {library:.0} | {:.2} | {:.2} |",
        library / hand,
        library / host
    );
    Ok(())
}

/// Host cargo, called without rustup's proxy, with a target directory of its own.
fn host_cargo(dir: &Path, plan: &Plan) -> Result<impl Fn() -> Result<(), Error> + use<>, Error> {
    let sysroot = plan
        .toolchain
        .sysroot()
        .ok_or("the host's toolchain is measured")?;
    let (cargo, rustc) = (sysroot.join("bin/cargo"), sysroot.join("bin/rustc"));
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

/// The plan's compile step with the same mounts, without everything else that is ours: what somebody
/// would type who wants the fastest start.
fn by_hand(plan: &Plan) -> Result<impl Fn() -> Result<(), Error> + use<>, Error> {
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
    Ok(move || finish(to_command(&compile)))
}

fn library(dir: &Path, engine: &str) -> Result<impl Fn() -> Result<(), Error> + use<>, Error> {
    let me = std::env::current_exe()?;
    let (dir, engine) = (dir.to_owned(), engine.to_owned());
    Ok(move || {
        let mut command = command(&me);
        command.arg("--build").arg(&dir).arg(&engine);
        finish(command)
    })
}

fn to_command(invocation: &Invocation) -> Command {
    let caller = caller();
    cross_engine::process::command(invocation, &caller)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is a program")]
fn caller() -> cross_engine::Variables {
    std::env::vars_os().collect()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is a program")]
fn command(program: &Path) -> Command {
    Command::new(program)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn finish(mut command: Command) -> Result<(), Error> {
    // A container's standard input is its lifeline: it is held open until the end.
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let lifeline = child.stdin.take();
    let status = child.wait()?;
    drop(lifeline);
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
