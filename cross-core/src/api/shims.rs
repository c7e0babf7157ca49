//! Shims: scripts by which processes of the host run a target's tools in its environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::os;
use cross_engine::{EnvValue, EnvironmentLocation, Mount, Network, RunSpec, Shim};

use crate::execute::foreign_starts;
use crate::facts::caller_variables;
use crate::facts::facts::Facts;
use crate::facts::run_inputs::{self, kept_file};
use crate::facts::seen_places::{settle, written_and_real};
use crate::facts::writable_dirs;
use crate::host::places::real_path;
use crate::host::toolchain::{self, host_triple};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::step::Prepared;
use crate::model::toolchain::ToolchainPreference;
use crate::request::cross::Cross;

/// The home directory of what a shim starts. Other runs have theirs in `/tmp`, but a shim sees the
/// host's `/tmp`.
const HOME: &str = "/run/cross-home";
/// Wine keeps its prefix in `/tmp` by default, where two runs in separate namespaces would collide.
const WINE: (&str, &str) = ("WINEPREFIX", "/run/cross-home/wine");

/// The variables that cargo sets for the programs and tests that it starts.
const CARGO_VARIABLES: [&str; 10] = [
    "CARGO",
    "CARGO_BIN_EXE_*",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "CARGO_TARGET_TMPDIR",
    "LD_LIBRARY_PATH",
    "NEXTEST*",
    "OUT_DIR",
];

/// What a shim starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShimKind {
    /// A tool that makes files from files, such as a compiler or an archiver.
    Tool,
    /// Any program of the environment, which may start programs of the target.
    Program,
    /// pkg-config, which variables control.
    PkgConfig,
    /// The runner of the target's programs.
    Runner,
}

/// Makes the shims of one environment.
pub(crate) struct Shims<'a> {
    facts: &'a Facts,
    mounts: Vec<Mount>,
    /// What a program needs beside the variables of every shim.
    own: Option<(String, EnvValue)>,
}

impl<'a> Shims<'a> {
    /// `extra` are the directories that the caller mounts in addition.
    pub(crate) fn new(cross: &Cross, facts: &'a Facts, extra: &[PathBuf]) -> Result<Self> {
        let mut mounts = vec![Mount::scratch(HOME)];
        let target_directory = Mount::write(&facts.workspace.target_directory);
        mounts.extend(written_and_real(target_directory));
        // A cargo on the host links with the libraries of the host's toolchain, whichever toolchain
        // the environment uses.
        let host_toolchain = toolchain::find(
            &ToolchainPreference::Host,
            cross.dir(),
            &facts.host,
            &host_triple(),
        )
        .ok();
        let sysroot = host_toolchain
            .as_ref()
            .and_then(|toolchain| toolchain.sysroot());
        mounts.extend(sysroot.filter(|dir| dir.is_dir()).map(Mount::read));
        // CMake and libclang run on the host and find headers in the environment's directory. They
        // pass its paths to compilers, which have to find it at the same place.
        if let EnvironmentLocation::Directory(dir) = facts.environment().location {
            mounts.push(Mount::read(dir.join("root")));
        }
        for dir in [temporary_dir(cross)].into_iter().chain(out_dir(cross)) {
            if dir.is_dir() {
                mounts.extend(mounts_of(&dir)?);
            }
        }
        for dir in extra {
            mounts.extend(mounts_of(&cross.dir().join(dir))?);
        }
        Ok(Shims {
            facts,
            mounts,
            own: None,
        })
    }

    /// Sets a variable in addition.
    pub(crate) fn with(self, own: Option<(String, EnvValue)>) -> Self {
        Shims { own, ..self }
    }

    /// Makes the shim that runs `command` with its own arguments appended. Returns its path and the
    /// file to write. It is named like the program, because build tools judge a compiler by its
    /// name.
    pub(crate) fn shim(&self, command: &[String], kind: ShimKind) -> Result<(PathBuf, Prepared)> {
        let facts = self.facts;
        let spec = self.spec(command.to_vec(), kind)?;
        let mut passed: Vec<String> = caller_variables::names().collect();
        let configured = facts.config.passthrough.iter();
        passed.extend(configured.map(|variable| variable.value.name.clone()));
        match kind {
            ShimKind::Tool | ShimKind::Program => {}
            ShimKind::PkgConfig => passed.push("PKG_CONFIG_*".to_owned()),
            ShimKind::Runner => {
                passed.extend(CARGO_VARIABLES.map(str::to_owned));
                if spec.network != Network::None {
                    passed.extend(run_inputs::PROXIES.map(str::to_owned));
                }
            }
        }
        let target = facts.target.triple();
        let directories = [&facts.workspace.target_directory, &facts.inputs.target_dir];
        let engine = &facts.selected.engine;
        let programs = facts.inputs.foreign_programs.as_ref();
        let hint = match kind {
            ShimKind::Runner => foreign_starts::unread(target, engine, programs, &facts.host),
            _ => None,
        };
        let text = Shim::new(spec)
            .hint(hint.unwrap_or_default())
            .pass_env(passed)
            .directories(directories.map(Clone::clone))
            .reads_stdin(kind == ShimKind::Runner)
            .remedy(format!(
                "run the program that wrote this script again: it also makes the environment for {target}"
            ))
            .script(engine, &facts.host)
            .map_engine_error()?;
        let program = match kind {
            ShimKind::Runner => format!("run-{target}"),
            _ => command.first().cloned().unwrap_or_default(),
        };
        let name = Path::new(&program).file_name().unwrap_or_default();
        Ok(kept_file(&facts.host, &name.to_string_lossy(), text, true))
    }

    /// A run of `command` with the mounts and variables of a shim.
    pub(crate) fn spec(&self, command: Vec<String>, kind: ShimKind) -> Result<RunSpec> {
        let facts = self.facts;
        let mut spec = facts.run_spec(command, Network::None);
        spec.mounts
            .retain(|mount| !mount.target.starts_with(run_inputs::HOME));
        let mut spec = spec.mounts(self.mounts.iter().cloned());
        if kind != ShimKind::Runner {
            spec = spec.mounts(self.written_sources());
        }
        if matches!(kind, ShimKind::Program | ShimKind::Runner) {
            spec = spec.foreign_programs(facts.foreign_programs());
        }
        spec.mounts = settle(spec.mounts);
        spec.env = self.variables(spec.env);
        spec.env.extend(self.own.clone());
        if let EnvironmentLocation::Directory(_) = facts.environment().location {
            let mounts = spec.mounts.iter();
            let targets: Vec<_> = mounts.map(|mount| mount.target.as_path()).collect();
            let name = facts.env_spec.name();
            let root = facts
                .environments()
                .root(&name, &targets)
                .map_engine_error()?;
            spec = spec.root(root);
        }
        Ok(spec)
    }

    /// The sources, writable but for what the host runs. A tool writes what its caller on the host
    /// tells it to, and a Makefile's compiler writes beside the sources.
    fn written_sources(&self) -> Vec<Mount> {
        let root = &self.facts.workspace.root;
        let kept = writable_dirs::NEVER_WRITABLE.map(|name| root.join(name));
        // A cargo home among the sources stays hidden.
        let home = real_path(&self.facts.inputs.cargo_home);
        let is_shown = |path: &PathBuf| path.exists() && real_path(path) != home;
        let kept = kept.into_iter().filter(is_shown).map(Mount::read);
        std::iter::once(Mount::write(root)).chain(kept).collect()
    }

    /// The variables that a shim sets. Variables of the caller are not among them: they come from
    /// whoever starts the shim, and no secret is written to a file.
    fn variables(&self, mut env: BTreeMap<String, EnvValue>) -> BTreeMap<String, EnvValue> {
        env.retain(|name, value| {
            matches!(value, EnvValue::Plain(_)) && !caller_variables::is_passed(name)
        });
        let plain = |value: &str| EnvValue::Plain(value.to_owned());
        for entry in &self.facts.config.passthrough {
            if let Some(value) = &entry.value.value {
                env.insert(entry.value.name.clone(), plain(value));
            }
        }
        let sdk = self.facts.env_spec.sdk.as_ref();
        for (name, value) in sdk.into_iter().flat_map(|sdk| &sdk.env) {
            env.insert(name.clone(), plain(value));
        }
        env.insert("HOME".to_owned(), plain(HOME));
        env.insert(WINE.0.to_owned(), plain(WINE.1));
        env
    }
}

/// The directory in which tools of the host pass temporary files to each other: rustc to the
/// linker, and rustdoc to the runner.
fn temporary_dir(cross: &Cross) -> PathBuf {
    let given = cross.path_variable("TMPDIR");
    given.unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// The `OUT_DIR` of the calling build script, if a build script calls.
pub(crate) fn out_dir(cross: &Cross) -> Option<PathBuf> {
    cross.path_variable("OUT_DIR")
}

/// Mounts `dir` at the path given and at its canonical path.
fn mounts_of(dir: &Path) -> Result<[Mount; 2]> {
    let real = os::canonical(dir).map_err(|error| {
        Error::io("mount", dir, error).with_help("create the directory, or name another one")
    })?;
    if !real.is_dir() {
        let message = format!("cannot mount `{}`: not a directory", dir.display());
        return Err(
            Error::new(ErrorKind::Io, message).with_help("name the directory that contains it")
        );
    }
    Ok([Mount::write(&real).at(dir), Mount::write(real)])
}
