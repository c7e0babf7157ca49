//! The command line of a run, by kind of engine.

use crate::engines::container;
use crate::engines::engine::{Engine, EngineKind};
use crate::engines::host_engine;
use crate::engines::sandbox;
use crate::process::error::Result;
use crate::process::invocation::Invocation;
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
            EngineKind::Docker | EngineKind::Podman => container::invocation(self, spec),
            EngineKind::Host => host_engine::invocation(spec),
        }
    }
}
