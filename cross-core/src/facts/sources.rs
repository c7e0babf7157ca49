//! The sources as a run sees them: read only, except for the directories in the key `writable`.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use cross_config::Sourced;
use cross_engine::Mount;

use crate::cargo::carried::Carried;
use crate::cargo::config;
use crate::cargo::products::Product;
use crate::cargo::workspace::{Workspace, workspace_root_of};
use crate::facts::git_view::{self, GitView};
use crate::facts::seen_places::written_and_real;
use crate::facts::source_links::{self, Found, Link, Private};
use crate::host::places::{normal, real_path};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;

/// Directories that are never writable: git and cargo run on the host what is in them.
pub(crate) const NEVER_WRITABLE: [&str; 2] = [".git", ".cargo"];

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
    /// The directories of sources that cargo's configuration names.
    pub(crate) named: &'a [PathBuf],
}

/// The mounts and files through which a run sees the sources.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) mounts: Vec<Mount>,
    /// Files that are replaced by others: the path, and the text that a run sees.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Whether there is a repository, so that git needs to be told that it may read it.
    pub(crate) has_repository: bool,
    /// Whether a repository lies above the sources.
    pub(crate) has_repository_above: bool,
    /// What git does not say in a run as it does on the host, and links that are not followed.
    pub(crate) warnings: Vec<Warning>,
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
            written.push(writable_dir(dir, workspace)?);
        }
        let roots = shown_roots(workspace, around, &private)?;
        let packages = package_dirs(workspace);
        let found = source_links::search(
            &packages,
            &roots,
            &not_searched(workspace, &written),
            &private,
        );
        let mut sources = Sources {
            files: around.carried.replaced.clone(),
            ..Sources::default()
        };
        let read = |path: &PathBuf| written_and_real(Mount::read(path));
        sources.mounts.extend(roots.iter().map(Mount::read));
        let links = found.links.iter().map(|link| &link.link);
        sources.mounts.extend(links.flat_map(read));
        sources
            .mounts
            .extend(package_places(workspace, &roots, &private)?);
        sources.mounts.extend(
            written
                .into_iter()
                .map(Mount::write)
                .flat_map(written_and_real),
        );
        sources.refuse_links(&found, workspace)?;
        let ends = found.links.iter().map(|link| link.to.clone());
        let trees: BTreeSet<PathBuf> = roots.into_iter().chain(ends).collect();
        let trees: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
        sources.cargo_configs(&packages, &trees, around)?;
        sources.repositories(&packages, found.repositories, &trees, around);
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
            if let Some(view) = GitView::of(&top, trees, around.home) {
                let changed = self.files.iter().filter(|(path, _)| view.tracks(path));
                self.warnings
                    .extend(changed.map(|(path, _)| git_view::changed(path)));
                self.warnings
                    .extend(view.unseen.iter().map(|dir| git_view::unseen(dir)));
                self.mounts.extend(view.mounts);
                self.files.extend(view.files);
                self.has_repository = true;
                self.has_repository_above |= view.is_above;
            } else if git_view::is_of_home(&top, around.home) {
                self.warnings.push(git_view::hidden(&top));
            }
        }
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

fn existing(dirs: &BTreeSet<PathBuf>) -> impl Iterator<Item = &Path> {
    dirs.iter().map(PathBuf::as_path).filter(|dir| dir.is_dir())
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
    let named = around.named.iter().map(PathBuf::as_path);
    let crates = existing(&around.carried.crates);
    let packages: Vec<PathBuf> = existing(&around.carried.packages)
        .map(|dir| workspace_root_of(dir.to_owned()))
        .collect();
    let configured = named
        .chain(crates)
        .chain(packages.iter().map(PathBuf::as_path));
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

/// The directories that a build writes to.
fn not_searched(workspace: &Workspace, writable: &[PathBuf]) -> BTreeSet<PathBuf> {
    let dirs = writable.iter().chain([&workspace.target_directory]);
    dirs.flat_map(|dir| [normal(dir), real_path(dir)]).collect()
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

/// Refuses sources that contain the user's home or a cargo home.
fn refuse_private(root: &Path, around: &Surroundings<'_>) -> Result<()> {
    if let Some(home) = around.home {
        refuse(root, home, "the home directory", "move the project")?;
    }
    let help = "set CARGO_HOME to a directory elsewhere";
    refuse(root, around.cargo_home, "the cargo home", help)
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

/// The real path of a writable directory.
fn writable_dir(dir: &Sourced<PathBuf>, workspace: &Workspace) -> Result<PathBuf> {
    let path = workspace.root.join(&dir.value);
    let refused = |why: &str, help: &str| {
        let (path, origin) = (path.display(), &dir.origin);
        let message = format!("`{path}` in `writable` ({origin}) {why}");
        Err(Error::new(ErrorKind::Config, message).with_help(help))
    };
    let Ok(real_dir) = path.canonicalize() else {
        return refused(
            "does not exist",
            "create the directory, or correct its name",
        );
    };
    if !real_dir.is_dir() {
        return refused("is no directory", "name the directory that it is in");
    }
    let real_root = real_path(&workspace.root);
    let below = match real_dir.strip_prefix(&real_root) {
        Ok(below) if below.as_os_str().is_empty() => {
            return refused(
                "is the workspace's root",
                "name the directories that are written",
            );
        }
        Ok(below) => below,
        Err(_) => {
            return refused(
                "is not in the workspace",
                "mount a directory elsewhere with `env.volumes`",
            );
        }
    };
    let is_never = |part: Component<'_>| {
        let name = part.as_os_str();
        NEVER_WRITABLE
            .iter()
            .any(|never| name.eq_ignore_ascii_case(never))
    };
    if below.components().any(is_never) {
        return refused(
            "is never writable",
            "remove it: git and cargo run on the host what is there",
        );
    }
    let target = real_path(&workspace.target_directory);
    if real_dir.starts_with(&target) || target.starts_with(&real_dir) {
        return refused(
            "holds what is published",
            "write to OUT_DIR or CARGO_TARGET_TMPDIR in place of it",
        );
    }
    let mut packages = workspace.members.iter();
    let package = packages.find(|(_, manifest)| real_path(manifest).starts_with(&real_dir));
    if let Some((name, _)) = package {
        return refused(
            &format!("holds the package `{name}`"),
            "name the directories in it that are written: a manifest is obeyed on the host",
        );
    }
    Ok(workspace.root.join(below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_config::Origin;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Machine {
        dir: tempfile::TempDir,
        top: PathBuf,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let top = dir.path().canonicalize().unwrap();
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
                named_sources: Vec::new(),
                products: Vec::new(),
                uses_registry: false,
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
                named: &[],
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
        symlink(".git", machine.top.join("app/to-git")).unwrap();
        for never in [".git", ".git/hooks", "member/.cargo", "to-git"] {
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
        symlink("../home", machine.top.join("app/to-home")).unwrap();
        fs::write(machine.top.join("app/file"), "").unwrap();
        for outside in ["to-home", "/etc", "../home"] {
            assert!(
                machine
                    .refusal(outside)
                    .ends_with("is not in the workspace")
            );
        }
        assert!(machine.refusal("none").ends_with("does not exist"));
        assert!(machine.refusal("file").ends_with("is no directory"));
    }

    #[test]
    fn a_workspace_that_contains_what_is_private_is_refused_with_its_reason() {
        let machine = Machine::new();
        fs::create_dir_all(machine.top.join("app/users/me")).unwrap();
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
        for cache in ["app/target/cache", "link/cache"] {
            let error = refuse_cache(&workspace, &machine.top.join(cache)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let expected = "contains the cache directory";
            assert!(error.to_string().contains(expected), "{error}");
        }
        refuse_cache(&workspace, &machine.top.join("app-cache")).unwrap();
    }
}
