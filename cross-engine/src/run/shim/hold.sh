# shellcheck shell=sh
# The lifeline is a FIFO that only this shell holds open. A process beside it checks every second
# that the shell is alive and that its parent is still the one that started it. If not, it kills the
# shell, which ends the rest, and cleans up: nobody else can after a shell that was killed.
(
    umask 0
    mkdir -m 700 "$cross_held" && mkdir "$cross_held/shown" &&
        mkfifo "$cross_held/shown/life" "$cross_held/shown/begun"
) || exit 125
exec 8<>"$cross_held/shown/life"
echo held >&8
{
    trap '' HUP INT TERM
    trap 'kill -KILL $cross_nap; exit' USR1
    while is_owned; do
        sleep 1 &
        cross_nap=$!
        wait "$cross_nap"
    done
    kill -KILL $$
    rm -rf "$cross_held"
} </dev/null >/dev/null 2>&1 8>&- &
cross_watch=$!
