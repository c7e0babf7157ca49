//! `matrix`: proves targets with a crate that has C and C++ code, and records the evidence.
//!
//! The evidence is in `docs/targets.json`, which is written after every row, so that an interrupted
//! run continues where it stopped. `docs/targets.md` is generated from it. A row is proven again
//! when its recipe, its Rust or the crate has changed.

mod beside;
mod evidence;
mod made_sdk;
mod prove;
mod table;
mod unix_sdk;
mod versions;
mod windows_sdk;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cross_core::{
    Cancel,
    targets::{SupportLevel, Target},
};

use crate::cli;
use crate::commands;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use evidence::{Entry, Store};
use prove::{Known, Prover};

/// The directory of the crate that proves a target.
const PROOF: &str = "tests/proof";
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// Runs the command.
pub(crate) fn run(args: &cli::Matrix, cancel: &Cancel) -> Result<(), Failure> {
    let cross = commands::cross(&args.choice)?;
    let root = cross.project()?.root;
    let progress = Progress::new(&cross, cli::Format::Human).keep_output();
    let prover = Prover::new(&root.join(PROOF), args, &progress, cancel)?;
    let targets = targets(args, &root, &prover)?;
    let mut failed = Vec::new();
    for (n, target) in targets.iter().enumerate() {
        progress.step(target, &format!("row {} of {}", n + 1, targets.len()));
        if args.crates {
            let crates = prover.crates(target)?;
            Store::update(&root, |store| store.record_crates(crates))?;
            continue;
        }
        if args.environments {
            let answer = prover.environment(target)?;
            Store::update(&root, |store| store.record_environment(answer))?;
            progress.finish(target, None);
            continue;
        }
        let entry = match prover.prove(target, &Store::open(&root)?)? {
            Known::Recorded => {
                progress.finish(target, None);
                continue;
            }
            Known::Now(entry) => *entry,
        };
        if cancel.check().is_err() {
            // The failure of this row is the interruption.
            return Err(Failure::new("stopped"));
        }
        let failure = entry.error.as_ref().map(Failure::new);
        progress.finish(target, failure.as_ref());
        if failure.is_some() {
            failed.push(target.clone());
        }
        if args.rotating.is_none() {
            Store::update(&root, |store| {
                store.record(entry);
                Ok(())
            })?;
        }
    }
    progress.close();
    if args.rotating.is_none() {
        Store::update(&root, |_| Ok(()))?;
        output::answer(root.join(evidence::TABLE).display());
    }
    match failed.as_slice() {
        [] => Ok(()),
        rows => Err(Failure::new(format!(
            "{} of {} rows failed: {}",
            rows.len(),
            targets.len(),
            rows.join(", ")
        ))),
    }
}

/// Returns the rows of this run.
fn targets(args: &cli::Matrix, root: &Path, prover: &Prover<'_>) -> Result<Vec<String>, Failure> {
    let Some(rows) = args.rotating else {
        return match args.render {
            true => Ok(Vec::new()),
            false => chosen(&args.target),
        };
    };
    let (engine, toolchain) = prover.asked();
    match Store::open(root)?.rotating(rows, day(), engine, toolchain) {
        none if none.is_empty() => {
            let what = format!("no row is recorded for {engine} with the toolchain {toolchain}");
            Err(Failure::new(what).with_help("prove rows without `--rotating` first"))
        }
        rows => Ok(rows),
    }
}

/// Returns the named targets, or else every row.
fn chosen(named: &[String]) -> Result<Vec<String>, Failure> {
    match named {
        [] => Ok(rows()),
        named => commands::known(named),
    }
}

/// Returns every target that has a recipe, including those with a glibc floor that `cross` lists.
fn rows() -> Vec<String> {
    let has_recipe =
        |target: &Target| !matches!(target.facts().support, SupportLevel::NotYet { .. });
    let with_recipe = Target::all().filter(has_recipe);
    with_recipe.map(|target| target.to_string()).collect()
}

/// Returns the number of this day since the Unix epoch.
pub(crate) fn day() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |elapsed| elapsed.as_secs()) / SECONDS_OF_A_DAY
}

/// Returns the page for these entries.
fn rendered(entries: &[Entry]) -> String {
    table::markdown(&rows(), entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_target() {
        let rows = rows();
        assert!(rows.len() >= 48, "{}", rows.len());
        assert_eq!(chosen(&rows).unwrap(), rows);
        assert!(chosen(&["nonsense".to_owned()]).is_err());
    }
}
