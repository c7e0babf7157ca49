//! Tells where a request builds the program that makes it: an xtask in the workspace is built for
//! the target, too, with this library, if the workspace does not say which packages are built.

use crate::cargo::cli::command::Placement;
use crate::facts::facts::Facts;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;

/// Returns the warning for a request that builds packages which depend on this library, that does
/// not name them, and that builds others, too.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let options = &request.options;
    let compiles = match &options.command_line {
        Some(given) => matches!(
            given.line.rule().map(|rule| rule.place),
            Some(Placement::Environment { compiles: true, .. })
        ),
        None => request.verb != Verb::Exec,
    };
    let selection = options.selection();
    if !compiles || !selection.packages.is_empty() {
        return None;
    }
    let members = facts.workspace.packages.iter();
    let built = members.filter(|member| member.is_selected(&selection));
    let users = built.clone().filter(|member| member.uses_cross);
    let users: Vec<_> = users.map(|member| member.name.as_str()).collect();
    if users.is_empty() || users.len() == built.count() {
        return None;
    }
    let target = facts.target.requested();
    let names = listed(&users, |name| format!("`{name}`"), ", ");
    let (it, which_is) = match users.len() {
        1 => ("it", "which uses cross-core itself, is"),
        _ => ("them", "which use cross-core themselves, are"),
    };
    let help = match selection.workspace {
        true => {
            let calls = listed(&users, |name| format!("exclude(\"{name}\")"), ".");
            let flags = listed(&users, |name| format!("--exclude {name}"), " ");
            format!("leave {it} out: `{calls}` of a request, `{flags}` of cargo")
        }
        false => format!(
            "name the other packages in `default-members` of the workspace's Cargo.toml, or those \
             to build in the request: `package(\"…\")`; without, cargo compiles {names} for {target}"
        ),
    };
    Some(Warning {
        code: "own-xtask".to_owned(),
        message: format!("{names}, {which_is} built for {target} with the other packages"),
        help: Some(help),
    })
}

fn listed(names: &[&str], form: impl Fn(&str) -> String, between: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| form(name)).collect();
    names.join(between)
}
