# shellcheck shell=sh
# TOOL LIBRARIES LEVEL DEBUG FROM TO STEM…: makes in TO what FROM has of the programs and libraries STEM,
# stripped by TOOL as LEVEL says, and removes what FROM has no more. A copy has the time of what it was made
# of, which tells whether it is still that of the build. If DEBUG is "debug", debug information is beside the
# copy. A static library keeps its symbols, which others link. What starts TOOL comes before this.
tool=$1 libraries=$2 level=$3 debug=$4 from=$5 to=$6; shift 6
# Prints when $1 was modified, unless no more than the second is known: two builds may have that.
time_of() {
  time=$(stat -c %y -- "$1" 2>/dev/null || :)
  case $time in *.*[1-9]*' '*) echo "$time";; esac
}
mkdir -p "$to"
work=$(mktemp -d "$to/.new-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
for stem; do
  for end in '' .exe .so .dylib .dll .elf .wasm .a; do
    name=$stem$end
    if [ ! -f "$from/$name" ] || [ -L "$from/$name" ]; then
      for old in "$to/$name" "$to/$name.debug"; do
        [ ! -f "$old" ] || rm -f -- "$old"
      done
      continue
    fi
    built=$(time_of "$from/$name") made=$(time_of "$to/$name") beside=$built
    case $end$debug in .a*) ;; *debug) beside=$(time_of "$to/$name.debug");; esac
    [ -z "$built" ] || [ "$made, $beside" != "$built, $built" ] || continue
    mkdir -p "$(dirname "$to/$name")"
    # Before the file is read: what takes its place meanwhile has another time.
    touch -r "$from/$name" "$work/time"
    case $end$debug in
    .a*)
      # Members that a tool does not know, such as those that import a DLL, keep the whole as it is.
      strip_archive "$from/$name" "$work/new" || {
        echo "$name keeps its debug information: $tool refuses a member of it" >&2
        cp -- "$from/$name" "$work/new"
      };;
    *debug)
      kept=$work/$(basename "$name").debug
      start --only-keep-debug "$from/$name" "$kept"
      chmod a-x "$kept"
      start "$level" --add-gnu-debuglink="$kept" "$from/$name" "$work/new"
      touch -r "$work/time" "$kept"
      mv -f -- "$kept" "$to/$name.debug";;
    *)
      start "$level" "$from/$name" "$work/new";;
    esac
    touch -r "$work/time" "$work/new"
    mv -f -- "$work/new" "$to/$name"
  done
done
