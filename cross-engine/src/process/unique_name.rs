//! Names that no two runs on a machine share.

use crate::process::clock;

/// A name that no other run on this machine has.
pub(crate) fn unique(prefix: &str) -> String {
    let nanos = clock::unix_time().as_nanos();
    format!("{prefix}-{}-{nanos:x}", std::process::id())
}
