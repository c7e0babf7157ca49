//! The sources as a run sees them: read only, but for the directories that the configuration names.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use cross_config::Sourced;
use cross_engine::Mount;

use crate::cargo::config;
use crate::cargo::products::Product;
use crate::cargo::workspace::Workspace;
use crate::facts::git_view::{self, GitView};
use crate::model::error::{Error, ErrorKind, Result};

/// Directories that are never writable: git and cargo run on the host what is in them.
const NEVER: [&str; 2] = [".git", ".cargo"];

/// The directories that the sources must not contain.
pub(crate) struct Surroundings<'a> {
    /// The user's home directory.
    pub(crate) home: Option<&'a Path>,
    pub(crate) cargo_home: &'a Path,
    pub(crate) cache: &'a Path,
    /// The directory of the request.
    pub(crate) dir: &'a Path,
}

/// What a run sees of the sources.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) mounts: Vec<Mount>,
    /// Files that others are seen in place of: the path, and the text.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Whether there is a repository, so that git needs to be told that it may read it.
    pub(crate) has_repository: bool,
    /// Whether one lies above the sources.
    pub(crate) has_repository_above: bool,
}

impl Sources {
    /// The roots of the workspace and of its path dependencies, the repositories that they are in,
    /// and the `writable` directories.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] where the sources contain what no run may see, and for a directory that
    /// cannot be writable.
    pub(crate) fn new(
        workspace: &Workspace,
        writable: &[Sourced<PathBuf>],
        around: &Surroundings<'_>,
    ) -> Result<Self> {
        let roots: Vec<&Path> = roots(workspace).collect();
        for root in &roots {
            refuse_private(root, around)?;
        }
        let mut sources = Sources {
            mounts: roots.iter().copied().map(Mount::read).collect(),
            ..Sources::default()
        };
        for dir in writable {
            let real = writable_dir(dir, workspace)?;
            sources.mounts.push(Mount::write(real));
        }
        sources.repositories(workspace, &roots, around);
        sources.cargo_configs(workspace, &roots, around)?;
        Ok(sources)
    }

    fn repositories(&mut self, workspace: &Workspace, roots: &[&Path], around: &Surroundings<'_>) {
        let packages = workspace.members.values().filter_map(|it| it.parent());
        let dirs: BTreeSet<&Path> = packages.chain(roots.iter().copied()).collect();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        for dir in dirs {
            let top = dir.ancestors().find(|dir| dir.join(".git").exists());
            if !top.is_some_and(|top| seen.insert(top.to_owned())) {
                continue;
            }
            if let Some(view) = GitView::of(dir, roots, around.home) {
                self.mounts.extend(view.mounts);
                self.files.extend(view.files);
                self.has_repository = true;
                self.has_repository_above |= view.is_above;
            }
        }
    }

    /// What cargo reads inside of its configuration files among the sources has no secrets.
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
                self.files.push((seen, text));
            }
        }
        Ok(())
    }
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

fn roots(workspace: &Workspace) -> impl Iterator<Item = &Path> {
    let outside = workspace.outside.iter().map(PathBuf::as_path);
    std::iter::once(workspace.root.as_path()).chain(outside)
}

/// The path with its links followed, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let found = path
        .ancestors()
        .find_map(|dir| Some((dir, dir.canonicalize().ok()?)));
    match found {
        Some((dir, real)) => match path.strip_prefix(dir) {
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => real,
        },
        None => path.to_owned(),
    }
}

/// Refuses sources that contain what is the user's alone.
fn refuse_private(root: &Path, around: &Surroundings<'_>) -> Result<()> {
    let real_root = real(root);
    let private = [
        (around.home, "the home directory", "move the project"),
        (
            Some(around.cargo_home),
            "the cargo home",
            "set CARGO_HOME to a directory elsewhere",
        ),
        (
            Some(around.cache),
            "the cache directory",
            "set CROSS_CACHE_DIR to a directory elsewhere, or call `cache_dir`",
        ),
    ];
    for (dir, what, help) in private {
        let Some(dir) = dir.filter(|dir| real(dir).starts_with(&real_root)) else {
            continue;
        };
        let (root, shown) = (root.display(), dir.display());
        let message = match real(dir) == real_root {
            true => format!("the workspace `{root}` is {what}"),
            false => format!("the workspace `{root}` contains {what} `{shown}`"),
        };
        let help = format!("{help}: what compiles sees all of the workspace");
        return Err(Error::new(ErrorKind::Config, message).with_help(help));
    }
    Ok(())
}

/// The writable directory, where it is without links.
fn writable_dir(dir: &Sourced<PathBuf>, workspace: &Workspace) -> Result<PathBuf> {
    let path = workspace.root.join(&dir.value);
    let refused = |why: &str, help: &str| {
        let (path, origin) = (path.display(), &dir.origin);
        let message = format!("`{path}` in `writable` ({origin}) {why}");
        Err(Error::new(ErrorKind::Config, message).with_help(help))
    };
    let Ok(real_path) = path.canonicalize() else {
        return refused(
            "does not exist",
            "create the directory, or correct its name",
        );
    };
    if !real_path.is_dir() {
        return refused("is no directory", "name the directory that it is in");
    }
    let real_root = real(&workspace.root);
    let below = match real_path.strip_prefix(&real_root) {
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
        NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
    };
    if below.components().any(is_never) {
        return refused(
            "is never writable",
            "remove it: git and cargo run on the host what is there",
        );
    }
    let target = real(&workspace.target_directory);
    if real_path.starts_with(&target) || target.starts_with(&real_path) {
        return refused(
            "holds what is published",
            "write to OUT_DIR or CARGO_TARGET_TMPDIR in place of it",
        );
    }
    let mut packages = workspace.members.iter();
    let package = packages.find(|(_, manifest)| real(manifest).starts_with(&real_path));
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
                package_manifest: None,
                members: [("member".to_owned(), root.join("member/Cargo.toml"))].into(),
                outside: Vec::new(),
                products: Vec::new(),
                uses_registry: false,
                secret_registries: BTreeSet::new(),
                unfetched: None,
                root,
            }
        }

        fn sources(&self, writable: &[&str], home: &str, cache: &str) -> Result<Sources> {
            let dirs: Vec<_> = writable
                .iter()
                .map(|dir| Sourced::new(PathBuf::from(dir), Origin::Request))
                .collect();
            let home = self.top.join(home);
            let workspace = self.workspace();
            let around = Surroundings {
                home: Some(&home),
                cargo_home: &home.join(".cargo"),
                cache: &self.top.join(cache),
                dir: &workspace.root,
            };
            Sources::new(&workspace, &dirs, &around)
        }

        fn refusal(&self, writable: &str) -> String {
            let error = self.sources(&[writable], "home", "cache").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.help().is_some());
            error.to_string()
        }
    }

    #[test]
    fn sources_are_read_only_but_for_what_is_writable() {
        let machine = Machine::new();
        let sources = machine.sources(&["schema/generated"], "home", "cache");
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
        for (home, cache, expected) in [
            ("app", "cache", "is the home directory"),
            ("app/users/me", "cache", "contains the home directory"),
            ("home", "app/target/cache", "contains the cache directory"),
            ("home", "link/cache", "contains the cache directory"),
        ] {
            let error = machine.sources(&[], home, cache).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(machine.sources(&[], "home", "app-cache").is_ok());
    }
}
