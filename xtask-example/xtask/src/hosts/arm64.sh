# The first program of the host that `cargo xtask hosts --prove` starts: proves rows. What it prints
# is what the command prints.
rows="@ROWS@"
case $1 in
'')
    # It begins in a chroot, in which no process may make a user namespace.
    exec /usr/local/lib/cross-machine/busybox chroot /proc/1/root /bin/busybox sh /shared/proof/program outside
    ;;
outside)
    # The host's root becomes the kernel's. It is in memory.
    busybox=/bin/busybox
    $busybox mkdir /host
    $busybox mount -t tmpfs -o size=95%,mode=755 host /host
    for archive in host project; do
        $busybox tar -xf /shared/proof/$archive.tar -C /host
    done
    $busybox mkdir -p /host/proof /host/usr/local/bin
    for dir in dev proc sys tmp; do
        $busybox mount --move /shared/$dir /host/$dir
    done
    $busybox mount --bind /shared/proof /host/proof
    $busybox cat /resolv.conf >/host/etc/resolv.conf
    cd /host || exit
    $busybox cp /bin/busybox usr/local/bin/
    $busybox mount --move . / && exec $busybox chroot . /bin/sh /proof/program inside
    ;;
esac
exec 2>&1
umask 022
mount -t tmpfs run /run
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /usr/local/bin /home/me
cp /proof/xtask /usr/local/bin/xtask
export HOME=/home/me CARGO_HOME=/home/me/.cargo RUSTUP_HOME=/rust
# Its cargo is found where a user has rustup's.
export PATH=/rust/toolchains/stable-aarch64-unknown-linux-gnu/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /project || exit
uname -srvm
cargo --version
status=0
# It is shown, and decides nothing: an engine has ten seconds to answer, which may be too few here.
xtask doctor || :
for row in $rows; do
    date -u +%T
    xtask plan test --target "$row" | head -n 4
    xtask matrix --again --target "$row" || status=$?
    cp docs/targets.json /proof/targets.json
done
date -u +%T
echo $status >/proof/status
sync
busybox reboot -f
