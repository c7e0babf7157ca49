# shellcheck shell=sh
# tidy NAME [CLIENT]: kills the processes that have the run's name on their command lines, and
# removes the container of that name. bubblewrap may be killed at a moment at which it waits for its
# parent forever, and a container's client would go on to start it. conmon must live, because podman
# ends a container by it.
tidy() {
  for file in $(grep -slF -e "$1" /proc/[0-9]*/cmdline); do
    pid=${file#/proc/}; pid=${pid%/cmdline}
    [ "$pid" = $$ ] || grep -qx conmon "/proc/$pid/comm" || kill -KILL "$pid"
  done
  [ -z "$2" ] || { "$2" kill "$1"; "$2" rm --force "$1"; }
}
