//! The tools of this machine that build for one target, as the engine `host` found them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::hash::short_hash;
use crate::model::host_tool::HostTool;
use crate::model::step::{Prepared, Warning};

/// What a machine has to build for one target.
#[derive(Clone, Debug)]
pub(crate) struct HostToolset {
    pub(crate) tools: Vec<HostTool>,
    /// The variables that make builds use them.
    pub(crate) env: BTreeMap<String, String>,
    /// The scripts and settings that the variables name.
    pub(crate) prepared: Vec<Prepared>,
    /// What starts programs of the target.
    pub(crate) emulator: Option<HostRunner>,
    pub(crate) warnings: Vec<Warning>,
    /// What compiles, and which version of it: what differs in it must not share compiled code.
    pub(crate) identity: String,
}

impl HostToolset {
    /// A script that starts the row's emulator, with this machine's in its place.
    pub(crate) fn with_emulator(&self, script: &str) -> String {
        match &self.emulator {
            // A name that every machine has it by, and that may be a part of other words.
            Some(it) if it.name != "node" => {
                script.replace(&it.name, &it.path.display().to_string())
            }
            _ => script.to_owned(),
        }
    }

    /// The name of what there is instead of an environment.
    pub(crate) fn name(&self, triple: &str) -> String {
        format!("host-{triple}-{}", short_hash(&self.identity, 12))
    }
}

/// What starts programs of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostRunner {
    /// What the row calls it.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Where the target's loader and libraries are.
    pub(crate) prefix: Option<String>,
    /// The file that shows it.
    pub(crate) libc: Option<PathBuf>,
    /// Further arguments.
    pub(crate) args: Vec<String>,
    pub(crate) version: Option<String>,
}

impl HostRunner {
    pub(crate) fn with_version(self, version: Option<String>) -> Self {
        HostRunner { version, ..self }
    }

    pub(crate) fn tool(&self) -> HostTool {
        HostTool {
            purpose: "emulator".to_owned(),
            path: self.path.clone(),
            version: self.version.clone(),
        }
    }
}
