//! The jobs that several targets share.

use std::fmt;

use serde::Serialize;

/// How many jobs there may be at once, and how those who run them keep to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobBudget {
    /// Jobs at once over all targets: compilers, linkers, threads of a test binary.
    pub jobs: u32,
    /// How many targets are worked for at once.
    pub at_once: u32,
    /// How they share the jobs.
    pub sharing: JobSharing,
}

/// How the targets that are worked for at once share their jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum JobSharing {
    /// By a job server, which every cargo asks before it starts a job: whoever has work gets what is
    /// free.
    JobServer,
    /// Each target gets the same part of them, whether the others have work or not.
    Parts {
        /// How many jobs each may run.
        each: u32,
        /// Why there is no job server.
        reason: String,
    },
}

impl fmt::Display for JobBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, at_once, .. } = self;
        write!(f, "{jobs} jobs for {at_once} targets at once")?;
        match &self.sharing {
            JobSharing::JobServer => f.write_str(", shared by a job server"),
            JobSharing::Parts { each, reason } => write!(f, ", {each} for each ({reason})"),
        }
    }
}
