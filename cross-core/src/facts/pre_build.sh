#!/bin/sh
# Runs the commands of `pre-build` in one shell with `set -e`, and names each before it runs. An
# entry may be the beginning of a command that the next one continues, like a line of a script.
set -e
cross_count=@COUNT@ cross_last=0 cross_text=
for cross_entry in @ENTRIES@; do
  cross_last=$((cross_last+1))
  cross_text="$cross_text$cross_entry
"
  if [ "$cross_last" -lt "$cross_count" ]; then
    case "$cross_text" in *'<<'* | *'\
') continue;; esac
    sh -n -c "$cross_text" 2>/dev/null || continue
  fi
  case "$cross_text" in *[![:space:]]*) printf '%s: runs %s\n' cross-core "${cross_text%%
*}";; esac
  eval "$cross_text"
  cross_text=
done
