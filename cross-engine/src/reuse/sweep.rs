//! Removal of reused containers that nobody needs any more. The directory in their label decides.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::answers;
use crate::engines::container;
use crate::engines::engine::Engine;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::lock::Lock;
use crate::reuse::argv;
use crate::reuse::pool::client;
use crate::reuse::record::Record;
use crate::reuse::slot::{PRIVATE, SHARED, lock_file};
use crate::run::run_dir::is_locked;

/// Removes the containers whose owner is gone, and returns their names. A container that processes
/// share ends by itself after its time to live, unless its record was removed.
pub(crate) fn containers(engine: &Engine, host: &Host, cancel: &Cancel) -> Result<Vec<String>> {
    let listed = answers::list(engine, &argv::list(engine), host, cancel)?;
    let mut removed = Vec::new();
    for line in listed.lines() {
        let Some((name, dir)) = argv::listed(engine, line) else {
            continue;
        };
        if is_needed(dir, host) {
            continue;
        }
        let output = process::output(&container::remove(engine, name), &host.variables, cancel)?;
        if output.exit.success() {
            removed.push(name.to_owned());
        }
    }
    Ok(removed)
}

/// Removes the directories that no container has any more, and returns them.
pub(crate) fn directories(engine: &Engine, host: &Host, cancel: &Cancel) -> Result<Vec<PathBuf>> {
    let parent = host.cache.join(SHARED);
    let mut removed = Vec::new();
    if !parent.exists() {
        return Ok(removed);
    }
    let client = format!("{} ", client(engine, host));
    let listed = answers::list(engine, &argv::list(engine), host, cancel)?;
    let used: Vec<_> = listed
        .lines()
        .filter_map(|line| argv::listed(engine, line))
        .map(|(_, dir)| dir)
        .collect();
    let entries = fs::read_dir(&parent).into_iter().flatten().flatten();
    for dir in entries.map(|entry| entry.path()) {
        let record = Record::read(&dir);
        let of_other_client = |record: &Record| !record.image.starts_with(&client);
        let is_fresh = |record: &Record| record.is_fresh(Duration::from_secs(record.idle));
        if record
            .as_ref()
            .is_some_and(|record| of_other_client(record) || is_fresh(record))
            || used.contains(&dir.as_path())
        {
            continue;
        }
        let base_name = dir.file_name().unwrap_or_default().to_string_lossy();
        // Whoever starts a container in it holds the lock.
        let lock = Lock::try_acquire(&lock_file(host, &base_name))?;
        if lock.is_some() && fs::remove_dir_all(&dir).is_ok() {
            removed.push(dir);
        }
    }
    Ok(removed)
}

/// Removes every reused container of `image`, which is about to be removed itself.
pub(crate) fn of_image(engine: &Engine, image: &str, host: &Host, cancel: &Cancel) -> Result<()> {
    let list = argv::list_of_image(engine, image);
    let listed = process::output(&list, &host.variables, cancel)?;
    for name in listed.stdout.lines() {
        process::output(&container::remove(engine, name), &host.variables, cancel)?;
    }
    Ok(())
}

/// Whether somebody may still need the container with the directory `dir`. One that cannot be
/// inspected belongs to another user.
fn is_needed(dir: &Path, host: &Host) -> bool {
    match fs::symlink_metadata(dir) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        Ok(_) if dir.starts_with(host.cache.join(SHARED)) => Record::read(dir).is_some(),
        Ok(_) if dir.starts_with(host.cache.join(PRIVATE)) => is_locked(dir),
        Ok(_) => true,
    }
}
