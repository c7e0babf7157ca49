//! The command line of a run, by kind of engine.

use std::path::PathBuf;

use crate::engines::container;
use crate::engines::engine::{Engine, EngineKind};
use crate::engines::host_engine;
use crate::engines::sandbox;
use crate::process::error::Result;
use crate::process::invocation::Invocation;
use crate::process::shell_text::{here_document, word};
use crate::spec::run_spec::RunSpec;

impl Engine {
    /// Returns the command that runs `spec`. This is a pure function.
    ///
    /// # Errors
    ///
    /// If `spec` is not for this kind of engine, or a path is not UTF-8.
    pub fn invocation(&self, spec: &RunSpec) -> Result<Invocation> {
        match self.kind {
            EngineKind::Sandbox => sandbox::invocation(self, spec),
            EngineKind::Docker | EngineKind::Podman | EngineKind::Nerdctl => {
                container::invocation(self, spec)
            }
            EngineKind::Host => host_engine::invocation(spec),
        }
    }

    /// The file that restricts what `spec` runs, and the shell commands that write it if it is not
    /// there. A run of this library writes it itself.
    ///
    /// # Errors
    ///
    /// As for [`invocation`](Engine::invocation).
    pub fn filter_script(&self, spec: &RunSpec) -> Result<Option<(PathBuf, String)>> {
        let (path, write) = match self.kind {
            EngineKind::Sandbox => match self.invocation(spec)?.inherited_file {
                Some(file) => (file.path.clone(), file.written_by_a_shell()),
                None => return Ok(None),
            },
            EngineKind::Host => return Ok(None),
            _ => match container::profile(self, spec) {
                Some(profile) => {
                    let write = here_document(&profile.path, &profile.content, false);
                    (profile.path, write)
                }
                None => return Ok(None),
            },
        };
        let script = format!("if [ ! -e {} ]; then\n{write}fi\n", word(&path));
        Ok(Some((path, script)))
    }
}
