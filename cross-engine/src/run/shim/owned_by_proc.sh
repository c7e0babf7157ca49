# shellcheck shell=sh
# Whether the script lives, and its parent is still the one that started it, as Linux tells it.
is_owned() {
    while read -r cross_key cross_value; do
        case $cross_key$cross_value in
        State:Z*) return 1 ;;
        PPid:*) [ "$cross_value" = "$PPID" ]; return ;;
        esac
    done <"/proc/$$/status"
    return 1
}
