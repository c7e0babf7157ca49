# Runs /cross-pre-build for the target $1, and names what runs. A script of the user runs as it is.
# The commands of a list run in one shell with `set -e`, each named before it begins. A line may be
# the beginning of a command that the next one continues.
chmod 755 /cross-pre-build
{ IFS= read -r cross_first; IFS= read -r cross_second; } </cross-pre-build
if [ "$cross_first $cross_second" != '#!/bin/sh set -e' ]; then
  printf '%s: runs %s\n' cross-core pre-build
  exec /cross-pre-build "$1"
fi
set -e
cross_more=1 cross_text=
exec 9</cross-pre-build
IFS= read -r cross_first <&9
IFS= read -r cross_second <&9
while [ -n "$cross_more" ]; do
  IFS= read -r cross_line <&9 || cross_more=
  cross_text="$cross_text$cross_line
"
  if [ -n "$cross_more" ]; then
    case "$cross_text" in *'<<'* | *'\
') continue;; esac
    sh -n -c "$cross_text" 2>/dev/null || continue
  fi
  case "$cross_text" in *[![:space:]]*) printf '%s: runs %s\n' cross-core "${cross_text%%
*}";; esac
  eval "$cross_text" 9<&-
  cross_text=
done
