# shellcheck shell=sh
# Runs the command and returns its exact status: in the foreground, because a shell lets background
# jobs ignore SIGINT, and in a subshell, to keep the shell's messages about signals out of its
# standard error.
(exec "$@" 2>&4 4>&-)
exit
