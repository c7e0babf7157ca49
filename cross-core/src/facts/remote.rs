//! What a request keeps on the machine of a remote engine: volumes, and what is sent to them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cross_config::Settings;
use cross_engine::{Engine, Host, Reach, Transfer, Tree, VolumeKind};
use serde::Serialize;

use crate::facts::locked_crates::{entries, in_index, locked};
use crate::model::error::{Error, ErrorKind};
use crate::model::hash::short_hash;
use crate::model::toolchain::Toolchain;

/// The beginning of the names of volumes.
const PREFIX: &str = "cross-core";

/// The volumes of a request on a remote engine, and what is sent to them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PlannedRemote {
    /// The volumes.
    pub transfer: Transfer,
    /// Whether all fetched crates are sent, and not only those in `Cargo.lock`.
    pub whole_registry: bool,
    /// Whether nothing that was built is fetched.
    pub skip_artifacts: bool,
    /// Whether the whole target directory is fetched.
    pub whole_target_dir: bool,
    /// Whether runs enter a reused container on the engine's machine.
    pub reuses_container: bool,
    #[serde(skip)]
    cargo_home: PathBuf,
    #[serde(skip)]
    lock_file: PathBuf,
    #[serde(skip)]
    sysroot: Option<PathBuf>,
    /// The targets whose libraries are sent.
    #[serde(skip)]
    triples: Vec<String>,
    /// Whether the source of `std` is sent.
    #[serde(skip)]
    builds_std: bool,
}

/// What the volumes of a request depend on.
pub(crate) struct RemoteContext<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) engine: &'a Engine,
    pub(crate) host: &'a Host,
    pub(crate) workspace_root: &'a Path,
    pub(crate) cargo_home: &'a Path,
    pub(crate) target_dir: &'a Path,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) triples: &'a [&'a str],
    /// The triple of the programs of the environment itself.
    pub(crate) native: String,
    pub(crate) builds_std: bool,
    pub(crate) reuses_container: bool,
}

impl PlannedRemote {
    /// The volumes of a request; `None` if the engine sees the caller's files.
    pub(crate) fn of(context: &RemoteContext<'_>) -> Option<Self> {
        let settings = context.settings;
        if !matches!(context.engine.reach, Reach::Remote(_)) {
            return None;
        }
        let owner = machine(context.host);
        let name = |kind: VolumeKind, what: &str| {
            let hash = short_hash(&format!("{owner}\n{what}"), 12);
            format!("{PREFIX}-{kind}-{hash}")
        };
        let of_path = |kind: VolumeKind, path: &Path| {
            let text = path.display().to_string();
            Tree::new(name(kind, &text), kind, path)
        };
        let sources = name(
            VolumeKind::Sources,
            &context.workspace_root.display().to_string(),
        );
        let mut trees = vec![
            Tree::new(sources, VolumeKind::Sources, "/").of_workspace(context.workspace_root),
            of_path(VolumeKind::Target, context.target_dir),
            of_path(VolumeKind::Registry, context.cargo_home),
        ];
        // A toolchain that rustup does not manage may change at any place, as sources do.
        let sysroot = context.toolchain.sysroot();
        let managed = sysroot.and_then(|sysroot| Some((sysroot, release(sysroot)?)));
        if let Some((sysroot, release)) = &managed {
            // A toolchain that was updated is another one.
            let version = context.toolchain.version.as_deref().unwrap_or_default();
            let identity = format!("{}\n{version}\n{release}", context.toolchain.identity());
            let volume = name(VolumeKind::Toolchain, &identity);
            trees.push(Tree::new(volume, VolumeKind::Toolchain, *sysroot));
        }
        let transfer = Transfer::new(trees).with_caches(settings.remote_copy_cache.value);
        Some(PlannedRemote {
            transfer,
            whole_registry: settings.remote_copy_registry.value,
            skip_artifacts: settings.remote_skip_build_artifacts.value,
            whole_target_dir: settings.remote_copy_full_target_dir.value,
            reuses_container: context.reuses_container,
            cargo_home: context.cargo_home.to_owned(),
            lock_file: context.workspace_root.join("Cargo.lock"),
            sysroot: sysroot.map(Path::to_owned),
            triples: {
                let targets = context.triples.iter().map(|&triple| triple.to_owned());
                [context.native.clone()]
                    .into_iter()
                    .chain(targets)
                    .collect()
            },
            builds_std: context.builds_std,
        })
    }

    /// The error for `what`, which needs an engine that sees the caller's files.
    pub(crate) fn refuse(&self, what: &str) -> Error {
        let message = format!(
            "the engine is on another machine and does not see the caller's files, which {what} need"
        );
        Error::new(ErrorKind::OutOfReach, message).with_help(
            "use an engine on this machine; `CROSS_REMOTE=0` says that the engine sees this machine's files at the \
             same paths",
        )
    }

    /// The volumes with what is sent now: crates may have been fetched since the plan was made.
    pub(crate) fn transfer(&self) -> Transfer {
        let mut transfer = self.transfer.clone();
        for tree in &mut transfer.trees {
            tree.parts = match tree.kind {
                VolumeKind::Toolchain => self.toolchain_parts(),
                VolumeKind::Registry => self.registry_parts(),
                _ => Vec::new(),
            };
        }
        transfer
    }

    /// The parts of the toolchain that compile for these targets.
    fn toolchain_parts(&self) -> Vec<PathBuf> {
        let Some(sysroot) = &self.sysroot else {
            return Vec::new();
        };
        toolchain_parts(sysroot, &self.triples, self.builds_std)
    }

    /// The crates that `Cargo.lock` names, and their entries in the index.
    fn registry_parts(&self) -> Vec<PathBuf> {
        let home = &self.cargo_home;
        if self.whole_registry {
            let parts = ["registry", "git"].map(|part| home.join(part));
            return parts.into_iter().filter(|part| part.is_dir()).collect();
        }
        let text = fs::read_to_string(&self.lock_file).unwrap_or_default();
        let locked = locked(&text);
        let mut parts = Vec::new();
        for index in entries(&home.join("registry/index")) {
            if locked.iter().all(|package| !package.is_of_registry()) {
                break;
            }
            // An index in git is one database.
            if index.join(".git").exists() || !index.join(".cache").exists() {
                parts.push(index);
                continue;
            }
            parts.extend(entries(&index).into_iter().filter(|entry| entry.is_file()));
            let names = locked.iter().map(|package| package.name);
            let names: BTreeSet<&str> = names.collect();
            let cached = names
                .into_iter()
                .map(|name| index.join(".cache").join(in_index(name)));
            parts.extend(cached.filter(|entry| entry.exists()));
        }
        for kind in ["src", "cache"] {
            for registry in entries(&home.join("registry").join(kind)) {
                let suffix = if kind == "cache" { ".crate" } else { "" };
                let of = locked.iter().filter(|package| package.is_of_registry());
                let each = of.map(|package| {
                    registry.join(format!("{}-{}{suffix}", package.name, package.version))
                });
                parts.extend(each.filter(|entry| entry.exists()));
            }
        }
        for checkouts in entries(&home.join("git/checkouts")) {
            let revisions = entries(&checkouts).into_iter().filter(|checkout| {
                let revision = checkout.file_name().unwrap_or_default().to_string_lossy();
                locked.iter().any(|package| package.has_revision(&revision))
            });
            let revisions: Vec<_> = revisions.collect();
            if !revisions.is_empty() {
                let name = checkouts.file_name().unwrap_or_default();
                parts.push(home.join("git/db").join(name));
                parts.extend(revisions);
            }
        }
        parts.sort();
        parts.dedup();
        parts
    }
}

impl fmt::Display for PlannedRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# files go through volumes:")?;
        for tree in &self.transfer.trees {
            let root = tree.root.display();
            let (volume, what) = (&tree.volume, sent(tree.kind, self.whole_registry));
            match tree.kind {
                VolumeKind::Sources => writeln!(f, "#   {volume}: {what}")?,
                _ => writeln!(f, "#   {volume}: {what} `{root}`")?,
            }
        }
        if self.reuses_container {
            writeln!(f, "# runs enter a reused container on the engine's machine")?;
        }
        Ok(())
    }
}

/// What a volume of this kind has of its directory.
fn sent(kind: VolumeKind, whole_registry: bool) -> &'static str {
    match kind {
        VolumeKind::Toolchain => "what compiles for this target of",
        VolumeKind::Registry if whole_registry => "all crates in",
        VolumeKind::Registry => "the crates of `Cargo.lock` in",
        VolumeKind::Target => "what is built, in place of",
        _ => "the sources and files that runs see",
    }
}

/// The parts of the toolchain at `sysroot` that compile for `triples`, with the source of `std` if it
/// is built.
pub(crate) fn toolchain_parts(
    sysroot: &Path,
    triples: &[String],
    builds_std: bool,
) -> Vec<PathBuf> {
    let lib = sysroot.join("lib");
    let rustlib = lib.join("rustlib");
    let mut parts = Vec::new();
    for entry in entries(sysroot) {
        let is_documentation = entry.ends_with("share");
        if entry == lib {
            parts.extend(entries(&lib).into_iter().filter(|it| *it != rustlib));
        } else if entry.ends_with("bin") {
            parts.extend(
                entries(&entry)
                    .into_iter()
                    .filter(|it| !is_of_an_editor(it)),
            );
        } else if !is_documentation {
            parts.push(entry);
        }
    }
    for entry in entries(&rustlib) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let is_needed = triples.iter().any(|triple| *triple == name);
        let is_source = name == "src" && builds_std;
        if is_needed || is_source || name == "etc" || entry.is_file() {
            parts.push(entry);
        }
    }
    parts
}

/// Whether a program of a toolchain serves editors or debuggers only.
fn is_of_an_editor(program: &Path) -> bool {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    name == "rls"
        || ["rust-analyzer", "rust-gdb", "rust-lldb"]
            .iter()
            .any(|it| name.starts_with(it))
}

/// The release of the toolchain at `sysroot`, as rustup records it; `None` if rustup does not
/// manage it.
fn release(sysroot: &Path) -> Option<String> {
    let manifest = sysroot.join("lib/rustlib/multirust-channel-manifest.toml");
    let mut begin = String::new();
    // The date is in the second line of a megabyte.
    let file = fs::File::open(manifest).ok()?;
    file.take(64).read_to_string(&mut begin).ok()?;
    Some(begin)
}

/// Distinguishes this machine and user from others that use the same engine.
fn machine(host: &Host) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    format!(
        "{}\n{}\n{}",
        read("/etc/machine-id").trim(),
        read("/etc/hostname").trim(),
        host.uid
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "cc",
]

[[package]]
name = "cc"
version = "1.2.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"

[[package]]
name = "forked"
version = "0.2.0"
source = "git+https://example.org/forked?branch=main#0123456789abcdef"
"#;

    #[test]
    fn only_what_the_lock_file_names_is_sent_of_a_registry() {
        let home = tempfile::tempdir().unwrap();
        for file in [
            "registry/index/x-1/config.json",
            "registry/index/x-1/.cache/2/cc",
            "registry/index/x-1/.cache/se/rd/serde",
            "registry/cache/x-1/cc-1.2.3.crate",
            "registry/cache/x-1/cc-1.2.4.crate",
            "registry/src/x-1/cc-1.2.3/lib.rs",
            "registry/src/x-1/serde-1.0.0/lib.rs",
            "git/db/forked-1/HEAD",
            "git/db/other-1/HEAD",
            "git/checkouts/forked-1/0123456/lib.rs",
            "git/checkouts/forked-1/fedcba9/lib.rs",
            "git/checkouts/other-1/0000000/lib.rs",
            "lock",
        ] {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, LOCK).unwrap();
        }
        let remote = |whole_registry| PlannedRemote {
            transfer: Transfer::default(),
            whole_registry,
            skip_artifacts: false,
            whole_target_dir: false,
            reuses_container: false,
            cargo_home: home.path().to_owned(),
            lock_file: home.path().join("lock"),
            sysroot: None,
            triples: Vec::new(),
            builds_std: false,
        };
        let parts = |whole| {
            let parts = remote(whole).registry_parts();
            let relative = parts
                .iter()
                .map(|part| part.strip_prefix(home.path()).unwrap());
            relative
                .map(|part| part.display().to_string().replace('\\', "/"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            parts(false),
            [
                "git/checkouts/forked-1/0123456",
                "git/db/forked-1",
                "registry/cache/x-1/cc-1.2.3.crate",
                "registry/index/x-1/.cache/2/cc",
                "registry/index/x-1/config.json",
                "registry/src/x-1/cc-1.2.3",
            ]
        );
        assert_eq!(parts(true), ["registry", "git"]);
    }

    #[test]
    fn only_the_needed_targets_are_sent_of_a_toolchain() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "bin/cargo",
            "bin/rust-analyzer",
            "share/doc/book.html",
            "lib/librustc_driver.so",
            "lib/rustlib/components",
            "lib/rustlib/etc/gdb.py",
            "lib/rustlib/aarch64-unknown-linux-gnu/lib/libstd.rlib",
            "lib/rustlib/x86_64-pc-windows-gnu/lib/libstd.rlib",
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let remote = PlannedRemote {
            transfer: Transfer::default(),
            whole_registry: false,
            skip_artifacts: false,
            whole_target_dir: false,
            reuses_container: false,
            cargo_home: "/nonexistent".into(),
            lock_file: "/nonexistent".into(),
            sysroot: Some(root.path().to_owned()),
            triples: vec!["aarch64-unknown-linux-gnu".to_owned()],
            builds_std: false,
        };
        let parts = remote.toolchain_parts();
        let parts: Vec<_> = parts
            .iter()
            .map(|part| part.strip_prefix(root.path()).unwrap().to_str().unwrap())
            .map(|part| part.replace('\\', "/"))
            .collect();
        assert_eq!(
            parts,
            [
                "bin/cargo",
                "lib/librustc_driver.so",
                "lib/rustlib/aarch64-unknown-linux-gnu",
                "lib/rustlib/components",
                "lib/rustlib/etc",
            ]
        );
    }
}
