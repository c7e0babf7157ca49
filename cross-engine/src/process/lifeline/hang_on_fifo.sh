# shellcheck shell=sh
# Kills every process of the namespace when the FIFO `life` ends, and leaves standard input to the
# command. Opening a FIFO for reading waits for a writer, who may be dead, so it is opened for both
# first. Then a line is read, which only a living owner on the same kernel has written. A line in
# `begun` tells the owner that what follows is the command's doing. Ctrl-C in a terminal reaches
# this shell as well as the command; only the command decides what to do about it, so the shell
# survives.
exec 4>&2 2>/dev/null
life=/run/cross-lifeline/life
exec 5<>$life 3<$life 6<>/run/cross-lifeline/begun 5>&-
read -r _ <&3 || { echo 'cross: the process that started this is gone, or not on this machine' >&4; exit 125; }
{ read -r _ <&3; while :; do kill -9 -1; sleep 1; done; } </dev/null >/dev/null 4>&- 6>&- &
echo >&6
exec 3<&- 6>&-
trap : INT QUIT
