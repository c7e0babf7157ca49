# shellcheck shell=sh
# Opens the job server's pipe for the command, under a file descriptor number, which every cargo and
# every make understands. `command` keeps the shell from exiting if that fails.
command exec 8<>/run/cross-jobs/tokens || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
