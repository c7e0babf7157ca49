//! Hazard H11: when a build script has nothing to build for, and who says so.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::Env;

/// Skips every build of every build script that uses this library.
pub(super) const SKIP: &str = "CROSS_SKIP_BUILD_SCRIPT";
const DOCS_RS: &str = "DOCS_RS";
const WORKSPACE_WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";
const RUST_ANALYZER: &str = "RA_RUSTC_WRAPPER";

/// Why nothing was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Skipped {
    /// docs.rs documents the package, on a machine without a network: `DOCS_RS` is set.
    DocsRs,
    /// `CROSS_SKIP_BUILD_SCRIPT` is set.
    Asked,
    /// Clippy checks the package, and [`skip_when_checking`] was called.
    ///
    /// [`skip_when_checking`]: super::BuildScript::skip_when_checking
    Clippy,
    /// rust-analyzer asks what the build script says, and [`skip_when_checking`] was called.
    ///
    /// [`skip_when_checking`]: super::BuildScript::skip_when_checking
    RustAnalyzer,
}

impl Skipped {
    /// Why a script with the variables `env` is to build nothing, if it is.
    pub(super) fn decide(env: &Env, when_checking: bool) -> Option<Self> {
        let wrapper = env
            .get(WORKSPACE_WRAPPER)
            .and_then(|it| Path::new(it).file_stem());
        let clippy = || wrapper.is_some_and(|it| it == "clippy-driver");
        if is_on(env, SKIP) {
            Some(Skipped::Asked)
        } else if is_on(env, DOCS_RS) {
            Some(Skipped::DocsRs)
        } else if when_checking && is_on(env, RUST_ANALYZER) {
            Some(Skipped::RustAnalyzer)
        } else if when_checking && clippy() {
            Some(Skipped::Clippy)
        } else {
            None
        }
    }

    /// The variables that decide: where one of them changes, the script has to decide again. `cargo
    /// check` and `cargo build` share what a script said.
    pub(super) fn variables(when_checking: bool) -> &'static [&'static str] {
        let all = &[SKIP, DOCS_RS, RUST_ANALYZER, WORKSPACE_WRAPPER];
        if when_checking { all } else { &all[..2] }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Skipped::DocsRs => "docs.rs documents the package",
            Skipped::Asked => "CROSS_SKIP_BUILD_SCRIPT is set",
            Skipped::Clippy => "clippy checks the package",
            Skipped::RustAnalyzer => "rust-analyzer asks",
        })
    }
}

/// Whether a variable is set to anything but a no.
fn is_on(env: &Env, name: &str) -> bool {
    let no = ["", "0", "false", "no", "off"];
    env.get(name).is_some_and(|value| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        !no.contains(&value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(name: &str, value: &str) -> [Option<Skipped>; 2] {
        let env = Env::new().set(name, value);
        [false, true].map(|when_checking| Skipped::decide(&env, when_checking))
    }

    #[test]
    fn h11_docs_rs_and_who_asks_are_heeded_always() {
        assert_eq!(decide("DOCS_RS", "1"), [Some(Skipped::DocsRs); 2]);
        assert_eq!(decide(SKIP, "true"), [Some(Skipped::Asked); 2]);
        for no in ["", "0", "False", " off "] {
            assert_eq!(decide(SKIP, no), [None; 2], "{no}");
        }
        assert_eq!(Skipped::decide(&Env::new(), true), None);
    }

    #[test]
    fn h11_tools_that_check_are_heeded_when_told_to() {
        let clippy = "/r/bin/clippy-driver";
        assert_eq!(
            decide(WORKSPACE_WRAPPER, clippy),
            [None, Some(Skipped::Clippy)]
        );
        assert_eq!(decide(WORKSPACE_WRAPPER, "/r/bin/sccache"), [None; 2]);
        assert_eq!(
            decide(RUST_ANALYZER, "1"),
            [None, Some(Skipped::RustAnalyzer)]
        );
    }

    #[test]
    fn h11_what_decides_is_watched() {
        assert_eq!(Skipped::variables(false), [SKIP, "DOCS_RS"]);
        assert!(Skipped::variables(true).contains(&WORKSPACE_WRAPPER));
        assert!(Skipped::variables(true).contains(&RUST_ANALYZER));
    }
}
