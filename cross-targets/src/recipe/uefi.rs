//! Installs QEMU system emulation with UEFI firmware in an environment, and the program that the
//! firmware starts.

use super::file::RecipeFile;
use crate::facts::target_facts::TargetFacts;
use crate::facts::uefi_machine::UefiMachine;

/// The path of the source of [`UefiMachine::START`] in the environment.
const SOURCE: &str = "/usr/local/lib/cross-firmware/start.c";

/// The source of the program that the firmware starts, which starts the target's.
pub(super) fn start() -> RecipeFile {
    RecipeFile::new(SOURCE, include_str!("uefi_start.c"))
}

/// The command that compiles this program, and takes what is needed from the packages of the
/// emulator and the firmware.
pub(super) fn command(machine: &UefiMachine, facts: &TargetFacts) -> String {
    INSTALL
        .replace("@TARGET@", facts.c_triple)
        .replace("@SOURCE@", SOURCE)
        .replace("@START@", UefiMachine::START)
        .replace("@EMULATOR@", machine.package)
        .replace("@PACKAGES@", &machine.packages.join(" "))
        .replace("@PROGRAM@", machine.program)
        .replace("@FILES@", &machine.files.join(" "))
        .replace("@FIRMWARE@", UefiMachine::FIRMWARE)
        .replace("@PARTS@", &machine.firmware.join(" "))
}

/// The packages depend on displays, sound and other firmware, of which only libraries are
/// installed.
const INSTALL: &str = r#"(
set -e
work=$(mktemp -d)
cd "$work"
clang --target=@TARGET@ -Os -ffreestanding -fshort-wchar -fno-stack-protector \
  -mno-stack-arg-probe -c @SOURCE@ -o start.o
lld-link /nologo /subsystem:efi_application /entry:efi_main /nodefaultlib /out:@START@ start.o
mkdir parts packages
cd packages
apt-get download -q qemu-system-data qemu-system-common @EMULATOR@ @PACKAGES@
libraries=$(dpkg-deb -f @EMULATOR@_*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(z\{0,1\}lib[^ ]*\).*/\1/p')
apt-get install -q --yes --no-install-recommends $libraries
for package in *.deb; do
  dpkg-deb -x "$package" ../parts
done
cd ../parts
for file in usr/bin/@PROGRAM@ usr/lib/*/qemu/accel-tcg-*.so @FILES@; do
  [ ! -e "$file" ] || cp -a --parents "$file" /
done
cat @PARTS@ >@FIRMWARE@
cd /
rm -rf "$work"
)"#;
