//! The job budget that the targets of a batch share.

use std::fmt;

use serde::Serialize;

/// The number of jobs that may run at once, and how the targets share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobBudget {
    /// Jobs at once over all targets: compilers, linkers and the threads of test binaries.
    pub jobs: u32,
    /// The number of targets that are built at once.
    pub at_once: u32,
    /// How the targets share the jobs.
    pub sharing: JobSharing,
}

/// How the targets that are built at once share their jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum JobSharing {
    /// A jobserver: every cargo takes a token from it before it starts a job, so that free jobs go
    /// to the targets that have work.
    JobServer,
    /// Each target gets the same number of jobs, whether the others have work or not.
    #[non_exhaustive]
    Parts {
        /// The number of jobs that each target may run.
        each: u32,
        /// Why there is no jobserver.
        reason: String,
    },
}

impl fmt::Display for JobBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { jobs, at_once, .. } = self;
        write!(f, "{jobs} jobs for {at_once} targets at once")?;
        match &self.sharing {
            JobSharing::JobServer => f.write_str(", shared by a jobserver"),
            JobSharing::Parts { each, reason } => write!(f, ", {each} for each ({reason})"),
        }
    }
}
