#!/bin/bash
# The orchestrator under what hurts: see tests/support/orchestrator_limits.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

ulimit -n "$(ulimit -Hn)"
cases="$here/../support/orchestrator_limits.py"
if unshare -m true 2>/dev/null; then
    OWN_MOUNTS=yes unshare -m --propagation private python3 "$cases" "$prov" "$work" || fail "see above"
else
    python3 "$cases" "$prov" "$work" || fail "see above"
fi
e2e_end
