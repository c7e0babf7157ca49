//! The system calls that a sandbox allows and refuses, by name, each group with its reason.
//!
//! A call that is in no list fails with `ENOSYS`, as on a kernel that lacks it. C libraries then
//! fall back to an older call.
//!
//! The list is no wider than the default profiles of docker and podman for a container without
//! capabilities. Where the two differ, the narrower one holds.

/// A group of system calls, with the reason for its list.
#[derive(Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "the reasons are for readers"))]
pub(super) struct Group {
    pub(super) why: &'static str,
    /// Separated by blanks.
    pub(super) names: &'static str,
}

/// Calls that are refused with `EPERM` if every test of their arguments holds.
#[cfg_attr(not(test), expect(dead_code, reason = "the reasons are for readers"))]
pub(super) struct Conditional {
    pub(super) why: &'static str,
    /// Separated by blanks.
    pub(super) names: &'static str,
    pub(super) when: &'static [Test],
}

/// A test of the low half of an argument, counted from 0. The kernel reads no more of these
/// arguments.
#[derive(Clone, Copy)]
pub(super) enum Test {
    /// One of these bits is set.
    AnyBit(u32, u32),
    /// It is one of these.
    Is(u32, &'static [u32]),
    /// It is none of these.
    IsNot(u32, &'static [u32]),
}

/// Calls that are always allowed.
pub(super) const ALLOWED: &[Group] = &[
    Group {
        why: "Reading, writing and waiting on what is open already.",
        names: "_llseek _newselect cachestat close close_range copy_file_range dup dup2 dup3 \
                epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 \
                epoll_wait epoll_wait_old eventfd eventfd2 fadvise64 fadvise64_64 arm_fadvise64_64 \
                fallocate fcntl fcntl64 fdatasync flock fsync ftruncate ftruncate64 io_cancel \
                io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit lseek \
                pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 pselect6_time64 \
                pwrite64 pwritev pwritev2 read readahead readv select sendfile sendfile64 splice \
                sync sync_file_range arm_sync_file_range syncfs tee write writev",
    },
    Group {
        why: "Files by name: the mounts and their owners say what may be done.",
        names: "access chdir chown chown32 faccessat faccessat2 fchdir fchown fchown32 fchownat \
                fgetxattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat fstatat64 fstatfs \
                fstatfs64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch \
                inotify_init inotify_init1 inotify_rm_watch lchown lchown32 lgetxattr link linkat \
                listxattr llistxattr lremovexattr lsetxattr lstat lstat64 mkdir mkdirat \
                name_to_handle_at newfstatat readdir readlink readlinkat removexattr rename renameat \
                renameat2 rmdir setxattr stat stat64 statfs statfs64 statx symlink symlinkat \
                truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes",
    },
    Group {
        why: "Memory of the process's own.",
        names: "brk cacheflush get_thread_area madvise map_shadow_stack membarrier memfd_create \
                memfd_secret mincore mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect mremap \
                mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect \
                remap_file_pages riscv_flush_icache riscv_hwprobe set_thread_area set_tls arch_prctl",
    },
    Group {
        why: "Processes, threads and signals: all that it could reach are in its own process namespace.",
        names: "alarm breakpoint execve execveat exit exit_group fork futex futex_requeue \
                futex_time64 futex_wait futex_waitv futex_wake get_robust_list getcpu getitimer \
                getpgid getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid \
                ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset \
                landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 \
                process_mrelease restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask \
                rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 \
                rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity \
                sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval \
                sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam \
                sched_setscheduler sched_yield seccomp set_robust_list set_tid_address setitimer \
                setpgid setpriority setrlimit setsid sigaction sigaltstack signal signalfd signalfd4 \
                sigpending sigprocmask sigreturn sigsuspend tgkill tkill ugetrlimit vfork \
                wait4 waitid waitpid",
    },
    Group {
        why: "A debugger and a sanitizer look into their own children. Kernels since 4.8 keep the filter \
              in force for a process that is traced.",
        names: "process_vm_readv process_vm_writev ptrace",
    },
    Group {
        why: "Who it is, and becoming who it is already: it has no capability for more.",
        names: "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups \
                getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid \
                setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid \
                setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid \
                setuid32",
    },
    Group {
        why: "Clocks, timers, and what the system says of itself. Setting a clock needs a capability.",
        names: "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 \
                clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 getrandom \
                gettimeofday nanosleep sysinfo time timer_create timer_delete timer_getoverrun \
                timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create \
                timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times uname",
    },
    Group {
        why: "Sockets that are open: which can be opened is below. The network namespace says where they reach.",
        names: "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom \
                recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown",
    },
    Group {
        why: "Message queues, semaphores and shared memory of its own IPC namespace.",
        names: "ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 \
                mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget \
                semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget",
    },
];

/// The call with which glibc opens a socket on 32-bit x86. Its arguments are in memory, where a
/// filter cannot read them, so it opens sockets of every family. A sandbox allows it only if
/// programs for 32-bit x86 run. A container allows it, as its engine does.
pub(super) const SOCKETCALL: &str = "socketcall";

/// Every namespace that `clone` can make.
const NAMESPACES: u32 = 0x7e02_0000;
/// The bits of a mode that let a program run as its file's owner or group.
const SET_ID: u32 = 0o6000;
/// The flags with which `open` creates a file, `O_CREAT` and `O_TMPFILE`. Only then does it use a
/// mode.
const CREATING: u32 = 0x40_0040;

/// Calls that are allowed except with certain arguments.
pub(super) const CONDITIONAL: &[Conditional] = &[
    Conditional {
        why: "A namespace inside of the sandbox opens kernel code that only root is meant to reach.",
        names: "clone",
        when: &[Test::AnyBit(0, NAMESPACES)],
    },
    Conditional {
        why: "Typing into the terminal (`TIOCSTI`, `TIOCLINUX`), and loading a line discipline \
              (`TIOCSETD`).",
        names: "ioctl",
        when: &[Test::Is(1, &[0x5412, 0x541c, 0x5423])],
    },
    Conditional {
        why: "Execution domains turn protections off. Allowed are asking, plain Linux, 32-bit Linux, and \
              either with the version of an old kernel.",
        names: "personality",
        when: &[Test::IsNot(0, &[0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff])],
    },
    Conditional {
        why: "Local, IPv4, IPv6 and netlink sockets belong to the network namespace. Others do not \
              (vsock), or are rarely used kernel code.",
        names: "socket socketpair",
        when: &[Test::IsNot(0, &[1, 2, 10, 16])],
    },
    Conditional {
        why: "What root builds belongs to root on the host, where a set-user-ID bit would hold.",
        names: "chmod fchmod creat mknod",
        when: &[Test::AnyBit(1, SET_ID)],
    },
    Conditional {
        why: "The same, by the directory.",
        names: "fchmodat fchmodat2 mknodat",
        when: &[Test::AnyBit(2, SET_ID)],
    },
    Conditional {
        why: "The same, for a new file.",
        names: "open",
        when: &[Test::AnyBit(1, CREATING), Test::AnyBit(2, SET_ID)],
    },
    Conditional {
        why: "The same, for a new file by its directory.",
        names: "openat",
        when: &[Test::AnyBit(2, CREATING), Test::AnyBit(3, SET_ID)],
    },
];

/// Calls that are refused with `EPERM`.
pub(super) const REFUSED: &[Group] = &[
    Group {
        why: "Keyrings are the user's, not the sandbox's.",
        names: "add_key keyctl request_key",
    },
    Group {
        why: "Namespaces and mounts are arranged before the sandbox begins.",
        names: "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree \
                open_tree_attr pivot_root setns umount umount2 unshare",
    },
    Group {
        why: "Work that the kernel does by itself is seen by no filter.",
        names: "io_uring_enter io_uring_register io_uring_setup",
    },
    Group {
        why: "Programs in the kernel, its counters, and faults that it leaves to a process.",
        names: "bpf perf_event_open userfaultfd",
    },
    Group {
        why: "The machine: its kernel, modules, clock, swap, name, log, ports and accounting.",
        names: "_sysctl acct clock_settime clock_settime64 create_module delete_module finit_module \
                get_kernel_syms init_module ioperm iopl kexec_file_load kexec_load lookup_dcookie \
                nfsservctl query_module quotactl quotactl_fd reboot setdomainname sethostname \
                settimeofday stime swapoff swapon sysfs syslog uselib ustat vhangup vm86 vm86old",
    },
    Group {
        why: "Files by a handle, past the directories that lead to them, and events of whole mounts.",
        names: "fanotify_init fanotify_mark open_by_handle_at",
    },
    Group {
        why: "Descriptors and memory of other processes, and where memory lies.",
        names: "get_mempolicy kcmp mbind migrate_pages move_pages pidfd_getfd process_madvise \
                set_mempolicy set_mempolicy_home_node vmsplice",
    },
];

/// Calls that fail with `ENOSYS` although they exist. Their arguments are in memory, where a filter
/// cannot read them, and on `ENOSYS` programs use the older call.
pub(super) const UNKNOWN: &[Group] = &[
    Group {
        why: "`clone` does the same, and shows its flags.",
        names: "clone3",
    },
    Group {
        why: "`openat` does the same, and shows its mode.",
        names: "openat2",
    },
];
