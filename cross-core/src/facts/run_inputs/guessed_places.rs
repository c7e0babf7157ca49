//! Where a reproducible build sees what its sources name outside of the project.
//!
//! A literal such as `"../dist"` may be a path that is read, and may be none. So it does not decide
//! where the project is. What it names is beside the project inside, where the relative path leads.

use std::path::{Component, Path, PathBuf};

use super::RunInputs;
use super::fixed_places::{is_shared_name, names};
use crate::facts::private_places::is_system;
use crate::host::places::real_path;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;
use cross_engine::Access;

impl RunInputs {
    /// Adds a place to `dirs` for everything outside of `project` that the sources name, or hides
    /// it with a warning. `dirs` are the directories with a place of their own, and `inside` is that
    /// of the project. Cargo's configuration names the directories `crates` relatively.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if one of `crates` has no place: no build succeeds without it.
    pub(super) fn place_guessed(
        &mut self,
        project: &Path,
        inside: &Path,
        crates: &[PathBuf],
        dirs: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<()> {
        let fixed = dirs.clone();
        let is_placed = |path: &Path| fixed.iter().any(|(host, _)| path.starts_with(host));
        let projects = [project.to_owned(), real_path(project)];
        let guessed = std::mem::take(&mut self.guessed_sources);
        for path in crates.iter().cloned().chain(guessed) {
            if is_placed(&path) {
                continue;
            }
            let real = real_path(&path);
            let places = projects.iter().filter_map(|it| beside(&path, it, inside));
            // The nearest one is where a link to the project does not lead.
            let place = places.max_by_key(|place| place.components().count());
            let is_free = |place: &PathBuf| {
                let mut taken = fixed.iter().map(|(_, inside)| inside);
                taken.all(|it| !it.starts_with(place) && !place.starts_with(it))
            };
            match place.filter(is_free) {
                Some(place) => {
                    if !is_placed(&real) {
                        dirs.push((real, place.clone()));
                    }
                    dirs.push((path, place));
                }
                None if crates.contains(&path) => return Err(no_crates(&path, inside)),
                None => {
                    self.mounts.retain(|mount| {
                        mount.access != Access::Read
                            || mount.source != path && (mount.source != real || is_placed(&real))
                    });
                    self.warnings.push(no_place(&path, inside));
                }
            }
        }
        Ok(())
    }
}

fn no_crates(path: &Path, inside: &Path) -> Error {
    let message = format!(
        "cargo's configuration names the crates in `{}` by a relative path, which leads nowhere from \
         `{}`, where a reproducible build sees the project",
        path.display(),
        inside.display()
    );
    let help = "move the crates into the project or beside it, or name them by an absolute path";
    Error::new(ErrorKind::Config, message).with_help(help)
}

fn no_place(path: &Path, inside: &Path) -> Warning {
    Warning {
        code: "reproducible".to_owned(),
        message: format!(
            "the sources name `{}`, which has no place beside `{}`, where a reproducible build sees \
             the project: no run sees it",
            path.display(),
            inside.display()
        ),
        help: Some("if a build reads it, move it into the project".to_owned()),
    }
}

/// The place of `path`, which is outside of `project`, if the project is at `inside`: where the
/// relative path between them leads. `None` if that is not beside it, or if the system or somebody
/// else has the place.
fn beside(path: &Path, project: &Path, inside: &Path) -> Option<PathBuf> {
    let pairs = project.components().zip(path.components());
    let same = pairs.take_while(|(a, b)| a == b).count();
    let ups = project.components().count() - same;
    let rest: PathBuf = path.components().skip(same).collect();
    let above = inside.ancestors().nth(ups)?;
    let place = above.join(&rest);
    // A directory that the system shares may have the place in it, and is none itself.
    let is_whole = {
        let mut parts = names(&place);
        let first = parts.next();
        parts.next().is_none() && first.is_some_and(is_shared_name)
    };
    let is_below = rest
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let is_of_project = rest.as_os_str().is_empty() || place.starts_with(inside);
    let may_be = is_below && !is_of_project && !is_whole && !is_system(&place);
    may_be.then_some(place)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_project_is_beside_it_inside() {
        for (path, place) in [
            ("/home/u/code/dist", Some("/cross/dist")),
            ("/home/u/code/a/b.txt", Some("/cross/a/b.txt")),
            ("/home/u/dist", Some("/dist")),
            ("/home/u/opt/x", Some("/opt/x")),
            // These are directories of the system, or as far above as there is nothing.
            ("/home/u/opt", None),
            ("/home/u/usr/x", None),
            ("/home/dist", None),
            ("/home/u/code", None),
            ("/home/u/code/project", None),
        ] {
            let found = beside(
                Path::new(path),
                Path::new("/home/u/code/app"),
                Path::new("/cross/project"),
            );
            assert_eq!(found.as_deref(), place.map(Path::new), "{path}");
        }
    }
}
