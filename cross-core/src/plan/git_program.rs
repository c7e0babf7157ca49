//! Tells where a build starts git, which an environment lacks unless it is asked for. Most build
//! scripts then record no version, and say nothing.

use std::fs;
use std::path::Path;

use crate::facts::facts::Facts;
use crate::facts::locked_crates::locked;
use crate::model::step::{EnvironmentKind, Verb, Warning};
use crate::request::request::Request;

/// How a build script names the program.
const PROGRAM: &str = "\"git\"";

/// Crates that start the program.
const CRATES: [&str; 3] = ["git-version", "git-version-macro", "vergen-gitcl"];

/// The longest file that is searched, in bytes.
const SEARCHED: u64 = 4 << 20;

/// Returns the warning for a build that starts git where there is none.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let is_recipe = facts.env_spec.kind() == EnvironmentKind::Recipe;
    let recipe = facts.env_spec.recipe().filter(|_| is_recipe)?;
    let mut packages = recipe.recipe.packages.iter();
    let has_git = packages.any(|package| package.split(':').next() == Some("git"));
    if request.verb == Verb::Exec || has_git {
        return None;
    }
    let mut products = facts.workspace.products.iter();
    let script = products.find(|product| {
        product.is("custom-build")
            && text(&product.source).is_some_and(|text| text.contains(PROGRAM))
    });
    let starts = match script {
        Some(product) => format!("the build script `{}` starts git", product.source.display()),
        None => {
            let lock = text(&facts.workspace.root.join("Cargo.lock"))?;
            let locked = locked(&lock);
            let is_locked = |name: &&str| locked.iter().any(|package| package.name == *name);
            format!(
                "the crate `{}` starts git",
                CRATES.into_iter().find(is_locked)?
            )
        }
    };
    Some(Warning {
        code: "git".to_owned(),
        message: format!("{starts}, which is not in the environment"),
        help: Some(
            "set `packages = [\"git:native\"]` in Cross.toml, or the program may have no version"
                .to_owned(),
        ),
    })
}

/// The text of a regular file that is not too long.
fn text(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    let is_read = meta.is_file() && meta.len() <= SEARCHED;
    is_read.then(|| fs::read_to_string(path).ok()).flatten()
}
