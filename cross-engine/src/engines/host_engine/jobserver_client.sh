# shellcheck shell=sh
# Opens the pipe of the job server in the directory $1 for the command, under a file descriptor
# number, which every cargo and every make understands.
command exec 8<>"$1/tokens" || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
shift
exec "$@"
