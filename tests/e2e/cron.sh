#!/bin/bash
# The next runs of schedules as cronsim, which follows Debian's cron, finds them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

export PROV_DEV=1 PROV_ROOT=${PROV_SOURCE:?} PYTHONTZPATH=/usr/share/zoneinfo
[ -f /usr/share/zoneinfo/Europe/Berlin ] || { echo "SKIP: no tzdata in /usr/share/zoneinfo"; exit 77; }
python3 -m venv "$work/venv" >/dev/null 2>&1 || { echo "SKIP: no python3 with venv"; exit 77; }
"$work/venv/bin/pip" install -q --disable-pip-version-check --timeout 20 --retries 1 cronsim==2.8 >"$work/pip" 2>&1 ||
    { echo "SKIP: pip cannot install cronsim: $(tail -1 "$work/pip")"; exit 77; }

"$work/venv/bin/python" "$here/../support/times.py" cron >"$work/questions" || fail "the judge did not end well"
[ "$(wc -l <"$work/questions")" -eq 4000 ] || fail "the judge asked too little"
run 0 internal lua "$here/../support/times.lua" "$work/questions"
tail -1 "$work/out"
e2e_end
