//! Settings that only have variables: options of engines, and custom toolchains.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

mod setting_value;
pub(crate) mod table;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::settings::table::SETTINGS;
use crate::values::scalar::resolve_path;
use crate::values::value::ValueRow;
use crate::variables::CROSS_COMPATIBILITY_VERSION;
use crate::variables::env::Env;

/// Settings that only have variables and apply to all targets.
///
/// Unset settings have their default with [`Origin::BuiltIn`], or `None` if there is no default.
/// `Debug` redacts values that arguments assign to variables, which may be secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Additional arguments for the engine's `run`, split like shell words.
    pub container_opts: Sourced<Vec<String>>,
    /// Additional arguments for the engine's `build`, split like shell words.
    pub build_opts: Sourced<Vec<String>>,
    /// The format of build progress: `auto`, `plain` or `tty`.
    pub build_progress: Option<Sourced<String>>,
    /// Whether the engine has no BuildKit.
    pub no_buildkit: Sourced<bool>,
    /// Whether the engine is rootless; `None` detects it.
    pub rootless: Option<Sourced<bool>>,
    /// The user namespace of containers.
    pub user_namespace: Sourced<UserNamespace>,
    /// The user ID in containers; `None` is that of the caller.
    pub uid: Option<Sourced<u32>>,
    /// The group ID in containers; `None` is that of the caller.
    pub gid: Option<Sourced<u32>>,
    /// Whether environments are refused that `Cross.lock` does not have; `None` decides by whether
    /// this is a CI system.
    pub frozen: Option<Sourced<bool>>,
    /// Whether the toolchain is a custom one, to which nothing is added.
    pub custom_toolchain: Sourced<bool>,
    /// The released toolchain that corresponds to the custom one:
    /// `nightly-2026-01-01-x86_64-unknown-linux-gnu`.
    pub custom_toolchain_compat: Option<Sourced<String>>,
    /// Whether documentation tests run if the toolchain is a nightly.
    pub doctests: Sourced<bool>,
    /// The directory of the Nix store; `None` detects it.
    pub nix_store: Option<Sourced<PathBuf>>,
    /// Whether the library runs in a container whose host runs the engine, so that paths are
    /// translated to those of the host; `None` finds it out.
    pub in_container: Option<Sourced<bool>>,
    /// Whether files go to the engine's machine through volumes; `None` detects whether the engine
    /// is on another machine.
    pub remote: Option<Sourced<bool>>,
    /// Whether all fetched crates are sent to a remote engine, not only those in `Cargo.lock`.
    pub remote_copy_registry: Sourced<bool>,
    /// Whether directories that are marked as caches (`CACHEDIR.TAG`) are sent to a remote engine.
    pub remote_copy_cache: Sourced<bool>,
    /// Whether the whole target directory is fetched from a remote engine.
    pub remote_copy_full_target_dir: Sourced<bool>,
    /// Whether nothing that was built is fetched from a remote engine.
    pub remote_skip_build_artifacts: Sourced<bool>,
    /// The number of seconds for which unused containers are kept for reuse. 0 and `None` disable
    /// it.
    pub reuse_containers: Option<Sourced<u32>>,
}

/// The user namespace of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UserNamespace {
    /// The namespace of the host: `auto`, the default.
    #[default]
    Host,
    /// The engine's default: `none`.
    None,
    /// A namespace that the engine supports, such as `keep-id`.
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
            frozen: None,
            custom_toolchain: built_in(),
            custom_toolchain_compat: None,
            doctests: built_in(),
            nix_store: None,
            in_container: None,
            remote: None,
            remote_copy_registry: built_in(),
            remote_copy_cache: built_in(),
            remote_copy_full_target_dir: built_in(),
            remote_skip_build_artifacts: built_in(),
            reuse_containers: None,
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
    /// Reads all settings from `env`.
    pub(crate) fn read(env: &Env, problems: &mut Vec<Diagnostic>) -> Self {
        let mut settings = Self::default();
        for setting in SETTINGS {
            setting.read(env, &mut settings, problems);
        }
        let version = env.get(CROSS_COMPATIBILITY_VERSION);
        if version.is_some_and(|version| !version.is_empty()) {
            let message = "older behaviour is not emulated";
            let warning = Diagnostic::warning(DiagnosticCode::NoEffect, message).help("unset it");
            problems.push(warning.variable(CROSS_COMPATIBILITY_VERSION));
        }
        settings
    }

    /// Overlays the settings of a later environment.
    pub(crate) fn overlay(&mut self, above: &Self) {
        for setting in SETTINGS {
            (setting.overlay)(self, above);
        }
    }

    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        if let Some(store) = &mut self.nix_store {
            store.value = resolve_path(base, &store.value);
        }
    }

    /// The settings that are set, by the names of their variables.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, ValueRow)> {
        SETTINGS
            .iter()
            .filter_map(|setting| Some((*setting.variables.first()?, (setting.row)(self)?)))
    }
}

#[cfg(test)]
mod tests;
