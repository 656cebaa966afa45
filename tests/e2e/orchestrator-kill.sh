#!/bin/bash
# The orchestrator, its workers, or all of them killed over and over while jobs come in: none lost, none run twice
# (tests/support/orchestrator_kill.py), and no resource of their workspaces either (orchestrator_kill_apply.py).
# KILL_SEED repeats a run, KILL_SECONDS makes it longer.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
command -v python3 >/dev/null || { echo "SKIP: no python3"; exit 77; }

seed=${KILL_SEED:-$RANDOM}
seconds=${KILL_SECONDS:-20}
echo "seed $seed"
for round in 1 2; do
    mkdir -p "$work/$round/out"
    WORK=$work/$round PORT=$(free_port) python3 "$here/../support/orchestrator_kill.py" "$prov" "$seconds" \
        "$((seed + round - 1))" || fail "see above; the log: $(tail -5 "$work/$round/serve.log")"
done
mkdir "$work/applies"
PROV_PATH=$here/../support/extensions python3 "$here/../support/orchestrator_kill_apply.py" "$prov" "$work/applies" \
    "$seconds" "$seed" || fail "see above; the log: $(tail -5 "$work/applies/applies.log")"
e2e_end
