//! What the caller's process sees of the container that it runs in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::os::{kernel_file, kernel_text};
use crate::process::host::Host;

/// The files that docker and podman put into containers.
const DOCKER_MARK: &str = "/.dockerenv";
const PODMAN_MARK: &str = "/run/.containerenv";

/// The mounts that an engine makes from a directory named by the container's ID.
const OF_THE_ENGINE: [&str; 4] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/run/.containerenv",
];

/// The number of hexadecimal digits of a container's ID.
const ID_DIGITS: usize = 64;

/// The place of the caller's process, as the kernel and the files of engines describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    /// The mounts, in the order in which they were made.
    pub(super) mounts: Vec<CallerMount>,
    /// The IDs that a container with these mounts and this control group would have.
    pub(super) ids: Vec<String>,
    /// The host name, which engines set to the beginning of the container's ID.
    pub(super) host_name: Option<String>,
    /// Whether an engine left its mark in the root directory.
    pub(super) is_marked: bool,
}

/// A mount of the caller's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallerMount {
    pub(super) point: PathBuf,
    /// The directory of the file system that is mounted.
    pub(super) root: PathBuf,
    pub(super) file_system: String,
    /// The options of the file system.
    options: String,
}

impl CallerMount {
    /// The directory that an overlay writes to, as the machine of its engine has it.
    pub(super) fn upper_dir(&self) -> Option<&str> {
        let mut options = self.options.split(',');
        options.find_map(|option| option.strip_prefix("upperdir="))
    }
}

impl Caller {
    /// Looks around.
    pub(super) fn look(host: &Host) -> Self {
        // No engine puts such a system into a container, and anybody could leave the marks of one.
        if kernel_file("self").is_none() {
            return Caller::default();
        }
        let name = host
            .variable("HOSTNAME")
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| kernel_text("sys/kernel/hostname"));
        let podman = fs::read_to_string(PODMAN_MARK).ok();
        let mut caller = Caller::of(
            &kernel_text("self/mountinfo"),
            &kernel_text("self/cgroup"),
            podman.as_deref().unwrap_or_default(),
            name.trim(),
        );
        caller.is_marked = podman.is_some() || Path::new(DOCKER_MARK).exists();
        caller
    }

    /// The caller with these files of `/proc/self`, this mark of podman's and this host name.
    pub(super) fn of(mountinfo: &str, cgroup: &str, containerenv: &str, host_name: &str) -> Self {
        let mounts: Vec<_> = mountinfo.lines().filter_map(parse_mount).collect();
        let named = containerenv
            .lines()
            .filter_map(|line| line.strip_prefix("id="))
            .map(|id| id.trim_matches('"').to_owned());
        let mut ids = Vec::new();
        let found = mounts.iter().filter_map(id_of_mount).chain(named);
        for id in found.chain(cgroup.lines().filter_map(id_of_group)) {
            if is_id(&id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        Caller {
            mounts,
            ids,
            host_name: Some(host_name.to_owned()).filter(|name| !name.is_empty()),
            is_marked: false,
        }
    }

    /// Whether there is any sign of a container.
    pub(super) fn is_in_container(&self) -> bool {
        self.is_marked || !self.ids.is_empty()
    }

    /// The mount of the root directory.
    pub(super) fn root(&self) -> Option<&CallerMount> {
        self.mounts
            .iter()
            .rev()
            .find(|mount| mount.point == Path::new("/"))
    }
}

/// Parses a line of mountinfo.
fn parse_mount(line: &str) -> Option<CallerMount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let mut of_system = file_system.splitn(3, ' ');
    let file_system = of_system.next()?.to_owned();
    Some(CallerMount {
        point: unescaped(point).into(),
        root: unescaped(root).into(),
        file_system,
        options: unescaped(of_system.nth(1).unwrap_or_default()),
    })
}

/// Decodes the octal escapes of mountinfo.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => {
                text.push(code.into());
                text.push_str(&part[3..]);
            }
            None => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

/// The ID in the path of a file that an engine mounts: `…/containers/ID/hostname`. A volume without
/// a name has as many digits, so the directory before the ID matters.
fn id_of_mount(mount: &CallerMount) -> Option<String> {
    if !OF_THE_ENGINE
        .iter()
        .any(|point| mount.point == Path::new(point))
    {
        return None;
    }
    let parts: Vec<_> = mount
        .root
        .iter()
        .map(|part| part.to_string_lossy())
        .collect();
    let pairs = parts.windows(2);
    let mut of_container = pairs.filter(|pair| pair[0].ends_with("containers") && is_id(&pair[1]));
    of_container.next().map(|pair| pair[1].clone().into_owned())
}

/// The ID in the name of a control group: `/docker/ID`, `docker-ID.scope` or `libpod-ID.scope`.
fn id_of_group(line: &str) -> Option<String> {
    let path = line.splitn(3, ':').nth(2)?;
    let words = path.split(['/', '-', '.', ':']);
    let mut ids = words.filter(|word| is_id(word));
    ids.next_back().map(str::to_owned)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9d2d5a3e9a1c7c5b5a0c2f9d2d5a3e9a1c7c5b5a0c2f9d2d5a3e9a1c7c5b5a0c";

    #[test]
    fn the_id_is_in_the_mounts_in_the_mark_or_in_the_control_group() {
        let docker = format!(
            "1 2 0:5 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/docker/overlay2/u/diff\n\
             3 1 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda rw\n"
        );
        let ids = |mounts: &str, group: &str, mark: &str| Caller::of(mounts, group, mark, "x").ids;
        assert_eq!(ids(&docker, "", ""), [ID]);
        let podman = format!(
            "3 1 0:9 /containers/storage/overlay-containers/{ID}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw\n"
        );
        assert_eq!(ids(&podman, "", ""), [ID]);
        assert_eq!(ids("", &format!("4:memory:/docker/{ID}\n0::/"), ""), [ID]);
        let scope = format!("0::/user.slice/libpod-{ID}.scope/container\n");
        assert_eq!(ids("", &scope, ""), [ID]);
        let mark = format!("engine=\"podman-4.3.1\"\nid=\"{ID}\"\n");
        assert_eq!(ids("", "0::/", &mark), [ID]);
        assert!(ids("", "0::/", "").is_empty());
    }

    #[test]
    fn a_volume_without_a_name_is_not_a_container() {
        let volume = format!(
            "3 1 8:1 /var/lib/docker/volumes/{ID}/_data /work rw - ext4 /dev/vda rw\n\
             4 1 8:1 /var/lib/docker/volumes/{ID}/_data /etc/hosts rw - ext4 /dev/vda rw\n"
        );
        assert!(Caller::of(&volume, "", "", "").ids.is_empty());
    }

    #[test]
    fn names_with_blanks_are_decoded_and_the_last_root_counts() {
        let caller = Caller::of(
            "1 2 0:5 / / rw - rootfs none rw\n\
             1 2 0:5 / / rw shared:1 - overlay none rw,upperdir=/u\\0401/diff\n\
             2 1 8:1 /a\\040b\\134 /w\\040x rw,relatime master:2 - ext4 /dev/vda rw\n",
            "",
            "",
            "",
        );
        let root = caller.root().unwrap();
        assert_eq!(
            (root.file_system.as_str(), root.upper_dir()),
            ("overlay", Some("/u 1/diff"))
        );
        let last = caller.mounts.last().unwrap();
        assert_eq!(
            (&last.point, &last.root),
            (&"/w x".into(), &"/a b\\".into())
        );
    }
}
