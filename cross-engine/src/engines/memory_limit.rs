//! Whether an engine can limit the memory of a run.

use crate::engines::engine::{Engine, EngineKind};
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::invocation::Invocation;

const DOCKER_FORMAT: &str = "{{.MemoryLimit}}";
const PODMAN_FORMAT: &str = "{{range .Host.CgroupControllers}}{{.}} {{end}}";

impl Engine {
    /// Whether the engine obeys [`RunSpec::memory`](crate::RunSpec::memory). The sandbox and the
    /// host never do.
    ///
    /// A container CLI is asked each time, because the rights over a control group can change
    /// without a trace. An engine without them ignores the limit and only prints a warning. An
    /// engine whose answer is not understood counts as one that ignores it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) and
    /// [`ErrorKind::Deadline`](crate::ErrorKind::Deadline), and the errors of starting the CLI.
    pub fn can_limit_memory(&self, host: &Host, cancel: &Cancel) -> Result<bool> {
        let format = match self.kind {
            EngineKind::Docker | EngineKind::Nerdctl => DOCKER_FORMAT,
            EngineKind::Podman => PODMAN_FORMAT,
            EngineKind::Sandbox | EngineKind::Host => return Ok(false),
        };
        let query = Invocation::new(&self.program).args(["info", "--format", format]);
        let output = process::output(&query, &host.variables, cancel)?;
        let yes = match self.kind {
            EngineKind::Docker | EngineKind::Nerdctl => "true",
            _ => "memory",
        };
        let mut words = output.stdout.split_whitespace();
        Ok(output.exit.success() && words.any(|word| word == yes))
    }

    /// What to do where the engine cannot limit memory, as a sentence fragment.
    pub fn without_memory_limit(&self) -> &'static str {
        match self.has_images() {
            true => {
                "use a rootful engine, delegate the controller `memory` of control groups \
                 (version 2) to this user, or remove `memory`"
            }
            false => "use docker or podman, or remove `memory`",
        }
    }
}
