//! The stock, which environments share: damaged, outdated, removed, without space, and used at the
//! same time.
//!
//! The environments are small: the essential packages of the suite and one more.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, SystemTime};

use cross_core::{Cancel, ErrorKind};
use cross_engine::{Blueprint, Engine, EnvironmentLocation, Environments, Host, Progress};
use cross_tests::{Leftovers, Project, engines, tool};

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

/// The sandbox's environments in a separate cache.
struct Stocked {
    project: Project,
    leftovers: Leftovers,
    engine: Engine,
    host: Host,
}

impl Stocked {
    fn new() -> Self {
        let project = Project::new("app");
        let leftovers = Leftovers::of(&project);
        let variables = leftovers.env();
        let variables = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        Stocked {
            host: Host::new(variables.collect(), leftovers.own_cache()),
            engine: engines::need("sandbox"),
            project,
            leftovers,
        }
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.engine, &self.host)
    }

    /// Makes the environment with `package`, and returns the lines of its progress.
    #[track_caller]
    fn make(&self, package: &str) -> Vec<String> {
        let (told, result) = self.make_until(package, "nothing is like this");
        result.unwrap();
        assert!(self.root(package).join("usr/bin/env").exists());
        told
    }

    /// Makes the environment, and cancels at a line that begins with `end`.
    fn make_until(&self, package: &str, end: &str) -> (Vec<String>, cross_engine::Result<()>) {
        let mut told = Vec::new();
        let result =
            self.environments()
                .make(&blueprint(package), &Cancel::new(), &mut |progress| {
                    let (Progress::Stage(line) | Progress::Line(line)) = progress else {
                        return ControlFlow::Continue(());
                    };
                    told.push(line.to_owned());
                    match line.starts_with(end) {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                });
        (told, result)
    }

    fn root(&self, package: &str) -> PathBuf {
        match self.environments().location(&blueprint(package).name) {
            EnvironmentLocation::Directory(home) => home.join("root"),
            other => panic!("{other:?}"),
        }
    }

    fn remove(&self, package: &str) {
        let name = blueprint(package).name;
        assert!(self.environments().remove(&name, &Cancel::new()).unwrap());
    }

    fn cache(&self) -> &Path {
        &self.host.cache
    }
}

/// Returns how many lines begin with `words`.
fn count(told: &[String], words: &str) -> usize {
    told.iter().filter(|line| line.starts_with(words)).count()
}

/// The line that is printed when a base is made.
const BASE: &str = "installing the base of this suite";

#[test]
fn a_stock_is_shared_and_repaired() {
    let stocked = Stocked::new();
    several_at_once(&stocked);
    a_cancelled_making_leaves_the_base(&stocked);
    a_damaged_package_is_downloaded_again(&stocked);
    a_base_of_another_release_is_made_again(&stocked);
    leftovers_of_a_dead_process_are_swept(&stocked);
    everything_can_be_removed(&stocked);
    stocked.leftovers.are_none();
    drop(stocked.project);
}

/// Three threads make two environments from nothing: the base and each environment are made once.
fn several_at_once(stocked: &Stocked) {
    let told = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for package in ["hello", "hello", "hello-traditional"] {
            let told = &told;
            scope.spawn(move || told.lock().unwrap().extend(stocked.make(package)));
        }
    });
    let told = told.into_inner().unwrap();
    assert_eq!(count(&told, BASE), 1, "{told:#?}");
    assert_eq!(count(&told, "installing packages"), 2, "{told:#?}");
    let file = |package: &str, path: &str| stocked.root(package).join(path).metadata().unwrap();
    let of_both = ["hello", "hello-traditional"].map(|package| file(package, "usr/bin/dpkg").ino());
    assert_eq!(of_both[0], of_both[1], "equal files are stored once");
    assert!(file("hello", "usr/bin/hello").nlink() == 1);
    // A file that package scripts change is not shared.
    let status =
        ["hello", "hello-traditional"].map(|package| file(package, "var/lib/dpkg/status").ino());
    assert_ne!(status[0], status[1]);
    stocked.leftovers.are_none();
}

fn a_cancelled_making_leaves_the_base(stocked: &Stocked) {
    stocked.remove("hello");
    let (told, result) = stocked.make_until("hello", "Unpacking hello");
    let error = result.unwrap_err();
    assert_eq!(
        error.kind(),
        cross_engine::ErrorKind::Cancelled,
        "{told:#?}"
    );
    // A disk may need time to remove a tree.
    stocked.leftovers.are_none_within(Duration::from_secs(60));
    let told = stocked.make("hello");
    assert_eq!(count(&told, BASE), 0, "{told:#?}");
    let taken = "cross-core: 1 of 1 packages are in the cache";
    assert_eq!(count(&told, taken), 1, "{told:#?}");
}

/// Returns the file of the package `hello` in the cache.
fn package_of_hello(stocked: &Stocked) -> PathBuf {
    let entries = fs::read_dir(stocked.cache().join("packages")).unwrap();
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
fn a_damaged_package_is_downloaded_again(stocked: &Stocked) {
    let path = package_of_hello(stocked);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, vec![0; whole.len()]).unwrap();
    stocked.remove("hello");
    let told = stocked.make("hello");
    assert_eq!(count(&told, "cross-core: package hello_"), 1, "{told:#?}");
    assert_eq!(count(&told, BASE), 0, "{told:#?}");
    assert!(stocked.root("hello").join("usr/bin/hello").exists());
    assert!(
        fs::read(&path).unwrap() == whole,
        "and replaces the damaged one"
    );
    stocked.leftovers.are_none();
}

fn a_base_of_another_release_is_made_again(stocked: &Stocked) {
    let lists = stocked
        .cache()
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
    stocked.remove("hello");
    let told = stocked.make("hello");
    assert_eq!(
        count(&told, "cross-core: the base is of another release"),
        1,
        "{told:#?}"
    );
    assert_eq!(count(&told, BASE), 1, "{told:#?}");
    stocked.leftovers.are_none();
}

fn leftovers_of_a_dead_process_are_swept(stocked: &Stocked) {
    let left = [
        "bases/.b-1.base",
        "packages/.e-1.sandbox",
        "environments/.e-1.sandbox",
    ];
    let left = left.map(|path| stocked.cache().join(path));
    for path in &left {
        fs::create_dir_all(path.join("root")).unwrap();
    }
    let mut swept = stocked
        .environments()
        .sweep(&Cancel::new())
        .unwrap()
        .directories;
    swept.sort();
    let mut expected = left.to_vec();
    expected.sort();
    assert_eq!(swept, expected);
    assert!(stocked.cache().join("bases/cross-test-base").exists());
}

fn everything_can_be_removed(stocked: &Stocked) {
    let stock = stocked.environments().cache_usage();
    assert!(stock.packages > 50_000, "{stock:?}");
    assert!(
        stock.bases.len() == 1 && stock.bases[0].1 > 50_000_000,
        "{stock:?}"
    );
    let removed = stocked.environments().clear_cache(&Cancel::new()).unwrap();
    assert_eq!(removed, stock);
    let left = stocked.environments().cache_usage();
    assert!(left.packages == 0 && left.bases.is_empty(), "{left:?}");
    assert!(
        stocked.root("hello").join("usr/bin/dpkg").exists(),
        "environments stay"
    );
}

#[test]
fn no_space_for_an_environment() {
    let case = Case::new(Project::new("app"), "sandbox").own_cache();
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
    let usual = Case::new(Project::new("other"), "sandbox");
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
    let case = Case::new(project, "sandbox").own_cache();
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
