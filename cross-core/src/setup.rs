//! Makes this machine able to do it: what is missing, first as a plan in words, then done.
//!
//! ```no_run
//! use cross_core::{Cancel, Cross, EngineKind};
//!
//! let plan = Cross::discover()?.setup().engines([Kind::Sandbox, Kind::Podman]).plan()?;
//! print!("{plan}");                                    // every command and every file's text
//! if !plan.is_ready() {
//!     plan.apply(&Cancel::new(), |event| println!("{event}"))?;
//! }
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! Planning reads files and asks the engines for their versions; it changes nothing. Packages are
//! installed on Debian, Ubuntu and what descends from them, by root or through `sudo` where that
//! asks for no password. Everywhere else nothing is touched: the plan says what to do by hand.

mod action;
mod apply;
mod facts;
mod planning;
mod podman;
mod rights;
mod subids;
mod verified;

use std::collections::BTreeSet;
use std::fmt;

use cross_engine::{Cancel, EngineKind, Host};
use serde::Serialize;

pub use action::{Action, Deed, InstallCommands};
pub use apply::SetupEvent;
pub use rights::Rights;

pub(crate) use facts::Facts;

use crate::cross::Cross;
use crate::error::Result;

/// The plain user that [`Setup::test_user`] makes.
pub const TEST_USER: &str = "cross-test";

/// What a machine shall be able to do. Made by [`Cross::setup`].
#[derive(Clone, Debug)]
pub struct Setup {
    cross: Cross,
    wanted: Wanted,
}

/// What is wanted, as the planning sees it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) engines: BTreeSet<EngineKind>,
    pub(crate) test_user: bool,
}

/// What has to be done to this machine, computed and not yet done.
///
/// `Display` says each action in words with its exact command, or the file's exact text.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SetupPlan {
    /// What will be done, in this order.
    pub actions: Vec<Action>,
    /// What has to be done by hand, because it takes rights this user does not have, a system this
    /// library does not know, or a decision about the machine's security. Unless it is empty,
    /// [`apply`](SetupPlan::apply) does nothing.
    pub manual: Vec<String>,
    /// How commands that need root's rights are run.
    pub rights: Rights,
    #[serde(skip)]
    host: Host,
}

impl Cross {
    /// A set-up of this machine for the sandbox engine; [`Setup`] has the choices.
    pub fn setup(&self) -> Setup {
        Setup {
            cross: self.clone(),
            wanted: Wanted {
                engines: BTreeSet::from([EngineKind::Sandbox]),
                test_user: false,
            },
        }
    }
}

impl Setup {
    /// For these engines.
    ///
    /// # Default value
    ///
    /// The sandbox.
    #[must_use]
    pub fn engines(mut self, engines: impl IntoIterator<Item = EngineKind>) -> Self {
        self.wanted.engines = engines.into_iter().collect();
        self
    }

    /// Whether there shall be a plain user called [`TEST_USER`] with subordinate ids: for test
    /// suites that root runs, and that have to see what a plain user sees.
    ///
    /// # Default value
    ///
    /// `false`.
    #[must_use]
    pub fn test_user(mut self, yes: bool) -> Self {
        self.wanted.test_user = yes;
        self
    }

    /// Looks at the machine and says what has to be done. Writes nothing.
    ///
    /// # Errors
    ///
    /// When an engine cannot be asked at all, or there is no place for the cache.
    pub fn plan(&self) -> Result<SetupPlan> {
        let (host, cancel) = (self.cross.host()?, Cancel::new());
        let facts = Facts::gather(&self.wanted.engines, &host, &cancel)?;
        let (actions, manual) = planning::plan(&self.wanted, &facts);
        let needed = actions.iter().any(Action::needs_root);
        let rights = Rights::of(needed, &facts, &host, &cancel)?;
        let (actions, manual) = rights::divide(actions, manual, &rights, &facts);
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
        for (number, action) in self.actions.iter().enumerate() {
            writeln!(f, "{}. {action}", number + 1)?;
        }
        if !self.manual.is_empty() {
            writeln!(f, "by hand, before anything else is done:")?;
        }
        for item in &self.manual {
            writeln!(f, "- {item}")?;
        }
        Ok(())
    }
}
