# shellcheck shell=sh
# Waits until the script has ended or has another parent than the one that started it, looking every
# second, and then kills it, which ends the rest. It runs beside the script.
watch_script() {
    trap '' HUP INT TERM
    trap 'kill -KILL $cross_nap; exit' USR1
    while is_owned; do
        sleep 1 &
        cross_nap=$!
        wait "$cross_nap"
    done
    kill -KILL $$
}
