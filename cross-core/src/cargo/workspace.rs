//! Reads the workspace with `cargo metadata`: one offline call if everything is fetched.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cross_engine::os::System;
use cross_engine::process::clock;
use cross_engine::{Cancel, EnvValue, FileStamp, Host, Invocation, ProbeCache, process};
use serde::{Deserialize, Serialize};

use crate::cargo::advice;
use crate::cargo::cli::configs::Configs;
use crate::cargo::dependency_variables;
use crate::cargo::json::{Metadata, Package};
use crate::cargo::named_paths::{self, NamedPaths};
use crate::cargo::outer;
use crate::cargo::package_selection::{self, ConfiguredPackage, Member, PackageSelection};
use crate::cargo::products::Product;
use crate::host::places::real_path;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::hash::short_hash;
use crate::model::redact;

/// The parts of a workspace that planning needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Workspace {
    /// The root directory.
    pub(crate) root: PathBuf,
    /// The target directory that the user's cargo uses.
    pub(crate) target_directory: PathBuf,
    /// The workspace's packages, in cargo's order.
    pub(crate) packages: Vec<Member>,
    /// The manifests of the workspace's packages, by the packages' names.
    pub(crate) members: BTreeMap<String, PathBuf>,
    /// The workspace roots of path dependencies and patches outside this workspace.
    pub(crate) outside: Vec<PathBuf>,
    /// The files that cargo can make of the packages that are in directories.
    pub(crate) products: Vec<Product>,
    /// Whether any crate comes from a registry.
    pub(crate) uses_registry: bool,
    /// The registries that a package names and whose address has a password or a token, as they may
    /// be shown.
    pub(crate) secret_registries: BTreeSet<String>,
    /// The variables that build scripts of its dependencies read, each with what reads it.
    pub(crate) dependency_variables: BTreeMap<String, PathBuf>,
    /// Cargo's message if dependencies have to be fetched, or `Cargo.lock` written, before a build.
    pub(crate) unfetched: Option<String>,
}

/// The directories and packages of a project, as returned by
/// [`Cross::project`](crate::Cross::project).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Project {
    /// The workspace's root directory.
    pub root: PathBuf,
    /// The target directory that the user's cargo uses.
    pub target_directory: PathBuf,
    /// The workspace's packages.
    pub packages: Vec<LocalPackage>,
}

/// A package of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalPackage {
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The directory of the package's manifest.
    pub dir: PathBuf,
}

impl Project {
    /// The workspace's package called `name`.
    pub fn package(&self, name: &str) -> Option<&LocalPackage> {
        self.packages.iter().find(|package| package.name == name)
    }
}

/// The host's cargo, and the project it is called for.
#[derive(Clone, Debug)]
pub(crate) struct HostCargo {
    /// The program.
    pub(crate) program: PathBuf,
    /// The request's directory.
    pub(crate) dir: PathBuf,
    /// The value of `--manifest-path`, if any.
    pub(crate) manifest: Option<PathBuf>,
    /// The values of `--config`.
    pub(crate) configs: Vec<String>,
    /// The values of `-Z` that manifests need.
    pub(crate) unstable: Vec<String>,
    /// Whether cargo must not use the network.
    pub(crate) offline: bool,
}

impl HostCargo {
    /// The call `cargo <subcommand>` on the host, for the manifest.
    pub(crate) fn command(&self, subcommand: &str) -> Invocation {
        let mut cargo = self.call([subcommand]);
        if let Some(manifest) = &self.manifest {
            cargo = cargo.args(["--manifest-path", &manifest.to_string_lossy()]);
        }
        let unstable = self.unstable.iter();
        let cargo = unstable.fold(cargo, |cargo, value| cargo.args(["-Z", value]));
        let configs = self.configs.iter();
        configs.fold(cargo, |cargo, value| cargo.args(["--config", value]))
    }

    /// The configuration that this cargo reads.
    pub(crate) fn configuration(&self, host: &Host) -> Result<Configs> {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        self.configured(Configs::find(
            &self.dir,
            host.cargo_home().as_deref(),
            &read,
        )?)
    }

    /// `configs` with the settings and files of `--config`.
    ///
    /// # Errors
    ///
    /// A setting or a file that is not TOML.
    pub(crate) fn configured(&self, configs: Configs) -> Result<Configs> {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let add = |configs: Configs, value: &String| {
            let path = self.dir.join(value);
            match read(&path) {
                Some(text) => configs.with_file(path, &text, &read),
                None => configs.with_setting(value, &self.dir),
            }
        };
        self.configs.iter().try_fold(configs, add)
    }

    /// The manifest as it is named where the workspace at `root` really is; `None` if that is where
    /// it is named already.
    pub(crate) fn real_manifest(&self, root: &Path) -> Option<PathBuf> {
        let real = real_path(root);
        let below = self.manifest.as_ref()?.strip_prefix(root).ok()?;
        (real != root).then(|| real.join(below))
    }

    /// The call `cargo <words>` on the host, without the variables of an outer cargo.
    pub(crate) fn call<I>(&self, words: I) -> Invocation
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut cargo = Invocation::new(&self.program).args(words).cwd(&self.dir);
        for name in outer::unset_for_host_cargo() {
            cargo = cargo.env_value(name, EnvValue::Unset);
        }
        if self.offline {
            cargo = cargo
                .env("CARGO_NET_OFFLINE", "true")
                .env("RUSTUP_AUTO_INSTALL", "0");
        }
        // Without `RUSTC`, cargo would start rustup's proxy, which takes 30 ms a call.
        let mut rustc = self.program.with_file_name("rustc");
        if let Some(ending) = self.program.extension() {
            rustc.set_extension(ending);
        }
        if rustc.is_file() {
            cargo = cargo.env("RUSTC", rustc.to_string_lossy());
        }
        cargo
    }
}

/// Reads the workspace of `cargo`'s directory, for `triples`. Writes nothing.
///
/// If everything is fetched, one offline call of cargo is enough, and its answer is cached.
/// Otherwise cargo is called again without dependencies.
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
    let query = offline_metadata(cargo, triples);
    let (memory, key) = (ProbeCache::in_cache(&host.cache), query_key(&query, host));
    let name = format!("workspace-{}", short_hash(&key, 16));
    if let Some(workspace) = memory.get(&name, &key) {
        return Ok(workspace);
    }
    let time = clock::unix_time();
    let named = NamedPaths::of(&cargo.configuration(host)?);
    match call(&query, host, cancel)? {
        Answer::Metadata(metadata) => {
            let patches = named.packages(&metadata.workspace_root);
            let outside = outside_workspaces(&metadata, patches);
            let workspace = Workspace::of(cargo, &metadata, outside, None);
            let stamps = dependencies(cargo, &metadata, &named, host);
            memory.insert(&name, &key, stamps, time, &workspace);
            Ok(workspace)
        }
        Answer::Failed(reason) => {
            let (metadata, outside) = declared_metadata(cargo, &named, host, cancel)?;
            Ok(Workspace::of(cargo, &metadata, outside, Some(reason)))
        }
    }
}

/// The call of `cargo metadata` that succeeds if everything is fetched.
fn offline_metadata(cargo: &HostCargo, triples: &[String]) -> Invocation {
    let query = cargo
        .command("metadata")
        .args(["--format-version", "1", "--offline", "--locked"])
        // A path dependency that a feature turns on has to be visible too.
        .arg("--all-features");
    triples.iter().fold(query, |query, triple| {
        query.args(["--filter-platform", triple])
    })
}

/// The workspace roots of all path packages outside the workspace, and of `patches`: cargo reads
/// also those that nothing uses.
fn outside_workspaces(metadata: &Metadata, patches: Vec<PathBuf>) -> BTreeSet<PathBuf> {
    let path_packages = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_none());
    path_packages
        .filter_map(Package::dir)
        .map(Path::to_owned)
        .chain(patches)
        .filter(|dir| !dir.starts_with(&metadata.workspace_root))
        .map(workspace_root_of)
        .collect()
}

/// The metadata of the workspace without its dependencies, with the packages of its path
/// dependencies and patches as the manifests and the configuration declare them, and the workspace
/// roots of those outside.
fn declared_metadata(
    cargo: &HostCargo,
    named: &NamedPaths,
    host: &Host,
    cancel: &Cancel,
) -> Result<(Metadata, BTreeSet<PathBuf>)> {
    let mut metadata = without_dependencies(cargo, host, cancel)?;
    let patches = named.packages(&metadata.workspace_root);
    let mut outside = outside_workspaces(&metadata, Vec::new());
    let known = metadata.packages.iter().filter_map(Package::dir);
    let mut visited: BTreeSet<PathBuf> = known.map(Path::to_owned).collect();
    let mut queue: Vec<_> = declared_paths(&metadata).chain(patches).collect();
    while let Some(dir) = queue.pop() {
        if !visited.insert(dir.clone()) {
            continue;
        }
        if dir.starts_with(&metadata.workspace_root) {
            // Cargo refuses to be asked about a patch there, which is no member.
            queue.extend(named_paths::dependencies_of(&dir));
            continue;
        }
        outside.insert(workspace_root_of(dir.clone()));
        let dependency = HostCargo {
            manifest: Some(dir.join("Cargo.toml")),
            ..cargo.clone()
        };
        let dependency = without_dependencies(&dependency, host, cancel)?;
        queue.extend(declared_paths(&dependency));
        metadata.packages.extend(dependency.packages);
    }
    Ok((metadata, outside))
}

/// Reads the project's directories and packages. Writes nothing.
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
    /// Reads the workspace's own packages, without dependencies. Writes nothing.
    pub(crate) fn declared(cargo: &HostCargo, host: &Host, cancel: &Cancel) -> Result<Self> {
        let metadata = without_dependencies(cargo, host, cancel)?;
        Ok(Self::of(cargo, &metadata, BTreeSet::new(), None))
    }

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
        let dependencies = metadata.packages.iter().flat_map(|it| &it.dependencies);
        let registries: BTreeSet<_> = dependencies
            .filter_map(|dependency| dependency.source.as_deref())
            .filter(|source| !source.starts_with("git+"))
            .collect();
        let secret = registries
            .iter()
            .filter(|source| redact::strip(source) != **source);
        Workspace {
            uses_registry: !registries.is_empty(),
            secret_registries: secret
                .map(|source| redact::redact(source).into_owned())
                .collect(),
            root: metadata.workspace_root.clone(),
            target_directory: metadata.target_directory.clone(),
            packages: Member::all(metadata, &here),
            members: metadata
                .workspace_packages()
                .map(|package| (package.name.clone(), package.manifest_path.clone()))
                .collect(),
            outside: outside.into_iter().collect(),
            products: metadata
                .packages
                .iter()
                .filter(|package| package.source.is_none())
                .flat_map(Product::of_package)
                .map(Product::with_file_name)
                .collect(),
            dependency_variables: dependency_variables::read(metadata),
            unfetched,
        }
    }

    /// The package that is built, whose configuration applies.
    pub(crate) fn configured_package(&self, selection: &PackageSelection) -> ConfiguredPackage {
        package_selection::configured(&self.packages, selection)
    }

    /// The directory of a run for a request in `dir`: the same one if it is visible in the
    /// environment, however it is written, else the workspace's root.
    pub(crate) fn dir_inside(&self, dir: &Path) -> PathBuf {
        if dir.starts_with(&self.root) {
            return dir.to_owned();
        }
        let (real, root) = (real_path(dir), real_path(&self.root));
        match real.strip_prefix(root) {
            Ok(rest) if rest.components().next().is_some() => self.root.join(rest),
            _ => self.root.clone(),
        }
    }
}

/// The cache key of a query: the call, with every variable of the caller that cargo may read.
fn query_key(query: &Invocation, host: &Host) -> String {
    let mut key = query.to_string();
    for (name, value) in query.variables(&host.variables) {
        let name = name.to_string_lossy();
        if ["CARGO", "RUSTUP", System::HERE.home_variable()]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            key.push_str(&format!("\n{name}={}", value.to_string_lossy()));
        }
    }
    // What the answer is checked against.
    key += "names of targets";
    // A variable may hold a token, so only the hash is stored.
    short_hash(&key, 64)
}

/// The files that cargo's answer depends on: manifests, the lock file, cargo's configuration, the
/// directories that a glob of `members` may search, those in which cargo looks for programs and
/// tests, and the directories of fetched crates.
fn dependencies(
    cargo: &HostCargo,
    metadata: &Metadata,
    named: &NamedPaths,
    host: &Host,
) -> Vec<FileStamp> {
    let root = metadata.workspace_root.as_path();
    let mut files = BTreeSet::from([cargo.program.clone(), root.join("Cargo.lock")]);
    let mut listed = BTreeSet::new();
    for package in &metadata.packages {
        let manifest = &package.manifest_path;
        let parent = package.dir().and_then(Path::parent);
        if package.source.is_none() {
            files.insert(manifest.to_owned());
            listed.extend(package.dir().into_iter().flat_map(target_directories));
            // A glob of `members` searches only below the root.
            let searched = parent.filter(|dir| dir.starts_with(root));
            files.extend(searched.map(Path::to_owned));
        } else {
            files.extend(parent.map(Path::to_owned));
        }
    }
    files.insert(root.join("Cargo.toml"));
    let configured = cargo
        .dir
        .ancestors()
        .map(|dir| dir.join(".cargo"))
        .chain(host.cargo_home());
    files.extend(configured.flat_map(|dir| [dir.join("config.toml"), dir.join("config")]));
    // Files that are included lie anywhere.
    files.extend(named.files().cloned());
    let listed = listed.into_iter().map(FileStamp::of_names);
    files.into_iter().map(FileStamp::of).chain(listed).collect()
}

/// The directories of a package in which cargo looks for what the manifest does not name: a build
/// script, the library, and programs, tests, examples and benchmarks. Each of the latter may have a
/// directory of its own.
fn target_directories(package: &Path) -> Vec<PathBuf> {
    let mut dirs = vec![package.to_owned(), package.join("src")];
    for name in ["src/bin", "tests", "examples", "benches"] {
        let dir = package.join(name);
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        let own = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()));
        dirs.extend(own.map(|entry| entry.path()));
        dirs.push(dir);
    }
    dirs
}

/// Reads the metadata of the workspace's own packages, without dependencies. Writes nothing.
pub(crate) fn without_dependencies(
    cargo: &HostCargo,
    host: &Host,
    cancel: &Cancel,
) -> Result<Metadata> {
    let query = cargo
        .command("metadata")
        .args(["--format-version", "1", "--offline", "--no-deps"]);
    match call(&query, host, cancel)? {
        Answer::Metadata(metadata) => Ok(metadata),
        Answer::Failed(reason) => Err(Error::new(
            match advice::is_of_toolchain(&reason) {
                true => ErrorKind::Toolchain,
                false => ErrorKind::Manifest,
            },
            format!("cargo cannot read the project: {reason}"),
        )
        .with_help(match reason.contains("could not find `Cargo.toml`") {
            true => "run it in a cargo project, or name the manifest with `manifest_path`".to_owned(),
            false => advice::find(&reason).map_or_else(
                || {
                    let dir = cargo.dir.display();
                    format!(
                        "correct what it names: cargo itself says the same for `cargo metadata` in `{dir}`"
                    )
                },
                Cow::into_owned,
            ),
        })),
    }
}

/// The outcome of a call of `cargo metadata`.
enum Answer {
    Metadata(Metadata),
    /// Cargo failed with this message.
    Failed(String),
}

/// Calls cargo with a query for metadata.
fn call(query: &Invocation, host: &Host, cancel: &Cancel) -> Result<Answer> {
    let output = process::output(query, &host.variables, cancel).map_engine_error()?;
    if !output.exit.success() {
        let message = output.stderr.trim();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        return Ok(Answer::Failed(message.to_owned()));
    }
    let json = output.stdout.lines().find(|line| line.starts_with('{'));
    match Metadata::parse(json.unwrap_or_default()) {
        Ok(metadata) => Ok(Answer::Metadata(metadata)),
        Err(error) => Err(Error::new(
            ErrorKind::Manifest,
            format!("the output of `cargo metadata` cannot be parsed: {error}"),
        )),
    }
}

/// The directories of the path dependencies that the workspace's manifests declare.
fn declared_paths(metadata: &Metadata) -> impl Iterator<Item = PathBuf> {
    metadata
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter_map(|dependency| dependency.path.clone())
}

/// The root of the workspace that the package in `dir` belongs to, which the package may inherit
/// from.
pub(crate) fn workspace_root_of(dir: PathBuf) -> PathBuf {
    let is_root = |dir: &&Path| {
        std::fs::read_to_string(dir.join("Cargo.toml"))
            .ok()
            .and_then(|text| text.parse::<toml::Table>().ok())
            .is_some_and(|manifest| manifest.contains_key("workspace"))
    };
    let root = dir.ancestors().find(is_root).map(Path::to_owned);
    root.unwrap_or(dir)
}
