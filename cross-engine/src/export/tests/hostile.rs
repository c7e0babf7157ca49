//! Archives that are not what they say, and places that have something else already.

use super::*;

#[test]
fn a_hostile_list_is_refused_before_anything_is_written() {
    let machines = Machines::new();
    let ours = file("environment.json", "{}");
    let environment = |entry: Value| {
        list(
            "environment",
            "env",
            &[ours.clone(), directory("root"), entry],
        )
    };
    let toolchain = |entry: Value| list("toolchain", "t", &[directory("bin"), entry]);
    let one = |kind: &str, name: &str, entry: Value| list(kind, name, &[entry]);
    let package = format!("{}.deb", "a".repeat(64));
    let hostile = [
        (environment(file("root/../../x", "")), "its path leads out"),
        (environment(file("/etc/passwd", "")), "its path leads out"),
        (environment(file("root//x", "")), "its path leads out"),
        (environment(file("root/./x", "")), "its path leads out"),
        (
            environment(file("root/a/x", "")),
            "in no directory of the archive",
        ),
        (environment(file("other", "")), "does not belong there"),
        (environment(directory("root")), "it comes twice"),
        (
            environment(link("environment.json/x", "y")),
            "in no directory",
        ),
        (environment(link("link", "/etc")), "does not belong there"),
        (
            environment(link("contents.json", "/etc/passwd")),
            "a link does not belong there",
        ),
        (environment(link("root/x", "")), "leads nowhere"),
        (
            list("environment", "env", &[directory("root")]),
            "it is not whole",
        ),
        (
            list("environment", "env", &[ours.clone(), link("root", "/")]),
            "a link does not belong there",
        ),
        (
            list("environment", "..", &[ours.clone(), directory("root")]),
            "has such a name",
        ),
        (
            list("environment", "a/b", &[ours.clone(), directory("root")]),
            "has such a name",
        ),
        (
            list("environment", ".env", &[ours.clone(), directory("root")]),
            "has such a name",
        ),
        (
            toolchain(link("bin/rustc", "../../../x")),
            "its link leads out",
        ),
        (
            toolchain(link("bin/rustc", "/bin/sh")),
            "its link leads out",
        ),
        (
            list("toolchain", "../x", &[directory("bin"), directory("lib")]),
            "has such a name",
        ),
        (
            one("package", &package, file("", "another")),
            "has such a name",
        ),
        (one("package", "x.deb", file("", "x")), "has such a name"),
        (
            one("crate", "config.toml", file("", "x")),
            "has such a name",
        ),
        (
            one("crate", "bin/cargo-x", file("", "x")),
            "has such a name",
        ),
        (
            one("crate", "registry/cache/x/../../../x.crate", file("", "x")),
            "has such a name",
        ),
        (
            one("crate", "registry/src/x/cc-1/lib.rs", file("", "x")),
            "has such a name",
        ),
        (
            one(
                "crate",
                "registry/cache/x/cc.crate",
                link("", "/etc/passwd"),
            ),
            "a link does not belong",
        ),
        (
            one("crate", "registry/cache/x/cc.crate", directory("")),
            "it is no file",
        ),
        (
            list(
                "crate",
                "git/db/x",
                &[directory("hooks"), directory("refs")],
            ),
            "does not belong there",
        ),
        (
            list(
                "crate",
                "git/db/x",
                &[file("config", ""), directory("refs")],
            ),
            "does not belong there",
        ),
        (
            list("crate", "git/db/x", &[directory("refs"), link("HEAD", "x")]),
            "a link does not belong",
        ),
        (
            one(
                "toolchain",
                "t",
                json!({"path": "x", "kind": "file", "mode": 0, "modified": 0,
                "size": 1, "sha256": "../../x"}),
            ),
            "has no hash",
        ),
        (
            one(
                "toolchain",
                "t",
                json!({"path": "x", "kind": "file", "mode": 0, "modified": 0,
                "size": 1_u64 << 60, "sha256": sha256("")}),
            ),
            "too long",
        ),
        (
            one("device", "x", file("", "x")),
            "`parts.json` of the archive cannot be read",
        ),
        (
            one("package", "x", json!({"path": "", "kind": "device"})),
            "cannot be read",
        ),
    ];
    for (list, why) in hostile {
        // The members are those that the list names.
        machines.write(&list, &[]);
        machines.refuses(why);
        assert!(machines.all().is_empty(), "{list}");
    }
    let mut twice = list("toolchain", "t", &[directory("bin"), directory("lib")]);
    let part = twice["parts"][0].clone();
    twice["parts"].as_array_mut().unwrap().push(part);
    machines.write(&twice, &[]);
    machines.refuses("it comes twice");
}

#[test]
fn members_that_the_list_does_not_name_are_refused() {
    let machines = Machines::new();
    let parts = list("toolchain", "t", &[file("rustc", "made"), directory("lib")]);
    let name = format!("files/{}", sha256("made"));
    let regular = EntryType::Regular;
    let right: (&str, _, &[u8]) = (&name, regular, b"made");
    let climbing = "../../outside";
    for (members, why) in [
        (vec![], "ends early"),
        (vec![(climbing, regular, &b"made"[..])], "`../../outside`"),
        (vec![("/etc/cron.d/x", regular, b"made")], "`/etc/cron.d/x`"),
        (vec![(&*name, EntryType::Symlink, b"")], "no regular file"),
        (vec![(&*name, EntryType::Link, b"")], "no regular file"),
        (vec![(&*name, EntryType::Char, b"")], "no regular file"),
        (vec![(&*name, EntryType::Block, b"")], "no regular file"),
        (vec![(&*name, EntryType::Fifo, b"")], "no regular file"),
        (
            vec![(&*name, EntryType::GNUSparse, b"made")],
            "no regular file",
        ),
        (
            vec![(&*name, EntryType::GNULongName, b"made")],
            "no regular file",
        ),
        (vec![(&*name, regular, b"evil")], "does not have its hash"),
        (vec![(&*name, regular, b"longer")], "its size"),
        (vec![right, right], "the list does not name it"),
        (
            vec![right, ("pax", EntryType::XHeader, b"")],
            "the list does not name it",
        ),
    ] {
        machines.write(&parts, &members);
        machines.refuses(why);
        assert!(machines.all().is_empty(), "{why}");
    }
    machines.write(&parts, &[right]);
    machines.import().unwrap();
}

#[test]
fn an_environment_with_the_manifest_of_another_is_refused() {
    let machines = Machines::new();
    let text = "{\"schema_version\": 1, \"name\": \"other\", \"suite\": \"s\", \"packages\": [], \
                \"bytes\": 1, \"made_at_unix\": 1}";
    let parts = list(
        "environment",
        "env",
        &[file("environment.json", text), directory("root")],
    );
    let name = format!("files/{}", sha256(text));
    machines.write(&parts, &[(&name, EntryType::Regular, text.as_bytes())]);
    machines.refuses("its manifest is that of another one");
    assert!(machines.all().is_empty());
}

#[test]
fn what_is_there_and_differs_is_not_overwritten() {
    for (path, why) in [
        (
            "cache/environments/env/contents.json",
            "it has other packages",
        ),
        (
            "cache/environments/env/environment.json",
            "environment.json` cannot be read: expected value",
        ),
        (
            "rustup/toolchains/stable/bin/rustc",
            "`bin/rustc` is missing or differs",
        ),
        (
            "cargo/registry/cache/x-1/cc-1.0.0.crate",
            "its content differs",
        ),
        (
            "cargo/git/db/forked-1/objects/pack/pack-1.pack",
            "is missing or differs",
        ),
    ] {
        let machines = Machines::new();
        machines.export();
        machines.import().unwrap();
        fs::write(machines.there(path), "another").unwrap();
        // A part that is not there yet is not placed either.
        fs::remove_dir_all(machines.there("cache/packages")).unwrap();
        machines.refuses(why);
        assert_eq!(fs::read_to_string(machines.there(path)).unwrap(), "another");
        assert!(!machines.there("cache/packages").exists());
    }
    // An index that is newer stays.
    let machines = Machines::new();
    machines.export();
    let entry = machines.there("cargo/registry/index/x-1/.cache/2/cc");
    put(entry.clone(), "a newer one");
    machines.import().unwrap();
    assert_eq!(fs::read_to_string(entry).unwrap(), "a newer one");
}

#[test]
fn a_crate_has_to_be_the_one_that_the_project_locks() {
    let machines = Machines::new();
    machines.export();
    let locks = |hash: String| {
        let hashes = BTreeSet::from([hash]);
        let crates = BTreeMap::from([("cc-1.0.0.crate".to_owned(), hashes)]);
        machines.destination().crates(crates)
    };
    let error = machines.import_to(&locks(sha256("another"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(
        error
            .to_string()
            .contains("not the crate that Cargo.lock names"),
        "{error}"
    );
    assert!(machines.all().is_empty());
    machines.import_to(&locks(sha256("a crate"))).unwrap();
}

#[test]
fn an_import_that_is_stopped_leaves_nothing() {
    let machines = Machines::new();
    machines.export();
    let cancel = Cancel::new();
    cancel.cancel();
    let sink = &mut |_, _| ControlFlow::Continue(());
    let (archive, to) = (machines.archive(), machines.destination());
    let error = import(&archive, ARCHITECTURE, None, &to, &cancel, sink).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(machines.all().is_empty());
    // What a killed import left does not stay either.
    machines.import().unwrap();
    let package = machines.there("cache/packages");
    fs::remove_dir_all(&package).unwrap();
    machines.import().unwrap();
    assert!(package.exists());
}

#[test]
fn an_environment_has_to_be_the_one_that_the_project_locks() {
    let machines = Machines::new();
    let contents = |version: &str| {
        let package = InstalledPackage::new("gcc", version, "amd64");
        Contents::new(Vec::new(), vec![package])
    };
    let sources = machines.sources();
    let text = serde_json::to_string(&contents("4")).unwrap();
    put(machines.here("env/contents.json"), &text);
    machines.export_of(&sources);
    let locks = |end: &str, version: &str| {
        let packages = contents(version).packages;
        let locked = LockedPackages::new(Vec::new(), packages, "lock again");
        let locked = BTreeMap::from([(end.to_owned(), locked)]);
        machines.destination().locked(locked)
    };
    let error = machines.import_to(&locks("nv", "5")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    let expected = "`env` is not what Cross.lock says: -gcc:amd64 5, +gcc:amd64 4";
    assert!(error.to_string().contains(expected), "{error}");
    assert!(machines.all().is_empty());
    machines.import_to(&locks("other", "5")).unwrap();
    fs::remove_dir_all(machines.there("")).unwrap();
    machines.import_to(&locks("nv", "4")).unwrap();
}

/// Bytes of an archive reach a message only as text that a terminal does not obey.
#[test]
fn what_an_archive_says_is_shown_without_control_characters() {
    let machines = Machines::new();
    let shown = |error: Error| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text += &error.to_string();
            cause = error.source();
        }
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() < 600, "{text}");
    };
    let line = "[workspace]\u{1b}]0;title\u{7}\n".repeat(100);
    fs::write(machines.archive(), line).unwrap();
    shown(machines.refuses("ends early, or is no archive"));
    for magic in [
        &b"\x1f\x8b\x08"[..],
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"BZh9",
    ] {
        fs::write(machines.archive(), magic).unwrap();
        shown(machines.refuses("is compressed"));
    }
    let header = json!({
        "format": 1, "version": "9", "architecture": "\u{1b}[2J\u{7}", "list_sha256": "",
    });
    machines.write_as(&header, "{}", &[]);
    shown(machines.refuses("and this one has amd64"));
    let entry = [file("bin", "")];
    machines.write(&list("toolchain", "x\u{1b}[2J", &entry), &[]);
    shown(machines.refuses("has such a name"));
    let parts = list("toolchain", "t", &[file("rustc", "made")]);
    let member = ("a\u{1b}[2J", EntryType::Regular, &b"made"[..]);
    machines.write(&parts, &[member]);
    shown(machines.refuses("belongs in its place"));
}
