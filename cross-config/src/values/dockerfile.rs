//! Dockerfiles that the configuration names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// A Dockerfile that builds the image of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dockerfile {
    /// The path of the file.
    pub file: PathBuf,
    /// The build context; `None` is the workspace root.
    pub context: Option<PathBuf>,
    /// Build arguments, by name.
    pub build_args: BTreeMap<String, String>,
}
