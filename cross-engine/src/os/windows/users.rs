//! The user of this process, as an engine's virtual machine has it.

/// The user that owns files in an environment: the first ordinary one of a Linux system. Windows
/// has no such numbers, and the file systems that engines share with it show every file as the
/// user's who looks at it.
const FIRST: u32 = 1000;

/// The effective user.
pub(crate) fn uid() -> u32 {
    FIRST
}

/// The effective group.
pub(crate) fn gid() -> u32 {
    FIRST
}

/// The further groups of the user.
pub(crate) fn groups() -> Vec<u32> {
    Vec::new()
}
