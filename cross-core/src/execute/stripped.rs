//! Publishes the stripped copies of artifacts, with the files of their debug information.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, RegularFile};

use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::step::Strips;
use crate::plan::strip::LIBRARY_ENDINGS;

/// A stripped copy of an artifact. Its path is relative to the target directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrippedCopy {
    file: PathBuf,
    has_debug_file: bool,
}

impl StrippedCopy {
    /// The published file with the debug information of the artifact that is published at `path`.
    pub(crate) fn debug_file(&self, path: &Path) -> Option<PathBuf> {
        self.has_debug_file.then(|| with_ending(path))
    }
}

/// The copies in the directory `stripped` of `target_dir`, each by the published path of its
/// artifact. Rust's own libraries, and what others link a library by, have none.
///
/// # Errors
///
/// If a program has no copy.
pub(crate) fn copies(
    target_dir: &Dir,
    stripped: &Path,
    artifacts: &[Artifact],
) -> Result<BTreeMap<PathBuf, StrippedCopy>> {
    let dir = files::relative(target_dir, stripped)?;
    let mut copies = BTreeMap::new();
    for artifact in artifacts {
        let Some(file) = place(target_dir, dir, artifact) else {
            continue;
        };
        let is_there = |file: &Path| Ok(target_dir.file_if_any(file).map_engine_error()?.is_some());
        if !is_there(&file)? {
            match artifact.kind {
                ArtifactKind::Library => continue,
                _ => return Err(not_stripped(artifact)),
            }
        }
        let copy = StrippedCopy {
            has_debug_file: is_there(&with_ending(&file))?,
            file,
        };
        copies.insert(artifact.path.clone(), copy);
    }
    Ok(copies)
}

/// Whether everything that `strips` makes of `artifacts` is there, each copy with the time of what
/// was built. A time in whole seconds tells nothing, because two builds may have it.
pub(crate) fn are_current(target_dir: &Dir, strips: &Strips, artifacts: &[Artifact]) -> bool {
    let Ok(dir) = files::relative(target_dir, &strips.dir) else {
        return false;
    };
    let copies = artifacts
        .iter()
        .filter_map(|artifact| Some((artifact, place(target_dir, dir, artifact)?)));
    copies.into_iter().all(|(artifact, copy)| {
        let built = files::open(target_dir, &artifact.inside);
        let Some(time) = built.ok().as_ref().and_then(exact_time) else {
            return false;
        };
        let is_static = copy.extension().is_some_and(|it| it == "a");
        let debug = (strips.keeps_debug && !is_static).then(|| with_ending(&copy));
        let mut made = debug.iter().chain([&copy]);
        made.all(|file| target_dir.file(file).ok().as_ref().and_then(exact_time) == Some(time))
    })
}

/// Where the copy of `artifact` is, if there is one: below `stripped`, which is the directory of a
/// profile below that of its target. Both are relative to `target_dir`.
fn place(target_dir: &Dir, stripped: &Path, artifact: &Artifact) -> Option<PathBuf> {
    let name = artifact.inside.file_name()?.to_str()?;
    let ending = name.split_once('.').map_or("", |(_, ending)| ending);
    let is_stripped = match artifact.kind {
        ArtifactKind::Executable | ArtifactKind::Example => ending != "rlib",
        ArtifactKind::Library => LIBRARY_ENDINGS.contains(&ending),
        ArtifactKind::Test | ArtifactKind::RustLibrary => false,
    };
    let is_published = artifact.inside != artifact.path;
    let of_all = stripped.parent()?.parent()?;
    let copy = of_all.join(target_dir.relative(&artifact.inside)?);
    (is_stripped && is_published && copy.starts_with(stripped)).then_some(copy)
}

/// When `file` was modified, unless only the second is known.
fn exact_time(file: &RegularFile) -> Option<SystemTime> {
    let time = file.as_file().metadata().ok()?.modified().ok()?;
    let fraction = time.duration_since(UNIX_EPOCH).ok()?.subsec_nanos();
    (fraction != 0).then_some(time)
}

/// Copies them to their published paths below `published`. A program comes after the file that it
/// names. A file of that name of an earlier copy is removed.
pub(crate) fn publish(
    target_dir: &Dir,
    published: &Dir,
    copies: &BTreeMap<PathBuf, StrippedCopy>,
    cancel: &Cancel,
) -> Result<()> {
    for (path, copy) in copies {
        let debug = copy.debug_file(path);
        let debug = debug.map(|debug| (with_ending(&copy.file), debug));
        let program = (copy.file.clone(), path.clone());
        for (from, to) in debug.into_iter().chain([program]) {
            let file = target_dir.file(from).map_engine_error()?;
            let to = files::relative(published, &to)?;
            published.publish(&file, to, cancel).map_engine_error()?;
        }
        if !copy.has_debug_file {
            remove_file(&with_ending(path))?;
        }
    }
    Ok(())
}

/// Removes the files with debug information in `dir`, a directory of published files, if `strips`
/// keeps none there.
pub(crate) fn remove_debug_files(dir: &Path, strips: &Strips) -> Result<()> {
    if strips.keeps_debug {
        return Ok(());
    }
    let endings = LIBRARY_ENDINGS.iter().chain(&["exe", "elf"]);
    let endings: Vec<_> = endings.map(|ending| format!(".{ending}")).collect();
    for stem in &strips.stems {
        for ending in endings.iter().map(String::as_str).chain([""]) {
            remove_file(&dir.join(format!("{stem}{ending}.debug")))?;
        }
    }
    Ok(())
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).on("remove", path),
        _ => Ok(()),
    }
}

/// The path of the debug information of the program at `path`.
fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".debug");
    PathBuf::from(name)
}

fn not_stripped(artifact: &Artifact) -> Error {
    let message = format!(
        "`{}` was not stripped: its name is not that of a program that a tool strips",
        artifact.inside.display()
    );
    Error::new(ErrorKind::UnsupportedTarget, message)
        .with_help("let rustc strip it: `strip = true` in the profile")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What a build made, and what was stripped of it.
    struct Stripped {
        root: tempfile::TempDir,
        strips: Strips,
        artifacts: Vec<Artifact>,
    }

    impl Stripped {
        fn new(built: &[(&str, ArtifactKind)], copies: &[&str]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let [inside, published] = ["in", "out"].map(|name| root.path().join(name));
            let strips = Strips {
                dir: inside.join("stripped/split/t/release"),
                stems: Vec::new(),
                keeps_debug: true,
                tool: "objcopy".to_owned(),
            };
            let artifact = |&(file, kind): &(&str, ArtifactKind)| Artifact {
                kind,
                inside: inside.join("t/release").join(file),
                ..Artifact::sample(published.join("t/release").join(file))
            };
            let artifacts: Vec<_> = built.iter().map(artifact).collect();
            fs::create_dir_all(&published).unwrap();
            fs::create_dir_all(inside.join("t/release/examples")).unwrap();
            fs::create_dir_all(strips.dir.join("examples")).unwrap();
            for artifact in &artifacts {
                fs::write(&artifact.inside, "whole").unwrap();
            }
            for file in copies {
                fs::write(strips.dir.join(file), format!("stripped {file}")).unwrap();
            }
            Stripped {
                root,
                strips,
                artifacts,
            }
        }

        fn dir(&self, name: &str) -> Dir {
            Dir::open(self.root.path().join(name)).unwrap()
        }

        fn copies(&self) -> Result<BTreeMap<PathBuf, StrippedCopy>> {
            copies(&self.dir("in"), &self.strips.dir, &self.artifacts)
        }

        fn are_current(&self) -> bool {
            are_current(&self.dir("in"), &self.strips, &self.artifacts)
        }

        /// Gives `file`, below the directory of the target, this time.
        fn set_time(&self, file: &str, time: Duration) {
            let path = self.root.path().join("in").join(file);
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + time).unwrap();
        }
    }

    #[test]
    fn a_program_is_published_stripped_with_its_debug_information() {
        let stripped = Stripped::new(
            &[
                ("app", ArtifactKind::Executable),
                ("libapp.so", ArtifactKind::Library),
                ("libapp.dll.a", ArtifactKind::Library),
                ("libapp.rlib", ArtifactKind::RustLibrary),
                ("examples/libshow.rlib", ArtifactKind::Example),
            ],
            &["app", "app.debug", "libapp.so", "other.debug"],
        );
        let copies = stripped.copies().unwrap();
        let (from, to) = (stripped.dir("in"), stripped.dir("out"));
        // Of another kind of stripping.
        let out = to.path().join("t/release");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("libapp.so.debug"), "old").unwrap();
        publish(&from, &to, &copies, &Cancel::new()).unwrap();
        let kept = copies.iter().map(|(path, copy)| copy.debug_file(path));
        let kept: Vec<_> = kept.collect();
        assert_eq!(kept, [Some(out.join("app.debug")), None]);
        let said = |file: &str| fs::read_to_string(out.join(file)).unwrap();
        assert_eq!(said("app.debug"), "stripped app.debug");
        assert_eq!(said("app"), "stripped app");
        assert!(!out.join("other.debug").exists());
        assert!(!out.join("libapp.so.debug").exists());
    }

    #[test]
    fn files_of_debug_information_go_where_none_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            "app.debug",
            "app.exe.debug",
            "libapp.so.debug",
            "other.debug",
        ];
        for file in files {
            fs::write(dir.path().join(file), "").unwrap();
        }
        let mut strips = Stripped::new(&[], &[]).strips;
        strips.stems = ["app", "libapp"].map(str::to_owned).to_vec();
        let is_there = |file: &&str| dir.path().join(file).exists();
        remove_debug_files(dir.path(), &strips).unwrap();
        assert!(files.iter().all(is_there), "they are kept");
        strips.keeps_debug = false;
        remove_debug_files(dir.path(), &strips).unwrap();
        let left: Vec<_> = files.into_iter().filter(is_there).collect();
        assert_eq!(left, ["other.debug"]);
    }

    #[test]
    fn a_program_without_a_stripped_copy_is_an_error() {
        let stripped = Stripped::new(&[("app.strange", ArtifactKind::Executable)], &[]);
        let error = stripped.copies().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedTarget);
        assert!(error.help().is_some_and(|help| help.contains("strip")));
    }

    #[test]
    fn copies_are_current_while_they_have_the_time_of_what_was_built() {
        let built = [
            ("app", ArtifactKind::Executable),
            ("libapp.a", ArtifactKind::Library),
            ("libapp.rlib", ArtifactKind::RustLibrary),
        ];
        let copies = ["app", "app.debug", "libapp.a"];
        let stripped = Stripped::new(&built, &copies);
        // Windows counts in hundreds of nanoseconds.
        let (first, later) = (Duration::new(1000, 100), Duration::new(1000, 200));
        let all = ["t/release/app", "t/release/libapp.a"].map(str::to_owned);
        let of_copies = copies.map(|file| format!("stripped/split/t/release/{file}"));
        for file in all.iter().chain(&of_copies) {
            stripped.set_time(file, first);
        }
        assert!(stripped.are_current());

        // Another build, older or newer, and what another build was stripped to.
        for changed in all.iter().chain(&of_copies) {
            stripped.set_time(changed, later);
            assert!(!stripped.are_current(), "{changed}");
            stripped.set_time(changed, first);
        }
        assert!(stripped.are_current());

        // A file system that keeps no fractions.
        for file in all.iter().chain(&of_copies) {
            stripped.set_time(file, Duration::new(1000, 0));
        }
        assert!(!stripped.are_current());
    }

    #[test]
    fn a_copy_that_is_not_there_is_not_current() {
        let built = [("app", ArtifactKind::Executable)];
        for copies in [&[][..], &["app"], &["app.debug"]] {
            let stripped = Stripped::new(&built, copies);
            let files = copies.iter();
            let files = files.map(|file| format!("stripped/split/t/release/{file}"));
            for file in files.chain(["t/release/app".to_owned()]) {
                stripped.set_time(&file, Duration::new(1000, 100));
            }
            assert!(!stripped.are_current(), "{copies:?}");
        }
    }
}
