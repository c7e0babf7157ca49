//! The script that starts a program in a machine of its own, under QEMU's system mode.

use cross_targets::QemuMachine;

use super::command;

/// What the script says when it is not the program that failed; what it knows of the reason follows.
pub(crate) const FAILED: &str = "cross: the emulated machine failed";

/// The script for `machine`.
pub(super) fn script(machine: &QemuMachine) -> String {
    let options: Vec<_> = machine.arguments.to_vec();
    // Firmware for starting from a network, which nobody does and the environment lacks.
    let no_rom = if machine.bus == "pci" {
        ",romfile="
    } else {
        ""
    };
    let start = START
        .replace("@PROGRAM@", machine.program)
        .replace("@OPTIONS@", &options.join(" "))
        .replace("@BUS@", machine.bus)
        .replace("@ROM@", no_rom)
        .replace("@CONSOLE@", machine.console)
        .replace("@KERNEL@", QemuMachine::KERNEL)
        .replace("@INITRD@", QemuMachine::INITRD)
        .replace("@SHELL@", QemuMachine::SHELL)
        .replace("@TOOLS@", QemuMachine::TOOLS)
        .replace("@FAILED@", FAILED);
    command(machine.program, &start)
}

/// The machine sees everything that the run sees. What it is to do is a shell script in a directory of
/// its own: the working directory, the variables, and the program as the same user. They are taken
/// from where the kernel has them, because shells forget variables with names that are not theirs.
///
/// Standard output and error are two pipes, which end with QEMU however that ends; the serial line,
/// on which the kernel talks, is shown only where there is no exit status. A panic, or an error of the
/// kernel's that would become one, resets the machine, and with that QEMU ends.
const START: &str = r#"dir=$(mktemp -d /tmp/cross-machine-XXXXXX) || exit 125
trap 'rm -rf "$dir"' EXIT
words() {
    sed -z "s/'/'\\\\''/g; s/.*/'&' \\\\/" | tr '\0' '\n'
}
{
    printf 'cd '
    printf '%s\0' "$PWD" | words
    printf '|| exit 126\nexec @SHELL@ env -i \\\n'
    words </proc/$$/environ
    printf '%s\0' "PATH=@TOOLS@:$PATH" | words
    echo "@SHELL@ start-stop-daemon -S -c $(id -u):$(id -g) -p $dir/none -a \\"
    printf '%s\0' "$1" | words
    shift
    echo '-- \'
    [ $# = 0 ] || printf '%s\0' "$@" | words
    echo
} >"$dir/program"
processors=$(nproc)
[ "$processors" -le 4 ] || processors=4
{
    {
        @PROGRAM@ @OPTIONS@ -accel tcg -m 1G -smp "$processors" \
            -nodefaults -no-user-config -display none -no-reboot \
            -kernel @KERNEL@ -initrd @INITRD@ \
            -append "console=@CONSOLE@ quiet panic=-1 oops=panic cross_dir=$dir" \
            -serial "file:$dir/console" \
            -fsdev local,id=root,path=/,security_model=none,multidevs=remap \
            -device virtio-9p-@BUS@,fsdev=root,mount_tag=root \
            -netdev user,id=net -device virtio-net-@BUS@,netdev=net@ROM@ \
            -device virtio-serial-@BUS@ \
            -chardev file,id=out,path=/dev/fd/3 -device virtserialport,chardev=out \
            -chardev file,id=err,path=/dev/fd/4 -device virtserialport,chardev=err \
            3>&1 4>&2 >"$dir/emulator" 2>&1 </dev/null | cat
    } 2>&1 >&5 | cat >&2
} 5>&1
if read -r status 2>/dev/null <"$dir/status"; then
    exit "$status"
fi
echo "@FAILED@: $(tail -n 1 "$dir/emulator")" >&2
tail -n 30 "$dir/console" >&2
exit 125"#;

#[cfg(test)]
mod tests {
    use cross_targets::Target;

    use super::*;

    fn script_for(triple: &str) -> String {
        script(&Target::parse(triple).unwrap().machine().unwrap())
    }

    #[test]
    fn a_machine_has_its_devices_on_its_bus() {
        let arm = script_for("aarch64-unknown-linux-gnu");
        let pc = script_for("x86_64-unknown-linux-gnu");
        for (script, part) in [
            (&arm, "qemu-system-aarch64 -machine virt -cpu max,"),
            (&arm, "-device virtio-net-device,netdev=net \\"),
            (&arm, "console=ttyAMA0 "),
            (&pc, "-device virtio-9p-pci,fsdev=root"),
            (&pc, "-device virtio-net-pci,netdev=net,romfile= \\"),
        ] {
            assert!(script.contains(part), "{part} in {script}");
        }
        let filled_in = !arm.replace("$@", "").contains('@');
        assert!(filled_in, "{arm}");
    }
}
