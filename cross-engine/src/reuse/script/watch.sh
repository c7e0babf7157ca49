# shellcheck shell=sh
# Waits beside the command for the end of the lifeline.
cross_watch </dev/null >/dev/null 4>&- 6>&- 8>&- &
cross_watch=$!
exec 3<&-
