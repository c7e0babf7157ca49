# shellcheck shell=sh
# Closes the files that the script inherited, as far as a shell can name them, and its own lifeline.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
