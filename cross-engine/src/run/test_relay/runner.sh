# shellcheck shell=sh
# The runner in all passes, as `target` or `host`. Its variables have names that nobody exports. It
# restores the runners, because the program, or one that it starts, may use them.
#
# Some shells drop variables whose names are not valid for them. Of cargo's, only those of programs
# with a dash in their names are affected. The shell's message about the end of a program tells a
# signal from an exit status of the same number.
cross_dir=${0%/*}
cross_kind=${0##*/}
for cross_file in host target; do
    [ -e $cross_dir/$cross_file.runner ] || continue
    {
        IFS= read -r cross_variable
        IFS= read -r cross_line
    } <$cross_dir/$cross_file.runner
    if [ -n "$cross_line" ]; then
        export "$cross_variable=$cross_line"
    else
        unset "$cross_variable"
    fi
    [ "$cross_file" != "$cross_kind" ] || cross_runner=$cross_line
done
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
# The program, and the words that cargo gives to it.
name_program() {
    printf '%s\n' "$1" >$cross_dir/$cross_n.program
    shift
    printf '%s\n' "$@" >$cross_dir/$cross_n.words
}
# What a watched run does, for an owner on another machine, who reads it among what the run prints.
tell() {
    [ -s $cross_dir/watched ] || return 0
    IFS= read -r cross_line <$cross_dir/watched
    printf '%s %s\n' "$cross_line" "$1" >&2
}
# The program in place of a shell. The first word is an option of `env`, or none.
start() {
    cross_option=$1
    shift
    set -- $cross_runner "$@"
    if ! command -v "$1" >/dev/null; then
        : >$cross_dir/$cross_n.unstarted
        tell unstarted
    fi
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
    echo "ended $cross_n $cross_status $cross_signal" >>$cross_dir/told
}
# The program, whose standard output is kept in a file as well. Nobody waits for what a program that
# goes on in the background prints, and a file that is too long only ends.
keep_output() {
    mkfifo $cross_dir/$cross_n.pipe $cross_dir/$cross_n.copy
    tee $cross_dir/$cross_n.copy <$cross_dir/$cross_n.pipe &
    {
        (
            ulimit -f 49152
            trap '' XFSZ
            exec cat >$cross_dir/$cross_n.out
        )
        cat >/dev/null
        : >$cross_dir/$cross_n.end
    } <$cross_dir/$cross_n.copy >/dev/null 2>&1 &
    exec 4>&2 2>$cross_dir/$cross_n.remark
    (start '' "$@" >$cross_dir/$cross_n.pipe 2>&4 4>&-)
    cross_status=$?
    exec 2>&4 4>&-
    echo $cross_status >$cross_dir/$cross_n.status
    cross_waited=0
    while [ ! -e $cross_dir/$cross_n.end ] && [ $cross_waited -lt 200 ]; do
        sleep 0.01 2>/dev/null || sleep 1
        cross_waited=$((cross_waited + 1))
    done
    cross_signal=
    [ ! -s $cross_dir/$cross_n.remark ] || cross_signal=signal
}
# On another machine, where nobody reads what is kept: notes a binary of libtest's that ended with
# success and printed no result. Only the statuses 0 and 1 of `grep` say something.
judge() {
    cross_file=${1##*/}
    cross_reports=
    while IFS= read -r cross_line; do
        [ "$cross_line" != "${cross_file%-*}" ] || cross_reports=yes
    done <$cross_dir/programs
    shift
    for cross_line; do
        case $cross_line in
        --list | --help | -h | json | junit | --format=j*) cross_reports= ;;
        esac
    done
    if [ "$cross_reports$cross_status" = yes0 ] && [ -e $cross_dir/$cross_n.end ] &&
        [ "$(wc -c <$cross_dir/$cross_n.out)" -lt $((49152 * 512)) ]; then
        cross_found=0
        grep -q '^test result: ' $cross_dir/$cross_n.out || cross_found=$?
        [ $cross_found != 1 ] || printf '%s\n' "$cross_file" >>$cross_dir/missing
    fi
    rm -f $cross_dir/$cross_n.out
}
# Ends as the program did.
finish() {
    if [ -n "$cross_signal" ]; then
        ulimit -c 0
        kill -$((cross_status - 128)) $$
    fi
    exit $cross_status
}
read -r cross_n <$cross_dir/next
if [ -e $cross_dir/kept ]; then
    prepare
    case $1 in
    */rustdoctest*) ;;
    *)
        echo $((cross_n + 1)) >$cross_dir/next
        name_program "$@"
        keep_output "$@"
        [ ! -s $cross_dir/kept ] || judge "$@"
        finish
        ;;
    esac
fi
if [ -e $cross_dir/watched ]; then
    echo $((cross_n + 1)) >$cross_dir/next
    printf '%s\n' "$1" >$cross_dir/$cross_n.program
    tell "program ${1##*/}"
    prepare
    start '' "$@"
fi
if [ -e $cross_dir/first ]; then
    [ -p $cross_dir/$cross_n.go ] || exit 1
    echo $((cross_n + 1)) >$cross_dir/next
    name_program "$@"
    prepare
    (
        read -r RUST_TEST_THREADS <$cross_dir/$cross_n.go || exit
        export RUST_TEST_THREADS
        report --default-signal=INT,QUIT "$@"
    ) </dev/null >>$cross_dir/$cross_n.out 2>>$cross_dir/$cross_n.err &
    echo "ready $cross_n" >>$cross_dir/told
    [ -p $cross_dir/$((cross_n + 1)).go ]
    exit
fi
# A binary that did not come in the first pass, because cargo ran another one itself that failed, is
# started now.
cross_known=
cross_waits=
if [ -e $cross_dir/second ] && [ -e $cross_dir/$cross_n.program ]; then
    cross_waits=yes
    IFS= read -r cross_program <$cross_dir/$cross_n.program
    [ "$cross_program" != "$1" ] || cross_known=yes
elif [ -p $cross_dir/$cross_n.go ]; then
    while IFS= read -r cross_program; do
        [ "$cross_program" != "$1" ] || cross_known=yes
    done <$cross_dir/programs
fi
prepare
if [ -z "$cross_known" ]; then
    # Documentation tests in one program have a process each if there is no runner: the program starts
    # itself. A runner knows whether that is possible.
    if [ -z "$cross_runner" ]; then
        case $1 in */rustdoctest*) export RUSTDOC_DOCTEST_BIN_PATH="$1" ;; esac
    fi
    start '' "$@"
fi
echo $((cross_n + 1)) >$cross_dir/next
if [ -n "$cross_waits" ]; then
    echo "cross-relay: the turn of $cross_n" >&2
else
    name_program "$@"
    : >>$cross_dir/$cross_n.out
    : >>$cross_dir/$cross_n.err
    echo "started $cross_n" >>$cross_dir/told
    echo "cross-relay: the turn of $cross_n" >&2
    (report '' "$@") >>$cross_dir/$cross_n.out 2>>$cross_dir/$cross_n.err
fi
while read -r cross_status cross_signal <$cross_dir/answer && [ "$cross_status" = list ]; do
    (start '' "$@" --list) </dev/null >$cross_dir/$cross_n.list 2>/dev/null
    echo "listed $cross_n" >>$cross_dir/told
done
finish
