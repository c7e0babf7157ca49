# shellcheck shell=sh
# The lifeline is a FIFO that only this shell holds open. The process beside it cleans up: nobody
# else can after a shell that was killed.
(
    umask 0
    mkdir -m 700 "$cross_held" && mkdir "$cross_held/shown" &&
        mkfifo "$cross_held/shown/life" "$cross_held/shown/begun"
) || exit 125
exec 8<>"$cross_held/shown/life"
echo held >&8
{
    watch_script
    rm -rf "$cross_held"
} </dev/null >/dev/null 2>&1 8>&- &
cross_watch=$!
