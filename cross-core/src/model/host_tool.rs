//! Tools of the host that a request uses, and tools that are missing.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// A tool of this machine that a request uses, as the probe found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HostTool {
    /// The purpose of the tool: `C compiler and linker`.
    pub purpose: String,
    /// The path of the program.
    pub path: PathBuf,
    /// The version that it prints, if it prints one.
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

/// A tool that the engine `host` needs and that is missing or broken on this machine. See
/// [`Error::missing_tools`](crate::Error::missing_tools).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingTool {
    /// The purpose of the tool: `C compiler and linker for aarch64-unknown-linux-gnu`.
    pub purpose: String,
    /// The program names that were searched for. Any one of them is enough.
    pub looked_for: Vec<String>,
    /// Programs that exist and do not work, each with its output when it was probed.
    pub broken: Vec<(PathBuf, String)>,
    /// The Debian packages that contain it. Empty if there are none.
    pub packages: Vec<String>,
    /// The command that installs it without packages, if there is one.
    pub command: Option<String>,
}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.purpose)?;
        let mut mark = ": ";
        for (path, output) in &self.broken {
            write!(f, "{mark}`{}` does not work: {output}", path.display())?;
            mark = "; ";
        }
        if !self.looked_for.is_empty() {
            let names: Vec<_> = self
                .looked_for
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            write!(f, "{mark}{} not found", names.join(", "))?;
        }
        Ok(())
    }
}
