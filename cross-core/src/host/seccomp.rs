//! The seccomp profile for targets whose programs need more system calls than engines allow.

/// Allows every system call except those that docker's documentation of seccomp profiles lists as
/// blocked, because they reach out of a container.
///
/// An engine's default profile is an allow-list made for 64-bit programs of Linux distributions.
/// The libc of 32-bit Android makes system calls that are not on it.
pub(crate) const PROFILE: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    {
      "names": [
        "_sysctl", "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "create_module",
        "delete_module", "finit_module", "get_kernel_syms", "get_mempolicy", "init_module",
        "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie",
        "mbind", "mount", "move_pages", "nfsservctl", "open_by_handle_at", "perf_event_open",
        "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "query_module",
        "quotactl", "reboot", "request_key", "set_mempolicy", "setns", "settimeofday", "stime",
        "swapoff", "swapon", "sysfs", "umount", "umount2", "unshare", "uselib", "userfaultfd",
        "ustat", "vm86", "vm86old"
      ],
      "action": "SCMP_ACT_ERRNO"
    }
  ]
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_valid_and_denies_calls_that_leave_the_container() {
        let profile: serde_json::Value = serde_json::from_str(PROFILE).unwrap();
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ALLOW");
        let denied = profile["syscalls"][0]["names"].as_array().unwrap();
        for call in ["mount", "unshare", "setns", "ptrace", "bpf"] {
            assert!(denied.iter().any(|name| name == call), "{call}");
        }
    }
}
