# shellcheck shell=sh
# own NUMBER NAME: fails unless the shell is in a process namespace of this run. Elsewhere, killing
# everything would reach every process of the user. In such a namespace the shell is process NUMBER:
# the first, or the second below the sandbox's own. In a container, the image or its options may
# start other processes before it. Then the first of them was given all our words, and among them
# NAME, which no other run has.
own() {
  [ $$ -le "$1" ] && return
  while IFS= read -r cross_line || [ -n "$cross_line" ]; do
    case "$cross_line" in *"$2"*) return;; esac
  done </proc/1/cmdline
  echo 'cross: no process namespace of its own (is one shared by an option `--pid`?)' >&2
  exit 125
}
