# shellcheck shell=sh
# tidy NAME CLIENT: removes a container by its name.
tidy() { "$2" rm --force "$1"; }
