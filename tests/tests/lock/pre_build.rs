//! A locked environment in which a command of the user's installs packages.

use std::fs;

use cross_engine::{Blueprint, LockedPackages};
use cross_tests::OwnCache;

const UPDATE: &str = "update it with `the command`";

/// An environment in which the user's command installs `package`.
fn installing(name: &str, package: &str) -> Blueprint {
    let command = format!("apt-get install --yes {package} >/dev/null && echo made >/srv/made");
    Blueprint::new(name, "bookworm", ["base-files"])
        .architectures(["amd64"])
        .commands([command.clone()])
        .describe_commands([], Some(command))
}

#[test]
fn what_a_command_installs_is_locked() {
    let cache = OwnCache::new();
    cache
        .make(&installing("cross-test-newest", "hello"))
        .unwrap();
    let newest = cache.contents("cross-test-newest");
    let hello = newest
        .packages
        .iter()
        .find(|it| it.name == "hello")
        .unwrap();
    assert_eq!(hello.sha256.as_deref().unwrap().len(), 64);
    let lock = LockedPackages::new(newest.releases.clone(), newest.packages.clone(), UPDATE);

    let locked = installing("cross-test-locked", "hello").locked(lock.clone());
    cache.make(&locked).unwrap();
    assert_eq!(
        cache.contents("cross-test-locked"),
        newest,
        "the lock holds"
    );
    let root = cache.root("cross-test-locked");
    assert_eq!(fs::read_to_string(root.join("srv/made")).unwrap(), "made\n");
    let sources = fs::read_to_string(root.join("etc/apt/sources.list")).unwrap();
    assert!(!sources.contains("/run/cross-core"), "{sources}");
    cache.leftovers.are_none();
}
