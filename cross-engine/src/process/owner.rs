//! The identity of the process that owns a run, as a text that another process can check.
//!
//! A process ID alone says little: the kernel gives it to another process later, and a container or another
//! machine has processes of the same number.

use std::fs;

use rustix::process::geteuid;

/// What says which boot of which machine, and which of its namespaces, a process ID is of.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
const NAMESPACE: &str = "/proc/self/ns/pid";

/// This process: its user, ID, start, boot and process namespace, with colons between them. `None` where the
/// system does not tell them.
pub(crate) fn current() -> Option<String> {
    let id = std::process::id();
    let start = start_of(id)?;
    Some(format!("{}:{id}:{start}:{}", user(), place()?))
}

/// Whether the process that called itself `owner` has ended. Nothing is known of processes of other users,
/// which may be hidden, and of other machines and namespaces: they are taken to live.
pub(crate) fn is_gone(owner: &str) -> bool {
    let parts: Vec<_> = owner.splitn(4, ':').collect();
    let [user_id, id, start, place_of] = parts[..] else {
        return false;
    };
    if user_id != user().to_string() || Some(place_of) != place().as_deref() {
        return false;
    }
    match id.parse() {
        Ok(id) => start_of(id).is_none_or(|now| now != start),
        Err(_) => false,
    }
}

fn user() -> u32 {
    geteuid().as_raw()
}

fn place() -> Option<String> {
    let boot = fs::read_to_string(BOOT).ok()?;
    let namespace = fs::read_link(NAMESPACE).ok()?;
    Some(format!("{}:{}", boot.trim(), namespace.display()))
}

/// When the living process `id` started, in ticks since the boot.
fn start_of(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
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
    fn this_process_lives() {
        let me = current().unwrap();
        assert!(!is_gone(&me), "{me}");
    }

    #[test]
    fn one_that_has_ended_is_gone_even_before_its_parent_knows() {
        let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let mut child = command(&Invocation::new("sleep").arg("60"), &caller)
            .spawn()
            .unwrap();
        let place = place().unwrap();
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
    fn a_process_that_got_the_number_later_is_another() {
        let me = current().unwrap();
        let start = start_of(std::process::id()).unwrap();
        assert!(is_gone(&me.replace(&format!(":{start}:"), ":1:")), "{me}");
    }

    #[test]
    fn nothing_is_known_of_other_users_machines_and_namespaces() {
        let (user, place) = (user(), place().unwrap());
        let none = u32::MAX;
        assert!(is_gone(&format!("{user}:{none}:1:{place}")));
        assert!(!is_gone(&format!("{}:{none}:1:{place}", user + 1)));
        assert!(!is_gone(&format!("{user}:{none}:1:{place}0")));
        assert!(!is_gone(&format!("{user}:{none}:1")));
        assert!(!is_gone("somebody"));
        assert!(!is_gone(""));
    }
}
