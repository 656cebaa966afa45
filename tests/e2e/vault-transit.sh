#!/bin/bash
# The transit and totp engines behind `prov serve vault`, driven by python3-hvac; and keys, ciphertexts, signatures and
# backups that move between the engine, this server and a real Vault, both ways (VAULT is the path of its program).
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

servers=()
at_exit() {
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    done
}
judge() { # URL TOKEN
    PROV_ROOT=$here/../.. run 0 internal lua "$here/../support/transit_judge.lua" "$1" "$2"
    has "checks beside Vault"
    cat "$work/out"
}
await() { # URL
    for _ in $(seq 100); do
        curl -s -o /dev/null "$1/v1/sys/seal-status" && break
        sleep 0.1
    done
}

url=http://127.0.0.1:$(free_port)
"$prov" serve vault --listen "${url#http://}" --data "$work/vault" >"$work/serve.log" 2>&1 </dev/null &
servers+=($!)
await "$url"
curl -s -X PUT -d '{"secret_shares":1,"secret_threshold":1}' "$url/v1/sys/init" >"$work/init"
token=$(jq -r .root_token "$work/init")
curl -s -o "$work/out" -X PUT -d "{\"key\":$(jq '.keys[0]' "$work/init")}" "$url/v1/sys/unseal"
judge "$url" "$token"
if /usr/bin/python3 -c 'import hvac' 2>/dev/null; then
    /usr/bin/python3 "$here/../support/transit_hvac.py" "$url" "$token" || fail "hvac"
else
    echo "SKIP: no python3-hvac"
fi

if [ -x "${VAULT:-}" ]; then
    url=http://127.0.0.1:$(free_port)
    "$VAULT" server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address="${url#http://}" \
        >"$work/vault.log" 2>&1 </dev/null &
    servers+=($!)
    await "$url"
    sleep 1
    judge "$url" root
else
    echo "SKIP: no Vault: VAULT is not the path of its program"
fi
e2e_end
