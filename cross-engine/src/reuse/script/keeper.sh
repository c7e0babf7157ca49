# shellcheck shell=sh
# The first process of a reused container. It ends with standard input if $2 is 1, and after $1
# seconds without a command.
#
# Every command sends USR1 when it enters and when it leaves. In between, this process sleeps: a
# reused container takes no processor time. A process whose parent is outside was put here by
# the engine. One whose parent is this process, which did not start it, was left behind. A signal
# interrupts `wait`, so it waits for the sleep.
exec 3<&0 </dev/null 2>/dev/null
trap 'exit 0' TERM INT
trap 'used=1' USR1
idle=$1 hangs=$2 watch= timer=
quiet() {
  orphans=
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/} parent=
    case $pid in 1|$$|"$timer"|"$watch") continue;; esac
    while read -r key value; do
      case $key in PPid:) parent=$value; break;; esac
    done <"$dir/status"
    case $parent in 0) return 1;; 1|$$) orphans="$orphans $pid";; esac
  done
}
if [ "$hangs" = 1 ]; then { read -r _ <&3; kill -TERM $$; } >/dev/null & watch=$!; fi
exec 3<&-
echo ready
exec >/dev/null
rest=$idle
while :; do
  used=
  sleep "$rest" & timer=$!
  if wait $timer && [ -z "$used" ]; then
    if ! quiet; then rest=$idle
    elif [ "$rest" = "$idle" ]; then exit 0
    else [ -z "$orphans" ] || kill -KILL $orphans; rest=$idle; fi
  else kill $timer; rest=1; fi
done
