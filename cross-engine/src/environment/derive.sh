# shellcheck shell=sh
# Installs the packages that an environment has beyond its base, from the cache or the mirror. $1 is the
# root file system, and the packages follow. A problem with the cache is not an error: apt downloads what
# is missing or damaged.
root=$1; shift
released() { cat "$root"/var/lib/apt/lists/*Release | sha256sum; }
if [ "$(released)" != "$(cat "$root/run/cross-core.release")" ]; then
  echo 'cross-core: the base is of another release'
  exit 1
fi
archives=$root/var/cache/apt/archives
passed=/var/cache/cross-core
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG

# Copies through the process that started mmdebstrap: a user's namespace does not reach the home directory.
helped() {
  "$MMDEBSTRAP_ARGV0" --hook-helper "$root" "$MMDEBSTRAP_MODE" "$MMDEBSTRAP_HOOK" env \
    "$MMDEBSTRAP_VERBOSITY" "$@" <&"$MMDEBSTRAP_HOOKSOCK" >&"$MMDEBSTRAP_HOOKSOCK"
}
brings() {
  if [ "$MMDEBSTRAP_MODE" = root ]; then
    cp -- "$@" "$root$passed/"
  else
    helped copy-in "$@" "$passed"
  fi
}
hands_out() {
  if [ "$MMDEBSTRAP_MODE" = root ]; then
    mv -- "$root$passed"/* "$CROSS_INCOMING/"
  else
    helped sync-out "$passed" "$CROSS_INCOMING"
  fi
}
# Prints "hash file" for every package that has to be downloaded, as in the signed index.
wanted() {
  apt-get -qq --yes -o Acquire::ForceHash=SHA256 --print-uris install "$@" 2>/dev/null |
    sed -n "s/^'[^']*' \([^ ]*\) [0-9]* SHA256:\([0-9a-f]\{64\}\)$/\2 \1/p"
}
# Gives apt the cached packages that match the index.
takes() {
  list=$1; set --
  while read -r hash file; do
    case "$CROSS_PACKAGES" in *" $hash "*) set -- "$@" "$CROSS_CACHE/$hash.deb";; esac
  done <"$list"
  [ $# = 0 ] && return
  brings "$@" || return
  while read -r hash file; do
    deb=$root$passed/$hash.deb
    [ -e "$deb" ] || continue
    if echo "$hash  $deb" | sha256sum --check --status; then
      mv -- "$deb" "$archives/$file" && echo "$hash" >>"$list.taken"
    else
      echo "cross-core: package $file is damaged in the cache and is obtained again"
      rm -f -- "$deb"
    fi
  done <"$list"
  echo "cross-core: $(wc -l <"$list.taken") of $(wc -l <"$list") packages are in the cache"
}
# Passes the packages that apt downloaded to the cache.
gives() {
  while read -r hash file; do
    grep -qx "$hash" "$1.taken" || mv -- "$archives/$file" "$root$passed/$hash.deb"
  done <"$1"
  mv -- "$1.taken" "$root$passed/used"
  hands_out
}

list=$root/run/cross-core.packages
wanted "$@" >"$list"
: >"$list.taken"
mkdir -p "$root$passed" && takes "$list"
# The same options as in mmdebstrap.
apt-get --yes -o Dpkg::Use-Pty=false -o Dir::Bin::dpkg=env -o DPkg::Options::=--unset=TMPDIR -o DPkg::Options::=dpkg \
  -o "DPkg::Chroot-Directory=$root" install "$@"
status=$?
[ $status != 0 ] || gives "$list" || echo 'cross-core: the packages cannot be cached'
rm -rf "${root:?}$passed"
exit $status
