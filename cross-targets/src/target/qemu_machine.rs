//! Virtual machines of QEMU system emulation that boot a Debian kernel.

use crate::facts::target_facts::{Endian, Libc, TargetFacts};

/// A virtual machine of QEMU system emulation. It boots a Debian kernel, on which programs of a
/// target run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct QemuMachine {
    /// The emulator: `qemu-system-aarch64`.
    pub program: &'static str,
    /// The options that select the machine and its processor.
    pub arguments: &'static [&'static str],
    /// The suffix of virtio device names on the machine's bus: `pci`, `ccw`, or `device` for
    /// memory-mapped devices.
    pub bus: &'static str,
    /// The kernel's name of the first serial console: `ttyAMA0`.
    pub console: &'static str,
    /// The Debian architecture of the kernel and of the programs that support it.
    pub debian_arch: &'static str,
    /// The metapackage of the architecture's newest kernel.
    pub(crate) kernel: &'static str,
    /// The packages that provide the emulator; the first one that the suite has is used.
    pub(crate) packages: &'static [&'static str],
    /// Packages from which `files` are also taken.
    pub(crate) firmware: &'static [&'static str],
    /// The files to take from these packages besides the emulator, as globs relative to the root.
    pub(crate) files: &'static [&'static str],
}

impl QemuMachine {
    /// The path of the kernel in an environment.
    pub const KERNEL: &'static str = "/usr/local/lib/cross-machine/kernel";
    /// The path of the initial RAM disk in an environment.
    ///
    /// Its init program mounts the 9p export `root` and runs the shell script `$cross_dir/program`
    /// in it, where `cross_dir` is a kernel argument. Standard output and standard error of the
    /// script are the first and second port of a virtio serial device. The exit status is written
    /// to `$cross_dir/status`, after which the machine resets.
    pub const INITRD: &'static str = "/usr/local/lib/cross-machine/initrd";
    /// The path of the shell, a busybox, in an environment.
    pub const SHELL: &'static str = "/usr/local/lib/cross-machine/busybox";
    /// The directory of the shell's tools in an environment, for kernels that cannot run the tools
    /// of the build machine.
    pub const TOOLS: &'static str = "/usr/local/lib/cross-machine/bin";
}

const VIRT: &[&str] = &["-machine", "virt"];

const AARCH64: QemuMachine = QemuMachine {
    program: "qemu-system-aarch64",
    // The architected pointer authentication doubles the run time.
    arguments: &["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
    bus: "device",
    console: "ttyAMA0",
    debian_arch: "arm64",
    kernel: "linux-image-arm64",
    packages: &["qemu-system-arm"],
    firmware: &[],
    files: &[],
};

const ARM: QemuMachine = QemuMachine {
    program: "qemu-system-arm",
    arguments: &["-machine", "virt,highmem=off", "-cpu", "cortex-a15"],
    debian_arch: "armhf",
    kernel: "linux-image-armmp-lpae",
    ..AARCH64
};

/// `edd=off`: the boot code would otherwise search for BIOS disks for six seconds.
const X86_64: QemuMachine = QemuMachine {
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

const RISCV64: QemuMachine = QemuMachine {
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

const PPC64LE: QemuMachine = QemuMachine {
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

const S390X: QemuMachine = QemuMachine {
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

/// The machine that runs programs of the target, if there is one.
pub(crate) fn of(facts: &TargetFacts) -> Option<QemuMachine> {
    let runs_on_debians_kernel =
        facts.os == "linux" && matches!(facts.libc, Libc::Glibc | Libc::Musl);
    let machine = match (facts.arch, facts.endian) {
        _ if !runs_on_debians_kernel => return None,
        ("aarch64", _) => AARCH64,
        ("arm", _) => ARM,
        ("powerpc64", Endian::Little) => PPC64LE,
        ("riscv64", _) => RISCV64,
        ("s390x", _) => S390X,
        ("x86_64", _) if facts.pointer_width == 32 => return None,
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
            assert_eq!(machine.map(|machine| machine.program), program, "{triple}");
        }
    }
}
