#!/bin/bash
# The orchestrator and runs of the engine while the wall's clock jumps, and while processes stand still: see
# tests/support/orchestrator_clock.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }
faketime=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -1)
[ -n "$faketime" ] || { echo "SKIP: no libfaketime (package faketime)"; exit 77; }

FAKETIME_LIBRARY=$faketime python3 "$here/../support/orchestrator_clock.py" "$prov" "$work" "$@" || fail "see above"
e2e_end
