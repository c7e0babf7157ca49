//! What a build costs in a container that is kept, when there is nothing to build: beside the same cargo
//! entered by hand, and beside the same build in a container of its own. Ratios of medians, all in one run.
//!
//! ```sh
//! cargo bench --package cross-tests --bench warm            # docker and podman
//! cargo bench --package cross-tests --bench warm -- docker  # only this one
//! ```
//!
//! Within one `Cross` the library is measured where a watching program has it, in this process. Across
//! processes it is measured as a user pays for it: a process that starts, plans, enters and ends.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cross_core::{Cross, Invocation, Plan, Warm};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ROUNDS: usize = 15;
/// How long a container is kept that nobody uses: longer than a round takes.
const IDLE: Duration = Duration::from_secs(120);

type Error = Box<dyn std::error::Error>;
/// One way to build.
type Way<'a> = Box<dyn Fn() -> Result<(), Error> + 'a>;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    // The measured children: one build through the library.
    if let [child, dir, engine] = &args[..] {
        match child.as_str() {
            "--warm" => return build(&shared(dir, engine)),
            "--cold" => return build(&cross(dir, engine)),
            _ => {}
        }
    }
    let dir = tempfile::tempdir()?;
    write_crate(dir.path())?;
    println!(
        "no-op build of a crate without dependencies, medians of {ROUNDS} alternating rounds, in ms\n"
    );
    println!(
        "| engine | bare exec of `true` | bare exec of cargo | within one Cross | ratio | across processes | ratio | not kept |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for engine in ["docker", "podman"] {
        if args.is_empty() || args.iter().any(|name| name == engine) {
            measure(dir.path(), engine)?;
        }
    }
    Ok(())
}

fn cross(dir: impl AsRef<Path>, engine: &str) -> Cross {
    Cross::at(dir.as_ref()).engine(engine).toolchain("host")
}

fn shared(dir: impl AsRef<Path>, engine: &str) -> Cross {
    cross(dir, engine).keep_warm(Warm::across_processes(IDLE))
}

fn build(cross: &Cross) -> Result<(), Error> {
    cross.build(TARGET).run()?;
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
    let across = shared(dir, engine);
    if let Err(error) = across.build(TARGET).run() {
        println!("| {engine} | cannot be measured: {error} | | | | | | |");
        return Ok(());
    }
    let plan = across.build(TARGET).plan()?;
    let (nothing, cargo) = by_hand(&plan)?;
    let within = cross(dir, engine).keep_warm(Warm::new());
    within.build(TARGET).run()?;
    let me = std::env::current_exe()?;
    let child = |how: &'static str| {
        let me = &me;
        move || {
            let mut command = command(me);
            command.arg(how).arg(dir).arg(engine);
            finish(command)
        }
    };
    let mut ways: [(Way<'_>, Vec<Duration>); 5] = [
        (Box::new(|| finish(to_command(&nothing))), Vec::new()),
        (Box::new(|| finish(to_command(&cargo))), Vec::new()),
        (Box::new(|| build(&within)), Vec::new()),
        (Box::new(child("--warm")), Vec::new()),
        (Box::new(child("--cold")), Vec::new()),
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
    let [nothing, cargo, within, across, cold] = ways.map(|(_, times)| median(times));
    println!(
        "| {engine} | {nothing:.0} | {cargo:.0} | {within:.0} | {:.2} | {across:.0} | {:.2} | {cold:.0} |",
        within / cargo,
        across / cargo
    );
    Ok(())
}

/// The plan's compile step without what is ours, and with nothing to run: what somebody would type who has
/// such a container.
fn by_hand(plan: &Plan) -> Result<(Invocation, Invocation), Error> {
    let step = plan.steps().iter().find(|step| step.kept.is_some());
    let step = step.ok_or("the plan enters a kept container")?;
    let container = &step.kept.as_ref().ok_or("it is named")?.container;
    let mut cargo = step.command.clone().ok_or("it is a command")?;
    let mut lean = Vec::new();
    let mut args = cargo.args.iter().peekable();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--interactive" => {}
            // The lifeline: `sh -c SCRIPT cross`, then the command.
            "sh" if args.peek().is_some_and(|next| *next == "-c") => drop(args.nth(2)),
            _ => lean.push(arg.clone()),
        }
    }
    cargo.args = lean;
    let nothing = Invocation::new(&cargo.program).args(["exec", container, "true"]);
    Ok((nothing, cargo))
}

fn to_command(invocation: &Invocation) -> Command {
    cross_engine::process::command(invocation, &caller())
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
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} ended with {status}").into())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
