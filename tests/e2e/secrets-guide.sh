#!/bin/bash
# The guides of secrets are run, command by command: docs/guides/secrets.md, vault.md and vault-transit.md.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
guides=$here/../../docs/guides
unset VAULT_ADDR VAULT_TOKEN SOPS_AGE_KEY SOPS_AGE_KEY_FILE
command -v jq >/dev/null || { echo "SKIP: no jq"; exit 77; }
mkdir "$work/bin" && ln -s "$prov" "$work/bin/prov"
export PATH=$work/bin:$PATH
at_exit() {
    [ ! -s "$work/server" ] || kill "$(cat "$work/server")" 2>/dev/null
}

# commands PAGE: its blocks of commands, and the files it shows as commands that write them.
commands() {
    awk '/^```sh$/ { on = 1; next }
         /^```yaml file=/ { sub(/.*file=/, ""); print "cat >" $0 " <<\047FILE\047"; on = file = 1; next }
         /^```$/ { if (file) print "FILE"; on = file = 0 }
         on' "$guides/$1"
}

# guide PAGE LEAST: runs it; it has so many commands of prov at least.
guide() {
    [ "$(grep -cE '(^|[|(] ?)prov ' "$work/guide.sh")" -ge "$2" ] || fail "$1 has lost its commands"
    bash -eux "$work/guide.sh" >"$work/out" 2>"$work/err" </dev/null || fail "$1: $(tail -8 "$work/err"; tail -c 500 "$work/out")"
}

mkdir "$work/secrets" && cd "$work/secrets" || exit 1
# shellcheck disable=SC2016  # for the editor
printf '#!/bin/sh\nprintf "db:\\n  user: app\\n  password: 0ld\\n" >"$1"\n' >"$work/editor"
chmod +x "$work/editor"
export EDITOR=$work/editor
commands secrets.md >"$work/guide.sh"
guide secrets.md 18
has "ssh-ed25519 "
has "password: n3w-passw0rd"
grep -qF "warning: nobody has set the secret 'smtp/token' yet" "$work/err" || fail "secrets.md: no warning: $(cat "$work/err")"
grep -qF "No changes." "$work/out" || fail "secrets.md: its last plan has changes: $(cat "$work/out")"
grep -rlaF -e n3w-passw0rd -e t0ken . | grep -v '/infra.yaml$' && fail "secrets.md: a secret is in clear"

# The server of the page has a port of its own, its shares are typed by nobody, and its token is the one that init showed.
mkdir "$work/vault" && cd "$work/vault" && echo "name: own" >prov.yaml
port=$(free_port)
# shellcheck disable=SC2016  # they are for the guide
commands vault.md | sed -e "s|127\.0\.0\.1:8200|127.0.0.1:$port|" \
    -e "s|^prov serve vault &.*|prov serve vault --listen 127.0.0.1:$port >$work/serve.log 2>\&1 \& echo \$! >$work/server; sleep 2|" \
    -e "s|^\(prov vault init .*threshold 2\).*|\1 -o json >$work/init.json|" \
    -e "s|^prov vault unseal .*|for i in 0 1; do jq -r .keys[\$i] $work/init.json \| prov vault unseal; done|" \
    -e "s|^export VAULT_TOKEN=.*|export VAULT_TOKEN=\$(jq -r .root_token $work/init.json)|" >"$work/guide.sh"
guide vault.md 11
grep -qF s3cret "$work/out" || fail "vault.md: no secret: $(cat "$work/out")"
has "gives 'read'"

mkdir "$work/transit" && cd "$work/transit" && echo "name: transit" >prov.yaml
commands vault-transit.md >"$work/guide.sh"
guide vault-transit.md 11
has "plaintext: $(printf %s '4111 1111' | base64)"
has "ciphertext: vault:v2:"
has "valid: no"
e2e_end
