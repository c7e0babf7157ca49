//! What cargo says of the workspace: one offline question when everything is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cross_engine::{Cancel, EnvValue, FileStamp, Host, Invocation, ProbeCache, clock, process};
use serde::{Deserialize, Serialize};

use crate::cargo_json::{Metadata, Package};
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::recipes::short_hash;

/// The workspace as far as planning needs it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workspace {
    /// The root directory.
    pub(crate) root: PathBuf,
    /// The target directory as the user's own cargo has it.
    pub(crate) target_directory: PathBuf,
    /// The manifest of the package in whose directory the request was made, if it is one.
    pub(crate) package_manifest: Option<PathBuf>,
    /// The workspace's packages by name, with their manifests.
    pub(crate) members: BTreeMap<String, PathBuf>,
    /// The workspace roots of path dependencies that lie outside of this workspace.
    pub(crate) outside: Vec<PathBuf>,
    /// Why something has to be fetched, or `Cargo.lock` to be written, before a build, in cargo's words;
    /// nothing where all is there.
    pub(crate) unfetched: Option<String>,
}

/// Where a project is, by [`Cross::project`](crate::Cross::project).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// The workspace's root directory.
    pub root: PathBuf,
    /// The target directory as the user's own cargo has it.
    pub target_directory: PathBuf,
    /// The workspace's packages.
    pub packages: Vec<LocalPackage>,
}

/// A package of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The directory of its manifest.
    pub dir: PathBuf,
}

impl Project {
    /// The workspace's package called `name`.
    pub fn package(&self, name: &str) -> Option<&LocalPackage> {
        self.packages.iter().find(|package| package.name == name)
    }
}

/// How the host's cargo is called.
#[derive(Clone, Debug)]
pub(crate) struct HostCargo {
    /// The program.
    pub(crate) program: PathBuf,
    /// The directory of the request.
    pub(crate) dir: PathBuf,
    /// `--manifest-path`, where one was given.
    pub(crate) manifest: Option<PathBuf>,
    /// Whether it must not use a network.
    pub(crate) offline: bool,
}

/// Variables of an outer cargo (`cargo xtask`, a build script) that mean its package, not ours.
pub(crate) const OUTER_CARGO: [&str; 24] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "TARGET",
    "__CARGO_DEFAULT_LIB_METADATA",
];

impl HostCargo {
    /// `cargo <subcommand>` on the host, for the manifest.
    pub(crate) fn command(&self, subcommand: &str) -> Invocation {
        let cargo = self.call([subcommand]);
        match &self.manifest {
            Some(manifest) => cargo.args(["--manifest-path", &manifest.to_string_lossy()]),
            None => cargo,
        }
    }

    /// `cargo <words>` on the host, without what an outer cargo left in the environment.
    pub(crate) fn call<I>(&self, words: I) -> Invocation
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut cargo = Invocation::new(&self.program).args(words).cwd(&self.dir);
        for name in OUTER_CARGO {
            cargo = cargo.env_value(name, EnvValue::Unset);
        }
        if self.offline {
            let offline = [("CARGO_NET_OFFLINE", "true"), ("RUSTUP_AUTO_INSTALL", "0")];
            cargo = offline
                .into_iter()
                .fold(cargo, |cargo, (name, value)| cargo.env(name, value));
        }
        // A cargo that is called directly would else find rustup's proxy, at 30 ms a call.
        let rustc = self.program.with_file_name("rustc");
        if rustc.is_file() {
            cargo = cargo.env("RUSTC", rustc.to_string_lossy());
        }
        cargo
    }
}

/// Asks cargo about the workspace of `cargo`'s directory, for `triples`. Writes nothing.
///
/// The one question of a warm build is answered from what is on disk. If it cannot be, something
/// has to be fetched first, and cargo is asked again for what it knows without.
pub(crate) fn probe(
    cargo: &HostCargo,
    triples: &[String],
    host: &Host,
    cancel: &Cancel,
) -> Result<Workspace> {
    if !cargo.dir.is_dir() {
        return Err(Error::new(
            ErrorKind::Manifest,
            format!("directory `{}` does not exist", cargo.dir.display()),
        )
        .with_help("name the directory of a cargo project"));
    }
    let mut full = cargo
        .command("metadata")
        .args(["--format-version", "1", "--offline", "--locked"])
        // A path dependency that a feature turns on has to be visible too.
        .arg("--all-features");
    for triple in triples {
        full = full.args(["--filter-platform", triple]);
    }
    let (memory, key) = (ProbeCache::in_cache(&host.cache), question_key(&full, host));
    let name = format!("workspace-{}", short_hash(&key, 16));
    if let Some(workspace) = memory.get(&name, &key) {
        return Ok(workspace);
    }
    let asked = clock::unix_time();
    let answer = ask(&full, host, cancel)?;
    if let Ok(metadata) = &answer {
        let outside = metadata.packages.iter().filter_map(outside_of(metadata));
        let outside = outside.map(workspace_root_of).collect::<BTreeSet<_>>();
        let workspace = Workspace::of(cargo, metadata, outside, None);
        let stamps = dependence(cargo, metadata, host);
        memory.insert(&name, &key, stamps, asked, &workspace);
        return Ok(workspace);
    }
    let mut outside = BTreeSet::new();
    let metadata = without_dependencies(cargo, host, cancel)?;
    let mut known = BTreeSet::new();
    let mut queue: Vec<_> = declared_paths(&metadata).collect();
    while let Some(dir) = queue.pop() {
        if dir.starts_with(&metadata.workspace_root) || !known.insert(dir.clone()) {
            continue;
        }
        outside.insert(workspace_root_of(dir.clone()));
        let there = HostCargo {
            manifest: Some(dir.join("Cargo.toml")),
            ..cargo.clone()
        };
        queue.extend(declared_paths(&without_dependencies(&there, host, cancel)?));
    }
    Ok(Workspace::of(cargo, &metadata, outside, answer.err()))
}

/// The project's directories. Writes nothing.
pub(crate) fn project(cargo: &HostCargo, host: &Host, cancel: &Cancel) -> Result<Project> {
    let metadata = without_dependencies(cargo, host, cancel)?;
    Ok(Project {
        packages: metadata
            .packages
            .iter()
            .filter_map(|package| {
                Some(LocalPackage {
                    name: package.name.clone(),
                    version: package.version.clone(),
                    dir: package.dir()?.to_owned(),
                })
            })
            .collect(),
        root: metadata.workspace_root,
        target_directory: metadata.target_directory,
    })
}

impl Workspace {
    pub(crate) fn of(
        cargo: &HostCargo,
        metadata: &Metadata,
        outside: BTreeSet<PathBuf>,
        unfetched: Option<String>,
    ) -> Self {
        let here = cargo
            .manifest
            .clone()
            .unwrap_or_else(|| cargo.dir.join("Cargo.toml"));
        Workspace {
            root: metadata.workspace_root.clone(),
            target_directory: metadata.target_directory.clone(),
            package_manifest: metadata
                .packages
                .iter()
                .map(|package| &package.manifest_path)
                .find(|manifest| **manifest == here)
                .cloned(),
            members: metadata
                .workspace_packages()
                .map(|package| (package.name.clone(), package.manifest_path.clone()))
                .collect(),
            outside: outside.into_iter().collect(),
            unfetched,
        }
    }

    /// The manifest of the one package that is built, whose configuration holds: the one that was
    /// named, else the one in whose directory the request was made.
    pub(crate) fn built_manifest(&self, named: &[String]) -> Option<&Path> {
        let manifest = match named {
            [] => self.package_manifest.as_ref(),
            [one] => self.members.get(one),
            _ => None,
        };
        manifest.map(PathBuf::as_path)
    }
}

/// The question, with every variable of the caller's that cargo might heed.
fn question_key(question: &Invocation, host: &Host) -> String {
    let mut key = question.to_string();
    for (name, value) in question.variables(&host.variables) {
        let name = name.to_string_lossy();
        if ["CARGO", "RUSTUP", "HOME"]
            .iter()
            .any(|of| name.starts_with(of))
        {
            key.push_str(&format!("\n{name}={}", value.to_string_lossy()));
        }
    }
    // It may hold a token; only its hash is written down.
    short_hash(&key, 64)
}

/// Every file that cargo's answer depends on: manifests, the lock file, cargo's configuration, the
/// directories where a glob of `members` may find more, and where fetched crates lie.
fn dependence(cargo: &HostCargo, metadata: &Metadata, host: &Host) -> Vec<FileStamp> {
    let root = metadata.workspace_root.as_path();
    let mut files = BTreeSet::from([cargo.program.clone(), root.join("Cargo.lock")]);
    for package in &metadata.packages {
        let manifest = &package.manifest_path;
        let around = package.dir().and_then(Path::parent);
        if package.source.is_none() {
            files.insert(manifest.to_owned());
            // A glob of `members` finds only what is below the root.
            files.extend(
                around
                    .filter(|dir| dir.starts_with(root))
                    .map(Path::to_owned),
            );
        } else {
            files.extend(around.map(Path::to_owned));
        }
    }
    files.insert(root.join("Cargo.toml"));
    let home = host.variable("CARGO_HOME").map(PathBuf::from);
    let configured = cargo
        .dir
        .ancestors()
        .map(|dir| dir.join(".cargo"))
        .chain(home);
    files.extend(configured.flat_map(|dir| [dir.join("config.toml"), dir.join("config")]));
    files.into_iter().map(FileStamp::of).collect()
}

/// What cargo says of the workspace's own packages alone. Writes nothing.
pub(crate) fn without_dependencies(
    cargo: &HostCargo,
    host: &Host,
    cancel: &Cancel,
) -> Result<Metadata> {
    let question =
        cargo
            .command("metadata")
            .args(["--format-version", "1", "--offline", "--no-deps"]);
    ask(&question, host, cancel)?.map_err(|said| {
        Error::new(
            ErrorKind::Manifest,
            format!("cargo cannot read the project: {said}"),
        )
        .with_help(match said.contains("could not find `Cargo.toml`") {
            true => "run it in a cargo project, or name its manifest with `manifest_path`",
            false => "mend the manifest; `cargo metadata` shows the same message",
        })
    })
}

/// The answer, or what cargo said instead.
fn ask(question: &Invocation, host: &Host, cancel: &Cancel) -> Result<Result<Metadata, String>> {
    let said = process::output(question, &host.variables, cancel).engine()?;
    if !said.exit.success() {
        let words = said.stderr.trim();
        return Ok(Err(words
            .strip_prefix("error: ")
            .unwrap_or(words)
            .to_owned()));
    }
    let json = said.stdout.lines().find(|line| line.starts_with('{'));
    Metadata::parse(json.unwrap_or_default())
        .map(Ok)
        .map_err(|error| {
            Error::new(
                ErrorKind::Manifest,
                format!("`cargo metadata` answered what this library cannot read: {error}"),
            )
        })
}

/// The directory of a path package that is not in the workspace.
fn outside_of(metadata: &Metadata) -> impl Fn(&Package) -> Option<PathBuf> {
    let root = metadata.workspace_root.clone();
    move |package| {
        let dir = package.dir()?;
        let is_outside = package.source.is_none() && !dir.starts_with(&root);
        is_outside.then(|| dir.to_owned())
    }
}

fn declared_paths(metadata: &Metadata) -> impl Iterator<Item = PathBuf> {
    metadata
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter_map(|dependency| dependency.path.clone())
}

/// The root of the workspace that the package in `dir` belongs to: it may inherit from there.
fn workspace_root_of(dir: PathBuf) -> PathBuf {
    let is_root = |dir: &&Path| {
        std::fs::read_to_string(dir.join("Cargo.toml"))
            .ok()
            .and_then(|text| text.parse::<toml::Table>().ok())
            .is_some_and(|manifest| manifest.contains_key("workspace"))
    };
    let root = dir.ancestors().find(is_root).map(Path::to_owned);
    root.unwrap_or(dir)
}
