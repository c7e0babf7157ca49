//! The checkout of git that the sources are: its time, and whether it is what was committed.

use std::path::Path;

use cross_engine::{Cancel, Host, Invocation, process};

use crate::model::printable::printable;

/// A checkout of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// When the commit was made, in seconds since the Unix epoch.
    pub(crate) time: u64,
    /// Whether files of the repository differ from the commit, or are in none, whatever settings
    /// hide; else git's reason not to say it.
    pub(crate) is_changed: Result<bool, String>,
}

impl Checkout {
    /// Asks the host's git about the checkout that `dir` is in.
    ///
    /// # Errors
    ///
    /// Git's reason: there is no checkout, no commit or no git, or git does not trust its owner.
    pub(crate) fn probe(dir: &Path, host: &Host, cancel: &Cancel) -> Result<Self, String> {
        let git = |args: &[&str]| {
            // Neither the index is refreshed, nor a program started that watches files.
            let quiet = ["--no-optional-locks", "-c", "core.fsmonitor=false"];
            let git = Invocation::new("git")
                .args(quiet)
                .args(args.iter().copied())
                .env("LC_ALL", "C")
                .cwd(dir);
            let output = process::output(&git, &host.variables, cancel);
            let output = output.map_err(|error| error.to_string())?;
            match output.exit.success() {
                true => Ok(output.stdout),
                false => Err(reason(&output.stderr)),
            }
        };
        let time = git(&["rev-list", "--max-count=1", "--timestamp", "HEAD"])?;
        let time = time.split_whitespace().next();
        let time = time.and_then(|time| time.parse().ok());
        let changes = git(&[
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--ignore-submodules=none",
        ]);
        Ok(Checkout {
            time: time.ok_or("git prints no time of the commit")?,
            is_changed: changes.map(|changes| !changes.trim().is_empty()),
        })
    }
}

/// The first line of what git says when it fails.
fn reason(errors: &str) -> String {
    let line = errors.trim().lines().next().unwrap_or("git failed");
    printable(line.trim_start_matches("fatal: ")).into_owned()
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
        let none = probe("").unwrap_err();
        assert!(none.contains("not a git repository"), "{none}");
        git(&["init", "--quiet"]);
        assert!(probe("").is_err());
        git(&["add", "a"]);
        let who = ["-c", "user.name=u", "-c", "user.email=u@example.org"];
        git(&[&who[..], &["commit", "--quiet", "-m", "x"]].concat());
        let of_commit = |is_changed| {
            Ok(Checkout {
                time: 1_700_000_000,
                is_changed: Ok(is_changed),
            })
        };
        assert_eq!(probe("inner"), of_commit(false));
        fs::write(top.join("new"), "").unwrap();
        assert_eq!(probe(""), of_commit(true));
        // A crate that another one depends on is beside it.
        assert_eq!(probe("inner"), of_commit(true));
        git(&["config", "status.showUntrackedFiles", "no"]);
        assert_eq!(probe(""), of_commit(true));
        // A submodule whose changes are hidden.
        fs::remove_file(top.join("new")).unwrap();
        git(&["init", "--quiet", "inner"]);
        fs::write(top.join("inner/b"), "b").unwrap();
        git(&["-C", "inner", "add", "b"]);
        let commit = ["commit", "--quiet", "-m", "x"];
        git(&[&["-C", "inner"], &who[..], &commit].concat());
        let modules = "[submodule \"inner\"]\npath = inner\nurl = ./inner\nignore = all\n";
        fs::write(top.join(".gitmodules"), modules).unwrap();
        git(&["add", "inner", ".gitmodules"]);
        git(&[&who[..], &commit].concat());
        assert_eq!(probe(""), of_commit(false));
        fs::write(top.join("inner/b"), "changed").unwrap();
        assert_eq!(probe(""), of_commit(true));
        // The time is known without the index.
        fs::write(top.join(".git/index"), "damaged").unwrap();
        let damaged = probe("").unwrap();
        assert_eq!(damaged.time, 1_700_000_000);
        assert!(damaged.is_changed.is_err());
    }

    #[test]
    fn a_reason_is_the_first_line_that_git_prints() {
        let errors = "fatal: detected dubious ownership in repository at '/w'\nTo add an exception";
        let first = "detected dubious ownership in repository at '/w'";
        assert_eq!(reason(errors), first);
        assert_eq!(reason(""), "git failed");
        assert!(!reason("fatal: \x1b[31m").contains('\x1b'));
    }
}
