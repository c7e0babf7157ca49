//! Installs QEMU system emulation in an environment: the emulator, a Debian kernel, and an initial
//! RAM disk.

use super::file::RecipeFile;
use crate::target::qemu_machine::QemuMachine;

/// The path of the virtual machine's init program in the environment.
const INIT: &str = "/usr/local/lib/cross-machine/init";

pub(super) fn files() -> Vec<RecipeFile> {
    vec![RecipeFile::program(INIT, FIRST_PROGRAM)]
}

/// The command that extracts the needed files from the packages, which are many times as large.
pub(super) fn command(machine: &QemuMachine) -> String {
    INSTALL
        .replace("@ARCH@", machine.debian_arch)
        .replace("@KERNEL@", machine.kernel)
        .replace("@CANDIDATES@", &machine.packages.join(" "))
        .replace("@FIRMWARE@", &machine.firmware.join(" "))
        .replace("@PROGRAM@", machine.program)
        .replace("@FILES@", &machine.files.join(" "))
}

/// Unpacks the emulator and firmware without the programs that their packages depend on (displays,
/// sound, other firmware), only with libraries. Of the kernel's 350 MB, a few modules are needed;
/// suites differ in whether modules are compressed. The build machine's `busybox` lists modules and
/// creates the archive.
const INSTALL: &str = r#"(
here=/usr/local/lib/cross-machine
build=$(dpkg --print-architecture)
known() {
  [ -n "$(apt-cache madison "$1")" ]
}
for emulator in @CANDIDATES@; do
  ! known "$emulator" || break
done
kernel=$(apt-cache show @KERNEL@:@ARCH@ | sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
work=$(mktemp -d)
cd "$work"
mkdir kernel.deb parts packages
cd packages
for package in qemu-system-data @FIRMWARE@; do
  ! known "$package" || apt-get download -q "$package"
done
apt-get download -q "$emulator"
libraries=$(dpkg-deb -f "$emulator"_*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(z\{0,1\}lib[^ ]*\).*/\1/p')
apt-get install -q --yes --no-install-recommends $libraries
for package in *.deb; do
  dpkg-deb -x "$package" ../parts
done
cd ../parts
for file in usr/bin/@PROGRAM@ @FILES@; do
  [ ! -e "$file" ] || cp -a --parents "$file" /
done
cd ../kernel.deb
apt-get download -q "$kernel:@ARCH@" "busybox-static:@ARCH@" "busybox-static:$build"
mkdir root root/bin root/dev root/proc root/shared
for arch in "$build" @ARCH@; do
  mkdir -p "$arch"
  dpkg-deb --fsys-tarfile busybox-static_*_"$arch".deb |
    tar -xO --wildcards '*bin/busybox' >"$arch/busybox"
  chmod 755 "$arch/busybox"
done
busybox=$PWD/$build/busybox
cp @ARCH@/busybox root/bin
cp @ARCH@/busybox "$here"
# No kernel has all of these modules.
dpkg-deb --fsys-tarfile "$kernel"_*.deb | tar -x -C root --wildcards './boot/vmlinu*' \
  '*/net/9p/*' '*/fs/9p/*' '*/fs/netfs/*' '*/fs/fscache/*' '*/drivers/virtio/*' \
  '*/drivers/s390/virtio/*' '*/char/virtio_console.*' '*/drivers/net/virtio_net.*' \
  '*failover.*' 2>/dev/null || true
mv root/boot/vmlinu* "$here/kernel"
find root -name '9p.ko*' | grep -q .
rmdir root/boot
find root -name '*.ko.xz' -exec "$busybox" unxz {} +
for modules in root/lib/modules/* root/usr/lib/modules/*; do
  [ ! -d "$modules" ] || version=${modules##*/}
done
[ -d root/lib ] || ln -s usr/lib root/lib
"$busybox" depmod -b root "$version"
cp "$here/init" root/init
(cd root && find . | "$busybox" cpio -o -H newc) | gzip -9 >"$here/initrd"
if [ "$build" != @ARCH@ ]; then
  mkdir "$here/bin"
  for name in $("$busybox" --list); do
    ln -s ../busybox "$here/bin/$name"
  done
fi
cd /
rm -rf "$work"
)"#;

/// Mounts the environment over 9p at its own paths, writable where the environment is. `/proc`,
/// `/sys`, `/dev` and the network, which is QEMU's built-in router, belong to the virtual machine.
/// So does `/tmp`, because QEMU's 9p cannot create sockets, for example.
const FIRST_PROGRAM: &str = r#"#!/bin/busybox sh
# The first program of a machine that runs one program of the target. Made by cross-targets.
busybox=/bin/busybox here=/shared/usr/local/lib/cross-machine
$busybox mount -t devtmpfs dev /dev
$busybox mount -t proc proc /proc
$busybox modprobe -a virtio_mmio virtio_pci virtio_ccw virtio_console virtio_net 9pnet_virtio 9p 2>/dev/null
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=mmap,access=any root /shared || $busybox reboot -f
$busybox mount -t proc proc /shared/proc
$busybox mount -t sysfs sys /shared/sys
$busybox mkdir /dev/pts /dev/shm
$busybox mount -t devpts -o mode=620,ptmxmode=666 pts /dev/pts
$busybox mount -t tmpfs shm /dev/shm
$busybox ln -s /proc/self/fd /dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do
    $busybox ln -s /proc/self/fd/${stream%:*} /dev/${stream#*:}
done
$busybox mount --move /dev /shared/dev
$busybox mkdir /tmp
$busybox mount -t tmpfs tmp /tmp
for entry in /shared/tmp/*; do
    if [ -d "$entry" ]; then $busybox mkdir "${entry#/shared}"; else : >"${entry#/shared}"; fi
    $busybox mount --bind "$entry" "${entry#/shared}"
done
$busybox mount --move /tmp /shared/tmp
$busybox hostname localhost
$busybox ip link set lo up
$busybox ip address add 10.0.2.15/24 dev eth0
$busybox ip link set eth0 up
$busybox ip route add default via 10.0.2.2
echo nameserver 10.0.2.3 >/resolv.conf
[ ! -e /shared/etc/resolv.conf ] || $busybox mount --bind /resolv.conf /shared/etc/resolv.conf
[ ! -e $here/bin/sh ] || $busybox mount --bind $here/busybox /shared/bin/sh
# The kernel asks for the ports when it has the device, and goes on.
waits=0
until [ -c "$out" ] && [ -c "$err" ]; do
    [ $waits -lt 3000 ] || $busybox reboot -f
    waits=$((waits + 1))
    $busybox usleep 10000
    out=$(echo /shared/dev/vport*p1) err=$(echo /shared/dev/vport*p2)
done
# What the shell says of a signal is for the console.
(exec $busybox chroot /shared ${here#/shared}/busybox sh "$cross_dir/program") \
    </shared/dev/null >"$out" 2>"$err"
echo $? >"/shared$cross_dir/status"
$busybox sync
$busybox reboot -f
"#;
