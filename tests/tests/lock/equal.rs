//! Two caches with one lock have equal environments.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use cross_core::{Cancel, Cross, engine::EnvironmentLocation};
use cross_engine::Invocation;
use cross_tests::{Project, tool};

/// The files below a directory: path, mode, owner, size, and SHA-256 or the target of a link.
pub(crate) struct FileList(BTreeMap<String, String>);

impl FileList {
    pub(crate) fn of(root: &Path) -> Self {
        let mut list = BTreeMap::new();
        enter(root, root, &mut list);
        let find = Invocation::new("find").args([
            root.to_str().unwrap(),
            "-type",
            "f",
            "-exec",
            "sha256sum",
            "{}",
            "+",
        ]);
        for line in tool::stdout(&find).lines() {
            // A name with a backslash is escaped, and the line begins with one.
            let line = line.trim_start_matches('\\').replace("\\\\", "\\");
            let (hash, path) = line.split_once("  ").unwrap();
            let path = path.strip_prefix(root.to_str().unwrap()).unwrap();
            let entry = list.get_mut(path.trim_start_matches('/')).unwrap();
            entry.push_str(hash);
        }
        FileList(list)
    }
}

fn enter(root: &Path, dir: &Path, list: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let (mode, user, group) = (meta.mode(), meta.uid(), meta.gid());
        let what = match meta.is_symlink() {
            true => fs::read_link(&path).unwrap().display().to_string(),
            false if meta.is_file() => meta.len().to_string(),
            false => String::new(),
        };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        list.insert(name.to_owned(), format!("{mode:o} {user}:{group} {what} "));
        if meta.is_dir() {
            enter(root, &path, list);
        }
    }
}

/// The paths that differ.
pub(crate) fn difference(one: &FileList, other: &FileList) -> Vec<String> {
    let mut paths: Vec<_> = one.0.keys().chain(other.0.keys()).cloned().collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| one.0.get(path) != other.0.get(path));
    paths
}

fn cross(project: &Project, cache: &str) -> Cross {
    let cross = project.cross().engine("sandbox").toolchain("host");
    cross.cache_dir(project.outer().join(cache))
}

/// Makes the environment of `target` as `cross` plans it, and returns its files.
fn made(cross: &Cross, target: &str) -> (String, FileList) {
    let plan = cross.build(target).plan().unwrap().only_environment();
    let sha256 = plan
        .execute(&Cancel::new())
        .unwrap()
        .environment
        .contents_sha256;
    let EnvironmentLocation::Directory(home) = &plan.environment.location else {
        panic!("{:?}", plan.environment.location)
    };
    assert!(sha256.is_some(), "an outcome names the contents");
    (
        plan.environment.name.clone(),
        FileList::of(&home.join("root")),
    )
}

/// Each row makes two environments, and compiles what Zig needs in each, so every day has its own.
#[test]
fn two_caches_with_one_lock_make_equal_environments() {
    let day = UNIX_EPOCH.elapsed().unwrap().as_secs() / (24 * 60 * 60);
    let rows = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-gnu"];
    let target = rows[usize::try_from(day).unwrap() % rows.len()];
    let project = Project::new("app");
    let [first, second] = ["first", "second"].map(|cache| cross(&project, cache));
    // The lock is written where the environment exists, if it does.
    let here = project.cross().engine("sandbox").toolchain("host");
    let locked = here.lock([target]).run().unwrap();
    let made = [&first, &second].map(|cross| made(cross, target));
    assert!(
        made[0].0.ends_with(&locked.targets[0].sha256[..12]),
        "{}",
        made[0].0
    );
    assert_eq!(made[0].0, made[1].0);
    let differs = difference(&made[0].1, &made[1].1);
    assert!(differs.is_empty(), "{target}: {differs:#?}");
    assert!(made[0].1.0.len() > 5000);
    let contents = [&first, &second].map(|cross| cross.contents(target).unwrap());
    assert_eq!(contents[0].sha256(), contents[1].sha256());
    let zig = contents[0].downloads.iter().any(|file| file.name == "zig");
    assert_eq!(zig, target.ends_with("musl"));
}
