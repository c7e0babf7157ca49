//! The stock, which environments share: damaged, outdated, removed, without space, and used at the
//! same time.
//!
//! The environments are small: the essential packages of the suite and one more.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime};

use cross_core::{Cancel, ErrorKind};
use cross_engine::{Blueprint, EnvironmentLocation};
use cross_tests::{OwnCache, Project, tool};

use crate::places::Small;
use crate::{Case, TARGET, fails, says};

/// The base of every environment in this suite.
fn base() -> Blueprint {
    Blueprint::new("cross-test-base", "bookworm", ["base-files"]).architectures(["amd64"])
}

/// The blueprint of an environment with `package`.
fn blueprint(package: &str) -> Blueprint {
    Blueprint::new(
        format!("cross-test-{package}"),
        "bookworm",
        ["base-files", package],
    )
    .architectures(["amd64"])
    .base(Some(base()))
}

/// Makes the environment with `package`, and returns the lines of its progress.
#[track_caller]
fn make(cache: &OwnCache, package: &str) -> Vec<String> {
    let (lines, result) = cache.make_until(&blueprint(package), |_| false);
    result.unwrap();
    assert!(root(cache, package).join("usr/bin/env").exists());
    lines
}

fn root(cache: &OwnCache, package: &str) -> PathBuf {
    cache.root(&blueprint(package).name)
}

fn remove(cache: &OwnCache, package: &str) {
    cache.remove(&blueprint(package).name);
}

/// Returns how many lines begin with `words`.
fn count(lines: &[String], words: &str) -> usize {
    lines.iter().filter(|line| line.starts_with(words)).count()
}

/// The line that is printed when a base is made.
const BASE: &str = "installing the base of this suite";

#[test]
fn a_stock_is_shared_and_repaired() {
    let cache = OwnCache::new();
    several_at_once(&cache);
    a_cancelled_making_leaves_the_base(&cache);
    a_damaged_package_is_downloaded_again(&cache);
    a_base_of_another_release_is_made_again(&cache);
    leftovers_of_a_dead_process_are_swept(&cache);
    everything_can_be_removed(&cache);
    cache.leftovers.are_none();
    drop(cache.project);
}

/// Three threads make two environments from nothing: the base and each environment are made once.
fn several_at_once(cache: &OwnCache) {
    let lines = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for package in ["hello", "hello", "hello-traditional"] {
            let lines = &lines;
            scope.spawn(move || lines.lock().unwrap().extend(make(cache, package)));
        }
    });
    let lines = lines.into_inner().unwrap();
    assert_eq!(count(&lines, BASE), 1, "{lines:#?}");
    assert_eq!(count(&lines, "installing packages"), 2, "{lines:#?}");
    let file = |package: &str, path: &str| root(cache, package).join(path).metadata().unwrap();
    let of_both = ["hello", "hello-traditional"].map(|package| file(package, "usr/bin/dpkg").ino());
    assert_eq!(of_both[0], of_both[1], "equal files are stored once");
    assert!(file("hello", "usr/bin/hello").nlink() == 1);
    // A file that package scripts change is not shared.
    let status =
        ["hello", "hello-traditional"].map(|package| file(package, "var/lib/dpkg/status").ino());
    assert_ne!(status[0], status[1]);
    cache.leftovers.are_none();
}

fn a_cancelled_making_leaves_the_base(cache: &OwnCache) {
    remove(cache, "hello");
    let (lines, result) = cache.make_until(&blueprint("hello"), |line| {
        line.starts_with("Unpacking hello")
    });
    let error = result.unwrap_err();
    assert_eq!(
        error.kind(),
        cross_engine::ErrorKind::Cancelled,
        "{lines:#?}"
    );
    // A disk may need time to remove a tree.
    cache.leftovers.are_none_within(Duration::from_secs(60));
    let lines = make(cache, "hello");
    assert_eq!(count(&lines, BASE), 0, "{lines:#?}");
    let taken = "cross-core: 1 of 1 packages are in the cache";
    assert_eq!(count(&lines, taken), 1, "{lines:#?}");
}

/// Returns the file of the package `hello` in the cache.
fn package_of_hello(cache: &OwnCache) -> PathBuf {
    let entries = fs::read_dir(cache.dir().join("packages")).unwrap();
    let is_hello = |path: &PathBuf| {
        let path = path.to_str().unwrap();
        let show = cross_engine::Invocation::new("dpkg-deb").args(["--field", path, "Package"]);
        tool::stdout(&show).trim() == "hello"
    };
    entries
        .map(|entry| entry.unwrap().path())
        .find(is_hello)
        .unwrap()
}

/// The damaged file has the right length, which apt would accept.
fn a_damaged_package_is_downloaded_again(cache: &OwnCache) {
    let path = package_of_hello(cache);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, vec![0; whole.len()]).unwrap();
    remove(cache, "hello");
    let lines = make(cache, "hello");
    assert_eq!(count(&lines, "cross-core: package hello_"), 1, "{lines:#?}");
    assert_eq!(count(&lines, BASE), 0, "{lines:#?}");
    assert!(root(cache, "hello").join("usr/bin/hello").exists());
    assert!(
        fs::read(&path).unwrap() == whole,
        "and replaces the damaged one"
    );
    cache.leftovers.are_none();
}

fn a_base_of_another_release_is_made_again(cache: &OwnCache) {
    let lists = cache
        .dir()
        .join("bases/cross-test-base/root/var/lib/apt/lists");
    let release = fs::read_dir(lists)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with("Release"))
        .unwrap();
    fs::write(&release, "the release before").unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = File::options().append(true).open(&release).unwrap();
    file.set_modified(long_ago).unwrap();
    remove(cache, "hello");
    let lines = make(cache, "hello");
    assert_eq!(
        count(&lines, "cross-core: the base is of another release"),
        1,
        "{lines:#?}"
    );
    assert_eq!(count(&lines, BASE), 1, "{lines:#?}");
    cache.leftovers.are_none();
}

fn leftovers_of_a_dead_process_are_swept(cache: &OwnCache) {
    let left = [
        "bases/.b-1.base",
        "packages/.e-1.sandbox",
        "environments/.e-1.sandbox",
    ];
    let left = left.map(|path| cache.dir().join(path));
    for path in &left {
        fs::create_dir_all(path.join("root")).unwrap();
    }
    let mut swept = cache
        .environments()
        .sweep(&Cancel::new())
        .unwrap()
        .directories;
    swept.sort();
    let mut expected = left.to_vec();
    expected.sort();
    assert_eq!(swept, expected);
    assert!(cache.dir().join("bases/cross-test-base").exists());
}

fn everything_can_be_removed(cache: &OwnCache) {
    let stock = cache.environments().cache_usage();
    assert!(stock.packages > 50_000, "{stock:?}");
    assert!(
        stock.bases.len() == 1 && stock.bases[0].1 > 50_000_000,
        "{stock:?}"
    );
    let removed = cache.environments().clear_cache(&Cancel::new()).unwrap();
    assert_eq!(removed, stock);
    let left = cache.environments().cache_usage();
    assert!(left.packages == 0 && left.bases.is_empty(), "{left:?}");
    assert!(
        root(cache, "hello").join("usr/bin/dpkg").exists(),
        "environments stay"
    );
}

#[test]
fn no_space_for_an_environment() {
    let case = Case::of(Project::new("app"), "sandbox").own_cache();
    let cache = case.leftovers.own_cache();
    let small = Small::at(&cache, 96);
    let error = fails(ErrorKind::Environment, case.cross.build(TARGET).run());
    let place = cache.to_str().unwrap();
    says(
        &error.to_string(),
        &["no space left on device", place, "MB are free"],
    );
    says(error.help().unwrap(), &["free some space", place, "2 GB"]);
    let left: Vec<_> = ["environments", "bases", "packages"]
        .iter()
        .flat_map(|home| fs::read_dir(cache.join(home)).into_iter().flatten())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    small.read_only();
    let error = fails(ErrorKind::Io, case.cross.build(TARGET).run());
    says(&error.to_string(), &[place]);
    drop(small);
    case.leftovers.are_none();
}

/// The environment is deleted while a build runs. An error of the build has help, and the next
/// build makes the environment again.
#[test]
fn environment_deleted_while_a_build_uses_it() {
    let waits = r#"fn main() {
        let here = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/markers"));
        std::fs::write(here.join("begun"), "").unwrap();
        while !here.join("go").exists() { std::thread::sleep(std::time::Duration::from_millis(50)) }
    }"#;
    let usual = Case::of(Project::new("other"), "sandbox");
    let plan = usual.cross.build(TARGET).plan().unwrap();
    plan.clone()
        .only_environment()
        .execute(&Cancel::new())
        .unwrap();
    let EnvironmentLocation::Directory(made) = &plan.environment.location else {
        panic!("{:?}", plan.environment.location)
    };
    let project = Project::new("app")
        .file("build.rs", waits)
        .file("markers/README", "")
        .cross_toml("[build]\nwritable = [\"markers\"]\n");
    let case = Case::of(project, "sandbox").own_cache();
    let home = case.leftovers.own_cache().join("environments");
    fs::create_dir_all(&home).unwrap();
    let copy = cross_engine::Invocation::new("cp").args(["-al", made.to_str().unwrap()]);
    tool::stdout(&copy.arg(home.to_str().unwrap()));
    let name = &plan.environment.name;
    let markers = case.project.path().join("markers");
    let begun = markers.join("begun");
    let result = thread::scope(|scope| {
        let build = scope.spawn(|| case.cross.build(TARGET).run());
        while !begun.exists() && !build.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(begun.exists(), "the build script starts");
        assert!(case.cross.remove_environment("sandbox", name).unwrap());
        fs::write(markers.join("go"), "").unwrap();
        build.join().unwrap()
    });
    if let Err(error) = result {
        assert_eq!(error.kind(), ErrorKind::CargoFailed, "{error}");
        assert!(!error.help().unwrap_or_default().is_empty(), "{error}");
    }
    let next = case.cross.build(TARGET).plan().unwrap();
    assert!(!next.environment.exists, "the next build makes it again");
    case.leftovers.are_none();
}
