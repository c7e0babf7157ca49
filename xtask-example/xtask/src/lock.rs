//! `lock`: writes to Cross.lock what the environments of targets are made of.

use cross_core::Cancel;
use cross_core::lock::{LockChange, LockedTarget, PackageChange};

use crate::cli::{Format, Lock};
use crate::commands::{answer_json, cross, targets_of};
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

pub(crate) fn run(args: &Lock, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let named = match args.update.as_deref() {
        Some(target) if !target.is_empty() => vec![target.to_owned()],
        _ => args.target.clone(),
    };
    let targets = targets_of(&cross, &named)?;
    let progress = Progress::new(&cross, Format::Human)
        .keep_output()
        .without_table();
    let request = progress
        .watch(&cross)
        .lock(&targets)
        .update(args.update.is_some())
        // What the project does not name any more stays out of a lock of everything.
        .prune(named.is_empty())
        .check(args.check);
    let done = request.run_until(cancel);
    progress.close();
    let done = done?;
    if args.json {
        return answer_json(&done);
    }
    for target in &done.targets {
        output::answer(format!("{}: {}", target.target, summary(target)));
        let packages = target.changes.iter().map(line);
        let others = target.other_changes.iter().map(other_line);
        packages.chain(others).for_each(output::answer);
        for part in &target.unlocked {
            output::answer(format!("  not locked: {part}"));
        }
    }
    for entry in &done.removed {
        let (target, architecture) = (&entry.target, &entry.architecture);
        output::answer(format!("{target} ({architecture}): removed"));
    }
    Ok(())
}

/// What happened to a target, in a few words.
fn summary(target: &LockedTarget) -> String {
    match (
        target.is_new,
        target.changes.len(),
        target.other_changes.len(),
    ) {
        (true, _, _) => "locked".to_owned(),
        (false, 0, 0) => "unchanged".to_owned(),
        (false, 0, _) => "changed".to_owned(),
        (false, count, _) => format!("{count} packages changed"),
    }
}

fn other_line(change: &LockChange) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let (before, after) = (value(&change.before), value(&change.after));
    format!("  {}: {before} -> {after}", change.what)
}

fn line(change: &PackageChange) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    let (before, after) = (version(&change.before), version(&change.after));
    format!(
        "  {}:{} {before} -> {after}",
        change.name, change.architecture
    )
}
