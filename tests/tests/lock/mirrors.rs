//! Where locked packages come from: the cache, the mirror, the snapshot mirror. And what is
//! refused.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use cross_engine::{Blueprint, Cancel, Contents, ErrorKind, InstalledPackage, LockedPackages};
use cross_tests::{OwnCache, tool};

use crate::equal::{FileList, difference};
use crate::says;

const UPDATE: &str = "update it with `the command`";

/// Checks that no environment comes of `blueprint`, and returns the error.
#[track_caller]
fn fails(cache: &OwnCache, kind: ErrorKind, blueprint: &Blueprint) -> cross_engine::Error {
    let error = cache.make(blueprint).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let environments = cache.environments();
    assert!(
        !environments
            .exists(&blueprint.name, &Cancel::new())
            .unwrap()
    );
    cache.leftovers.are_none();
    error
}

/// Returns the path in the cache of the package with the hash `sha256`.
fn cached(cache: &OwnCache, sha256: &str) -> PathBuf {
    cache.dir().join("packages").join(format!("{sha256}.deb"))
}

fn blueprint(name: &str) -> Blueprint {
    Blueprint::new(name, "bookworm", ["base-files", "hello"]).architectures(["amd64"])
}

fn locked(contents: &Contents) -> LockedPackages {
    LockedPackages::new(contents.releases.clone(), contents.packages.clone(), UPDATE)
}

fn hello(contents: &Contents) -> &InstalledPackage {
    contents
        .packages
        .iter()
        .find(|package| package.name == "hello")
        .unwrap()
}

/// A mirror in a directory, with the packages of `contents` that `cache` has.
fn mirror(cache: &OwnCache, contents: &Contents, dir: &Path) -> String {
    for package in &contents.packages {
        let file = cached(cache, package.sha256.as_ref().unwrap());
        let letters = if package.source.starts_with("lib") {
            4
        } else {
            1
        };
        let pool = dir
            .join("pool/main")
            .join(&package.source[..letters])
            .join(&package.source);
        fs::create_dir_all(&pool).unwrap();
        let version = package.version.rsplit(':').next().unwrap();
        let name = format!("{}_{version}_{}.deb", package.name, package.architecture);
        fs::copy(file, pool.join(name)).unwrap();
    }
    let index = dir.join("dists/bookworm/main/binary-amd64");
    fs::create_dir_all(&index).unwrap();
    let entry = "Package: hello\nVersion: 99.1-1\nArchitecture: amd64\nFilename: x\nSHA256: x\n\n";
    fs::write(index.join("Packages"), entry).unwrap();
    format!("file://{}", dir.display())
}

/// Returns the path of the package `hello` in a mirror.
fn hello_in(dir: &Path, contents: &Contents) -> PathBuf {
    let version = &hello(contents).version;
    dir.join(format!("pool/main/h/hello/hello_{version}_amd64.deb"))
}

#[test]
fn packages_come_from_the_cache_the_mirror_and_the_snapshot_and_are_verified() {
    let first = OwnCache::new();
    first.make(&blueprint("cross-test-newest")).unwrap();
    let contents = first.contents("cross-test-newest");
    what_was_installed_is_known(&contents);
    let lock = locked(&contents);
    first
        .make(&blueprint("cross-test-locked").locked(lock.clone()))
        .unwrap();
    assert_eq!(
        first.contents("cross-test-locked"),
        contents,
        "the lock holds"
    );
    let list = FileList::of(&first.root("cross-test-locked"));

    let dir = first.project.outer().join("mirror");
    let url = mirror(&first, &contents, &dir);
    let second = OwnCache::new();
    let from = |name: &str, lock: &LockedPackages| {
        blueprint(name)
            .mirror(Some(url.clone()))
            .locked(lock.clone())
    };
    second.make(&from("cross-test-locked", &lock)).unwrap();
    let other = FileList::of(&second.root("cross-test-locked"));
    // Both name their mirror.
    let differs = difference(&list, &other);
    assert_eq!(differs, ["etc/apt/sources.list"], "two caches, one lock");
    second.remove("cross-test-locked");

    // The cache has what the mirror no longer has.
    let gone = hello_in(&dir, &contents);
    let kept = dir.join("kept.deb");
    fs::rename(&gone, &kept).unwrap();
    second.make(&from("cross-test-locked", &lock)).unwrap();
    second.remove("cross-test-locked");

    withdrawn(&second, &from("cross-test-withdrawn", &lock), &contents);
    let snapshot = first.project.outer().join("20991231T000000Z");
    let name = hello_in(&snapshot, &contents);
    fs::create_dir_all(name.parent().unwrap()).unwrap();
    let template = format!(
        "file://{}/20991231T000000Z",
        first.project.outer().display()
    );
    let with = lock.clone().snapshot(Some(template));
    fs::write(&name, "another file").unwrap();
    a_snapshot_that_lies(&second, &from("cross-test-lies", &with), &contents);
    // Nobody listens at this port.
    let closed = lock.clone().snapshot(Some("http://127.0.0.1:9".to_owned()));
    let unreachable = from("cross-test-unreachable", &closed);
    let error = fails(&second, ErrorKind::Unreachable, &unreachable);
    let words = [
        "`hello:amd64`",
        "99.1-1",
        "`http://127.0.0.1:9` cannot be reached",
    ];
    says(&error.to_string(), &words);
    a_snapshot_that_fails(&second, &lock, &from);
    fs::copy(&kept, &name).unwrap();
    second.make(&from("cross-test-locked", &with)).unwrap();
    assert_eq!(
        second.contents("cross-test-locked").packages,
        contents.packages
    );
    second.remove("cross-test-locked");

    // What is damaged in the cache is obtained again.
    let cached = cached(&second, hello(&contents).sha256.as_ref().unwrap());
    let whole = fs::read(&cached).unwrap();
    fs::write(&cached, vec![0; whole.len()]).unwrap();
    second.make(&from("cross-test-locked", &with)).unwrap();
    assert!(fs::read(&cached).unwrap() == whole);
    second.leftovers.are_none();
    a_lock_that_lacks_a_package(&second, &url, &contents);
    a_full_disk(&url, &lock);
}

fn what_was_installed_is_known(contents: &Contents) {
    let release = &contents.releases[0];
    assert_eq!(release.codename, "bookworm");
    assert!(
        release.date.ends_with(" UTC") && release.sha256.len() == 64,
        "{release:?}"
    );
    assert!(contents.packages.len() > 50);
    for package in &contents.packages {
        let hash = package.sha256.as_deref().unwrap_or_default();
        assert_eq!(hash.len(), 64, "{package:?}");
        assert!(
            !package.source.is_empty() && !package.removed,
            "{package:?}"
        );
    }
    assert_eq!(hello(contents).source, "hello");
}

fn withdrawn(cache: &OwnCache, blueprint: &Blueprint, contents: &Contents) {
    let package = hello(contents);
    fs::remove_file(cached(cache, package.sha256.as_ref().unwrap())).unwrap();
    let error = fails(cache, ErrorKind::PackageNotFound, blueprint);
    let words = ["`hello:amd64`", &package.version, "99.1-1"];
    says(&error.to_string(), &words);
    says(error.help().unwrap(), &["`snapshot`", UPDATE]);
}

fn a_snapshot_that_lies(cache: &OwnCache, blueprint: &Blueprint, contents: &Contents) {
    let package = hello(contents);
    let error = fails(cache, ErrorKind::Lock, blueprint);
    let hash = package.sha256.as_deref().unwrap();
    let words = ["20991231T000000Z has another file", "`hello:amd64`", hash];
    says(&error.to_string(), &words);
    says(error.help().unwrap(), &["do not use this mirror", UPDATE]);
}

/// A mirror that refuses to look, and one whose connection ends within a file, have no other file.
fn a_snapshot_that_fails(
    cache: &OwnCache,
    lock: &LockedPackages,
    from: &dyn Fn(&str, &LockedPackages) -> Blueprint,
) {
    for (answer, why) in [
        ("500 Internal Server Error\r\nContent-Length: 0", "500"),
        ("403 Forbidden\r\nContent-Length: 0", "403"),
        ("200 OK\r\nContent-Length: 100000", "cut the connection"),
    ] {
        let url = server(answer);
        let lock = lock.clone().snapshot(Some(url.clone()));
        let failing = from("cross-test-failing", &lock);
        let error = fails(cache, ErrorKind::Unreachable, &failing);
        says(&error.to_string(), &["`hello:amd64`", &url, why]);
    }
}

/// Answers everything with this head and a part of a file, as long as the test runs.
fn server(head: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
            if head.starts_with("200") {
                let _ = stream.write_all(&[b'x'; 5000]);
            }
        }
    });
    format!("http://{address}")
}

/// Without libc, nothing can be installed. Without a package that nobody needs, the environment is
/// another one than the lock says, and nobody gets it.
fn a_lock_that_lacks_a_package(cache: &OwnCache, url: &str, contents: &Contents) {
    let without = |name: &str| {
        let mut contents = contents.clone();
        contents.packages.retain(|package| package.name != name);
        let lock = locked(&contents);
        blueprint("cross-test-lacks")
            .mirror(Some(url.to_owned()))
            .locked(lock)
    };
    fails(cache, ErrorKind::PackageNotFound, &without("hello"));
    let mut more = contents.clone();
    more.packages
        .push(InstalledPackage::new("not-there", "1", "amd64"));
    let lock = locked(&more);
    let blueprint = blueprint("cross-test-more")
        .mirror(Some(url.to_owned()))
        .locked(lock);
    let error = fails(cache, ErrorKind::Lock, &blueprint);
    says(
        &error.to_string(),
        &["did not become what the lock says", "-not-there:amd64 1"],
    );
}

fn a_full_disk(url: &str, lock: &LockedPackages) {
    let cache = OwnCache::new();
    fs::create_dir(cache.dir()).unwrap();
    let path = cache.dir().to_str().unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=24m,mode=0700", "small", path];
    tool::stdout(&cross_engine::Invocation::new("mount").args(mount));
    let blueprint = blueprint("cross-test-full")
        .mirror(Some(url.to_owned()))
        .locked(lock.clone());
    let result = cache.make(&blueprint);
    let left = fs::read_dir(cache.dir().join("environments")).map(Iterator::count);
    tool::output(&cross_engine::Invocation::new("umount").arg(path));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment, "{error}");
    says(
        &error.to_string(),
        &["no space left on device", "MB are free"],
    );
    assert_eq!(left.unwrap(), 0, "nothing is left");
}
