# shellcheck shell=sh
# Empties standard input unless an argument asks for it.
cross_reads=
for cross_it; do case $cross_it in - | -M | /dev/stdin) cross_reads=1 ;; esac; done
[ -n "$cross_reads" ] || exec </dev/null
