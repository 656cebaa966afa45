#!/bin/bash
# Thirty secrets are planted, each in another place; after everything prov does with them none is found in what it leaves
# behind or shows: files, state, plans, journals, logs, errors, answers of the API, history of the REPL, process lists.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
ws=$work/ws
mkdir "$ws" && cd "$ws" || exit 1
seen=$work/seen
mkdir "$seen"
canary() { printf 'canary%02d-%s' "$1" "$(printf 'k%s' "$1" | sha256sum | head -c 12)"; }

# The folder that keys live in, and the SOPS file, are where secrets may be (encrypted there).
"$prov" age keygen --out "$work/key.txt" >/dev/null 2>&1
export SOPS_AGE_KEY_FILE=$work/key.txt
echo "creation_rules: [{ age: $(grep -o 'age1[a-z0-9]*' "$work/key.txt") }]" >.sops.yaml
echo "name: canaries" >prov.yaml

# What is running is looked at all the time: command lines, and environments of what prov starts.
(while sleep 0.01; do
    for p in /proc/[0-9]*; do
        [ "$p" = "/proc/$$" ] || tr '\0' '\n' <"$p/cmdline"
    done
done >"$seen/processes" 2>/dev/null) &
watcher=$!
at_exit() { kill "$watcher" 2>/dev/null; }

step() { # step NAME CODE ARGS: what is shown on both streams is looked at later
    local name=$1 want=$2 code
    shift 2
    "$prov" "$@" >>"$seen/$name" 2>&1 </dev/null
    code=$?
    [ "$code" = "$want" ] || [ "$want$code" = "+${code#0}" ] || fail "prov $* exits with $code, not $want: $(tail -5 "$seen/$name")"
}

cat >infra.yaml <<'YAML'
providers:
  demo: { world: world }
defaults: { provider: demo }
inputs:
  in19: { type: secret }
  in20: { type: secret }
  in21: { type: secret }
  in22: { type: secret }
  in23: { type: secret }
  in24: { type: secret }
secrets:
  made/one: { length: 20 }
  planted/c1: { type: given }
items:
YAML
for i in $(seq 12); do
    printf '  c%s: { value: { plain: "${secret(\\"planted/c%s\\")}", url: "x://u:${secret(\\"planted/c%s\\")}@h" } }\n' "$i" "$i" "$i"
done >>infra.yaml
for i in $(seq 19 24); do printf '  c%s: { value: "a-${var.in%s}-z" }\n' "$i" "$i"; done >>infra.yaml
cat >>infra.yaml <<'YAML'
  broken: { value: '${json({ a = secret("planted/c2") })}' }
outputs:
  url: 'x://${secret("planted/c3")}'
YAML
# 1 to 12: secrets by name, of the standard input.
for i in $(seq 12); do
    canary "$i" | "$prov" secret set "planted/c$i" >>"$seen/set" 2>&1 || fail "set $i: $(cat "$seen/set")"
done
# 13 to 18: values in a SOPS file of the user's.
for i in $(seq 13 18); do printf 'c%s: %s\n' "$i" "$(canary "$i")"; done >own.yaml
"$prov" secret encrypt own.yaml --in-place || fail "encrypt"
# 19 to 24: secret inputs, by the environment.
for i in $(seq 19 24); do export "PROV_VAR_in$i=$(canary "$i")"; done

step validate 0 validate
step validate 0 validate -o json
step plan 0 plan --out "$work/saved.plan"
step plan 0 plan -o json
step plan 0 show "$work/saved.plan" -o json
PROV_LOG=debug step apply 0 apply -v "$work/saved.plan"
for form in json yaml table; do
    step state 0 state show item.c1 -o $form
    step state 0 state list -o $form
    step state 0 state export -o $form
    step state 0 status -o $form
    step state 0 output -o $form
    step state 0 secret list -o $form
    step state 0 secret history planted/c1 -o $form
    step state 0 run list -o $form
done
step state 0 state graph
step state 0 state backup "$work/backup.mdb"
step state 0 run logs
step errors + secret get planted/nothing
step errors + secret get own.yaml nothing
step errors + secret set own.yaml '[['
add_item() { sed "s|^items:|&\n  c99: { value: '\${secret(\"$1\")$2}' }|" "$work/good.yaml" >infra.yaml; }
cp infra.yaml "$work/good.yaml"
add_item planted/c4 ' + 1'
step errors + plan
cp "$work/good.yaml" infra.yaml
step drift 0 drift
# A rotation, a change by hand, and one that fails.
step rotate 0 secret rotate made/one --yes
canary 31 | "$prov" secret set planted/c5 >>"$seen/set" 2>&1 || fail "set again"
step apply 0 apply --yes -v
add_item planted/c6 ''
sed -i 's/^  demo: .*/  demo: { world: world, fail: c99 }/' infra.yaml
PROV_LOG=debug step apply + apply --yes -v
cp "$work/good.yaml" infra.yaml
# Programs get them in their environment or a file in memory; a login keeps a token.
step exec 0 secret exec-env own.yaml -- sh -c 'test -n "$c13"'
step exec 0 secret exec-file own.yaml -- sh -c 'grep -q c14 {}'
printf '%s' "$(canary 28)" | "$prov" provider login hetzner >>"$seen/login" 2>&1 || fail "login: $(cat "$seen/login")"
for i in 25 26 27; do HCLOUD_TOKEN=$(canary "$i") "$prov" provider check hetzner >>"$seen/login" 2>&1; done
# The REPL: an expression that is a secret, and its history.
printf 'prov.state.show{ address = "item.c1" }\n= 1\n' | "$prov" repl >>"$seen/repl" 2>&1
# Through an orchestrator: answers of the API, events and logs of jobs.
(cd "$work" && exec "$prov" serve --listen 127.0.0.1:0 --workers 1 >"$seen/serve" 2>&1 </dev/null) &
e2e_server=$!
address=$XDG_STATE_HOME/prov/orchestrator/address
for _ in $(seq 100); do [ -s "$address" ] && break; sleep 0.1; done
for args in "state show item.c2" "status" "secret list" "plan"; do
    # shellcheck disable=SC2086
    PROV_REMOTE=$(cat "$address") "$prov" $args -o json >>"$seen/remote" 2>&1
done
PROV_REMOTE=$(cat "$address") "$prov" job list -o json >>"$seen/remote" 2>&1
step destroy 0 destroy --yes -v

kill "$watcher"
wait "$watcher" 2>/dev/null
places=0
for i in $(seq 31); do
    text=$(canary "$i")
    for form in "$text" "$(printf '%s' "$text" | base64 -w0 | head -c 20)" "$(printf '%s' "$text" | od -An -tx1 | tr -d ' \n')"; do
        found=$(grep -rlaF -- "$form" "$work" 2>/dev/null)
        if [ "$i" = 28 ]; then # where the login keeps it
            found=$(printf '%s\n' "$found" | grep -v '/providers/\|credentials')
        fi
        [ -z "$found" ] || fail "canary $i is in: $found: $(grep -rhaoF -m1 -- "$form" $found | head -1)"
    done
done
places=$(find "$work" -type f | wc -l)
echo "canaries: 31 planted, $places files looked at"
[ "$places" -gt 20 ] || fail "only $places files"
e2e_end
