# shellcheck shell=sh
# Runs a command of the host, and ends its process group when standard input ends: with TERM, so
# that it can clean up, and with KILL three seconds later.
exec 3<&0 4>&2 </dev/null 2>/dev/null
trap stop=1 TERM
{ read -r _ <&3; trap '' TERM; kill -TERM 0; sleep 3; kill -KILL 0; } >/dev/null 4>&- &
exec 3<&-
(exec "$@" 2>&4 4>&-)
status=$?
[ -z "$stop" ] || kill -KILL 0
kill -KILL $!
exit $status
