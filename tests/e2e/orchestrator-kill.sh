#!/bin/bash
# The orchestrator, its workers, or all of them killed over and over while jobs come in: none lost, none run twice.
# See tests/support/orchestrator_kill.py.  KILL_SEED repeats a run, KILL_SECONDS makes it longer.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

seed=${KILL_SEED:-$RANDOM}
for round in 1 2; do
    mkdir -p "$work/$round/out"
    echo "seed $seed"
    WORK=$work/$round PORT=$(free_port) python3 "$here/../support/orchestrator_kill.py" "$prov" "${KILL_SECONDS:-20}" "$seed" ||
        fail "see above; the log: $(tail -5 "$work/$round/serve.log")"
    seed=$((seed + 1))
done
e2e_end
