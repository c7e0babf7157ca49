//! What this machine remembers of volumes. The volume itself has the last word: a run starts only
//! if it is in the remembered state.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use hmac_sha256::Hash;

use crate::engines::engine::Engine;
use crate::process::error::Result;
use crate::process::hex::hex;
use crate::process::host::Host;
use crate::process::whole_file;
use crate::remote::manifest::Manifest;

/// The cache's subdirectory for these records.
const REMOTE: &str = "remote";

/// The variables that choose a daemon.
const DAEMON: [&str; 7] = [
    "CONTAINER_CONNECTION",
    "CONTAINER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "HOME",
    "XDG_CONFIG_HOME",
];

/// What is remembered of a volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// The state that `manifest` describes.
    pub(crate) state: String,
    /// Where the engine has the volume.
    pub(crate) place: PathBuf,
    pub(crate) manifest: Manifest,
}

/// The directory of the records of this engine's daemon.
pub(crate) fn directory(engine: &Engine, host: &Host) -> PathBuf {
    let mut hash = Hash::new();
    hash.update(engine.program.as_os_str().as_encoded_bytes());
    for name in DAEMON {
        let value = host.variable(name).unwrap_or_default();
        hash.update([b"\0", value.as_encoded_bytes()].concat());
    }
    let daemon = &hex(&hash.finalize())[..12];
    host.cache.join(REMOTE).join(daemon)
}

fn path(engine: &Engine, host: &Host, volume: &str) -> PathBuf {
    directory(engine, host).join(format!("{volume}.manifest"))
}

/// What is remembered of the volume, if anything is.
pub(crate) fn read(engine: &Engine, host: &Host, volume: &str) -> Option<Record> {
    let text = fs::read_to_string(path(engine, host, volume)).ok()?;
    let (state, rest) = text.split_once('\n')?;
    let (place, manifest) = rest.split_once('\n')?;
    Some(Record {
        state: state.to_owned(),
        place: place.into(),
        manifest: Manifest::parse(manifest)?,
    })
}

pub(crate) fn write(engine: &Engine, host: &Host, volume: &str, record: &Record) -> Result<()> {
    let path = path(engine, host, volume);
    let place = record.place.to_string_lossy();
    let text = format!("{}\n{place}\n{}", record.state, record.manifest.text());
    crate::process::error::IoContext::on(
        fs::create_dir_all(directory(engine, host)),
        "create directory",
        directory(engine, host),
    )?;
    whole_file::write(&path, text.as_bytes(), 0o600)
}

/// Notes that the volume is used now. What cannot be noted is no obstacle.
pub(crate) fn touch(engine: &Engine, host: &Host, volume: &str) {
    let now = UNIX_EPOCH + crate::process::clock::unix_time();
    let file = fs::File::options()
        .append(true)
        .open(path(engine, host, volume));
    let _ = file.and_then(|file| file.set_modified(now));
}

/// When the volume was last used, in seconds since the Unix epoch.
pub(crate) fn used(engine: &Engine, host: &Host, volume: &str) -> Option<u64> {
    let meta = fs::metadata(path(engine, host, volume)).ok()?;
    let since = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

/// Forgets what is remembered of the volume.
pub(crate) fn forget(engine: &Engine, host: &Host, volume: &str) {
    let _ = fs::remove_file(path(engine, host, volume));
    let _ = fs::remove_file(fetched(engine, host, volume));
    let _ = fs::remove_file(settled_file(engine, host, volume));
}

/// The file that says which files of the volume were fetched.
pub(crate) fn fetched(engine: &Engine, host: &Host, volume: &str) -> PathBuf {
    directory(engine, host).join(format!("{volume}.fetched"))
}

/// The file that says which files of the caller's directory `base`, which is sent to the volume,
/// were fetched.
pub(crate) fn fetched_of(engine: &Engine, host: &Host, volume: &str, base: &Path) -> PathBuf {
    let hash = hex(&Hash::hash(base.as_os_str().as_encoded_bytes()));
    directory(engine, host).join(format!("{volume}-{}.fetched", &hash[..12]))
}

/// Whether everything that runs made in a volume was fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It was, and nothing ran since.
    Yes,
    /// It was when the one run since then began.
    BeforeThisRun,
    /// Something may be newer than what was fetched.
    No,
}

fn settled_file(engine: &Engine, host: &Host, volume: &str) -> PathBuf {
    directory(engine, host).join(format!("{volume}.settled"))
}

/// Whether everything that runs made in the volume was fetched.
pub(crate) fn settled(engine: &Engine, host: &Host, volume: &str) -> Settled {
    let text = fs::read_to_string(settled_file(engine, host, volume)).unwrap_or_default();
    match text.as_str() {
        "yes" => Settled::Yes,
        "before" => Settled::BeforeThisRun,
        _ => Settled::No,
    }
}

/// Notes whether everything that runs made in the volume was fetched.
pub(crate) fn settle(engine: &Engine, host: &Host, volume: &str, settled: Settled) -> Result<()> {
    let text = match settled {
        Settled::Yes => "yes",
        Settled::BeforeThisRun => "before",
        Settled::No => "no",
    };
    whole_file::write(&settled_file(engine, host, volume), text.as_bytes(), 0o600)
}

/// The lock file of the volume: one process of this machine fills it at a time.
pub(crate) fn lock(engine: &Engine, host: &Host, volume: &str) -> PathBuf {
    directory(engine, host).join(format!("{volume}.lock"))
}
