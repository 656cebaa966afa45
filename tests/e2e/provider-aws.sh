#!/bin/bash
# The provider aws against moto, a server of EC2, Elastic Load Balancing, Route 53, S3 and STS that nobody here wrote: a whole
# life, drift made by AWS's own client, crashes and lost answers; nothing is twice, and nothing is left.
# PROV_MOTO names a Python environment that has moto already. provider-aws-simulated.sh runs it against prov's simulator.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/moto.sh"
. "$here/../support/simulator.sh"

against=${PROV_AWS:-moto}
if [ "$against" = simulator ]; then
    python=/usr/bin/python3
    "$python" -c 'import boto3' 2>/dev/null || { echo "SKIP: no python3-boto3"; exit 77; }
else
    moto_environment ec2,elbv2,route53,s3,sts || { echo "SKIP: $why"; exit 77; }
fi

pids=
at_exit() {
    [ "$failures" -eq 0 ] || tail -n 30 "$work/moto.log" 2>/dev/null # it drops a connection now and then
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for pid in $pids; do wait "$pid" 2>/dev/null; done
    simulator_stop TERM
}

secret=very-secret-key-of-aws
export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=$secret AWS_EC2_METADATA_DISABLED=true

world() { "$python" "$here/../support/aws_world.py" "$endpoint" "$@"; }

start_moto() {
    python=$moto/bin/python old=ami-0000000000000old1 new=ami-0000000000000new1 arm=ami-0000000000000arm1
    python3 - >"$work/amis.json" <<'END'
import json
print(json.dumps([dict(
    ami_id=f"ami-{name}", name=f"debian-12-{arch}-{day}-1", description="Debian 12", owner_id="136693071363",
    creation_date=f"2025-{day[4:6]}-01T00:00:00.000Z", architecture=machine, state="available", public=True,
    root_device_name="/dev/xvda", root_device_type="ebs", virtualization_type="hvm", hypervisor="xen",
    image_type="machine", platform=None, sriov="simple", image_location="x")
    for name, arch, machine, day in (("0000000000000old1", "amd64", "x86_64", "20250101"),
                                     ("0000000000000new1", "amd64", "x86_64", "20250601"),
                                     ("0000000000000arm1", "arm64", "arm64", "20250601"))]))
END
    local port
    port=$(free_port)
    (cd "$work" && MOTO_AMIS_PATH=$work/amis.json exec "$moto/bin/moto_server" -H 127.0.0.1 -p "$port") \
        >"$work/moto.log" 2>&1 &
    pids="$pids $!"
    endpoint=http://127.0.0.1:$port
    wait_for "$port"
}

image() { # image ARCHITECTURE FIRST_OR_LAST: the simulator's oldest or newest Debian 12
    world ec2 describe_images "{\"Filters\": [{\"Name\": \"name\", \"Values\": [\"debian-12-$1-*\"]}]}" |
        jq -r ".Images | sort_by(.CreationDate) | $2.ImageId"
}

if [ "$against" = simulator ]; then
    simulator_start aws --speed 200 --token "$secret"
    endpoint=$url old=$(image amd64 first) new=$(image amd64 last) arm=$(image arm64 last)
else
    start_moto
fi

# there EXPECTED: everything there is, beside what AWS makes by itself.
there() {
    local found
    found=$(world count)
    [ "$found" = "$1" ] || fail "there is '$found', not '$1'"
}

same() { # nothing to do, and nothing has changed
    run 0 plan
    has "No changes. The world is as the infra says."
    run 0 drift
    has "No drift."
}

life=0
infra() { # infra ENDPOINT: two networks, servers in them, and all that goes with them
    life=$((life + 1)) # moto remembers the tags of buckets that are gone
    cat >infra.yaml <<END
providers:
  aws: { endpoint: "$1", region: eu-north-1, poll: 0.05, patience: 2 }
defaults: { provider: aws }
networks:
  lan: { cidr: 10.1.0.0/16, labels: { team: a } }
  wide: { cidr: 10.2.0.0/16, subnet: false }
  lone: { cidr: 10.3.0.0/16, subnet: false, internet: false, name: alone }
subnets:
  a: { network: "\${network.wide}", cidr: 10.2.1.0/24, zone: eu-north-1a }
  b: { network: "\${network.wide}", cidr: 10.2.2.0/24, zone: eu-north-1b }
routers:
  nat: { type: nat, subnet: "\${subnet.a}", address: "\${address.nat}" }
  out: { network: "\${network.wide}", subnets: ["\${subnet.a}"], routes: [{ to: 0.0.0.0/0, via: internet }] }
ssh_keys:
  me: { public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDVtQNzs7DLOoXHjtgm3Yr4aZFPDLCSlVpBFvNwUr7E me@x" }
firewalls:
  web:
    network: \${network.lan}
    rules:
      - { ports: [80, 443], comment: web }
      - { ports: ["8000-8010"], sources: [10.0.0.0/8] }
      - { protocol: icmp }
  db:
    servers: ["\${server.db}"]
    rules: [{ ports: [5432], sources: ["\${firewall.web}"] }, { direction: out, protocol: udp, ports: [53] }]
servers:
  db: { plan: t4g.small, image: debian-12, network: "\${network.lan}", keys: ["\${ssh_key.me}"], public: false,
        user_data: "#!/bin/sh\necho own-part\n" }
  web:
    count: 2
    plan: t3.micro
    image: debian-12
    network: \${network.lan}
    firewalls: ["\${firewall.web}"]
    disk: 20 GiB
    labels: { role: web }
  app: { plan: t3.micro, image: debian-12, network: "\${subnet.a}", address: "\${address.app}" }
volumes:
  data: { size: 10 GiB, server: "\${server.web[2]}" }
addresses:
  app: {}
  nat: {}
  front: { server: "\${server.web[1]}" }
load_balancers:
  www:
    network: \${network.wide}
    services: [{ protocol: http, listen: 80, port: 8080, check: { path: /up, interval: 10, retries: 3 } }]
    targets: [{ server: "\${server.app}" }]
    algorithm: least_connections
  raw:
    subnets: ["\${subnet.a}"]
    services: [{ protocol: tcp, listen: 5432 }, { protocol: tcp, listen: 6000, port: 7000 }]
    targets: [{ server: "\${server.app}" }]
images:
  golden: { server: "\${server.app}" }
snapshots:
  one: { volume: "\${volume.data}" }
dns_zones:
  main: { name: Shop.example.org, labels: { team: a }, comment: first }
dns_records:
  www: { zone: "\${dns_zone.main}", name: www, type: A, values: [192.0.2.1, 192.0.2.2] }
  all: { zone: "\${dns_zone.main}", name: "*", type: CNAME, values: [www.shop.example.org.], ttl: 1m }
  mail: { zone: "\${dns_zone.main}", name: "@", type: MX, values: ["10 mail.example.org"] }
  text: { zone: "\${dns_zone.main}", name: _x, type: TXT, values: ["v=spf1 -all", "a \"b\" ü"] }
  front: { zone: "\${dns_zone.main}", name: "@", type: A, alias: "\${load_balancer.www}" }
buckets:
  files: { name: shop-$life-files, labels: { team: a } }
  far: { name: shop.$life.far, zone: eu-west-1 }
END
    [ "$against" = simulator ] || sed -i '/^  front: { zone/d' infra.yaml
}
whole="instances=4 vpcs=3 subnets=3 gateways=2 tables=1 nats=1 groups=2 volumes=5 addresses=3 keys=1 snapshots=2 images=1 interfaces=4 balancers=2 target_groups=3 zones=1 records=5 buckets=2"
made=30
if [ "$against" = moto ]; then # which refuses a record that was there once, and takes one that is there
    whole=${whole/records=5/records=4} made=29
fi

change() { # what can be changed in place
    sed -i 's/team: a/team: b/; s/comment: first/comment: second/; s/192.0.2.2/192.0.2.3/; s/ttl: 1m/ttl: 2m/
    s/ports: \[80, 443\], comment: web/ports: [443], comment: tls/; s/disk: 20 GiB/disk: 25 GiB/
    s/count: 2/count: 2\n    placement_group: null/; s/size: 10 GiB, server: "${server.web\[2\]}"/size: 12 GiB, server: "${server.web[1]}"/
    s/t4g.small/t4g.medium/; s/port: 8080, check: { path: \/up, interval: 10, retries: 3 }/port: 8081, check: { path: \/ok }/
    s/{ protocol: tcp, listen: 6000, port: 7000 }/{ protocol: tcp, listen: 6001 }/
    s/via: internet }\]/via: internet }, { to: 10.9.0.0\/16, via: "${server.app}" }]/
    s/  front: { server.*/  front: { labels: { x: y } }/' infra.yaml
}

cd "$work" || exit 1
"$prov" workspace new shop >/dev/null 2>&1 && cd shop || exit 1

# A whole life: made, and there is nothing more to do.
infra "$endpoint"
run 0 apply --yes
has "$made done"
[ "$failures" -eq 0 ] || e2e_end
there "$whole"
run 0 drift --accept # the address gave web[1] another one
same

# Lists instead of many reads see the same.
export PROV_CALLS_LIST_FROM=1
same
unset PROV_CALLS_LIST_FROM

# What the region offers, for look-ups.
cd "$work" && "$prov" workspace new look >/dev/null 2>&1 && cd look || exit 1
cat >infra.yaml <<END
providers:
  aws: { endpoint: "$endpoint", region: eu-north-1 }
defaults: { provider: aws }
data:
  debian: { kind: image, where: { name: debian-12, architecture: arm64 } }
  plan: { kind: plan, where: { name: t4g.small } }
  zones: { kind: zone, pick: all }
outputs:
  image: \${data.debian.id}
  cpus: \${data.plan.cpus}
  memory: \${data.plan.memory}
  zones: \${length(data.zones)}
END
run 0 apply --yes
run 0 output -o json
python3 - "$work/out" "$arm" <<'END' || fail "the look-ups are not right: $(cat "$work/out")"
import json, sys
out = json.load(open(sys.argv[1]))
assert out == {"image": sys.argv[2], "cpus": 2, "memory": 2 << 30, "zones": 3}, out
END
cd "$work/shop" || exit 1

# What the log tells of requests is no secret.
export PROV_LOG=debug
run 0 plan
unset PROV_LOG
has "operation=DescribeInstances"
grep -qE "$secret|AWS4-HMAC|Signature" "$work/out" && fail "the log tells too much: $(cat "$work/out")"

# Who we are, and what is there that prov has not made: nothing of AWS's own, nothing that goes with something else.
run 0 provider check aws
has "123456789012"
other=$(world ec2 create_vpc '{"CidrBlock": "10.9.0.0/16"}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["Vpc"]["VpcId"])')
kinds="--kind server --kind network --kind subnet --kind router --kind firewall --kind volume --kind image"
kinds="$kinds --kind dns_zone --kind dns_record --kind bucket"
# shellcheck disable=SC2086
run 0 import --all $kinds --kind address --kind load_balancer --kind ssh_key -o name
[ "$(cat "$work/out")" = "network.$other" ] || fail "import finds: $(cat "$work/out")"
world ec2 delete_vpc "{\"VpcId\": \"$other\"}" >/dev/null

# The newest image of the family, for the processor of the plan.
[ "$(world ec2 describe_instances | grep -o "$new" | wc -l)" = 3 ] || fail "not the newest image"
[ "$(world ec2 describe_instances | grep -o "$arm" | wc -l)" = 1 ] || fail "not the image for ARM"

# The host key that prov knows is the one in the user data, beside the keys and the user's own part.
id=$(world id instance db)
world ec2 describe_instance_attribute "{\"InstanceId\": \"$id\", \"Attribute\": \"userData\"}" |
    python3 -c 'import base64, json, sys
print(base64.b64decode(json.load(sys.stdin)["UserData"]["Value"]).decode())' >"$work/user_data"
run 0 state show server.db -o json
python3 - "$work/user_data" "$work/out" <<'END' || fail "the user data are not right: $(cat "$work/user_data")"
import email, json, sys
parts = email.message_from_file(open(sys.argv[1])).get_payload()
ssh = json.load(open(sys.argv[2]))["state"]["ssh"]
first, own = (part.get_payload() for part in parts)
assert parts[0].get_content_type() == "text/cloud-config" and parts[1].get_content_type() == "text/x-shellscript"
assert first.startswith("#cloud-config\n") and "ed25519_public: " + ssh["host_key"] in first
assert "BEGIN OPENSSH PRIVATE KEY" in first and " me@x\n" in first and own == "#!/bin/sh\necho own-part\n"
END

# In place where AWS can.
change
run 0 plan
has "to update"
grep -qE "to (create|delete|replace)" "$work/out" && fail "more than updates: $(cat "$work/out")"
run 0 apply --yes
there "$whole"
run 0 drift --accept # what has no elastic address any more
same
world ec2 describe_volumes | grep -q '"Size": 25' || fail "the disk has not grown"

sed -i 's/subnet: false, internet: false, name: alone/labels: { a: b }/' infra.yaml
run 0 apply --yes
there "${whole/subnets=3 gateways=2/subnets=4 gateways=3}"
[ -n "$(world id vpc lone)" ] && [ -z "$(world id vpc alone)" ] || fail "the name is not the one of its address"
same
sed -i 's/labels: { a: b } }/subnet: false, internet: false }/' infra.yaml
run 0 apply --yes
there "$whole"
same

# Servers are stopped and started.
run 0 server stop server.db
world ec2 describe_instances | grep -q '"Name": "stopped"' || fail "the server was not stopped"
run 0 server restart server.app
run 0 server start server.db
same

# Drift, made by AWS's own client: found, told, and taken back.
sg=$(world id security-group web) db=$(world id instance db) app=$(world id instance app) web=$(world id instance web-2)
vpc=$(world id vpc lan) gateway=$(world id internet-gateway lan)
world ec2 authorize_security_group_ingress "{\"GroupId\": \"$sg\", \"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22, \"CidrIp\": \"0.0.0.0/0\"}" >/dev/null
world ec2 revoke_security_group_ingress "{\"GroupId\": \"$sg\", \"IpProtocol\": \"tcp\", \"FromPort\": 443, \"ToPort\": 443, \"CidrIp\": \"0.0.0.0/0\"}" >/dev/null
world ec2 create_tags "{\"Resources\": [\"$app\"], \"Tags\": [{\"Key\": \"by\", \"Value\": \"hand\"}]}" >/dev/null
world ec2 stop_instances "{\"InstanceIds\": [\"$db\"]}" >/dev/null
world ec2 terminate_instances "{\"InstanceIds\": [\"$web\"]}" >/dev/null
zone=$(world route53 list_hosted_zones | jq -r '.HostedZones[0].Id')
record() { # record ACTION NAME VALUE
    world route53 change_resource_record_sets "{\"HostedZoneId\": \"$zone\", \"ChangeBatch\": {\"Changes\": [{
        \"Action\": \"$1\", \"ResourceRecordSet\": {\"Name\": \"$2.shop.example.org\", \"Type\": \"A\", \"TTL\": 300,
        \"ResourceRecords\": [{\"Value\": \"$3\"}]}}]}}" >/dev/null
}
record UPSERT www 192.0.2.9
world route53 change_tags_for_resource "{\"ResourceType\": \"hostedzone\", \"ResourceId\": \"${zone##*/}\",
    \"AddTags\": [{\"Key\": \"by\", \"Value\": \"hand\"}], \"RemoveTagKeys\": [\"team\"]}" >/dev/null
world s3 delete_bucket_tagging "{\"Bucket\": \"shop-$life-files\"}" >/dev/null
world ec2 detach_internet_gateway "{\"InternetGatewayId\": \"$gateway\", \"VpcId\": \"$vpc\"}" >/dev/null
run 3 drift
has "server.web[2] gone"
has 'labels.by = (none) -> "hand"'
has 'status = "running" -> "stopped"'
has "internet = true -> false"
has 'values[1] = "192.0.2.1" -> "192.0.2.9"'
has "bucket.files changed"
run 0 apply --yes
there "$whole"
same

# Replaced where it must be.
sed -i 's/plan: t3.micro, image: debian-12, network: "${subnet.a}"/plan: t3.micro, image: '"$old"', network: "${subnet.a}"/' infra.yaml
run 0 apply --yes
there "$whole"
[ "$(world id instance app)" != "$app" ] || fail "the server was not replaced"
same

# Termination protection is AWS's word, and ours.
sed -i 's/address: "${address.app}" }/address: "${address.app}", protected: true }/' infra.yaml
run 0 apply --yes
run 1 destroy --yes --target server.app
has "set 'protected: false' and apply that first"
sed -i 's/, protected: true }/ }/' infra.yaml
run 0 apply --yes
same

# A record and a bucket that others have made are not written over, but can be taken over.
[ "$against" = moto ] || record CREATE taken 192.0.2.77
world s3 create_bucket '{"Bucket": "shop-4b1d-taken", "CreateBucketConfiguration": {"LocationConstraint": "eu-north-1"}}' >/dev/null
world s3 put_bucket_tagging '{"Bucket": "shop-4b1d-taken", "Tagging": {"TagSet": [{"Key": "of", "Value": "others"}]}}' >/dev/null
sed -i 's/^buckets:/  taken: { zone: "${dns_zone.main}", name: taken, type: A, values: [192.0.2.78] }\nbuckets:\n  taken: { name: shop-4b1d-taken }/' infra.yaml
run 1 apply --yes
has "prov import bucket.taken shop-4b1d-taken"
if [ "$against" = simulator ]; then
    has "prov import dns_record.taken ${zone##*/}/taken/A"
    world route53 list_resource_record_sets "{\"HostedZoneId\": \"$zone\"}" | grep -q 192.0.2.77 ||
        fail "the record of others is gone"
    run 0 import dns_record.taken "${zone##*/}/taken/A"
fi
run 0 import bucket.taken shop-4b1d-taken
run 0 apply --yes
same
sed -i '/^  taken: /d' infra.yaml
run 0 apply --yes
there "$whole"
same

# What holds something is named, and nothing is lost for it.
record CREATE hand 192.0.2.5
vpc=$(world id vpc wide)
subnet=$(world ec2 create_subnet "{\"VpcId\": \"$vpc\", \"CidrBlock\": \"10.2.99.0/24\"}" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["Subnet"]["SubnetId"])')
run 1 destroy --yes
grep -q "it is held by .*$subnet" "$work/out" || fail "it does not say that $subnet holds it: $(cat "$work/out")"
grep -q "not of this infra: hand.shop.example.org A" "$work/out" || fail "it does not say which record it is: $(cat "$work/out")"
there "vpcs=1 subnets=1 zones=1 records=1"
record DELETE hand 192.0.2.5
world ec2 delete_subnet "{\"SubnetId\": \"$subnet\"}" >/dev/null
run 0 destroy --yes
there ""
run 0 state list
[ ! -s "$work/out" ] || grep -q "nothing" "$work/out" || fail "the state is not empty: $(cat "$work/out")"

# Killed at many moments: what is there in the end is what was wanted, once.
infra "$endpoint"
for delay in 0.15 0.3 0.45 0.6 0.75 0.9 1.1 1.3; do
    "$prov" apply --yes >"$work/killed.log" 2>&1 </dev/null &
    pid=$!
    sleep "$delay"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
done
run 0 apply --yes
run 0 apply --yes # what a killed creation left half done is completed
there "$whole"
run 0 drift --accept
same
run 0 destroy --yes
there ""

# Answers are lost: to every third change, then to every second one; the simulator has faults of its own. The same.
lives_on() { # what comes of it: all of it, once, also after a change, and nothing in the end
    run 0 apply --yes
    there "$whole"
    change
    run 0 apply --yes
    there "$whole"
    [ "$(lost)" -ge 5 ] || fail "hardly an answer was lost"
}
if [ "$against" = simulator ]; then
    cat >"$work/faults.yaml" <<'END'
faults:
  - { fault: lost_answer, operation: "Create*", every: 3 }
  - { fault: lost_answer, operation: RunInstances, every: 2 }
  - { fault: lost_answer, operation: AllocateAddress, every: 2 }
  - { fault: lost_answer, operation: ImportKeyPair, times: 1 }
  - { fault: lost_answer, operation: "Change*", every: 2 }
  - { fault: locked, operation: ChangeResourceRecordSets, every: 3 }
END
    run 0 simulate faults "$work/faults.yaml" --dir "$world"
    lost() { "$prov" simulate faults --dir "$world" -o json | jq 'map(.happened) | add'; }
    infra "$endpoint"
    lives_on
    run 0 simulate faults --clear --dir "$world"
    run 0 drift --accept
    same
    run 0 destroy --yes
    there ""
else
    lost() { grep -c lost "$work/proxy-$every.log"; }
    for every in 3 2; do
        "$python" "$here/../support/aws_world.py" "$endpoint" proxy $every >"$work/proxy-$every.log" 2>&1 &
        pids="$pids $!"
        for _ in $(seq 50); do
            [ -s "$work/proxy-$every.log" ] && break
            sleep 0.1
        done
        infra "http://127.0.0.1:$(head -1 "$work/proxy-$every.log")"
        lives_on
        run 0 drift --accept
        same
        run 0 destroy --yes
        there ""
    done
fi

# What moto has not: placement groups, reverse names, requests that are too many.
if [ "$against" = simulator ]; then
    cd "$work" && "$prov" workspace new more >/dev/null 2>&1 && cd more || exit 1
    cat >infra.yaml <<END
providers:
  aws: { endpoint: "$endpoint", region: eu-north-1, poll: 0.05, patience: 2 }
defaults: { provider: aws }
networks: { lan: { cidr: 10.1.0.0/16 } }
placement_groups: { apart: { strategy: spread } }
addresses: { out: { ptr: www.example.org } }
servers:
  web: { count: 2, plan: t3.micro, image: debian-12, network: "\${network.lan}", placement_group: "\${placement_group.apart}" }
END
    echo 'faults: [{ fault: rate_limit, every: 4 }, { fault: unavailable, every: 9 }]' >"$work/faults.yaml"
    run 0 simulate faults "$work/faults.yaml" --dir "$world"
    run 0 apply --yes
    same
    world ec2 describe_addresses_attribute '{"Attribute": "domain-name"}' | grep -q '"PtrRecord": "www.example.org."' ||
        fail "no reverse name"
    world ec2 describe_instances | grep -q '"GroupName": "apart"' || fail "not in the placement group"
    sed -i 's/www.example.org/mail.example.org/' infra.yaml
    run 0 apply --yes
    world ec2 describe_addresses_attribute '{"Attribute": "domain-name"}' | grep -q '"PtrRecord": "mail.example.org."' ||
        fail "not the new reverse name"
    run 0 destroy --yes
    run 0 simulate faults --clear --dir "$world"
    there ""
    cd "$work/shop" || exit 1
fi

# The same tables from the other side: boto3 is understood, and understands.
PROV_DEV=1 PROV_ROOT=${PROV_SOURCE:?} "$prov" internal lua "$here/../support/aws_echo.lua" >"$work/echo.log" 2>&1 &
pids="$pids $!"
for _ in $(seq 50); do
    [ -s "$work/echo.log" ] && break
    sleep 0.1
done
"$python" "$here/../support/aws_echo.py" "http://127.0.0.1:$(head -1 "$work/echo.log")" >"$work/out" 2>&1
has understood

# The secret is nowhere.
grep -rqF "$secret" "$work/shop" "$work/more" "$XDG_STATE_HOME" "$XDG_CONFIG_HOME" 2>/dev/null && fail "the secret key is in a file"
if [ "$against" = simulator ]; then
    run 0 simulate calls --dir "$world" -o json
    jq -e 'all(.[]; .status != 500)' "$work/out" >/dev/null || fail "the simulator failed: $(cat "$work/simulator.log")"
    grep -rqF "$secret" "$world" && fail "the secret key is in the world"
elif grep -q "Traceback" "$work/moto.log"; then
    fail "moto failed: $(grep -A2 "Error:" "$work/moto.log" | head -5)"
fi
e2e_end
