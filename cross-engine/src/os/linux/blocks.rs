//! Files that share their blocks.

use std::fs::File;

/// Makes `to` share the blocks of `from`. Returns whether the file system can.
pub(crate) fn clone(from: &File, to: &File) -> bool {
    #[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
    let is_cloned = rustix::fs::ioctl_ficlone(to, from).is_ok();
    #[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
    let is_cloned = {
        let _ = (from, to);
        false
    };
    is_cloned
}
