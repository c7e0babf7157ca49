//! The script that runs a program of UEFI's in an emulated machine, with QEMU's system mode.

use cross_targets::UefiMachine;

use super::command;
use super::system::{END, FAILED};

/// The devices of a machine whose channels are ports.
const PORTS: &str = "-device isa-debug-exit,iobase=0xf4,iosize=1 \
     -chardev file,id=out,path=/dev/fd/3 -device isa-debugcon,iobase=0xe9,chardev=out \
     -chardev file,id=err,path=/dev/fd/4 -device isa-debugcon,iobase=0xea,chardev=err \
     -chardev file,id=status,path=/dev/fd/5 -device isa-debugcon,iobase=0xeb,chardev=status";

/// The script for `machine`.
pub(super) fn script(machine: &UefiMachine) -> String {
    let start = [START, END]
        .concat()
        .replace("@PROGRAM@", machine.program)
        .replace("@OPTIONS@", &machine.arguments.join(" "))
        .replace("@DEVICES@", if machine.has_ports { PORTS } else { "" })
        .replace("@BOOT@", machine.boot_file)
        .replace("@START@", UefiMachine::START)
        .replace("@FIRMWARE@", UefiMachine::FIRMWARE)
        .replace("@FAILED@", FAILED);
    command(machine.program, &start)
}

/// The disk is a directory, which QEMU shows as a file system. The streams are pipes, which close
/// when QEMU exits. The firmware writes to the serial line, which is shown only if there is no exit
/// status.
const START: &str = r#"dir=$(mktemp -d /tmp/cross-firmware-XXXXXX) || exit 125
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/disk/EFI/BOOT"
cp @START@ "$dir/disk/EFI/BOOT/@BOOT@" || exit 125
cp "$1" "$dir/disk/program.efi" || exit 126
shift
[ $# = 0 ] || printf '%s\0' "$@" >"$dir/disk/arguments"
[ $# != 0 ] || : >"$dir/disk/arguments"
{
    {
        @PROGRAM@ @OPTIONS@ -accel tcg -m 512M \
            -nodefaults -no-user-config -display none -no-reboot \
            -bios @FIRMWARE@ -serial "file:$dir/console" \
            -drive "if=none,id=disk,format=raw,readonly=on,file=fat:$dir/disk" \
            -device virtio-blk-pci,drive=disk,romfile= \
            @DEVICES@ \
            3>&1 4>&2 5>"$dir/status" >"$dir/emulator" 2>&1 </dev/null | cat
    } 2>&1 >&6 | cat >&2
} 6>&1
"#;

#[cfg(test)]
mod tests {
    use cross_targets::{DebianArch, Runner, Target};

    use super::*;

    fn script_for(triple: &str) -> String {
        match Target::parse(triple).unwrap().runner(DebianArch::Amd64) {
            Runner::Uefi(machine) => script(&machine),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_machine_starts_what_its_firmware_looks_for() {
        for (triple, boot, channel) in [
            (
                "x86_64-unknown-uefi",
                "/EFI/BOOT/BOOTX64.EFI",
                "iobase=0xe9",
            ),
            ("i686-unknown-uefi", "/EFI/BOOT/BOOTIA32.EFI", "iobase=0xe9"),
            (
                "aarch64-unknown-uefi",
                "/EFI/BOOT/BOOTAA64.EFI",
                "-semihosting-config",
            ),
        ] {
            let script = script_for(triple);
            assert!(
                script.contains(boot) && script.contains(channel),
                "{script}"
            );
            let own = script.replace("$@", "");
            assert!(!own.contains('@'), "{script}");
        }
    }
}
