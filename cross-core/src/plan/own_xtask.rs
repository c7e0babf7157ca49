//! Tells where a request builds the program that makes it: an xtask in the workspace is built for
//! the target, too, with this library, if the workspace does not say which packages are built.

use crate::cargo::cli::commands;
use crate::facts::facts::Facts;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;

/// Returns the warning for a request that builds a package which depends on this library, and that
/// does not name it.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let options = &request.options;
    let line = options.command_line.as_ref().map(|given| &given.line);
    let name = line.and_then(|line| line.name());
    let compiles = match line {
        Some(_) => name.and_then(commands::find).is_some_and(|row| row.builtin),
        None => request.verb != Verb::Exec,
    };
    let selection = options.selection();
    if !compiles || !selection.packages.is_empty() {
        return None;
    }
    let members = facts.workspace.packages.iter();
    let mut built = members.filter(|member| member.is_selected(&selection));
    let is_alone = built.clone().count() < 2;
    let xtask = built.find(|member| member.uses_cross && !is_alone)?;
    let (name, target) = (&xtask.name, facts.target.requested());
    let help = match selection.workspace {
        true => {
            format!("leave it out: `exclude(\"{name}\")` of a request, `--exclude {name}` of cargo")
        }
        false => format!(
            "name the other packages in `default-members` of the workspace's Cargo.toml, or those \
             to build in the request: `package(\"…\")`; without, `{name}` is compiled for {target}"
        ),
    };
    Some(Warning {
        code: "own-xtask".to_owned(),
        message: format!(
            "`{name}`, which uses cross-core itself, is built for {target} with the other packages"
        ),
        help: Some(help),
    })
}
