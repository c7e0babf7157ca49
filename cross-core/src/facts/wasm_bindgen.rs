//! Tests by the crate wasm-bindgen-test: whether a workspace has them, and the program of this
//! machine that starts them.

use std::fs;
use std::path::{Path, PathBuf};

use cross_config::{Origin, Sourced, TargetConfig};
use cross_engine::{Cancel, Host, Invocation, process};
use cross_targets::Runner;

use crate::facts::environment_spec::EnvironmentSpec;
use crate::facts::locked_crates::locked;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::request::cross::Cross;
use crate::request::plugin;
use crate::target::name::TargetName;
use crate::target::runner::{WASM_BINDGEN, WASM_BINDGEN_PROGRAM};

/// The crate whose tests the program starts.
const TESTS: &str = "wasm-bindgen-test";
/// The crate whose version the program has to have.
const LIBRARY: &str = "wasm-bindgen";

/// Chooses the runner for a workspace with such tests, where the target has it and the user has
/// chosen nothing.
pub(crate) fn choose(config: &mut TargetConfig, target: &TargetName, root: &Path) {
    let is_known = || Some(target.known()?.named_runner(WASM_BINDGEN).is_some());
    let is_users = config.runner.is_some() || config.image.is_some() || config.dockerfile.is_some();
    if is_users || is_known() != Some(true) || !is_locked(root, TESTS) {
        return;
    }
    config.runner = Some(Sourced::new(WASM_BINDGEN.to_owned(), Origin::BuiltIn));
}

/// The program of this machine, if it is installed.
pub(crate) fn program(cross: &Cross) -> Result<Option<PathBuf>> {
    plugin::find(cross, WASM_BINDGEN_PROGRAM)
}

/// The facts that decide whether the program is there and fits.
pub(crate) struct WasmBindgenContext<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) config: &'a TargetConfig,
    pub(crate) target: &'a TargetName,
    pub(crate) workspace_root: &'a Path,
    pub(crate) env_spec: &'a EnvironmentSpec,
    pub(crate) host: &'a Host,
}

/// Refuses to start programs without the program, or with one that fits another wasm-bindgen.
pub(crate) fn check(context: &WasmBindgenContext<'_>, cancel: &Cancel) -> Result<()> {
    if context.env_spec.runner(context.target) != Runner::WasmBindgen {
        return Ok(());
    }
    let lock = lock_of(context.workspace_root);
    let library = version_of(&lock, LIBRARY);
    let install = install(library);
    let why = match program(context.cross)? {
        None if has_own(context.config) => return Ok(()),
        None => "is not installed on this machine".to_owned(),
        Some(program) => {
            let run = Invocation::new(program).arg("--version");
            let said = process::output(&run, &context.host.variables, cancel).map_engine_error()?;
            let version = said.stdout.split_whitespace().nth(1).map(str::to_owned);
            match (version, library) {
                (Some(version), Some(library)) if version != library => format!(
                    "of this machine is for wasm-bindgen {version}, and `Cargo.lock` has {library}"
                ),
                _ => return Ok(()),
            }
        }
    };
    let message = format!("`{WASM_BINDGEN_PROGRAM}`, which starts the tests by {TESTS}, {why}");
    Err(Error::new(ErrorKind::ToolMissing, message).with_help(format!("`{install}` installs it")))
}

/// The command that installs the program that the workspace at `root` needs.
pub(crate) fn install_command(root: &Path) -> String {
    install(version_of(&lock_of(root), LIBRARY))
}

/// The command that installs the program for this version of the library, if there is one.
fn install(library: Option<&str>) -> String {
    match library {
        Some(version) => format!("cargo install wasm-bindgen-cli --version {version} --locked"),
        None => "cargo install wasm-bindgen-cli --locked".to_owned(),
    }
}

/// Whether commands or packages of the user's may install the program in the environment.
fn has_own(config: &TargetConfig) -> bool {
    config.pre_build.is_some() || !config.packages.is_empty()
}

fn lock_of(root: &Path) -> String {
    fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default()
}

fn is_locked(root: &Path, name: &str) -> bool {
    version_of(&lock_of(root), name).is_some()
}

/// The version of a crate in the text of a `Cargo.lock`.
fn version_of<'t>(lock: &'t str, name: &str) -> Option<&'t str> {
    let found = locked(lock)
        .into_iter()
        .find(|package| package.name == name);
    found.map(|package| package.version)
}
