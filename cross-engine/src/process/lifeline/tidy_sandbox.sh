# shellcheck shell=sh
# tidy NAME: kills the sandbox's processes, which have the run's name on their command lines.
# bubblewrap may be killed at a moment at which it waits for its parent forever.
tidy() {
  for file in $(grep -slF -e "$1" /proc/[0-9]*/cmdline); do
    pid=${file#/proc/}; pid=${pid%/cmdline}
    [ "$pid" = $$ ] || kill -KILL "$pid"
  done
}
