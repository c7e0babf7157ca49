//! `export` and `import`: what targets need, in one archive for a machine without a network.

use std::path::{Path, PathBuf};

use cross_core::Cancel;
use cross_core::export::{ArchivedPart, PartKind};

use crate::cli::{Export, Format, Import};
use crate::commands::{answer_json, cross, targets_of};
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

pub(crate) fn export(args: &Export, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let targets = targets_of(&cross, &args.target)?;
    let progress = Progress::new(&cross, Format::Human)
        .keep_output()
        .without_table();
    let request = progress
        .watch(&cross)
        .export(&targets, absolute(&args.file)?)
        .toolchains(args.toolchains);
    let done = request.run_until(cancel);
    progress.close();
    let done = done?;
    if args.json {
        return answer_json(&done);
    }
    show(&done.parts);
    let (path, mb) = (done.path.display(), done.bytes / 1_000_000);
    output::answer(format!(
        "{path}: {mb} MB\nimport it with --expect {}",
        done.sha256
    ));
    Ok(())
}

pub(crate) fn import(args: &Import, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let progress = Progress::new(&cross, Format::Human)
        .keep_output()
        .without_table();
    let mut request = progress.watch(&cross).import(absolute(&args.file)?);
    if let Some(sha256) = &args.expect {
        request = request.expect(sha256);
    }
    let done = request.run_until(cancel);
    progress.close();
    let done = done?;
    if args.json {
        return answer_json(&done);
    }
    show(&done.parts);
    let there = done.parts.iter().filter(|part| part.was_there).count();
    let new = done.parts.len() - there;
    output::answer(format!("imported {new}, and {there} were there"));
    Ok(())
}

/// Shows the parts that are worth a line. There are hundreds of packages and crates.
fn show(parts: &[ArchivedPart]) {
    let is_shown =
        |part: &&ArchivedPart| matches!(part.kind, PartKind::Environment | PartKind::Toolchain);
    for part in parts.iter().filter(is_shown) {
        let there = if part.was_there { ", was there" } else { "" };
        let mb = part.bytes / 1_000_000;
        output::answer(format!("{} {}: {mb} MB{there}", part.kind, part.name));
    }
}

/// A path of the command line is relative to where the user is.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))
}
