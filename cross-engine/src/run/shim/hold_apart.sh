# shellcheck shell=sh
# The run has a kernel of its own, in which nothing shows that this shell ends: a FIFO here is none
# there. The process beside the shell removes the container. A daemon may act on a dead client's
# request a little later, so it looks several times.
{
    watch_script
    for cross_round in 1 2 3 4 5; do
        "$cross_program" kill "$cross_name"
        "$cross_program" rm --force "$cross_name"
        sleep 1
    done
} </dev/null >/dev/null 2>&1 &
cross_watch=$!
