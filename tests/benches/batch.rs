//! How much of the processors a batch uses: the example, built for three targets from nothing, as one
//! batch and one target after the other.
//!
//! ```sh
//! cargo bench --package cross-tests --bench batch
//! cargo bench --package cross-tests --bench batch -- i686-unknown-linux-gnu
//! ```
//!
//! The builds use the distribution's Rust in the sandbox. Environments and crates are ready, so
//! that only the builds are compared. A build takes minutes, so there is one of each kind. The batch is
//! repeated on half of the processors, on a quarter, and so on: `taskset` takes the others away.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use cross_core::{Cancel, Cross};
use cross_tests::TARGETS;
use cross_tests::measure::{Error, command, head, now, row, words};

/// The unit of processor time in `/proc/self/stat`: `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<(), Error> {
    let words = words();
    let mut targets: Vec<&str> = words.iter().map(String::as_str).collect();
    targets.retain(|word| !word.starts_with('-'));
    if targets.is_empty() {
        targets = TARGETS.iter().take(3).copied().collect();
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask-example");
    let builds = Builds(tempfile::tempdir()?);
    let cross = Cross::at(&example).engine("sandbox").toolchain("image");
    for target in &targets {
        let plan = cross.build(*target).plan()?;
        plan.only_environment().execute(&Cancel::new())?;
    }
    let one_by_one = || {
        let dir = builds.empty()?;
        for target in &targets {
            cross.build(*target).target_dir(&dir).release(true).run()?;
        }
        Ok(())
    };
    let at_once = || {
        let dir = builds.empty()?;
        let batch = cross.build_many(targets.iter().copied());
        let batch = batch.each(|request| request.target_dir(&dir).release(true));
        batch.run()?.into_result()?;
        Ok(())
    };
    println!(
        "Release builds of the example for {} targets, from nothing:\n",
        targets.len()
    );
    let columns = ["builds", "processors", "wall s", "CPU s", "efficiency"];
    println!("{}", head(&columns));
    println!("{}", Used::by(one_by_one)?.row("one after the other"));
    println!("{}", Used::by(at_once)?.row("`build_many`"));
    let mut processors = available()?;
    while processors > 1 {
        processors /= 2;
        limit(processors)?;
        println!("{}", Used::by(at_once)?.row("`build_many`"));
    }
    Ok(())
}

/// What builds have used.
struct Used {
    processors: usize,
    wall: f64,
    cpu: f64,
}

impl Used {
    fn by(build: impl FnOnce() -> Result<(), Error>) -> Result<Self, Error> {
        let cpu = cpu_seconds()?;
        let start = now();
        build()?;
        Ok(Used {
            processors: available()?,
            wall: start.elapsed().as_secs_f64(),
            cpu: cpu_seconds()? - cpu,
        })
    }

    fn row(&self, name: &str) -> String {
        #[expect(clippy::cast_precision_loss, reason = "no machine has that many")]
        let had = self.wall * self.processors as f64;
        row([
            name.to_owned(),
            self.processors.to_string(),
            format!("{:.1}", self.wall),
            format!("{:.1}", self.cpu),
            format!("{:.0} %", self.cpu / had * 100.0),
        ])
    }
}

/// The processor time of this process and of all that has ended below it.
fn cpu_seconds() -> Result<f64, Error> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program is in parentheses, and may have some itself. The user's and the system's
    // time, of the process and of its children, are the fields 14 to 17 of all.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    let times = fields.split_whitespace().skip(11).take(4);
    let ticks: Result<Vec<f64>, _> = times.map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn available() -> Result<usize, Error> {
    Ok(thread::available_parallelism()?.get())
}

/// Leaves this process, and what it starts, the first `processors` of those it has.
fn limit(processors: usize) -> Result<(), Error> {
    let list = format!("0-{}", processors - 1);
    let id = process::id().to_string();
    let mut taskset = command("taskset");
    let words = ["--all-tasks", "--cpu-list", "--pid", &list, &id];
    let done = taskset.args(words).output()?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into());
    }
    Ok(())
}

/// The target directory of the builds.
struct Builds(tempfile::TempDir);

impl Builds {
    fn empty(&self) -> Result<PathBuf, Error> {
        let dir = self.0.path().join("target");
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        Ok(dir)
    }
}
