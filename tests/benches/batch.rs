//! The cost of a batch: the example, built for six targets from nothing, as one batch and one
//! target after the other.
//!
//! ```sh
//! cargo bench --package cross-tests --bench batch
//! cargo bench --package cross-tests --bench batch -- i686-unknown-linux-gnu
//! ```
//!
//! The builds use the distribution's Rust in the sandbox. Environments and crates are ready, so
//! that only the builds are compared. A round takes minutes, so there is one. `--turned` changes
//! the order of the two variants.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cancel, Cross};
use cross_tests::TARGETS;
use cross_tests::measure::{Error, Variant, alternate, head, row, words};

fn main() -> Result<(), Error> {
    let words = words();
    let turned = words.iter().any(|word| word == "--turned");
    let mut targets: Vec<&str> = words.iter().map(String::as_str).collect();
    targets.retain(|word| !word.starts_with('-'));
    if targets.is_empty() {
        targets = TARGETS.iter().take(6).copied().collect();
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask-example");
    let builds = Builds(tempfile::tempdir()?);
    let cross = Cross::at(&example).engine("sandbox").toolchain("image");
    for target in &targets {
        let plan = cross.build(*target).plan()?;
        plan.only_environment().execute(&Cancel::new())?;
    }
    let one_by_one = Variant::new("one after the other", || {
        let dir = builds.empty()?;
        for target in &targets {
            cross.build(*target).target_dir(&dir).release(true).run()?;
        }
        Ok(())
    });
    let at_once = Variant::new("`build_many`", || {
        let dir = builds.empty()?;
        let batch = cross.build_many(targets.iter().copied());
        batch
            .each(|request| request.target_dir(&dir).release(true))
            .run()?;
        Ok(())
    });
    let variants = match turned {
        true => vec![at_once, one_by_one],
        false => vec![one_by_one, at_once],
    };
    let mut times = alternate(0, 1, variants)?;
    if turned {
        times.reverse();
    }
    println!(
        "Release builds of the example for {} targets, from nothing:\n",
        targets.len()
    );
    println!(
        "{}",
        head(&["one after the other, s", "`build_many`, s", "ratio"])
    );
    let [serial, batch] = [times[0].median(), times[1].median()];
    println!(
        "{}",
        row([
            format!("{serial:.1}"),
            format!("{batch:.1}"),
            format!("{:.2}", batch / serial)
        ])
    );
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
