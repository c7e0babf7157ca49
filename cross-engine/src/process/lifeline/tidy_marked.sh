# shellcheck shell=sh
# tidy VARIABLE=VALUE: kills the processes of a run of the host. No namespace holds them together,
# but all of them have this variable, whatever sessions they create. Processes that are started
# during the first look are found by the second.
tidy() {
  for look in 1 2; do
    for file in $(grep -slF -e "$1" /proc/[0-9]*/environ); do
      pid=${file#/proc/}; pid=${pid%/environ}
      kill -KILL "$pid"
    done
  done
}
