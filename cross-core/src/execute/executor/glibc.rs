//! The glibc that artifacts need.

use std::path::Path;

use cross_engine::untrusted::RegularFile;
use cross_targets::GlibcVersion;

use super::Execution;
use crate::host::files;
use crate::host::glibc_floor;
use crate::model::error::Result;
use crate::request::event::EventKind;

impl Execution<'_> {
    /// The glibc that artifacts may need at most.
    fn floor(&self) -> Option<GlibcVersion> {
        self.plan.glibc_floor.as_ref()?.parse().ok()
    }

    /// That no artifact needs a newer glibc than was asked for.
    pub(super) fn check_floor(&self) -> Result<()> {
        let Some(floor) = self.floor() else {
            return Ok(());
        };
        let target_dir = self.target_dir()?;
        self.built.iter().try_for_each(|artifact| {
            let file = files::open(target_dir, &artifact.inside)?;
            glibc_floor::check(&file, &artifact.path, floor)
        })
    }

    /// Tells which glibc a file that appears at `to` needs, and keeps it from appearing where that
    /// is beyond the floor. Where cargo failed, that is what there is to say.
    pub(super) fn judge(&self, from: &RegularFile, to: &Path) -> Result<bool> {
        let checked = self
            .floor()
            .map(|floor| glibc_floor::check(from, to, floor));
        match checked {
            Some(Err(error)) if self.code == Some(0) => return Err(error),
            Some(Err(_)) => return Ok(false),
            _ => {}
        }
        if let Some(glibc) = glibc_floor::of(from) {
            let path = to.to_owned();
            self.emit(EventKind::NeedsGlibc { path, glibc })?;
        }
        Ok(true)
    }
}
