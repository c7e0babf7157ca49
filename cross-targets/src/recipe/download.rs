//! Files that a recipe's commands download.

/// A file that is downloaded into an environment, and that is no package of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipeDownload {
    /// The name of what it contains.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// The SHA-256 of the file in hexadecimal, by which the commands verify it.
    pub sha256: &'static str,
}
