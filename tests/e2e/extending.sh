#!/bin/bash
# The taskserv and the cluster that docs/EXTENDING.md shows, taken from the page and run on real servers.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_both_ways
e2e_need_lab
ws=$work/ws
lab=e2e-$$
mkdir "$ws"

awk -v root="$ws" '
    /^```[a-z]+ file=/ { sub(/^.*file=/, ""); file = root "/" $0; dir = file; sub(/\/[^\/]*$/, "", dir)
                         system("mkdir -p \"" dir "\""); printf "" > file; next }
    /^```$/ { file = "" }
    file != "" { print >> file }' "$here/../../docs/EXTENDING.md"
echo "name: extending" >"$ws/prov.yaml"
{
    echo "providers: { local: { lab: $lab } }"
    cat "$ws/greeter.yaml"
} >"$ws/infra.yaml"
rm "$ws/greeter.yaml"

at_exit() {
    "$prov" -w "$ws" destroy --yes >/dev/null 2>&1
}

for name in notes greeter greeters write-notes; do
    "$prov" -w "$ws" extension check "$name" >"$work/log" 2>&1 || fail "extension check $name: $(cat "$work/log")"
done
"$prov" -w "$ws" apply --yes >"$work/log" 2>&1 || fail "apply: $(tail -5 "$work/log")"
said=$("$prov" -w "$ws" server exec server.hello -- "socat - TCP:127.0.0.1:7000")
[ "$said" = "good day" ] || fail "the greeter says '$said'"
"$prov" -w "$ws" plan --detailed-exitcode >"$work/log" 2>&1 || fail "the second plan: $(cat "$work/log")"
sed -i 's/good day/good night/' "$ws/infra.yaml"
"$prov" -w "$ws" apply --yes >"$work/log" 2>&1 || fail "apply of the change: $(tail -5 "$work/log")"
said=$("$prov" -w "$ws" server exec server.hello -- "socat - TCP:127.0.0.1:7000")
[ "$said" = "good night" ] || fail "after the change the greeter says '$said'"
sed -i '/taskservs:/,/greeter:/d' "$ws/infra.yaml"
"$prov" -w "$ws" apply --yes >"$work/log" 2>&1 || fail "removal: $(tail -5 "$work/log")"
"$prov" -w "$ws" server exec server.hello -- "test ! -e /etc/greeter.txt && ! systemctl is-active -q greeter" ||
    fail "the removed greeter is still there"

printf '%s\n' "providers: { local: { lab: $lab } }" "defaults: { provider: local, image: debian-12 }" \
    "clusters: { hello: { template: greeters, count: 2 } }" >"$ws/infra.yaml"
"$prov" -w "$ws" apply --yes >"$work/log" 2>&1 || fail "the cluster: $(tail -5 "$work/log")"
[ "$("$prov" -w "$ws" server list -o name | wc -l)" -eq 2 ] || fail "the cluster does not have 2 servers"

"$prov" -w "$ws" destroy --yes >"$work/log" 2>&1 || fail "destroy: $(cat "$work/log")"
left=$(leftovers "$lab")
[ -z "$left" ] || fail "left behind: $left"
e2e_end
