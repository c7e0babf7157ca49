//! The descriptors that a child process would inherit besides its standard streams.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Command;

use command_fds::{CommandFdExt as _, FdMapping};

/// The directories in which the kernel lists the descriptors of the process, and their flags.
const LISTED: &str = "/proc/self/fd";
const DESCRIBED: &str = "/proc/self/fdinfo";
/// The flag of a descriptor that is closed in children, as the kernel shows it.
const CLOSE_ON_EXEC: u32 = 0o200_0000;
/// The descriptors below this number are assumed to be inherited if the kernel does not list them.
const UNLISTED: i32 = 64;

/// Replaces the descriptors that `command` would inherit by the null device, but for its standard
/// streams and the `file` of this number and content. Returns the numbers of the replaced.
pub(crate) fn replace_inherited(
    command: &mut Command,
    file: Option<(i32, &[u8])>,
) -> io::Result<Vec<i32>> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let mut mappings = Vec::new();
    if let Some((number, content)) = file {
        mappings.push(FdMapping {
            parent_fd: in_memory(content)?,
            child_fd: number,
        });
    }
    let mut replaced = inheritable();
    replaced.retain(|number| file.is_none_or(|(own, _)| own != *number));
    for number in &replaced {
        mappings.push(FdMapping {
            parent_fd: null.try_clone()?.into(),
            child_fd: *number,
        });
    }
    if !mappings.is_empty() {
        let distinct = command.fd_mappings(mappings);
        distinct.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    }
    Ok(replaced)
}

/// The descriptors above the standard streams that a child would inherit.
fn inheritable() -> Vec<i32> {
    let Ok(entries) = fs::read_dir(LISTED) else {
        return (3..UNLISTED).collect();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .filter(|number| *number > 2 && is_inheritable(*number))
        .collect()
}

/// A descriptor that no longer exists belonged to the listing, or to another thread.
fn is_inheritable(number: i32) -> bool {
    let Ok(text) = fs::read_to_string(format!("{DESCRIBED}/{number}")) else {
        return false;
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_none_or(|flags| flags & CLOSE_ON_EXEC == 0)
}

fn in_memory(content: &[u8]) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let mut file = crate::os::linux::memory::file()?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let mut file = tempfile::tempfile()?;
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}
