# shellcheck shell=sh
# Like supervise.sh, with the variable $1 for processes that left the process group. Only the
# command has the variable, so that those who look for it are not found.
exec 3<&0 4>&2 </dev/null 2>/dev/null
mark=$1; shift
trap stop=1 TERM
{ read -r _ <&3; trap '' TERM; kill -TERM 0; sleep 3; tidy "$mark"; kill -KILL 0; } >/dev/null 4>&- &
exec 3<&-
(export "$mark"; exec "$@" 2>&4 4>&-)
status=$?
[ -z "$stop" ] || { tidy "$mark"; kill -KILL 0; }
kill -KILL $!
exit $status
