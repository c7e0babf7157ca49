//! A Dockerfile as the configuration names it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// A Dockerfile of the user's, whose image is the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Dockerfile {
    /// The file.
    pub file: PathBuf,
    /// The directory that it copies from; `None` is the workspace root.
    pub context: Option<PathBuf>,
    /// Build arguments, by name.
    pub build_args: BTreeMap<String, String>,
}
