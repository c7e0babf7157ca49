//! Names that are unique on a machine.

use crate::process::clock;

/// Appends the process id and the time to `prefix`, so that no other run on this machine has the
/// name.
pub(crate) fn unique(prefix: &str) -> String {
    let nanos = clock::unix_time().as_nanos();
    format!("{prefix}-{}-{nanos:x}", std::process::id())
}
