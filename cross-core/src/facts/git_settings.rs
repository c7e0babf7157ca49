//! What git's configuration says: the settings of the user's files, of a repository's and of the
//! caller's variables, with those of the files that they include.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{RegularFile, limits};

use crate::host::places::real_path;

mod condition;
mod parse;

use parse::settings;

/// How many files may include one another in a row, as in git.
const DEPTH: usize = 10;
/// How many files are read for one repository. One that includes itself may name itself often.
const FILES: usize = 64;
/// How many settings the caller's variables may have.
const OF_VARIABLES: usize = 256;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The section, in lower case.
    pub(crate) section: String,
    /// What its header has in quotes.
    pub(crate) name: Option<String>,
    /// The key, in lower case.
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Setting {
    /// Whether it is one of the section `section`, which has no name.
    pub(crate) fn is_of(&self, section: &str) -> bool {
        self.section == section && self.name.is_none()
    }
}

/// A setting, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) setting: Setting,
    /// The directory that a path in it is relative to.
    pub(crate) dir: PathBuf,
    /// Whether a repository's configuration has it, which may have come with the sources, and not
    /// the user's own.
    pub(crate) by_repository: bool,
}

/// The directories of a repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepositoryDirs<'a> {
    /// That of this checkout.
    pub(crate) git_dir: &'a Path,
    /// That of the repository and its worktrees.
    pub(crate) common: &'a Path,
}

/// The configuration of the user.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserSettings {
    home: Option<PathBuf>,
    /// Git's directory of the user.
    pub(crate) dir: Option<PathBuf>,
    /// The files, of which a later one wins.
    files: Vec<PathBuf>,
    /// Those of variables, which win over all files.
    variables: Vec<Setting>,
}

impl UserSettings {
    /// Where git looks for them, by the user's `home` and the caller's variables.
    pub(crate) fn new(
        home: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
        path: impl Fn(&str) -> Option<PathBuf>,
    ) -> Self {
        let config_home = path("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
        let dir = config_home.map(|dir| dir.join("git"));
        let system = path("GIT_CONFIG_SYSTEM").unwrap_or_else(|| "/etc/gitconfig".into());
        let has_system = variable("GIT_CONFIG_NOSYSTEM").is_none_or(|it| is_false(&it));
        let mut files: Vec<PathBuf> = Some(system).filter(|_| has_system).into_iter().collect();
        match path("GIT_CONFIG_GLOBAL") {
            Some(global) => files.push(global),
            None => {
                files.extend(dir.iter().map(|dir| dir.join("config")));
                files.extend(home.map(|home| home.join(".gitconfig")));
            }
        }
        UserSettings {
            home: home.map(Path::to_owned),
            dir,
            files,
            variables: of_variables(&variable),
        }
    }

    /// All settings that hold in a repository, of which a later one wins.
    pub(crate) fn within(&self, repository: RepositoryDirs<'_>) -> Vec<Given> {
        let own = [
            repository.common.join("config"),
            repository.git_dir.join("config.worktree"),
        ];
        let mut reader = Reader {
            user: self,
            git_dirs: [repository.git_dir.to_owned(), real_path(repository.git_dir)],
            branch: branch(repository.git_dir),
            urls: urls(self.files.iter().chain(&own)),
            by_repository: false,
            read: 0,
            found: Vec::new(),
        };
        for file in &self.files {
            reader.file(file, DEPTH);
        }
        reader.by_repository = true;
        for file in &own {
            reader.file(file, DEPTH);
        }
        let of_variables = self.variables.iter().map(|setting| Given {
            setting: setting.clone(),
            dir: repository.git_dir.to_owned(),
            by_repository: false,
        });
        reader.found.extend(of_variables);
        reader.found
    }

    /// The path that a value says: `~/` is the user's home.
    pub(crate) fn path(&self, given: &Given) -> PathBuf {
        self.expanded(&given.setting.value, &given.dir)
    }

    fn expanded(&self, value: &str, dir: &Path) -> PathBuf {
        match (value.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => dir.join(value),
        }
    }
}

/// The settings of the file at `path`, without those of other files.
pub(crate) fn of_file(path: &Path) -> Vec<Setting> {
    settings(&text(path).unwrap_or_default())
}

/// The text of a file, if it is a regular one of a usual size.
pub(crate) fn text(path: &Path) -> Option<String> {
    RegularFile::open(path).ok()?.text(limits::RECORD).ok()
}

fn is_false(value: &str) -> bool {
    ["", "0", "false", "no", "off"].contains(&&*value.to_ascii_lowercase())
}

/// The settings of `GIT_CONFIG_COUNT` and the variables that it counts.
fn of_variables(variable: &impl Fn(&str) -> Option<String>) -> Vec<Setting> {
    let count = variable("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok());
    let numbers = 0..count.unwrap_or(0).min(OF_VARIABLES);
    let settings = numbers.filter_map(|number| {
        let name = variable(&format!("GIT_CONFIG_KEY_{number}"))?;
        let value = variable(&format!("GIT_CONFIG_VALUE_{number}"))?;
        let (section, rest) = name.split_once('.')?;
        let (name, key) = match rest.rsplit_once('.') {
            Some((name, key)) => (Some(name.to_owned()), key),
            None => (None, rest),
        };
        Some(Setting {
            section: section.to_ascii_lowercase(),
            name,
            key: key.to_ascii_lowercase(),
            value,
        })
    });
    settings.collect()
}

/// The branch that is checked out.
fn branch(git_dir: &Path) -> Option<String> {
    let head = text(&git_dir.join("HEAD"))?;
    let name = head.trim().strip_prefix("ref:")?.trim();
    name.strip_prefix("refs/heads/").map(str::to_owned)
}

/// The addresses of the remotes, of which the condition of a file may speak.
fn urls<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Vec<String> {
    let all = files.flat_map(|file| of_file(file));
    all.filter(|it| it.section == "remote" && it.key == "url")
        .map(|it| it.value)
        .collect()
}

/// Reads files for one repository.
struct Reader<'a> {
    user: &'a UserSettings,
    /// The directory of the repository, as it is found and as it really is.
    git_dirs: [PathBuf; 2],
    branch: Option<String>,
    urls: Vec<String>,
    by_repository: bool,
    /// How many files were read.
    read: usize,
    found: Vec<Given>,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, deep: usize) {
        self.read += 1;
        let Some(deep) = deep.checked_sub(1).filter(|_| self.read <= FILES) else {
            return;
        };
        let dir = file.parent().unwrap_or(Path::new("/")).to_owned();
        for setting in of_file(file) {
            let is_path = setting.key == "path";
            let included = match (&*setting.section, &setting.name) {
                ("include", None) => is_path,
                ("includeif", Some(condition)) => is_path && self.holds(condition, &dir),
                _ => false,
            };
            if included {
                self.file(&self.user.expanded(&setting.value, &dir), deep);
            } else if self.found.len() < limits::ENTRIES {
                self.found.push(Given {
                    setting,
                    dir: dir.clone(),
                    by_repository: self.by_repository,
                });
            }
        }
    }

    /// Whether the condition of a file in `dir` holds for the repository.
    fn holds(&self, condition: &str, dir: &Path) -> bool {
        let Some((kind, pattern)) = condition.split_once(':') else {
            return false;
        };
        let is_dir = |ignores_case: bool| {
            let pattern = condition::of_directory(pattern, self.user.home.as_deref(), dir);
            self.git_dirs.iter().any(|git_dir| {
                condition::matches(&pattern, &condition::of_git(git_dir), ignores_case)
            })
        };
        match kind {
            "gitdir" => is_dir(false),
            "gitdir/i" => is_dir(true),
            "onbranch" => {
                let pattern = condition::with_all_below(pattern);
                let branch = self.branch.as_ref();
                branch.is_some_and(|branch| condition::matches(&pattern, branch, false))
            }
            "hasconfig" => {
                let pattern = pattern.strip_prefix("remote.*.url:");
                let has = |pattern| {
                    let mut urls = self.urls.iter();
                    urls.any(|url| condition::matches(pattern, url, false))
                };
                pattern.is_some_and(has)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;

    /// Makes a named pipe, which nobody writes to.
    #[cfg(unix)]
    pub(crate) fn named_pipe(path: &Path) {
        use cross_engine::{Cancel, Invocation, process};
        let make = Invocation::new("mkfifo").arg(path.to_string_lossy());
        let variables = [("PATH".into(), "/usr/bin:/bin".into())].into();
        let made = process::output(&make, &variables, &Cancel::new());
        assert!(made.unwrap().exit.success());
    }

    struct Home {
        dir: tempfile::TempDir,
    }

    impl Home {
        fn new() -> Self {
            let home = Home {
                dir: tempfile::tempdir().unwrap(),
            };
            home.write("app/.git/HEAD", "ref: refs/heads/topic/one\n");
            home.write(
                "app/.git/config",
                "[remote \"o\"]\n\turl = https://a.invalid/x/y\n",
            );
            home
        }

        fn path(&self) -> PathBuf {
            cross_engine::os::canonical(self.dir.path()).unwrap()
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// The last value of `core.abbrev` in the repository `app`.
        fn abbrev(&self, variables: &[(&str, &str)]) -> Option<String> {
            let variable = |name: &str| {
                let found = variables.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let user = UserSettings::new(Some(&self.path()), variable, |_| None);
            let git_dir = self.path().join("app/.git");
            let all = user.within(RepositoryDirs {
                git_dir: &git_dir,
                common: &git_dir,
            });
            let mut all = all.into_iter().map(|given| given.setting);
            let last = all.rfind(|it| it.section == "core" && it.key == "abbrev");
            last.map(|setting| setting.value)
        }
    }

    #[test]
    fn conditions_of_included_files_hold_as_in_git() {
        let home = Home::new();
        home.write("more", "[core]\n\tabbrev = 9\n");
        let app = condition::of_git(&home.path().join("app"));
        let shouted = app.to_uppercase();
        for (condition, holds) in [
            (format!("gitdir:{app}/.git"), true),
            (format!("gitdir:{app}/"), true),
            ("gitdir:~/".to_owned(), true),
            ("gitdir:./app/".to_owned(), true),
            ("gitdir:app/".to_owned(), true),
            ("gitdir:app".to_owned(), false),
            ("gitdir:~/a?p/*".to_owned(), true),
            ("gitdir:~/*".to_owned(), false),
            ("gitdir:~/other/".to_owned(), false),
            (format!("gitdir:{shouted}/"), false),
            (format!("gitdir/i:{shouted}/"), true),
            ("onbranch:topic/".to_owned(), true),
            ("onbranch:topic/[m-p]ne".to_owned(), true),
            ("onbranch:topic/[!o]ne".to_owned(), false),
            ("onbranch:topic".to_owned(), false),
            (
                "hasconfig:remote.*.url:https://a.invalid/**".to_owned(),
                true,
            ),
            (
                "hasconfig:remote.*.url:https://b.invalid/**".to_owned(),
                false,
            ),
            ("other:x".to_owned(), false),
        ] {
            let text = format!("[includeIf \"{condition}\"]\n\tpath = more\n");
            home.write(".gitconfig", &text);
            assert_eq!(home.abbrev(&[]).is_some(), holds, "{condition}");
        }
    }

    #[test]
    fn a_later_one_wins_and_variables_over_all() {
        let home = Home::new();
        home.write(".config/git/config", "[core]\n\tabbrev = 8\n");
        assert_eq!(home.abbrev(&[]).as_deref(), Some("8"));
        home.write(".gitconfig", "[core] abbrev = 9 ; no more\n");
        assert_eq!(home.abbrev(&[]).as_deref(), Some("9"));
        home.write("app/.git/config", "[Core]\n\tAbbrev = 1\\\n0\n");
        assert_eq!(home.abbrev(&[]).as_deref(), Some("10"));
        let variables = [
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "core.Abbrev"),
            ("GIT_CONFIG_VALUE_0", "11"),
        ];
        assert_eq!(home.abbrev(&variables).as_deref(), Some("11"));
    }

    #[test]
    fn files_that_include_themselves_often_end() {
        let home = Home::new();
        let text = "[include]\n\tpath = .gitconfig\n".repeat(2000) + "[core]\n\tabbrev = 9\n";
        home.write(".gitconfig", &text);
        assert_eq!(home.abbrev(&[]).as_deref(), Some("9"));
    }

    #[cfg(unix)]
    #[test]
    fn a_named_pipe_is_no_configuration() {
        let home = Home::new();
        let config = home.path().join("app/.git/config");
        fs::remove_file(&config).unwrap();
        named_pipe(&config);
        assert_eq!(home.abbrev(&[]), None);
    }
}
