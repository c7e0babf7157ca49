//! The scripts by which processes of the host start a target's tools: what each sees, and what reaches it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::{EnvValue, EnvironmentLocation, Mount, Network, RunSpec, Shim};

use crate::cross::Cross;
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::inside::{self, kept_file};
use crate::plan::Prepared;
use crate::planner::Facts;
use crate::toolchain::{self, Wanted, host_triple};

/// The home of what a script starts. That of other runs is in `/tmp`, which is the host's here.
const HOME: &str = "/run/cross-home";
/// Wine keeps a home of its own in `/tmp`, where two that do not see each other would meet.
const WINE: (&str, &str) = ("WINEPREFIX", "/run/cross-home/wine");

/// What cargo tells the programs and tests that it starts.
const OF_CARGO: [&str; 10] = [
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

/// What a script starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A tool that makes files of files: a compiler, an archiver.
    Tool,
    /// pkg-config, which is told by variables what to do.
    PkgConfig,
    /// What starts programs of the target.
    Runner,
}

/// Makes the scripts for one environment.
pub(crate) struct Shims<'a> {
    facts: &'a Facts,
    mounts: Vec<Mount>,
}

impl<'a> Shims<'a> {
    /// `extra` are directories that the caller wants to be seen, too.
    pub(crate) fn new(cross: &Cross, facts: &'a Facts, extra: &[PathBuf]) -> Result<Self> {
        let mut mounts = vec![
            Mount::scratch(HOME),
            Mount::write(&facts.workspace.target_directory),
        ];
        // The host's cargo links with the libraries of the host's Rust, whatever compiles inside.
        let host_rust = toolchain::find(&Wanted::Host, cross.dir(), &facts.host, &host_triple());
        let host_rust = host_rust.ok();
        let sysroot = host_rust.as_ref().and_then(|it| it.sysroot());
        mounts.extend(sysroot.filter(|dir| dir.is_dir()).map(Mount::read));
        // What CMake and libclang, which are the host's, find there, compilers find at the same path.
        if let EnvironmentLocation::Directory(dir) = facts.environment().location {
            mounts.push(Mount::read(dir.join("root")));
        }
        for dir in [temporary(cross)].into_iter().chain(out_dir(cross)) {
            if dir.is_dir() {
                mounts.extend(both(&dir)?);
            }
        }
        for dir in extra {
            mounts.extend(both(&cross.dir().join(dir))?);
        }
        Ok(Shims { facts, mounts })
    }

    /// The script that runs `command` with what it is given, and what has to be written for that. It has
    /// the name of the first word, by which tools judge what they are given.
    pub(crate) fn shim(&self, command: &[String], purpose: Use) -> Result<(PathBuf, Prepared)> {
        let facts = self.facts;
        let network = match purpose {
            Use::Runner => Network::Default,
            _ => Network::None,
        };
        let mut passed: Vec<String> = inside::callers().collect();
        let named = facts.config.passthrough.iter();
        passed.extend(named.map(|it| it.value.name.clone()));
        match purpose {
            Use::Tool => {}
            Use::PkgConfig => passed.push("PKG_CONFIG_*".to_owned()),
            Use::Runner => {
                passed.extend(
                    OF_CARGO
                        .iter()
                        .chain(&inside::PROXIES)
                        .map(|&it| it.to_owned()),
                );
            }
        }
        let spec = self.spec(command.to_vec(), network)?;
        let target = facts.target.triple();
        let directories = [&facts.workspace.target_directory, &facts.inside.target_dir];
        let text = Shim::new(spec)
            .pass_env(passed)
            .directories(directories.map(Clone::clone))
            .reads_stdin(purpose == Use::Runner)
            .remedy(format!(
                "run what made this script again: it makes the environment for {target}, too"
            ))
            .script(&facts.selected.engine, &facts.host)
            .engine()?;
        let program = match purpose {
            Use::Runner => format!("run-{target}"),
            _ => command.first().cloned().unwrap_or_default(),
        };
        let name = Path::new(&program).file_name().unwrap_or_default();
        Ok(kept_file(&facts.host, &name.to_string_lossy(), text, true))
    }

    /// A run of `command` that sees what the scripts' programs see.
    pub(crate) fn spec(&self, command: Vec<String>, network: Network) -> Result<RunSpec> {
        let facts = self.facts;
        let mut spec = facts.run_spec(command, network);
        spec.mounts
            .retain(|mount| mount.target != Path::new(inside::HOME));
        let mut spec = spec.mounts(self.mounts.iter().cloned());
        spec.env = self.variables(spec.env);
        if let EnvironmentLocation::Directory(_) = facts.environment().location {
            let targets: Vec<_> = spec.mounts.iter().map(|it| it.target.as_path()).collect();
            let name = facts.definition.name();
            let root = facts.environments().root(&name, &targets).engine()?;
            spec = spec.root(root);
        }
        Ok(spec)
    }

    /// The variables that are the same whoever starts a script. What comes from the caller is left out: it
    /// comes from whoever starts the script, and no secret is written to a file.
    fn variables(&self, mut env: BTreeMap<String, EnvValue>) -> BTreeMap<String, EnvValue> {
        env.retain(|name, value| matches!(value, EnvValue::Plain(_)) && !inside::is_callers(name));
        let plain = |value: &str| EnvValue::Plain(value.to_owned());
        for entry in &self.facts.config.passthrough {
            if let Some(value) = &entry.value.value {
                env.insert(entry.value.name.clone(), plain(value));
            }
        }
        let sdk = self.facts.definition.sdk.as_ref();
        for (name, value) in sdk.into_iter().flat_map(|sdk| &sdk.env) {
            env.insert(name.clone(), plain(value));
        }
        env.insert("HOME".to_owned(), plain(HOME));
        env.insert(WINE.0.to_owned(), plain(WINE.1));
        env
    }
}

/// Where the host's tools leave files for each other for a moment: rustc for the linker, rustdoc for the
/// runner.
fn temporary(cross: &Cross) -> PathBuf {
    let given = cross.path_variable("TMPDIR");
    given.unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// The directory of the build script that asks, if one does.
pub(crate) fn out_dir(cross: &Cross) -> Option<PathBuf> {
    cross.path_variable("OUT_DIR")
}

/// The directory, by the name that it was given and by its own.
fn both(dir: &Path) -> Result<[Mount; 2]> {
    let real = dir.canonicalize().map_err(|error| {
        Error::io("mount", dir, error).with_help("create the directory, or name another")
    })?;
    if !real.is_dir() {
        let message = format!("cannot mount `{}`: it is no directory", dir.display());
        return Err(Error::new(ErrorKind::Io, message).with_help("name the directory it is in"));
    }
    Ok([Mount::write(&real).at(dir), Mount::write(real)])
}
