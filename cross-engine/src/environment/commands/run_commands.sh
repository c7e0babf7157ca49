# shellcheck shell=sh
# Runs the entries "$@" in one shell with `set -e`, so that the directory and variables carry over.
#
# An entry may be the beginning of a command that the next one continues, like a line of a script.
# What is not a complete command by itself waits for the rest. The numbers of a command's entries
# are printed before it, and the status after a failure, because the program that runs this reports
# only a status of its own.
#
# Package lists exist when the commands begin and are removed afterwards. Programs that read a
# variable for certificates trust the host's, and so does apt.
certificates=/run/cross-core/certificates.pem
if [ -s "$certificates" ]; then
  export SSL_CERT_FILE=$certificates CURL_CA_BUNDLE=$certificates REQUESTS_CA_BUNDLE=$certificates
  export PIP_CERT=$certificates GIT_SSL_CAINFO=$certificates NODE_EXTRA_CA_CERTS=$certificates
  export CARGO_HTTP_CAINFO=$certificates APT_CONFIG=/run/cross-core/apt.conf
  echo "Acquire::https::CAInfo \"$certificates\";" >"$APT_CONFIG"
fi
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt-get update -o Acquire::Retries=3
(
  set -e
  cross_count=$# cross_first=1 cross_last=0 cross_text=
  for cross_entry do
    set --
    cross_last=$((cross_last+1))
    cross_text="$cross_text$cross_entry
"
    if [ "$cross_last" -lt "$cross_count" ]; then
      case "$cross_text" in
      *'\
') continue ;;
      # What follows is text where a here-document is open, and an error where none is.
      *'<<'*) if sh -n -c "$cross_text)" 2>/dev/null; then continue; fi ;;
      esac
      sh -n -c "$cross_text" 2>/dev/null || continue
    fi
    echo "cross-core: commands $cross_first $cross_last"
    eval "$cross_text"
    cross_first=$((cross_last+1)) cross_text=
  done
)
status=$?
[ $status = 0 ] || echo "cross-core: status $status"
[ $status != 0 ] || cross_record "$cross_record" || status=$?
[ -z "$APT_CONFIG" ] || rm -f "$APT_CONFIG"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
exit $status
