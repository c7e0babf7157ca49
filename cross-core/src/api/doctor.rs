//! Checks of this machine: probes every engine and tool, and names the remedy for what is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use cross_engine::{Cancel, Engine, EngineKind, Host, ReachPreference, probe};
use serde::Serialize;

use crate::api::setup::MachineFacts;
use crate::facts::selection;
use crate::host::interpreters;
use crate::host::toolchain;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::toolchain::ToolchainPreference;
use crate::request::cross::Cross;

/// Free space, in bytes, below which a finding warns. An environment takes one to two gigabytes,
/// and as much again while it is made.
const DISK_NEEDED: u64 = 5_000_000_000;

/// The findings about this machine.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One finding for each engine and tool.
    pub findings: Vec<Finding>,
}

/// A finding about one engine or tool.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked: `sandbox`, `docker`, `podman`, `mmdebstrap`, `subordinate-ids`, `cargo`,
    /// `foreign-programs`, `toolchain`, `disk`.
    pub subject: String,
    /// Whether it can be used.
    pub usable: bool,
    /// What was found, or why it cannot be used.
    pub message: String,
    /// The remedy, if it cannot be used.
    pub help: Option<String>,
}

impl Report {
    /// Whether builds can be expected to work: an engine answers, and environments can be made for
    /// it.
    pub fn is_ready(&self) -> bool {
        let usable = |subject: &str| {
            self.findings
                .iter()
                .any(|finding| finding.subject == subject && finding.usable)
        };
        let sandbox = usable("sandbox") && usable("mmdebstrap");
        (sandbox || usable("docker") || usable("podman")) && usable("cargo")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.usable { "ok" } else { "--" };
        write!(f, "{mark} {}: {}", self.subject, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n   {}", help.replace('\n', "\n   ")),
            None => Ok(()),
        }
    }
}

impl Cross {
    /// Probes every engine and looks for every tool. It starts no container and connects to no
    /// server: what keeps containers from starting is read from the machine's configuration.
    ///
    /// # Errors
    ///
    /// If an engine cannot be probed at all. An engine that cannot be used is a finding.
    pub fn doctor(&self) -> Result<Report> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let facts = MachineFacts::gather(&BTreeSet::new(), &host, &cancel)?;
        let mut findings = Vec::new();
        let reach = selection::reach_preference_of(self);
        for kind in EngineKind::ALL {
            findings.push(probe_engine(kind, &facts, reach, &host, &cancel)?);
        }
        findings.push(match host.find_program("mmdebstrap") {
            Some(path) => Finding::usable("mmdebstrap", path.display().to_string()),
            None => Finding::missing(
                "mmdebstrap",
                "not installed: the sandbox cannot make environments",
                "install mmdebstrap (Debian and Ubuntu have the package)",
            ),
        });
        findings.push(subordinate_ids(&facts));
        findings.push(foreign_programs(&host, &cancel)?);
        findings.push(match toolchain::host_cargo(self.dir(), &host, None) {
            Ok(path) => Finding::usable("cargo", path.display().to_string()),
            Err(error) => Finding::failed("cargo", &error),
        });
        findings.push(
            match toolchain::find(
                &ToolchainPreference::Host,
                self.dir(),
                &host,
                &toolchain::host_triple(),
            ) {
                Ok(toolchain) => Finding::usable("toolchain", toolchain.to_string()),
                Err(error) => Finding::failed("toolchain", &error),
            },
        );
        findings.push(match host.cache_free_bytes().map_engine_error() {
            Ok(bytes) => disk_space(bytes, &host.cache),
            Err(error) => Finding::failed("disk", &error),
        });
        Ok(Report { findings })
    }
}

fn probe_engine(
    kind: EngineKind,
    facts: &MachineFacts,
    reach: ReachPreference,
    host: &Host,
    cancel: &Cancel,
) -> Result<Finding> {
    let engine = match probe(kind, host, cancel).map_engine_error()?.into_result() {
        Ok(engine) => engine,
        Err(unusable) => {
            return Ok(Finding::missing(
                kind.name(),
                unusable.reason,
                unusable.help,
            ));
        }
    };
    let engine = match engine.find_reach(reach, host, cancel).map_engine_error() {
        Ok(engine) => engine,
        Err(error) => return Ok(Finding::failed(kind.name(), &error)),
    };
    let shortfall = facts.podman_shortfall();
    if engine.kind != EngineKind::Podman || shortfall.is_none() {
        return Ok(Finding::usable(kind.name(), describe(&engine)));
    }
    Ok(Finding::missing(
        kind.name(),
        format!(
            "{engine} answers, but its containers cannot start: {}",
            shortfall.why()
        ),
        format!(
            "set the machine up for podman, or write into a file in /etc/containers/containers.conf.d\n{}",
            shortfall.text()
        ),
    ))
}

fn subordinate_ids(facts: &MachineFacts) -> Finding {
    let subject = "subordinate-ids";
    if facts.is_root() {
        return Finding::usable(subject, "root needs none".to_owned());
    }
    if facts.caller_has_subids() {
        return Finding::usable(subject, "/etc/subuid, /etc/subgid and newuidmap".to_owned());
    }
    Finding::missing(
        subject,
        "this user has none: mmdebstrap and podman cannot make environments without root",
        "install uidmap, and give the user a range in /etc/subuid and /etc/subgid",
    )
}

/// Whether programs of other architectures can start one another, under QEMU's user mode.
fn foreign_programs(host: &Host, cancel: &Cancel) -> Result<Finding> {
    let subject = "foreign-programs";
    let sandbox = probe(EngineKind::Sandbox, host, cancel).map_engine_error()?;
    let registers = match sandbox.into_result() {
        Ok(engine) => engine.registers_interpreters(host, cancel),
        Err(_) => Ok(false),
    };
    let registered = interpreters::registered();
    let open = registered.iter().filter(|interpreter| interpreter.is_open);
    let open: Vec<_> = open.map(|it| it.name.as_str()).collect();
    let sandbox = "the sandbox registers QEMU with the kernel for each run";
    let all = format!(
        "registered with the kernel for every engine: {}",
        open.join(", ")
    );
    let message = match (registers.map_engine_error()?, open.is_empty()) {
        (true, false) => format!("{sandbox}; {all}"),
        (true, true) => format!("{sandbox}; containers start none from another"),
        (false, false) => all,
        (false, true) => {
            return Ok(Finding::missing(
                subject,
                "under QEMU's user mode, no program can start another one of its target",
                "use the sandbox on Linux 6.7 or newer, or register QEMU with the kernel (binfmt_misc \
                 with the flag F, as Debian's package qemu-user-static does); `runner = \"qemu-system\"` \
                 does without",
            ));
        }
    };
    Ok(Finding::usable(subject, message))
}

fn disk_space(bytes: u64, cache: &Path) -> Finding {
    let gigabytes = bytes as f64 / 1e9;
    let message = format!("{gigabytes:.1} GB free for `{}`", cache.display());
    if bytes >= DISK_NEEDED {
        return Finding::usable("disk", message);
    }
    Finding::missing(
        "disk",
        format!("{message}: few environments fit"),
        "free some space, or move the cache with CROSS_CACHE_DIR",
    )
}

impl Finding {
    fn usable(subject: &str, message: String) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: true,
            message,
            help: None,
        }
    }

    fn missing(subject: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: false,
            message: message.into(),
            help: Some(help.into()),
        }
    }

    fn failed(subject: &str, error: &crate::Error) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: false,
            message: error.to_string(),
            help: error.help().map(str::to_owned),
        }
    }
}

fn describe(engine: &Engine) -> String {
    let described = format!(
        "{engine} on {}, {}",
        engine.architecture,
        engine.program.display()
    );
    match engine.reach.is_shared() {
        true => described,
        false => format!("{described}; it {}", engine.reach),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_disk_space_is_a_finding_with_a_remedy() {
        let cache = Path::new("/c");
        assert!(disk_space(DISK_NEEDED, cache).usable);
        let little = disk_space(1_250_000_000, cache);
        assert!(!little.usable);
        assert!(
            little.message.starts_with("1.2 GB free for `/c`"),
            "{little}"
        );
        assert!(little.help.is_some());
    }
}
