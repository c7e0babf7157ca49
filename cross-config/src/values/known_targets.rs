//! What the target table says about a written triple.

use cross_targets::Target;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::variables;

/// A warning if `name` is not in the target table. It may be custom, so it is no more than that.
pub(crate) fn doubt(name: &str) -> Option<Diagnostic> {
    let unknown = Target::parse(name).err()?;
    let warning = Diagnostic::warning(
        Code::UnknownTarget,
        format!("`{name}` is not a known target"),
    );
    let suggestions: Vec<_> = unknown
        .suggestions()
        .iter()
        .map(|it| format!("`{it}`"))
        .collect();
    Some(match suggestions.as_slice() {
        [] => warning.help("check its spelling; a target of your own may be named so"),
        _ => warning.help(format!("did you mean {}?", suggestions.join(" or "))),
    })
}

/// Whether `name` is in the target table.
pub(crate) fn is_known(name: &str) -> bool {
    Target::parse(name).is_ok()
}

/// The triple of a known target whose name has a glibc floor: what stands before the floor.
pub(crate) fn without_floor(name: &str) -> Option<&str> {
    let target = Target::parse(name).ok()?;
    name.strip_suffix(name.strip_prefix(target.triple())?)
        .filter(|triple| *triple != name)
}

/// The known triple that variables spell so.
pub(crate) fn spelled(spelling: &str) -> Option<String> {
    Target::all()
        .map(|it| it.to_string())
        .find(|it| variables::spelling(it) == spelling)
}
