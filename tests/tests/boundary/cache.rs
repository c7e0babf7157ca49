//! Attacks on the cache, which belongs to the caller alone: its content is run, mounted and
//! believed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::attacker::Attack;
use crate::seat::{Seat, on_seats};

on_seats! {
    the_cache_may_not_lie_below_the_workspace: sandbox_as_root docker;
    a_cache_that_others_can_write_is_refused: sandbox_as_user docker;
    a_cache_of_another_users_is_refused: sandbox_as_root docker;
    a_cache_that_is_a_link_is_refused: sandbox_as_user docker;
    a_new_cache_is_the_callers_alone: sandbox_as_root sandbox_as_user;
    what_another_user_wrote_into_the_cache_is_not_believed: sandbox_as_root docker;
    what_is_remembered_and_is_none_is_not_believed: sandbox_as_root docker;
    the_environment_is_not_written_from_inside: sandbox_as_user podman;
    the_cache_is_not_seen_from_inside: sandbox_as_root podman;
}

/// A cache of its own, which is still empty, at `path` beside the workspace `app` or in it.
fn with_cache(seat: Seat, path: &str) -> Attack {
    let attack = Attack::on(seat);
    let dir = attack.beside(path);
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    attack.set("CROSS_CACHE_DIR", dir.to_str().unwrap())
}

/// That planning is refused for a reason that speaks of the cache and names it.
#[track_caller]
fn is_refused(attack: &Attack, dir: &Path) {
    let error = attack.run("plan").failed();
    assert!(error.contains("cache"), "{error}");
    assert!(error.contains(dir.to_str().unwrap()), "{error}");
}

fn the_cache_may_not_lie_below_the_workspace(seat: Seat) {
    for place in ["app/cache", "app/target/cache", "app/.cache/cross-core"] {
        let attack = with_cache(seat, place);
        is_refused(&attack, &attack.beside(place));
    }
    // By a link on the way.
    let attack = Attack::on(seat);
    fs::create_dir(attack.path("inner")).unwrap();
    symlink("app/inner", attack.beside("link")).unwrap();
    let dir = attack.beside("link/cache");
    let attack = attack.set("CROSS_CACHE_DIR", dir.to_str().unwrap());
    let error = attack.run("plan").failed();
    assert!(error.contains("cache"), "{error}");
    assert!(!dir.exists());
}

fn a_cache_that_others_can_write_is_refused(seat: Seat) {
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        let attack = with_cache(seat, "cache");
        attack.settle();
        let dir = attack.beside("cache");
        fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
        is_refused(&attack, &dir);
    }
}

fn a_cache_of_another_users_is_refused(seat: Seat) {
    let attack = with_cache(seat, "cache");
    attack.settle();
    // They may look, so that this is no failure to read.
    let dir = attack.beside("cache");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    attack.host("chown", &["12345:12345", "cache"]);
    is_refused(&attack, &dir);
}

fn a_cache_that_is_a_link_is_refused(seat: Seat) {
    let attack = with_cache(seat, "real");
    let dir = attack.beside("cache");
    symlink("real", &dir).unwrap();
    is_refused(&attack.set("CROSS_CACHE_DIR", dir.to_str().unwrap()), &dir);
}

/// Whatever the caller's `umask` is. Making an environment begins, and is stopped.
fn a_new_cache_is_the_callers_alone(seat: Seat) {
    let attack = Attack::on(seat);
    let dir = attack.beside("tmp/new/cache");
    let attack = attack
        .set("CROSS_CACHE_DIR", dir.to_str().unwrap())
        .started_by(&["sh", "-c", "umask 000; exec \"$@\"", "sh"]);
    attack.run("build@2").failed();
    let meta = dir.metadata().unwrap();
    assert_eq!(meta.mode() & 0o777, 0o700);
}

/// The names of remembered answers of this cache, each with its text.
fn remembered(dir: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => dirs.push(entry.path()),
                _ => {
                    found.extend(fs::read_to_string(entry.path()).map(|text| (entry.path(), text)))
                }
            }
        }
    }
    found
}

/// Somebody could write there once, and says that the engine is a program of theirs.
fn what_another_user_wrote_into_the_cache_is_not_believed(seat: Seat) {
    let attack = with_cache(seat, "cache");
    let first = attack.run("plan").last();
    assert!(first["plan"].is_object(), "{first}");
    let dir = attack.beside("cache");
    let evil = attack.beside("evil");
    let marker = attack.beside("tmp/it-ran");
    let script = format!("#!/bin/sh\n: >{}\nexit 1\n", marker.display());
    fs::write(&evil, script).unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    let answers = remembered(&dir);
    assert!(!answers.is_empty(), "something is remembered");
    for (path, text) in answers {
        let program = if seat.is_sandbox() { "bwrap" } else { "docker" };
        let mut entry: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        rename_programs(&mut entry["answer"], program, evil.to_str().unwrap());
        fs::write(&path, entry.to_string()).unwrap();
        attack.host("chown", &["12345:12345", path.to_str().unwrap()]);
    }
    let again = attack.run("plan");
    again.ended_in_time();
    assert!(
        !again.output().contains(evil.to_str().unwrap()),
        "{}",
        again.shown()
    );
    assert!(!marker.exists(), "it was started");
}

/// Every text that ends with the name of a program becomes another.
fn rename_programs(value: &mut serde_json::Value, name: &str, other: &str) {
    use serde_json::Value::{Array, Object, String};
    match value {
        String(text) if text.rsplit('/').next() == Some(name) => other.clone_into(text),
        Array(values) => values
            .iter_mut()
            .for_each(|value| rename_programs(value, name, other)),
        Object(values) => values
            .values_mut()
            .for_each(|value| rename_programs(value, name, other)),
        _ => {}
    }
}

/// Files that are none: a FIFO would be waited for, and what is endless read.
fn what_is_remembered_and_is_none_is_not_believed(seat: Seat) {
    for kind in ["fifo", "endless", "nonsense"] {
        let attack = with_cache(seat, "cache").patience(15);
        attack.run("plan").succeeded();
        let answers = remembered(&attack.beside("cache"));
        assert!(!answers.is_empty(), "something is remembered");
        for (path, _) in answers {
            fs::remove_file(&path).unwrap();
            match kind {
                "fifo" => drop(attack.host("mkfifo", &["-m", "666", path.to_str().unwrap()])),
                "endless" => symlink("/dev/zero", &path).unwrap(),
                _ => fs::write(&path, "{\"key\":\"\",\"stamps\":[],\"answer\":{}}").unwrap(),
            }
        }
        let again = attack.run("plan");
        again.had_at_most(256);
        again.succeeded();
    }
}

fn the_environment_is_not_written_from_inside(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    for path in ["/usr/bin/cc", "/usr/bin/evil", "/etc/evil", "/evil", "/usr/lib/evil", "/usr/bin/rustc"] {
        tried(path, OpenOptions::new().append(true).create(true).open(path));
    }
    tell("tried", 1);
"##,
    );
    let said = attack.run("build");
    said.succeeded().told("tried");
    let next = Attack::on(seat).build_script(
        r##"
    for path in ["/usr/bin/evil", "/etc/evil", "/evil", "/usr/lib/evil"] {
        tell(path, if Path::new(path).exists() { "there" } else { "not there" });
    }
"##,
    );
    // A container's own layer goes with it; of a sandbox's root there is only one.
    let later = next.run("build");
    for path in ["/usr/bin/evil", "/etc/evil", "/evil", "/usr/lib/evil"] {
        assert_eq!(later.told(path), "not there");
        if seat.is_sandbox() && path != "/evil" {
            said.refused(path);
        }
    }
}

/// But for the files that are made for the run, which are read only.
fn the_cache_is_not_seen_from_inside(seat: Seat) {
    let attack = Attack::on(seat).program_and_test(
        r##"
    let mut writable = Vec::new();
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let place = Path::new(fields[4]);
        let marked = |name: &str| place.ancestors().any(|dir| dir.file_name().map_or(false, |own| own == name));
        if marked("cross-core") && !place.starts_with(workspace()) && !marked("relays") {
            let probe = if place.is_dir() { place.join("evil") } else { place.to_owned() };
            if OpenOptions::new().append(true).create(true).open(probe).is_ok() {
                writable.push(place.to_owned());
            }
        }
    }
    tell("writable", format!("{:?}", writable));
    let cache = std::env::var_os("CROSS_CACHE_DIR");
    tell("told of it", cache.is_some());
"##,
    );
    let said = attack.run("test");
    assert_eq!(said.succeeded().told("writable"), "[]");
    assert_eq!(said.told("told of it"), "false");
}
