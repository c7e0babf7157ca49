//! The seccomp profile for targets whose programs need more system calls than engines allow.

use serde_json::{Value, json};

/// The system calls that docker's documentation of seccomp profiles lists as blocked, because they
/// reach out of a container, and the kernel's work queues, whose work no filter sees.
const DENIED: &str = "_sysctl acct add_key bpf clock_adjtime clock_settime create_module \
    delete_module finit_module get_kernel_syms get_mempolicy init_module io_uring_enter \
    io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl \
    lookup_dcookie mbind mount move_pages nfsservctl open_by_handle_at perf_event_open \
    pivot_root process_vm_readv process_vm_writev ptrace query_module quotactl reboot \
    request_key set_mempolicy setns settimeofday stime swapoff swapon sysfs umount umount2 \
    unshare uselib userfaultfd ustat vm86 vm86old";
/// Newer calls whose arguments a filter cannot read. Libraries fall back to `clone` and `openat`.
const MISSING: &str = "clone3 openat2";
const ENOSYS: u32 = 38;

/// The bits of a mode that make a program run as the owner or the group of its file.
const SET_ID: [u32; 2] = [0o4000, 0o2000];
/// The flags with which `open` makes a file, and only then reads a mode: `O_CREAT` and `O_TMPFILE`.
const CREATING: [u32; 2] = [0x40, 0x40_0000];

/// Returns the profile. It allows every system call except [`DENIED`] and those that make a
/// set-user-ID file: what root builds belongs to root on the host, too.
///
/// An engine's default profile is an allow-list made for 64-bit programs of Linux distributions.
/// The libc of 32-bit Android makes system calls that are not on it.
pub(crate) fn profile() -> String {
    let mut rules = vec![
        json!({ "names": names(DENIED), "action": "SCMP_ACT_ERRNO" }),
        json!({ "names": names(MISSING), "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS }),
    ];
    for bit in SET_ID {
        rules.push(deny_with_bits("chmod fchmod creat mknod", &[(1, bit)]));
        rules.push(deny_with_bits("fchmodat fchmodat2 mknodat", &[(2, bit)]));
        for flag in CREATING {
            rules.push(deny_with_bits("open", &[(1, flag), (2, bit)]));
            rules.push(deny_with_bits("openat", &[(2, flag), (3, bit)]));
        }
    }
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules }).to_string()
}

fn names(list: &str) -> Vec<&str> {
    list.split_whitespace().collect()
}

/// Denies the calls in `list` where each of the arguments has its bit.
fn deny_with_bits(list: &str, bits: &[(u32, u32)]) -> Value {
    let has_bit = |(index, bit): &(u32, u32)| json!({ "index": index, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ" });
    let args: Vec<_> = bits.iter().map(has_bit).collect();
    json!({ "names": names(list), "action": "SCMP_ACT_ERRNO", "args": args })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_valid_and_denies_calls_that_leave_the_container() {
        let profile: serde_json::Value = serde_json::from_str(&profile()).unwrap();
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ALLOW");
        let denied = profile["syscalls"][0]["names"].as_array().unwrap();
        for call in ["mount", "unshare", "setns", "ptrace", "bpf"] {
            assert!(denied.iter().any(|name| name == call), "{call}");
        }
    }
}
