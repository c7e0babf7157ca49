use super::*;
use bpf::{ARGUMENTS, JUMP_AT_LEAST, JUMP_BITS, RETURN};

const ALLOW: u32 = 0x7fff_0000;
const X86_64: Architecture = architecture!(x86_64, 0xc000_003e);
const X86: Architecture = architecture!(x86, 0x4000_0003);
const AARCH64: Architecture = architecture!(aarch64, 0xc000_00b7);
const ARM: Architecture = architecture!(arm, 0x4000_0028);
const RISCV64: Architecture = architecture!(riscv64, 0xc000_00f3);

impl Architecture {
    fn number(&self, name: &str) -> Option<u32> {
        numbers::of(name).and_then(|numbers| (self.column)(&numbers))
    }
}

/// What the kernel's machine says of a call.
fn verdict(program: &[Instruction], audit: u32, number: u32, arguments: &[u32]) -> u32 {
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let step = program[at];
        at += 1;
        let holds = match step.code {
            LOAD => {
                accumulator = match step.value {
                    NUMBER => number,
                    ARCHITECTURE => audit,
                    argument => {
                        let index = (argument - ARGUMENTS) / 8;
                        arguments.get(index as usize).copied().unwrap_or(0)
                    }
                };
                continue;
            }
            JUMP => {
                at += step.value as usize;
                continue;
            }
            RETURN => return step.value,
            JUMP_EQUAL => accumulator == step.value,
            JUMP_AT_LEAST => accumulator >= step.value,
            JUMP_BITS => accumulator & step.value != 0,
            other => panic!("no instruction of ours: {other:#x}"),
        };
        at += usize::from(if holds {
            step.jump_true
        } else {
            step.jump_false
        });
    }
}

fn errno(verdict: u32) -> Option<u16> {
    (verdict != ALLOW).then(|| u16::try_from(verdict & 0xffff).unwrap())
}

/// A call by its name on an architecture.
fn judged(kind: &Architecture, name: &str, arguments: &[u32]) -> Option<u16> {
    let program = assembled(&[X86_64, X86, AARCH64, ARM, RISCV64], false);
    let number = kind
        .number(name)
        .unwrap_or_else(|| panic!("no call {name}"));
    errno(verdict(&program, kind.audit, number, arguments))
}

#[test]
fn every_name_is_a_call_somewhere_and_in_one_list_only() {
    let groups = [calls::ALLOWED, calls::REFUSED, calls::UNKNOWN].concat();
    let plain = groups.iter().map(|group| (group.why, group.names));
    let conditional = calls::CONDITIONAL
        .iter()
        .map(|group| (group.why, group.names));
    let mut names = Vec::new();
    for (why, group) in plain.chain(conditional) {
        assert!(why.ends_with('.'), "a reason: {why}");
        names.extend(group.split(' '));
    }
    let kinds = [X86_64, X86, AARCH64, ARM, RISCV64];
    for name in &names {
        let known = kinds.iter().any(|kind| kind.number(name).is_some());
        assert!(known, "no call {name}");
    }
    names.sort_unstable();
    let twice = names.windows(2).find(|two| two[0] == two[1]);
    assert_eq!(twice, None);
}

#[test]
fn the_program_says_of_every_call_what_the_lists_say() {
    let program = assembled(&[X86_64, X86, AARCH64, ARM, RISCV64], false);
    assert!(
        program.len() < 4096,
        "{}: the kernel's limit",
        program.len()
    );
    for kind in [X86_64, X86, AARCH64, ARM, RISCV64] {
        let verdicts = verdicts(&kind, &calls(false));
        for number in 0..1200 {
            let said = errno(verdict(&program, kind.audit, number, &[]));
            match verdicts.get(&number) {
                None => assert_eq!(said, Some(ENOSYS), "{number}"),
                Some(Verdict::Allow) => assert_eq!(said, None, "{number}"),
                Some(Verdict::Fail(error)) => assert_eq!(said, Some(*error), "{number}"),
                // With arguments that are all 0, only a socket of no family is refused.
                Some(Verdict::FailIf(..)) => {
                    let sockets = ["socket", "socketpair"].map(|name| kind.number(name));
                    let refused = sockets.contains(&Some(number)).then_some(EPERM);
                    assert_eq!(said, refused, "{number}");
                }
            }
        }
    }
}

#[test]
fn what_docker_refuses_is_refused_on_every_architecture() {
    for kind in [X86_64, X86, AARCH64, ARM, RISCV64] {
        for name in [
            "add_key",
            "bpf",
            "finit_module",
            "io_uring_setup",
            "kcmp",
            "kexec_load",
            "keyctl",
            "mount",
            "open_by_handle_at",
            "perf_event_open",
            "pivot_root",
            "request_key",
            "setns",
            "swapon",
            "syslog",
            "unshare",
            "userfaultfd",
        ] {
            assert_eq!(judged(&kind, name, &[]), Some(EPERM), "{name}");
        }
        assert_eq!(judged(&kind, "clone3", &[]), Some(ENOSYS));
        for name in ["execve", "futex", "getrandom", "mmap", "ptrace", "read"] {
            let name = if kind.number(name).is_none() {
                "mmap2"
            } else {
                name
            };
            assert_eq!(judged(&kind, name, &[]), None, "{name}");
        }
    }
}

#[test]
fn arguments_decide_where_they_have_to() {
    for kind in [X86_64, AARCH64, ARM, RISCV64] {
        let judged = |name, arguments: &[u32]| judged(&kind, name, arguments);
        // A thread, a process, and each namespace.
        assert_eq!(judged("clone", &[0x003d_0f00]), None);
        assert_eq!(judged("clone", &[17]), None);
        for namespace in [
            0x2_0000,
            0x200_0000,
            0x400_0000,
            0x800_0000,
            0x1000_0000,
            0x2000_0000,
            0x4000_0000,
        ] {
            assert_eq!(judged("clone", &[namespace | 17]), Some(EPERM));
        }
        for family in [1, 2, 10, 16] {
            assert_eq!(judged("socket", &[family]), None);
        }
        for family in [0, 3, 17, 31, 38, 40] {
            assert_eq!(judged("socket", &[family]), Some(EPERM));
        }
        assert_eq!(judged("ioctl", &[0, 0x5401]), None);
        assert_eq!(judged("ioctl", &[0, 0x5412]), Some(EPERM));
        assert_eq!(judged("personality", &[0xffff_ffff]), None);
        assert_eq!(judged("personality", &[0x4_0000]), Some(EPERM));
        assert_eq!(judged("fchmodat", &[0, 0, 0o755]), None);
        assert_eq!(judged("fchmodat", &[0, 0, 0o4755]), Some(EPERM));
        // What is not made has no mode, whatever is in the register.
        assert_eq!(judged("openat", &[0, 0, 0, 0o7777]), None);
        assert_eq!(judged("openat", &[0, 0, 0x41, 0o666]), None);
        assert_eq!(judged("openat", &[0, 0, 0x41, 0o4755]), Some(EPERM));
    }
}

#[test]
fn other_kinds_of_calls_do_not_exist() {
    let program = assembled(&[X86_64, X86], false);
    let read = 0x4000_0000;
    assert_eq!(
        errno(verdict(&program, X86_64.audit, read, &[])),
        Some(ENOSYS)
    );
    assert_eq!(
        errno(verdict(&program, AARCH64.audit, 63, &[])),
        Some(ENOSYS)
    );
    assert_eq!(super::program("s390x", false), None);
}

/// A filter cannot read the arguments of `socketcall`, so only programs for 32-bit x86 have it.
#[test]
fn only_32_bit_x86_has_sockets_of_every_family() {
    let number = X86.number("socketcall").unwrap();
    let said = |socketcall| {
        let program = assembled(&[X86_64, X86], socketcall);
        errno(verdict(&program, X86.audit, number, &[1]))
    };
    assert_eq!((said(false), said(true)), (Some(EPERM), None));
    // The call `socket` is tested by family there, too.
    assert_eq!(judged(&X86, "socket", &[1]), None);
    assert_eq!(judged(&X86, "socket", &[40]), Some(EPERM));
}

/// What the kernel's tables say, which do not have the calls of ARM's own.
#[test]
fn a_call_has_the_number_of_the_kernel() {
    macro_rules! number {
        ($architecture:ident, $name:expr) => {
            match $name.parse::<syscalls::$architecture::Sysno>() {
                Ok(call) => call.id(),
                Err(_) => -1,
            }
        };
    }
    for (name, numbers) in numbers::CALLS {
        let arm = match *name {
            "breakpoint" => 0xf_0001,
            "cacheflush" => 0xf_0002,
            "set_tls" => 0xf_0005,
            name => number!(arm, name),
        };
        let expected = [
            number!(x86_64, name),
            number!(x86, name),
            number!(aarch64, name),
            arm,
            number!(riscv64, name),
        ];
        assert_eq!(*numbers, expected, "{name}");
    }
}

#[test]
fn the_table_has_the_calls_of_the_lists_in_order_and_no_other() {
    let groups = [calls::ALLOWED, calls::REFUSED, calls::UNKNOWN].concat();
    let plain = groups.iter().map(|group| group.names);
    let conditional = calls::CONDITIONAL.iter().map(|group| group.names);
    let mut listed: Vec<_> = plain
        .chain(conditional)
        .flat_map(|names| names.split(' '))
        .chain([calls::SOCKETCALL])
        .collect();
    listed.sort_unstable();
    let table: Vec<_> = numbers::CALLS.iter().map(|(name, _)| *name).collect();
    assert_eq!(table, listed);
}

/// Calls made by a program behind the filter, in the kernel that runs this test.
#[cfg(unix)]
#[test]
fn the_kernel_takes_the_program_and_obeys_it() {
    use crate::process;
    use crate::process::cancel::Cancel;
    use crate::process::descriptors::Confined;
    use crate::process::invocation::{Invocation, Variables};

    let host = crate::process::host::Host::new(Variables::new(), "/nonexistent");
    let isolation = crate::engines::isolation::Isolation::of(&host);
    let script = r#"
my %calls = (unshare => [272, 0x10000000], keyctl => [250, 0, 0], io_uring => [425, 1, 0], vsock => [41, 40, 1, 0],
    clone3 => [435, 0, 0], getpid => [39], unix => [41, 1, 1, 0], tiocsti => [16, 0, 0x5412, 0]);
for (sort keys %calls) { my $got = syscall(shift @{$calls{$_}}, @{$calls{$_}}); printf "%s %d\n", $_, $got < 0 ? $!+0 : 0; }
open my $new, ">", "/tmp/x"; printf "setuid %s\n", chmod(04755, "/tmp/x") ? "made" : $!+0;
"#;
    let run = Invocation::new("bwrap")
        .confined(Confined::ClosedByBubblewrap(0))
        .args([
            "--unshare-user",
            "--unshare-pid",
            "--cap-drop",
            "ALL",
            "--ro-bind",
            "/",
            "/",
            "--tmpfs",
            "/tmp",
            "--dev",
            "/dev",
        ]);
    let run = isolation
        .filtered(isolation.proc(run), false)
        .args(["perl", "-e", script]);
    let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
    let said = process::output(&run, &caller, &Cancel::new()).unwrap();
    let lines: Vec<_> = said.stdout.lines().collect();
    if std::env::consts::ARCH != "x86_64" {
        assert!(said.exit.success(), "{said:?}");
        return;
    }
    let expected = [
        "clone3 38",
        "getpid 0",
        "io_uring 1",
        "keyctl 1",
        "tiocsti 1",
        "unix 0",
        "unshare 1",
        "vsock 1",
        "setuid 1",
    ];
    assert_eq!(lines, expected, "{}", said.stderr);
}
