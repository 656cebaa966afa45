#!/bin/bash
# Commands that an orchestrator runs: see tests/support/orchestrator_remote.py.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

python3 "$here/../support/orchestrator_remote.py" "$prov" "$work" || fail "see above"
e2e_end
