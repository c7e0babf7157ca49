# Starts a command if the volumes are in the state that the caller knows. $1 says it in a word of
# the caller's, with ` (gone)` if a volume was replaced; then come the directory and the state of each
# volume, with no state the directories to empty, `--`, and the command.
stale=$1
shift
while [ "$1" != -- ]; do
    if [ -z "$2" ]; then
        rm -rf "$1"
        mkdir -p "$1"
        shift 2
        continue
    fi
    is=
    read -r is 2>/dev/null <"$1/state" || :
    if [ "$is" != "$2" ]; then
        [ -n "$is" ] || stale="$stale (gone)"
        echo "$stale" >&2
        exit 125
    fi
    shift 2
done
shift
exec "$@"
