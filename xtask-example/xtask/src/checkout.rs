//! The state of the sources: the revision that git has of them, and whether they are as it has them.

use std::path::Path;
use std::process::Command;

use crate::crates::without_user;

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
        let commit = git(dir, &["rev-parse", "--verify", "HEAD"]);
        let status = git(dir, &["status", "--porcelain", "--untracked-files=normal"]);
        match (commit, status) {
            (Ok(commit), Ok(status)) => Checkout::Known {
                repository: git(dir, &["remote", "get-url", "origin"])
                    .ok()
                    .and_then(|remote| address(&remote)),
                commit,
                is_dirty: !status.is_empty(),
            },
            (Err(reason), _) | (_, Err(reason)) => Checkout::Unknown(reason),
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

fn git(dir: &Path, args: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("--no-optional-locks")
        .args(args)
        .current_dir(dir)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("git does not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => {
            let errors = text(&output.stderr);
            let first = errors.lines().next().unwrap_or("git failed");
            Err(first.trim_start_matches("fatal: ").to_owned())
        }
    }
}

/// The remote as an address for others; `None` for a directory of this machine.
fn address(remote: &str) -> Option<String> {
    match remote.split_once("://") {
        Some(("file", _)) => None,
        Some(_) => Some(without_user(remote)),
        // `user@host:path`.
        None => {
            let (host, path) = remote.split_once(':')?;
            let is_host = !host.is_empty() && !host.contains('/');
            is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn repository(dir: &Path) {
        fs::write(dir.join("a"), "a").unwrap();
        git(dir, &["init", "--quiet"]).unwrap();
        let identity = [
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "commit.gpgsign=false",
        ];
        git(dir, &["add", "a"]).unwrap();
        let commit = ["commit", "--quiet", "--message", "a"];
        git(dir, &[&identity[..], &commit[..]].concat()).unwrap();
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
    fn sources_without_git_or_without_a_commit_are_unknown_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        // A repository around the temporary directory would be found.
        let Checkout::Unknown(reason) = Checkout::of(dir) else {
            panic!("there is no repository");
        };
        assert!(reason.contains("not a git repository"), "{reason}");
        git(dir, &["init", "--quiet"]).unwrap();
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
        ] {
            assert_eq!(address(remote).as_deref(), expected, "{remote}");
        }
    }
}
