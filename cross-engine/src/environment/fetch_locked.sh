# shellcheck shell=sh
# Makes an archive of locked packages: the directory $1 with the file `wanted`, a line for each package
# (its hash, its path in a pool, its name, its version, its architecture). They are taken from the cache
# $2, else from the mirror $3, else from the snapshot mirror $4, which may be empty. What came is put into
# the directory $5. $6 is the suite. The file of a package is named by its hash, which is always verified.
archive=$1 cache=$2 mirror=$3 snapshot=$4 incoming=$5 suite=$6
tab=$(printf '\t')
cd "$archive" || exit
for helper in /usr/lib/apt/apt-helper /usr/libexec/apt/apt-helper /usr/lib64/apt/apt-helper; do
  [ ! -x "$helper" ] || break
done
fetch() {
  "$helper" -o Acquire::Retries=3 -o APT::Sandbox::User=root download-file "$@"
}
missing() {
  while IFS=$tab read -r hash rest; do
    [ -e "$hash.deb" ] || printf '%s\t%s\n' "$hash" "$rest"
  done <wanted >missing
  [ -s missing ]
}
takes() {
  : >taken
  while IFS=$tab read -r hash rest; do
    [ -e "$cache/$hash.deb" ] || continue
    ln -- "$cache/$hash.deb" "$hash.deb" 2>/dev/null || cp -- "$cache/$hash.deb" "$hash.deb" || exit
    echo "$hash  $hash.deb" >>taken
  done <wanted
  sha256sum --check --quiet taken 2>/dev/null | sed -n 's/\.deb: FAILED.*//p' >damaged
  while read -r hash; do
    echo "cross-core: package $hash is damaged in the cache and is obtained again"
    rm -f -- "$hash.deb" "$cache/$hash.deb"
  done <damaged
  echo "cross-core: $(($(wc -l <taken) - $(wc -l <damaged))) of $(wc -l <wanted) packages are in the cache"
  cut -c 1-64 taken >"$incoming/used"
}
# A mirror that has another file under the name of a package is told of, and the file is not used. Of a
# file of this machine, apt would make a link. What apt leaves of a network's file is not all of it: it
# checks the hash of a whole one, and then gives it another name.
downloads() {
  case "$1" in
  file:*) set -- "copy:${1#file:}" ;;
  *) set -- "$1" ;;
  esac
  while IFS=$tab read -r hash path rest; do
    set -- "$@" "$1/$path" "$archive/$hash.deb" "SHA256:$hash"
  done <missing
  from=$1
  shift
  fetch "$@" || true
  for file in *.deb.FAILED; do
    [ -e "$file" ] || continue
    echo "cross-core: differs ${file%.deb.FAILED} ${from#copy://}"
    rm -f -- "$file"
  done
  while IFS=$tab read -r hash rest; do
    [ -e "$hash.deb" ] || continue
    # What apt checked depends on the kind of the URL.
    if echo "$hash  $hash.deb" | sha256sum --check --status; then
      cp -- "$hash.deb" "$incoming/$hash.deb" || exit
    else
      case "$from" in
      http:* | https:*) found=cut ;;
      *) found=differs ;;
      esac
      echo "cross-core: $found $hash ${from#copy://}"
      rm -f -- "$hash.deb"
    fi
  done <missing
}
# Tells what is missing, and which version of the first package the mirror has now.
explains() {
  while IFS=$tab read -r hash path name version arch; do
    if [ -n "$explained" ]; then
      echo "cross-core: missing $hash "
      continue
    fi
    explained=yes
    of=$arch
    [ "$arch" != all ] || of=$(dpkg --print-architecture)
    if [ ! -e "index-$of" ]; then
      for form in xz gz; do
        [ -s "index-$of" ] || {
          fetch "$mirror/dists/$suite/main/binary-$of/Packages.$form" "$archive/index-$of.$form" '' >/dev/null 2>&1 &&
            "$helper" cat-file "index-$of.$form" >"index-$of"
        }
      done
      [ -s "index-$of" ] || fetch "$mirror/dists/$suite/main/binary-$of/Packages" "$archive/index-$of" '' >/dev/null 2>&1
      [ -e "index-$of" ] || : >"index-$of"
    fi
    has=$(awk -v name="$name" '
      /^Package: / { is = substr($0, 10) == name }
      is && /^Version: / { print substr($0, 10); exit }' "index-$of")
    echo "cross-core: missing $hash $has"
  done <missing
}
explained=
takes
[ -z "$mirror" ] || ! missing || downloads "$mirror"
if [ -n "$snapshot" ] && missing; then
  echo 'cross-core: asking the snapshot mirror'
  downloads "$snapshot"
  echo 'cross-core: asked the snapshot mirror'
fi
! missing || explains
while IFS=$tab read -r hash rest; do
  [ -e "$hash.deb" ] || continue
  chmod a+r "$hash.deb" 2>/dev/null
  dpkg-deb --field "$hash.deb" || exit
  printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$hash" "$(wc -c <"$hash.deb")" "$hash"
done <wanted >Packages
