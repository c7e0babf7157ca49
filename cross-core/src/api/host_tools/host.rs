//! The tools of the engine `host`: programs that were found on the machine.

use std::path::PathBuf;

use cross_engine::EnvValue;

use crate::api::toolchain_env::ToolchainEnv;
use crate::facts::facts::Facts;
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, Result};

/// Returns the variables of the tools that were found. Where the target is the machine itself,
/// tools have no variables; `tools` then has the part of each variable's name before the target and
/// the program's name.
pub(crate) fn toolchain_env(facts: &Facts, tools: &[(&str, &str)]) -> ToolchainEnv {
    let mut env = ToolchainEnv::default();
    let target = &facts.target;
    if target.triple() == host_triple() {
        let lower = target.env_upper().to_lowercase();
        let linker = (format!("CARGO_TARGET_{}_LINKER", target.env_upper()), "cc");
        let native = tools
            .iter()
            .map(|(name, program)| (format!("{name}_{lower}"), *program));
        for (name, program) in native.chain([linker]) {
            if let Some(path) = facts.host.find_program(program) {
                env.set_path(name, &path);
            }
        }
    }
    let toolset = facts.env_spec.host_toolset();
    let found = toolset.into_iter().flat_map(|toolset| toolset.env.keys());
    for name in found.chain([&target.runner_variable()]) {
        // A value that comes from the caller's environment is not repeated.
        if let Some(EnvValue::Plain(value)) = facts.inputs.env.get(name) {
            env.set(name, value);
        }
    }
    env
}

/// Finds a program on the caller's `PATH`.
pub(crate) fn tool(facts: &Facts, program: &str) -> Result<PathBuf> {
    facts.host.find_program(program).ok_or_else(|| {
        Error::new(
            ErrorKind::ToolMissing,
            format!("`{program}` is not on PATH"),
        )
        .with_help(
            "install it, or use another engine and add the Debian package that has it to `packages`",
        )
    })
}

/// The error for the toolchain's own `program`, which does not find its library.
pub(crate) fn does_not_start_alone(program: &str) -> Error {
    let message =
        format!("`{program}` does not find the library that it needs, so no tool can start it");
    Error::new(ErrorKind::ToolMissing, message)
        .with_help("install LLVM's tools, of which `llvm-objcopy` takes its place")
}
