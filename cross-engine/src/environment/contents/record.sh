# shellcheck shell=sh
# Records what is installed, while apt's lists are there: cross_record FILE. A package's hash is that of
# its entry in the lists, and a package that they do not have was not obtained from them. A package that
# was installed and removed again is recorded, too: what ran in between may have used it.
cross_record() {
  mkdir -p "${1%/*}"
  {
    for cross_list in /var/lib/apt/lists/*Release; do
      [ -e "$cross_list" ] || continue
      cross_url=
      for cross_source in $(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list); do
        cross_source=${cross_source%/}
        case "${cross_list##*/}" in
        "$(echo "${cross_source#*://}" | tr / _)"_dists_*) cross_url=$cross_source ;;
        esac
      done
      awk -v sum="$(sha256sum <"$cross_list" | cut -c 1-64)" -v url="$cross_url" '
        /^(Origin|Suite|Codename|Version|Date): / && !($1 in value) { value[$1] = substr($0, length($1) + 2) }
        END { printf "release\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", value["Origin:"], value["Suite:"],
          value["Codename:"], value["Version:"], value["Date:"], sum, url }' "$cross_list"
    done
    dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' |
      sed -n 's/^installed\t//p' >"$1.installed"
    sed -n 's/^.* status installed \([^ ]*\):\([^ :]*\) \([^ ]*\)$/\1\t\3\t\2/p' /var/log/dpkg.log >"$1.removed" 2>/dev/null
    for cross_list in /var/lib/apt/lists/*_Packages*; do
      [ ! -e "$cross_list" ] || /usr/lib/apt/apt-helper cat-file "$cross_list"
      echo
    done | awk -v installed="$1.installed" -v removed="$1.removed" '
      BEGIN {
        FS = "\t"
        while ((getline line <installed) > 0) {
          split(line, field, "\t")
          rest[field[1] "\t" field[2] "\t" field[3]] = field[4] "\t" field[5]
          there[field[1] "\t" field[3]] = 1
        }
        while ((getline line <removed) > 0) {
          split(line, field, "\t")
          if (!((field[1] "\t" field[3]) in there)) gone[line] = "\t"
        }
      }
      /^Package: / { name = substr($0, 10) }
      /^Source: / { source = substr($0, 9) }
      /^Version: / { version = substr($0, 10) }
      /^Architecture: / { arch = substr($0, 15) }
      /^SHA256: / { sum = substr($0, 9) }
      /^$/ {
        key = name "\t" version "\t" arch
        if ((key in rest || key in gone) && !(key in sums)) sums[key] = sum
        if (key in gone) {
          if (source == "") source = name
          of = version
          if (match(source, / \(.*\)$/)) {
            of = substr(source, RSTART + 2, RLENGTH - 3)
            source = substr(source, 1, RSTART - 1)
          }
          gone[key] = source "\t" of
        }
        sum = ""
        source = ""
      }
      END {
        for (key in rest) printf "package\t%s\t%s\t%s\n", key, sums[key], rest[key]
        for (key in gone) printf "removed\t%s\t%s\t%s\n", key, sums[key], gone[key]
      }'
    rm -f "$1.installed" "$1.removed"
  } | LC_ALL=C sort -u >"$1.new" && mv "$1.new" "$1"
}
