#!/bin/bash
# Secrets by name: made by a rule when an infra uses them, kept in the workspace's vault or in a SOPS file, given by hand,
# versioned, rotated with all who use them, removed and restored.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/sops.sh"
. "$here/../support/e2e.sh"
"$prov" age keygen --out "$work/key.txt" >/dev/null 2>&1
export SOPS_AGE_KEY_FILE=$work/key.txt


# used TEXT: something was made with it.
used() { "$prov" state export --secrets | grep -qF -- "$1"; }

in_workspace() { # in_workspace NAME: all of it, wherever they are kept
    echo "-- $1"
    cat >infra.yaml <<'YAML'
defaults: { provider: demo }
secrets:
  db/password: { length: 40, alphabet: hex }
  deploy: { type: ssh_key }
  hand/token: { type: given }
items:
  app: { value: 'postgres://app:${secret("db/password")}@db', needs: [] }
  key: { value: '${secret("deploy", "public_key")}' }
  after: { value: 'x', needs: ['${item.app}'] }
  other: { value: '${secret("api")}' }
YAML
    run 0 validate
    run 0 plan
    has "+ secret.db/password is created"
    has "+ secret.api is created"
    run 0 plan
    has "warning: nobody has set the secret 'hand/token' yet: prov secret set hand/token"
    run 1 apply --yes
    has "nobody has set the secret 'hand/token' yet"
    has "prov secret set hand/token"
    printf 'by-hand\n' | "$prov" secret set hand/token >"$work/out" 2>&1 || fail "set: $(cat "$work/out")"
    run 0 apply --yes
    run 0 plan --detailed-exitcode
    password=$("$prov" secret get db/password)
    [[ $password =~ ^[0-9a-f]{40}$ ]] || fail "a password '$password'"
    used "postgres://app:$password@db" || fail "the item has another password"
    used "$("$prov" secret get deploy public_key | cut -d' ' -f2)" || fail "the item has another key"
    "$prov" secret get deploy >"$work/id" && chmod 600 "$work/id" && ssh-keygen -y -f "$work/id" >"$work/pub" ||
        fail "ssh-keygen does not read the key"
    [ "$(cut -d' ' -f2 "$work/pub")" = "$("$prov" secret get deploy public_key | cut -d' ' -f2)" ] || fail "not a pair"
    [ "$("$prov" secret get hand/token)" = by-hand ] || fail "not what was set"

    # A rotation: planned first, for those who use it and no others.
    run 0 secret rotate db/password --yes
    has "secret.db/password changes in place (rotated)"
    has "item.app changes in place"
    grep -q "item.other" "$work/out" && fail "others are rotated too: $(cat "$work/out")"
    new=$("$prov" secret get db/password)
    [ "$new" != "$password" ] || fail "the same password"
    used "postgres://app:$new@db" || fail "the item has the old password"
    run 1 secret rotate hand/token --yes
    has "prov secret set hand/token, then prov apply"
    run 4 secret rotate db/passwort --yes
    has "did you mean 'db/password'?"

    # A change by hand, and of a rule: the next apply brings it.
    printf 'other-value' | "$prov" secret set api >"$work/out" 2>&1 || fail "set: $(cat "$work/out")"
    run 3 plan --detailed-exitcode
    has "item.other changes in place"
    run 0 apply --yes
    used other-value || fail "the item has not got what was set"
    sed -i 's/length: 40/length: 20/' infra.yaml
    run 0 apply --yes
    short=$("$prov" secret get db/password)
    [ "${#short}" -eq 20 ] || fail "the rule changed nothing"
    run 0 secret list
    has "db/password"
    has "ssh_key"
    run 0 secret make tokens/x type=token length=8
    run 1 secret make tokens/x type=token
    has "prov secret rotate tokens/x"
    run 0 secret rotate tokens/x --yes
    run 1 secret make tokens/y lenght=8
    has "did you mean 'length'?"
    run 2 secret make 'to ken'
    has "cannot be the name of a secret"
    run 2 secret make /x
    has "cannot be the name of a secret"
    run 4 secret get db.password
    has "is it 'db/password'?"
    run 4 secret get db/password --revision 99
    grep -q "did you mean" "$work/out" && fail "the name is right: $(cat "$work/out")"
    run 2 secret set hand/token on-the-line
    grep -q on-the-line "$work/out" && fail "the value is shown: $(cat "$work/out")"
    run 1 secret make pin type=password alphabet=hexx
    has "alnum, letters, digits, hex, printable"
    run 0 secret remove tokens/x --yes
    run 4 secret get tokens/x
}

mkdir "$work/own" && cd "$work/own" || exit 1
echo "name: own" >prov.yaml
in_workspace "the workspace's own vault"
run 0 secret restore tokens/x
run 0 secret get tokens/x
grep -qxE '[0-9a-f]{16}' "$work/out" || fail "not what was removed: $(cat "$work/out")"
run 0 secret get db/password --revision 1
[ "$(cat "$work/out")" = "$password" ] || fail "not the first version"
run 0 secret history db/password
[ "$(grep -c ' no$' "$work/out")" -eq 3 ] || fail "three versions: $(cat "$work/out")"
grep -rlaF -e "$password" -e by-hand -e other-value .prov && fail "a secret is in the state or vault"
# What is due is told.
cat >due.yaml <<'YAML'
defaults: { provider: demo }
secrets: { soon: { type: certificate, names: [x.example], ttl: 3d } }
YAML
mkdir "$work/due" && mv due.yaml "$work/due/infra.yaml" && echo "name: due" >"$work/due/prov.yaml"
run 0 -w "$work/due" apply --yes
run 0 -w "$work/due" plan
grep -qE "the secret 'soon' expires in [23] days: prov secret rotate soon" "$work/out" || fail "not due: $(cat "$work/out")"
run 0 -w "$work/due" secret list
has "expires in "
"$prov" -w "$work/due" secret get soon certificate | openssl verify -CAfile /dev/stdin -partial_chain \
    <("$prov" -w "$work/due" secret get soon certificate) >"$work/log" 2>&1 || fail "openssl: $(cat "$work/log")"
# A rotation whose run fails, fails. A misspelt name is told. What an authority signed is rotated with it.
mkdir "$work/more" && cat >"$work/more/infra.yaml" <<'YAML'
defaults: { provider: demo }
secrets:
  db/password: { max_age: 30d }
  ca: { type: certificate, names: [ca.example], authority: true }
  tls: { type: certificate, names: [x.example], issuer: ca }
servers: { db: { taskservs: { redis: { password: '${secret("db/password")}' } } } }
YAML
echo "name: more" >"$work/more/prov.yaml"
run 0 -w "$work/more" plan
has "max_age = 30d"
run 1 -w "$work/more" apply --yes
has "has no SSH address"
run 1 -w "$work/more" secret rotate db/password --yes
has "has no SSH address"
run 0 -w "$work/more" secret rotate ca --yes
"$prov" -w "$work/more" secret get ca certificate >"$work/ca.pem"
"$prov" -w "$work/more" secret get tls certificate >"$work/tls.pem"
openssl verify -CAfile "$work/ca.pem" "$work/tls.pem" >"$work/log" 2>&1 || fail "the new authority: $(cat "$work/log")"
sed -i 's/secret("db.password")/secret("db\/pasword")/' "$work/more/infra.yaml"
run 0 -w "$work/more" validate
has "secret 'db/pasword' has no rule; did you mean 'db/password'?"
sed -i 's/secret("db.pasword")/secret(db\/password)/' "$work/more/infra.yaml"
run 1 -w "$work/more" validate
has "the name of a secret stands in quotes"
# What another program keeps in the same engine has parts of its own.
run 0 vault kv put secret/theirs user=app
run 4 secret get theirs
has "has no 'value', but user"
run 4 secret restore never
has "there was no secret 'never'"
# Many processes at once: no version is lost.
pids=()
for i in $(seq 8); do
    (printf 'v%s' "$i" | "$prov" secret set many >/dev/null 2>"$work/many.$i" || echo "$i" >>"$work/many.bad") &
    pids+=($!)
done
wait "${pids[@]}"
[ ! -e "$work/many.bad" ] || fail "set at once: $(cat "$work"/many.?)"
[ "$("$prov" secret history many -o json | grep -c '"version"')" -eq 8 ] || fail "versions were lost"
run 0 destroy --yes
run 4 secret get api
run 0 secret restore api
[ "$("$prov" secret get api)" = other-value ] || fail "destroyed for good"

mkdir "$work/git" && cd "$work/git" || exit 1
echo "name: git" >prov.yaml
mkdir config && printf 'secrets:\n  file: secrets.yaml\n' >config/prov.yaml
echo "creation_rules: [{ age: $(grep -o 'age1[a-z0-9]*' "$work/key.txt") }]" >.sops.yaml
in_workspace "a SOPS file"
run 1 secret restore tokens/x
has "take 'tokens/x' back out of its history in git"
grep -q 'ENC\[' secrets.yaml || fail "not encrypted"
[ "$("$prov" secret get secrets.yaml '["hand/token"].value')" = by-hand ] || fail "not in the file"
# A part of the user's own beside the value is no part of the state, where it would be in clear.
printf 'part-of-mine' | "$prov" secret set secrets.yaml '["hand/token"].mine' >"$work/out" 2>&1 || fail "set: $(cat "$work/out")"
run 0 apply --yes
run 0 state show secret.hand/token
has "version"
grep -q part-of-mine "$work/out" && fail "a part in clear: $(cat "$work/out")"
run 0 state export
grep -q part-of-mine "$work/out" && fail "a part in clear in what is exported"
if sops_program; then
    real decrypt secrets.yaml | grep -q 'value: by-hand' || fail "sops reads something else"
else
    echo "SKIP: 1 of 1 judges: $why"
fi
run 0 destroy --yes

# The token of a cloud: a new one counts at once, before anything is read with the old one.
. "$here/../support/simulator.sh"
at_exit() { simulator_stop TERM; }
cloud_token=abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789abcd
simulator_start hetzner --speed 50 --token $cloud_token
mkdir "$work/cloud" && cd "$work/cloud" || exit 1
echo "name: cloud" >prov.yaml
cat >infra.yaml <<YAML
defaults: { provider: hetzner }
providers: { hetzner: { endpoint: $url/v1, token: '\${secret("hetzner/token")}' } }
secrets: { hetzner/token: { type: given } }
networks: { lan: { cidr: 10.0.0.0/16 } }
YAML
run 1 apply --yes
has "nobody has set the secret 'hetzner/token' yet"
printf %s $cloud_token | "$prov" secret set hetzner/token >"$work/log" 2>&1 || fail "set: $(cat "$work/log")"
run 0 apply --yes
has "1 imported, 1 done"
printf wrong | "$prov" secret set hetzner/token >"$work/log" 2>&1 || fail "set: $(cat "$work/log")"
run 5 plan
has "unable to authenticate"
printf %s $cloud_token | "$prov" secret set hetzner/token >"$work/log" 2>&1 || fail "set: $(cat "$work/log")"
run 0 plan --detailed-exitcode
run 0 destroy --yes
[ -z "$(simulator_things)" ] || fail "left: $(simulator_things)"

# A vault behind an API, with a token that may do no more than this.
mkdir "$work/far" && cd "$work/far" || exit 1
"$prov" serve vault --listen 127.0.0.1:0 --data "$work/data" >"$work/serve.log" 2>&1 </dev/null &
e2e_server=$!
for _ in $(seq 100); do
    [ -s "$work/data/server" ] && break
    sleep 0.05
done
VAULT_ADDR=$(cat "$work/data/server")
export VAULT_ADDR
run 0 vault init --shares 1 --threshold 1 -o json
field() { python3 -c 'import json, sys; v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."): v = v[int(k) if k.isdigit() else k]
print(v)' "$work/out" "$1"; }
VAULT_TOKEN=$(field root_token)
export VAULT_TOKEN
printf '%s' "$(field keys.0)" | "$prov" vault unseal >"$work/log" 2>&1 || fail "unseal: $(cat "$work/log")"
echo "name: far" >prov.yaml
printf x | "$prov" -c secrets.address="$VAULT_ADDR" -c secrets.mount=none secret set a >"$work/out" 2>&1
has "mount enable kv-v2 none"
run 0 vault mount enable kv-v2 team
printf 'path "team/*" { capabilities = ["create", "update", "read", "delete", "list"] }\n' >"$work/team.hcl"
run 0 vault policy write team "$work/team.hcl"
run 0 vault token create --policy team -o json
VAULT_TOKEN=$(field client_token)
mkdir config && printf 'secrets:\n  address: %s\n  mount: team\n' "$VAULT_ADDR" >config/prov.yaml
in_workspace "a vault over HTTP"
run 0 vault kv get team/hand/token --field value
has by-hand
VAULT_TOKEN=wrong run 5 secret get api
kill "$e2e_server" && wait "$e2e_server"
e2e_server=
run 1 secret get api
has "$VAULT_ADDR"
run 1 plan
has "$VAULT_ADDR"
e2e_end
