# shellcheck shell=sh disable=SC2154,SC2034
# The mount points that runs need in the new root file system, its owner, and its size in bytes.
mkdir -p "$root/etc/ssl/certs"
for file in resolv.conf hosts passwd group; do
  [ ! -L "$root/etc/$file" ] || rm -f -- "$root/etc/$file"
  [ -e "$root/etc/$file" ] || : >"$root/etc/$file"
done
[ "$(id -u)" != 0 ] || find "$root" \( ! -user "${owner%:*}" -o ! -group "${owner#*:}" \) -exec chown -h "$owner" {} +
bytes=$(du -sk "$root" | cut -f1)000
