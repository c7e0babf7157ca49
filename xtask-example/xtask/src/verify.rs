//! `dist --verify`: builds again in another place, and compares what is shipped byte for byte.
//!
//! The other place is a copy of the checkout in a directory of another name and depth, on another
//! engine if there is one, for a user with other settings. An archive that differs is shown with
//! the first difference.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use cross_core::{Cancel, Cross, engine::EngineKind};
use serde_json::json;

use crate::archive::Kind;
use crate::checkout::{self, git};
use crate::cli;
use crate::crates::Metadata;
use crate::difference;
use crate::failure::Failure;
use crate::manifest::Entry;
use crate::output;
use crate::papers;

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

/// The target directory of the copy, in it.
const TARGET_DIR: &str = "target";

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

/// Checks that the engine that is to build again answers, before anything is built.
pub(crate) fn require(
    cross: &Cross,
    args: &cli::Dist,
    targets: &[String],
    cancel: &Cancel,
) -> Result<(), Failure> {
    let (Some(engine), Some(target)) = (&args.verify_engine, targets.first()) else {
        return Ok(());
    };
    let again = cross.clone().engine(engine);
    again.build(target).plan_until(cancel)?;
    Ok(())
}

/// Builds the archives again elsewhere, and compares them.
///
/// # Errors
///
/// If they differ, or if the other build fails.
pub(crate) fn run(built: &Built<'_>, cancel: &Cancel) -> Result<(), Failure> {
    check_crates(built)?;
    let temporary = tempfile::tempdir();
    let temporary = temporary
        .map_err(|error| Failure::new(format!("cannot make a temporary directory: {error}")))?;
    let copy = temporary.path().join(COPY);
    let target_dir = built.archives.parent().unwrap_or(built.archives);
    let copy = copy_checkout(built.root, target_dir, &copy, cancel)?;
    let engine = built.other_engine(cancel)?;
    build_again(built, &copy, &engine, cancel)?;
    cancel.check().map_err(|_| Failure::new("interrupted"))?;
    let mut differ = 0;
    let files = built.files();
    for (file, sha256) in &files {
        let [here, there] = [built.archives, &copy.join(TARGET_DIR).join("dist")].map(|dir| {
            let path = dir.join(file);
            fs::read(&path).map_err(|error| Failure::io("read", &path, &error))
        });
        let (here, there) = (here?, there?);
        let kind = Kind::of_file(file);
        let found = difference::first(kind, [&here, &there])?;
        differ += usize::from(found.is_some());
        let told = found.as_ref().map(ToString::to_string);
        if built.args.message_format == cli::Format::Json {
            output::json(&json!({ "event": { "dist-verified": {
                "file": file,
                "sha256": sha256,
                "engine": engine,
                "difference": told,
            }}}));
        } else {
            match &told {
                None => output::answer(format!("{file}: the same bytes on {engine}")),
                Some(told) => output::answer(format!("{file}: {told}")),
            }
        }
        if found.is_some() {
            explain(built, file, &there)?;
        }
    }
    match differ {
        0 => Ok(()),
        _ => Err(Failure::new(format!(
            "{differ} of {} files are not reproducible",
            files.len()
        ))
        .with_help(
            "docs/reproducible.md has what makes builds differ; `cargo xtask plan` warns of what is known",
        )),
    }
}

impl Built<'_> {
    /// The files to compare, each with its SHA-256: all but the papers, which are of one run and name
    /// its engine.
    fn files(&self) -> Vec<(&str, &str)> {
        let archives = self.entries.iter().filter_map(|it| it.archive.as_ref());
        let mut files = Vec::new();
        for archive in archives {
            files.push((&*archive.file, &*archive.sha256));
            let beside = archive.papers.iter();
            let beside = beside.filter(|paper| !paper.file.ends_with(".json"));
            files.extend(beside.map(|it| (&*it.file, &*it.sha256)));
        }
        files
    }

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
    let args = built.args;
    let flags = [
        ("--offline", choice.offline),
        ("--symbols", args.symbols),
        ("--deb", args.deb),
    ];
    for (flag, _) in flags.iter().filter(|(_, is_set)| *is_set) {
        again.arg(flag);
    }
    if let Some(jobs) = built.args.jobs {
        again.args(["--jobs", &jobs.to_string()]);
    }
    again.current_dir(copy).envs(OTHERS);
    // Neither a variable nor a configuration file moves it to where the first archives are.
    again.env("CARGO_TARGET_DIR", copy.join(TARGET_DIR));
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

/// Refuses what a copy of the repository cannot have: crates in directories beside it.
fn check_crates(built: &Built<'_>) -> Result<(), Failure> {
    let top = checkout::top(built.root);
    // Others than these may not be fetched.
    let host = papers::host();
    let triples = built.targets.iter().flat_map(|it| papers::triples(it));
    let triples: Vec<_> = triples.chain([host.as_str()]).collect();
    let metadata = Metadata::query(built.root, &triples, built.args.choice.offline)?;
    let outside: Vec<_> = metadata
        .outside(&top)
        .map(|(name, dir)| format!("`{name}` in `{}`", dir.display()))
        .collect();
    if outside.is_empty() {
        return Ok(());
    }
    let message = format!(
        "`--verify` builds in a copy of `{}`, which does not have {}",
        top.display(),
        outside.join(", ")
    );
    Err(Failure::new(message).with_help("move the crate into the repository"))
}

/// Copies the checkout: its history, and its files as they are now, without what git ignores. What
/// is no checkout of git is copied without its target directory. Returns where the workspace is.
fn copy_checkout(
    root: &Path,
    target_dir: &Path,
    copy: &Path,
    cancel: &Cancel,
) -> Result<PathBuf, Failure> {
    fs::create_dir_all(copy).map_err(|error| Failure::io("create", copy, &error))?;
    let Ok(head) = git(root, ["rev-parse", "--verify", "HEAD"]) else {
        copy_tree(root, &[target_dir], copy, cancel)?;
        return Ok(copy.to_owned());
    };
    let failed = |reason| Failure::new(format!("cannot copy the checkout: {reason}"));
    let top = checkout::top(root);
    let clone = ["clone", "--quiet", "--no-checkout", "--"].map(OsStr::new);
    let clone = clone.into_iter().chain([top.as_os_str(), copy.as_os_str()]);
    git(root, clone).map_err(failed)?;
    let head = String::from_utf8_lossy(&head);
    git(copy, ["checkout", "--quiet", "--detach", head.trim()]).map_err(failed)?;
    let listed = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    for name in checkout::paths(&git(&top, listed).map_err(failed)?) {
        copy_any(&top.join(&name), &[], &copy.join(&name), cancel)?;
    }
    let inner = root.strip_prefix(&top).unwrap_or(Path::new(""));
    Ok(copy.join(inner))
}

/// Copies a directory without the state of a repository: that of a submodule says where the outer
/// one is.
fn copy_tree(from: &Path, without: &[&Path], to: &Path, cancel: &Cancel) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::io("create", to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| Failure::io("read", from, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("read", from, &error))?;
        let path = entry.path();
        if entry.file_name() != ".git" && !without.contains(&&*path) {
            copy_any(&path, without, &to.join(entry.file_name()), cancel)?;
        }
    }
    Ok(())
}

/// Copies a directory, a file or a link. Whatever else there is, such as a socket, is no source. What
/// is not there any more is removed.
fn copy_any(from: &Path, without: &[&Path], to: &Path, cancel: &Cancel) -> Result<(), Failure> {
    cancel.check().map_err(|_| Failure::new("interrupted"))?;
    let Ok(meta) = from.symlink_metadata() else {
        return match fs::remove_file(to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io("remove", to, &error))
            }
            _ => Ok(()),
        };
    };
    let kind = meta.file_type();
    match kind.is_dir() {
        true => copy_tree(from, without, to, cancel),
        false if kind.is_file() || kind.is_symlink() => copy_file(from, to),
        false => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn the_other_engine_is_required() {
        let words = ["xtask", "dist", "--verify", "--verify-engine", "nonsense"];
        let Command::Dist(args) = Cli::parse_from(words).command else {
            panic!("{words:?}");
        };
        let cross = Cross::at(env!("CARGO_MANIFEST_DIR"));
        let targets = ["x86_64-unknown-linux-gnu".to_owned()];
        let failure = require(&cross, &args, &targets, &Cancel::new()).unwrap_err();
        assert!(failure.to_string().contains("nonsense"), "{failure}");
    }

    fn repository(dir: &Path, files: &[&str]) {
        let git = |words: &[&str]| git(dir, words).unwrap();
        git(&["init", "--quiet"]);
        git(&[&["add", "--"], files].concat());
        for (key, value) in [
            ("user.name", "a"),
            ("user.email", "a@b"),
            ("commit.gpgSign", "false"),
        ] {
            git(&["config", key, value]);
        }
        git(&["commit", "--quiet", "--message", "a"]);
    }

    #[test]
    fn a_copy_has_what_the_checkout_has_and_is_one_itself() {
        use std::os::unix::ffi::OsStrExt as _;

        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let inner = from.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("a"), "a").unwrap();
        repository(&inner, &["a"]);
        // What a submodule has, whose state is elsewhere.
        let state = from.join("state");
        fs::rename(inner.join(".git"), &state).unwrap();
        fs::write(inner.join(".git"), "gitdir: ../state").unwrap();
        let odd = OsStr::from_bytes(b"\xff.rs");
        fs::write(from.join(odd), "odd").unwrap();
        fs::write(from.join("gone"), "").unwrap();
        fs::write(from.join(".gitignore"), "/state").unwrap();
        repository(&from, &["."]);
        fs::remove_file(from.join("gone")).unwrap();
        fs::write(from.join("new"), "new").unwrap();
        for pipe in [from.join("pipe"), inner.join("pipe")] {
            assert!(
                std::process::Command::new("mkfifo")
                    .arg(pipe)
                    .status()
                    .unwrap()
                    .success()
            );
        }

        let copied = copy_checkout(&from, &from.join("target"), &to, &Cancel::new()).unwrap();
        assert_eq!(copied, to);
        assert_eq!(fs::read(to.join(odd)).unwrap(), b"odd");
        assert_eq!(fs::read(to.join("inner/a")).unwrap(), b"a");
        assert_eq!(fs::read(to.join("new")).unwrap(), b"new");
        for absent in ["gone", "pipe", "inner/pipe", "inner/.git"] {
            assert!(to.join(absent).symlink_metadata().is_err(), "{absent}");
        }
        let status = git(&to, ["status", "--porcelain"]).unwrap();
        assert_eq!(String::from_utf8_lossy(&status), " D gone\n?? new\n");
    }

    #[test]
    fn a_copy_ends_with_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a"), "").unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(copy_tree(&from, &[], &to, &cancel).is_err());
        assert!(!to.join("a").exists());
    }
}
