//! Virtual machines of QEMU system emulation with UEFI firmware.

/// A virtual machine of QEMU system emulation whose UEFI firmware starts programs of a target.
///
/// The firmware starts [`START`](Self::START) from a disk. It starts `program.efi` of the same disk
/// with the arguments in the file `arguments`, each of which ends with a zero byte. The program's
/// output, its errors and its exit status, as a line of text, are written to three channels, after
/// which the machine ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UefiMachine {
    /// The emulator: `qemu-system-x86_64`.
    pub program: &'static str,
    /// The options that select the machine and its processor.
    pub arguments: &'static [&'static str],
    /// The name of the file that the firmware starts from the directory `EFI/BOOT` of a disk.
    pub boot_file: &'static str,
    /// Whether the channels are debug consoles at the ports 0xe9 to 0xeb, and a byte at port 0xf4
    /// ends the machine. Otherwise they are the host's descriptors 3 to 5, opened by semihosting.
    pub has_ports: bool,
    /// The package that provides the emulator.
    pub(crate) package: &'static str,
    /// Packages from which `files` and `firmware` are also taken.
    pub(crate) packages: &'static [&'static str],
    /// The files to take from these packages besides the emulator, as globs relative to the root.
    pub(crate) files: &'static [&'static str],
    /// The parts of the firmware in their order, relative to the root.
    pub(crate) firmware: &'static [&'static str],
}

impl UefiMachine {
    /// The path of the firmware in an environment.
    pub const FIRMWARE: &'static str = "/usr/local/lib/cross-firmware/firmware.fd";
    /// The path of the program that the firmware starts in an environment.
    pub const START: &'static str = "/usr/local/lib/cross-firmware/start.efi";
}

pub(crate) const UEFI_AARCH64: UefiMachine = UefiMachine {
    program: "qemu-system-aarch64",
    arguments: &[
        "-machine",
        "virt",
        "-cpu",
        "cortex-a57",
        "-semihosting-config",
        "enable=on,target=native",
    ],
    boot_file: "BOOTAA64.EFI",
    has_ports: false,
    package: "qemu-system-arm",
    packages: &["qemu-efi-aarch64"],
    files: &[],
    firmware: &["usr/share/qemu-efi-aarch64/QEMU_EFI.fd"],
};

pub(crate) const UEFI_X86_64: UefiMachine = UefiMachine {
    program: "qemu-system-x86_64",
    arguments: &["-machine", "q35"],
    boot_file: "BOOTX64.EFI",
    has_ports: true,
    package: "qemu-system-x86",
    packages: &["seabios", "ovmf"],
    files: &["usr/share/qemu/kvmvapic.bin"],
    firmware: &[
        "usr/share/OVMF/OVMF_VARS_4M.fd",
        "usr/share/OVMF/OVMF_CODE_4M.fd",
    ],
};

pub(crate) const UEFI_X86: UefiMachine = UefiMachine {
    program: "qemu-system-i386",
    boot_file: "BOOTIA32.EFI",
    packages: &["seabios", "ovmf-ia32"],
    firmware: &[
        "usr/share/OVMF/OVMF32_VARS_4M.fd",
        "usr/share/OVMF/OVMF32_CODE_4M.fd",
    ],
    ..UEFI_X86_64
};
