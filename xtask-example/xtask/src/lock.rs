//! `lock`: writes to Cross.lock what the environments of targets are made of.

use cross_core::Cancel;
use cross_core::lock::PackageChange;

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
    let progress = Progress::new(&cross, Format::Human).keep_output();
    let request = progress
        .watch(&cross)
        .lock(&targets)
        .update(args.update.is_some());
    let done = request.run_until(cancel);
    progress.close();
    let done = done?;
    if args.json {
        return answer_json(&done);
    }
    for target in &done.targets {
        let what = match (target.is_new, target.changes.len()) {
            (true, _) => "locked".to_owned(),
            (false, 0) => "unchanged".to_owned(),
            (false, count) => format!("{count} packages changed"),
        };
        output::answer(format!("{}: {what}", target.target));
        target
            .changes
            .iter()
            .for_each(|change| output::answer(line(change)));
    }
    Ok(())
}

fn line(change: &PackageChange) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
    let (before, after) = (version(&change.before), version(&change.after));
    format!(
        "  {}:{} {before} -> {after}",
        change.name, change.architecture
    )
}
