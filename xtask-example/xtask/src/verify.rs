//! `dist --verify`: builds again in another place, and compares the archives byte for byte.
//!
//! The other place is a copy of the checkout in a directory of another name and depth, on another
//! engine if there is one, for a user with other settings. An archive that differs is shown with
//! the first difference.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use cross_core::{Cancel, Cross, engine::EngineKind};
use serde_json::json;

use crate::archive::Kind;
use crate::cli;
use crate::difference;
use crate::failure::Failure;
use crate::manifest::Entry;
use crate::output;

/// The directory of the copy in a temporary directory.
const COPY: &str = "another place/with a longer path/checkout";

/// Variables that are other ones in the copy: those of a user in another part of the world.
const OTHERS: [(&str, &str); 5] = [
    ("LANG", "tr_TR.UTF-8"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("LOGNAME", "somebody"),
    ("TZ", "Pacific/Kiritimati"),
    ("USER", "somebody"),
];

/// Variables that would move the copy's target directory to where this one's is.
const PLACES: [&str; 2] = ["CARGO_BUILD_TARGET_DIR", "CARGO_TARGET_DIR"];

/// How long to wait before looking at the other build again.
const PAUSE: Duration = Duration::from_millis(50);

/// What was built here.
pub(crate) struct Built<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) args: &'a cli::Dist,
    pub(crate) targets: &'a [String],
    pub(crate) entries: &'a [Entry],
    /// The workspace's root.
    pub(crate) root: &'a Path,
    /// The directory of the archives, which is below the target directory.
    pub(crate) archives: &'a Path,
}

/// Builds the archives again elsewhere, and compares them.
///
/// # Errors
///
/// If they differ, or if the other build fails.
pub(crate) fn run(built: &Built<'_>, cancel: &Cancel) -> Result<(), Failure> {
    let temporary = tempfile::tempdir();
    let temporary = temporary
        .map_err(|error| Failure::new(format!("cannot make a temporary directory: {error}")))?;
    let copy = temporary.path().join(COPY);
    let target_dir = built.archives.parent().unwrap_or(built.archives);
    let copy = copy_checkout(built.root, target_dir, &copy)?;
    let engine = built.other_engine(cancel)?;
    build_again(built, &copy, &engine, cancel)?;
    cancel.check().map_err(|_| Failure::new("interrupted"))?;
    let mut differ = 0;
    for archive in built
        .entries
        .iter()
        .filter_map(|entry| entry.archive.as_ref())
    {
        let [here, there] = [built.archives, &copy.join("target/dist")].map(|dir| {
            let path = dir.join(&archive.file);
            fs::read(&path).map_err(|error| Failure::io("read", &path, &error))
        });
        let (here, there) = (here?, there?);
        let kind = Kind::of_file(&archive.file);
        let found = difference::first(kind, [&here, &there])?;
        differ += usize::from(found.is_some());
        let told = found.as_ref().map(ToString::to_string);
        if built.args.message_format == cli::Format::Json {
            output::json(&json!({ "event": { "dist-verified": {
                "file": archive.file,
                "sha256": archive.sha256,
                "engine": engine,
                "difference": told,
            }}}));
        } else {
            match &told {
                None => output::answer(format!("{}: the same bytes on {engine}", archive.file)),
                Some(told) => output::answer(format!("{}: {told}", archive.file)),
            }
        }
        if found.is_some() {
            explain(built, &archive.file, &there)?;
        }
    }
    match differ {
        0 => Ok(()),
        _ => Err(Failure::new(format!(
            "{differ} of {} archives are not reproducible",
            built.entries.len()
        ))
        .with_help(
            "docs/reproducible.md has what makes builds differ; `cargo xtask plan` warns of what is known",
        )),
    }
}

impl Built<'_> {
    /// An engine that works here and did not build the archives; the same one if there is no other.
    fn other_engine(&self, cancel: &Cancel) -> Result<String, Failure> {
        if let Some(named) = &self.args.verify_engine {
            return Ok(named.clone());
        }
        let Some(target) = self.targets.first() else {
            return Err(Failure::new("no target was built"));
        };
        let first = self.cross.build(target).plan_until(cancel)?.engine.kind;
        let others = [EngineKind::Docker, EngineKind::Podman, EngineKind::Sandbox];
        let works = |kind: &EngineKind| {
            let other = self.cross.clone().engine(kind.to_string());
            *kind != first && other.build(target).plan_until(cancel).is_ok()
        };
        let other = others.iter().find(|kind| works(kind));
        Ok(other.unwrap_or(&first).to_string())
    }
}

/// Starts `dist` in the copy, with other settings of the user.
fn build_again(
    built: &Built<'_>,
    copy: &Path,
    engine: &str,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find this program: {error}")))?;
    // The files of the copy are the user's alone.
    let mut again = Command::new("sh");
    again.args(["-c", "umask 077; exec \"$0\" \"$@\""]);
    again
        .arg(program)
        .args(["dist", "--no-test", "--engine", engine]);
    for target in built.targets {
        again.args(["--target", target]);
    }
    let choice = &built.args.choice;
    if let Some(toolchain) = &choice.toolchain {
        again.args(["--toolchain", toolchain]);
    }
    if choice.offline {
        again.arg("--offline");
    }
    if let Some(jobs) = built.args.jobs {
        again.args(["--jobs", &jobs.to_string()]);
    }
    again.current_dir(copy).envs(OTHERS);
    for name in PLACES {
        again.env_remove(name);
    }
    if built.args.message_format == cli::Format::Json {
        // The lines of JSON are about this build.
        again.stdout(Stdio::null());
    }
    let status = ended(&mut again, cancel);
    let status = status.map_err(|error| Failure::new(format!("cannot build again: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the build in a copy of the checkout failed on {engine}: {status}"
        ))),
    }
}

/// Waits for the end of `command`, which ends with `cancel`.
fn ended(command: &mut Command, cancel: &Cancel) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if cancel.check().is_err() {
            // What it started ends with it.
            child.kill()?;
            return child.wait();
        }
        thread::sleep(PAUSE);
    }
}

/// Copies the checkout: its history, and its files as they are now, without what git ignores. What
/// is no checkout of git is copied without its target directory. Returns where the workspace is.
fn copy_checkout(root: &Path, target_dir: &Path, copy: &Path) -> Result<PathBuf, Failure> {
    fs::create_dir_all(copy).map_err(|error| Failure::io("create", copy, &error))?;
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(root).output();
        let done = done.ok().filter(|done| done.status.success())?;
        String::from_utf8(done.stdout).ok()
    };
    let Some(head) = git(&["rev-parse", "--verify", "HEAD"]) else {
        copy_tree(root, &[target_dir], copy)?;
        return Ok(copy.to_owned());
    };
    let failed = |what: &str| Failure::new(format!("cannot copy the checkout: git {what} failed"));
    let top = git(&["rev-parse", "--show-toplevel"]).ok_or_else(|| failed("rev-parse"))?;
    let top = Path::new(top.trim_end());
    let destination = copy.to_string_lossy();
    let from = top.to_string_lossy();
    git(&["clone", "--quiet", "--no-checkout", &from, &destination])
        .ok_or_else(|| failed("clone"))?;
    let at = [
        "-C",
        &*destination,
        "checkout",
        "--quiet",
        "--detach",
        head.trim(),
    ];
    git(&at).ok_or_else(|| failed("checkout"))?;
    let listed = [
        "-C",
        &*from,
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let listed = git(&listed).ok_or_else(|| failed("ls-files"))?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (top.join(name), copy.join(name));
        match from.symlink_metadata() {
            // A submodule is a directory.
            Ok(meta) if meta.is_dir() => copy_tree(&from, &[], &to)?,
            Ok(_) => copy_file(&from, &to)?,
            Err(_) => fs::remove_file(&to).map_err(|error| Failure::io("remove", &to, &error))?,
        }
    }
    let inner = root.strip_prefix(top).unwrap_or(Path::new(""));
    Ok(copy.join(inner))
}

fn copy_tree(from: &Path, without: &[&Path], to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::io("create", to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| Failure::io("read", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("read", from, &error))?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if without.contains(&&*path) {
            continue;
        }
        let kind = entry
            .file_type()
            .map_err(|error| Failure::io("read", &path, &error))?;
        match kind.is_dir() {
            true => copy_tree(&path, without, &to)?,
            false => copy_file(&path, &to)?,
        }
    }
    Ok(())
}

/// Copies a file, or a link as it is.
fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = || {
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        match fs::read_link(from) {
            Ok(end) => {
                let _ = fs::remove_file(to);
                std::os::unix::fs::symlink(end, to)
            }
            Err(_) => fs::copy(from, to).map(drop),
        }
    };
    copied().map_err(|error: io::Error| Failure::io("copy", from, &error))
}

/// Keeps the other archive beside the first one, and shows what `diffoscope` says of both, if the
/// machine has it.
fn explain(built: &Built<'_>, file: &str, there: &[u8]) -> Result<(), Failure> {
    let here = built.archives.join(file);
    let dir = built.archives.join("differs");
    let kept = dir.join(file);
    let written = fs::create_dir_all(&dir).and_then(|()| fs::write(&kept, there));
    written.map_err(|error| Failure::io("write", &kept, &error))?;
    let mut words: Vec<OsString> = vec!["--max-report-size".into(), "65536".into()];
    words.extend([here.into_os_string(), kept.clone().into_os_string()]);
    let shown = Command::new("diffoscope").args(words).output();
    match shown {
        Ok(shown) => output::answer(String::from_utf8_lossy(&shown.stdout).into_owned()),
        Err(_) => output::answer(format!(
            "the other archive is `{}`; diffoscope would show more",
            kept.display()
        )),
    }
    Ok(())
}
