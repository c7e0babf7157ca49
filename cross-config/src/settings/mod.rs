//! What only variables say: how engines are driven, and the toolchain that is the user's own.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

mod setting_value;
pub(crate) mod table;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::settings::table::SETTINGS;
use crate::values::scalar::absolute;
use crate::values::value::Row;
use crate::variables::CROSS_COMPATIBILITY_VERSION;
use crate::variables::env::Env;

/// What only variables say, for every target.
///
/// What is not set has its default, with [`Origin::BuiltIn`]; what has no default is `None`. `Debug`
/// hides the values that arguments give to variables, which may be secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// More arguments for the engine's `run`, split as a shell splits words.
    pub container_opts: Sourced<Vec<String>>,
    /// More arguments for the engine's `build`, split as a shell splits words.
    pub build_opts: Sourced<Vec<String>>,
    /// How the engine shows the progress of a build: `auto`, `plain` or `tty`.
    pub build_progress: Option<Sourced<String>>,
    /// The engine has no BuildKit.
    pub no_buildkit: Sourced<bool>,
    /// The engine runs without root; `None` is to find out.
    pub rootless: Option<Sourced<bool>>,
    /// The user namespace of containers.
    pub user_namespace: Sourced<UserNamespace>,
    /// The user's number inside containers; `None` is the caller's.
    pub uid: Option<Sourced<u32>>,
    /// The group's number inside containers; `None` is the caller's.
    pub gid: Option<Sourced<u32>>,
    /// The toolchain is the user's own: nothing is added to it.
    pub custom_toolchain: Sourced<bool>,
    /// The released toolchain that the user's own is like: `nightly-2026-01-01-x86_64-unknown-linux-gnu`.
    pub custom_toolchain_compat: Option<Sourced<String>>,
    /// Documentation tests are run, if the toolchain is a nightly one.
    pub doctests: Sourced<bool>,
    /// The directory of the Nix store; `None` is to find out.
    pub nix_store: Option<Sourced<PathBuf>>,
    /// This runs in a container itself. Its paths are not translated to those of the container's host: it
    /// is a warning where an engine would need that.
    pub in_container: Sourced<bool>,
    /// For how many seconds a container is kept that nobody uses; 0 and `None` are not at all.
    pub keep_warm: Option<Sourced<u32>>,
}

/// The user namespace of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UserNamespace {
    /// The host's: what `auto` is, and the default.
    #[default]
    Host,
    /// Nothing is said about it to the engine: `none`.
    None,
    /// As the engine takes it: `keep-id`.
    Named(String),
}

impl Default for Settings {
    fn default() -> Self {
        fn built_in<T: Default>() -> Sourced<T> {
            Sourced::new(T::default(), Origin::BuiltIn)
        }
        Self {
            container_opts: built_in(),
            build_opts: built_in(),
            build_progress: None,
            no_buildkit: built_in(),
            rootless: None,
            user_namespace: built_in(),
            uid: None,
            gid: None,
            custom_toolchain: built_in(),
            custom_toolchain_compat: None,
            doctests: built_in(),
            nix_store: None,
            in_container: built_in(),
            keep_warm: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings ")?;
        let rows = self.rows().map(|(name, row)| (name, row.value));
        f.debug_map().entries(rows).finish()
    }
}

impl Settings {
    /// Reads every setting that `env` has.
    pub(crate) fn read(env: &Env, problems: &mut Vec<Diagnostic>) -> Self {
        let mut settings = Self::default();
        for setting in SETTINGS {
            setting.read(env, &mut settings, problems);
        }
        let version = env.get(CROSS_COMPATIBILITY_VERSION);
        if version.is_some_and(|it| !it.is_empty()) {
            let message = "there is no older behaviour to be compatible with";
            let warning = Diagnostic::warning(Code::NoEffect, message).help("unset it");
            problems.push(warning.variable(CROSS_COMPATIBILITY_VERSION));
        }
        settings
    }

    /// Puts what a later environment says over this one.
    pub(crate) fn cover(&mut self, above: &Self) {
        for setting in SETTINGS {
            (setting.cover)(self, above);
        }
    }

    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        if let Some(store) = &mut self.nix_store {
            store.value = absolute(base, &store.value);
        }
    }

    /// What is set, by the names of the variables.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, Row)> {
        SETTINGS
            .iter()
            .filter_map(|setting| Some((*setting.variables.first()?, (setting.row)(self)?)))
    }
}

#[cfg(test)]
mod tests;
