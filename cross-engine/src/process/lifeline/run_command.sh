# shellcheck shell=sh
# Runs the command and returns its exact status: in the foreground, because a shell lets background
# jobs ignore SIGINT, and in a subshell, to keep the shell's messages about signals out of its
# standard error. The command inherits its standard streams and the job server, and nothing else
# that was open.
(exec "$@" 2>&4 3>&- 4>&- 5>&- 6>&- 7>&- 9>&-)
exit
