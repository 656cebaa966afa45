#!/bin/bash
# The state as a graph with a past: history, diff, restore, mv, rm, query, backup, export and import; a SurrealDB
# loads the export and holds the same nodes and edges.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_both_ways

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 && cd shop || exit 1
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
networks: { lan: {} }
servers:
  web: { count: 3, network: "${network.lan}" }
  odd:
    for_each: { "a b": 1, "it's": 2, "q\"q": 3, "⟨x⟩": 4, "back\\slash": 5 }
    network: "${network.lan}"
items: { note: { value: "${server.web[1].ip}" } }
YAML
run 0 apply --yes
sed -i 's/count: 3/count: 2/' infra.yaml
run 0 apply --yes
run 0 state history
has "delete server.web[3]"
run 0 state diff
has "- server.web[3]"
run 0 state diff 0
has "+ network.lan"
last=$("$prov" state history --limit 1 -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["revision"])')

# A renamed resource is moved, not made again.
sed -i 's/^  web: /  front: /; s/server\.web\[1\]/server.front[1]/' infra.yaml
run 0 state mv 'server.web[1]' 'server.front[1]'
run 0 state mv 'server.web[2]' 'server.front[2]'
run 0 plan --detailed-exitcode
run 4 state mv server.nothing server.x
run 7 state rm network.lan --yes
has "needs network.lan"
run 0 state rm item.note --yes
run 3 plan --detailed-exitcode
has "item.note"
run 0 state restore "$last" --yes
has "+ item.note"
[ "$("$prov" state query 'network:lan <-connected<- server:* | count')" -eq 7 ] || fail "query counts wrongly"
run 0 state query --explain 'server:web-* ->connected-> *'
has "start with server called web-*: 2"
run 1 state query 'server:web ->'

# The copy opens, is whole, and brings everything back after a loss.
run 0 state backup "$work/copy.mdb"
run 1 state backup "$work/copy.mdb"
"$prov" state export >"$work/before.json"
rm .prov/state.mdb .prov/state.mdb-lock
cp "$work/copy.mdb" .prov/state.mdb
"$prov" state export >"$work/after.json"
cmp -s "$work/before.json" "$work/after.json" || fail "the copy is another state"
run 0 state check

"$prov" state export --secrets >"$work/export.json"
run 0 state rm 'server.web[1]' item.note --yes
run 0 state import "$work/export.json" --yes
has "2 changed"
"$prov" state export >"$work/after.json"
python3 - "$work/before.json" "$work/after.json" <<'PY' || fail "import is another state"
import json, sys
a, b = (json.load(open(f))["records"] for f in sys.argv[1:])
assert a == b, (a, b)
PY
run 0 state unlock
has "no locks"

"$prov" state export --format surql >"$work/state.surql"
mkdir "$work/node" && cd "$work/node" || exit 1
if ! npm install --silent --no-fund --no-audit @surrealdb/node surrealdb >"$work/npm" 2>&1; then
    echo "SKIP: no SurrealDB from npm: $(tail -1 "$work/npm")"
    e2e_end
fi
cp "$here/../support/surreal.mjs" .
timeout 120 node surreal.mjs "$work/state.surql" >"$work/surreal.json" 2>"$work/out" || fail "SurrealDB: $(cat "$work/out")"
python3 - "$work/after.json" "$work/surreal.json" <<'PY' || fail "SurrealDB holds another graph"
import json, sys
records = json.load(open(sys.argv[1]))["records"]
judge = json.load(open(sys.argv[2]))
assert {r["address"]: r for r in records} == judge["nodes"], judge["nodes"]
there = {r["address"] for r in records}
def edge(a, b):
    kind = "connected" if b.startswith("network.") else "depends_on"
    return f"{a} {kind} {b}"
wanted = sorted(edge(r["address"], n) for r in records for n in r["needs"] if n in there)
assert wanted == judge["edges"], judge["edges"]
assert len(wanted) == 8, wanted
PY
e2e_end
