//! The cost of sending and fetching: builds whose files go through volumes, and the same builds by
//! an engine that sees the files.
//!
//! ```sh
//! cargo bench --package cross-tests --bench remote
//! ```
//!
//! Both use docker on this machine, so that the difference is that of the library and not of a
//! network.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cross_core::events::EventKind;
use cross_core::{Cross, engine::VolumeKind};
use cross_tests::measure::{Error, Times, Variant, alternate, head, milliseconds, row};
use cross_tests::real_env;

const TARGET: &str = "aarch64-unknown-linux-gnu";
const ROUNDS: usize = 11;
const FIRST_ROUNDS: usize = 3;
/// A round takes minutes.
const EXAMPLE_ROUNDS: usize = 1;

fn main() -> Result<(), Error> {
    println!("Builds with files that the engine sees, and with files in volumes, medians, ms:\n");
    let columns = [
        "build",
        "seen",
        "in volumes",
        "in volumes / seen",
        "bytes sent / changed",
    ];
    println!("{}", head(&columns));
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask-example");
    let targets = tempfile::tempdir()?;
    first(
        "the example, first",
        (&example, targets.path()),
        (0, EXAMPLE_ROUNDS),
    )?;
    let project = project()?;
    let dir = project.path();
    first(
        "a crate without dependencies, first",
        (dir, dir),
        (1, FIRST_ROUNDS),
    )?;
    let build =
        |remote: &'static str| move || Ok(cross(dir, dir, remote).build(TARGET).run().map(drop)?);
    let times = alternate(
        1,
        ROUNDS,
        vec![
            Variant::new("seen", build("0")),
            Variant::new("sent", build("1")),
        ],
    )?;
    print("nothing to build", &times, "")?;
    let sent = Arc::new(AtomicU64::new(0));
    let mut changed = 0;
    let mut times = [Vec::new(), Vec::new()];
    for number in 1..=ROUNDS + 1 {
        changed += edit(dir, number)?;
        for (remote, times) in ["0", "1"].into_iter().zip(&mut times) {
            let sent = Arc::clone(&sent);
            let cross = cross(dir, dir, remote).on_event(move |event| match event.kind {
                EventKind::Sent { bytes, of, .. } if bytes == of => {
                    sent.fetch_add(of, Ordering::Relaxed);
                }
                _ => {}
            });
            let start = cross_tests::measure::now();
            cross.build(TARGET).run()?;
            times.push(start.elapsed());
        }
    }
    let times = times.map(|times| Times::of("", times.into_iter().skip(1)));
    #[expect(clippy::cast_precision_loss, reason = "a ratio of few bytes")]
    let ratio = sent.load(Ordering::Relaxed) as f64 / changed as f64;
    print("one line edited", &times, &format!("{ratio:.2}"))?;
    forget(dir, dir, "1")
}

/// The first build of the project in `dir`, with target directories in `targets`.
fn first(
    name: &str,
    (dir, targets): (&Path, &Path),
    (warmups, rounds): (usize, usize),
) -> Result<(), Error> {
    let build = |remote: &'static str| {
        move || {
            forget(dir, targets, remote)?;
            Ok(cross(dir, targets, remote).build(TARGET).run().map(drop)?)
        }
    };
    let times = alternate(
        warmups,
        rounds,
        vec![
            Variant::new("seen", build("0")),
            Variant::new("sent", build("1")),
        ],
    )?;
    print(name, &times, "")?;
    forget(dir, targets, "1")
}

fn print(name: &str, times: &[Times], bytes: &str) -> Result<(), Error> {
    let [seen, sent] = times else {
        return Err("two variants".into());
    };
    let ratio = format!("{:.2}", sent.median() / seen.median());
    let cells = [
        name.to_owned(),
        milliseconds(seen),
        milliseconds(sent),
        ratio,
        bytes.to_owned(),
    ];
    println!("{}", row(cells));
    Ok(())
}

/// The library with docker and the distribution's Rust; each way has a target directory of its own.
fn cross(dir: &Path, targets: &Path, remote: &str) -> Cross {
    let target = targets.join(format!("target-{remote}"));
    let env = real_env()
        .set("CROSS_REMOTE", remote)
        .set("CARGO_TARGET_DIR", target);
    Cross::at(dir).env(env).engine("docker").toolchain("image")
}

/// A crate with a library of its own.
fn project() -> Result<tempfile::TempDir, Error> {
    let dir = tempfile::tempdir()?;
    let manifest =
        "[package]\nname = \"sent\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    fs::create_dir(dir.path().join("src"))?;
    fs::write(dir.path().join("Cargo.toml"), manifest)?;
    fs::write(
        dir.path().join("src/lib.rs"),
        "pub fn number() -> u32 { 7 }\n",
    )?;
    edit(dir.path(), 0)?;
    Ok(dir)
}

/// Changes a file, and returns how many bytes it has.
fn edit(dir: &Path, number: usize) -> Result<usize, Error> {
    let text = format!("fn main() {{\n    println!(\"{{}} {number}\", sent::number());\n}}\n");
    fs::write(dir.join("src/main.rs"), &text)?;
    Ok(text.len())
}

/// Removes what the builds made.
fn forget(dir: &Path, targets: &Path, remote: &str) -> Result<(), Error> {
    let plan = cross(dir, targets, remote).build(TARGET).plan()?;
    let trees = plan.remote.iter().flat_map(|remote| &remote.transfer.trees);
    // Crates are shared with other workspaces.
    for tree in trees.filter(|tree| tree.kind != VolumeKind::Registry) {
        cross(dir, targets, remote).remove_volume("docker", &tree.volume)?;
    }
    match fs::remove_dir_all(targets.join(format!("target-{remote}"))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
