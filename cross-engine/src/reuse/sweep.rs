//! Kept containers that nobody keeps any more: found by the directory that their label names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::lock::Lock;
use crate::reuse::argv;
use crate::reuse::place::{HOME, SHARED, lock};
use crate::reuse::pool::client;
use crate::reuse::record::Record;
use crate::run::run_dir::is_held;

/// Removes the kept containers whose owner is gone, and says which. One that processes share ends by itself
/// in its time, unless what is remembered of it was removed.
pub(crate) fn containers(engine: &Engine, host: &Host, cancel: &Cancel) -> Result<Vec<String>> {
    let said = process::output(&argv::all(engine), &host.variables, cancel)?;
    let mut removed = Vec::new();
    for line in said.stdout.lines() {
        let Some((name, met)) = line.split_once(' ') else {
            continue;
        };
        if is_kept(Path::new(met), host) {
            continue;
        }
        let gone = process::output(&container::remove(engine, name), &host.variables, cancel)?;
        if gone.exit.success() {
            removed.push(name.to_owned());
        }
    }
    Ok(removed)
}

/// Removes the meeting places that no container has any more, and says which.
pub(crate) fn directories(engine: &Engine, host: &Host, cancel: &Cancel) -> Result<Vec<PathBuf>> {
    let home = host.cache.join(SHARED);
    let mut removed = Vec::new();
    if !home.exists() {
        return Ok(removed);
    }
    let client = format!("{} ", client(engine, host));
    let said = process::output(&argv::all(engine), &host.variables, cancel)?;
    let used: Vec<_> = said
        .stdout
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    for met in fs::read_dir(&home)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        let is_used = used.iter().any(|(_, place)| Path::new(place) == met);
        let record = Record::read(&met);
        if record
            .as_ref()
            .is_some_and(|it| !it.image.starts_with(&client))
        {
            continue;
        }
        let is_fresh = |record: Record| record.is_fresh(Duration::from_secs(record.idle));
        if is_used || record.is_some_and(is_fresh) {
            continue;
        }
        let base = met.file_name().unwrap_or_default().to_string_lossy();
        // Whoever starts a container for it holds the lock.
        let lock = Lock::try_acquire(&lock(host, &base))?;
        if lock.is_some() && fs::remove_dir_all(&met).is_ok() {
            removed.push(met);
        }
    }
    Ok(removed)
}

/// Removes every kept container of `image`, which is to be removed itself.
pub(crate) fn of_image(engine: &Engine, image: &str, host: &Host, cancel: &Cancel) -> Result<()> {
    let list = argv::of_image(engine, image);
    let said = process::output(&list, &host.variables, cancel)?;
    for line in said.stdout.lines() {
        if let Some((name, _)) = line.split_once(' ') {
            process::output(&container::remove(engine, name), &host.variables, cancel)?;
        }
    }
    Ok(())
}

/// Whether somebody may still want the container that meets in `met`. What cannot be looked at is another
/// user's.
fn is_kept(met: &Path, host: &Host) -> bool {
    match fs::symlink_metadata(met) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        Ok(_) if met.starts_with(host.cache.join(SHARED)) => Record::read(met).is_some(),
        Ok(_) if met.starts_with(host.cache.join(HOME)) => is_held(met),
        Ok(_) => true,
    }
}
