//! The host toolset: the tools of this machine that the engine `host` builds with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::hash::short_hash;
use crate::model::host_tool::HostTool;
use crate::model::step::{Prepared, Warning};

/// The tools of this machine for one target.
#[derive(Clone, Debug)]
pub(crate) struct HostToolset {
    pub(crate) tools: Vec<HostTool>,
    /// The variables by which builds use the tools.
    pub(crate) env: BTreeMap<String, String>,
    /// The files that the variables name.
    pub(crate) prepared: Vec<Prepared>,
    /// The emulator of the target's programs.
    pub(crate) emulator: Option<HostRunner>,
    pub(crate) warnings: Vec<Warning>,
    /// The tools with their versions. Builds with different tools must not share compiled code.
    pub(crate) identity: String,
}

impl HostToolset {
    /// The runner script, with the path of this machine's emulator instead of the emulator's name.
    pub(crate) fn with_emulator(&self, script: &str) -> String {
        match &self.emulator {
            // `node` has this name on every machine, and the name may be a part of other words.
            Some(emulator) if emulator.name != "node" => {
                script.replace(&emulator.name, &emulator.path.display().to_string())
            }
            _ => script.to_owned(),
        }
    }

    /// The name of the toolset, which takes the place of an environment's name.
    pub(crate) fn name(&self, triple: &str) -> String {
        format!("host-{triple}-{}", short_hash(&self.identity, 12))
    }
}

/// The emulator that starts programs of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostRunner {
    /// The emulator's name in the table of targets.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The directory of the target's loader and libraries.
    pub(crate) prefix: Option<String>,
    /// The target's libc in that directory.
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
