# Fills a volume, which is the working directory.
# Runs see the directory `now`, which says its state. $1 is the state that the caller knows, $2 the
# owner of new directories, and the others are options of tar. A state that is not `-` says that
# everything in `manifest` is in `tree`.
set -eu
known=$1
owner=$2
shift 2
have=-
if [ -f now/state ]; then read -r have <now/state; fi
[ "$have" != changing ] || have=-
echo "have $have"
if [ "$have" != "$known" ] && [ "$have" != - ]; then cat manifest; fi
echo .
read -r order state || exit 0
case $order in
send | anew) ;;
*) exit 0 ;;
esac
rm -rf incoming
mkdir incoming
tar -x "$@" -C incoming -f -
# The last entry. Without it, the connection was lost.
[ -f incoming/end ] || exit 65
# From here on the volume has no state until everything is in place. A run that has the directory
# open which is replaced here finds none at all.
[ "$order" = send ] || rm -rf tree now
mkdir -p now
echo changing >incoming/state
mv incoming/state now/state
if [ -d tree ]; then
    # Runs may write in parts of the tree: they may leave links there, and change it meanwhile. So a
    # directory is entered first, and nothing is done in one that has another place than its name.
    top=$PWD/tree
    xargs -0 sh -c '
        top=$0
        for path; do
            dir=$top/
            case $path in */*) dir=$top/${path%/*} ;; esac
            dir=${dir%/}
            if cd -P "$dir" 2>/dev/null && [ "$(pwd -P; echo .)" = "$dir
." ]; then
                rm -rf "./${path##*/}" || exit
            fi
        done' "$top" <incoming/remove
    cd incoming/tree
    find . -type d -exec sh -c '
        top=$0 owner=$1 from=$PWD
        shift
        for dir; do
            dir=${dir#.}
            cd -P "$top$dir" && [ "$(pwd -P; echo .)" = "$top$dir
." ] || exit
            for it in "$from$dir"/* "$from$dir"/.[!.]* "$from$dir"/..?*; do
                name=./${it##*/}
                if [ -d "$it" ] && [ ! -L "$it" ]; then
                    [ -d "$name" ] && [ ! -L "$name" ] && continue
                    rm -rf "$name" && mkdir "$name" && chown "$owner" "$name" || exit
                elif [ -e "$it" ] || [ -L "$it" ]; then
                    [ ! -d "$name" ] || rm -rf "$name" || exit
                    mv -f "$it" ./ || exit
                fi
            done
            cd "$from" || exit
        done' "$top" "$owner" {} +
    cd ../..
else
    mv incoming/tree tree
fi
mv incoming/manifest manifest
echo "$state" >incoming/state
mv incoming/state now/state
rm -rf incoming
echo filled
