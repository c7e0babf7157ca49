//! The resource limits of this process, which podman's containers inherit.

/// The bit of `CAP_SYS_RESOURCE` in a capability mask.
const CAP_SYS_RESOURCE: u64 = 1 << 24;
/// The id map of the initial user namespace.
const ALL_IDS: [&str; 3] = ["0", "0", "4294967295"];

/// The hard limits of a process, and whether it may raise them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The number of open files.
    pub(super) nofile: u64,
    /// The number of processes.
    pub(super) nproc: u64,
    /// Whether it has `CAP_SYS_RESOURCE` in the initial user namespace.
    pub(super) may_raise: bool,
}

impl Limits {
    /// Parses the files `limits`, `status` and `uid_map` of a process in `/proc`.
    pub(super) fn read(limits: &str, status: &str, uid_map: &str) -> Self {
        let hard = |name: &str| {
            let mut lines = limits.lines();
            let values = lines.find_map(|line| line.strip_prefix(name))?;
            values.split_whitespace().nth(1)?.parse().ok()
        };
        let capabilities = status.lines().find_map(|line| {
            let mask = line.strip_prefix("CapEff:")?;
            u64::from_str_radix(mask.trim(), 16).ok()
        });
        let has_capability = capabilities.unwrap_or_default() & CAP_SYS_RESOURCE != 0;
        let is_initial_namespace = uid_map.split_whitespace().eq(ALL_IDS);
        Limits {
            // `unlimited` is not a number.
            nofile: hard("Max open files").unwrap_or(u64::MAX),
            nproc: hard("Max processes").unwrap_or(u64::MAX),
            may_raise: has_capability && is_initial_namespace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_parsed_from_proc() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             96365                96366                processes \n\
                      Max open files            1024                 20000                files     \n\
                      Max pending signals       96365                96365                signals   \n";
        let (full, restricted) = ("CapEff:\t000001ffffffffff\n", "CapEff:\t000001fffeffffff\n");
        let own = "         0          0 4294967295\n";
        let read = Limits::read(limits, restricted, own);
        assert_eq!(
            (read.nofile, read.nproc, read.may_raise),
            (20_000, 96_366, false)
        );
        assert!(Limits::read(limits, full, own).may_raise);
        // Root of another user namespace has the capability, but it does not cover limits.
        assert!(!Limits::read(limits, full, "0 100000 65536").may_raise);
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(Limits::read(unlimited, full, own).nofile, u64::MAX);
    }
}
