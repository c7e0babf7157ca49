//! The cost of a build in a reused container when nothing has to be built: compared with the same
//! cargo entered by hand, and with a new container. Ratios are of medians within one run.
//!
//! ```sh
//! cargo bench --package cross-tests --bench container_reuse            # docker and podman
//! cargo bench --package cross-tests --bench container_reuse -- docker  # only this one
//! ```
//!
//! Within one `Cross`, the library runs in this process, as in a program that watches files. Across
//! processes, the time includes the start and the end of a process.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cross_core::{
    Cross, Plan,
    engine::{ContainerReuse, Invocation},
};
use cross_tests::ambient;
use cross_tests::measure::{
    Error, Variant, alternate, command, finish, head, milliseconds, row, words,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const ROUNDS: usize = 15;
/// The idle time of a container, which is longer than a round.
const IDLE: Duration = Duration::from_secs(120);

fn main() -> Result<(), Error> {
    let words = words();
    // The measured children: one build through the library.
    if let [child, dir, engine] = &words[..] {
        match child.as_str() {
            "--reused" => return build(&shared(dir, engine)),
            "--own" => return build(&cross(dir, engine)),
            _ => {}
        }
    }
    let dir = tempfile::tempdir()?;
    write_crate(dir.path())?;
    println!(
        "Nothing to build, in a reused container, medians of {ROUNDS} alternating rounds, ms:\n"
    );
    println!(
        "{}",
        head(&[
            "engine",
            "bare `exec` of `true`",
            "bare `exec` of cargo",
            "within one `Cross`",
            "across processes",
            "not reused",
            "within / bare",
            "across / bare",
        ])
    );
    for engine in ["docker", "podman"] {
        if words.is_empty() || words.iter().any(|name| name == engine) {
            measure(dir.path(), engine)?;
        }
    }
    Ok(())
}

fn cross(dir: impl AsRef<Path>, engine: &str) -> Cross {
    Cross::at(dir.as_ref()).engine(engine).toolchain("host")
}

fn shared(dir: impl AsRef<Path>, engine: &str) -> Cross {
    cross(dir, engine).reuse_containers(ContainerReuse::across_processes(IDLE))
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
    build(&across)?;
    let (nothing, cargo) = by_hand(&across.build(TARGET).plan()?)?;
    let within = cross(dir, engine).reuse_containers(ContainerReuse::new());
    build(&within)?;
    let me = std::env::current_exe()?;
    let child = |how: &str| {
        let mut command = command(&me);
        command.arg(how).arg(dir).arg(engine);
        finish(command)
    };
    let times = alternate(
        1,
        ROUNDS,
        vec![
            Variant::new("bare exec of true", || finish(to_command(&nothing))),
            Variant::new("bare exec of cargo", || finish(to_command(&cargo))),
            Variant::new("within", || build(&within)),
            Variant::new("across", || child("--reused")),
            Variant::new("not reused", || child("--own")),
        ],
    )?;
    let [_, bare, within, across, _] = &times[..] else {
        return Err("five variants".into());
    };
    let ratios = [within, across].map(|times| format!("{:.2}", times.median() / bare.median()));
    let cells = times.iter().map(milliseconds);
    println!(
        "{}",
        row([engine.to_owned()].into_iter().chain(cells).chain(ratios))
    );
    Ok(())
}

/// Returns the plan's compile step without the parts of the library, and a command that does
/// nothing: what a user would type for such a container.
fn by_hand(plan: &Plan) -> Result<(Invocation, Invocation), Error> {
    let step = plan
        .steps
        .iter()
        .find(|step| step.reused_container.is_some());
    let step = step.ok_or("the plan enters a reused container")?;
    let container = &step
        .reused_container
        .as_ref()
        .ok_or("it is named")?
        .container;
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
    cross_engine::process::command(invocation, &ambient::variables().collect())
}
