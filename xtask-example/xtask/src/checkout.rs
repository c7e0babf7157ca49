//! The state of the sources: the revision that git has of them, and whether they are as it has them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crates::without_user;

/// Lists what differs from the commit, whatever the user's or the repository's settings leave out.
const STATUS: [&str; 4] = [
    "status",
    "--porcelain",
    "--untracked-files=normal",
    "--ignore-submodules=none",
];

/// What is known of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checkout {
    Known {
        /// The address of the repository, if it has one that others can reach.
        repository: Option<String>,
        /// The commit that is checked out.
        commit: String,
        /// Whether any file differs from the commit or is unknown to git.
        is_dirty: bool,
    },
    /// Why nothing is known.
    Unknown(String),
}

impl Checkout {
    /// Asks git about the repository around `dir`. Writes nothing: git's index stays as it is.
    pub(crate) fn of(dir: &Path) -> Self {
        let commit = text(dir, &["rev-parse", "--verify", "HEAD"]);
        let status = git(dir, &STATUS);
        match (commit, status) {
            (Ok(commit), Ok(status)) => Checkout::Known {
                repository: text(dir, &["remote", "get-url", "origin"])
                    .ok()
                    .and_then(|remote| address(&remote)),
                commit,
                is_dirty: !status.is_empty(),
            },
            (Err(reason), _) | (_, Err(reason)) => Checkout::Unknown(reason),
        }
    }

    /// What is known of sources that were in this state before a build and in `after` when it ended.
    /// Those that changed meanwhile are those of no commit.
    pub(crate) fn until(&self, after: &Checkout) -> Self {
        match self {
            Checkout::Known {
                repository, commit, ..
            } if self != after => Checkout::Known {
                repository: repository.clone(),
                commit: commit.clone(),
                is_dirty: true,
            },
            same => same.clone(),
        }
    }

    /// What the user should know about the sources before a release, if anything.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Checkout::Known {
                is_dirty: false, ..
            } => None,
            Checkout::Known { commit, .. } => Some(format!(
                "the sources differ from the commit {commit}: the provenance says so, and names no revision"
            )),
            Checkout::Unknown(reason) => Some(format!(
                "the provenance names no revision of the sources: {reason}"
            )),
        }
    }
}

/// The top directory of the repository around `dir`, or `dir` without one.
pub(crate) fn top(dir: &Path) -> PathBuf {
    let top = git(dir, &["rev-parse", "--show-toplevel"]);
    top.map_or_else(|_| dir.to_owned(), |line| path(&line))
}

/// The time of the commit that is checked out in `dir`, in seconds since the Unix epoch.
pub(crate) fn commit_time(dir: &Path) -> Option<u64> {
    let words = ["rev-list", "--max-count=1", "--timestamp", "HEAD"];
    let line = text(dir, &words).ok()?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether the commit of the repository around `top` does not have the sources of the crate in `dir`,
/// and its status does not tell them either, because git ignores them: its manifest, its build
/// script, or a file of Rust.
pub(crate) fn ignores(top: &Path, dir: &Path) -> bool {
    // It may be a repository of its own that the outer one ignores.
    let manifest = dir.join("Cargo.toml");
    let is_ignored = ["check-ignore", "--quiet", "--"].map(OsStr::new);
    let is_ignored = is_ignored.into_iter().chain([manifest.as_os_str()]);
    if git(top, is_ignored).is_ok() {
        return true;
    }
    let listed = [
        "--literal-pathspecs",
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--",
        "Cargo.toml",
        "build.rs",
        "src",
    ];
    let is_source = |name: &OsString| {
        let path = Path::new(name);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // An editor's files are hidden.
        !name.starts_with('.') && (name == "Cargo.toml" || name.ends_with(".rs"))
    };
    git(dir, &listed).is_ok_and(|names| paths(&names).iter().any(is_source))
}

/// Whether the repository at `top` has the file, so that a change of it is one of the checkout.
pub(crate) fn is_tracked(file: &Path, top: &Path) -> bool {
    let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else {
        return false;
    };
    let words = ["--literal-pathspecs", "ls-files", "--error-unmatch", "--"];
    let words = words.map(OsStr::new).into_iter().chain([name]);
    self::top(dir) == top && git(dir, words).is_ok()
}

/// Runs git, and returns what it prints, or else the first line of its reason.
pub(crate) fn git<I>(dir: &Path, args: I) -> Result<Vec<u8>, String>
where
    I: IntoIterator,
    I::Item: AsRef<OsStr>,
{
    let output = Command::new("git")
        // Neither the index is refreshed, nor a program started that watches files.
        .args(["--no-optional-locks", "-c", "core.fsmonitor=false"])
        .args(args)
        .current_dir(dir)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("git does not start: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let first = errors.trim().lines().next().unwrap_or("git failed");
    Err(first.trim_start_matches("fatal: ").to_owned())
}

/// What git prints on one line.
fn text(dir: &Path, args: &[&str]) -> Result<String, String> {
    let line = git(dir, args)?;
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}

/// The path on a line, in whatever encoding it is.
pub(crate) fn path(line: &[u8]) -> PathBuf {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    OsString::from_vec(line.to_owned()).into()
}

/// The paths of a list that zeros divide.
pub(crate) fn paths(list: &[u8]) -> Vec<OsString> {
    let names = list.split(|byte| *byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names
        .map(|name| OsString::from_vec(name.to_owned()))
        .collect()
}

/// The remote as an address for others; `None` for a directory of this machine, and for what is no
/// address. A query may have a token.
fn address(remote: &str) -> Option<String> {
    let remote = remote.split(['?', '#']).next().unwrap_or(remote);
    let address = match remote.split_once("://") {
        Some(("file", _)) => return None,
        Some(_) => without_user(remote),
        // `user@host:path`.
        None => {
            let (host, path) = remote.split_once(':')?;
            if host.is_empty() || host.contains('/') {
                return None;
            }
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
    };
    Some(encoded(&address))
}

/// The address with what no URI has, such as a space, in its encoded form.
fn encoded(address: &str) -> String {
    let mut uri = String::new();
    for byte in address.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~:/@!$&'()*+,;=%[]".contains(&byte);
        match is_plain {
            true => uri.push(char::from(byte)),
            false => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn repository(dir: &Path) {
        git(dir, ["init", "--quiet"]).unwrap();
        fs::write(dir.join("a"), "a").unwrap();
        commit(dir, &["a"]);
    }

    fn commit(dir: &Path, files: &[&str]) {
        let identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
        ];
        git(dir, ["add", "--"].iter().chain(files)).unwrap();
        let commit = ["commit", "--quiet", "--message", "a"];
        git(dir, [&identity[..], &commit[..]].concat()).unwrap();
    }

    fn is_dirty(dir: &Path) -> bool {
        match Checkout::of(dir) {
            Checkout::Known { is_dirty, .. } => is_dirty,
            Checkout::Unknown(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn a_checkout_is_dirty_from_the_first_difference_on() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        repository(dir);
        assert!(!is_dirty(dir));
        assert_eq!(Checkout::of(dir).warning(), None);
        fs::write(dir.join("b"), "unknown to git").unwrap();
        assert!(is_dirty(dir));
        fs::remove_file(dir.join("b")).unwrap();
        fs::write(dir.join("a"), "changed").unwrap();
        assert!(is_dirty(dir));
        let warning = Checkout::of(dir).warning().unwrap();
        assert!(warning.contains("differ from the commit"), "{warning}");
    }

    #[test]
    fn no_setting_hides_a_difference() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let inner = dir.join("inner");
        fs::create_dir(&inner).unwrap();
        repository(&inner);
        repository(dir);
        // As `git submodule add` does it, which wants a URL.
        let modules = "[submodule \"inner\"]\n\tpath = inner\n\turl = ./inner\n\tignore = all\n";
        fs::write(dir.join(".gitmodules"), modules).unwrap();
        commit(dir, &["inner", ".gitmodules"]);
        assert!(!is_dirty(dir));
        fs::write(inner.join("a"), "changed").unwrap();
        assert!(is_dirty(dir), "a submodule that is ignored");
        fs::write(inner.join("a"), "a").unwrap();
        assert!(!is_dirty(dir));
        git(dir, ["config", "status.showUntrackedFiles", "no"]).unwrap();
        fs::write(dir.join("new"), "").unwrap();
        assert!(is_dirty(dir));
    }

    #[test]
    fn sources_that_change_during_a_build_are_of_no_commit() {
        let state = |commit: &str, is_dirty| Checkout::Known {
            repository: None,
            commit: commit.to_owned(),
            is_dirty,
        };
        let before = state("1", false);
        assert_eq!(before.until(&before), before);
        for after in [state("1", true), state("2", false)] {
            assert_eq!(before.until(&after), state("1", true));
        }
        let gone = Checkout::Unknown("gone".to_owned());
        assert_eq!(before.until(&gone), state("1", true));
        assert_eq!(gone.until(&before), gone);
    }

    #[test]
    fn sources_that_git_ignores_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        repository(dir);
        fs::write(
            dir.join(".gitignore"),
            "/hidden\n*.tmp\n/part/src/made.rs\n",
        )
        .unwrap();
        for inner in ["hidden/src", "part/src", "whole/src"] {
            fs::create_dir_all(dir.join(inner)).unwrap();
            let name = dir.join(inner).parent().unwrap().join("Cargo.toml");
            fs::write(name, "").unwrap();
        }
        for file in ["part/src/a.tmp", "whole/src/lib.rs", "whole/src/.#lib.rs"] {
            fs::write(dir.join(file), "").unwrap();
        }
        let is_ignored = |name: &str| ignores(dir, &dir.join(name));
        assert!(is_ignored("hidden"));
        assert!(!is_ignored("part"));
        assert!(!is_ignored("whole"));
        fs::write(dir.join("part/src/made.rs"), "").unwrap();
        assert!(is_ignored("part"));
        // The inner repository does not ignore it.
        git(&dir.join("hidden"), ["init", "--quiet"]).unwrap();
        assert!(is_ignored("hidden"));
        assert!(!ignores(Path::new("/"), Path::new("/nowhere")));
        assert!(is_tracked(&dir.join("a"), &top(dir)));
        assert!(!is_tracked(&dir.join("whole/Cargo.toml"), &top(dir)));
    }

    #[test]
    fn the_time_of_a_commit_is_read_whatever_git_prints_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert_eq!(commit_time(dir), None);
        repository(dir);
        assert!(commit_time(dir).is_some());
        let signs = dir.join("signs");
        let script = "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n\
                      printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n";
        fs::write(&signs, script).unwrap();
        fs::set_permissions(&signs, fs::Permissions::from_mode(0o755)).unwrap();
        let program = signs.to_str().unwrap();
        for (key, value) in [
            ("log.showSignature", "true"),
            ("gpg.program", program),
            ("user.name", "a"),
            ("user.email", "a@b"),
        ] {
            git(dir, ["config", key, value]).unwrap();
        }
        let amend = ["commit", "--quiet", "--amend", "--no-edit", "--gpg-sign"];
        git(dir, amend).unwrap();
        let shown = text(dir, &["log", "-1", "--format=%ct"]).unwrap();
        assert!(shown.parse::<u64>().is_err(), "{shown}");
        assert!(commit_time(dir).is_some());
    }

    #[test]
    fn sources_without_git_or_without_a_commit_are_unknown_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        // A repository around the temporary directory would be found.
        let Checkout::Unknown(reason) = Checkout::of(dir) else {
            panic!("there is no repository");
        };
        assert!(reason.contains("not a git repository"), "{reason}");
        git(dir, ["init", "--quiet"]).unwrap();
        let unborn = Checkout::of(dir);
        assert!(matches!(unborn, Checkout::Unknown(_)), "{unborn:?}");
        assert!(unborn.warning().is_some());
    }

    #[test]
    fn the_address_of_a_repository_is_one_for_others_and_has_no_secret() {
        for (remote, expected) in [
            ("https://h/o/r.git", Some("https://h/o/r.git")),
            ("https://me:token@h/o/r.git", Some("https://h/o/r.git")),
            ("https://token@h", Some("https://h")),
            ("git@h:o/r.git", Some("ssh://git@h/o/r.git")),
            ("ssh://git:pw@h:22/o", Some("ssh://git@h:22/o")),
            ("/home/me/r", None),
            ("../r", None),
            ("file:///home/me/r", None),
            (
                "https://h/o/r.git?private_token=t#x",
                Some("https://h/o/r.git"),
            ),
            ("https://h/my r/\u{e9}", Some("https://h/my%20r/%C3%A9")),
            ("git@h:my r", Some("ssh://git@h/my%20r")),
        ] {
            assert_eq!(address(remote).as_deref(), expected, "{remote}");
        }
    }
}
