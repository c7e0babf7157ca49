//! Extended attributes of files.

use std::path::Path;

/// Whether a file has extended attributes.
pub(crate) fn exist(path: &Path) -> bool {
    // On a file system that does not support them, no file has any.
    rustix::fs::llistxattr(path, &mut [0_u8; 0]).is_ok_and(|length| length > 0)
}
