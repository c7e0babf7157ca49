# shellcheck shell=sh
# TOOL LEVEL DEBUG FROM TO STEM…: copies the programs and libraries in FROM whose names are STEM to TO,
# stripped by TOOL as LEVEL says. If DEBUG is "debug", their debug information is beside them. A static
# library keeps its symbols, which others link.
tool=$1 level=$2 debug=$3 from=$4 to=$5; shift 5
mkdir -p "$to"
work=$(mktemp -d "$to/.new-XXXXXX")
trap 'rm -rf -- "$work"' EXIT
for stem; do
  for end in '' .exe .so .dll .elf .wasm .a; do
    name=$stem$end
    [ -f "$from/$name" ] && [ ! -L "$from/$name" ] || continue
    mkdir -p "$(dirname "$to/$name")"
    rm -f -- "$to/$name.debug"
    case $end$debug in
    .a*)
      "$tool" --strip-debug "$from/$name" "$work/new";;
    *debug)
      kept=$work/$(basename "$name").debug
      "$tool" --only-keep-debug "$from/$name" "$kept"
      chmod a-x "$kept"
      "$tool" "$level" --add-gnu-debuglink="$kept" "$from/$name" "$work/new"
      mv -f -- "$kept" "$to/$name.debug";;
    *)
      "$tool" "$level" "$from/$name" "$work/new";;
    esac
    mv -f -- "$work/new" "$to/$name"
  done
done
