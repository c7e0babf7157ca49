//! The checkout of git that the sources are: its time, and whether it is what was committed.

use std::path::Path;

use cross_engine::{Cancel, Host, Invocation, process};

/// A checkout of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// When the commit was made, in seconds since the Unix epoch.
    pub(crate) time: u64,
    /// Whether files differ from the commit, or are in none.
    pub(crate) is_changed: bool,
}

impl Checkout {
    /// Asks the host's git about the checkout that `dir` is in. `None` if it is in none, or if
    /// there is no commit or no git.
    pub(crate) fn probe(dir: &Path, host: &Host, cancel: &Cancel) -> Option<Self> {
        let git = |args: &[&str]| {
            // Neither the index is refreshed, nor a program started that watches files.
            let quiet = ["--no-optional-locks", "-c", "core.fsmonitor=false"];
            let git = Invocation::new("git")
                .args(quiet)
                .args(args.iter().copied())
                .cwd(dir);
            let output = process::output(&git, &host.variables, cancel).ok()?;
            output.exit.success().then_some(output.stdout)
        };
        let time = git(&["rev-list", "--max-count=1", "--timestamp", "HEAD"])?;
        let time = time.split_whitespace().next()?.parse().ok()?;
        let changes = git(&["status", "--porcelain", "--", "."])?;
        Some(Checkout {
            time,
            is_changed: !changes.trim().is_empty(),
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use cross_engine::Variables;
    use std::fs;

    #[test]
    fn a_checkout_has_the_time_of_its_commit_and_tells_changes() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("checkout");
        fs::create_dir_all(top.join("inner")).unwrap();
        fs::write(top.join("a"), "a").unwrap();
        let time = "1700000000 +0100";
        let variables: Variables = [
            ("PATH", "/usr/bin:/bin"),
            ("GIT_AUTHOR_DATE", time),
            ("GIT_COMMITTER_DATE", time),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            // What is around the temporary directory is no checkout of it.
            ("GIT_CEILING_DIRECTORIES", dir.path().to_str().unwrap()),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        let host = Host::new(variables, dir.path());
        let probe = |inner: &str| Checkout::probe(&top.join(inner), &host, &Cancel::new());
        let git = |args: &[&str]| {
            let git = Invocation::new("git").args(args.iter().copied()).cwd(&top);
            let output = process::output(&git, &host.variables, &Cancel::new()).unwrap();
            assert!(output.exit.success(), "{}", output.stderr);
        };
        assert_eq!(probe(""), None);
        git(&["init", "--quiet"]);
        assert_eq!(probe(""), None);
        git(&["add", "a"]);
        let who = ["-c", "user.name=u", "-c", "user.email=u@example.org"];
        git(&[&who[..], &["commit", "--quiet", "-m", "x"]].concat());
        let of_commit = |is_changed| {
            Some(Checkout {
                time: 1_700_000_000,
                is_changed,
            })
        };
        assert_eq!(probe("inner"), of_commit(false));
        fs::write(top.join("new"), "").unwrap();
        assert_eq!(probe(""), of_commit(true));
        assert_eq!(probe("inner"), of_commit(false));
    }
}
