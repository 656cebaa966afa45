#!/bin/bash
# The infra language in fresh processes, on the demo provider: environments and variables, modules, instances of
# providers, moves and imports, replacements that come first (also when killed), conditions, look-ups, templates.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

workspace() {
    "$prov" workspace new "$work/$1" >/dev/null 2>&1 && cd "$work/$1" || exit 1
    rm infra.yaml
}

state_is() {
    local have
    have=$("$prov" ${env:+-e "$env"} state list -o name | tr '\n' ' ')
    [ "$have" = "$1 " ] || fail "the state has $have, not $1"
}

# in_world PATTERN: how many things the world of the demo provider has.
in_world() {
    find "${2:-world}" -maxdepth 1 -type f -name "$1" | wc -l
}

id_of() {
    "$prov" state show "$1" -o json | sed -n 's/^  "id": "\(.*\)",$/\1/p'
}

# --- One meaning in every form -----------------------------------------------------------------
workspace forms
mkdir -p modules/site
cat >modules/site/module.yaml <<'YAML'
inputs:
  name: { type: string, required: true }
  n: { type: int, default: 1, max: 4 }
  net: { type: any }
servers:
  web: { count: "${var.n}", network: "${var.net}", labels: { who: "${var.name}-${index}" } }
outputs: { ips: "${server.web.ip}", first: "http://${server.web[1].ip}/" }
YAML
cat >infra.yaml <<'YAML'
inputs: { n: { type: int, default: 2 }, pw: { type: secret, default: hunter2 } }
defaults: { provider: demo }
providers:
  region: { for_each: [a, b], provider: demo, zone: "demo-${key}" }
data: { image: { provider: demo, kind: image, where: { family: debian }, sort: version, pick: last } }
networks:
  lan: { provider: 'region["a"]', cidr: "${cidrsubnet('10.0.0.0/16', 8, var.n)}" }
modules:
  eu: { source: ./modules/site, for_each: { a: 1, b: 2 }, inputs: { name: "eu-${key}", n: "${value}", net: "${network.lan}" } }
servers:
  lb:
    image: ${data.image.id}
    provider: region["b"]
    labels: { backends: "${join(module.eu.b.ips, ' ')}", big: "${if var.n > 2 then 'yes' else 'no'}" }
    depends_on: [module.eu]
items:
  hash: { value: "${sha256(var.pw)}" }
  later: { value: "${length(server.lb.ip) * 2 + var.n}" }
checks: { up: { that: "${server.lb.ip != ''}", message: "no address" } }
outputs: { url: "${module.eu.a.first}", n: "${var.n + 1}" }
YAML
run 0 plan -o json
cp "$work/out" "$work/yaml.plan"
cat >"$work/to_json.py" <<'PY'
import json, sys
try:
    import yaml
except ImportError:
    sys.exit(77)
json.dump(yaml.safe_load(open(sys.argv[1])), open(sys.argv[2], "w"))
PY
if python3 "$work/to_json.py" infra.yaml infra.json; then
    mv infra.yaml "$work/infra.yaml"
    run 0 plan -o json
    cmp -s "$work/out" "$work/yaml.plan" || fail "JSON plans otherwise: $(diff "$work/out" "$work/yaml.plan" | head -5)"
    rm infra.json
else
    mv infra.yaml "$work/infra.yaml"
    echo "no python3-yaml: the JSON form is left out"
fi
cat >infra.lua <<'LUA'
local var = inputs { n = { type = "int", default = 2 }, pw = { type = "secret", default = "hunter2" } }
return {
  defaults = { provider = "demo" },
  providers = { region = { for_each = { "a", "b" }, provider = "demo", zone = "demo-${key}" } },
  data = { image = { provider = "demo", kind = "image", where = { family = "debian" }, sort = "version", pick = "last" } },
  networks = { lan = { provider = 'region["a"]', cidr = fn.cidrsubnet("10.0.0.0/16", 8, var.n) } },
  modules = {
    eu = {
      source = "./modules/site",
      for_each = { a = 1, b = 2 },
      inputs = { name = "eu-${key}", n = "${value}", net = network.lan },
    },
  },
  servers = {
    lb = {
      image = data.image.id,
      provider = 'region["b"]',
      labels = { backends = fn.join(module.eu.b.ips, " "), big = var.n > 2 and "yes" or "no" },
      depends_on = { module.eu },
    },
  },
  items = {
    hash = { value = fn.sha256(var.pw) },
    later = { value = fn.length(server.lb.ip) * 2 + var.n },
  },
  checks = { up = { that = fn.differs(server.lb.ip, ""), message = "no address" } },
  outputs = { url = module.eu.a.first, n = var.n + 1 },
}
LUA
run 0 plan -o json
cmp -s "$work/out" "$work/yaml.plan" || fail "Lua plans otherwise: $(diff "$work/out" "$work/yaml.plan" | head -5)"
rm infra.lua
mv "$work/infra.yaml" infra.yaml
run 0 plan --out one.plan
run 0 apply --plan one.plan
grep -q hunter2 "$work/out" && fail "the secret is shown"
state_is 'item.hash item.later module.eu["a"].server.web[1] module.eu["b"].server.web[1] module.eu["b"].server.web[2] network.lan server.lb'
run 3 plan --detailed-exitcode --target module.eu --replace 'module.eu["b"].server.web[2]'
has '1 to replace'
run 3 --var n=3 plan --detailed-exitcode
has 'labels.big = "no" -> "yes"'
run 0 plan --detailed-exitcode
run 0 output n
has 3

# --- Environments ---------------------------------------------------------------------------------
mkdir environments
cat >environments/prod.yaml <<'YAML'
vars: { n: 3 }
servers: { lb: { plan: 4xCPU-8GB } }
items: { hash: null, extra: { value: only here } }
YAML
run 4 -e prd plan
has "did you mean 'prod'?"
run 0 -e prod apply --yes
env=prod state_is 'item.extra item.later module.eu["a"].server.web[1] module.eu["b"].server.web[1] module.eu["b"].server.web[2] network.lan server.lb'
run 0 -e prod state show server.lb
has "plan: 4xCPU-8GB"
run 0 plan --detailed-exitcode # the other state is as it was
PROV_ENV=prod run 0 plan --detailed-exitcode
run 0 -w "$work/forms@prod" status
has "Workspace forms@prod"
run 2 -w "$work/forms@prod" -e dev status
PROV_VAR_n=9 run 3 plan --detailed-exitcode
run 2 --var n=many plan
has "--var n: expected an integer"
run 7 workspace delete "$work/forms" --yes
run 0 destroy --yes
run 7 workspace delete "$work/forms" --yes # prod still has something
has "forms@prod"
run 0 -e prod destroy --yes

# --- What is said about the past -----------------------------------------------------------------
workspace past
cat >infra.yaml <<'YAML'
providers: { demo: { world: world } }
defaults: { provider: demo }
networks: { lan: {} }
servers: { a: { count: 2, network: "${network.lan}" }, b: {} }
YAML
run 0 apply --yes
kept=$(id_of server.b)
first=$(id_of 'server.a[1]')
cat >infra.yaml <<'YAML'
providers: { demo: { world: world } }
defaults: { provider: demo }
networks: { wan: {} }
servers: { web: { count: 2, network: "${network.wan}" } }
moved: [{ from: server.a, to: server.web }, { from: network.lan, to: network.wan }]
removed: [{ from: server.b }]
YAML
run 0 plan --out past.plan
has "server.a[1] is now server.web[1]"
has "server.b is let go, and stays where it is"
has "3 to move, 1 to let go"
run 0 apply --plan past.plan
state_is 'network.wan server.web[1] server.web[2]'
[ "$(id_of 'server.web[1]')" = "$first" ] || fail "server.web[1] is another server"
[ "$(in_world '*')" = 4 ] || fail "the world changed: $(ls world)"
run 0 plan --detailed-exitcode
run 0 run logs
has "move server.a[1]"
run 0 run rollback --yes # what has moved moves back, and what was let go of is taken over again
state_is 'network.lan server.a[1] server.a[2] server.b'
[ "$(id_of server.b) $(id_of 'server.a[1]')" = "$kept $first" ] || fail "others came back: $("$prov" state list)"
[ "$(in_world '*')" = 4 ] || fail "the world changed: $(ls world)"
run 0 apply --yes
state_is 'network.wan server.web[1] server.web[2]'
sed -i "s/^servers: {/servers: { old: {},/; s/^removed.*/import: [{ to: server.old, id: $kept }]/" infra.yaml
run 3 plan --detailed-exitcode
has "server.old is $kept of demo, which exists"
run 0 apply --yes
[ "$(id_of server.old)" = "$kept" ] || fail "server.old is another server"
run 0 plan --detailed-exitcode
run 0 run rollback --yes # what was imported stays in the world
state_is 'network.wan server.web[1] server.web[2]'
[ "$(in_world '*')" = 4 ] || fail "the world changed: $(ls world)"
run 0 apply --yes
sed -i "s/id: $kept/id: none/" infra.yaml
run 7 plan
has "infra.yaml:6:"

# --- A replacement that comes first, killed in the middle ----------------------------------------
workspace first
cat >infra.yaml <<'YAML'
providers: { demo: { world: world, delay: 400ms } }
defaults: { provider: demo }
networks: { lan: { cidr: 10.0.0.0/24 } }
servers: { web: { network: "${network.lan}", lifecycle: { create_before_destroy: true } } }
items: { dep: { value: "${server.web.id}", lifecycle: { replace_triggered_by: [network.lan.cidr] } } }
YAML
run 0 apply --yes
sed -i 's/10.0.0/10.1.0/' infra.yaml
"$prov" apply --yes >"$work/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 100); do
    [ "$(in_world 'create network.lan*' world/calls)" = 2 ] && break
    sleep 0.02
done
kill -9 "$pid"
wait "$pid" 2>/dev/null
[ "$(in_world 'network-*')" = 2 ] || fail "the old network did not outlive the new one: $(ls world)"
run 0 apply --yes
[ "$(in_world '*')" = 3 ] || fail "left over: $(ls world)"
state_is 'item.dep network.lan server.web'
run 0 plan --detailed-exitcode
last=$(find world/calls -name '*network*' -printf '%T@ %f\n' | sort -n | tail -1 | cut -d' ' -f2-)
case $last in "delete network.lan~"*) ;; *) fail "the old network did not go last: $last" ;; esac

# One whose replacement fails keeps its address, or has it again.
workspace failing
cat >infra.yaml <<'YAML'
providers: { demo: { world: world } }
defaults: { provider: demo }
servers: { web: { zone: demo-1, lifecycle: { create_before_destroy: true } } }
items: { dep: { value: "${server.web.id}" } }
YAML
run 0 apply --yes
first=$(id_of server.web)
sed -i 's/demo-1/demo-2/; s/world: world/world: world, fail: web/' infra.yaml
run 1 apply --yes --on-failure rollback
[ "$(id_of server.web)" = "$first" ] || fail "server.web is another server"
run 1 apply --yes
sed -i 's/demo-2/demo-1/; s/, fail: web//' infra.yaml
run 3 plan --detailed-exitcode
has "1 to move"
run 0 apply --yes
[ "$(id_of server.web)" = "$first" ] || fail "server.web is another server"
sed -i 's/demo-1/demo-2/' infra.yaml
run 0 apply --yes
[ "$(in_world 'server-*')" = 1 ] || fail "left over: $(ls world)"
run 0 plan --detailed-exitcode

# --- Conditions ------------------------------------------------------------------------------------
workspace checks
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
servers:
  web:
    zone: demo-1
    lifecycle:
      preconditions: [{ that: "${contains(['demo-1', 'demo-2'], 'demo-1')}", message: "no such zone" }]
      postconditions: [{ that: "${starts_with(server.web.ip, '10.')}", message: "not ours: ${server.web.ip}" }]
checks:
  soft: { that: "${server.web.ip == 'x'}", message: "the address is ${server.web.ip}" }
YAML
run 0 apply --yes
has "check soft: the address is 10."
sed -i "s/'demo-2'\], 'demo-1'/'demo-2'], 'demo-3'/" infra.yaml
run 1 plan
has "infra.yaml:6:"
has "precondition of server.web: no such zone"
sed -i "s/'demo-3'/'demo-1'/; s/starts_with(server.web.ip, '10.')/server.web.ip == ''/" infra.yaml
run 1 plan
has "postcondition of server.web: not ours: 10."

# --- Templates and mistakes -----------------------------------------------------------------------
workspace wrong
printf '#!/bin/sh\n{%% for ip in ips %%}\nping {{ ip }}\n{%% endfor %%}\necho {{ text }}\n' >run.sh
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
servers: { web: { count: 2 } }
items: { script: { value: "${template('run.sh', { ips = server.web.ip, text = 'a b' })}" } }
outputs: { script: "${item.script.value}" }
YAML
run 0 apply --yes
run 0 output script
[ "$(grep -c '^ping 10\.' "$work/out")" = 2 ] || fail "two lines wanted: $(cat "$work/out")"
has "echo 'a b'"
mistake() {
    printf 'defaults: { provider: demo }\n%b\n' "$1" >infra.yaml
    "$prov" validate >"$work/out" 2>&1 && fail "valid: $1"
    shift
    for said in "$@"; do has "$said"; done
}
mistake 'servers: { a: { network: "${server.b.id}" }, b: { network: "${server.a.id}" } }' \
    'infra.yaml:2:12:' 'server.a.network (infra.yaml:2) -> server.b.network (line 2) -> server.a'
mistake 'servers:\n  a: { count: "${server.b.ip}" }\n  b: {}' 'infra.yaml:3:8: servers.a.count' 'how many there are must be known before'
mistake 'items: { a: { value: "${uper(1)}" } }' 'infra.yaml:2:25:' "no function 'uper'" "did you mean 'upper'?"
mistake 'items: { a: { value: "${1 + }" } }' 'infra.yaml:2:29:' 'something is missing'
mistake "items: { a: { value: \"\${template('x', {})}\" } }" 'infra.yaml:2:25:' 'there is no x'
mistake "items: { a: { value: \"\${template('run.sh', { ips = [] })}\" } }" 'run.sh:5:' "'text' has no value"
mistake 'moved: [{ from: item.a, to: item.b }]\nitems: { a: {} }' 'infra.yaml:2:11:' 'still declared'
mistake 'data: { x: { kind: imgae } }' 'infra.yaml:2:14:' "did you mean 'image'?"

# What is imported without a world stays what it is.
mkdir -p "$work/imported" && cd "$work/imported" || exit 1
echo 'name: imported' >prov.yaml
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
servers: { db: { plan: 2xCPU-4GB } }
import: [{ to: server.db, id: srv-1234 }]
YAML
run 0 apply --yes
run 0 plan --detailed-exitcode
has "No changes"

# One item of a list of all, also through a module; the side of an if that is not chosen need not exist.
mkdir -p "$work/items/modules/tier" && cd "$work/items" || exit 1
echo 'name: items' >prov.yaml
cat >modules/tier/module.yaml <<'YAML'
servers: { node: { count: 2 } }
outputs: { ips: "${server.node.ip}" }
YAML
cat >infra.yaml <<'YAML'
defaults: { provider: demo }
modules: { front: { source: modules/tier } }
servers: { web: { count: 2 }, none: { count: 0 } }
outputs:
  web: ${server.web.ip[2] == server.web[2].ip}
  front: ${module.front.ips[1]}
  none: ${if length(server.none.ip) > 0 then server.none.ip[1] else "nobody"}
  empty: ${server.none.ip}
YAML
run 0 apply --yes
has "web = true"
has "none = nobody"
has "empty = []"
grep -qE '^  front = 10[.0-9]+$' "$work/out" || fail "one of a list of all: $(cat "$work/out")"
e2e_end
