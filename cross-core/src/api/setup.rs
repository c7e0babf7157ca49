//! Sets this machine up: plans what is missing, then installs and configures it.
//!
//! ```no_run
//! use cross_core::{Cancel, Cross};
//! use cross_core::engine::EngineKind;
//!
//! let engines = [EngineKind::Sandbox, EngineKind::Podman];
//! let plan = Cross::discover()?.setup().engines(engines).plan()?;
//! print!("{plan}");                                    // every command, and the text of every file
//! if !plan.is_ready() {
//!     plan.apply(&Cancel::new(), |event| println!("{event}"))?;
//! }
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! Planning reads files and asks the engines for their versions. It changes nothing. Packages are
//! installed on Debian, Ubuntu and their derivatives, as root or through a `sudo` that asks for no
//! password. On any other system nothing is changed, and the plan lists what to do by hand.

mod action;
mod apply;
mod facts;
mod limits;
mod planning;
mod podman;
mod rights;
mod subids;
mod verified;

use std::collections::BTreeSet;
use std::fmt;

use cross_engine::{Cancel, EngineKind, Host};
use serde::Serialize;

pub use action::{InstallCommands, SetupAction, SetupStep};
pub use apply::SetupEvent;
pub use rights::Rights;

pub(crate) use facts::MachineFacts;

use crate::model::error::Result;
use crate::request::cross::Cross;

/// The name of the user that [`Setup::test_user`] makes.
pub const TEST_USER: &str = "cross-test";

/// A request to set this machine up, made by [`Cross::setup`].
#[derive(Clone, Debug)]
pub struct Setup {
    cross: Cross,
    requirements: Requirements,
}

/// What the machine has to provide.
#[derive(Clone, Debug)]
pub(crate) struct Requirements {
    pub(crate) engines: BTreeSet<EngineKind>,
    pub(crate) test_user: bool,
}

/// The plan of a set-up, before anything is done.
///
/// Its `Display` writes each step with its exact commands or the exact text of its file.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SetupPlan {
    /// The steps, in order.
    pub actions: Vec<SetupStep>,
    /// What has to be done by hand, because it takes rights that this user does not have, the
    /// system is not supported, or it is a decision about the machine's security. If there is
    /// anything, [`apply`](SetupPlan::apply) changes nothing.
    pub manual: Vec<String>,
    /// How commands that need root are run.
    pub rights: Rights,
    #[serde(skip)]
    host: Host,
}

impl Cross {
    /// Requests a set-up of this machine for the sandbox. [`Setup`] has setters for other engines.
    pub fn setup(&self) -> Setup {
        Setup {
            cross: self.clone(),
            requirements: Requirements {
                engines: BTreeSet::from([EngineKind::Sandbox]),
                test_user: false,
            },
        }
    }
}

impl Setup {
    /// Sets the engines that the machine has to run.
    ///
    /// # Default value
    ///
    /// The sandbox.
    #[must_use]
    pub fn engines(mut self, engines: impl IntoIterator<Item = EngineKind>) -> Self {
        self.requirements.engines = engines.into_iter().collect();
        self
    }

    /// Sets whether the machine has to have an unprivileged user [`TEST_USER`] with subordinate
    /// ids, for test suites that root runs as such a user, and an ssh server, by which tests reach
    /// a daemon of this machine as one that is elsewhere.
    ///
    /// # Default value
    ///
    /// `false`.
    #[must_use]
    pub fn test_user(mut self, yes: bool) -> Self {
        self.requirements.test_user = yes;
        self
    }

    /// Computes the plan. Nothing is written.
    ///
    /// # Errors
    ///
    /// If an engine cannot be probed at all, or there is no directory for the cache.
    pub fn plan(&self) -> Result<SetupPlan> {
        let (host, cancel) = (self.cross.host()?, Cancel::new());
        let facts = MachineFacts::gather(&self.requirements.engines, &host, &cancel)?;
        let (steps, manual) = planning::plan(&self.requirements, &facts);
        let needs_root = steps.iter().any(SetupStep::needs_root);
        let rights = Rights::probe(needs_root, &facts, &host, &cancel)?;
        let (actions, manual) = rights::divide(steps, manual, rights, &facts);
        Ok(SetupPlan {
            actions,
            manual,
            rights,
            host,
        })
    }
}

impl SetupPlan {
    /// Whether there is nothing to do.
    pub fn is_ready(&self) -> bool {
        self.actions.is_empty() && self.manual.is_empty()
    }
}

impl fmt::Display for SetupPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ready() {
            return writeln!(f, "this machine is ready: nothing to do");
        }
        for (number, step) in (1..).zip(&self.actions) {
            writeln!(f, "{number}. {step}")?;
        }
        if !self.manual.is_empty() {
            writeln!(f, "to do by hand, before anything else:")?;
        }
        for item in &self.manual {
            writeln!(f, "- {item}")?;
        }
        Ok(())
    }
}
