//! The C and C++ compilers and archivers of a recipe, by name.

/// The start of the paths of the scripts that recipes make.
pub(super) const PREFIX: &str = "/usr/local/bin/cross-";

/// The lines of a compiler's script that drop `--target` arguments: the compiler supports one
/// target.
pub(super) const ONE_TARGET: &str = r#"for argument; do
    shift
    case $argument in
    --target=*) continue ;;
    esac
    set -- "$@" "$argument"
done"#;

/// The start of the paths of the scripts for `slice`, the name of one of several processors that a
/// recipe builds for.
pub(super) fn prefix(slice: Option<&str>) -> String {
    slice.map_or(PREFIX.to_owned(), |slice| format!("{PREFIX}{slice}-"))
}

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
