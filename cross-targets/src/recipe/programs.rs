//! The C and C++ compilers and archivers of a recipe, by name.

/// The programs that compile C and C++ and create static libraries.
pub(super) struct Programs {
    pub(super) cc: String,
    pub(super) cxx: String,
    pub(super) ar: String,
    pub(super) ranlib: String,
}

impl Programs {
    /// GNU names: `{prefix}gcc{suffix}`.
    pub(super) fn gnu(prefix: &str, suffix: &str) -> Self {
        Self {
            cc: format!("{prefix}gcc{suffix}"),
            cxx: format!("{prefix}g++{suffix}"),
            ar: format!("{prefix}ar"),
            ranlib: format!("{prefix}ranlib"),
        }
    }

    /// Other names: `{prefix}{cc}`.
    pub(super) fn named(prefix: &str, cc: &str, cxx: &str) -> Self {
        Self {
            cc: format!("{prefix}{cc}"),
            cxx: format!("{prefix}{cxx}"),
            ar: format!("{prefix}ar"),
            ranlib: format!("{prefix}ranlib"),
        }
    }
}
