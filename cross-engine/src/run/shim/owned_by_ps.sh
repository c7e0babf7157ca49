# shellcheck shell=sh disable=SC2046
# Whether the script lives, and its parent is still the one that started it, where nothing but `ps`
# tells it.
is_owned() {
    set -- $(ps -o ppid= -o stat= -p $$)
    case $2 in '' | Z*) return 1 ;; esac
    [ "$1" = "$PPID" ]
}
