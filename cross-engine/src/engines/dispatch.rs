//! The command of a run, by the kind of its engine.

use crate::engines::container;
use crate::engines::engine::{Engine, Kind};
use crate::engines::host_engine;
use crate::engines::sandbox;
use crate::process::error::Result;
use crate::process::invocation::Invocation;
use crate::spec::run_spec::RunSpec;

impl Engine {
    /// The command that runs `spec`. Pure.
    ///
    /// # Errors
    ///
    /// When `spec` is not for this kind of engine, or a path is not UTF-8.
    pub fn invocation(&self, spec: &RunSpec) -> Result<Invocation> {
        match self.kind {
            Kind::Sandbox => sandbox::invocation(self, spec),
            Kind::Docker | Kind::Podman => container::invocation(self, spec),
            Kind::Host => host_engine::invocation(spec),
        }
    }
}
