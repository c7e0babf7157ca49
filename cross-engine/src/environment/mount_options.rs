//! The options with which the file system of a directory is mounted.

use std::path::Path;

/// The kernel's list of mounts.
pub(crate) const MOUNTS: &str = "self/mountinfo";

/// Whether programs in `dir` cannot be started, by the kernel's list `mounts`.
pub(crate) fn are_noexec(mounts: &str, dir: &Path) -> bool {
    let mut options = "";
    let mut longest = 0;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(point), Some(said)) = (fields.next(), fields.next()) else {
            continue;
        };
        // A later mount covers an earlier one at the same place.
        if dir.starts_with(unescaped(point)) && point.len() >= longest {
            (longest, options) = (point.len(), said);
        }
    }
    options.split(',').any(|option| option == "noexec")
}

/// The kernel writes a space as `\040`.
fn unescaped(point: &str) -> String {
    point.replace("\\040", " ").replace("\\011", "\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                      30 22 0:30 / /tmp rw,nosuid,noexec - tmpfs tmpfs rw\n\
                      31 30 0:31 / /tmp/my\\040dir rw,relatime - tmpfs tmpfs rw\n";
        assert!(!are_noexec(mounts, Path::new("/home/u/.cache")));
        assert!(are_noexec(mounts, Path::new("/tmp/cache")));
        assert!(!are_noexec(mounts, Path::new("/tmp/my dir/cache")));
        assert!(!are_noexec("", Path::new("/tmp")));
    }
}
