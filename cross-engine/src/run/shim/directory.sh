# shellcheck shell=sh
# Finds the working directory in the environment. $cross_unseen is the directory if the environment
# does not have it. Then `/` is used, which has no files of the user's.
cross_dir=$PWD cross_unseen=
case $cross_dir/ in
@SEEN@) ;;
*) cross_dir=$(pwd -P)
    case $cross_dir/ in
    @SEEN@) ;;
    *) cross_unseen=$cross_dir cross_dir=/ ;;
    esac ;;
esac
