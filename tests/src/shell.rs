//! A shell in a project, in which `cross` is the front door.

use cross_core::{Cancel, Env};
use cross_engine::process::Output;
use cross_engine::{Invocation, Variables, process};

use crate::fixture::Project;

/// Runs `line` in a shell in the project's directory. `cross` is a function of the shell there: the
/// program `front_door` and the engine.
///
/// # Panics
///
/// If there is no shell.
pub fn shell(project: &Project, env: &Env, [front_door, engine]: [&str; 2], line: &str) -> Output {
    let script = format!("cross() {{ '{front_door}' {engine} \"$@\"; }}\n{line}");
    let variables: Variables = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let sh = Invocation::new("sh")
        .args(["-c", &script])
        .cwd(project.path());
    process::output(&sh, &variables, &Cancel::new()).unwrap()
}
