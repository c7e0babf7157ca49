//! Links among the sources that lead out of them.
//!
//! A run sees what such a link leads to, unless that is private. The links are found together with
//! the repositories below the sources, by reading directories. What a build can write to is not
//! read: a link there would be its own.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::workspace::Workspace;
use crate::facts::named_places::NamedPlaces;
use crate::facts::named_variables::NamedVariables;
use crate::facts::private_places::{Private, is_system};
use crate::host::places::{normal, real_path};
use crate::model::error::{Error, ErrorKind};
use crate::model::hash::is_target_dir;

/// The limit of directories that are read, those near the packages and the roots first. Reading
/// them takes some milliseconds.
const SEARCHED_DIRS: usize = 4096;

/// The limit of links whose ends are shown. Each may take a mount.
const SHOWN_LINKS: usize = 64;

/// The limit for the files that are read, and for the size of each.
const FILES: usize = 2048;
const FILE_SIZE: u64 = 1 << 20;

/// A link, and the real path that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) link: PathBuf,
    pub(crate) to: PathBuf,
}

/// What is found among the sources.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The directories with a repository.
    pub(crate) repositories: Vec<PathBuf>,
    /// The links that lead out of the sources, and not to what is private.
    pub(crate) links: Vec<Link>,
    /// Those that lead to what is private, each with the reason.
    pub(crate) private: Vec<(Link, String)>,
    /// The places outside that the sources name.
    pub(crate) named: Vec<PathBuf>,
    /// The variables that the sources read.
    pub(crate) variables: NamedVariables,
}

impl Link {
    /// Where the link leads, as it is written, if that is relative to its directory.
    pub(crate) fn relative_end(&self) -> Option<PathBuf> {
        let to = fs::read_link(&self.link).ok()?;
        let dir = self.link.parent()?;
        to.is_relative().then(|| normal(&dir.join(to)))
    }

    /// The error for a link among the sources of a package that no run may follow.
    pub(crate) fn refused(&self, reason: &str) -> Error {
        Error::new(ErrorKind::Config, self.message(reason)).with_help(
            "copy what is needed into the workspace: what compiles would see all that the link leads to",
        )
    }

    /// What is said about a link that no run may follow.
    pub(crate) fn message(&self, reason: &str) -> String {
        let (link, to) = (self.link.display(), self.to.display());
        format!("the link `{link}` leads to `{to}`, {reason}")
    }
}

/// Searches the directories `roots`, those of `packages` first. What is in `written` is not
/// searched: builds write there.
pub(crate) fn search(
    packages: &[PathBuf],
    roots: &[PathBuf],
    written: &BTreeSet<PathBuf>,
    private: &Private<'_>,
) -> Found {
    let mut queue: VecDeque<PathBuf> = packages.iter().chain(roots).cloned().collect();
    let mut found = Found::default();
    let mut trees: Vec<PathBuf> = roots.to_vec();
    let (mut read, mut ends) = (BTreeSet::new(), BTreeSet::new());
    let (mut named, mut texts) = (NamedPlaces::new(private), 0);
    while let Some(dir) = queue.pop_front() {
        // The name tells a target directory of runs also where the project has another one by now.
        if written.contains(&dir) || is_target_dir(&dir) || !read.insert(dir.clone()) {
            continue;
        }
        if read.len() > SEARCHED_DIRS {
            break;
        }
        let Some(entries) = Entries::of(&dir) else {
            continue;
        };
        if entries.has_repository {
            found.repositories.push(dir.clone());
        }
        queue.extend(entries.dirs);
        let own = own_package(&dir, packages).filter(|_| !entries.files.is_empty());
        for (package, file) in own
            .iter()
            .flat_map(|own| entries.files.iter().map(move |it| (own, it)))
        {
            let Some(text) = source_text(file).filter(|_| texts < FILES) else {
                continue;
            };
            texts += 1;
            found.variables.read(file, &text);
            let dirs = named.read(file, package, &text, &trees);
            queue.extend(dirs.iter().cloned());
            trees.extend(dirs);
        }
        for path in entries.links {
            let Some(link) = leading_out(path, &trees, written) else {
                continue;
            };
            if let Some(reason) = private.reason(&link.to) {
                found.private.push((link, reason));
            } else if found.links.len() < SHOWN_LINKS {
                if link.to.is_dir() && ends.insert(link.to.clone()) {
                    queue.push_back(link.to.clone());
                    trees.push(link.to.clone());
                }
                found.links.push(link);
            }
        }
    }
    found.named = named.into_places();
    found
}

/// The package that the sources in `dir` belong to, if it is one of the user's own `packages`. What
/// vendored crates say does not count.
fn own_package(dir: &Path, packages: &[PathBuf]) -> Option<PathBuf> {
    let mut above = dir.ancestors();
    let package = above.find(|dir| dir.join("Cargo.toml").is_file())?;
    let is_own = packages.iter().any(|dir| dir == package);
    is_own.then(|| package.to_owned())
}

/// The contents of a source, unless it is too large.
fn source_text(file: &Path) -> Option<String> {
    let meta = file.symlink_metadata().ok()?;
    if !meta.is_file() || meta.len() > FILE_SIZE {
        return None;
    }
    let text = fs::read(file).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The entries of a directory that is not a cache.
struct Entries {
    has_repository: bool,
    dirs: Vec<PathBuf>,
    /// The files of Rust's.
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
}

impl Entries {
    fn of(dir: &Path) -> Option<Self> {
        let mut entries = Entries {
            has_repository: false,
            dirs: Vec::new(),
            files: Vec::new(),
            links: Vec::new(),
        };
        for entry in dir.read_dir().ok()?.flatten() {
            let name = entry.file_name();
            let kind = entry.file_type().ok();
            if name == ".git" {
                entries.has_repository = true;
            } else if name == "CACHEDIR.TAG" {
                let has_repository = dir.join(".git").exists();
                return Some(Entries {
                    has_repository,
                    dirs: Vec::new(),
                    files: Vec::new(),
                    links: Vec::new(),
                });
            } else if kind.is_some_and(|kind| kind.is_symlink()) {
                entries.links.push(entry.path());
            } else if name != "node_modules" && kind.is_some_and(|kind| kind.is_dir()) {
                entries.dirs.push(entry.path());
            } else if Path::new(&name).extension().is_some_and(|it| it == "rs") {
                entries.files.push(entry.path());
            }
        }
        Some(entries)
    }
}

/// The link at `path`, if it leads to something outside of `trees` that is not the system's.
fn leading_out(path: PathBuf, trees: &[PathBuf], written: &BTreeSet<PathBuf>) -> Option<Link> {
    let next = normal(&path.parent()?.join(fs::read_link(&path).ok()?));
    // What a build wrote may be a link in its turn.
    let is_written = |place: &Path| written.iter().any(|dir| place.starts_with(dir));
    if is_written(&next) || next.ancestors().any(is_target_dir) {
        return None;
    }
    let to = real_path(&path);
    let is_seen = |place: &Path| trees.iter().any(|tree| place.starts_with(tree));
    if is_seen(&next) && is_seen(&to) || is_system(&to) || !to.exists() {
        return None;
    }
    Some(Link { link: path, to })
}

/// The directory or file of each product that has its source, as the manifest's directory has it:
/// `src`, `tests`, `build.rs`.
pub(crate) fn parts(workspace: &Workspace) -> BTreeSet<PathBuf> {
    let part = |manifest: &Path, source: &Path| {
        let dir = manifest.parent()?;
        let first = source.strip_prefix(dir).ok()?.components().next()?;
        Some(dir.join(first))
    };
    let products = workspace.products.iter();
    products
        .filter_map(|product| part(&product.manifest, &product.source))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::os;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    struct Machine {
        _dir: tempfile::TempDir,
        top: PathBuf,
    }

    impl Machine {
        fn new(dirs: &[&str]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let top = os::canonical(dir.path()).unwrap();
            for made in dirs {
                fs::create_dir_all(top.join(made)).unwrap();
            }
            Machine { _dir: dir, top }
        }

        fn search(&self, written: &[&str]) -> Found {
            let written = written.iter().map(|dir| self.top.join(dir)).collect();
            let home = self.top.join("home");
            let private = Private {
                home: Some(&home),
                cargo_home: &home.join(".cargo"),
                cache: &self.top.join("cache"),
            };
            search(&[], &[self.top.join("app")], &written, &private)
        }
    }

    #[test]
    fn repositories_are_found_wherever_they_are_below_the_sources() {
        let made = ["vendor/other/.git", "target/x/.git", "node_modules/x/.git"];
        let machine = Machine::new(
            &made
                .map(|dir| format!("app/{dir}"))
                .each_ref()
                .map(|dir| &**dir),
        );
        let app = machine.top.join("app");
        fs::create_dir_all(app.join(".git/hooks")).unwrap();
        fs::create_dir_all(app.join("module")).unwrap();
        fs::write(app.join("module/.git"), "gitdir: ../.git/modules/module").unwrap();
        fs::write(app.join("target/CACHEDIR.TAG"), "").unwrap();
        let mut found = machine.search(&[]).repositories;
        found.sort();
        let expected = ["", "module", "vendor/other"].map(|dir| app.join(dir));
        assert_eq!(found, expected);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_are_found_also_behind_links() {
        let machine = Machine::new(&["app/src/deep", "shared/inner", "far", "home/code"]);
        let top = &machine.top;
        fs::write(top.join("far/file.rs"), "").unwrap();
        for (to, link) in [
            ("../../shared", "app/src/shared"),
            ("../../far/file.rs", "shared/inner/file.rs"),
            ("../inner", "shared/inner/within"),
            ("../lib.rs", "app/src/deep/within"),
            ("../nothing", "app/dangling"),
            ("/usr/bin/env", "app/env"),
            ("/dev/null", "app/src/null"),
        ] {
            symlink(to, top.join(link)).unwrap();
        }
        let found = machine.search(&[]);
        let links: Vec<_> = found
            .links
            .into_iter()
            .map(|link| (link.link, link.to))
            .collect();
        let expected = [
            ("app/src/shared", "shared"),
            ("shared/inner/file.rs", "far/file.rs"),
        ];
        let expected = expected.map(|(link, to)| (top.join(link), top.join(to)));
        assert_eq!(links, expected);
        assert!(found.private.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_that_a_build_may_have_made_are_not_followed() {
        let machine = Machine::new(&["app/src", "app/out", "app/old/cross/t-0123abcd", "secret"]);
        let top = &machine.top;
        for link in ["app/out/link", "app/old/cross/t-0123abcd/link"] {
            symlink(top.join("secret"), top.join(link)).unwrap();
        }
        symlink(top.join("app/out/link"), top.join("app/src/through")).unwrap();
        assert!(machine.search(&["app/out"]).links.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_told_with_its_reason() {
        let machine = Machine::new(&[
            "app",
            "home/.ssh",
            "home/.cargo",
            "home/code",
            "cache/x",
            "other/.git",
        ]);
        let top = &machine.top;
        for (n, to) in [
            "home/.ssh",
            "home/.cargo",
            "cache/x",
            "",
            "other/.git",
            "home/code",
        ]
        .iter()
        .enumerate()
        {
            symlink(top.join(to), top.join(format!("app/{n}"))).unwrap();
        }
        let found = machine.search(&[]);
        let mut reasons: Vec<_> = found
            .private
            .into_iter()
            .map(|(_, reason)| reason)
            .collect();
        reasons.sort();
        let expected = [
            "it is in `.ssh` of the home directory",
            "it is in a directory `.git`, which may hold secrets",
            "the cache directory is there",
            "the cargo home is there",
            "the home directory is there",
        ];
        let expected = expected.map(|why| format!("which is private: {why}"));
        assert_eq!(reasons, expected);
        assert_eq!(found.links[0].to, top.join("home/code"));
    }
}
