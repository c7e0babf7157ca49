//! Machines that QEMU makes as a whole, with the kernel that Debian has for them: pure data.

use crate::facts::target_facts::{Endian, Facts, Libc};

/// A machine that QEMU's system mode makes: it boots Debian's kernel, on which programs of a target run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Machine {
    /// The emulator: `qemu-system-aarch64`.
    pub program: &'static str,
    /// What it is told of the machine and its processor.
    pub arguments: &'static [&'static str],
    /// How names of virtio devices end on the machine's bus: `pci`, `ccw`, or `device` where they are
    /// found in memory.
    pub bus: &'static str,
    /// What the kernel calls the first serial line: `ttyAMA0`.
    pub console: &'static str,
    /// The Debian architecture of the kernel, and of the few programs that run on it besides.
    pub debian_arch: &'static str,
    /// The package that depends on the newest kernel of the architecture.
    pub(crate) kernel: &'static str,
    /// The packages that have the emulator: the first that the suite knows.
    pub(crate) packages: &'static [&'static str],
    /// Further packages, of which `files` are taken too.
    pub(crate) firmware: &'static [&'static str],
    /// What is taken of all of them besides the emulator: globs below the root.
    pub(crate) files: &'static [&'static str],
}

impl Machine {
    /// Where an environment has the kernel.
    pub const KERNEL: &'static str = "/usr/local/lib/cross-machine/kernel";
    /// Where it has what the kernel starts with: an archive whose first program mounts the 9p export
    /// `root` and runs the shell script `$cross_dir/program` in it. That variable is an argument of the
    /// kernel's. The script's standard output and error are the first and the second port of a virtio
    /// serial device; its exit status is written to `$cross_dir/status`, and the machine is reset.
    pub const INITRD: &'static str = "/usr/local/lib/cross-machine/initrd";
    /// Where it has the shell that runs on the kernel: a busybox.
    pub const SHELL: &'static str = "/usr/local/lib/cross-machine/busybox";
    /// Where it has the shell's tools, in case the build machine's own do not run on the kernel.
    pub const TOOLS: &'static str = "/usr/local/lib/cross-machine/bin";
}

const VIRT: &[&str] = &["-machine", "virt"];

const AARCH64: Machine = Machine {
    program: "qemu-system-aarch64",
    // Its pointer authentication as the architecture has it takes half of the time.
    arguments: &["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
    bus: "device",
    console: "ttyAMA0",
    debian_arch: "arm64",
    kernel: "linux-image-arm64",
    packages: &["qemu-system-arm"],
    firmware: &[],
    files: &[],
};

const ARM: Machine = Machine {
    program: "qemu-system-arm",
    arguments: &["-machine", "virt,highmem=off", "-cpu", "cortex-a15"],
    debian_arch: "armhf",
    kernel: "linux-image-armmp-lpae",
    ..AARCH64
};

/// Its boot code would look for disks of the BIOS for six seconds (`edd`).
const X86_64: Machine = Machine {
    program: "qemu-system-x86_64",
    arguments: &["-machine", "pc", "-cpu", "max"],
    bus: "pci",
    console: "ttyS0 edd=off",
    debian_arch: "amd64",
    kernel: "linux-image-amd64",
    packages: &["qemu-system-x86"],
    firmware: &["seabios", "qemu-system-common"],
    files: &[
        "usr/share/seabios/bios-256k.bin",
        "usr/share/qemu/linuxboot_dma.bin",
        "usr/share/qemu/kvmvapic.bin",
        "usr/lib/*/qemu/accel-tcg-x86_64.so",
    ],
};

const RISCV64: Machine = Machine {
    program: "qemu-system-riscv64",
    arguments: VIRT,
    console: "ttyS0",
    debian_arch: "riscv64",
    kernel: "linux-image-riscv64",
    packages: &["qemu-system-riscv", "qemu-system-misc"],
    firmware: &["opensbi"],
    files: &[
        "usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
        "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
    ],
    ..AARCH64
};

const PPC64LE: Machine = Machine {
    program: "qemu-system-ppc64",
    arguments: &["-machine", "pseries"],
    bus: "pci",
    console: "hvc0",
    debian_arch: "ppc64el",
    kernel: "linux-image-powerpc64le",
    packages: &["qemu-system-ppc"],
    firmware: &["qemu-slof"],
    files: &["usr/share/qemu/slof.bin", "usr/share/slof/*"],
};

const S390X: Machine = Machine {
    program: "qemu-system-s390x",
    arguments: &["-machine", "s390-ccw-virtio"],
    bus: "ccw",
    console: "ttysclp0",
    debian_arch: "s390x",
    kernel: "linux-image-s390x",
    packages: &["qemu-system-s390x", "qemu-system-misc"],
    firmware: &[],
    files: &["usr/share/qemu/s390-ccw.img"],
};

/// The machine that runs programs of the target with these `facts`, if there is one.
pub(crate) fn of(facts: &Facts) -> Option<Machine> {
    let runs_on_debians_kernel =
        facts.os == "linux" && matches!(facts.libc, Libc::Glibc | Libc::Musl);
    let machine = match (facts.arch, facts.endian) {
        _ if !runs_on_debians_kernel => return None,
        ("aarch64", _) => AARCH64,
        ("arm", _) => ARM,
        ("powerpc64", Endian::Little) => PPC64LE,
        ("riscv64", _) => RISCV64,
        ("s390x", _) => S390X,
        ("x86" | "x86_64", _) => X86_64,
        _ => return None,
    };
    Some(machine)
}

#[cfg(test)]
mod tests {
    use crate::target::Target;

    #[test]
    fn a_machine_runs_every_program_of_its_processor_and_its_kernel() {
        for (triple, program) in [
            ("aarch64-unknown-linux-gnu", Some("qemu-system-aarch64")),
            ("aarch64-unknown-linux-musl", Some("qemu-system-aarch64")),
            ("armv5te-unknown-linux-musleabi", Some("qemu-system-arm")),
            ("i586-unknown-linux-gnu", Some("qemu-system-x86_64")),
            ("powerpc64le-unknown-linux-gnu", Some("qemu-system-ppc64")),
            ("powerpc64-unknown-linux-gnu", None),
            ("mips-unknown-linux-gnu", None),
            ("aarch64-linux-android", None),
            ("thumbv7m-none-eabi", None),
            ("x86_64-pc-windows-gnu", None),
        ] {
            let machine = Target::parse(triple).unwrap().machine();
            assert_eq!(machine.map(|it| it.program), program, "{triple}");
        }
    }
}
