//! What this machine can do: every engine and tool asked, with the remedy for what is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use cross_engine::{Cancel, Engine, EngineKind, Host, probe};
use serde::Serialize;

use crate::cross::Cross;
use crate::error::{EngineContext as _, Result};
use crate::setup::Facts;
use crate::toolchain::{self, Wanted};

/// Less free space than this, in bytes, is worth a warning: an environment takes one to two
/// gigabytes, and as much again while it is made.
const DISK_NEEDED: u64 = 5_000_000_000;

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One finding for each engine and tool.
    pub findings: Vec<Finding>,
}

/// One finding.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at: `sandbox`, `docker`, `podman`, `mmdebstrap`, `subordinate-ids`, `cargo`,
    /// `toolchain`, `disk`.
    pub subject: String,
    /// Whether it can be used.
    pub usable: bool,
    /// What it is, or why it cannot be used.
    pub message: String,
    /// What to do about it, if it cannot be used.
    pub help: Option<String>,
}

impl Report {
    /// Whether a build can be expected to work: an engine answers, and environments can be made
    /// for it.
    pub fn is_ready(&self) -> bool {
        let usable = |subject: &str| {
            self.findings
                .iter()
                .any(|f| f.subject == subject && f.usable)
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
    /// Asks every engine and looks for every tool. Runs no container and asks no server: what is
    /// known to keep containers from starting is read from the machine.
    ///
    /// # Errors
    ///
    /// Only when an engine cannot be asked at all; what it answers is a finding.
    pub fn doctor(&self) -> Result<Report> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let facts = Facts::gather(&BTreeSet::new(), &host, &cancel)?;
        let mut findings = Vec::new();
        for kind in EngineKind::ALL {
            findings.push(engine(kind, &facts, &host, &cancel)?);
        }
        findings.push(match host.find_program("mmdebstrap") {
            Some(path) => Finding::good("mmdebstrap", path.display().to_string()),
            None => Finding::lacking(
                "mmdebstrap",
                "not installed: the sandbox cannot make environments",
                "install mmdebstrap (Debian and Ubuntu have the package)",
            ),
        });
        findings.push(subordinate_ids(&facts));
        findings.push(match toolchain::host_cargo(self.dir(), &host, None) {
            Ok(path) => Finding::good("cargo", path.display().to_string()),
            Err(error) => Finding::bad("cargo", &error),
        });
        findings.push(
            match toolchain::find(&Wanted::Host, self.dir(), &host, &toolchain::host_triple()) {
                Ok(toolchain) => Finding::good("toolchain", toolchain.to_string()),
                Err(error) => Finding::bad("toolchain", &error),
            },
        );
        findings.push(match host.cache_free_bytes().engine() {
            Ok(bytes) => disk(bytes, &host.cache),
            Err(error) => Finding::bad("disk", &error),
        });
        Ok(Report { findings })
    }
}

fn engine(kind: EngineKind, facts: &Facts, host: &Host, cancel: &Cancel) -> Result<Finding> {
    let found = match probe(kind, host, cancel).engine()?.into_result() {
        Ok(engine) => engine,
        Err(unusable) => {
            return Ok(Finding::lacking(
                kind.name(),
                unusable.reason,
                unusable.help,
            ));
        }
    };
    let lacks = facts.podman_shortfall();
    if found.kind != EngineKind::Podman || lacks.is_none() {
        return Ok(Finding::good(kind.name(), describe(&found)));
    }
    Ok(Finding::lacking(
        kind.name(),
        format!(
            "{found} answers, but its containers cannot start: {}",
            lacks.why()
        ),
        format!(
            "set the machine up for podman, or write into a file of /etc/containers/containers.conf.d\n{}",
            lacks.text()
        ),
    ))
}

fn subordinate_ids(facts: &Facts) -> Finding {
    let subject = "subordinate-ids";
    if facts.is_root() {
        return Finding::good(subject, "root needs none".to_owned());
    }
    if facts.caller_has_subids() {
        return Finding::good(subject, "/etc/subuid, /etc/subgid and newuidmap".to_owned());
    }
    Finding::lacking(
        subject,
        "this user has none: mmdebstrap and podman cannot make environments without root",
        "install uidmap, and give the user a range in /etc/subuid and /etc/subgid",
    )
}

fn disk(bytes: u64, cache: &Path) -> Finding {
    let gigabytes = bytes as f64 / 1e9;
    let message = format!("{gigabytes:.1} GB free for `{}`", cache.display());
    if bytes >= DISK_NEEDED {
        return Finding::good("disk", message);
    }
    Finding::lacking(
        "disk",
        format!("{message}: few environments fit"),
        "free some space, or keep the cache elsewhere by CROSS_CACHE_DIR",
    )
}

impl Finding {
    fn good(subject: &str, message: String) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: true,
            message,
            help: None,
        }
    }

    fn lacking(subject: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: false,
            message: message.into(),
            help: Some(help.into()),
        }
    }

    fn bad(subject: &str, error: &crate::Error) -> Self {
        Finding {
            subject: subject.to_owned(),
            usable: false,
            message: error.to_string(),
            help: error.help().map(str::to_owned),
        }
    }
}

fn describe(engine: &Engine) -> String {
    format!(
        "{engine} on {}, {}",
        engine.architecture,
        engine.program.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_space_is_a_finding_with_a_remedy() {
        let cache = Path::new("/c");
        assert!(disk(DISK_NEEDED, cache).usable);
        let little = disk(1_250_000_000, cache);
        assert!(!little.usable);
        assert!(
            little.message.starts_with("1.2 GB free for `/c`"),
            "{little}"
        );
        assert!(little.help.is_some());
    }
}
