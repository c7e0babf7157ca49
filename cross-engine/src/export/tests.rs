mod hostile;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use serde_json::{Value, json};
use tar::EntryType;

use crate::environment::contents::{Contents, InstalledPackage};
use crate::environment::locked_packages::LockedPackages;
use crate::export::pack::{ExportSource, export, hash_of};
use crate::export::part::{ArchivedPart, PartKind};
use crate::export::place::Destination;
use crate::export::unpack::import;
use crate::os::{self, FileFacts};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::hex::hex;

const ARCHITECTURE: &str = "amd64";

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Hash::hash(bytes.as_ref()))
}

fn put(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A machine to export from, and one to import to.
struct Machines(tempfile::TempDir);

impl Machines {
    fn new() -> Self {
        Machines(tempfile::tempdir().unwrap())
    }

    fn archive(&self) -> PathBuf {
        self.0.path().join("archive.tar")
    }

    fn here(&self, path: &str) -> PathBuf {
        self.0.path().join("here").join(path)
    }

    fn there(&self, path: &str) -> PathBuf {
        self.0.path().join("there").join(path)
    }

    fn destination(&self) -> Destination {
        Destination::new(
            self.there("cache"),
            self.there("cargo"),
            self.there("rustup"),
        )
    }

    /// One part of each kind.
    fn sources(&self) -> Vec<ExportSource> {
        let environment = |path: &str| self.here("env").join(path);
        let manifest = json!({
            "schema_version": 1, "name": "env", "suite": "bookworm", "packages": [], "bytes": 9,
            "made_at_unix": 1,
        });
        put(environment("environment.json"), &manifest.to_string());
        put(environment("contents.json"), "{\"packages\": 1}");
        put(environment("root/usr/bin/gcc-12"), "the compiler");
        put(environment("root/usr/share/copy"), "the compiler");
        put(environment("root/etc/empty"), "");
        put(environment("tmp/left"), "not exported");
        let gcc = environment("root/usr/bin/gcc-12");
        // In an environment, where these tests run for other hosts, nobody can set the first bit.
        let set = os::set_mode(&gcc, 0o4775).or_else(|_| os::set_mode(&gcc, 0o775));
        set.unwrap();
        put(self.here("package"), "a package");
        put(self.here("toolchain/bin/rustc"), "rustc");
        put(self.here("toolchain/share/doc"), "not exported");
        put(self.here("cc.crate"), "a crate");
        put(self.here("cc"), "an entry");
        let repository = |path: &str| self.here("db").join(path);
        put(repository("HEAD"), "ref: refs/heads/main");
        put(repository("objects/pack/pack-1.pack"), "objects");
        put(repository("objects/info/alternates"), "/home/somebody");
        put(repository("config"), "[core]\n\tfsmonitor = evil\n");
        put(repository("hooks/post-checkout"), "evil");
        let source = |kind, name: &str, at: &str| ExportSource::new(kind, name, self.here(at));
        let package = format!("{}.deb", sha256("a package"));
        let parts = vec![PathBuf::from("bin")];
        vec![
            source(PartKind::Environment, "env", "env"),
            source(PartKind::Package, &package, "package"),
            source(PartKind::Toolchain, "stable", "toolchain").parts(parts),
            source(
                PartKind::Crate,
                "registry/cache/x-1/cc-1.0.0.crate",
                "cc.crate",
            ),
            source(PartKind::Crate, "registry/index/x-1/.cache/2/cc", "cc"),
            source(PartKind::Crate, "git/db/forked-1", "db"),
        ]
    }

    fn export(&self) -> String {
        self.export_of(&self.sources())
    }

    fn export_of(&self, sources: &[ExportSource]) -> String {
        let cancel = Cancel::new();
        let sink = &mut |_, _| ControlFlow::Continue(());
        let exported = export(sources, ARCHITECTURE, &self.archive(), &cancel, sink).unwrap();
        assert_eq!(exported.bytes, self.archive().metadata().unwrap().len());
        exported.sha256
    }

    fn import_to(&self, to: &Destination) -> Result<Vec<ArchivedPart>> {
        let (archive, cancel) = (self.archive(), Cancel::new());
        let sink = &mut |_, _| ControlFlow::Continue(());
        import(&archive, ARCHITECTURE, None, to, &cancel, sink)
    }

    fn import(&self) -> Result<Vec<ArchivedPart>> {
        self.import_to(&self.destination())
    }

    /// Everything that is there, except for locks.
    fn all(&self) -> Vec<PathBuf> {
        fn enter(dir: &Path, all: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.file_name() == "locks" {
                    continue;
                }
                all.push(entry.path());
                if entry.file_type().unwrap().is_dir() {
                    enter(&entry.path(), all);
                }
            }
        }
        let mut all = Vec::new();
        enter(&self.there(""), &mut all);
        all.retain(|path| *path != self.there("cache"));
        all
    }

    /// Checks that the archive is refused, that the message has `why`, and that nothing is left.
    #[track_caller]
    fn refuses(&self, why: &str) -> Error {
        let before = self.all();
        let error = self.import().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
        assert!(error.to_string().contains(why), "`{why}` in: {error}");
        assert!(error.help().is_some(), "{error}");
        assert_eq!(self.all(), before, "{error}");
        error
    }

    /// Writes an archive with this list and these members, and a header that fits.
    fn write(&self, list: &Value, members: &[(&str, EntryType, &[u8])]) {
        let list = list.to_string();
        let header = json!({
            "format": 1, "version": "0.1.0", "architecture": ARCHITECTURE,
            "list_sha256": sha256(&list),
        });
        self.write_as(&header, &list, members);
    }

    fn write_as(&self, header: &Value, list: &str, members: &[(&str, EntryType, &[u8])]) {
        let header = header.to_string();
        let mut builder = tar::Builder::new(fs::File::create(self.archive()).unwrap());
        let mut all = vec![
            ("cross-archive.json", EntryType::Regular, header.as_bytes()),
            ("parts.json", EntryType::Regular, list.as_bytes()),
        ];
        all.extend(members);
        for (name, kind, bytes) in all {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append(&header, bytes).unwrap();
        }
        builder.finish().unwrap();
    }
}

fn file(path: &str, bytes: &str) -> Value {
    let (size, hash) = (bytes.len(), sha256(bytes));
    json!({"path": path, "kind": "file", "mode": 420, "modified": 7, "size": size, "sha256": hash})
}

fn directory(path: &str) -> Value {
    json!({"path": path, "kind": "directory"})
}

fn link(path: &str, to: &str) -> Value {
    json!({"path": path, "kind": "link", "to": to})
}

fn list(kind: &str, name: &str, entries: &[Value]) -> Value {
    json!({"parts": [{"kind": kind, "name": name, "entries": entries}]})
}

#[test]
fn what_was_exported_is_there_and_an_import_again_changes_nothing() {
    let machines = Machines::new();
    let sources = machines.sources();
    machines.export_of(&sources);
    let first = fs::read(machines.archive()).unwrap();
    machines.export_of(&sources);
    let second = fs::read(machines.archive()).unwrap();
    assert!(first == second, "the same bytes");

    let imported = machines.import().unwrap();
    assert_eq!(imported.len(), 6);
    assert!(imported.iter().all(|part| !part.was_there));
    let text = |path: &str| fs::read_to_string(machines.there(path)).unwrap();
    let root = "cache/environments/env/root";
    assert_eq!(text(&format!("{root}/usr/bin/gcc-12")), "the compiler");
    assert_eq!(text(&format!("{root}/usr/share/copy")), "the compiler");
    assert_eq!(text(&format!("{root}/etc/empty")), "");
    assert_eq!(text("rustup/toolchains/stable/bin/rustc"), "rustc");
    assert_eq!(text("cargo/registry/cache/x-1/cc-1.0.0.crate"), "a crate");
    assert_eq!(text("cargo/registry/index/x-1/.cache/2/cc"), "an entry");
    let package = sha256("a package");
    assert_eq!(text(&format!("cache/packages/{package}.deb")), "a package");
    let db = "cargo/git/db/forked-1";
    assert_eq!(text(&format!("{db}/objects/pack/pack-1.pack")), "objects");
    assert!(!text(&format!("{db}/config")).contains("fsmonitor"));
    for left in [
        "cache/environments/env/tmp",
        "rustup/toolchains/stable/share",
        "cargo/git/db/forked-1/hooks",
        "cargo/git/db/forked-1/objects/info",
    ] {
        assert!(!machines.there(left).exists(), "{left}");
    }
    let gcc = machines.there(&format!("{root}/usr/bin/gcc-12"));
    let mode = FileFacts::of(&gcc.metadata().unwrap()).mode;
    assert_eq!(
        mode & 0o6022,
        0,
        "nobody's rights, and nobody else writes it"
    );
    let all = machines.all();
    assert!(
        !all.iter()
            .any(|path| path.to_string_lossy().contains(".cross-")),
        "{all:?}"
    );

    let again = machines.import().unwrap();
    assert!(again.iter().all(|part| part.was_there));
    assert_eq!(machines.all(), all);
}

#[cfg(unix)]
#[test]
fn links_of_an_environment_arrive_as_they_are() {
    let machines = Machines::new();
    let sources = machines.sources();
    let bin = machines.here("env/root/usr/bin");
    std::os::unix::fs::symlink("gcc-12", bin.join("gcc")).unwrap();
    std::os::unix::fs::symlink("/etc/alternatives/cc", bin.join("cc")).unwrap();
    let (archive, cancel) = (machines.archive(), Cancel::new());
    let sink = &mut |_, _| ControlFlow::Continue(());
    export(&sources, ARCHITECTURE, &archive, &cancel, sink).unwrap();
    machines.import().unwrap();
    let there = machines.there("cache/environments/env/root/usr/bin");
    assert_eq!(
        fs::read_link(there.join("gcc")).unwrap(),
        Path::new("gcc-12")
    );
    let cc = fs::read_link(there.join("cc")).unwrap();
    assert_eq!(cc, Path::new("/etc/alternatives/cc"));
}

#[cfg(unix)]
#[test]
fn what_would_be_refused_there_is_not_exported() {
    let machines = Machines::new();
    let sources = machines.sources();
    let socket = machines.here("env/root/etc/socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (archive, cancel) = (machines.archive(), Cancel::new());
    let sink = &mut |_, _| ControlFlow::Continue(());
    let error = export(&sources, ARCHITECTURE, &archive, &cancel, sink).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.to_string().contains("etc/socket"), "{error}");
    fs::remove_file(socket).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", machines.here("toolchain/bin/cargo")).unwrap();
    let error = export(&sources, ARCHITECTURE, &archive, &cancel, sink).unwrap_err();
    assert!(error.to_string().contains("its link leads out"), "{error}");
    assert!(!archive.exists());
}

#[test]
fn an_archive_that_is_cut_or_damaged_leaves_nothing() {
    let machines = Machines::new();
    machines.export();
    let whole = fs::read(machines.archive()).unwrap();
    // The end of a tar is two empty blocks, and the writer may add more.
    let content = whole.len() - 1024;
    for length in (0..content).step_by(509) {
        fs::write(machines.archive(), &whole[..length]).unwrap();
        machines.refuses("");
    }
    for at in (0..content).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(machines.archive(), &damaged).unwrap();
        // Some bytes of a header mean nothing here, such as the owner. Its checksum finds them.
        let before = machines.all();
        if let Err(error) = machines.import() {
            assert_eq!(error.kind(), ErrorKind::Archive, "{at}: {error}");
            assert_eq!(machines.all(), before, "{at}: {error}");
        } else {
            let is_padding = whole[at] == 0;
            assert!(is_padding, "{at}: {:?}", char::from(whole[at]));
            fs::remove_dir_all(machines.there("")).unwrap();
        }
    }
}

#[test]
fn an_archive_of_another_kind_of_machine_or_a_newer_format_is_refused() {
    let machines = Machines::new();
    let header = |format: u64, architecture: &str| json!({"format": format, "version": "9", "architecture": architecture, "list_sha256": sha256("{}")});
    machines.write_as(&header(1, "arm64"), "{}", &[]);
    machines.refuses("architecture arm64, and this one has amd64");
    machines.write_as(&json!({"format": 2, "new": true}), "{}", &[]);
    let error = machines.refuses("format 2, and this version reads 1");
    assert!(error.help().unwrap().contains("update cross-core"));
    machines.write_as(&json!({"name": "x"}), "{}", &[]);
    machines.refuses("no archive of `export`");
    machines.write_as(&header(1, ARCHITECTURE), "{\"parts\": []}", &[]);
    machines.refuses("`parts.json` does not have its hash");
    fs::write(machines.archive(), "no tar at all").unwrap();
    machines.refuses("ends early, or is no archive");
}

#[test]
fn only_the_expected_archive_is_taken() {
    let machines = Machines::new();
    let sha256 = machines.export();
    let (to, cancel) = (machines.destination(), Cancel::new());
    let with = |expected: &str| {
        let sink = &mut |_, _| ControlFlow::Continue(());
        import(
            &machines.archive(),
            ARCHITECTURE,
            Some(expected),
            &to,
            &cancel,
            sink,
        )
    };
    let error = with(&"0".repeat(64)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.to_string().contains(&sha256), "{error}");
    assert!(machines.all().is_empty());
    with(&sha256.to_uppercase()).unwrap();
    // That is what `sha256sum` prints.
    let file = fs::File::open(machines.archive()).unwrap();
    let whole = hash_of(&file).unwrap();
    assert_ne!(whole, sha256);
    assert!(error.to_string().contains(&whole), "{error}");
    with(&whole).unwrap();
}
