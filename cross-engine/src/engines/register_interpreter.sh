# shellcheck shell=sh
# Mounts a list of interpreters that only this user namespace and those below it have, adds one, and
# becomes a command. The words are: `fail` if a refusal ends this, the program `mount`, the directory
# to mount on, the interpreter's entry, and the command.
{ "$2" -t binfmt_misc binfmt_misc "$3" && printf %s "$4" >"$3/register"; } 2>/dev/null || [ "$1" != fail ] || exit
shift 4
exec "$@"
