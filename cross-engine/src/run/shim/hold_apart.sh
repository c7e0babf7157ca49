# shellcheck shell=sh
# The run has a kernel of its own, in which nothing shows that this shell ends: a FIFO here is none
# there. A process beside the shell checks every second that the shell is alive and that its parent
# is still the one that started it. If not, it kills the shell and removes the container. A daemon
# may act on a dead client's request a little later, so it looks several times.
{
    trap '' HUP INT TERM
    trap 'kill -KILL $cross_nap; exit' USR1
    while is_owned; do
        sleep 1 &
        cross_nap=$!
        wait "$cross_nap"
    done
    kill -KILL $$
    for cross_round in 1 2 3 4 5; do
        "$cross_program" kill "$cross_name"
        "$cross_program" rm --force "$cross_name"
        sleep 1
    done
} </dev/null >/dev/null 2>&1 &
cross_watch=$!
