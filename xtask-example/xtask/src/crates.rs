//! The crates that a program is made of: those that cargo compiled for it, with what the manifests
//! and Cargo.lock say of them.
//!
//! What was compiled, with which features, is in the outcome of the build: cargo said so inside. The
//! rest is from outside, where cargo resolves the same dependencies: a package that cargo did not
//! lock is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cross_core::outcome::{CompiledPackage, NativeLibrary};
use serde::Deserialize;

use crate::cargo;
use crate::failure::Failure;
use crate::std_crates::{StdCrate, StdLock};

/// A crate of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) key: Key,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Source,
    /// The SHA-256 of its archive, from Cargo.lock. Only crates of a registry have one.
    pub(crate) checksum: Option<String>,
    /// The SPDX expression of its manifest.
    pub(crate) license: Option<String>,
    /// The file that its manifest names instead.
    pub(crate) license_file: Option<String>,
    pub(crate) is_macro: bool,
    /// The features that were enabled, sorted.
    pub(crate) features: Vec<String>,
    pub(crate) libraries: Vec<NativeLibrary>,
    pub(crate) depends_on: BTreeSet<Key>,
}

/// What distinguishes the crates of a program. A crate that is a part of it and that one of its build
/// scripts needs, too, is two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Whether it is for the machine that builds, and so no part of the program.
    pub(crate) for_host: bool,
    /// Cargo's ID of its package.
    pub(crate) id: String,
}

/// Where a crate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    CratesIo,
    /// Another registry, by the address of its index.
    Registry(String),
    /// A repository, and the revision.
    Git(String, String),
    /// A directory of the repository, relative to the workspace's root.
    Directory(PathBuf),
    /// A directory elsewhere on this machine.
    Outside,
    /// A directory of the repository whose sources git ignores.
    Ignored,
}

/// What cargo resolves for a triple.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    source: Option<String>,
    license: Option<String>,
    license_file: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Declared>,
    features: BTreeMap<String, Vec<String>>,
    targets: Vec<Target>,
}

/// A dependency as the manifest declares it.
#[derive(Debug, Deserialize)]
struct Declared {
    name: String,
    rename: Option<String>,
    kind: Option<String>,
    optional: bool,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Debug, Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

impl Metadata {
    /// Asks cargo. All features are on, so that every dependency that a build can have is there. Some
    /// of these may have to be fetched, since a build fetches only what its target needs.
    pub(crate) fn query(dir: &Path, triples: &[&str], offline: bool) -> Result<Self, Failure> {
        let platforms = triples.iter().flat_map(|it| ["--filter-platform", it]);
        let output = cargo::command()
            .args(["metadata", "--format-version", "1", "--all-features"])
            .arg("--locked")
            .args(offline.then_some("--offline"))
            .args(platforms)
            .current_dir(dir)
            .output()
            .map_err(|error| Failure::new(format!("cannot run `cargo metadata`: {error}")))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let failure = Failure::new(format!("`cargo metadata` failed: {reason}"));
            return Err(match offline {
                true => failure.with_help("`cargo xtask prefetch` fetches what is missing"),
                false => failure,
            });
        }
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }

    /// The packages in directories outside of the repository at `top`.
    pub(crate) fn outside<'a>(
        &'a self,
        top: &'a Path,
    ) -> impl Iterator<Item = (&'a str, &'a Path)> {
        let is_outside =
            |package: &&Package| package.origin(&self.workspace_root, top) == Source::Outside;
        let outside = self.packages.iter().filter(is_outside);
        outside.filter_map(|package| Some((&*package.name, package.manifest_path.parent()?)))
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("cannot read `cargo metadata`: {error}")))
    }

    fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }

    /// The package of the workspace called `name`.
    fn member(&self, name: &str) -> Option<&Package> {
        let is_it = |package: &&Package| {
            package.name == name && self.workspace_members.contains(&package.id)
        };
        self.packages.iter().find(is_it)
    }
}

/// The checksums in Cargo.lock, by name, version and source.
#[derive(Debug, Default)]
pub(crate) struct Checksums(BTreeMap<(String, String, String), String>);

impl Checksums {
    pub(crate) fn read(lock: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(lock).map_err(|error| Failure::io("read", lock, &error))?;
        let parsed = Self::parse(&text);
        parsed.map_err(|error| Failure::new(format!("cannot read `{}`: {error}", lock.display())))
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        #[derive(Deserialize)]
        struct Lock {
            #[serde(default)]
            package: Vec<Locked>,
            // The first format has the checksums here.
            #[serde(default)]
            metadata: BTreeMap<String, String>,
        }
        #[derive(Deserialize)]
        struct Locked {
            name: String,
            version: String,
            source: Option<String>,
            checksum: Option<String>,
        }
        let lock: Lock = toml::from_str(text)?;
        let sums = lock.package.into_iter().filter_map(|package| {
            let Locked {
                name,
                version,
                source,
                checksum,
            } = package;
            let source = source?;
            let in_metadata = || {
                let key = format!("checksum {name} {version} ({source})");
                let sum = lock.metadata.get(&key).cloned();
                sum.filter(|sum| sum != "<none>")
            };
            let checksum = checksum.or_else(in_metadata)?;
            Some(((name, version, source), checksum))
        });
        Ok(Checksums(sums.collect()))
    }

    fn of(&self, package: &Package) -> Option<String> {
        let source = package.source.clone()?;
        let key = (package.name.clone(), package.version.clone(), source);
        self.0.get(&key).cloned()
    }
}

/// Both sides of a build, as cargo resolves them.
pub(crate) struct Resolved<'a> {
    pub(crate) for_target: &'a Metadata,
    pub(crate) for_host: &'a Metadata,
    pub(crate) checksums: &'a Checksums,
    /// The directory of the repository that has the workspace.
    pub(crate) repository: &'a Path,
}

impl Resolved<'_> {
    /// Splits off the crates of the standard library, which the workspace's lock need not have.
    pub(crate) fn without_std(
        &self,
        compiled: &[CompiledPackage],
        std: &StdLock,
    ) -> (Vec<CompiledPackage>, Vec<StdCrate>) {
        let (mut own, mut of_std) = (Vec::new(), Vec::new());
        for what in compiled {
            let is_locked = self.package(what).is_some();
            // The program may have the same version of a crate.
            let found = std
                .find(what)
                .filter(|one| !is_locked || one.is_part_of_std());
            if is_locked || found.is_none() {
                own.push(what.clone());
            }
            of_std.extend(found);
        }
        (own, of_std)
    }

    /// Returns the crates of the programs of `package`, itself first: what its dependencies lead to
    /// among the `compiled` packages. Development dependencies are none of them, and neither is what
    /// only other packages need.
    pub(crate) fn crates_of(
        &self,
        package: &str,
        compiled: &[CompiledPackage],
    ) -> Result<Vec<Crate>, Failure> {
        let compiled = self.identified(compiled)?;
        let root = self.for_target.member(package);
        let root = root.map(|root| Key {
            for_host: false,
            id: root.id.clone(),
        });
        let root = root.filter(|root| compiled.contains_key(root));
        let root = root.ok_or_else(|| {
            Failure::new(format!("cargo did not compile the package `{package}`"))
        })?;
        let (mut done, mut queue) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(key) = queue.pop() {
            if done.contains_key(&key) {
                continue;
            }
            let Some((own, what)) = compiled.get(&key) else {
                continue;
            };
            let depends_on: BTreeSet<Key> = self
                .dependencies(&key, own, &what.features)
                .into_iter()
                .filter(|key| compiled.contains_key(key))
                .collect();
            queue.extend(depends_on.iter().cloned());
            done.insert(key.clone(), self.described(key, own, what, depends_on));
        }
        let first = done.remove(&root);
        Ok(first.into_iter().chain(done.into_values()).collect())
    }

    /// The compiled packages by their keys, with what the manifests say of them.
    fn identified<'p>(
        &'p self,
        compiled: &'p [CompiledPackage],
    ) -> Result<BTreeMap<Key, (&'p Package, &'p CompiledPackage)>, Failure> {
        let find = |what: &'p CompiledPackage| {
            let package = self.package(what).ok_or_else(|| {
                let CompiledPackage { name, version, .. } = what;
                let message = format!(
                    "cargo compiled `{name} {version}`, which is not among the locked packages"
                );
                Failure::new(message).with_help(
                    "the sources changed during the build, or something inside forges cargo's messages",
                )
            })?;
            let key = Key {
                for_host: what.for_host,
                id: package.id.clone(),
            };
            Ok((key, (package, what)))
        };
        compiled.iter().map(find).collect()
    }

    /// The locked package that was compiled.
    fn package(&self, what: &CompiledPackage) -> Option<&Package> {
        let mut packages = self.side(what.for_host).packages.iter();
        packages.find(|package| {
            package.name == what.name
                && package.version == what.version
                && package.source.as_deref().map(compared) == what.source.as_deref().map(compared)
        })
    }

    fn side(&self, for_host: bool) -> &Metadata {
        match for_host {
            true => self.for_host,
            false => self.for_target,
        }
    }

    /// What `package` depends on with these features.
    fn dependencies(&self, key: &Key, package: &Package, features: &[String]) -> Vec<Key> {
        let side = self.side(key.for_host);
        let node = side.resolve.nodes.iter().find(|node| node.id == key.id);
        let edges = node.into_iter().flat_map(|node| &node.deps);
        let keys = edges.flat_map(|edge| {
            let child = side.package(&edge.pkg);
            let kinds = edge.dep_kinds.iter().map(|kind| kind.kind.as_deref());
            kinds.filter_map(move |kind| {
                let child = child.filter(|child| is_active(package, child, kind, features))?;
                Some(Key {
                    // What a dependency of the host needs is for the host, too.
                    for_host: key.for_host || kind == Some("build") || child.is_macro(),
                    id: child.id.clone(),
                })
            })
        });
        keys.collect()
    }

    fn described(
        &self,
        key: Key,
        package: &Package,
        what: &CompiledPackage,
        depends_on: BTreeSet<Key>,
    ) -> Crate {
        Crate {
            key,
            name: package.name.clone(),
            version: package.version.clone(),
            source: package.origin(&self.for_target.workspace_root, self.repository),
            checksum: self.checksums.of(package),
            license: package.license.clone(),
            license_file: package.license_file.clone(),
            is_macro: package.is_macro(),
            features: what.features.clone(),
            libraries: what.native_libraries.clone(),
            depends_on,
        }
    }
}

impl Package {
    fn is_macro(&self) -> bool {
        let mut kinds = self.targets.iter().flat_map(|target| &target.kind);
        kinds.any(|kind| kind == "proc-macro")
    }

    /// Where it comes from. `root` is that of the workspace, which is in the repository `top`.
    fn origin(&self, root: &Path, top: &Path) -> Source {
        let Some(source) = self.source.as_deref() else {
            let dir = self.manifest_path.parent().unwrap_or(root);
            return match (dir.strip_prefix(root), dir.strip_prefix(top)) {
                (Ok(dir), _) => Source::Directory(dir.to_owned()),
                (_, Ok(dir)) => {
                    let above = root.strip_prefix(top).unwrap_or(Path::new(""));
                    let up: PathBuf = above.components().map(|_| "..").collect();
                    Source::Directory(up.join(dir))
                }
                _ => Source::Outside,
            };
        };
        let index = ["registry+", "sparse+"]
            .iter()
            .find_map(|kind| source.strip_prefix(kind));
        match (source.strip_prefix("git+"), index) {
            (Some(url), _) => {
                let (url, revision) = url.split_once('#').unwrap_or((url, ""));
                let url = url.split('?').next().unwrap_or(url);
                Source::Git(without_user(url), revision.to_owned())
            }
            (_, Some(CRATES_IO)) => Source::CratesIo,
            (_, index) => Source::Registry(without_user(index.unwrap_or(source))),
        }
    }
}

/// The index of crates.io, as cargo names it however it reads it.
const CRATES_IO: &str = "https://github.com/rust-lang/crates.io-index";

/// Whether `package` depends on `child` with these features.
fn is_active(package: &Package, child: &Package, kind: Option<&str>, features: &[String]) -> bool {
    if kind == Some("dev") {
        return false;
    }
    let declared = package.dependencies.iter();
    let mut declared = declared.filter(|it| it.name == child.name && it.kind.as_deref() == kind);
    let enabled = |name: &str| {
        let values = features.iter().filter_map(|it| package.features.get(it));
        let mut values = values.flatten();
        values.any(|value| {
            let of_feature = value.split_once('/').map(|(name, _)| name);
            value.strip_prefix("dep:") == Some(name) || of_feature == Some(name)
        })
    };
    declared.any(|it| !it.optional || enabled(it.rename.as_deref().unwrap_or(&it.name)))
}

/// The source without the revision of a repository, and without a password: the environment does
/// not see those.
fn compared(source: &str) -> String {
    without_user(source.split('#').next().unwrap_or(source))
}

/// The URL without the name and the password of a user, which may be a token.
pub(crate) fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let user_and_host = authority.rsplit_once('@');
    match user_and_host {
        // The account of an SSH address is no secret.
        Some((user, host)) if scheme.ends_with("ssh") => {
            let user = user.split(':').next().unwrap_or(user);
            format!("{scheme}://{user}@{host}{path}")
        }
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
