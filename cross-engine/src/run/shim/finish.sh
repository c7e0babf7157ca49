# shellcheck shell=sh
# Cleans up and returns the status. What some shells print about a process that was killed is
# dropped.
cross_status=$?
(
    exec 2>/dev/null
    kill -USR1 "$cross_watch"
    [ -z "$cross_held" ] || rm -rf "$cross_held"
)
if [ "$cross_status" = 125 ] && [ -n "$cross_image" ]; then
    "$cross_program" image inspect "$cross_image" >/dev/null 2>&1 || gone "$cross_image"
fi
if [ "$cross_status" != 0 ] && [ -n "$cross_unseen" ]; then
    echo "cross: the directory \`$cross_unseen\` is not visible in the environment: paths relative to it mean nothing there" >&2
fi
case $cross_status in
101 | 126 | 127) [ -z "$cross_hint" ] || printf 'cross: %s\n' "$cross_hint" >&2 ;;
esac
exit "$cross_status"
