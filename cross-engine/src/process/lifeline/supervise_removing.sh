# shellcheck shell=sh
# Runs a command of the host that fills directories: $1 is their number, then they follow, then the
# command. When standard input ends, the command is killed at once. Unless it succeeded, the
# directories are removed. Its own clean-up would take longer than anyone waits.
#
# The directories are renamed first, so that their names are free however long the disk takes to
# remove their contents. What an unprivileged mmdebstrap or podman leaves belongs to subordinate
# users, and only a helper can remove it. What was killed may still hold a file for a moment.
#
# The command gets a process group of its own, by job control where there is no `setsid` (macOS). A
# shell that has job control only with a terminal leaves it in this one; then it alone is killed.
exec 3<&0 4>&2 </dev/null 2>/dev/null
count=$1; shift
leave() { while [ "$count" -gt 0 ]; do
  aside=$1.removing.$$; mv -- "$1" "$aside" || aside=$1
  for try in 1 2 3 4 5; do
    rm -rf --one-file-system -- "$aside" && break
    mmdebstrap --unshare-helper rm -rf --one-file-system -- "$aside"
    rm -rf --one-file-system -- "$aside" && break
    sleep .2
  done
  shift; count=$((count-1)); done; }
setsid=setsid
command -v setsid >/dev/null || { setsid=; set -m; }
(shift "$count"; exec $setsid "$@" 2>&4 3<&- 4>&-) & run=$!
set +m
{ read -r _ <&3; while kill -KILL -$run || kill -KILL $run; do sleep .1; done; } >/dev/null 4>&- &
watch=$!
exec 3<&-
wait $run
status=$?
kill -KILL $watch
[ $status = 0 ] || leave "$@"
exit $status
