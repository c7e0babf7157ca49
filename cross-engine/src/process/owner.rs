//! The identity of the process that owns a run, as a text that another process can check.
//!
//! A process ID is not enough: the kernel reuses it, and a container or another machine has
//! processes with the same ID.

use std::fs;

use crate::os::{kernel_file, kernel_text, users};

/// The files that identify the boot of the machine and the process namespace.
const BOOT: &str = "sys/kernel/random/boot_id";
const NAMESPACE: &str = "self/ns/pid";

/// Returns the user, ID, start, boot and process namespace of this process, separated by colons, or
/// `None` if the system does not provide them.
pub(crate) fn current() -> Option<String> {
    let id = std::process::id();
    let start = start_of(id)?;
    Some(format!("{}:{id}:{start}:{}", user(), boot_and_namespace()?))
}

/// Whether the process with the identity `owner` has ended. Processes of other users, which may be
/// hidden, and of other machines and namespaces are assumed to be alive.
pub(crate) fn is_gone(owner: &str) -> bool {
    let parts: Vec<_> = owner.splitn(4, ':').collect();
    let [user_id, id, start, boot] = parts[..] else {
        return false;
    };
    if user_id != user().to_string() || Some(boot) != boot_and_namespace().as_deref() {
        return false;
    }
    match id.parse() {
        Ok(id) => start_of(id).is_none_or(|now| now != start),
        Err(_) => false,
    }
}

fn user() -> u32 {
    users::uid()
}

fn boot_and_namespace() -> Option<String> {
    let boot = kernel_text(BOOT);
    let namespace = fs::read_link(kernel_file(NAMESPACE)?).ok()?;
    let is_known = !boot.is_empty();
    is_known.then(|| format!("{}:{}", boot.trim(), namespace.display()))
}

/// Returns the start of the living process `id`, in clock ticks since the boot.
fn start_of(id: u32) -> Option<String> {
    let stat = kernel_text(&format!("{id}/stat"));
    // The name before this may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let is_dead = matches!(fields.next()?, "Z" | "X");
    // The state is the third field of the line, the start the twenty-second.
    let start = fields.nth(18)?;
    (!is_dead).then(|| start.to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::process::command;
    use crate::process::invocation::{Invocation, Variables};

    #[test]
    fn this_process_is_alive() {
        let me = current().unwrap();
        assert!(!is_gone(&me), "{me}");
    }

    #[test]
    fn a_process_that_ended_is_gone_even_before_its_parent_waits() {
        let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let mut child = command(&Invocation::new("sleep").arg("60"), &caller)
            .spawn()
            .unwrap();
        let place = boot_and_namespace().unwrap();
        let start = start_of(child.id()).unwrap();
        let owner = format!("{}:{}:{start}:{place}", user(), child.id());
        assert!(!is_gone(&owner), "{owner}");
        child.kill().unwrap();
        while start_of(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert!(is_gone(&owner), "a zombie");
        child.wait().unwrap();
        assert!(is_gone(&owner), "{owner}");
    }

    #[test]
    fn a_process_with_a_reused_id_is_another_process() {
        let me = current().unwrap();
        let start = start_of(std::process::id()).unwrap();
        assert!(is_gone(&me.replace(&format!(":{start}:"), ":1:")), "{me}");
    }

    #[test]
    fn processes_of_other_users_machines_and_namespaces_are_assumed_alive() {
        let (user, place) = (user(), boot_and_namespace().unwrap());
        let none = u32::MAX;
        assert!(is_gone(&format!("{user}:{none}:1:{place}")));
        assert!(!is_gone(&format!("{}:{none}:1:{place}", user + 1)));
        assert!(!is_gone(&format!("{user}:{none}:1:{place}0")));
        assert!(!is_gone(&format!("{user}:{none}:1")));
        assert!(!is_gone("somebody"));
        assert!(!is_gone(""));
    }
}
