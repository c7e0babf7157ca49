# Lists files in the directory $2 of the tree: those in $3, which is in it, up to three levels, and
# those in the other directories in it, all; then sends those that the caller wants. If $1 is
# `changed`, only files are listed that are newer than the volume's state, and then everything that is
# there: directories, and what is none. The working directory is the volume.
set -eu
only=$1
newer=
if [ "$only" = changed ]; then
    # The time of the inode's change cannot be set by a program that keeps times.
    newer=-cnewer
    find now/state -cnewer now/state >/dev/null 2>&1 || newer=-newer
fi
state=$PWD/now/state
at=$PWD/tree$2
shift 2
# A run may have left a link in its place.
if ! cd -P "$at" 2>/dev/null || [ "$(pwd -P; echo .)" != "$at
." ]; then
    cd "${state%/now/state}/now"
    set -- ./nothing
fi
list() {
    dir=$1
    shift
    [ -d "$dir" ] || return 0
    find "$dir" "$@" -type f ${newer:+"$newer" "$state"} -exec stat -c '%s|%y|%z|%i|%n' {} +
}
first=$1
shift
list "$first" -maxdepth 3
# Apple's debug information is a directory beside the program, or a link to one among cargo's files.
if [ -d "$first" ]; then
    find "$first" -maxdepth 3 ! -path '*/deps/*' -name '*.dSYM' -print0 | xargs -0 sh -c '
        for it; do
            [ ! -d "$it" ] || find "$it/" -type f -exec stat -c "%s|%y|%z|%i|%n" {} +
        done' cross
fi
for dir; do list "$dir"; done
echo .
if [ "$only" = changed ]; then
    for dir; do [ ! -d "$dir" ] || find "$dir" -type d -print0; done
    printf '\0'
    for dir; do [ ! -d "$dir" ] || find "$dir" ! -type d -print0; done
    printf '\0'
fi
read -r count
[ "$count" -gt 0 ] || exit 0
# A file with two names is sent twice.
twice=--hard-dereference
tar "$twice" --version >/dev/null 2>&1 || twice=
exec tar -c $twice -f - -T -
