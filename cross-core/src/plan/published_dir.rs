//! The directory of a target's published artifacts, as commands see it that name files of it.

use std::path::PathBuf;

use cross_engine::{Access, Mount};

use crate::facts::facts::Facts;
use crate::facts::private_places::Private;
use crate::host::places::real_path;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;

/// The directory, where the sources that a command sees do not have it.
struct Elsewhere {
    dir: PathBuf,
    /// Why no run may see it, as the rest of a sentence that begins with it.
    private: Option<String>,
}

/// The mount of the directory for the command `words`, if that does not see it otherwise and may.
pub(super) fn mount(facts: &Facts, words: &[String]) -> Option<Mount> {
    let found = elsewhere(facts, words)?;
    found.private.is_none().then(|| Mount::read(found.dir))
}

/// Returns the warning for a command that names a file of the directory where no run may see it.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    if request.verb != Verb::Exec {
        return None;
    }
    // What is no text is an error of the step.
    let words = request.options.trailing_text().ok()?;
    let Elsewhere { dir, private } = elsewhere(facts, &words)?;
    let reason = private?;
    let mut mounts = facts.inputs.mounts.iter();
    // The user's `env.volumes` may show it.
    if mounts.any(|mount| mount.access != Access::Scratch && dir.starts_with(&mount.target)) {
        return None;
    }
    let mut words = words.iter();
    let file = words.find(|word| facts.cargo.dir.join(word).starts_with(&dir))?;
    Some(Warning {
        code: "private-path".to_owned(),
        message: format!(
            "the command names `{file}`, and sees nothing of `{}`, {reason}",
            dir.display()
        ),
        help: Some(
            "name the file as the environment has it (`Artifact::inside`), or set another target \
             directory (`CARGO_TARGET_DIR`, or `build.target-dir` of cargo's configuration)"
                .to_owned(),
        ),
    })
}

/// The directory is not in the workspace, or in a cache, as the target directory is, of which nothing
/// is sent to another machine unless the command `words` name it.
fn elsewhere(facts: &Facts, words: &[String]) -> Option<Elsewhere> {
    let dir = facts.workspace.target_directory.join(facts.target.triple());
    let is_elsewhere = match facts.remote {
        Some(_) => words
            .iter()
            .any(|word| facts.cargo.dir.join(word).starts_with(&dir)),
        None => !dir.starts_with(&facts.workspace.root),
    };
    if !is_elsewhere || !dir.is_dir() {
        return None;
    }
    let home = facts.host.home();
    let private = Private {
        home: home.as_deref(),
        cargo_home: &facts.inputs.cargo_home,
        cache: &facts.host.cache,
    };
    let private = private.reason(&real_path(&dir));
    Some(Elsewhere { dir, private })
}
