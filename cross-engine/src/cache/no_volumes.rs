//! What a sweep leaves to a program that knows volumes, which is one with the feature `remote`.

use crate::environment::environments::Environments;
use crate::process::cancel::Cancel;
use crate::process::error::Result;

impl Environments<'_> {
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as with the feature"
    )]
    pub(super) fn sweep_volumes(&self, _: &Cancel) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "as with the feature"
    )]
    pub(super) fn remove_filled(&self, _: &str, _: &Cancel) -> Result<bool> {
        Ok(false)
    }
}
