//! The part of the run inputs that shows the sources and their repository.

use std::path::{Path, PathBuf};

use cross_engine::Mount;

use super::{HOME, RunInputs, RunInputsContext};
use crate::cargo::carried::Carried;
use crate::facts::git_settings::UserSettings;
use crate::facts::git_user_files;
use crate::facts::git_view::ShownIndex;
use crate::facts::named_variables::NamedVariables;
use crate::facts::private_places::Private;
use crate::facts::sources::{self, Sources, Surroundings};
use crate::host::places::normal;
use crate::model::error::Result;
use crate::model::hash::short_hash;
use crate::model::step::Prepared;
use crate::request::cross::Cross;

impl RunInputs {
    /// Mounts the sources read only, without what a run must not see.
    pub(super) fn sources(
        &mut self,
        context: &RunInputsContext<'_>,
        carried: &Carried,
    ) -> Result<NamedVariables> {
        let home = context.host.home();
        let git_dir = named_repository(context.cross);
        let git_settings = git_settings(context.cross, home.as_deref());
        let around = Surroundings {
            home: home.as_deref(),
            cargo_home: &self.cargo_home,
            cache: &context.host.cache,
            dir: context.cross.dir(),
            carried,
            git_dir: git_dir.as_ref().map(|(git, top)| (&**git, &**top)),
            git_settings: &git_settings,
        };
        let sources = Sources::new(context.workspace, &context.config.writable, &around)?;
        // Of two mounts at one place the first is made: the file without secrets.
        for (path, text) in sources.files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let file = self.file(context, &name, text, false);
            self.mounts.push(Mount::read(file).at(path));
        }
        for shown in &sources.indexes {
            self.shown_index(context, shown, &sources.seen);
        }
        self.named_sources = sources.named;
        self.guessed_sources = sources.guessed;
        self.mounts.extend(sources.mounts);
        self.prepared.extend(sources.record);
        self.warnings.extend(sources.warnings);
        if let Some((git, top)) = git_dir.filter(|_| sources.has_named_repository) {
            self.set("GIT_DIR", git.display().to_string());
            self.set("GIT_WORK_TREE", top.display().to_string());
        }
        if sources.has_repository_above {
            self.set("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1");
        }
        if !sources.git_dirs.is_empty() {
            let (name, text) = sources::GIT_CONFIG;
            let file = self.file(context, name, text.to_owned(), false);
            self.mounts
                .push(Mount::read(file).at(Path::new(HOME).join(name)));
            self.git_user_files(context, &git_settings, &sources.git_dirs);
        }
        Ok(sources.variables)
    }

    /// Shows what the user lets git ignore, and the user's attributes, where git looks for them.
    fn git_user_files(
        &mut self,
        context: &RunInputsContext<'_>,
        user: &UserSettings,
        repositories: &[(PathBuf, PathBuf)],
    ) {
        let home = context.host.home();
        let cargo_home = self.cargo_home.clone();
        let private = Private {
            home: home.as_deref(),
            cargo_home: &cargo_home,
            cache: &context.host.cache,
        };
        let places = git_user_files::Places {
            user,
            repositories,
            private: &private,
        };
        let (texts, warnings) = git_user_files::texts(&places);
        self.warnings.extend(warnings);
        for (name, text) in texts {
            let file = self.file(context, name, text, false);
            let inside = Path::new(HOME).join(".config/git").join(name);
            self.mounts.push(Mount::read(file).at(inside));
        }
    }

    /// Shows an index in which the files are marked that are not in the directories `seen`, and that
    /// git takes for what they are without reading them where it could not compare them.
    fn shown_index(
        &mut self,
        context: &RunInputsContext<'_>,
        shown: &ShownIndex,
        seen: &[PathBuf],
    ) {
        // The checkout of a submodule may be in one of them.
        let top = &shown.top;
        let of_checkout = seen
            .iter()
            .filter(|dir| dir.starts_with(top) || top.starts_with(dir));
        let seen: Vec<PathBuf> = of_checkout.cloned().collect();
        let key = short_hash(&format!("{shown:?}{seen:?}"), 12);
        let path = context.host.cache.join("files").join(key).join("index");
        self.prepared.push(Prepared::GitIndex {
            path: path.clone(),
            index: shown.index.clone(),
            top: shown.top.clone(),
            seen,
            sha256: shown.sha256,
            has_filters: shown.has_filters,
        });
        self.mounts.push(Mount::read(path).at(&shown.index));
    }
}

/// The caller's configuration of git.
fn git_settings(cross: &Cross, home: Option<&Path>) -> UserSettings {
    let variable = |name: &str| cross.environment().get_str(name).map(str::to_owned);
    UserSettings::new(home, variable, |name| cross.path_variable(name))
}

/// The repository that the caller's variables name, and the directory that it is checked out in.
fn named_repository(cross: &Cross) -> Option<(PathBuf, PathBuf)> {
    let place = |name: &str| {
        let path = cross.path_variable(name)?;
        Some(normal(&cross.dir().join(path)))
    };
    let git_dir = place("GIT_DIR")?;
    let top = place("GIT_WORK_TREE").unwrap_or_else(|| cross.dir().to_owned());
    Some((git_dir, top))
}
