//! Decides whether a build script's builds are skipped.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::Env;

/// The variable that skips the builds of every build script that uses this library.
pub(super) const SKIP: &str = "CROSS_SKIP_BUILD_SCRIPT";
const DOCS_RS: &str = "DOCS_RS";
const WORKSPACE_WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";
const RUST_ANALYZER: &str = "RA_RUSTC_WRAPPER";

/// Why a build was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Skipped {
    /// docs.rs documents the package, without a network: `DOCS_RS` is set.
    DocsRs,
    /// `CROSS_SKIP_BUILD_SCRIPT` is set.
    Asked,
    /// Clippy checks the package, and [`skip_when_checking`] was called.
    ///
    /// [`skip_when_checking`]: super::BuildScript::skip_when_checking
    Clippy,
    /// rust-analyzer runs the build script, and [`skip_when_checking`] was called.
    ///
    /// [`skip_when_checking`]: super::BuildScript::skip_when_checking
    RustAnalyzer,
}

impl Skipped {
    /// Why the builds of a script with the environment `env` are skipped, if they are.
    pub(super) fn decide(env: &Env, when_checking: bool) -> Option<Self> {
        let wrapper = env
            .get(WORKSPACE_WRAPPER)
            .and_then(|program| Path::new(program).file_stem());
        let is_clippy = || wrapper.is_some_and(|name| name == "clippy-driver");
        if is_on(env, SKIP) {
            Some(Skipped::Asked)
        } else if is_on(env, DOCS_RS) {
            Some(Skipped::DocsRs)
        } else if when_checking && is_on(env, RUST_ANALYZER) {
            Some(Skipped::RustAnalyzer)
        } else if when_checking && is_clippy() {
            Some(Skipped::Clippy)
        } else {
            None
        }
    }

    /// The variables that decide. Cargo has to run the script again when one changes, because
    /// `cargo check` and `cargo build` share the script's output.
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
            Skipped::RustAnalyzer => "rust-analyzer runs the build script",
        })
    }
}

/// Whether a variable is set to anything but a negative value.
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
    fn docs_rs_and_the_skip_variable_always_skip() {
        assert_eq!(decide("DOCS_RS", "1"), [Some(Skipped::DocsRs); 2]);
        assert_eq!(decide(SKIP, "true"), [Some(Skipped::Asked); 2]);
        for no in ["", "0", "False", " off "] {
            assert_eq!(decide(SKIP, no), [None; 2], "{no}");
        }
        assert_eq!(Skipped::decide(&Env::new(), true), None);
    }

    #[test]
    fn checking_tools_skip_only_if_asked_to() {
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
    fn the_deciding_variables_are_watched() {
        assert_eq!(Skipped::variables(false), [SKIP, "DOCS_RS"]);
        assert!(Skipped::variables(true).contains(&WORKSPACE_WRAPPER));
        assert!(Skipped::variables(true).contains(&RUST_ANALYZER));
    }
}
