//! What cargo says of the workspace: one offline question when everything is fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use cross_engine::{Cancel, Host, Invocation, Value, process};

use crate::error::{EngineContext as _, Error, ErrorKind, Result};

/// The workspace as far as planning needs it.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The root directory.
    pub(crate) root: PathBuf,
    /// The target directory as the user's own cargo has it.
    pub(crate) target_directory: PathBuf,
    /// The manifest of the package in whose directory the request was made, if it is one.
    pub(crate) package_manifest: Option<PathBuf>,
    /// The workspace roots of path dependencies that lie outside of this workspace.
    pub(crate) outside: Vec<PathBuf>,
    /// Whether something has to be fetched, or `Cargo.lock` to be written, before a build.
    pub(crate) needs_fetch: bool,
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
}

/// Variables of an outer cargo (`cargo xtask`, a build script) that mean its package, not ours.
const OUTER_CARGO: [&str; 24] = [
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
    /// `cargo <subcommand>` on the host, without what an outer cargo left in the environment.
    pub(crate) fn command(&self, subcommand: &str) -> Invocation {
        let mut cargo = Invocation::new(&self.program)
            .arg(subcommand)
            .cwd(&self.dir);
        for name in OUTER_CARGO {
            cargo = cargo.env_value(name, Value::Unset);
        }
        if let Some(manifest) = &self.manifest {
            cargo = cargo.args(["--manifest-path", &manifest.to_string_lossy()]);
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
    triples: &[&str],
    host: &Host,
    cancel: &Cancel,
) -> Result<Workspace> {
    if !cargo.dir.is_dir() {
        return Err(Error::new(
            ErrorKind::Manifest,
            format!("directory `{}` does not exist", cargo.dir.display()),
        ));
    }
    let mut full =
        cargo
            .command("metadata")
            .args(["--format-version", "1", "--offline", "--locked"]);
    for triple in triples {
        full = full.args(["--filter-platform", triple]);
    }
    if let Ok(metadata) = ask(&full, host, cancel)? {
        let outside = metadata.packages.iter().filter_map(outside_of(&metadata));
        let outside = outside.map(workspace_root_of).collect::<BTreeSet<_>>();
        return Ok(Workspace::of(cargo, &metadata, outside, false));
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
    Ok(Workspace::of(cargo, &metadata, outside, true))
}

/// The root directory of the workspace. Writes nothing.
pub(crate) fn root(cargo: &HostCargo, host: &Host, cancel: &Cancel) -> Result<PathBuf> {
    Ok(without_dependencies(cargo, host, cancel)?
        .workspace_root
        .into())
}

impl Workspace {
    fn of(
        cargo: &HostCargo,
        metadata: &Metadata,
        outside: BTreeSet<PathBuf>,
        needs_fetch: bool,
    ) -> Self {
        let here = cargo
            .manifest
            .clone()
            .unwrap_or_else(|| cargo.dir.join("Cargo.toml"));
        Workspace {
            root: metadata.workspace_root.clone().into(),
            target_directory: metadata.target_directory.clone().into(),
            package_manifest: metadata
                .packages
                .iter()
                .map(|package| PathBuf::from(&package.manifest_path))
                .find(|manifest| *manifest == here),
            outside: outside.into_iter().collect(),
            needs_fetch,
        }
    }
}

fn without_dependencies(cargo: &HostCargo, host: &Host, cancel: &Cancel) -> Result<Metadata> {
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
    MetadataCommand::parse(json.unwrap_or_default())
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
        let dir = package.manifest_path.parent()?;
        let is_outside = package.source.is_none() && !dir.starts_with(&root);
        is_outside.then(|| dir.to_owned().into())
    }
}

fn declared_paths(metadata: &Metadata) -> impl Iterator<Item = PathBuf> {
    metadata
        .packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter_map(|dependency| dependency.path.clone())
        .map(PathBuf::from)
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
