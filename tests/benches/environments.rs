//! The cost of making environments from nothing: the time and the size of each.
//!
//! ```sh
//! cargo bench --package cross-tests --bench environments  # aarch64, sandbox
//! cargo bench --package cross-tests --bench environments -- docker s390x-unknown-linux-gnu
//! cargo bench --package cross-tests --bench environments -- sandbox gnu  # one after the other
//! cargo bench --package cross-tests --bench environments -- sandbox gnu image  # the same with Rust
//! cargo bench --package cross-tests --bench environments -- sandbox gnu apart  # each from nothing
//! ```
//!
//! The arguments may come in any order: an engine, `host` or `image` for the toolchain, targets or
//! `gnu` (the seven most common) or `all` (30 GB), and `apart` for a separate cache for each
//! target. The cache is an empty directory, which is removed afterwards. An image of the same
//! recipe is removed first and kept afterwards.
//!
//! *Size* is the disk usage of an environment. *Own* is the part that it shares with no other
//! environment. *Growth* is the growth of the whole cache, including the stock of packages and
//! bases.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its table"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cross_core::{
    Cancel, Cross,
    targets::{SupportLevel, Target},
};
use cross_tests::TARGETS;
use cross_tests::measure::{Error, head, now, row, words};

fn main() -> Result<(), Error> {
    let words = words();
    let pick = |choices: &[&str], usual: &str| {
        let named = words.iter().find(|word| choices.contains(&word.as_str()));
        named.cloned().unwrap_or_else(|| usual.to_owned())
    };
    let engine = pick(&["sandbox", "docker", "podman"], "sandbox");
    let toolchain = pick(&["host", "image"], "host");
    let apart = words.iter().any(|word| word == "apart");
    let proven = |target: &Target| matches!(target.facts().support, SupportLevel::Recipe);
    let targets: Vec<Target> = if words.iter().any(|word| word == "all") {
        Target::all()
            .filter(|t| proven(t) && t.glibc().is_none())
            .collect()
    } else if words.iter().any(|word| word == "gnu") {
        TARGETS
            .iter()
            .map(|triple| Target::parse(triple))
            .collect::<Result<_, _>>()?
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
    println!(
        "Environments from nothing, engine {engine}, toolchain {toolchain}, one after the other:\n"
    );
    println!("{}", head(&["target", "seconds", "size", "growth MB"]));
    let mut made = Vec::new();
    let mut bench = Bench::new(&engine, &toolchain)?;
    for target in targets {
        if apart {
            bench = Bench::new(&engine, &toolchain)?;
        }
        match bench.measure(target) {
            Ok(root) => made.push((target, root)),
            // A mirror may be between two states of one suite: the others are still to be seen.
            Err(error) => {
                eprintln!("{target}: {error}");
                println!("{}", row([target.to_string().as_str(), "not made", "", ""]));
            }
        }
    }
    if engine == "sandbox" && !apart {
        println!("\n{}", head(&["target", "size MB", "own MB"]));
        let roots: Vec<_> = made.iter().map(|(_, root)| root.as_path()).collect();
        for ((target, _), (size, own)) in made.iter().zip(own_sizes(&roots)?) {
            let [size, own] = [size, own].map(|bytes| (bytes / 1_000_000).to_string());
            println!("{}", row([target.to_string(), size, own]));
        }
        let stock = bench.cross.stock()?;
        let bases: u64 = stock.bases.iter().map(|(_, bytes)| bytes).sum();
        let (packages, all) = (stock.packages / 1_000_000, bench.occupied()? / 1_000_000);
        println!(
            "\ncached packages {packages} MB, bases {} MB (shared with environments), the whole cache {all} MB",
            bases / 1_000_000
        );
    }
    Ok(())
}

/// A project, and beside it a cache of its own.
struct Bench {
    dir: tempfile::TempDir,
    cross: Cross,
    engine: String,
}

impl Bench {
    fn new(engine: &str, toolchain: &str) -> Result<Self, Error> {
        let dir = tempfile::tempdir()?;
        let project = dir.path().join("project");
        fs::create_dir_all(project.join("src"))?;
        fs::write(project.join("src/main.rs"), "fn main() {}\n")?;
        let manifest = "[package]\nname = \"nothing\"\nedition = \"2021\"\n[workspace]\n";
        fs::write(project.join("Cargo.toml"), manifest)?;
        let cross = Cross::at(&project)
            .cache_dir(dir.path().join("cache"))
            .engine(engine)
            .toolchain(toolchain);
        Ok(Bench {
            dir,
            cross,
            engine: engine.to_owned(),
        })
    }

    /// Makes the environment of `target`, prints its row, and returns its root file system.
    fn measure(&self, target: Target) -> Result<PathBuf, Error> {
        let request = self.cross.build(target.triple());
        let name = request.plan()?.environment.name;
        self.cross.remove_environment(&self.engine, &name)?;
        let before = self.occupied()?;
        let start = now();
        request.plan()?.only_environment().execute(&Cancel::new())?;
        let seconds = start.elapsed().as_secs_f64();
        let all = self.cross.environments(&self.engine)?;
        let size = all
            .iter()
            .find(|environment| environment.name == name)
            .map(|environment| environment.size.clone());
        let growth = self.occupied()?.saturating_sub(before) / 1_000_000;
        println!(
            "{}",
            row([
                target.to_string(),
                format!("{seconds:.1}"),
                size.unwrap_or_default(),
                growth.to_string(),
            ])
        );
        let environments = self.dir.path().join("cache/environments");
        Ok(environments.join(name).join("root"))
    }

    /// Returns the disk usage of the cache, and counts each file once.
    fn occupied(&self) -> Result<u64, Error> {
        let mut files = BTreeMap::new();
        let cache = self.dir.path().join("cache");
        if cache.exists() {
            collect(&cache, &mut files)?;
        }
        Ok(files.values().sum())
    }
}

/// Returns for each root the disk usage of its files, and of the files that are in no other root.
fn own_sizes(roots: &[&Path]) -> Result<Vec<(u64, u64)>, Error> {
    let mut each = Vec::new();
    for root in roots {
        let mut files = BTreeMap::new();
        collect(root, &mut files)?;
        each.push(files);
    }
    let (mut seen, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for inode in each.iter().flat_map(BTreeMap::keys) {
        if !seen.insert(*inode) {
            shared.insert(*inode);
        }
    }
    let of = |files: &BTreeMap<u64, u64>| {
        let own = files.iter().filter(|(inode, _)| !shared.contains(inode));
        (files.values().sum(), own.map(|(_, bytes)| bytes).sum())
    };
    Ok(each.iter().map(of).collect())
}

/// Collects the inodes below `dir` with their disk usage.
fn collect(dir: &Path, files: &mut BTreeMap<u64, u64>) -> Result<(), Error> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        files.insert(meta.ino(), meta.blocks() * 512);
        if meta.is_dir() {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}
