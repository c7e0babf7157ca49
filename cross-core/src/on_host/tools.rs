//! The tools of the host for its own processes: what was found, by the variables that any engine's have.

use std::path::PathBuf;

use cross_engine::EnvValue;

use crate::error::{Error, ErrorKind, Result};
use crate::planner::Facts;
use crate::toolchain::host_triple;
use crate::toolchain_env::ToolchainEnv;

/// The variables of the tools that were found, and of those that have no variable because they are the
/// machine's own: `programs` are their variables' names before the target's, and what they are called.
pub(crate) fn toolchain_env(facts: &Facts, programs: &[(&str, &str)]) -> ToolchainEnv {
    let mut env = ToolchainEnv::default();
    let target = &facts.target;
    if target.triple() == host_triple() {
        let lower = target.env_upper().to_lowercase();
        let linker = (format!("CARGO_TARGET_{}_LINKER", target.env_upper()), "cc");
        let own = programs
            .iter()
            .map(|(name, program)| (format!("{name}_{lower}"), *program));
        for (name, program) in own.chain([linker]) {
            if let Some(path) = facts.host.find_program(program) {
                env.set_path(name, &path);
            }
        }
    }
    let found = facts.definition.equipment();
    let found = found.into_iter().flat_map(|it| it.env.keys());
    for name in found.chain([&target.runner_variable()]) {
        // What the caller says of them is the caller's to pass on.
        if let Some(EnvValue::Plain(value)) = facts.inside.env.get(name) {
            env.set(name, value);
        }
    }
    env
}

/// A program of the machine.
pub(crate) fn tool(facts: &Facts, program: &str) -> Result<PathBuf> {
    facts.host.find_program(program).ok_or_else(|| {
        Error::new(
            ErrorKind::ToolMissing,
            format!("`{program}` is not on PATH"),
        )
        .with_help(
            "install it, or name another engine and the Debian package that has it in `packages`",
        )
    })
}
