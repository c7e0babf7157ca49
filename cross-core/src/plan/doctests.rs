//! Tells where a toolchain leaves out doctests: before cargo 1.89, cargo runs them for its own
//! platform only, and says nothing.

use crate::facts::facts::Facts;
use crate::model::step::{EnvironmentKind, Verb, Warning};
use crate::model::toolchain::ToolchainSource;
use crate::request::request::Request;

/// The first minor version of Rust 1 whose `cargo test` runs the doctests of any target, by its
/// release notes.
const RUNS_DOCTESTS: u32 = 89;

/// Options of `cargo test` that select what is tested. With any of them, cargo runs no doctests, or
/// the caller asks for them alone.
const SELECTING: [&str; 10] = [
    "--lib",
    "--bin",
    "--bins",
    "--test",
    "--tests",
    "--example",
    "--examples",
    "--bench",
    "--benches",
    "--all-targets",
];

/// Returns the warning for tests whose doctests are left out.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let workspace = &facts.workspace;
    let is_member = |manifest| workspace.members.values().any(|member| member == manifest);
    let mut products = workspace.products.iter();
    let has_library =
        products.any(|product| product.can_have_doctests() && is_member(&product.manifest));
    let runs_all = !request.options.cargo.iter().any(|word| {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        SELECTING.contains(&name)
    });
    let is_left_out = request.verb == Verb::Test
        && runs_all
        && has_library
        && facts.target.triple() != facts.native_triple()
        && !facts
            .additions("test")
            .iter()
            .any(|flag| flag == "-Zdoctest-xcompile")
        && is_too_old(facts);
    is_left_out.then(|| Warning {
        code: "doctests".to_owned(),
        message: format!(
            "documentation tests are not run: the toolchain ({}) runs those of {} from Rust \
             1.{RUNS_DOCTESTS} on",
            facts.toolchain,
            facts.target.triple()
        ),
        help: Some(format!(
            "use the host's toolchain of Rust 1.{RUNS_DOCTESTS} or later (`toolchain = \"host\"`)"
        )),
    })
}

/// Whether the toolchain is known to be too old. That of an image of the user's is not known.
fn is_too_old(facts: &Facts) -> bool {
    match (&facts.toolchain.version, &facts.toolchain.source) {
        (Some(version), _) => minor(version).is_some_and(|minor| minor < RUNS_DOCTESTS),
        // Debian 12 and 13 have Rust 1.85.
        (None, ToolchainSource::Image) => facts.env_spec.kind() == EnvironmentKind::Recipe,
        (None, _) => false,
    }
}

/// The minor version of `1.85.0`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(minor("1.85.0"), Some(85));
        assert_eq!(minor("1.100.1-nightly"), Some(100));
        assert_eq!(minor("2.0.0"), None);
    }
}
