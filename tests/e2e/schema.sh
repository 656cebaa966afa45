#!/bin/bash
# The exported schemas say what the contracts say: ajv judges them over every infra, workflow and prov.yaml of
# the repository, examples of every extension, random contracts, and all of these with something changed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
source_dir=$(cd "$here/../.." && pwd)

# ---- What `prov schema export` prints ----

"$prov" workspace new "$HOME/shop" >/dev/null 2>&1 || fail "no workspace"
cd "$HOME/shop" || exit 1
for what in infra prov workflow "provider demo" "taskserv nginx" "cluster web"; do
    # shellcheck disable=SC2086 # two words
    "$prov" schema export $what >"$work/schema.json" 2>"$work/err" || fail "$what: $(cat "$work/err")"
    grep -q 'json-schema.org/draft/2020-12/schema' "$work/schema.json" || fail "$what: $(head -3 "$work/schema.json")"
done
"$prov" schema export --format luacats >"$work/types.lua" 2>"$work/err" || fail "types: $(cat "$work/err")"
grep -q '^---@class demo.server$' "$work/types.lua" || fail "types: $(head "$work/types.lua")"
"$prov" internal lua "$work/types.lua" || fail "the types are no Lua"
"$prov" schema export taskserv >"$work/out" 2>&1 && fail "a taskserv without a name"
grep -q 'which taskserv' "$work/out" || fail "no name: $(cat "$work/out")"
"$prov" schema export taskserv ngnix >"$work/out" 2>&1
[ $? -eq 4 ] || fail "an unknown taskserv"
grep -q "did you mean 'nginx'" "$work/out" || fail "unknown: $(cat "$work/out")"

# One of several files needs not have what others have.
"$prov" schema export -o json >"$work/whole.json" && "$prov" schema export --part -o json >"$work/part.json" ||
    fail "whole and part"
demands() {
    python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1])).get("allOf", [])))' "$1"
}
demands "$work/whole.json" | grep -q '"required": \["network"\]' || fail "nothing is required"
[ "$(demands "$work/part.json")" = "[]" ] || fail "a part requires something"

# ---- prov schema diff ----

mkdir -p "$work/old/pinger" "$work/new/pinger"
cat >"$work/old/pinger/taskserv.lua" <<'END'
return {
  kind = "taskserv", api = 1, name = "pinger", summary = "Pings",
  schema = {
    target = { type = "hostname", required = true },
    every = { type = "duration", default = "1m" },
    mode = { type = "enum", one_of = { "icmp", "tcp" }, default = "icmp" },
  },
  recipe = function() return {} end,
}
END
sed -e 's/"1m"/"5m"/; s/"icmp", "tcp" }/"icmp" }/; s/^    target.*/&\n    owner = { type = "string", required = true },/' \
    "$work/old/pinger/taskserv.lua" >"$work/new/pinger/taskserv.lua"
"$prov" schema diff "$work/old/pinger" "$work/new/pinger/taskserv.lua" --detailed-exitcode >"$work/out" 2>"$work/err"
[ $? -eq 3 ] || fail "diff: $(cat "$work/out" "$work/err")"
for line in 'changes  *every  *the default is "5m", was "1m"' 'breaks  *mode  *the value "tcp" is gone' \
    'breaks  *owner  *is new, and must be given'; do
    grep -q "^$line" "$work/out" || fail "diff lacks $line: $(cat "$work/out")"
done
"$prov" schema diff taskserv/nginx taskserv/nginx --detailed-exitcode >"$work/out" 2>&1 || fail "same: $(cat "$work/out")"
"$prov" schema diff taskserv/nginx provider/demo >"$work/out" 2>&1
[ $? -eq 2 ] || fail "two kinds: $(cat "$work/out")"

# ---- The judge ----

PROV_DEV=1 PROV_ROOT=$source_dir "$prov" internal lua "$here/../support/schema_cases.lua" "$source_dir" \
    >"$work/cases.json" 2>"$work/counts" || fail "cases: $(cat "$work/counts")"
cat "$work/counts"
[ "$(awk '$3 == "infras" && $2 == "good" { print $1 }' "$work/counts")" -ge 15 ] || fail "few infras were found"
mkdir "$work/node" && cd "$work/node" || exit 1
if ! npm install --silent --no-fund --no-audit ajv@8.20.0 >"$work/npm" 2>&1; then
    echo "SKIP: no ajv from npm: $(tail -1 "$work/npm")"
    [ "$failures" -eq 0 ] && exit 77
    e2e_end
fi
cp "$here/../support/schema_judge.js" .
node schema_judge.js "$work/cases.json" >"$work/out" 2>&1 || fail "ajv: $(cat "$work/out")"
tail -1 "$work/out"
e2e_end
