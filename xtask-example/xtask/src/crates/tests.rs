use super::*;
use serde_json::{Value, json};

const CRATES_IO_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";
const GIT_SOURCE: &str = "git+https://me:token@h/one?branch=main";
const REVISION: &str = "0123456789abcdef0123456789abcdef01234567";

/// A workspace with the packages `app` and `other`, and what cargo says of it.
///
/// `app` has two programs, a feature `extra` that turns on the optional `opt` under another name, a
/// development dependency, a build dependency, a procedural macro, and one for Windows alone. `other`
/// is of the same workspace and needs `lonely`.
pub(crate) fn metadata(for_windows: bool) -> Metadata {
    let mut packages = vec![
        local(
            "app",
            "",
            json!([
                dependency("z-sys", None, false),
                dependency("two", None, false),
                dependency("mac", None, false),
                dependency("near", None, false),
                json!({ "name": "opt", "rename": "thing", "kind": null, "optional": true }),
                dependency("idle", None, true),
                dependency("dev-only", Some("dev"), false),
                dependency("builder", Some("build"), false),
            ]),
        ),
        local("other", "other", json!([dependency("lonely", None, false)])),
        local("near", "near", json!([])),
        remote(
            "z-sys",
            json!([dependency("builder", Some("build"), false)]),
        ),
        remote("mac", json!([dependency("shared", None, false)])),
        remote("shared", json!([])),
        remote("builder", json!([dependency("shared", None, false)])),
        remote("opt", json!([])),
        remote("idle", json!([])),
        remote("dev-only", json!([])),
        remote("lonely", json!([])),
        package(
            "two",
            &format!("{GIT_SOURCE}#{REVISION}"),
            "/git/two",
            json!([]),
        ),
    ];
    packages[0]["features"] = json!({
        "default": [], "extra": ["dep:thing"], "weak": ["idle?/std"], "idle": ["dep:idle"],
    });
    packages[4]["targets"] = json!([{ "kind": ["proc-macro"] }]);
    packages[2]["license"] = Value::Null;
    packages[5]["license"] = Value::Null;
    packages[5]["license_file"] = json!("COPYING");
    let mut app = vec![
        edge("z-sys", &[None]),
        edge("two", &[None]),
        edge("mac", &[None]),
        edge("near", &[None]),
        edge("opt", &[None]),
        edge("idle", &[None]),
        edge("dev-only", &[Some("dev")]),
        edge("builder", &[Some("build")]),
    ];
    if for_windows {
        packages.push(remote("windows-only", json!([])));
        app.push(edge("windows-only", &[None]));
    }
    let nodes = json!([
        { "id": id("app"), "deps": app },
        { "id": id("other"), "deps": [edge("lonely", &[None])] },
        { "id": id("z-sys"), "deps": [edge("builder", &[Some("build")])] },
        { "id": id("mac"), "deps": [edge("shared", &[None])] },
        { "id": id("builder"), "deps": [edge("shared", &[None])] },
    ]);
    let text = json!({
        "packages": packages,
        "workspace_members": [id("app"), id("other"), id("near")],
        "workspace_root": "/w",
        "resolve": { "nodes": nodes },
    });
    Metadata::parse(&text.to_string()).unwrap()
}

fn id(name: &str) -> String {
    format!("id:{name}")
}

fn package(name: &str, source: &str, dir: &str, dependencies: Value) -> Value {
    json!({
        "id": id(name), "name": name, "version": "1.0.0", "source": source,
        "license": "MIT/Apache-2.0", "license_file": null,
        "manifest_path": format!("{dir}/Cargo.toml"), "dependencies": dependencies,
        "features": { "default": [] }, "targets": [{ "kind": ["lib"] }],
    })
}

fn remote(name: &str, dependencies: Value) -> Value {
    package(name, CRATES_IO_SOURCE, "/registry/x", dependencies)
}

fn local(name: &str, dir: &str, dependencies: Value) -> Value {
    let mut package = package(name, "", &format!("/w/{dir}"), dependencies);
    package["source"] = Value::Null;
    package
}

fn dependency(name: &str, kind: Option<&str>, optional: bool) -> Value {
    json!({ "name": name, "rename": null, "kind": kind, "optional": optional })
}

fn edge(name: &str, kinds: &[Option<&str>]) -> Value {
    let kinds: Vec<_> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
    json!({ "pkg": id(name), "dep_kinds": kinds })
}

pub(crate) const LOCK: &str = r#"
version = 4

[[package]]
name = "z-sys"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "1111111111111111111111111111111111111111111111111111111111111111"

[[package]]
name = "two"
version = "1.0.0"
source = "git+https://me:token@h/one?branch=main#0123456789abcdef0123456789abcdef01234567"

[[package]]
name = "app"
version = "1.0.0"
"#;

/// What cargo compiled for `app`, with these features of it.
pub(crate) fn compiled(features: &[&str]) -> Vec<CompiledPackage> {
    let mut all = vec![
        unit("app", None, false, features),
        unit("near", None, false, &[]),
        unit("z-sys", Some(CRATES_IO_SOURCE), false, &["bundled", "std"]),
        // Without the password, which stays outside.
        unit("two", Some("git+https://h/one?branch=main"), false, &[]),
        unit("mac", Some(CRATES_IO_SOURCE), true, &[]),
        unit("builder", Some(CRATES_IO_SOURCE), true, &["parallel"]),
        unit("shared", Some(CRATES_IO_SOURCE), true, &["std"]),
        // Cargo was asked for `other`, too.
        unit("other", None, false, &[]),
        unit("lonely", Some(CRATES_IO_SOURCE), false, &[]),
        unit("idle", Some(CRATES_IO_SOURCE), false, &[]),
    ];
    all[2]["native_libraries"] = json!([
        { "name": "ssl", "kind": null, "origin": "environment" },
        { "name": "z", "kind": "static", "origin": "build-script" },
    ]);
    if features.contains(&"extra") {
        all.push(unit("opt", Some(CRATES_IO_SOURCE), false, &[]));
    }
    serde_json::from_value(Value::Array(all)).unwrap()
}

fn unit(name: &str, source: Option<&str>, for_host: bool, features: &[&str]) -> Value {
    json!({
        "name": name, "version": "1.0.0", "source": source, "for_host": for_host,
        "features": features, "native_libraries": [],
    })
}

/// The crates of `app` with these features.
pub(crate) fn app(features: &[&str]) -> Vec<Crate> {
    of("app", &compiled(features)).unwrap()
}

fn of(package: &str, compiled: &[CompiledPackage]) -> Result<Vec<Crate>, Failure> {
    resolved(|resolved| resolved.crates_of(package, compiled))
}

/// What `ask` finds in the workspace.
fn resolved<T>(ask: impl FnOnce(&Resolved<'_>) -> T) -> T {
    ask(&Resolved {
        for_target: &metadata(false),
        for_host: &metadata(true),
        checksums: &Checksums::parse(LOCK).unwrap(),
        repository: Path::new("/"),
    })
}

fn names(crates: &[Crate]) -> Vec<String> {
    let name = |one: &Crate| match one.key.for_host {
        true => format!("{} (host)", one.name),
        false => one.name.clone(),
    };
    crates.iter().map(name).collect()
}

#[test]
fn a_program_has_the_crates_that_it_needs_and_no_others() {
    // Without those for tests, for other targets, for other packages, and of features that are off.
    let for_target = ["app", "near", "two", "z-sys"];
    let with_extra = ["app", "near", "opt", "two", "z-sys"];
    let for_host = ["builder (host)", "mac (host)", "shared (host)"];
    for (features, for_target) in [(&[][..], &for_target[..]), (&["extra"], &with_extra)] {
        assert_eq!(names(&app(features)), [for_target, &for_host].concat());
    }
    // `idle?/std` turns nothing on.
    assert_eq!(names(&app(&["weak"])), names(&app(&[])));
    assert_eq!(
        names(&of("other", &compiled(&[])).unwrap()),
        ["other", "lonely"]
    );
}

#[test]
fn a_crate_has_what_its_manifest_and_the_lock_say_of_it() {
    let crates = app(&[]);
    let find = |name: &str| crates.iter().find(|one| one.name == name).unwrap();
    let z = find("z-sys");
    assert_eq!(z.checksum.as_deref(), Some("1".repeat(64).as_str()));
    assert_eq!(z.source, Source::CratesIo);
    assert_eq!(z.features, ["bundled", "std"]);
    assert_eq!(z.libraries.len(), 2);
    let two = find("two");
    let git = Source::Git("https://h/one".to_owned(), REVISION.to_owned());
    assert_eq!(
        (&two.source, &two.checksum),
        (&git, &None),
        "and no password"
    );
    let near = find("near");
    let dir = Source::Directory(PathBuf::from("near"));
    assert_eq!((&near.source, &near.license), (&dir, &None));
    assert_eq!(find("shared").license_file.as_deref(), Some("COPYING"));
    assert!(find("mac").is_macro);
}

#[test]
fn what_cargo_did_not_lock_is_an_error() {
    let mut forged = compiled(&[]);
    let extra = json!([unit("evil", Some(CRATES_IO_SOURCE), false, &[])]);
    forged.extend(serde_json::from_value::<Vec<CompiledPackage>>(extra).unwrap());
    let error = of("app", &forged).unwrap_err();
    assert!(error.to_string().contains("`evil 1.0.0`"), "{error}");
    // A package of the right name from elsewhere.
    let mut forged = compiled(&[]);
    forged[2].source = Some("registry+https://elsewhere/".to_owned());
    assert!(of("app", &forged).is_err());
    let error = of("app", &compiled(&[])[1..]).unwrap_err();
    assert!(error.to_string().contains("did not compile"), "{error}");
}

#[test]
fn sources_have_no_user_and_no_password() {
    for (url, expected) in [
        ("https://h/x", "https://h/x"),
        ("https://token@h/x@y", "https://h/x@y"),
        ("https://me:pw@h", "https://h"),
        ("ssh://git@h/x", "ssh://git@h/x"),
        ("ssh://git:pw@h/x", "ssh://git@h/x"),
    ] {
        assert_eq!(without_user(url), expected, "{url}");
    }
}

/// The lock of the standard library, in part.
const STD_LOCK: &str = r#"
version = 4

[[package]]
name = "compiler_builtins"
version = "0.1.160"
dependencies = ["cc", "core"]

[[package]]
name = "core"
version = "0.0.0"

[[package]]
name = "std"
version = "0.0.0"
dependencies = ["core", "hashbrown"]

[[package]]
name = "hashbrown"
version = "0.15.5"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "5555555555555555555555555555555555555555555555555555555555555555"
"#;

/// What cargo compiles of the standard library with `-Zbuild-std`, as its messages name it.
fn std_units() -> Vec<CompiledPackage> {
    let mut all = vec![
        unit("compiler_builtins", None, false, &["compiler-builtins"]),
        unit("core", None, false, &[]),
        unit(
            "hashbrown",
            Some(CRATES_IO_SOURCE),
            false,
            &["nightly", "rustc-dep-of-std"],
        ),
        unit("std", None, false, &["backtrace", "panic-unwind"]),
    ];
    for (one, version) in all.iter_mut().zip(["0.1.160", "0.0.0", "0.15.5", "0.0.0"]) {
        one["version"] = json!(version);
    }
    serde_json::from_value(Value::Array(all)).unwrap()
}

/// What is compiled of a program and of the standard library, and the crates of both.
pub(crate) fn with_std(lock: &StdLock) -> (Result<Vec<Crate>, Failure>, Vec<StdCrate>) {
    let all = [compiled(&[]), std_units()].concat();
    resolved(|resolved| {
        let (own, std) = resolved.without_std(&all, lock);
        (resolved.crates_of("app", &own), std)
    })
}

pub(crate) fn std_lock() -> StdLock {
    StdLock::parse(STD_LOCK).unwrap()
}

#[test]
fn crates_of_a_compiled_std_are_found_in_its_own_lock() {
    let (crates, std) = with_std(&std_lock());
    assert_eq!(crates.unwrap(), app(&[]), "the program's are the same");
    let names: Vec<_> = std
        .iter()
        .map(|one| (&*one.name, one.version.as_deref()))
        .collect();
    let own = ["compiler_builtins", "core"].map(|name| (name, None));
    assert_eq!(names[..2], own);
    assert_eq!(names[2..], [("hashbrown", Some("0.15.5")), ("std", None)]);
    assert_eq!(std[2].checksum.as_deref(), Some(&*"5".repeat(64)));
    // The Rust of a distribution, whose lock is in the environment.
    let (crates, known) = with_std(&StdLock::default());
    crates.unwrap();
    assert_eq!(known.len(), 4);
    assert_eq!(known[2].checksum, None);
}

/// What the lock of `std` does not have is refused like anything that was not locked.
#[test]
fn what_only_says_that_it_is_of_std_is_refused() {
    let lock = StdLock::parse(&STD_LOCK.replace("0.15.5", "0.15.6")).unwrap();
    let (crates, std) = with_std(&lock);
    assert_eq!(std.len(), 3);
    let error = crates.unwrap_err().to_string();
    assert!(error.contains("`hashbrown 0.15.5`"), "{error}");
}

/// The workspace may lock the version of a crate that `std` has, without the program needing it.
#[test]
fn a_crate_that_both_locks_have_is_of_std_if_it_was_compiled_for_it() {
    let lock = STD_LOCK
        .replace("hashbrown", "lonely")
        .replace("0.15.5", "1.0.0");
    let lock = StdLock::parse(&lock).unwrap();
    let split = |feature: &str| {
        let lonely = unit("lonely", Some(CRATES_IO_SOURCE), false, &[feature]);
        let all: Vec<CompiledPackage> = serde_json::from_value(json!([lonely])).unwrap();
        let (own, std) = resolved(|resolved| resolved.without_std(&all, &lock));
        (own.len(), std.len())
    };
    assert_eq!(split("rustc-dep-of-std"), (1, 1));
    assert_eq!(split("std"), (1, 0), "it is the program's");
}

#[test]
fn a_crate_outside_of_the_repository_is_no_part_of_it() {
    let origin = |dir: &str| {
        let mut package = package("near", "", dir, json!([]));
        package["source"] = Value::Null;
        let package: Package = serde_json::from_value(package).unwrap();
        package.origin(Path::new("/repository/rust/w"), Path::new("/repository"))
    };
    let directory = |path: &str| Source::Directory(PathBuf::from(path));
    assert_eq!(origin("/repository/rust/w"), directory(""));
    assert_eq!(origin("/repository/rust/w/near"), directory("near"));
    assert_eq!(origin("/repository/lib/near"), directory("../../lib/near"));
    assert_eq!(origin("/elsewhere/near"), Source::Outside);
    let all = metadata(false);
    assert_eq!(all.outside(&all.workspace_root).count(), 0);
    let mut all = metadata(false);
    all.packages[2].manifest_path = PathBuf::from("/elsewhere/near/Cargo.toml");
    let root = all.workspace_root.clone();
    let outside: Vec<_> = all.outside(&root).collect();
    assert_eq!(outside, [("near", Path::new("/elsewhere/near"))]);
}

#[test]
fn the_first_format_of_a_lock_has_its_checksums_in_a_table() {
    let text = format!(
        r#"
[[package]]
name = "cc"
version = "1.0.0"
source = "{CRATES_IO_SOURCE}"

[[package]]
name = "two"
version = "1.0.0"
source = "{GIT_SOURCE}#{REVISION}"

[metadata]
"checksum cc 1.0.0 ({CRATES_IO_SOURCE})" = "00"
"checksum two 1.0.0 ({GIT_SOURCE}#{REVISION})" = "<none>"
"#
    );
    let sums = Checksums::parse(&text).unwrap().0;
    let of_cc = ["cc", "1.0.0", CRATES_IO_SOURCE].map(str::to_owned).into();
    assert_eq!(sums, BTreeMap::from([(of_cc, "00".to_owned())]));
}
