#!/bin/bash
# The description of the REST API is valid for three validators, and a real `prov serve` does what it says:
# schemathesis asks every operation with right, wrong and odd values.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

# As root the server runs as nobody: random absolute paths must not be written to.
as=()
if [ "$(id -u)" -eq 0 ]; then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$work"
    chown -R 65534:65534 "$work"
    "${as[@]}" "$prov" --version >/dev/null 2>&1 || {
        echo "SKIP: nobody may not run $prov, and root must not be asked for random paths"
        exit 77
    }
fi
server=
at_exit() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; fi
}

cd "$HOME" || exit 1
"${as[@]}" "$prov" workspace new "$HOME/shop" >/dev/null 2>&1 || fail "no workspace"
cat >"$HOME/shop/infra.yaml" <<'YAML'
defaults: { provider: demo }
networks: { lan: {} }
servers:
  web: { count: 3, network: "${network.lan}" }
items: { note: { value: "${server.web[1].ip}" } }
outputs: { ip: "${server.web[1].ip}" }
YAML
"${as[@]}" "$prov" -w "$HOME/shop" apply --yes >"$work/out" 2>&1 || fail "apply: $(cat "$work/out")"
port=$(free_port)
url=http://127.0.0.1:$port
data=$HOME/orchestrator
"${as[@]}" "$prov" serve --listen "127.0.0.1:$port" --workers 2 --data "$data" >"$work/serve.log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    curl -fsS "$url/ready" >/dev/null 2>&1 && break
    sleep 0.1
done
curl -fsS "$url/openapi.json" >"$work/openapi.json" || fail "no description: $(cat "$work/serve.log")"
token=$(cat "$data/token")

# ---- The description is valid ----

skipped=0
mkdir "$work/node" && cd "$work/node" || exit 1
if npm install --silent --no-fund --no-audit @redocly/cli@2.77.0 @stoplight/spectral-cli@6.16.3 >"$work/npm" 2>&1; then
    npx --no-install redocly lint "$work/openapi.json" >"$work/out" 2>&1 || fail "redocly: $(cat "$work/out")"
    grep -qE 'You have [0-9]+ (warning|error)' "$work/out" && fail "redocly: $(cat "$work/out")"
    echo 'extends: spectral:oas' >spectral.yaml
    npx --no-install spectral lint "$work/openapi.json" --ruleset spectral.yaml --fail-severity hint >"$work/out" 2>&1 ||
        fail "spectral: $(cat "$work/out")"
else
    echo "SKIP: no redocly and spectral from npm: $(tail -1 "$work/npm")"
    skipped=$((skipped + 1))
fi

if ! python3 -m venv "$work/venv" >"$work/pip" 2>&1 || ! "$work/venv/bin/pip" install -q \
    schemathesis==4.32.5 openapi-spec-validator==0.9.0 >>"$work/pip" 2>&1; then
    echo "SKIP: no schemathesis from PyPI: $(tail -1 "$work/pip")"
    [ "$skipped" -eq 1 ] && [ "$failures" -eq 0 ] && exit 77
    e2e_end
fi
"$work/venv/bin/openapi-spec-validator" "$work/openapi.json" >"$work/out" 2>&1 || fail "validator: $(cat "$work/out")"

# ---- The server does what it says ----

cd "$work" || exit 1
timeout 280 "$work/venv/bin/schemathesis" --config-file "$here/../support/rest/schemathesis.toml" run \
    "$url/openapi.json" -H "Authorization: Bearer $token" --continue-on-failure -n "${EXAMPLES:-20}" \
    --max-time "${SECONDS_OF_FUZZING:-100}" >"$work/out" 2>&1 || fail "schemathesis: $(cat "$work/out")"
cases=$(sed -n 's/^ *\([0-9]*\) generated.*/\1/p' "$work/out")
[ "${cases:-0}" -gt 500 ] || fail "only ${cases:-no} cases: $(cat "$work/out")"
grep -qE 'bug|traceback|a request failed|worker has ended' "$work/serve.log" && fail "the server: $(cat "$work/serve.log")"
curl -fsS "$url/ready" >"$work/out" 2>&1 || fail "not ready at the end: $(cat "$work/out")"
e2e_end
