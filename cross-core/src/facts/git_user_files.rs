//! The user's own lists of files that git ignores, and of attributes, without which git would say
//! something else of a checkout than on the host.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{RegularFile, limits};

use crate::facts::git_settings::{RepositoryDirs, UserSettings};
use crate::facts::git_view;
use crate::facts::private_places::{Private, is_system};
use crate::host::places::real_path;
use crate::model::step::Warning;

/// The names that git looks for in its directory of the user, each with the key that names another
/// file.
const FILES: [(&str, &str); 2] = [("ignore", "excludesfile"), ("attributes", "attributesfile")];

/// Where git's configuration is.
pub(crate) struct Places<'a> {
    pub(crate) user: &'a UserSettings,
    /// The directories of the repositories: that of the checkout, and that of all checkouts.
    pub(crate) repositories: &'a [(PathBuf, PathBuf)],
    /// What no run sees, although a repository's configuration names it.
    pub(crate) private: &'a Private<'a>,
}

/// A file that configuration names.
#[derive(Clone)]
struct Named {
    path: PathBuf,
    /// Whether a repository's configuration does, which may have come with the sources, and not the
    /// user's own.
    by_repository: bool,
}

/// The texts of the files, each with its name in git's directory of the user, and the warnings
/// about those that no run sees.
pub(crate) fn texts(places: &Places<'_>) -> (Vec<(&'static str, String)>, Vec<Warning>) {
    let mut named: [Option<Named>; 2] = [None, None];
    for (git_dir, common) in places.repositories {
        let repository = RepositoryDirs { git_dir, common };
        for given in places.user.within(repository) {
            let key = given.setting.key.as_str();
            let file = FILES.iter().position(|(_, known)| *known == key);
            if let Some(at) = file.filter(|_| given.setting.is_of("core")) {
                named[at] = Some(Named {
                    path: places.user.path(&given),
                    by_repository: given.by_repository,
                });
            }
        }
    }
    let (mut texts, mut warnings) = (Vec::new(), Vec::new());
    for ((name, _), named) in FILES.into_iter().zip(named) {
        let by_default = || {
            Some(Named {
                path: places.user.dir.as_ref()?.join(name),
                by_repository: false,
            })
        };
        let Some(named) = named.or_else(by_default) else {
            continue;
        };
        let Some(text) = text(&named.path).filter(|text| !text.is_empty()) else {
            continue;
        };
        let real = real_path(&named.path);
        let is_hidden = is_system(&real) || places.private.reason(&real).is_some();
        match named.by_repository && is_hidden {
            true => warnings.push(hidden(&named.path)),
            false => texts.push((name, text)),
        }
    }
    (texts, warnings)
}

/// The text of a file, if it is a regular one.
fn text(path: &Path) -> Option<String> {
    RegularFile::open(path).ok()?.text(limits::SOURCE).ok()
}

/// The warning for a file that no run sees.
fn hidden(path: &Path) -> Warning {
    git_view::warning(
        format!(
            "a repository's configuration names `{}`, which is private: git ignores other files in \
             the environment than on the host",
            path.display()
        ),
        "name the file in your own configuration: `git config --global`",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_where_git_looks_for_them() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let write = |name: &str, text: &str| {
            let path = home.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let private = Private {
            home: Some(home),
            cargo_home: &home.join(".cargo"),
            cache: &home.join(".cache/cross-core"),
        };
        fs::create_dir_all(home.join("app/.git")).unwrap();
        let git_dir = home.join("app/.git");
        let repositories = [(git_dir.clone(), git_dir)];
        let all = || {
            texts(&Places {
                user: &UserSettings::new(Some(home), |_| None, |_| None),
                repositories: &repositories,
                private: &private,
            })
        };
        let found = || all().0;
        assert_eq!(found(), []);
        write(".config/git/ignore", "*.default\n");
        write(".config/git/attributes", "* text\n");
        let attributes = ("attributes", "* text\n".to_owned());
        assert_eq!(
            found(),
            [("ignore", "*.default\n".to_owned()), attributes.clone()]
        );
        write(".gitconfig", "[include]\n\tpath = more\n");
        write("more", "[core]\n\texcludesFile = ~/mine\n");
        write("mine", "*.mine\n");
        assert_eq!(
            found(),
            [("ignore", "*.mine\n".to_owned()), attributes.clone()]
        );
        write("app/.git/config", "[core]\n\texcludesfile = ../../of-app\n");
        write("of-app", "*.app\n");
        let of_app = found();
        assert_eq!(of_app, [("ignore", "*.app\n".to_owned()), attributes]);
        write(".ssh/key", "secret\n");
        for named in [
            "[core]\n\texcludesfile = ~/.ssh/key\n",
            "[include]\n\tpath = /dev/zero\n[core]\n\texcludesfile = ~/.ssh/key\n",
        ] {
            write("app/.git/config", named);
            let (texts, warnings) = all();
            assert_eq!(texts, [("attributes", "* text\n".to_owned())]);
            assert!(warnings[0].message.contains("which is private"));
        }
        fs::remove_file(home.join("app/.git/config")).unwrap();
        write("more", "[include]\n\tpath = more\n");
        assert_eq!(found().len(), 2, "files that include themselves end");
        write(".gitconfig", "[core]\n\texcludesFile = ~/.ssh/key\n");
        let of_user = ("ignore", "secret\n".to_owned());
        assert_eq!(found()[0], of_user, "the user may name any file");
    }
}
