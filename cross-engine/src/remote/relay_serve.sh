# shellcheck shell=sh
# Serves the owner of the relay in the directory $1, which asks on standard input: for what is there,
# for a part of a file, to start a binary, and to answer. The messages come first in what is there, so
# that everything that they tell of is there as well. Nothing is left when the owner hangs up.
cd "$1" || exit
waiting=
while read -r order name from length; do
    case $order in
    look)
        stat -c '%f %s %n' told
        stat -c '%f %s %n' next [0-9]*.* 2>/dev/null
        echo .
        ;;
    get)
        # As many bytes as were promised, whatever became of the file.
        {
            tail -c "+$((from + 1))" "$name" 2>/dev/null
            cat /dev/zero
        } | head -c "$length"
        ;;
    go)
        # Opening a pipe waits for the one who reads it.
        echo "$from" >"$name.go" &
        waiting="$waiting $!"
        ;;
    answer)
        echo "$name $from" >answer &
        waiting="$waiting $!"
        ;;
    esac
done
# shellcheck disable=SC2086 # They are words.
[ -z "$waiting" ] || kill $waiting 2>/dev/null
rm -rf "$1"
