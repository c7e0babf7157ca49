# shellcheck shell=sh
# The runner in all passes. Its variables have names that nobody exports. It restores the target's
# own runner, because the program, or one that it starts, may use it.
#
# Some shells drop variables whose names are not valid for them. Of cargo's, only those of programs
# with a dash in their names are affected. The shell's message about the end of a program tells a
# signal from an exit status of the same number.
cross_dir=${0%/*}
IFS= read -r cross_variable <$cross_dir/variable
IFS= read -r cross_runner <$cross_dir/runner
if [ -n "$cross_runner" ]; then
    export "$cross_variable=$cross_runner"
else
    unset "$cross_variable"
fi
set -f
# In the shell that was started with these variables, before another goes on for it.
prepare() {
    IFS='
'
    cross_forgotten=
    for cross_line in $(tr '\0' '\n' </proc/$$/environ); do
        case $cross_line in
        CARGO_BIN_EXE_*-*=*) cross_forgotten=$cross_forgotten$IFS$cross_line ;;
        esac
    done
    IFS=' '
}
# The program in place of a shell. The first word is an option of `env`, or none.
start() {
    cross_option=$1
    shift
    set -- $cross_runner "$@"
    IFS='
'
    exec env $cross_option $cross_forgotten "$@"
}
# The program, and a message about its end. The first word is as for `start`.
report() {
    exec 4>&2 2>$cross_dir/$cross_n.remark
    (start "$@" 2>&4 4>&-)
    cross_status=$?
    cross_signal=
    [ ! -s $cross_dir/$cross_n.remark ] || cross_signal=signal
    echo "ended $cross_n $cross_status $cross_signal" >$cross_dir/told
}
read -r cross_n <$cross_dir/next
if [ -e $cross_dir/first ]; then
    [ -p $cross_dir/$cross_n.go ] || exit 1
    echo $((cross_n + 1)) >$cross_dir/next
    printf '%s\n' "$1" >$cross_dir/$cross_n.program
    prepare
    (
        read -r RUST_TEST_THREADS <$cross_dir/$cross_n.go || exit
        export RUST_TEST_THREADS
        report --default-signal=INT,QUIT "$@"
    ) </dev/null >>$cross_dir/$cross_n.out 2>>$cross_dir/$cross_n.err &
    echo "ready $cross_n" >$cross_dir/told
    [ -p $cross_dir/$((cross_n + 1)).go ]
    exit
fi
cross_known=
if [ -e $cross_dir/second ]; then
    cross_program=
    [ ! -e $cross_dir/$cross_n.program ] || IFS= read -r cross_program <$cross_dir/$cross_n.program
    [ "$cross_program" != "$1" ] || cross_known=yes
elif [ -p $cross_dir/$cross_n.go ]; then
    while IFS= read -r cross_program; do
        [ "$cross_program" != "$1" ] || cross_known=yes
    done <$cross_dir/programs
fi
prepare
[ -n "$cross_known" ] || start '' "$@"
echo $((cross_n + 1)) >$cross_dir/next
if [ -e $cross_dir/second ]; then
    echo "cross-relay: the turn of $cross_n" >&2
else
    printf '%s\n' "$1" >$cross_dir/$cross_n.program
    : >>$cross_dir/$cross_n.out
    : >>$cross_dir/$cross_n.err
    echo "started $cross_n" >$cross_dir/told
    echo "cross-relay: the turn of $cross_n" >&2
    (report '' "$@") >>$cross_dir/$cross_n.out 2>>$cross_dir/$cross_n.err
fi
while read -r cross_status cross_signal <$cross_dir/answer && [ "$cross_status" = list ]; do
    (start '' "$@" --list) </dev/null >$cross_dir/$cross_n.list 2>/dev/null
    echo "listed $cross_n" >$cross_dir/told
done
if [ -n "$cross_signal" ]; then
    ulimit -c 0
    kill -$((cross_status - 128)) $$
fi
exit $cross_status
