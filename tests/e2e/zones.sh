#!/bin/bash
# Time zones as Python's zoneinfo reads them: every zone of this machine, 1900 to 2100.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

export PROV_DEV=1 PROV_ROOT=${PROV_SOURCE:?} PYTHONTZPATH=/usr/share/zoneinfo
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }
python3 -c 'import zoneinfo' 2>/dev/null || { echo "SKIP: python3 is older than 3.9"; exit 77; }
[ -f /usr/share/zoneinfo/Europe/Berlin ] || { echo "SKIP: no tzdata in /usr/share/zoneinfo"; exit 77; }
[ -z "${TZDIR:-}" ] || { echo "SKIP: TZDIR is set"; exit 77; }

python3 "$here/../support/times.py" zones >"$work/questions" || fail "the judge did not end well"
[ "$(wc -l <"$work/questions")" -gt 10000 ] || fail "the judge asked too little"
run 0 internal lua "$here/../support/times.lua" "$work/questions"
tail -1 "$work/out"
e2e_end
