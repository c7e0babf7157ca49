# shellcheck shell=sh
# Keeps a crash from leaving a file in a directory of the caller's, as it may by the limit of the
# caller or of the engine's daemon. A program that wants such a file raises its own limit.
ulimit -S -c 0 2>/dev/null
