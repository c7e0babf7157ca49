# shellcheck shell=sh
# Starts cargo: its words follow the name of the variable that names the target's runner.
#
# The FIFO `here` says whether the owner is on this machine. Shells let background jobs ignore two
# signals, and a program would inherit that, so binaries run side by side only with an `env` that
# can undo it.
cross_dir=${0%/*}
cross_variable=$1
shift
exec 5<>$cross_dir/here 3<$cross_dir/here 5>&-
read -r cross_line <&3 || exec "$@" 3<&-
exec 3<&-
eval "cross_runner=\${$cross_variable-}"
printf '%s\n' "$cross_variable" >$cross_dir/variable
printf '%s\n' "$cross_runner" >$cross_dir/runner
echo 0 >$cross_dir/next
if [ -e $cross_dir/parallel ] && env --default-signal=INT,QUIT true 2>/dev/null; then
    (
        export "$cross_variable=sh $cross_dir/run"
        # It has to stop at the failure that is none.
        cross_before=yes
        for cross_word; do
            shift
            [ "$cross_word" != -- ] || cross_before=
            [ "$cross_before$cross_word" = yes--no-fail-fast ] || set -- "$@" "$cross_word"
        done
        : >$cross_dir/first
        exec "$@" >/dev/null 2>&1
    )
    echo all >$cross_dir/told
    rm -f $cross_dir/first
    echo 0 >$cross_dir/next
    : >$cross_dir/second
fi
export "$cross_variable=sh $cross_dir/run"
exec "$@"
