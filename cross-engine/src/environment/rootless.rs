//! Whether a user who is not root can build an environment with mmdebstrap, which needs user
//! namespaces with a range of subordinate ids.

use std::fs;

use crate::os::kernel_text;
use crate::process::host::Host;

/// What keeps the user from it, and the remedy.
pub(crate) struct Obstacle {
    pub(crate) cause: String,
    pub(crate) help: String,
}

/// What mmdebstrap and its tools print if they cannot use a user namespace.
const WORDS: [&str; 6] = [
    "unable to pick chroot mode",
    "newuidmap",
    "/etc/subuid",
    "/etc/subgid",
    "unshare syscall failed",
    "failed to unshare",
];

const OTHERWISE: &str = "or use docker or podman as the engine (`CROSS_CONTAINER_ENGINE=docker`)";

/// Whether mmdebstrap says that it cannot use a user namespace.
pub(crate) fn says_refused(output: &str) -> bool {
    WORDS.iter().any(|words| output.contains(words))
}

/// The obstacle in the way of mmdebstrap's refusal.
pub(crate) fn obstacle(host: &Host) -> Obstacle {
    known_obstacle(host).unwrap_or_else(|| Obstacle {
        cause: "the system refuses user namespaces to it".to_owned(),
        help: format!(
            "allow user namespaces with subordinate ids (in a container: run it with \
             `--security-opt seccomp=unconfined`; `unshare --user --map-auto true` tries them), \
             {OTHERWISE}"
        ),
    })
}

/// The obstacle, if there is one that can be seen without trying. There is none for root.
pub(crate) fn known_obstacle(host: &Host) -> Option<Obstacle> {
    if host.uid == 0 {
        return None;
    }
    ["newuidmap", "newgidmap"]
        .into_iter()
        .find(|tool| host.find_program(tool).is_none())
        .map(|tool| Obstacle {
            cause: format!("`{tool}` is not installed"),
            help: format!("install `uidmap` (`apt-get install uidmap`), {OTHERWISE}"),
        })
        .or_else(|| without_range(host))
        .or_else(switched_off)
}

/// A user who has no subordinate ids.
fn without_range(host: &Host) -> Option<Obstacle> {
    let id = host.uid.to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&id.as_str()))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()));
    let name = name.unwrap_or_else(|| id.clone());
    let lacks = |file: &&str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        !has_range(&text, &name, &id)
    };
    let file = ["/etc/subuid", "/etc/subgid"].into_iter().find(lacks)?;
    Some(Obstacle {
        cause: format!("the user `{name}` has no range in {file}"),
        help: format!(
            "give the user a range, as root: `usermod --add-subuids 100000-165535 --add-subgids \
             100000-165535 {name}`, {OTHERWISE}"
        ),
    })
}

/// Whether `text`, a file of subordinate ids, has a range for the user.
fn has_range(text: &str, name: &str, id: &str) -> bool {
    text.lines().any(|line| {
        let mut fields = line.split(':');
        let user = fields.next().unwrap_or_default();
        let count = fields.nth(1).and_then(|count| count.trim().parse().ok());
        (user == name || user == id) && count.is_some_and(|count: u64| count > 0)
    })
}

/// Settings of the kernel that forbid user namespaces, with the value that forbids them.
const SWITCHES: [(&str, &str, &str); 3] = [
    (
        "user/max_user_namespaces",
        "0",
        "sysctl -w user.max_user_namespaces=10000",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

fn switched_off() -> Option<Obstacle> {
    let is_off =
        |(file, off, _): &&(&str, &str, &str)| kernel_text(&format!("sys/{file}")).trim() == *off;
    let (file, off, command) = SWITCHES.iter().find(is_off)?;
    Some(Obstacle {
        cause: format!("/proc/sys/{file} is {off}, which forbids user namespaces"),
        help: format!("allow them, as root: `{command}`, {OTHERWISE}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_counts_for_the_users_name_or_id() {
        assert!(has_range("other:1:2\nme:100000:65536\n", "me", "1000"));
        assert!(has_range("1000:100000:65536", "me", "1000"));
        assert!(!has_range(
            "mean:100000:65536\nme:100000:0\nme\n",
            "me",
            "1000"
        ));
        assert!(!has_range("", "me", "1000"));
    }
}
