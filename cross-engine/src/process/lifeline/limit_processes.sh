# shellcheck shell=sh
# Gives a sandbox the same limit of processes and threads as a container. Since Linux 5.14, those of
# its own user namespace count, before that all of the user's. Shells call the option `-p` or `-u`.
# Root is not limited by it.
{ ulimit -p 16384 || ulimit -u 16384; } 2>/dev/null
