//! The crates that Rust's standard library depends on, which cargo takes from a lock of their own.

use std::path::Path;

use cross_engine::EnvironmentLocation;
use cross_engine::process::untrusted::{Dir, RegularFile, limits};

use crate::cargo::build_std;
use crate::facts::facts::Facts;
use crate::facts::locked_crates;
use crate::model::error::{MapEngineError as _, Result};

impl Facts {
    /// The text of the lock that comes with the source of `std`; `None` if `std` is not built, or if
    /// this machine does not have the source.
    pub(crate) fn lock_of_std(&self) -> Result<Option<String>> {
        if self.build_std.is_empty() {
            return Ok(None);
        }
        let recipe = self.env_spec.recipe().map(|named| &named.recipe);
        let manifest = build_std::manifest(recipe, &self.toolchain);
        let lock = Path::new(&manifest).with_file_name("Cargo.lock");
        let file = if self.toolchain.sysroot().is_some() {
            lock.exists().then(|| RegularFile::open(&lock)).transpose()
        } else {
            let location = self.environments().location(&self.env_spec.name());
            let EnvironmentLocation::Directory(dir) = location else {
                return Ok(None);
            };
            if !dir.exists() {
                return Ok(None);
            }
            let inside = lock.strip_prefix("/").unwrap_or(&lock);
            Dir::open(dir.join("root")).and_then(|root| root.file_if_any(inside))
        };
        let text = file.and_then(|file| file.map(|file| file.text(limits::SOURCE)).transpose());
        text.map_engine_error()
    }

    /// Whether cargo has everything that the lock of `std` names.
    pub(crate) fn has_crates_of_std(&self) -> bool {
        let lock = self.lock_of_std().ok().flatten();
        lock.is_some_and(|text| locked_crates::are_fetched(&self.inputs.cargo_home, &text))
    }
}
