//! The user of this process.

use rustix::process::{getegid, geteuid, getgroups};

/// The effective user.
pub(crate) fn uid() -> u32 {
    geteuid().as_raw()
}

/// The effective group.
pub(crate) fn gid() -> u32 {
    getegid().as_raw()
}

/// The further groups of the user.
pub(crate) fn groups() -> Vec<u32> {
    let groups = getgroups().unwrap_or_default();
    groups.into_iter().map(|group| group.as_raw()).collect()
}
