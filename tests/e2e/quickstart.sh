#!/bin/bash
# The main job on real servers of this machine: apply, use it, apply again, change, drift, repair,
# interrupt, destroy, and nothing is left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_need_lab

cp -r "$here/../../workspaces/quickstart" "$work/ws"
rm -rf "$work/ws/.prov"
ws=$work/ws
lab=e2e-$$
port=$(free_port)
{
    echo "providers: { local: { lab: $lab } }"
    sed "s/host: 8080/host: $port/; s/127.0.0.1:8080/127.0.0.1:$port/" "$here/../../workspaces/quickstart/infra.yaml"
} >"$ws/infra.yaml"

at_exit() {
    "$prov" -w "$ws" destroy --yes >/dev/null 2>&1
}

run() { # run NAME EXIT ARGUMENTS...: runs prov, keeps its output in $work/NAME
    local name=$1 want=$2
    shift 2
    "$prov" -w "$ws" "$@" >"$work/$name" 2>&1
    local got=$?
    [ "$got" -eq "$want" ] || fail "prov $*: exit $got, not $want: $(tail -5 "$work/$name")"
}

plan_is() { # plan_is NAME LINE...: the plan's steps are exactly these, in any order
    local name=$1
    shift
    "$prov" -w "$ws" plan -o json 2>"$work/err" | python3 -c '
import json, sys
print("\n".join(sorted(s["id"] for s in json.load(sys.stdin)["steps"])))' >"$work/$name"
    printf '%s\n' "$@" | sort >"$work/$name.want"
    diff -u "$work/$name.want" "$work/$name" || fail "plan $name"
}

on() { # on SERVER COMMAND: runs a command on a server
    "$prov" -w "$ws" server exec "$1" -- "$2"
}

run apply 0 apply --yes
url=$("$prov" -w "$ws" output url)
seen=$(for _ in 1 2 3 4 5 6; do curl -fsS --max-time 5 "$url"; done | sort -u | grep -c 'served by web-')
[ "$seen" -eq 2 ] || fail "the load balancer answers from $seen servers, not 2"
on server.db "cd / && sudo -u postgres psql -Atc 'select 40+2' shop" | grep -qx 42 || fail "no answer from PostgreSQL"

stamp=$(on 'server.web[1]' "systemctl show nginx -p ExecMainStartTimestampMonotonic")
run again 0 apply --yes
grep -q "No changes" "$work/again" || fail "the second apply changes something: $(cat "$work/again")"
[ "$stamp" = "$(on 'server.web[1]' "systemctl show nginx -p ExecMainStartTimestampMonotonic")" ] ||
    fail "the second apply restarted nginx"
run detailed 0 plan --detailed-exitcode

# A third web server, another port of the database's forward; exactly that is planned.
sed -i 's/count: 2/count: 3/' "$ws/infra.yaml"
plan_is grow "create server.web[3]" "install taskserv.nginx@server.web[3]" "configure taskserv.haproxy@server.db"
run grow-apply 0 apply --yes
seen=$(for _ in 1 2 3 4 5 6 7 8 9; do curl -fsS --max-time 5 "$url"; done | sort -u | grep -c 'served by web-')
[ "$seen" -eq 3 ] || fail "the load balancer answers from $seen servers, not 3"
sed -i 's/count: 3/count: 2/' "$ws/infra.yaml"
plan_is shrink "delete server.web[3]" "configure taskserv.haproxy@server.db"
run shrink-apply 0 apply --yes
sed -i 's/index: .*/index: "<h1>new page of web-${index}<\/h1>\\n"/' "$ws/infra.yaml"
plan_is edit "configure taskserv.nginx@server.web[1]" "configure taskserv.nginx@server.web[2]"
run edit-apply 0 apply --yes
curl -fsS "$url" | grep -q "new page" || fail "the new page is not served"

# Drift by hand: a service stopped, a file edited, a package removed, a server stopped.
on 'server.web[1]' "systemctl stop nginx"
on server.db "echo '# edited by hand' >> /etc/haproxy/haproxy.cfg"
plan_is drift "configure taskserv.nginx@server.web[1]" "configure taskserv.haproxy@server.db"
run repair 0 apply --yes
run repaired 0 plan --detailed-exitcode
on server.db "grep -q 'edited by hand' /etc/haproxy/haproxy.cfg" && fail "the edited file was not repaired"
on 'server.web[2]' "DEBIAN_FRONTEND=noninteractive apt-get remove -y nginx nginx-core nginx-light >/dev/null 2>&1; true"
plan_is package "configure taskserv.nginx@server.web[2]"
run package-repair 0 apply --yes
curl -fsS "$url" >/dev/null || fail "no answer after the package was put back"

run destroy 0 destroy --yes
left=$(leftovers "$lab")
[ -z "$left" ] || fail "left behind: $left"

# Ctrl-C in mid-apply, then apply again.
"$prov" -w "$ws" apply --yes >"$work/interrupted" 2>&1 &
pid=$!
sleep 1.5
kill -INT "$pid"
wait "$pid"
code=$?
[ "$code" -eq 130 ] || fail "an interrupted apply exits with $code: $(tail -3 "$work/interrupted")"
run goes-on 0 apply --yes
curl -fsS "$url" >/dev/null || fail "no answer after the interrupted apply went on"
run converged 0 plan --detailed-exitcode

# kill -9 in mid-apply, then destroy: nothing is left.
run clear 0 destroy --yes
"$prov" -w "$ws" apply --yes >"$work/killed" 2>&1 &
pid=$!
sleep 1
kill -9 "$pid"
wait "$pid" 2>/dev/null
run after-kill 0 destroy --yes
left=$(leftovers "$lab")
[ -z "$left" ] || fail "left behind after kill -9: $left"
e2e_end
