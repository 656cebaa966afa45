#!/bin/bash
# docs/guides/rest.md is run: its commands, in their order, against a real server.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
server=
at_exit() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; fi
}

cd "$HOME" || exit 1
run 0 workspace new shop
printf 'defaults: { provider: demo }\nservers: { web: { count: 2 } }\n' >shop/infra.yaml
port=$(free_port)
"$prov" serve --listen "127.0.0.1:$port" --workers 2 >"$work/serve.log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    curl -fsS "http://127.0.0.1:$port/ready" >/dev/null 2>&1 && break
    sleep 0.1
done

awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$here/../../docs/guides/rest.md" |
    sed "s/127\.0\.0\.1:9090/127.0.0.1:$port/" >"$work/guide.sh"
[ "$(grep -c curl "$work/guide.sh")" -ge 18 ] || fail "the guide has lost its commands"
bash -eux "$work/guide.sh" >"$work/out" 2>"$work/err" || fail "the guide: $(tail -5 "$work/err"; tail -c 500 "$work/out")"
has '"parameter":"limit"'
has '"status":"done"'
has '"operation":"plan"'
e2e_end
