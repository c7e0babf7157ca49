# shellcheck shell=sh
# The lifeline is a FIFO, because standard input is the command's. See
# process/lifeline/hang_on_fifo.sh.
exec 4>&2 2>/dev/null
exec 5<>$cross_met/life 3<$cross_met/life 6<>$cross_met/begun 5>&-
read -r _ <&3 || { echo 'cross: the process that started this is gone, or not on this machine' >&4; exit 125; }
