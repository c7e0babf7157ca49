//! Names that are unique on a machine.

use std::hash::{BuildHasher as _, RandomState};

use crate::process::clock;

/// Appends the process ID, a random number and the time to `prefix`, so that no other run on this
/// machine has the name. In two containers, processes may have one ID, and start at one time.
pub(crate) fn unique(prefix: &str) -> String {
    let nanos = clock::unix_time().as_nanos();
    // The keys of its hashes are random.
    let random = RandomState::new().hash_one(nanos) & 0xffff_ffff;
    format!("{prefix}-{}-{random:08x}-{nanos:x}", std::process::id())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    #[test]
    fn threads_that_ask_at_once_get_different_names() {
        let names = thread::scope(|scope| {
            let some = || (0..1000).map(|_| unique("run")).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(some)).collect();
            let all = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            all.collect::<BTreeSet<_>>()
        });
        assert_eq!(names.len(), 4000);
    }
}
