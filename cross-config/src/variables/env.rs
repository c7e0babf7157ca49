//! Snapshots of the environment, the only source of variables for this crate.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// A snapshot of environment variables.
///
/// An application reads the process environment in one place and passes it around as this value.
/// Code that reads variables can then run repeatedly, in parallel and in tests with different
/// variables.
///
/// `Debug` shows the names but not the values, which may be secrets.
///
/// ```
/// use cross_config::Env;
///
/// let env = Env::new().set("CROSS_CONTAINER_ENGINE", "podman");
/// assert_eq!(env.get_str("CROSS_CONTAINER_ENGINE"), Some("podman"));
/// assert_eq!(env.get_str("HOME"), None);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
}

impl Env {
    /// Creates an empty environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
    }

    /// The value of `name`, if it is set and valid UTF-8.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    /// Sets `name`, replacing the value it had.
    #[must_use]
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Removes `name`, which need not be set.
    #[must_use]
    pub fn remove(mut self, name: &str) -> Self {
        self.variables.remove(OsStr::new(name));
        self
    }

    /// All variables, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl FromIterator<(OsString, OsString)> for Env {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env ")?;
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_replaces_and_remove_forgets() {
        let env = Env::new()
            .set("A", "1")
            .set("A", "2")
            .set("B", "3")
            .remove("B")
            .remove("C");
        let all: Vec<_> = env.iter().collect();
        assert_eq!(all, [(OsStr::new("A"), OsStr::new("2"))]);
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let env = Env::new().set("TOKEN", "hunter2");
        assert_eq!(format!("{env:?}"), r#"Env {"TOKEN"}"#);
    }
}
