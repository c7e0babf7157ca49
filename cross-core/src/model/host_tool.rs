//! Tools of the host: those that a request uses, and those that it lacks.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// A tool of this machine that a request uses, as it was found and tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HostTool {
    /// What it is used for: `C compiler and linker`.
    pub purpose: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it says of its version, where it says anything.
    pub version: Option<String>,
}

impl fmt::Display for HostTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.purpose, self.path.display())?;
        match &self.version {
            Some(version) => write!(f, " ({version})"),
            None => Ok(()),
        }
    }
}

/// Something that the engine `host` needs and that this machine does not have, or not in working order:
/// see [`Error::missing_tools`](crate::Error::missing_tools).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingTool {
    /// What it is for: `C compiler and linker for aarch64-unknown-linux-gnu`.
    pub purpose: String,
    /// What was looked for: names of programs, any of which would do.
    pub looked_for: Vec<String>,
    /// Programs that are there and do not work, each with what it said when it was tried.
    pub broken: Vec<(PathBuf, String)>,
    /// The Debian packages that have it. Empty where there are none.
    pub packages: Vec<String>,
    /// The command that installs it without packages, where there is one.
    pub command: Option<String>,
}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.purpose)?;
        let mut mark = ": ";
        for (path, said) in &self.broken {
            write!(
                f,
                "{mark}`{}` is there and does not work: {said}",
                path.display()
            )?;
            mark = "; ";
        }
        if !self.looked_for.is_empty() {
            let names: Vec<_> = self.looked_for.iter().map(|it| format!("`{it}`")).collect();
            write!(f, "{mark}{} not there", names.join(", "))?;
        }
        Ok(())
    }
}
