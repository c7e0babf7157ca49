# shellcheck shell=sh
# Runs the command, and kills what it left behind.
(export CROSS_WARM_RUN="$cross_mark"; exec "$@" 2>&4 4>&-)
cross_status=$?
kill -KILL $cross_watch
for cross_n in 1 2 3 4 5 6 7 8 9; do cross_ours || break; done
kill -USR1 1
exit $cross_status
