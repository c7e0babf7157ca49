# shellcheck shell=sh
# Opens the job server's pipe. See process/lifeline/jobserver_client.sh.
command exec 8<>$cross_met/tokens || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
