#!/bin/bash
# Keys, ciphertexts, signatures and backups of transit move between prov and a real Vault, both ways.
# VAULT is the path of a `vault` program of HashiCorp; without it the script is skipped.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

[ -x "${VAULT:-}" ] || { echo "SKIP: no Vault: VAULT is not the path of its program"; exit 77; }
at_exit() { [ -z "${server:-}" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }; }

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$VAULT" server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="127.0.0.1:$port" \
    >"$work/vault.log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    grep -q "Root Token: root" "$work/vault.log" && break
    sleep 0.1
done
PROV_ROOT=$here/../.. run 0 internal lua "$here/../support/transit_judge.lua" "http://127.0.0.1:$port" root
has "checks beside Vault"
cat "$work/out"
e2e_end
