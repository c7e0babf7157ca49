//! The network of an environment.

use std::fmt;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::scalar::{Word, invalid};

/// What network an environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Network {
    /// None at all.
    None,
    /// The host's own.
    Host,
    /// Whatever the engine gives when nothing is asked for.
    Default,
}

impl Network {
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

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Word for Network {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let named = Self::ALL.into_iter().find(|it| it.as_str() == text);
        named.ok_or_else(|| invalid(key, text, "one of `none`, `host`, `default`"))
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}
