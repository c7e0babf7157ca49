//! The script that runs a program in an emulated machine, with QEMU's system mode.

use cross_targets::QemuMachine;

use super::command;

/// The message of the script if the machine failed rather than the program. The reason follows it.
pub(crate) const FAILED: &str = "cross: the emulated machine failed";

/// The script for `machine`.
pub(super) fn script(machine: &QemuMachine) -> String {
    let options: Vec<_> = machine.arguments.to_vec();
    // The firmware for booting from a network is not in the environment, and nothing needs it.
    let no_rom = if machine.bus == "pci" {
        ",romfile="
    } else {
        ""
    };
    let start = [START, END]
        .concat()
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

/// The machine sees every file that the run sees. The script writes another shell script for the
/// machine, in a temporary directory. That script sets the working directory and the variables, and
/// starts the program as the same user. The variables are read from `/proc`, because a shell drops
/// those whose names are not valid in a shell.
///
/// Standard output and standard error are two pipes, which close when QEMU exits. The kernel writes
/// to the serial line, which is shown only if there is no exit status. A kernel panic, or an oops,
/// resets the machine, and QEMU exits on a reset.
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
"#;

/// Exits with the status that the machine left in `$dir`, or says why there is none.
pub(super) const END: &str = r#"if read -r status 2>/dev/null <"$dir/status"; then
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
    fn the_devices_are_on_the_machines_bus() {
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
        let all_replaced = !arm.replace("$@", "").contains('@');
        assert!(all_replaced, "{arm}");
    }
}
