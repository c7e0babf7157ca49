# shellcheck shell=sh
# join TO FROM…: joins each file of a profile that all the directories FROM have into one for all their
# machines, by Apple's lipo or LLVM's.
join() {
  to=$1; shift
  lipo=$(command -v lipo || command -v llvm-lipo) || { echo 'lipo is not installed' >&2; return 1; }
  for file in "$1"/*/* "$1"/*/examples/*; do
    join_file "${file#"$1"/}" "$@"
  done
}
join_file() {
  name=$1; shift
  case $name in *.d | *.rlib) return 0;; esac
  for dir; do
    shift
    [ ! -L "$dir/$name" ] && [ -f "$dir/$name" ] || return 0
    set -- "$@" "$dir/$name"
  done
  mkdir -p "$(dirname "$to/$name")"
  "$lipo" -create "$@" -output "$to/$name"
}
