//! The network of an environment.

use std::fmt;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::scalar::{Scalar, invalid};

/// The network access of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkMode {
    /// No network.
    None,
    /// The network of the host.
    Host,
    /// The default of the engine.
    Default,
}

impl NetworkMode {
    const ALL: [Self; 3] = [Self::None, Self::Host, Self::Default];

    /// The name in configuration: `none`, `host` or `default`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scalar for NetworkMode {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let named = Self::ALL
            .into_iter()
            .find(|network| network.as_str() == text);
        named.ok_or_else(|| invalid(key, text, "one of `none`, `host`, `default`"))
    }

    fn describe(&self) -> String {
        self.as_str().to_owned()
    }
}
