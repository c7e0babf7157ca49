# shellcheck shell=sh
# Starts cargo: its words follow the names of the variables that name runners, the target's and the
# host's, with a comma between them. There may be one only.
#
# The FIFO `here` says whether the owner is on this machine. Shells let background jobs ignore two
# signals, and a program would inherit that, so binaries run side by side only with an `env` that
# can undo it.
cross_dir=${0%/*}
cross_target=${1%,*}
cross_host=${1#"$cross_target"}
cross_host=${cross_host#,}
shift
exec 5<>$cross_dir/here 3<$cross_dir/here 5>&-
read -r cross_line <&3 || exec "$@" 3<&-
exec 3<&-
eval "cross_runner=\${$cross_target-}"
printf '%s\n%s\n' "$cross_target" "$cross_runner" >$cross_dir/target.runner
if [ -n "$cross_host" ]; then
    eval "cross_runner=\${$cross_host-}"
    printf '%s\n%s\n' "$cross_host" "$cross_runner" >$cross_dir/host.runner
fi
relay() {
    export "$cross_target=sh $cross_dir/target"
    [ -z "$cross_host" ] || export "$cross_host=sh $cross_dir/host"
}
echo 0 >$cross_dir/next
if [ -e $cross_dir/parallel ] && env --default-signal=INT,QUIT true 2>/dev/null; then
    (
        relay
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
    echo all >>$cross_dir/told
    rm -f $cross_dir/first
    echo 0 >$cross_dir/next
    : >$cross_dir/second
fi
relay
[ -s $cross_dir/kept ] || exec "$@"
"$@" || exit
[ -e $cross_dir/missing ] || exit 0
{
    echo 'error: these test binaries ended without a result, which is a failure:'
    while IFS= read -r cross_line; do
        printf '    %s\n' "$cross_line"
    done <$cross_dir/missing
    echo '  = help: a test that ends its process (`std::process::exit`) prevents all later tests of its binary from running'
} >&2
exit 101
