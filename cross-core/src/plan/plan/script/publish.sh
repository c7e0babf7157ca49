# shellcheck shell=sh
# publish FROM TO STEM…: copies the files of each profile in FROM whose names are STEM with any ending.
# publish_dir does so for one directory. What was built may be hostile: links are not followed. Dep-info
# names files of the environment, and is left out.
publish() {
  from=$1 to=$2; shift 2
  for profile in "$from"/*/; do
    [ ! -d "$profile/deps" ] || publish_dir "${profile%/}" "$to/$(basename "$profile")" "$@"
  done
}
publish_dir() {
  source=$1 dest=$2; shift 2
  for stem; do
    case $stem in
    '*') set -- "$source"/*;;
    *) set -- "$source/$stem" "$source/$stem".*;;
    esac
    for file; do
      name=${file#"$source"/}
      case $name in *.d) continue;; esac
      [ ! -L "$file" ] && [ -e "$file" ] || continue
      [ -f "$file" ] || case $name in *.dSYM) ;; *) continue;; esac
      mkdir -p "$(dirname "$dest/$name")"
      rm -rf -- "${dest:?}/$name"
      cp -pR -- "$file" "$dest/$name"
    done
  done
}
