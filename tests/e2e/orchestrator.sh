#!/bin/bash
# The orchestrator from outside, by HTTP: see tests/support/orchestrator_cases.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

# promtool judges the metrics; it comes in a package whose daemon nobody wants to start.
if command -v promtool >/dev/null; then
    PROMTOOL=$(command -v promtool)
elif (cd "$TMPDIR" && apt-get download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb |
    tar -x ./usr/bin/promtool) >/dev/null 2>&1; then
    PROMTOOL=$TMPDIR/usr/bin/promtool
fi
export PROMTOOL=${PROMTOOL:-}
python3 "$here/../support/orchestrator_cases.py" "$prov" "$work" || fail "see above"
unit=$here/../../core/systemd
if command -v systemd-analyze >/dev/null; then
    mkdir "$work/units"
    cp "$unit/prov-orchestrator.socket" "$work/units"
    sed "s|@CMAKE_INSTALL_PREFIX@/bin/prov|$prov|; /^Documentation/d" "$unit/prov-orchestrator.service.in" \
        >"$work/units/prov-orchestrator.service"
    said=$(systemd-analyze verify "$work/units/prov-orchestrator.service" 2>&1 | grep prov-orchestrator)
    [ -z "$said" ] || fail "the unit: $said"
fi
e2e_end
