//! The git repository as a run sees it: the history, with a configuration of ours. CI systems keep
//! tokens in the repository's own configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Mount;
use cross_engine::os;
use cross_engine::process::untrusted::RegularFile;

use crate::facts::git_settings::{RepositoryDirs, UserSettings, text};
use crate::facts::shown_git_config::shown_config;
use crate::host::git_index;
use crate::host::places::normal;
use crate::model::step::Warning;

/// The parts of a repository that a run sees.
#[derive(Debug, Default)]
pub(crate) struct GitView {
    /// The mounts of its directories that lie outside of the sources.
    pub(crate) mounts: Vec<Mount>,
    /// Files that are replaced by others: the path, and the text that a run sees.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Whether it lies above the sources, so that git has to look for it in another mount.
    pub(crate) is_above: bool,
    /// The directories of objects that it borrows and that a run does not see.
    pub(crate) unseen: Vec<PathBuf>,
    /// The directory that it is checked out in.
    top: PathBuf,
    /// The list of the files that git knows.
    index: PathBuf,
    /// The directory of the checkout, and that of all checkouts.
    pub(crate) dirs: (PathBuf, PathBuf),
    /// Whether the names of objects are SHA-256.
    sha256: bool,
    /// Whether programs of the host make some of its files from what git stores, as Git LFS does.
    has_filters: bool,
}

/// The list of the files that git knows, which a run sees with other marks than the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownIndex {
    /// The list, where it really is.
    pub(crate) index: PathBuf,
    /// The directory that the repository is checked out in.
    pub(crate) top: PathBuf,
    pub(crate) sha256: bool,
    /// Whether programs that a run does not have make some of the files.
    pub(crate) has_filters: bool,
}

/// The files of the directories above the sources without which git would see other files there.
const ATTRIBUTES: [&str; 2] = [".gitignore", ".gitattributes"];

/// Entries of a repository that may be links to those of another, as `git new-workdir` and `repo`
/// make them.
const LINKED: [&str; 7] = [
    "HEAD",
    "index",
    "info",
    "objects",
    "packed-refs",
    "refs",
    "shallow",
];

/// How many repositories may borrow objects from one another in a row, as in git.
const BORROWED_DEPTH: usize = 5;

/// Directories that may hold URLs with tokens, or credentials.
const HIDDEN_DIRS: [&str; 5] = ["logs", "remotes", "branches", "annex", "svn"];

/// Files that may hold them.
const HIDDEN_FILES: [&str; 5] = [
    "FETCH_HEAD",
    "config.worktree",
    "credentials",
    "git-credentials",
    ".git-credentials",
];

/// The configuration that lets git read a repository of any owner.
pub(crate) const USER_CONFIG: &str = "[safe]\n\tdirectory = *\n";

impl GitView {
    /// The repository that the directory `dir` of the sources is in. `roots` are the directories of
    /// the sources that are seen; a repository at or above `home` is the user's own affair and is
    /// not seen.
    pub(crate) fn of(
        dir: &Path,
        roots: &[&Path],
        home: Option<&Path>,
        user: &UserSettings,
    ) -> Option<Self> {
        let top = dir.ancestors().find(|dir| is_entry(&dir.join(".git")))?;
        if is_of_home(top, home) {
            return None;
        }
        GitView::at(top, top.join(".git"), roots, user)
    }

    /// The repository at `entry`, which is checked out in `top`.
    pub(crate) fn at(
        top: &Path,
        mut entry: PathBuf,
        roots: &[&Path],
        user: &UserSettings,
    ) -> Option<Self> {
        let is_seen = |path: &Path| roots.iter().any(|root| path.starts_with(root));
        if is_link(&entry) && is_seen(&entry) {
            entry = os::canonical(&entry).ok()?;
        }
        let git_dir = git_dir(&entry)?;
        let common = common_dir(&git_dir);
        if !common.join("objects").is_dir() || !git_dir.join("HEAD").exists() {
            return None;
        }
        let mut view = GitView {
            is_above: !is_seen(top),
            top: top.to_owned(),
            index: git_dir.join("index"),
            dirs: (git_dir.clone(), common.clone()),
            ..GitView::default()
        };
        let mut seen = BTreeSet::from([entry, git_dir.clone(), common.clone()]);
        for dir in [&git_dir, &common] {
            seen.extend(linked(dir));
        }
        let objects = common.join("objects");
        let objects = os::canonical(&objects).unwrap_or(objects);
        view.borrow(&objects, &mut seen, BORROWED_DEPTH);
        let hidden = seen.iter().filter(|path| !is_seen(path));
        view.mounts.extend(hidden.map(Mount::read));
        for dir in BTreeSet::from([&git_dir, &common]) {
            view.hide_in(dir);
        }
        view.hide_modules(&common.join("modules"), user, MODULE_DEPTH);
        let others = directories(&common.join("worktrees"));
        for other in others.filter(|other| *other != git_dir) {
            view.hide_in(&other);
        }
        let config = shown_config(user, &git_dir, &common);
        view.sha256 = config.contains("objectformat = \"sha256\"");
        view.replace(&common.join("config"), &config);
        if view.is_above {
            view.show_attributes(roots);
        }
        view.has_filters = view.names_filters(user);
        Some(view)
    }

    /// The index, if git would miss files that are in the repository and not among the sources, or
    /// could not compare some.
    pub(crate) fn shown_index(&self) -> Option<ShownIndex> {
        let is_shown = self.is_above || self.has_filters;
        let index = os::canonical(&self.index).ok().filter(|_| is_shown)?;
        Some(ShownIndex {
            index,
            top: self.top.clone(),
            sha256: self.sha256,
            has_filters: self.has_filters,
        })
    }

    /// Whether attributes give some files to programs that the host's git starts: those of the
    /// repository, of the user, and of the directories of the checkout.
    fn names_filters(&self, user: &UserSettings) -> bool {
        let (git_dir, common) = (&self.dirs.0, &self.dirs.1);
        let mut attributes = vec![
            self.top.join(".gitattributes"),
            common.join("info/attributes"),
        ];
        attributes.extend(user.dir.iter().map(|dir| dir.join("attributes")));
        let mut has_program = false;
        for given in user.within(RepositoryDirs { git_dir, common }) {
            has_program |= given.setting.section == "filter";
            if given.setting.is_of("core") && given.setting.key == "attributesfile" {
                attributes.push(user.path(&given));
            }
        }
        // A list of many files takes its time.
        if has_program {
            let index =
                RegularFile::open(&self.index).and_then(|file| file.bytes(git_index::LIMIT));
            let hash = if self.sha256 { 32 } else { 20 };
            let names = git_index::named(&index.unwrap_or_default(), hash, b"/.gitattributes");
            attributes.extend(names.iter().map(|name| self.top.join(name)));
        }
        attributes.iter().any(|path| names_a_filter(path))
    }

    /// Shows the files that say what git ignores and compares, of the directories above the
    /// sources.
    fn show_attributes(&mut self, roots: &[&Path]) {
        let above = roots
            .iter()
            .filter(|root| root.starts_with(&self.top))
            .flat_map(|root| root.ancestors().skip(1))
            .filter(|dir| dir.starts_with(&self.top));
        let dirs: BTreeSet<_> = above.collect();
        let files = dirs
            .iter()
            .flat_map(|dir| ATTRIBUTES.map(|name| dir.join(name)));
        let files = files.filter(|file| file.symlink_metadata().is_ok_and(|meta| meta.is_file()));
        let hidden = files.filter(|file| !roots.iter().any(|root| file.starts_with(root)));
        self.mounts
            .extend(hidden.map(Mount::read).collect::<Vec<_>>());
    }

    /// Whether git knows the file at `path`.
    pub(crate) fn tracks(&self, path: &Path) -> bool {
        let Ok(name) = path.strip_prefix(&self.top) else {
            return false;
        };
        let name = name.as_os_str().as_encoded_bytes();
        let index = RegularFile::open(&self.index).and_then(|file| file.bytes(git_index::LIMIT));
        index.is_ok_and(|index| index.windows(name.len()).any(|part| part == name))
    }

    /// Adds the directories of objects that those in `objects` borrow, as after
    /// `git clone --shared`.
    fn borrow(&mut self, objects: &Path, seen: &mut BTreeSet<PathBuf>, deep: usize) {
        let named = text(&objects.join("info/alternates")).unwrap_or_default();
        let lines = named
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let dir = normal(&objects.join(line));
            let holds_objects = ["pack", "info"].iter().any(|name| dir.join(name).is_dir());
            match deep.checked_sub(1) {
                Some(deep) if holds_objects && dir.ends_with("objects") => {
                    if seen.insert(dir.clone()) {
                        self.borrow(&dir, seen, deep);
                    }
                }
                _ => self.unseen.push(dir),
            }
        }
    }

    /// Hides what may hold secrets in a directory of git's.
    fn hide_in(&mut self, dir: &Path) {
        for name in HIDDEN_FILES {
            self.replace(&dir.join(name), "");
        }
        for name in HIDDEN_DIRS {
            let hidden = dir.join(name);
            let is_empty = || fs::read_dir(&hidden).is_ok_and(|mut dir| dir.next().is_none());
            if is_real_dir(&hidden) && !is_empty() {
                self.mounts.push(Mount::scratch(hidden));
            }
        }
    }

    /// Hides what may hold secrets in the submodules, and in theirs. Each keeps what its own
    /// history is read with.
    fn hide_modules(&mut self, dir: &Path, user: &UserSettings, deep: usize) {
        let Some(deep) = deep.checked_sub(1) else {
            return;
        };
        for module in directories(dir) {
            if module.join("HEAD").exists() {
                self.hide_in(&module);
                let path = module.join("config");
                self.replace(&path, &shown_config(user, &module, &module));
                self.hide_modules(&module.join("modules"), user, deep);
            } else {
                // The name of a submodule may have slashes.
                self.hide_modules(&module, user, deep);
            }
        }
    }

    /// Another text is seen in place of the file at `path`, if there is one.
    fn replace(&mut self, path: &Path, text: &str) {
        // A link is followed to where its file is seen, if it is.
        if let Ok(real) = os::canonical(path) {
            let seen = if is_link(path) { real } else { path.to_owned() };
            if seen.is_file() && !self.files.iter().any(|(there, _)| *there == seen) {
                self.files.push((seen, text.to_owned()));
            }
        }
    }
}

/// The limit for the depth of nested submodules.
const MODULE_DEPTH: usize = 8;

fn is_entry(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|meta| meta.file_type().is_symlink())
}

fn is_real_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir())
}

fn directories(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_real_dir(path))
}

/// The directory that `.git` is, or that it names: a worktree's and a submodule's is a file.
fn git_dir(entry: &Path) -> Option<PathBuf> {
    if entry.is_dir() {
        return Some(entry.to_owned());
    }
    let text = text(entry)?;
    let path = text.strip_prefix("gitdir:")?.trim();
    let dir = normal(&entry.parent()?.join(path));
    dir.is_dir().then_some(dir)
}

/// The directory that holds the objects of a repository and of its worktrees.
fn common_dir(git_dir: &Path) -> PathBuf {
    let named = text(&git_dir.join("commondir"));
    match named.as_deref().map(str::trim) {
        Some(path) if !path.is_empty() => normal(&git_dir.join(path)),
        _ => git_dir.to_owned(),
    }
}

/// The places of the entries of a repository that are links.
fn linked(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = LINKED.iter().map(|name| (name, dir.join(name)));
    let links = entries.filter(|(_, entry)| is_link(entry));
    let places = links.filter_map(|(name, entry)| Some((name, os::canonical(&entry).ok()?)));
    // What has another name is none of a repository's.
    places
        .filter(|(name, place)| place.ends_with(name))
        .map(|(_, place)| place)
}

/// Whether the repository in `top` is at or above the user's home.
pub(crate) fn is_of_home(top: &Path, home: Option<&Path>) -> bool {
    home.is_some_and(|home| home.starts_with(top))
}

/// The warning for a repository of the home.
pub(crate) fn hidden(top: &Path) -> Warning {
    warning(
        format!(
            "the repository `{}` is that of the home directory, and a run does not see it: a version \
             that a build script asks git for is missing",
            top.display()
        ),
        "make the project a repository of its own, or pass the version in a variable that \
         `env.passthrough` names",
    )
}

/// The warning for borrowed objects that are not seen.
pub(crate) fn unseen(objects: &Path) -> Warning {
    warning(
        format!(
            "the repository borrows the objects in `{}`, which is no directory of git's: a version \
             that a build script asks git for may be missing",
            objects.display()
        ),
        "correct `.git/objects/info/alternates`; `git fsck` on the host shows what is missing",
    )
}

/// The warning for a file of the repository that is in a cargo home.
pub(crate) fn hidden_file(file: &Path) -> Warning {
    warning(
        format!(
            "`{}` is in the repository and in the cargo home, of which a run sees only crates and the \
             settings that hold there: git finds it changed or missing, and `git describe --dirty` says so",
            file.display()
        ),
        "set CARGO_HOME to a directory that is not in the repository, such as `.cargo-home` with a line in \
         `.gitignore`",
    )
}

/// The warning for a file that git finds changed.
pub(crate) fn changed(file: &Path) -> Warning {
    warning(
        format!(
            "`{}` is seen without what does not hold in the environment: git finds it changed there, \
             and `git describe --dirty` says so",
            file.display()
        ),
        "keep settings of the host and secrets in the configuration of the cargo home",
    )
}

pub(crate) fn warning(message: String, help: &str) -> Warning {
    Warning {
        code: "git".to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}

/// Whether the attributes in the file at `path` give some files to a filter.
fn names_a_filter(path: &Path) -> bool {
    let text = text(path).unwrap_or_default();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.any(|line| {
        let mut words = line.split_whitespace().skip(1);
        words.any(|word| word.starts_with("filter="))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRETS: &str = "\
[remote \"origin\"]\n\turl = https://me:s3cret@a.invalid/
[core]\n\tsshCommand = ssh -i s3cret\n\tfilemode = true\n";

    fn repository(dir: &Path) {
        for made in ["objects/info", "refs", "logs/refs"] {
            fs::create_dir_all(dir.join(made)).unwrap();
        }
        for (name, text) in [
            ("HEAD", "ref: refs/heads/main\n"),
            ("config", SECRETS),
            (
                "FETCH_HEAD",
                "x branch 'main' of https://s3cret@a.invalid\n",
            ),
        ] {
            fs::write(dir.join(name), text).unwrap();
        }
    }

    fn view(dir: &Path, root: &Path) -> GitView {
        GitView::of(dir, &[root], None, &UserSettings::default()).unwrap()
    }

    fn replaced(view: &GitView) -> Vec<&Path> {
        let mut paths: Vec<_> = view.files.iter().map(|(path, _)| path.as_path()).collect();
        paths.sort();
        paths
    }

    #[test]
    fn a_repository_at_the_root_is_among_the_sources() {
        let dir = tempfile::tempdir().unwrap();
        let root = os::canonical(dir.path()).unwrap();
        let git = root.join(".git");
        repository(&git);
        repository(&git.join("modules/lib/inner"));
        let view = view(&root, &root);
        let module = git.join("modules/lib/inner");
        assert_eq!(
            replaced(&view),
            [
                git.join("FETCH_HEAD"),
                git.join("config"),
                module.join("FETCH_HEAD"),
                module.join("config")
            ]
        );
        let hidden = [git.join("logs"), module.join("logs")];
        assert_eq!(view.mounts, hidden.map(Mount::scratch));
        assert!(view.files.iter().all(|(_, text)| !text.contains("s3cret")));
    }

    #[test]
    fn a_repository_above_the_workspace_is_mounted_unless_it_is_that_of_the_home() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        repository(&top.join(".git"));
        let root = top.join("rust/app");
        fs::create_dir_all(&root).unwrap();
        let seen = view(&root, &root);
        assert_eq!(seen.mounts[0], Mount::read(top.join(".git")));
        assert!(seen.is_above);
        let home = top.join("users/me");
        assert!(GitView::of(&root, &[&root], Some(&home), &UserSettings::default()).is_none());
        assert!(GitView::of(&root, &[&root], Some(&top), &UserSettings::default()).is_none());
        let elsewhere = Some(Path::new("/home/u"));
        assert!(GitView::of(&root, &[&root], elsewhere, &UserSettings::default()).is_some());
    }

    #[test]
    fn a_worktree_leads_to_the_repository_it_is_of() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        let (main, root) = (top.join("main/.git"), top.join("other"));
        repository(&main);
        let own = main.join("worktrees/other");
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(&root).unwrap();
        fs::write(own.join("HEAD"), "ref: refs/heads/other\n").unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::write(own.join("config.worktree"), "[http]\nextraheader = s3cret").unwrap();
        fs::write(root.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
        let view = view(&root, &root);
        assert!(view.mounts.contains(&Mount::read(&own)));
        assert!(view.mounts.contains(&Mount::read(&main)));
        assert!(replaced(&view).contains(&own.join("config.worktree").as_path()));
        assert!(replaced(&view).contains(&main.join("config").as_path()));
        assert!(view.files.iter().all(|(_, text)| !text.contains("s3cret")));
    }

    #[test]
    fn a_file_that_names_any_other_directory_is_no_repository() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("app");
        fs::create_dir_all(dir.path().join(".ssh")).unwrap();
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join(".git"), "gitdir: ../.ssh\n").unwrap();
        assert!(GitView::of(&root, &[&root], None, &UserSettings::default()).is_none());
    }

    /// Opening one for reading waits for somebody who writes.
    #[cfg(unix)]
    #[test]
    fn named_pipes_in_place_of_gits_files_are_not_waited_for() {
        for name in [
            "",
            "HEAD",
            "commondir",
            "config",
            "config.worktree",
            "index",
            "info/attributes",
            "modules/lib/config",
            "objects/info/alternates",
        ] {
            let dir = tempfile::tempdir().unwrap();
            let root = os::canonical(dir.path()).unwrap();
            let git = root.join(".git");
            if !name.is_empty() {
                repository(&git);
                repository(&git.join("modules/lib"));
                fs::create_dir_all(git.join("info")).unwrap();
                let _ = fs::remove_file(git.join(name));
            }
            let pipe = if name.is_empty() { git } else { git.join(name) };
            crate::facts::git_settings::tests::named_pipe(&pipe);
            if let Some(view) = GitView::of(&root, &[&root], None, &UserSettings::default()) {
                assert!(!view.tracks(&root.join("file")), "{name}");
            }
        }
    }
}
