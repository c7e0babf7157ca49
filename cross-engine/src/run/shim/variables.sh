# shellcheck shell=sh
# Passes on variables of the caller, before those of the specification are set.
cross_passed=
IFS='
'
for cross_word in $(export -p); do
    cross_variable=${cross_word#export }
    [ "$cross_variable" != "$cross_word" ] || continue
    cross_variable=${cross_variable%%=*}
    case $cross_variable in
    '' | [0-9]* | *[!A-Za-z0-9_]* | cross_*) ;;
    @PASSED@) cross_passed="$cross_passed --env $cross_variable" ;;
    *) @OTHER@ ;;
    esac
done
IFS=' '
