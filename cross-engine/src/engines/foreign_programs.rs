//! A list of interpreters of a run's own, with which programs of another architecture start one
//! another in the sandbox.
//!
//! Since Linux 6.7 a user namespace may have a list of its own (`binfmt_misc`). It holds for the
//! namespaces below, and ends with the last process that sees it mounted. Bubblewrap mounts no such
//! list, so it is started in a namespace around its own, in which a shell has done so. The rights
//! that takes are those over the outer namespace. Bubblewrap's own namespace is below it, and what
//! runs in there has none of them.

use std::fs;

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::interpreter::{IfRefused, registering};
use crate::engines::probe;
use crate::engines::probe_cache::{FileStamp, ProbeCache};
use crate::os::kernel_text;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::spec::foreign_programs::{ForeignPrograms, Registrar};
use crate::spec::run_spec::RunSpec;

/// The name of the remembered answer.
const PROBE: &str = "foreign-programs";
/// The kernel's version.
const KERNEL: &str = "sys/kernel/osrelease";
/// No machine has this number in its programs.
const NO_MACHINE: u16 = 0xfffe;

impl Engine {
    /// Lets `spec` register the interpreter of its foreign programs, if the engine can do so.
    pub(crate) fn with_registrar(
        &self,
        mut spec: RunSpec,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<RunSpec> {
        if spec.foreign_programs.is_some() {
            spec.registrar = self.registrar(host, cancel)?.map(Box::new);
        }
        Ok(spec)
    }

    /// Whether programs of another architecture can start one another in a run, because the run
    /// registers their interpreter with the kernel for itself. Only the sandbox does, since Linux
    /// 6.7. The answer is remembered.
    ///
    /// # Errors
    ///
    /// If the probe is cancelled or cannot be run.
    pub fn registers_interpreters(&self, host: &Host, cancel: &Cancel) -> Result<bool> {
        Ok(self.registrar(host, cancel)?.is_some())
    }

    fn registrar(&self, host: &Host, cancel: &Cancel) -> Result<Option<Registrar>> {
        if self.kind != EngineKind::Sandbox || !self.rootless {
            return Ok(None);
        }
        let validity = probe::validity(self.kind, &self.program, host);
        let (Some(registrar), Some((key, mut stamps))) = (Registrar::of(host), validity) else {
            return Ok(None);
        };
        let Registrar { unshare, mount, on } = &registrar;
        stamps.extend([unshare, mount].map(FileStamp::of));
        let kernel = kernel_text(KERNEL);
        let key = format!("{key}, {}", kernel.trim());
        let cache = ProbeCache::in_cache(&host.cache);
        fs::create_dir_all(on).on("create directory", on)?;
        if let Some(can_register) = cache.get::<bool>(PROBE, &key) {
            return Ok(can_register.then_some(registrar));
        }
        let asked_at = clock::unix_time();
        let inner = probe::sandbox_probe(&self.program, host, true);
        let programs = ForeignPrograms::new(64, false, NO_MACHINE, "/");
        let command = registering(self, inner, &programs, &registrar, IfRefused::Fail)?;
        let can_register = process::output(&command, &host.variables, cancel)?
            .exit
            .success();
        cache.insert(PROBE, &key, stamps, asked_at, &can_register);
        Ok(can_register.then_some(registrar))
    }
}
