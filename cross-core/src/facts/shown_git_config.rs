//! The configuration of a repository that a run sees, in place of the repository's own: what says
//! how its files are laid out and compared, and how git prints what it is asked.

use crate::facts::git_settings::{RepositoryDirs, Setting, UserSettings, of_file};

use std::path::Path;

/// Keys without which git would misread the repository. Git reads them only in the repository's own
/// files.
const LAYOUT: [(&str, &[&str]); 2] = [
    ("core", &["repositoryformatversion", "bare", "worktree"]),
    (
        "extensions",
        &[
            "objectformat",
            "compatobjectformat",
            "refstorage",
            "partialclone",
            "preciousobjects",
            "relativeworktrees",
        ],
    ),
];

/// Keys of sections without a name that say how files are compared, and how git prints. None names
/// a program, a file or an address.
const SETTINGS: [(&str, &[&str]); 11] = [
    (
        "core",
        &[
            "filemode",
            "symlinks",
            "ignorecase",
            "precomposeunicode",
            "autocrlf",
            "eol",
            "sparsecheckout",
            "sparsecheckoutcone",
            "abbrev",
            "quotepath",
        ],
    ),
    ("branch", &["sort"]),
    ("color", &["ui", "branch", "diff", "status"]),
    ("diff", &["ignoresubmodules", "renames"]),
    ("format", &["pretty"]),
    ("i18n", &["commitencoding", "logoutputencoding"]),
    ("log", &["abbrevcommit", "date", "decorate"]),
    ("pretty", &[]),
    (
        "status",
        &[
            "aheadbehind",
            "branch",
            "relativepaths",
            "renames",
            "short",
            "showuntrackedfiles",
            "submodulesummary",
        ],
    ),
    ("tag", &["sort"]),
    ("versionsort", &["suffix", "prereleasesuffix"]),
];

/// Sections of which every key is shown: formats of the user's own.
const WHOLE: &str = "pretty";
/// Keys with several values, of which a later one does not replace those before.
const LISTS: [&str; 3] = ["suffix", "prereleasesuffix", "sort"];

/// Settings of ours. An engine may show files with other owners and inodes than the index has. Git
/// then reads every one, and cannot compare what a filter made.
const OWN: [(&str, &str); 2] = [("checkstat", "minimal"), ("trustctime", "false")];

/// The configuration for the checkout at `git_dir` of the repository at `common`, made of the
/// repository's and of the `user`'s.
pub(crate) fn shown_config(user: &UserSettings, git_dir: &Path, common: &Path) -> String {
    let own = [common.join("config"), git_dir.join("config.worktree")];
    let layout = own.iter().flat_map(|file| of_file(file));
    let layout = layout.filter(|it| it.name.is_none() && has(&LAYOUT, it));
    let all = user.within(RepositoryDirs { git_dir, common });
    let all = all.into_iter().map(|given| given.setting);
    let kept = layout.chain(all.filter(is_shown));
    let of_us = OWN.map(|(key, value)| Setting {
        section: "core".to_owned(),
        name: None,
        key: key.to_owned(),
        value: value.to_owned(),
    });
    let mut settings: Vec<Setting> = Vec::new();
    for setting in kept.chain(of_us) {
        let is_same = |other: &Setting| {
            (&other.section, &other.name, &other.key)
                == (&setting.section, &setting.name, &setting.key)
        };
        if !LISTS.contains(&&*setting.key) {
            settings.retain(|other| !is_same(other));
        }
        settings.push(setting);
    }
    settings.sort_by(|a, b| (&a.section, &a.name).cmp(&(&b.section, &b.name)));
    written(&settings)
}

fn has(table: &[(&str, &[&str])], setting: &Setting) -> bool {
    let mut sections = table.iter();
    sections.any(|(section, keys)| *section == setting.section && keys.contains(&&*setting.key))
}

fn is_shown(setting: &Setting) -> bool {
    match setting.name {
        None => setting.section == WHOLE || has(&SETTINGS, setting),
        // Which changes of a submodule count.
        Some(_) => setting.section == "submodule" && setting.key == "ignore",
    }
}

fn written(settings: &[Setting]) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = String::new();
    for settings in settings.chunk_by(|a, b| (&a.section, &a.name) == (&b.section, &b.name)) {
        let Setting { section, name, .. } = &settings[0];
        match name {
            // No name that git reads has a line break.
            Some(name) if name.contains('\n') => continue,
            Some(name) => text.push_str(&format!("[{section} \"{}\"]\n", quoted(name))),
            None => text.push_str(&format!("[{section}]\n")),
        }
        for Setting { key, value, .. } in settings {
            let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if key.chars().all(is_key) && !key.is_empty() {
                let value = quoted(value).replace('\n', "\\n");
                text.push_str(&format!("\t{key} = \"{value}\"\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SECRETS: &str = "\
[core]
\trepositoryformatversion = 1 ; a comment
\tfilemode = true
\thooksPath = /home/u/hooks
\tsshCommand = ssh -i key
\tfsmonitor = /evil
\tworkTree = \"../../my \\\"app\\\"\"
\tabbrev = 12
[Extensions]
\tworktreeConfig = true
\tobjectFormat = sha256
[remote \"origin\"]
\turl = https://me:s3cret@a.invalid/
[http \"https://a.invalid\"]
\textraheader = s3cret
[submodule \"lib/a\"]
\turl = https://me:s3cret@a.invalid/
\tignore = dirty
[include]
\tpath = more
[credential]
\thelper = !echo s3cret
[versionsort]
\tsuffix = -rc
\tsuffix = -beta
";

    #[test]
    fn what_says_how_files_are_compared_and_how_git_prints_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config"), SECRETS).unwrap();
        let of_worktree = "[core]\n\tfilemode = false";
        fs::write(dir.path().join("config.worktree"), of_worktree).unwrap();
        // A file that is included says nothing about the layout.
        let more = "[core]\n\tbare = true\n\tpager = less\n[pretty]\n\tmine = \"%h\\n\"\n";
        fs::write(dir.path().join("more"), more).unwrap();
        assert_eq!(
            shown_config(&UserSettings::default(), dir.path(), dir.path()),
            "[core]\n\trepositoryformatversion = \"1\"\n\tworktree = \"../../my \\\"app\\\"\"\n\
             \tabbrev = \"12\"\n\tfilemode = \"false\"\n\tcheckstat = \"minimal\"\n\ttrustctime = \"false\"\n\
             [extensions]\n\tobjectformat = \"sha256\"\n\
             [pretty]\n\tmine = \"%h\\n\"\n\
             [submodule \"lib/a\"]\n\tignore = \"dirty\"\n\
             [versionsort]\n\tsuffix = \"-rc\"\n\tsuffix = \"-beta\"\n"
        );
    }
}
