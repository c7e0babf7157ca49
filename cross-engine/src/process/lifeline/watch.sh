# shellcheck shell=sh
# Waits beside a run, outside of it, where the run cannot reach it, and calls `tidy "$@"` if the
# caller dies. A line on standard input says that the run ended normally.
#
# A container's own lifeline is among the processes in it, which can stop it or hold it open. If a
# run reads the caller's terminal, the engine's processes have to be in the terminal's foreground
# group, so a hang-up or Ctrl-C that ends the caller ends them too, and leaves what they had half
# done. This process is not in that group. A daemon may act on a dead client's request a little
# later, so it looks several times.
trap '' HUP INT TERM
read -r _ && exit
for round in 1 2 3 4 5; do tidy "$@"; sleep 1; done
