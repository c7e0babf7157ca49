//! Attacks on the kernel: nothing inside has root's rights on the host, or an interface that it
//! does not need.
//!
//! One crate makes all attempts, in its build script and in its test. Each test checks one of them.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::attacker::Attack;
use crate::report::Said;
use crate::seat::{Seat, Shared, on_seats};

on_seats! {
    a_build_script_cannot_write_core_pattern;
    a_build_script_cannot_write_settings_of_the_kernel;
    a_build_script_cannot_read_the_kernels_memory;
    a_build_script_has_no_capability: sandbox_as_root sandbox_as_user docker podman nested remote;
    a_build_script_cannot_mount_or_unshare;
    a_build_script_cannot_make_a_user_namespace;
    no_system_call_that_engines_deny;
    no_system_call_by_the_numbers_of_another_machine;
    the_callers_keys_are_not_seen;
    device_nodes_do_not_appear_outside;
    setuid_files_do_not_appear_outside;
    a_setuid_program_of_the_host_has_no_power_inside;
    a_device_node_of_the_host_has_no_power_inside;
    only_the_usual_devices_are_inside;
    descriptors_of_the_caller_are_not_inside;
    namespaces_are_not_the_callers;
    processes_are_not_without_limit: sandbox_as_user docker podman;
    no_io_uring_no_keyctl_no_vsock: sandbox_as_root sandbox_as_user;
    no_typing_into_the_callers_terminal: sandbox_as_root sandbox_as_user;
    what_is_mounted_has_no_setuid_and_no_devices: sandbox_as_root sandbox_as_user;
    there_is_no_sys: sandbox_as_root sandbox_as_user;
    root_is_in_a_user_namespace: sandbox_as_root sandbox_as_user;
}

/// A process with a session keyring of its own, which has a key.
const WITH_A_KEY: &str = "syscall(250, 1, 0, 0, 0, 0); my ($t, $n, $k) = (\"user\", \"decoy\", \"s3cret-decoy\"); \
     syscall(248, $t, $n, $k, 12, -3) > 0 or die \"no key: $!\"; exec @ARGV or die";

/// Where the attack is made: while something compiles, and where programs run.
const SIDES: [&str; 2] = ["build", "test"];

fn probed(seat: Seat) -> &'static Said {
    static SHARED: Shared = Shared::new();
    SHARED.of(seat, || {
        let kernel = include_str!("inside/kernel.rs");
        let build = format!("{kernel}\nfn main() {{ try_all(\"build\") }}");
        let test =
            format!("{kernel}\nfn main() {{}}\n#[test]\nfn attacks() {{ try_all(\"test\") }}\n");
        let attack = Attack::on(seat)
            .hostile("build.rs", &build)
            .hostile("src/main.rs", &test)
            .file("planted/README", "a program and a device of root's\n")
            .redirected("9<\"$HOME\"")
            .redirected("8>>\"$HOME/.ssh/authorized_keys\"")
            .started_by(&["perl", "-e", WITH_A_KEY]);
        attack.settle();
        let planted = attack.path("planted");
        let (id, kmsg) = (planted.join("id"), planted.join("kmsg"));
        fs::copy("/usr/bin/id", &id).unwrap();
        attack.host(
            "mknod",
            &["-m", "666", kmsg.to_str().unwrap(), "c", "1", "11"],
        );
        fs::set_permissions(&id, fs::Permissions::from_mode(0o4755)).unwrap();
        let mut said = attack.run("test");
        fs::remove_file(&id).unwrap();
        fs::remove_file(&kmsg).unwrap();
        said.told.insert(
            "outside.devices".to_owned(),
            vec![special(&attack, is_device)],
        );
        said.told.insert(
            "outside.setuid".to_owned(),
            vec![special(&attack, has_power)],
        );
        attack.decoys_are_safe();
        said
    })
}

/// The files below the workspace that are so, by their paths.
fn special(attack: &Attack, is: impl Fn(&Path) -> bool) -> String {
    let found: Vec<_> = attack.files().into_iter().filter(|path| is(path)).collect();
    format!("{found:?}")
}

fn is_device(path: &Path) -> bool {
    let kind = path.symlink_metadata().unwrap().file_type();
    kind.is_char_device() || kind.is_block_device()
}

/// Whether it runs as its owner for others: they have to reach it, too.
fn has_power(path: &Path) -> bool {
    let meta = path.symlink_metadata().unwrap();
    let others_may_enter = |dir: &Path| dir.metadata().is_ok_and(|dir| dir.mode() & 0o001 != 0);
    meta.is_file() && meta.mode() & 0o6000 != 0 && path.ancestors().skip(1).all(others_may_enter)
}

/// The keys of both sides.
fn of_both_sides(keys: &[&str]) -> Vec<String> {
    let of = |side: &&str| {
        keys.iter()
            .map(|key| format!("{side}.{key}"))
            .collect::<Vec<_>>()
    };
    SIDES.iter().flat_map(of).collect()
}

#[track_caller]
fn all_refused(seat: Seat, keys: &[&str]) {
    probed(seat).all_refused(&of_both_sides(keys));
}

#[track_caller]
fn all_filtered(seat: Seat, keys: &[&str]) {
    probed(seat).all_filtered(&of_both_sides(keys));
}

#[track_caller]
fn all_are(seat: Seat, key: &str, value: &str) {
    for key in of_both_sides(&[key]) {
        for told in probed(seat).all_told(&key) {
            assert_eq!(told, value, "{key}");
        }
    }
}

fn a_build_script_cannot_write_core_pattern(seat: Seat) {
    all_refused(seat, &["core_pattern"]);
}

fn a_build_script_cannot_write_settings_of_the_kernel(seat: Seat) {
    all_refused(
        seat,
        &[
            "write /proc/sys/kernel/modprobe",
            "write /proc/sys/vm/overcommit_memory",
            "write /proc/sys/net/ipv4/ip_forward",
            "write /proc/sysrq-trigger",
            "write /proc/irq/default_smp_affinity",
            "write /sys/kernel/uevent_helper",
            "write /sys/power/state",
            "write /sys/fs/cgroup/release_agent",
            "write /sys/fs/cgroup/cgroup.procs",
            "write /proc/sys/fs/binfmt_misc/register",
        ],
    );
    all_are(seat, "writable settings", "0 []");
}

fn a_build_script_cannot_read_the_kernels_memory(seat: Seat) {
    all_refused(
        seat,
        &[
            "read /proc/kcore",
            "read /proc/keys",
            "read /proc/timer_list",
            "read /proc/sched_debug",
            "read /proc/latency_stats",
            "read /dev/mem",
            "write /dev/mem",
            "open /proc/kmsg",
        ],
    );
    all_are(seat, "kernel addresses", "0");
    all_are(seat, "entries of /sys/firmware", "0");
    all_are(seat, "entries of /proc/acpi and scsi", "0");
    if seat.is_sandbox() {
        // With the root of a container these are what its engine shows to it.
        all_refused(
            seat,
            &[
                "read /proc/iomem",
                "read /proc/kpagecount",
                "read /proc/kpageflags",
                "read /proc/kpagecgroup",
                "read /proc/vmallocinfo",
            ],
        );
    }
}

fn a_build_script_has_no_capability(seat: Seat) {
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"] {
        all_are(seat, set, "0000000000000000");
    }
    all_are(seat, "NoNewPrivs", "1");
    all_are(seat, "Seccomp", "2");
}

fn a_build_script_cannot_mount_or_unshare(seat: Seat) {
    all_filtered(
        seat,
        &[
            "mount",
            "bind",
            "remount",
            "umount",
            "pivot_root",
            "chroot",
            "fsopen",
            "open_tree",
            "unshare mount",
            "unshare cgroup",
            "unshare uts",
            "unshare ipc",
            "unshare pid",
            "unshare net",
            "unshare time",
            "setns",
        ],
    );
    if seat.is_sandbox() {
        all_filtered(seat, &["mount_setattr"]);
    }
}

/// In one it would have every capability, and most of the kernel to try them on.
fn a_build_script_cannot_make_a_user_namespace(seat: Seat) {
    all_filtered(
        seat,
        &["unshare user", "unshare user and mount", "clone user"],
    );
}

fn no_system_call_that_engines_deny(seat: Seat) {
    all_filtered(
        seat,
        &[
            "acct",
            "bpf",
            "clock_settime",
            "delete_module",
            "finit_module",
            "init_module",
            "ioperm",
            "iopl",
            "kexec_load",
            "lookup_dcookie",
            "open_by_handle_at",
            "perf_event_open",
            "quotactl",
            "reboot",
            "settimeofday",
            "swapon",
            "swapoff",
            "userfaultfd",
            "uselib",
            "ustat",
            "vhangup",
            "packet socket",
        ],
    );
}

fn no_system_call_by_the_numbers_of_another_machine(seat: Seat) {
    all_filtered(seat, &["unshare by int 0x80", "unshare by x32"]);
    if seat.is_sandbox() {
        all_filtered(seat, &["keyctl by int 0x80"]);
    }
}

fn no_io_uring_no_keyctl_no_vsock(seat: Seat) {
    all_filtered(
        seat,
        &["io_uring", "keyctl", "add_key", "request_key", "vsock"],
    );
}

fn no_typing_into_the_callers_terminal(seat: Seat) {
    all_filtered(
        seat,
        &[
            "ioctl TIOCSTI",
            "ioctl TIOCLINUX",
            "ioctl TIOCSTI of 64 bits",
        ],
    );
}

fn the_callers_keys_are_not_seen(seat: Seat) {
    all_refused(seat, &["the caller's key"]);
    all_are(seat, "keys that are shown", "0");
}

fn device_nodes_do_not_appear_outside(seat: Seat) {
    for place in ["target", "workspace", "memory"] {
        all_refused(
            seat,
            &[
                &format!("mknod null in {place}"),
                &format!("mknod loop in {place}"),
            ],
        );
    }
    assert_eq!(probed(seat).told("outside.devices"), "[]");
}

fn setuid_files_do_not_appear_outside(seat: Seat) {
    probed(seat).told("test.mknod of a file in target");
    assert_eq!(probed(seat).told("outside.setuid"), "[]");
}

fn a_setuid_program_of_the_host_has_no_power_inside(seat: Seat) {
    for side in SIDES {
        let user = probed(seat).told(&format!("{side}.user"));
        let gained = probed(seat).told(&format!("{side}.user by a setuid program"));
        assert!(gained == user || gained == "refused", "{side}: {gained}");
    }
}

fn a_device_node_of_the_host_has_no_power_inside(seat: Seat) {
    all_refused(seat, &["open a device of the host"]);
}

fn only_the_usual_devices_are_inside(seat: Seat) {
    all_are(seat, "unusual devices", "[]");
}

fn descriptors_of_the_caller_are_not_inside(seat: Seat) {
    all_are(seat, "descriptors of the caller", "[] []");
}

fn namespaces_are_not_the_callers(seat: Seat) {
    for side in SIDES {
        for name in ["mnt", "pid", "ipc", "uts", "net"] {
            is_another_namespace(seat, side, name);
        }
    }
}

fn root_is_in_a_user_namespace(seat: Seat) {
    for side in SIDES {
        is_another_namespace(seat, side, "user");
    }
}

#[track_caller]
fn is_another_namespace(seat: Seat, side: &str, name: &str) {
    let ours = fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
    for theirs in probed(seat).all_told(&format!("{side}.namespace {name}")) {
        assert_ne!(theirs, ours.to_str().unwrap(), "{side}");
    }
}

fn what_is_mounted_has_no_setuid_and_no_devices(seat: Seat) {
    all_are(seat, "mounts with setuid or devices", "[]");
}

fn there_is_no_sys(seat: Seat) {
    all_are(seat, "entries of /sys", "0");
}

/// The limit is 16384 processes and threads. Root is missing: the kernel limits no processes of
/// root's, in whichever user namespace, unless they are in a control group.
///
/// The processes end at once and are counted until they are waited for, so they take no memory.
/// One seat at a time, since the machine has only 32768 numbers for processes.
fn processes_are_not_without_limit(seat: Seat) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let attack = Attack::on(seat).build_script(
        r##"
    let mut children = Vec::new();
    let refused = loop {
        match unsafe { fork() } {
            0 => unsafe { _exit(0) },
            pid if pid > 0 => children.push(pid),
            _ => break true,
        }
        if children.len() == 20_000 {
            break false;
        }
    };
    for pid in &children {
        unsafe { waitpid(*pid, std::ptr::null_mut(), 0); }
    }
    tell("processes", if refused { "refused" } else { "20000 and more" });
"##,
    );
    attack.run("build").refused("processes");
}
