//! Lookups of triples in the target table.

use cross_targets::Target;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::variables;

/// Returns a warning if `name` is neither in the target table nor a target of rustc's. It may be a
/// custom target, so this is not an error.
pub(crate) fn lint(name: &str) -> Option<Diagnostic> {
    let unknown = Target::parse(name).err()?;
    if cross_targets::is_rustc_target(name) {
        return None;
    }
    let warning = Diagnostic::warning(
        DiagnosticCode::UnknownTarget,
        format!("unknown target `{name}`"),
    );
    Some(match unknown.suggestions() {
        [] => warning.help("check the spelling; this warning is expected for a custom target"),
        _ => warning.help(unknown.help()),
    })
}

/// Whether `name` is in the target table.
pub(crate) fn is_known(name: &str) -> bool {
    Target::parse(name).is_ok()
}

/// The triple without its glibc version, if `name` is a known target with one.
pub(crate) fn without_glibc_version(name: &str) -> Option<&str> {
    // Parsing a name that is no target looks for similar ones. Only a version brings a dot.
    let target = name.contains('.').then(|| Target::parse(name).ok())??;
    name.strip_suffix(name.strip_prefix(target.triple())?)
        .filter(|triple| *triple != name)
}

/// The known triple with this spelling in variables.
pub(crate) fn triple_from_variable(spelling: &str) -> Option<String> {
    Target::all()
        .map(|target| target.to_string())
        .find(|triple| variables::triple_in_variable(triple) == spelling)
}
