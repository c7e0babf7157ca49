# shellcheck shell=sh
# layout ROOT TARGET…: prints bubblewrap's arguments for the root file system ROOT with mounts at TARGET,
# each ended by a NUL.
layout() {
  root=$1; shift
  layout_of '' "$@"
}
layout_of() (
  dir=$1; shift
  for entry in "$root$dir"/* "$root$dir"/.[!.]*; do
    path=${entry#"$root"}
    case $path in
    /dev | /proc | /sys | /tmp | /run | /root | /home | /boot | /mnt | /media) continue;;
    esac
    if [ -L "$entry" ]; then
      printf '%s\0' --symlink "$(readlink "$entry")" "$path"
    elif [ -d "$entry" ]; then
      is_open=
      for target; do
        case $target in
        "$path"/*) [ -e "$root$target" ] || is_open=1;;
        esac
      done
      if [ -n "$is_open" ]; then
        printf '%s\0' --dir "$path"
        layout_of "$path" "$@"
      elif [ -z "$(ls -A "$entry")" ]; then
        printf '%s\0' --dir "$path"
      else
        printf '%s\0' --ro-bind "$entry" "$path"
      fi
    elif [ -e "$entry" ]; then
      printf '%s\0' --ro-bind "$entry" "$path"
    fi
  done
)
