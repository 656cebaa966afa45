#!/bin/bash
# A cloud story offline: a simulated cloud whose servers are real ones of this machine. The provider makes them, SSH
# reaches them at the addresses the API tells, nginx runs on them; stops, kills of the simulator, deletes and resets
# act on what is real, and nothing is left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
e2e_need_lab
for tool in curl python3 ssh ssh-keygen; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done

world=${work:?}/world simulator='' lab='' taker=''
token=abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789abcd
export HCLOUD_TOKEN=$token

stop() { # stop SIGNAL: ends the simulator
    [ -n "$simulator" ] || return 0
    kill "-$1" "$simulator" 2>/dev/null
    { wait "$simulator"; } 2>/dev/null
    simulator=
}

at_exit() {
    stop TERM
    [ -z "$taker" ] || { kill "$taker"; wait "$taker"; } 2>/dev/null
    "$prov" simulate reset --yes --dir "$world" >/dev/null 2>&1
    [ -z "$lab" ] || "$prov" lab delete "$lab" --yes >/dev/null 2>&1
}

start() { # start CLOUD PORT ARGS: a simulator; $url is where
    local cloud=$1 port=$2
    shift 2
    rm -f "$world/addresses"
    "$prov" simulate "$cloud" --port "$port" --dir "$world" "$@" >"$work/simulator.log" 2>&1 </dev/null &
    simulator=$!
    for _ in $(seq 100); do
        [ -s "$world/addresses" ] && break
        sleep 0.1
    done
    url=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$world/addresses" "$cloud") ||
        { fail "no simulator: $(cat "$work/simulator.log")"; exit 1; }
}

api() { # api METHOD PATH BODY?
    curl -sS --max-time 20 -X "$1" -H "Authorization: Bearer $token" ${3:+-H 'Content-Type: application/json' -d "$3"} \
        "$url/v1$2"
}

pick() { # pick EXPRESSION: of the JSON that is read, as v
    python3 -c 'import json, sys; v = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

status_of() { api GET "/servers/$1" | pick 'v["server"]["status"] if "server" in v else "gone"'; }

until_is() { # until_is ID STATUS
    for _ in $(seq 300); do
        [ "$(status_of "$1")" = "$2" ] && return
        sleep 0.1
    done
    fail "server $1 is $(status_of "$1"), not $2: $(cat "$work/simulator.log")"
}

on() { # on KEY IP COMMAND USER?
    ssh -F none -i "$work/$1" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        -o IdentitiesOnly=yes -o ConnectTimeout=10 "${4:-root}@$2" "$3"
}

ip_of() { "$prov" state show "$1" -o json | pick 'v["state"]["ip"]'; }
id_of() { "$prov" state show "$1" -o json | pick 'v["id"]'; }
page() { curl -fsS --max-time 5 "http://$1/"; }
clean() { # clean WHAT: nothing real is left
    [ -z "$(leftovers "$lab")" ] || fail "$1 left: $(leftovers "$lab")"
    "$prov" lab list -o json | grep -qF "\"$lab\"" && fail "$1 left the lab"
}

start hetzner 0 --backend local --speed 50 --forward 22 --forward 80
export HCLOUD_ENDPOINT=$url/v1
lab=$(sed -n 's/.*in the lab \([a-z0-9-]*\);.*/\1/p' "$work/simulator.log")
[ -n "$lab" ] || { fail "no lab: $(cat "$work/simulator.log")"; exit 1; }

# --- The story: create, SSH, taskserv, use ---
"$prov" workspace new "$work/shop" >/dev/null 2>&1 && cd "$work/shop" || exit 1
cat >infra.yaml <<'YAML'
defaults: { provider: hetzner }
providers: { hetzner: { zone: nbg1 } }
networks: { lan: { cidr: 10.20.0.0/16 } }
servers:
  web: { count: 2, plan: cpx22, image: debian-12, network: "${network.lan}",
         taskservs: { nginx: { index: "<h1>served by web-${index}</h1>\n" } } }
YAML
run 0 apply --yes
run 0 plan
has "No changes"
first=$(ip_of 'server.web[1]') second=$(ip_of 'server.web[2]')
[[ "$first" == 127.* ]] || fail "the address of web[1] is $first"
[ "$(page "$first")$(page "$second")" = "<h1>served by web-1</h1><h1>served by web-2</h1>" ] ||
    fail "the pages: $(page "$first") $(page "$second")"
private=$(id_of 'server.web[2]' | { read -r id; api GET "/servers/$id"; } | pick 'v["server"]["private_net"][0]["ip"]')
run 0 server exec 'server.web[1]' -- "curl -fsS --max-time 5 http://$private/"
has "served by web-2"

# --- A simulator that is killed finds its servers; they never noticed ---
stop KILL
page "$first" >/dev/null || fail "a server went with the simulator"
before=$("$prov" lab list -o json)
start hetzner "${url##*:}"
grep -qF "in the lab $lab;" "$work/simulator.log" || fail "another lab, or none: $(cat "$work/simulator.log")"
run 0 plan
has "No changes"
[ "$before" = "$("$prov" lab list -o json)" ] || fail "the lab changed: $("$prov" lab list)"

# --- Power acts on what is real ---
boot=$("$prov" server exec 'server.web[1]' -- "cut -d' ' -f22 /proc/1/stat")
run 0 server stop 'server.web[1]'
page "$first" >/dev/null 2>&1 && fail "a stopped server answers"
run 0 server start 'server.web[1]'
for _ in $(seq 50); do page "$first" >/dev/null 2>&1 && break; sleep 0.1; done
[ "$(page "$first")" = "<h1>served by web-1</h1>" ] || fail "a server lost its page by a stop"
again=$("$prov" server exec 'server.web[1]' -- "cut -d' ' -f22 /proc/1/stat")
[ "$boot" != "$again" ] || fail "the server did not stop"
one=$(id_of 'server.web[1]')
api POST "/servers/$one/actions/reboot" >/dev/null
for _ in $(seq 100); do
    boot=$("$prov" server exec 'server.web[1]' -- "cut -d' ' -f22 /proc/1/stat" 2>/dev/null) && [ "$boot" != "$again" ] && break
    sleep 0.1
done
[ "$boot" != "$again" ] || fail "a reboot did nothing"

# --- Keys of user data, a rebuild, a network that comes later, a floating address, an image that is no real one ---
ssh-keygen -q -t ed25519 -N '' -f "$work/mine"
api POST /servers "{\"name\":\"c\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"location\":\"nbg1\",
    \"user_data\":\"#cloud-config\\nssh_authorized_keys: [$(cat "$work/mine.pub")]\\nusers: [default, { name: deploy, ssh_authorized_keys: [$(cat "$work/mine.pub")] }]\\n\"}" >"$work/made"
c=$(pick 'v["server"]["id"]' <"$work/made") ip=$(pick 'v["server"]["public_net"]["ipv4"]["ip"]' <"$work/made")
until_is "$c" running
[ "$(on mine "$ip" hostname)" = c ] || fail "the key of the user data does not let in"
[ "$(on mine "$ip" 'id -un; pwd' deploy | xargs)" = "deploy /home/deploy" ] || fail "the user of the user data does not get in"
on mine "$ip" "echo kept >/root/mark" || fail "no command on $ip"
net=$(api GET /networks | pick 'v["networks"][0]["id"]')
api POST "/servers/$c/actions/attach_to_network" "{\"network\":$net,\"ip\":\"10.20.0.77\"}" >/dev/null
for _ in $(seq 50); do on mine "$ip" "ip -4 -o addr" | grep -q 10.20.0.77/16 && break; sleep 0.1; done
on mine "$ip" "curl -fsS --max-time 5 http://$private/" | grep -q web-2 || fail "no way into a network that was joined later"
floating=$(api POST /floating_ips "{\"type\":\"ipv4\",\"server\":$c}" | pick 'v["floating_ip"]["ip"]')
for _ in $(seq 50); do on mine "$floating" true 2>/dev/null && break; sleep 0.1; done
[ "$(on mine "$floating" hostname)" = c ] || fail "a floating address does not lead to its server"
until_is "$c" running
sleep 0.2
api POST "/servers/$c/actions/rebuild" '{"image":"debian-12"}' >/dev/null
until_is "$c" running
on mine "$ip" "test ! -e /root/mark" || fail "a rebuild kept the files"
api POST /servers '{"name":"d","server_type":"cx23","image":"fedora-42","location":"nbg1"}' | grep -q '"error"' ||
    fail "a server of an image that is no real one was made"

# --- One that cannot be made is not running: its port is taken ---
next=${ip%.*}.$((${floating##*.} + 1))
python3 -c 'import socket, sys, time
s = socket.socket(); s.bind((sys.argv[1], 80)); s.listen(); print("taken", flush=True); time.sleep(60)' "$next" >"$work/taken" &
taker=$!
for _ in $(seq 50); do [ -s "$work/taken" ] && break; sleep 0.1; done
sed -i 's/^servers:$/&\n  third: { plan: cx23, image: debian-12 }/' infra.yaml
run 1 apply --yes
has "port 80 of this machine"
{ kill "$taker"; wait "$taker"; } 2>/dev/null
taker=
run 0 apply --yes
[ "$("$prov" server exec third -- hostname)" = third ] || fail "a server that failed first is not there"
sed -i '/^  third:/d' infra.yaml
run 0 apply --yes

# --- Killed while it makes one and removes another, it does both when it comes back ---
api DELETE "/servers/$c" >/dev/null
api POST /servers '{"name":"e","server_type":"cx23","image":"debian-12","location":"nbg1"}' >"$work/made"
stop KILL
start hetzner "${url##*:}"
until_is "$(pick 'v["server"]["id"]' <"$work/made")" running
until_is "$c" gone
"$prov" lab list -o json | pick '[r["servers"] for r in v if r["name"] == "'"$lab"'"]' | grep -qx '\[3\]' ||
    fail "not three servers: $("$prov" lab list)"

# --- Nothing is left: by delete, and by reset with and without a simulator ---
api DELETE "/servers/$(pick 'v["server"]["id"]' <"$work/made")" >/dev/null
run 0 destroy --yes
until_is "$one" gone
clean destroy
make() { api POST /servers "{\"name\":\"$1\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"location\":\"nbg1\"}"; }
make f >/dev/null
make g >/dev/null
run 0 simulate reset --yes --dir "$world"
clean "reset of a running one"
until_is "$(make h | pick 'v["server"]["id"]')" running
stop TERM
run 7 simulate hetzner --port 0 --dir "$world" --backend none
has "has servers of the backend 'local'"
run 0 simulate reset --yes --dir "$world"
clean reset

# --- The same with the other cloud, whose stop answers early and whose restart is another state ---
start upcloud 0 --backend local --speed 50
u() { curl -sS --max-time 20 -u a:b -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "$url/1.3$2"; }
u_is() { # u_is STATE
    for _ in $(seq 300); do
        [ "$(u GET "/server/$id" | pick 'v["server"]["state"] if "server" in v else "gone"')" = "$1" ] && return
        sleep 0.1
    done
    fail "UpCloud's server is not $1: $(u GET "/server/$id")"
}
template=$(u GET /storage/template | pick '[s["uuid"] for s in v["storages"]["storage"] if "Bookworm" in s["title"]][0]')
u POST /server "{\"server\":{\"title\":\"up\",\"hostname\":\"up\",\"zone\":\"fi-hel1\",\"plan\":\"1xCPU-2GB\",\"metadata\":\"yes\",
    \"login_user\":{\"username\":\"root\",\"create_password\":\"no\",\"ssh_keys\":{\"ssh_key\":[\"$(cat "$work/mine.pub")\"]}},
    \"storage_devices\":{\"storage_device\":[{\"action\":\"clone\",\"storage\":\"$template\",\"title\":\"d\",\"size\":20}]}}}" \
    >"$work/made"
id=$(pick 'v["server"]["uuid"]' <"$work/made") || fail "UpCloud: $(cat "$work/made")"
u_is started
ip=$(u GET "/server/$id" |
    pick '[a["address"] for a in v["server"]["ip_addresses"]["ip_address"] if a["access"] == "public"][0]')
boot=$(on mine "$ip" "hostname >/root/mark; cut -d' ' -f22 /proc/1/stat") || fail "no SSH to UpCloud's server at $ip"
u POST "/server/$id/restart" '{"restart_server":{}}' >/dev/null
u_is started
[ "$(on mine "$ip" "cat /root/mark; cut -d' ' -f22 /proc/1/stat" | grep -cxF -e up -e "$boot")" = 1 ] ||
    fail "UpCloud's server did not restart, or lost its disk"
u POST "/server/$id/stop" '{"stop_server":{"stop_type":"hard"}}' >/dev/null
u_is stopped
on mine "$ip" true 2>/dev/null && fail "UpCloud's stopped server answers"
u DELETE "/server/$id?storages=1" >/dev/null
u_is gone
stop TERM
clean "UpCloud's delete"
run 0 simulate reset --yes --dir "$world"
e2e_end
