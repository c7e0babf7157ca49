# shellcheck shell=sh
# The functions of the script. Its own variables begin with `cross_`.
set -f
refuse() { printf 'cross: %s\nhelp: %s\n' "$1" "$2" >&2; exit 125; }
gone() { refuse "the environment \`$1\` is not there any more" "$cross_remedy"; }
make_directories() { for cross_it; do [ -d "$cross_it" ] || mkdir -p "$cross_it" || exit 125; done; }
