# shellcheck shell=sh
# Tells the owner that the command was reached. Ctrl-C in a terminal reaches this shell as well as
# the command; only the command decides what to do about it.
echo >&6
exec 6>&-
trap : INT QUIT
