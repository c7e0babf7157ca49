//! Rejects offline plans that need downloads, and lists everything that is missing.

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Action, HostFailure, Step};

impl Step {
    /// Describes what the step downloads; `None` if it needs no network.
    pub(crate) fn download(&self) -> Option<String> {
        match &self.action {
            Action::MakeEnvironment(blueprint) => {
                Some(format!("the environment `{}`", blueprint.name))
            }
            Action::PullImage { reference, .. } => Some(format!("the image `{reference}`")),
            Action::BuildImage { build, .. } => Some(format!("the image `{}`", build.tag)),
            Action::Host { command, failure } => Some(match failure {
                HostFailure::Fetch => "crates".to_owned(),
                HostFailure::Toolchain => {
                    let args = command.args.join(" ");
                    format!("a part of the toolchain (`rustup {args}`)")
                }
            }),
            Action::Run { .. } if self.fetches_crates => Some("the dependencies of std".to_owned()),
            _ => None,
        }
    }
}

/// Rejects a plan whose `preparation` needs a download. `unfetched` is cargo's message about
/// dependencies that have to be fetched, if there are any.
pub(crate) fn check(target: &str, preparation: &[Step], unfetched: Option<&str>) -> Result<()> {
    let missing: Vec<_> = preparation
        .iter()
        .filter_map(|step| match (step.download()?, unfetched) {
            // Offline, cargo either writes the lock file from what has been fetched, or fails.
            (_, Some(message)) if step.is_host_fetch() && only_the_lock_file(message) => None,
            (download, Some(message)) if step.is_host_fetch() => {
                let first_line = message.lines().next().unwrap_or_default();
                Some(format!("{download} (cargo: {first_line})"))
            }
            (download, _) => Some(download),
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Offline,
        format!(
            "offline mode is enabled, but {target} needs downloads: {}",
            missing.join("; ")
        ),
    )
    .with_help(format!(
        "prefetch it while online: `Cross::prefetch([\"{target}\"])`, or the same request without \
         `offline`"
    )))
}

/// Whether cargo failed only because it must not write `Cargo.lock`. Every version of cargo prints
/// these words.
fn only_the_lock_file(message: &str) -> bool {
    message.contains("--locked was passed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::{Blueprint, Invocation};

    fn fetch() -> Step {
        Step::host(
            "fetch dependencies",
            Invocation::new("cargo").arg("fetch"),
            HostFailure::Fetch,
        )
    }

    #[test]
    fn the_error_lists_everything_that_is_missing() {
        let rustup = Invocation::new("rustup").args(["target", "add", "x"]);
        let steps = [
            Step::host("install", rustup, HostFailure::Toolchain),
            Step::new(
                "make the environment",
                Action::MakeEnvironment(Blueprint::new("x-1", "bookworm", ["gcc"])),
            ),
            Step::prepare("prepare", Vec::new()),
            fetch(),
        ];
        let unfetched =
            "no matching package named `serde` found\nlocation searched: crates.io index";
        let error = check("x", &steps, Some(unfetched)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Offline);
        assert_eq!(
            error.to_string(),
            "offline mode is enabled, but x needs downloads: a part of the toolchain \
             (`rustup target add x`); the environment `x-1`; crates (cargo: no matching package named \
             `serde` found)"
        );
        assert!(error.help().unwrap().contains("Cross::prefetch([\"x\"])"));
    }

    #[test]
    fn a_missing_lock_file_alone_needs_no_download() {
        let unfetched =
            "cannot create the lock file Cargo.lock because --locked was passed to prevent this";
        check("x", &[fetch()], Some(unfetched)).unwrap();
    }
}
