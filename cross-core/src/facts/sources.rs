//! The sources as a run sees them: read only, except for the directories in the key `writable`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cross_config::Sourced;
use cross_engine::Mount;

use crate::cargo::carried::Carried;
use crate::cargo::config;
use crate::cargo::products::Product;
use crate::cargo::workspace::{Workspace, workspace_root_of};
use crate::facts::git_settings::UserSettings;
use crate::facts::git_view::{self, GitView, ShownIndex};
use crate::facts::named_variables::NamedVariables;
use crate::facts::private_places::Private;
use crate::facts::seen_places::written_and_real;
use crate::facts::source_links::{self, Found, Link};
use crate::facts::writable_dirs::writable_dir;
use crate::facts::written_record;
use crate::host::places::{normal, real_path};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Prepared, Warning};

/// The directories that the sources must not contain.
pub(crate) struct Surroundings<'a> {
    /// The user's home directory.
    pub(crate) home: Option<&'a Path>,
    pub(crate) cargo_home: &'a Path,
    /// The cache of this library.
    pub(crate) cache: &'a Path,
    /// The directory of the request.
    pub(crate) dir: &'a Path,
    /// Cargo's configuration.
    pub(crate) carried: &'a Carried,
    /// The repository that the caller's `GIT_DIR` names, and the directory that it is checked out
    /// in.
    pub(crate) git_dir: Option<(&'a Path, &'a Path)>,
    /// The user's configuration of git.
    pub(crate) git_settings: &'a UserSettings,
}

/// The mounts and files through which a run sees the sources.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) mounts: Vec<Mount>,
    /// Files that are replaced by others: the path, and the text that a run sees.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// The directories of the repositories, of the checkout and of all checkouts: git needs to be
    /// told that it may read these.
    pub(crate) git_dirs: Vec<(PathBuf, PathBuf)>,
    /// Whether a repository lies above the sources.
    pub(crate) has_repository_above: bool,
    /// Whether the repository that `GIT_DIR` names is seen.
    pub(crate) has_named_repository: bool,
    /// The lists of files of repositories that are seen in part.
    pub(crate) indexes: Vec<ShownIndex>,
    /// The directories that are seen.
    pub(crate) seen: Vec<PathBuf>,
    /// The packages and sources outside of the roots.
    pub(crate) named: Vec<PathBuf>,
    /// What literals and relative links of the sources name outside of them.
    pub(crate) guessed: Vec<PathBuf>,
    /// The record of the directories that were ever `writable`, if it has to be written.
    pub(crate) record: Option<Prepared>,
    /// What git does not say in a run as it does on the host, and links that are not followed.
    pub(crate) warnings: Vec<Warning>,
    /// The variables that the sources read.
    pub(crate) variables: NamedVariables,
}

impl Sources {
    /// The roots of the workspace and of its path dependencies, the repositories that they are in,
    /// and the `writable` directories.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the sources contain what no run may see, and for a directory
    /// that cannot be writable.
    pub(crate) fn new(
        workspace: &Workspace,
        writable: &[Sourced<PathBuf>],
        around: &Surroundings<'_>,
    ) -> Result<Self> {
        let private = around.private();
        let mut written = Vec::new();
        for dir in writable {
            written.push(writable_dir(dir, workspace, around.cargo_home)?);
        }
        let (once_written, record) = written_record::of(&workspace.root, &written, around.cache)?;
        let roots = shown_roots(workspace, around, &private)?;
        let packages = package_dirs(workspace);
        let found = source_links::search(
            &packages,
            &roots,
            &not_searched(workspace, &once_written, around.cargo_home),
            &private,
        );
        let mut sources = Sources {
            files: around.carried.replaced.clone(),
            record,
            ..Sources::default()
        };
        let read = |path: &PathBuf| written_and_real(Mount::read(path));
        sources.mounts.extend(roots.iter().map(Mount::read));
        let links = found.links.iter().map(|link| &link.link);
        sources.mounts.extend(links.flat_map(read));
        sources.mounts.extend(found.named.iter().flat_map(read));
        let lock_file = lock_file_to_be(&workspace.root);
        let lock_file = lock_file.filter(|it| private.reason(&real_path(it)).is_none());
        sources.mounts.extend(lock_file.iter().flat_map(read));
        let places = package_places(workspace, &roots, &private)?;
        sources.named = places.iter().map(|mount| mount.source.clone()).collect();
        let linked = found.links.iter().filter_map(Link::relative_end);
        let guessed: BTreeSet<_> = found.named.iter().cloned().chain(linked).collect();
        sources.guessed = guessed.into_iter().collect();
        sources.mounts.extend(places);
        sources.mounts.extend(
            written
                .into_iter()
                .map(Mount::write)
                .flat_map(written_and_real),
        );
        sources.refuse_links(&found, workspace)?;
        let ends = found.links.iter().map(|link| link.to.clone());
        let shown = ends.chain(found.named.iter().cloned());
        let trees: BTreeSet<PathBuf> = roots.into_iter().chain(shown).collect();
        let trees: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
        sources.cargo_configs(&packages, &trees, around)?;
        sources.variables = found.variables;
        sources.repositories(&packages, found.repositories, &trees, around);
        sources.named_repository(&trees, around);
        sources.seen = trees.iter().map(|tree| (*tree).to_owned()).collect();
        Ok(sources)
    }

    /// Refuses a link among the sources of a package that leads to what is private, and warns of
    /// others.
    fn refuse_links(&mut self, found: &Found, workspace: &Workspace) -> Result<()> {
        let parts = source_links::parts(workspace);
        for (link, reason) in &found.private {
            if parts.iter().any(|part| link.link.starts_with(part)) {
                return Err(link.refused(reason));
            }
            self.warnings.push(Warning {
                code: "private-link".to_owned(),
                message: link.message(reason),
                help: Some("no run sees what is there; copy what a build needs".to_owned()),
            });
        }
        Ok(())
    }

    fn repositories(
        &mut self,
        packages: &[PathBuf],
        below: Vec<PathBuf>,
        trees: &[&Path],
        around: &Surroundings<'_>,
    ) {
        let dirs = packages.iter().map(PathBuf::as_path);
        let dirs = dirs.chain(trees.iter().copied());
        let above = dirs.filter_map(|dir| dir.ancestors().find(|dir| is_repository(dir)));
        let mut tops: BTreeSet<PathBuf> = above.map(Path::to_owned).collect();
        tops.extend(below);
        for top in tops {
            if let Some(view) = GitView::of(&top, trees, around.home, around.git_settings) {
                let changed = self.files.iter().filter(|(path, _)| view.tracks(path));
                self.warnings
                    .extend(changed.map(|(path, _)| git_view::changed(path)));
                let kept = kept_in_cargo_home(around.cargo_home);
                let hidden = kept.filter(|path| view.tracks(path));
                self.warnings
                    .extend(hidden.map(|path| git_view::hidden_file(&path)));
                self.add(view);
            } else if git_view::is_of_home(&top, around.home) {
                self.warnings.push(git_view::hidden(&top));
            }
        }
    }

    /// The repository that the caller's `GIT_DIR` names, which git does not look for.
    fn named_repository(&mut self, trees: &[&Path], around: &Surroundings<'_>) {
        let Some((git_dir, top)) = around.git_dir else {
            return;
        };
        let is_private = |dir: &Path| git_view::is_of_home(dir, around.home);
        if !is_private(git_dir) && !is_private(top) {
            if let Some(view) = GitView::at(top, git_dir.to_owned(), trees, around.git_settings) {
                self.has_named_repository = true;
                self.add(view);
            }
        }
    }

    fn add(&mut self, view: GitView) {
        let unseen = view.unseen.iter();
        self.warnings
            .extend(unseen.map(|dir| git_view::unseen(dir)));
        self.indexes.extend(view.shown_index());
        self.mounts.extend(view.mounts);
        self.files.extend(view.files);
        self.git_dirs.push(view.dirs);
        self.has_repository_above |= view.is_above;
    }

    /// Removes the secrets from cargo's configuration files among the sources.
    fn cargo_configs(
        &mut self,
        packages: &[PathBuf],
        trees: &[&Path],
        around: &Surroundings<'_>,
    ) -> Result<()> {
        let in_trees = |dir: &&Path| trees.iter().any(|tree| dir.starts_with(tree));
        let dirs = packages
            .iter()
            .map(PathBuf::as_path)
            .chain(trees.iter().copied())
            .chain([around.dir])
            .flat_map(Path::ancestors)
            .filter(in_trees);
        for dir in dirs.collect::<BTreeSet<_>>() {
            let dir = dir.join(".cargo");
            if dir == around.cargo_home {
                continue;
            }
            for (path, text) in config::without_secrets(&dir)? {
                let mut add = |path: PathBuf| {
                    if !self.files.iter().any(|(file, _)| *file == path) {
                        self.files.push((path, text.clone()));
                    }
                };
                add(real_path(&path));
                add(path);
            }
        }
        Ok(())
    }
}

impl Surroundings<'_> {
    fn private(&self) -> Private<'_> {
        Private {
            home: self.home,
            cargo_home: self.cargo_home,
            cache: self.cache,
        }
    }
}

/// The directories of the workspace, of its path dependencies, and of the sources that cargo's
/// configuration names, as they are written and as they really are.
fn shown_roots(
    workspace: &Workspace,
    around: &Surroundings<'_>,
    private: &Private<'_>,
) -> Result<Vec<PathBuf>> {
    let mut shown = Vec::new();
    let named = &around.carried.named;
    let crates = named.sources().map(PathBuf::as_path);
    let packages: Vec<PathBuf> = named
        .configured_packages()
        .map(|dir| workspace_root_of(dir.to_owned()))
        .collect();
    let configured = crates.chain(packages.iter().map(PathBuf::as_path));
    for root in roots(workspace).chain(configured) {
        refuse_private(root, around)?;
        let (written, real) = (normal(root), real_path(root));
        if real != written {
            refuse_end(&written, &real, private)?;
            shown.push(real);
        }
        if !shown.contains(&written) {
            shown.push(written);
        }
    }
    Ok(shown)
}

/// The directories of the packages in directories, as they are written and as they really are.
fn package_dirs(workspace: &Workspace) -> Vec<PathBuf> {
    let manifests = workspace.products.iter().map(|product| &product.manifest);
    let dirs = manifests
        .chain(workspace.members.values())
        .filter_map(|manifest| manifest.parent());
    let dirs: BTreeSet<&Path> = dirs.collect();
    let both = dirs
        .into_iter()
        .flat_map(|dir| [real_path(dir), dir.to_owned()]);
    both.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The mounts for packages and sources that are outside of `roots`, by a link or by a path that
/// leads out.
fn package_places(
    workspace: &Workspace,
    roots: &[PathBuf],
    private: &Private<'_>,
) -> Result<Vec<Mount>> {
    let products = workspace.products.iter();
    let sources = products.filter_map(|product| product.source.parent());
    let dirs = workspace.members.values().filter_map(|it| it.parent());
    let all: BTreeSet<PathBuf> = sources.chain(dirs).map(normal).collect();
    let mut mounts = Vec::new();
    for dir in all {
        let real = real_path(&dir);
        let is_shown = |place: &Path| roots.iter().any(|root| place.starts_with(root));
        if !real.is_dir() || is_shown(&dir) && is_shown(&real) {
            continue;
        }
        refuse_end(&dir, &real, private)?;
        mounts.extend(written_and_real(Mount::read(dir)));
    }
    Ok(mounts)
}

fn refuse_end(written: &Path, real: &Path, private: &Private<'_>) -> Result<()> {
    let link = Link {
        link: written.to_owned(),
        to: real.to_owned(),
    };
    match private.reason(real) {
        Some(reason) => Err(link.refused(&reason)),
        None => Ok(()),
    }
}

/// The directories that a build writes to, and the cargo home, which may be among the sources.
fn not_searched(
    workspace: &Workspace,
    writable: &[PathBuf],
    cargo_home: &Path,
) -> BTreeSet<PathBuf> {
    let is_among_them = real_path(cargo_home).starts_with(real_path(&workspace.root));
    let dirs = writable.iter().map(PathBuf::as_path);
    let dirs = dirs.chain([&*workspace.target_directory]);
    // A link to one elsewhere is refused, as to all that is private.
    let dirs = dirs.chain(is_among_them.then_some(cargo_home));
    dirs.flat_map(|dir| [normal(dir), real_path(dir)]).collect()
}

/// What is in the cargo home beside the directories that a run sees.
fn kept_in_cargo_home(cargo_home: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(cargo_home).into_iter().flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.is_file())
}

fn is_repository(dir: &Path) -> bool {
    dir.join(".git").exists()
}

/// The directories and files of the workspace that `cargo fix` edits: those of the sources of its
/// packages, and no manifest.
pub(crate) fn fixed(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    let members = |product: &&Product| {
        let mut manifests = workspace.members.values();
        manifests.any(|manifest| *manifest == product.manifest)
    };
    let part = |product: &Product| {
        let dir = product.manifest.parent()?;
        let first = product.source.strip_prefix(dir).ok()?.components().next()?;
        Some(dir.join(first)).filter(|path| path.exists())
    };
    let parts: BTreeSet<_> = workspace
        .products
        .iter()
        .filter(members)
        .filter_map(part)
        .collect();
    parts.into_iter()
}

/// The file that tells git that it may read a repository, whoever owns it.
pub(crate) const GIT_CONFIG: (&str, &str) = (".gitconfig", git_view::USER_CONFIG);

/// The directories of the workspace and of what it depends on by path.
pub(crate) fn roots(workspace: &Workspace) -> impl Iterator<Item = &Path> {
    let outside = workspace.outside.iter().map(PathBuf::as_path);
    std::iter::once(workspace.root.as_path()).chain(outside)
}

/// Refuses sources that contain the user's home or are a cargo home. One among them is hidden.
fn refuse_private(root: &Path, around: &Surroundings<'_>) -> Result<()> {
    if let Some(home) = around.home {
        refuse(root, home, "the home directory", "move the project")?;
    }
    if real_path(root) == real_path(around.cargo_home) {
        let help = "set CARGO_HOME to another directory";
        refuse(root, around.cargo_home, "the cargo home", help)?;
    }
    Ok(())
}

/// Refuses sources that contain the cache.
///
/// # Errors
///
/// [`ErrorKind::Config`].
pub(crate) fn refuse_cache(workspace: &Workspace, cache: &Path) -> Result<()> {
    let help = "set CROSS_CACHE_DIR to a directory elsewhere, or call `cache_dir`";
    roots(workspace).try_for_each(|root| refuse(root, cache, "the cache directory", help))
}

fn refuse(root: &Path, dir: &Path, what: &str, help: &str) -> Result<()> {
    let (real_root, real_dir) = (real_path(root), real_path(dir));
    if !real_dir.starts_with(&real_root) {
        return Ok(());
    }
    let (root, dir) = (root.display(), dir.display());
    let message = match real_dir == real_root {
        true => format!("the workspace `{root}` is {what}"),
        false => format!("the workspace `{root}` contains {what} `{dir}`"),
    };
    let help = format!("{help}: what compiles sees all of the workspace");
    Err(Error::new(ErrorKind::Config, message).with_help(help))
}

/// The lock file in `root`, if it is a link to a file that cargo has not written yet.
fn lock_file_to_be(root: &Path) -> Option<PathBuf> {
    let path = root.join("Cargo.lock");
    (path.is_symlink() && !path.exists()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_config::Origin;
    use std::fs;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    struct Machine {
        dir: tempfile::TempDir,
        top: PathBuf,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let top = cross_engine::os::canonical(dir.path()).unwrap();
            for made in [
                "app/member",
                "app/schema/generated",
                "app/target",
                "app/.git/hooks",
                "app/member/.cargo",
                "home/.cargo",
            ] {
                fs::create_dir_all(top.join(made)).unwrap();
            }
            Machine { dir, top }
        }

        fn workspace(&self) -> Workspace {
            let root = self.dir.path().join("app");
            Workspace {
                target_directory: root.join("target"),
                packages: Vec::new(),
                members: [("member".to_owned(), root.join("member/Cargo.toml"))].into(),
                outside: Vec::new(),
                products: Vec::new(),
                uses_registry: false,
                dependency_variables: std::collections::BTreeMap::new(),
                secret_registries: BTreeSet::new(),
                unfetched: None,
                root,
            }
        }

        fn sources(&self, writable: &[&str], home: &str) -> Result<Sources> {
            let dirs: Vec<_> = writable
                .iter()
                .map(|dir| Sourced::new(PathBuf::from(dir), Origin::Request))
                .collect();
            let home = self.top.join(home);
            let workspace = self.workspace();
            let around = Surroundings {
                home: Some(&home),
                cargo_home: &home.join(".cargo"),
                cache: &home.join(".cache/cross-core"),
                dir: &workspace.root,
                carried: &Carried::default(),
                git_dir: None,
                git_settings: &UserSettings::default(),
            };
            Sources::new(&workspace, &dirs, &around)
        }

        fn refusal(&self, writable: &str) -> String {
            let error = self.sources(&[writable], "home").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.help().is_some());
            error.to_string()
        }
    }

    #[test]
    fn sources_are_read_only_but_for_what_is_writable() {
        let machine = Machine::new();
        let sources = machine.sources(&["schema/generated"], "home");
        let root = machine.workspace().root;
        let expected = [
            Mount::read(&root),
            Mount::write(root.join("schema/generated")),
        ];
        assert_eq!(sources.unwrap().mounts, expected);
    }

    #[test]
    fn a_directory_that_something_on_the_host_obeys_is_never_writable() {
        let machine = Machine::new();
        for never in [".git", ".git/hooks", "member/.cargo"] {
            assert!(machine.refusal(never).ends_with("is never writable"));
        }
        assert!(machine.refusal("").ends_with("is the workspace's root"));
        assert!(
            machine
                .refusal("member")
                .ends_with("holds the package `member`")
        );
        assert!(
            machine
                .refusal("target")
                .ends_with("holds what is published")
        );
    }

    #[test]
    fn a_writable_directory_is_one_of_the_workspace() {
        let machine = Machine::new();
        fs::write(machine.top.join("app/file"), "").unwrap();
        let home = machine.top.join("home");
        for outside in [home.to_str().unwrap(), "../home"] {
            assert!(
                machine
                    .refusal(outside)
                    .ends_with("is not in the workspace")
            );
        }
        assert!(machine.refusal("none").ends_with("does not exist"));
        assert!(machine.refusal("file").ends_with("is not a directory"));
    }

    #[cfg(unix)]
    #[test]
    fn a_writable_directory_that_is_a_link_is_what_it_leads_to() {
        let machine = Machine::new();
        symlink(".git", machine.top.join("app/to-git")).unwrap();
        symlink("../home", machine.top.join("app/to-home")).unwrap();
        for (link, expected) in [
            ("to-git", "is never writable"),
            ("to-home", "is not in the workspace"),
        ] {
            assert!(machine.refusal(link).ends_with(expected), "{link}");
        }
    }

    #[test]
    fn a_workspace_that_contains_what_is_private_is_refused_with_its_reason() {
        let machine = Machine::new();
        fs::create_dir_all(machine.top.join("app/users/me")).unwrap();
        #[cfg(unix)]
        symlink("app/schema", machine.top.join("link")).unwrap();
        for (home, expected) in [
            ("app", "is the home directory"),
            ("app/users/me", "contains the home directory"),
        ] {
            let error = machine.sources(&[], home).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let workspace = machine.workspace();
        let caches = ["app/target/cache", "link/cache"];
        for cache in &caches[..if cfg!(unix) { 2 } else { 1 }] {
            let error = refuse_cache(&workspace, &machine.top.join(cache)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let expected = "contains the cache directory";
            assert!(error.to_string().contains(expected), "{error}");
        }
        refuse_cache(&workspace, &machine.top.join("app-cache")).unwrap();
    }
}
