#!/bin/bash
# The same story as simulate-local.sh, offline with AWS: instances that are real ones of this machine, each with the user
# of its image. The provider makes a VPC and servers in it, nginx runs on them; AWS's own client makes others; stops, kills
# of the simulator, terminations and resets act on what is real, and nothing is left. At last all clouds in one world.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
e2e_need_lab
for tool in curl jq ssh ssh-keygen; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
python=/usr/bin/python3
"$python" -c 'import boto3' 2>/dev/null || { echo "SKIP: no python3-boto3"; exit 77; }

lab='' taker=''
at_exit() {
    simulator_stop TERM
    [ -z "$taker" ] || { kill "$taker"; wait "$taker"; } 2>/dev/null
    "$prov" simulate reset --yes --dir "$world" >/dev/null 2>&1
    [ -z "$lab" ] || "$prov" lab delete "$lab" --yes >/dev/null 2>&1
}

ec2() { "$python" "$here/../support/aws_world.py" "$url" ec2 "$@"; } # OPERATION JSON
image() { # image NAME: the newest one that is called so
    ec2 describe_images "{\"Filters\": [{\"Name\": \"name\", \"Values\": [\"$1\"]}]}" |
        jq -r '.Images | sort_by(.CreationDate) | last.ImageId'
}
launch() { # launch IMAGE USER_DATA: an instance with the key pair "pair"; $id is which
    id=$(ec2 run_instances "$(jq -n --arg image "$1" --arg data "$2" '{ ImageId: $image, InstanceType: "t3.micro",
        MinCount: 1, MaxCount: 1, KeyName: "pair", UserData: $data }')" | jq -r '.Instances[0].InstanceId')
}
of() { ec2 describe_instances "{\"InstanceIds\": [\"$1\"]}" | jq -r ".Reservations[0].Instances[0].$2"; } # of ID FIELD
until_is() { # until_is ID STATE
    local state
    for _ in $(seq 300); do
        state=$(of "$1" State.Name)
        [ "$state" = "$2" ] && return
        sleep 0.1
    done
    fail "instance $1 is $state, not $2: $(cat "$work/simulator.log")"
}
on() { # on USER@ADDRESS COMMAND
    ssh -F none -i "$work/mine" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
        -o IdentitiesOnly=yes -o ConnectTimeout=10 "$1" "$2"
}
ip_of() { "$prov" state show "$1" -o json | jq -r .state.ip; }
id_of() { "$prov" state show "$1" -o json | jq -r .id; }
page() { curl -fsS --max-time 5 "http://$1/"; }
born() { "$prov" server exec "$1" -- "cut -d' ' -f22 /proc/1/stat" 2>/dev/null; } # born SERVER: when its init began
clean() { # clean WHAT: nothing real is left
    [ -z "$(leftovers "$lab")" ] || fail "$1 left: $(leftovers "$lab" | head -20)"
    "$prov" lab list -o json | grep -qF "\"$lab\"" && fail "$1 left the lab"
}

simulator_start aws --backend local --speed 50 --forward 22 --forward 80
simulator_environment
export AWS_DEFAULT_REGION=eu-north-1
lab=$(sed -n 's/.*in the lab \([a-z0-9-]*\);.*/\1/p' "$work/simulator.log")
[ -n "$lab" ] || { fail "no lab: $(cat "$work/simulator.log")"; exit 1; }
simulator_port=${url##*:}
ssh-keygen -q -t ed25519 -N '' -C me -f "$work/mine"

# --- The story: a network, create, SSH, taskserv, use ---
"$prov" workspace new "$work/shop" >/dev/null 2>&1 && cd "$work/shop" || exit 1
cat >infra.yaml <<YAML
defaults: { provider: aws }
providers: { aws: { region: eu-north-1, poll: 0.05 } }
networks: { lan: { cidr: 10.20.0.0/16, subnet: false } }
subnets:
  a: { network: "\${network.lan}", cidr: 10.20.1.0/24, zone: eu-north-1a }
  b: { network: "\${network.lan}", cidr: 10.20.2.0/24, zone: eu-north-1b }
routers:
  out: { network: "\${network.lan}", subnets: ["\${subnet.a}", "\${subnet.b}"], routes: [{ to: 0.0.0.0/0, via: internet }] }
firewalls:
  web: { network: "\${network.lan}", rules: [{ ports: [22, 80] }] }
ssh_keys: { me: { public_key: "$(cat "$work/mine.pub")" } }
addresses: { web: {} }
servers:
  web: { plan: t3.micro, image: debian-12, network: "\${subnet.a}", address: "\${address.web}",
         keys: ["\${ssh_key.me}"], firewalls: ["\${firewall.web}"],
         taskservs: { nginx: { index: "<h1>web</h1>\n" } } }
  app: { plan: t3.micro, image: debian-12, network: "\${subnet.b}", firewalls: ["\${firewall.web}"],
         user_data: "#cloud-config\nssh_authorized_keys: [$(cat "$work/mine.pub")]\nusers: [default, { name: deploy, groups: [www-data, ops], ssh_authorized_keys: [$(cat "$work/mine.pub")] }]\n",
         taskservs: { nginx: { index: "<h1>app</h1>\n" } } }
YAML
run 0 apply --yes
run 0 plan
has "No changes"
[ "$failures" -eq 0 ] || e2e_end
web=$(ip_of server.web) app=$(ip_of server.app)
[[ "$web" == 127.* && "$app" == 127.* ]] || fail "the addresses are $web and $app"
[ "$(page "$web")$(page "$app")" = "<h1>web</h1><h1>app</h1>" ] || fail "the pages: $(page "$web") $(page "$app")"
private=$(of "$(id_of server.app)" PrivateIpAddress)
[[ "$private" == 10.20.2.* ]] || fail "the private address is $private"
run 0 server exec server.web -- "curl -fsS --max-time 5 http://$private/"
has "<h1>app</h1>"

# --- Who logs in: the user of the image with sudo, and root because the provider's user data say so ---
[ "$(on "admin@$web" 'id -un; sudo -n id -un; pwd' | xargs)" = "admin root /home/admin" ] || fail "no admin with sudo"
[ "$(on "admin@$app" 'sudo -n hostname')" = "ip-${private//./-}" ] || fail "the user data's own key lets nobody in"
[ "$(on "deploy@$app" 'id -Gn; sudo -n true 2>&1 || echo none' | head -1)" = "deploy www-data ops" ] ||
    fail "the user of the user data is $(on "deploy@$app" id 2>&1)"
on "deploy@$app" 'sudo -n true' 2>/dev/null && fail "a user has sudo whom nobody gave it"
on "admin@$app" 'sudo pwck -r; sudo grpck -r; sudo visudo -c' >"$work/out" 2>&1
grep -qE "admin|deploy|ops|invalid|no matching|error" "$work/out" && fail "the tables are not right: $(cat "$work/out")"
has "/etc/sudoers.d/90-users: parsed OK"
[ "$(on "root@$web" 'id -un')" = root ] || fail "root does not get in"

# --- A simulator that is killed finds its servers; they never noticed ---
simulator_stop KILL
page "$web" >/dev/null || fail "a server went with the simulator"
before=$("$prov" lab list -o json)
simulator_start aws
grep -qF "in the lab $lab;" "$work/simulator.log" || fail "another lab, or none: $(cat "$work/simulator.log")"
run 0 plan
has "No changes"
[ "$before" = "$("$prov" lab list -o json)" ] || fail "the lab changed: $("$prov" lab list)"

# --- Power acts on what is real; what is no elastic address is another one then ---
first=$(born server.web)
run 0 server stop server.web
page "$web" >/dev/null 2>&1 && fail "a stopped server answers"
run 0 server start server.web
for _ in $(seq 50); do page "$web" >/dev/null 2>&1 && break; sleep 0.1; done
[ "$(page "$web")" = "<h1>web</h1>" ] || fail "a server lost its page by a stop"
again=$(born server.web)
[ "$first" != "$again" ] || fail "the server did not stop"
run 0 server restart server.web
for _ in $(seq 100); do
    first=$(born server.web) && [ "$first" != "$again" ] && break
    sleep 0.1
done
[ "$first" != "$again" ] || fail "a restart did nothing"
run 0 server stop server.app
run 0 server start server.app
new=$(ip_of server.app)
[ "$new" != "$app" ] || fail "an address that is not elastic outlived a stop"
for _ in $(seq 50); do page "$new" >/dev/null 2>&1 && break; sleep 0.1; done
[ "$(page "$new")" = "<h1>app</h1>" ] || fail "the new address $new does not lead to the server"
page "$app" >/dev/null 2>&1 && fail "the address from before the stop leads somewhere"
run 0 plan
has "No changes"

# --- As AWS's images come: the key pair is of their user, and root is told so ---
ec2 import_key_pair "$(jq -n --arg key "$(cat "$work/mine.pub")" '{ KeyName: "pair", PublicKeyMaterial: $key }')" >/dev/null
launch "$(image 'debian-12-amd64-*')" ''
until_is "$id" running
ip=$(of "$id" PublicIpAddress)
[ "$(on "admin@$ip" 'sudo -n id -un')" = root ] || fail "the key pair does not let the image's user in"
on "root@$ip" true >"$work/out" 2>&1 && fail "root gets in"
has 'Please login as the user "admin" rather than the user "root".'

# --- An address and an interface that come later ---
allocation=$(ec2 allocate_address '{}') && elastic=$(jq -r .PublicIp <<<"$allocation")
ec2 associate_address "$(jq "{ AllocationId, InstanceId: \"$id\" }" <<<"$allocation")" >/dev/null
for _ in $(seq 50); do on "admin@$elastic" true 2>/dev/null && break; sleep 0.1; done
on "admin@$elastic" true || fail "an elastic address does not lead to its instance"
on "admin@$ip" true 2>/dev/null && fail "the address that the elastic one took the place of leads somewhere"
more=$(ec2 create_network_interface "{\"SubnetId\": \"$(of "$id" SubnetId)\"}" | jq .NetworkInterface)
ec2 attach_network_interface "$(jq "{ NetworkInterfaceId, InstanceId: \"$id\", DeviceIndex: 1 }" <<<"$more")" >/dev/null
private=$(jq -r .PrivateIpAddress <<<"$more")
for _ in $(seq 50); do on "admin@$elastic" "ip -4 -o addr" | grep -qF " $private/16" && break; sleep 0.1; done
on "admin@$elastic" "ip -4 -o addr" | grep -qF " $private/16" || fail "the address of an interface that came later is not there"

ec2 delete_key_pair '{"KeyName": "pair"}' >/dev/null
ec2 terminate_instances "{\"InstanceIds\": [\"$id\"]}" >/dev/null
until_is "$id" terminated
on "admin@$elastic" true 2>/dev/null && fail "a terminated instance answers"
ec2 release_address "$(jq '{ AllocationId }' <<<"$allocation")" >/dev/null
ec2 delete_network_interface "$(jq '{ NetworkInterfaceId }' <<<"$more")" >/dev/null
ec2 import_key_pair "$(jq -n --arg key "$(cat "$work/mine.pub")" '{ KeyName: "pair", PublicKeyMaterial: $key }')" >/dev/null

# --- Ubuntu, where this machine has packages of it; else an instance that cannot be made says why ---
launch "$(image 'ubuntu/images/*noble*amd64*')" ''
for _ in $(seq 3000); do [ "$(of "$id" State.Name)" = pending ] || break; sleep 0.1; done
if [ "$(of "$id" State.Name)" = running ]; then
    [ "$(on "ubuntu@$(of "$id" PublicIpAddress)" 'sudo -n cat /etc/os-release' | grep -c '^ID=ubuntu')" = 1 ] ||
        fail "Ubuntu's user does not get in"
    ec2 terminate_instances "{\"InstanceIds\": [\"$id\"]}" >/dev/null
else
    echo "SKIP: Ubuntu: $(of "$id" StateReason.Message)"
    of "$id" StateReason.Message | grep -qF "this machine has no ubuntu package source" || fail "no reason: $(of "$id" .)"
fi
until_is "$id" terminated
[ "$(ec2 describe_volumes | jq '.Volumes | length')" = 2 ] || fail "an instance that is gone left its disk"
launch "$(image 'al2023-*x86_64')" '' 2>"$work/out"
has "No real server can be made of the image"

# --- One that cannot be made is not running: its port is taken ---
next=${elastic%.*}.$((${elastic##*.} + 2)) # Ubuntu's has the one before
"$python" -c 'import socket, sys, time
s = socket.socket(); s.bind((sys.argv[1], 80)); s.listen(); print("taken", flush=True); time.sleep(60)' "$next" >"$work/taken" &
taker=$!
for _ in $(seq 50); do [ -s "$work/taken" ] && break; sleep 0.1; done
sed -i 's/^servers:$/&\n  third: { plan: t3.micro, image: debian-12, network: "${subnet.a}", firewalls: ["${firewall.web}"] }/' infra.yaml
run 1 apply --yes
has "port 80 of this machine"
{ kill "$taker"; wait "$taker"; } 2>/dev/null
taker=
run 0 apply --yes
run 0 server exec server.third -- true
sed -i '/^  third:/d' infra.yaml
run 0 apply --yes

# --- Killed while it makes one and removes another, it does both when it comes back ---
launch "$(image 'debian-12-amd64-*')" ''
until_is "$id" running
gone=$id
ec2 terminate_instances "{\"InstanceIds\": [\"$gone\"]}" >/dev/null
launch "$(image 'debian-12-amd64-*')" ''
simulator_stop KILL
simulator_start aws
until_is "$id" running
until_is "$gone" terminated
[ "$("$prov" lab list -o json | jq ".[] | select(.name == \"$lab\").servers")" = 3 ] ||
    fail "not three servers: $("$prov" lab list)"

# --- Nothing is left: by delete, and by reset with and without a simulator ---
ec2 terminate_instances "{\"InstanceIds\": [\"$id\"]}" >/dev/null
run 0 destroy --yes
until_is "$id" terminated
clean destroy
[ "$(simulator_things)" = "$(simulator_things | grep -E '^(key|token) ')" ] || fail "there is still: $(simulator_things)"
launch "$(image 'debian-12-amd64-*')" ''
until_is "$id" running
run 0 simulate reset --yes --dir "$world"
clean "reset of a running one"
simulator_stop TERM

# --- All clouds in one world, whose servers are real ---
simulator_port=''
simulator_start all --speed 50
simulator_environment
export AWS_DEFAULT_REGION=eu-north-1
"$prov" workspace new "$work/all" >/dev/null 2>&1 && cd "$work/all" || exit 1
cat >infra.yaml <<'YAML'
providers:
  aws: { region: eu-north-1, poll: 0.05 }
  hetzner: { zone: nbg1 }
  upcloud: { zone: fi-hel1 }
servers:
  a: { provider: aws, plan: t3.micro, image: debian-12 }
  h: { provider: hetzner, plan: cx23, image: debian-12 }
  u: { provider: upcloud, plan: 1xCPU-2GB, image: debian-12 }
YAML
run 0 apply --yes
for server in a h u; do
    run 0 server exec "server.$server" -- "cat /etc/debian_version"
    has 12.
done
run 0 simulate state --dir "$world" -o json
[ "$(jq -r '.[] | select(.machine.status == "running") | .cloud' "$work/out" | sort | xargs)" = "aws hetzner upcloud" ] ||
    fail "not a machine of each cloud: $(jq -c '.[] | [.cloud, .kind, .machine]' "$work/out")"
run 0 destroy --yes
for _ in $(seq 100); do [ -z "$(leftovers "$lab")" ] && break; sleep 0.1; done # UpCloud's is gone before its machine is
clean "the destroy of all"
e2e_end
