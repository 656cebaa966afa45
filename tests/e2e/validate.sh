#!/bin/bash
# prov validate as a user meets it: findings and their places, exit codes, reports, rules of one's own, fixes.
set -u
. "$(dirname "$0")/../support/e2e.sh"
prov=${PROV:?path of the prov binary}

mkdir "$work/shop"
cd "$work/shop" || exit 1
echo "name: shop" >prov.yaml
cat >infra.yaml <<'YAML'
# A shop.
defaults: { provider: demo }
networks:
  lan: { cidr: 10.0.0.0/24 }   # the office
servers:
  web:
    count: 2
    network: ${network.lan}
    taskservs: { nginx: { port: 8080 } }
  lb:
    network: ${network.lan}
    taskservs:
      haproxy: { backends: "${server.web.ip}", backend_port: 8080, check: / }
YAML
run 0 validate --strict
has "valid: 4 resources, 3 task services, 0 outputs in workspace 'shop'"
has "--severity note shows the notes"
grep -q "^Notes" "$work/out" && fail "notes are shown unasked"
run 0 validate --severity note
has "infra.yaml:13:18  taskserv.haproxy@server.lb  balancer-single"

# Warnings: exit code 8 only when strict. Errors: 1.
sed -i 's/count: 2/count: 1/' infra.yaml
run 0 validate
has "backend-single"
run 8 validate --strict
sed -i 's/backend_port: 8080/backend_port: 80/' infra.yaml
run 1 validate
has "infra.yaml:13:18  taskserv.haproxy@server.lb  backend-port"
has "server.web[1] does not listen on port 80"
run 1 validate --strict

# prov.yaml and the resource say otherwise.
printf 'name: shop\nvalidate:\n  rules:\n    backend-port: note\n    backend-single: off\n' >prov.yaml
run 0 validate --strict
printf 'name: shop\nvalidate:\n  rules:\n    backend-prt: off\n' >prov.yaml
run 1 validate
has "prov.yaml:4:5: validate.rules.backend-prt: there is no such rule"
has "did you mean 'backend-port'?"
echo "name: shop" >prov.yaml
sed -i 's/^  lb:$/&\n    validate: { ignore: { backend-port: "started by hand", backend-single: "a test" } }/' infra.yaml
run 0 validate --strict
has "2 ignored"

# Reports are what their readers can read.
sed -i '/validate:/d' infra.yaml
run 1 validate --format sarif
jq -e '.version == "2.1.0" and (.runs[0].results | map(.ruleId) | index("backend-port") != null)
    and (.runs[0].results[] | select(.ruleId == "backend-port") | .level == "error"
        and .locations[0].physicalLocation.region.startLine == 13)' "$work/out" >/dev/null || fail "sarif: $(cat "$work/out")"
run 1 validate --format junit
python3 - "$work/out" <<'PY' || fail "junit: $(cat "$work/out")"
import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot()
cases = list(suites.iter("testcase"))
failed = [c.get("name") for c in cases if c.find("failure") is not None]
assert len(cases) == int(suites.get("tests")) >= 40, len(cases)
assert failed == ["backend-port taskserv.haproxy@server.lb"], failed
PY
run 1 validate --format github
has "::error title=backend-port,file=infra.yaml,line=13,col=18::taskserv.haproxy@server.lb: server.web[1] does not"
run 1 validate -o json
jq -e '.status == "invalid" and .counts.error == 1 and .exit_code == 1' "$work/out" >/dev/null ||
    fail "json: $(cat "$work/out")"
sed -i 's/backend_port: 80,/backend_port: 8080,/' infra.yaml

# A rule of one's own, made, tested, run, and going wrong.
run 0 rule new plan-small
run 0 rule test
has "ok"
run 8 validate --strict --rule plan-small
has "the smallest plan"
sed -i 's/"1xCPU-1GB" then/"none" then/' rules/plan-small.lua
run 1 rule test
has "it finds nothing in its bad example"
sed -i 's/if ctx:known.*/while true do/' rules/plan-small.lua
run 1 validate
grep -qE 'rules/plan-small.lua:(19|20)  plan-small' "$work/out" || # where it is stopped depends on the machine
    fail "the line of the rule: $(cat "$work/out")"
has "the rule failed: stopped after"
rm rules/plan-small.lua
run 0 rule list --category ports -o name
has "port-conflict"
run 0 rule show budget
has "most for a month"
run 4 rule show budgt
has "did you mean 'budget'?"

# Fixes change the file where they can, and nothing else in it.
sed -i 's/10.0.0.0/10.0.0.9/' infra.yaml
cp infra.yaml before.yaml
run 1 validate
has "--fix mends"
run 0 validate --fix
has "fixed infra.yaml  networks.lan.cidr  network-host-bits"
[ "$(diff before.yaml infra.yaml | grep -c '^[<>]')" -eq 2 ] || fail "more was changed: $(diff before.yaml infra.yaml)"
grep -q "cidr: 10.0.0.0/24 }   # the office" infra.yaml || fail "the comment is gone: $(cat infra.yaml)"

# A report is written also when nothing loads; other errors go to stderr as ever.
echo "servers: { web: { provider: demo, plam: x } }" >infra.yaml
run 1 validate --format github
has "::error title=contract,file=infra.yaml,line=1"
run 1 validate
has "error: infra.yaml:1:"

# The examples that come with prov have no mistake that a rule knows.
for folder in "${PROV_SOURCE:?}"/workspaces/*/ "$PROV_SOURCE"/workspaces/*/*/; do
    [ -f "$folder/prov.yaml" ] || continue
    ls "$folder"/infra.* >/dev/null 2>&1 || continue
    run 0 validate -w "$folder" --strict
done
e2e_end
