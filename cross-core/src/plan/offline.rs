//! Without a network: what a plan would have to obtain keeps it from being one, and is named.

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Action, HostFailure, Step};

impl Step {
    /// What it obtains from elsewhere, in words; nothing where everything it needs is here.
    pub(crate) fn obtains(&self) -> Option<String> {
        match &self.action {
            Action::MakeEnvironment(blueprint) => {
                Some(format!("the environment `{}`", blueprint.name))
            }
            Action::PullImage { reference, .. } => Some(format!("the image `{reference}`")),
            Action::BuildImage { build, .. } => Some(format!("the image `{}`", build.tag)),
            Action::Host { command, failure } => Some(match failure {
                HostFailure::Fetch => "crates".to_owned(),
                HostFailure::Toolchain => {
                    let words = command.args.join(" ");
                    format!("what `rustup {words}` installs")
                }
            }),
            Action::Run { .. } if self.fetches() => {
                Some("the crates that std is made of".to_owned())
            }
            _ => None,
        }
    }

    /// Whether it is a run of `cargo fetch` in the environment.
    pub(crate) fn fetches(&self) -> bool {
        match &self.action {
            Action::Run { spec, .. } => spec.command.get(1).is_some_and(|it| it == "fetch"),
            _ => false,
        }
    }
}

/// Refuses a plan whose `preparation` would have to obtain something. `unfetched` is why cargo has to
/// fetch, in its own words, where it has to.
pub(crate) fn check(target: &str, preparation: &[Step], unfetched: Option<&str>) -> Result<()> {
    let missing: Vec<_> = preparation
        .iter()
        .filter_map(|step| match (step.obtains()?, unfetched) {
            // Cargo writes it from what is here, or says what is not.
            (_, Some(why)) if step.is_fetch() && only_the_lock_file(why) => None,
            (what, Some(why)) if step.is_fetch() => {
                let first = why.lines().next().unwrap_or_default();
                Some(format!("{what} (cargo: {first})"))
            }
            (what, _) => Some(what),
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Offline,
        format!(
            "offline, and not here for {target}: {}",
            missing.join("; ")
        ),
    )
    .with_help(format!(
        "make it be here while there is a network: `Cross::prefetch([\"{target}\"])`, or the same request \
         without `offline`"
    )))
}

impl Step {
    /// Whether it is a `cargo fetch` of the host.
    pub(crate) fn is_fetch(&self) -> bool {
        let fetch = HostFailure::Fetch;
        matches!(&self.action, Action::Host { failure, .. } if *failure == fetch)
    }
}

/// Whether cargo refused only because it may not write `Cargo.lock`, as every version of it says.
fn only_the_lock_file(said: &str) -> bool {
    said.contains("--locked was passed")
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
    fn everything_that_is_missing_is_named_at_once() {
        let rustup = Invocation::new("rustup").args(["target", "add", "x"]);
        let steps = [
            Step::host("install", rustup, HostFailure::Toolchain),
            Step {
                purpose: "make the environment".into(),
                action: Action::MakeEnvironment(Blueprint::new("x-1", "bookworm", ["gcc"])),
                command: None,
                reused_container: None,
            },
            Step {
                purpose: "prepare".into(),
                action: Action::Prepare(Vec::new()),
                command: None,
                reused_container: None,
            },
            fetch(),
        ];
        let said = "no matching package named `serde` found\nlocation searched: crates.io index";
        let error = check("x", &steps, Some(said)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Offline);
        assert_eq!(
            error.to_string(),
            "offline, and not here for x: what `rustup target add x` installs; the environment `x-1`; \
             crates (cargo: no matching package named `serde` found)"
        );
        assert!(error.help().unwrap().contains("Cross::prefetch([\"x\"])"));
    }

    #[test]
    fn a_lock_file_can_be_written_without_a_network() {
        let said =
            "cannot create the lock file Cargo.lock because --locked was passed to prevent this";
        check("x", &[fetch()], Some(said)).unwrap();
    }
}
