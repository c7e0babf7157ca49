//! The sources as a run sees them: read only, except for the directories in the key `writable`.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Component, Path, PathBuf};

use cross_config::Sourced;
use cross_engine::Mount;

use crate::cargo::carried::Carried;
use crate::cargo::config;
use crate::cargo::products::Product;
use crate::cargo::workspace::{Workspace, workspace_root_of};
use crate::facts::git_view::{self, GitView};
use crate::host::files::real_path;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;

/// Directories that are never writable: git and cargo run on the host what is in them.
pub(crate) const NEVER_WRITABLE: [&str; 2] = [".git", ".cargo"];

/// The limit of directories that are searched for repositories, those near the roots first. The
/// search takes some milliseconds.
const SEARCHED_DIRS: usize = 512;

/// The directories that the sources must not contain.
pub(crate) struct Surroundings<'a> {
    /// The user's home directory.
    pub(crate) home: Option<&'a Path>,
    pub(crate) cargo_home: &'a Path,
    /// The directory of the request.
    pub(crate) dir: &'a Path,
    /// Cargo's configuration.
    pub(crate) carried: &'a Carried,
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
    /// What git does not say in a run as it does on the host.
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
        let carried = around.carried;
        let packages: BTreeSet<_> = existing(&carried.packages)
            .map(|dir| workspace_root_of(dir.to_owned()))
            .collect();
        let mut roots: Vec<&Path> = roots(workspace).collect();
        for dir in &packages {
            if !roots.iter().any(|root| dir.starts_with(root)) {
                roots.push(dir);
            }
        }
        let crates = existing(&carried.crates);
        let crates: Vec<&Path> = crates
            .filter(|dir| !roots.iter().any(|root| dir.starts_with(root)))
            .collect();
        for dir in roots.iter().chain(&crates) {
            refuse_private(dir, around)?;
        }
        let seen = roots.iter().chain(&crates);
        let mut sources = Sources {
            mounts: seen.copied().map(Mount::read).collect(),
            files: carried.replaced.clone(),
            ..Sources::default()
        };
        for dir in writable {
            let real = writable_dir(dir, workspace)?;
            sources.mounts.push(Mount::write(real));
        }
        sources.cargo_configs(workspace, &roots, around)?;
        sources.repositories(workspace, &roots, around);
        Ok(sources)
    }

    fn repositories(&mut self, workspace: &Workspace, roots: &[&Path], around: &Surroundings<'_>) {
        let packages = workspace.members.values().filter_map(|it| it.parent());
        let dirs = packages.chain(roots.iter().copied());
        let above = dirs.filter_map(|dir| dir.ancestors().find(|dir| is_repository(dir)));
        let mut tops: BTreeSet<PathBuf> = above.map(Path::to_owned).collect();
        tops.extend(repositories_below(roots));
        for top in tops {
            if let Some(view) = GitView::of(&top, roots, around.home) {
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
        workspace: &Workspace,
        roots: &[&Path],
        around: &Surroundings<'_>,
    ) -> Result<()> {
        let packages = workspace.members.values().filter_map(|it| it.parent());
        let below_roots = |dir: &&Path| roots.iter().any(|root| dir.starts_with(root));
        let dirs = packages
            .chain(roots.iter().copied())
            .chain([around.dir])
            .flat_map(Path::ancestors)
            .filter(below_roots);
        for dir in dirs.collect::<BTreeSet<_>>() {
            let dir = dir.join(".cargo");
            if dir == around.cargo_home {
                continue;
            }
            for (path, text) in config::without_secrets(&dir)? {
                let seen = path.canonicalize().unwrap_or(path);
                if !self.files.iter().any(|(path, _)| *path == seen) {
                    self.files.push((seen, text));
                }
            }
        }
        Ok(())
    }
}

fn existing(dirs: &BTreeSet<PathBuf>) -> impl Iterator<Item = &Path> {
    dirs.iter().map(PathBuf::as_path).filter(|dir| dir.is_dir())
}

fn is_repository(dir: &Path) -> bool {
    dir.join(".git").exists()
}

/// The repositories that lie below the roots, in whatever directory: a CI system checks out several
/// side by side.
fn repositories_below(roots: &[&Path]) -> Vec<PathBuf> {
    let mut queue: VecDeque<PathBuf> = roots.iter().map(|root| root.to_path_buf()).collect();
    let (mut found, mut searched) = (Vec::new(), 0);
    while let Some(dir) = queue.pop_front() {
        searched += 1;
        if searched > SEARCHED_DIRS {
            break;
        }
        let (mut is_cache, before) = (false, queue.len());
        for entry in dir.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name == ".git" {
                found.push(dir.clone());
            } else if name == "CACHEDIR.TAG" {
                is_cache = true;
            } else if name != "node_modules" && entry.file_type().is_ok_and(|it| it.is_dir()) {
                queue.push_back(entry.path());
            }
        }
        if is_cache {
            queue.truncate(before);
        }
    }
    found
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
                dir: &workspace.root,
                carried: &Carried::default(),
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
    fn repositories_are_found_wherever_they_are_below_the_sources() {
        let machine = Machine::new();
        let app = machine.top.join("app");
        for made in ["vendor/other/.git", "target/x/.git", "node_modules/x/.git"] {
            fs::create_dir_all(app.join(made)).unwrap();
        }
        fs::create_dir_all(app.join("module")).unwrap();
        fs::write(app.join("module/.git"), "gitdir: ../.git/modules/module").unwrap();
        fs::write(app.join("target/CACHEDIR.TAG"), "").unwrap();
        let mut found = repositories_below(&[&app]);
        found.sort();
        let expected = ["", "module", "vendor/other"].map(|dir| app.join(dir));
        assert_eq!(found, expected);
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
