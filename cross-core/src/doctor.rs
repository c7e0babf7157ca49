//! What this machine can do: every engine and tool asked, with the remedy for what is missing.

use std::fmt;

use cross_engine::{Cancel, Engine, Kind, probe};
use serde::Serialize;

use crate::cross::Cross;
use crate::error::{EngineContext as _, Result};
use crate::toolchain::{self, Wanted};

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
    /// What was looked at: `sandbox`, `mmdebstrap`, `toolchain`.
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
            Some(help) => write!(f, "\n   {help}"),
            None => Ok(()),
        }
    }
}

impl Cross {
    /// Asks every engine and looks for every tool.
    ///
    /// # Errors
    ///
    /// Only when an engine cannot be asked at all; what it answers is a finding.
    pub fn doctor(&self) -> Result<Report> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let mut findings = Vec::new();
        for kind in Kind::ALL {
            let answer = probe(kind, &host, &cancel).engine()?;
            findings.push(match answer {
                Ok(engine) => Finding::good(kind.name(), describe(&engine)),
                Err(unusable) => Finding {
                    subject: kind.name().to_owned(),
                    usable: false,
                    message: unusable.reason,
                    help: Some(unusable.help),
                },
            });
        }
        findings.push(match host.find_program("mmdebstrap") {
            Some(path) => Finding::good("mmdebstrap", path.display().to_string()),
            None => Finding {
                subject: "mmdebstrap".to_owned(),
                usable: false,
                message: "not installed: the sandbox cannot make environments".to_owned(),
                help: Some("install mmdebstrap (Debian and Ubuntu have the package)".to_owned()),
            },
        });
        findings.push(match toolchain::host_cargo(self.dir(), &host) {
            Ok(path) => Finding::good("cargo", path.display().to_string()),
            Err(error) => Finding::bad("cargo", &error),
        });
        findings.push(match toolchain::find(&Wanted::Host, self.dir(), &host) {
            Ok(toolchain) => Finding::good("toolchain", toolchain.to_string()),
            Err(error) => Finding::bad("toolchain", &error),
        });
        Ok(Report { findings })
    }
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
