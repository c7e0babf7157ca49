//! The handles that a child process would inherit besides its standard streams.

use std::io;
use std::process::Command;

/// On Windows a process passes on only what is made to be passed on, and the standard library makes
/// nothing so. There are no numbers under which a child would find a `file`.
pub(crate) fn replace_inherited(
    _: &mut Command,
    file: Option<(i32, &[u8])>,
) -> io::Result<Vec<i32>> {
    match file {
        None => Ok(Vec::new()),
        Some(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}
