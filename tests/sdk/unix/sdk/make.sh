# Compiles the SDK's objects and libraries into the directory $2, by the compiler of the
# environment, which is named by the variable $1.
set -e
cd "$(dirname "$0")"
cc=$(printenv "$1")
mkdir -p "$2"
compile() { "$cc" -O1 -fPIC -ffreestanding -fno-builtin -nostdinc -I"$3" -c "$1" -o "$2"; }
headers=$("$cc" -print-resource-dir)/include
for start in crt1 Scrt1 crtbegin_dynamic crtbegin_static; do
    compile start.c "$2/$start.o" "$headers"
done
for other in crti crtn crtbegin crtbeginS crtbegin_so crtend crtendS crtend_android crtend_so \
    values-Xa values-Xc values-xpg4 values-xpg6; do
    "$cc" -c -x c /dev/null -o "$2/$other.o"
done
compile libc.c "$2/libc.o" "$headers"
"$cc" -c -x c /dev/null -o "$2/empty.o"
"$cc" -shared -nostdlib -Wl,-soname,libc.so "$2/libc.o" -o "$2/libc.so"
for other in dl gcc gcc_s m ssp; do
    "$cc" -shared -nostdlib -Wl,-soname,lib$other.so "$2/empty.o" -o "$2/lib$other.so"
done
