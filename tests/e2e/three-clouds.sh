#!/bin/bash
# One workspace in Lua (workspaces/three-clouds: thirty servers, networks, firewalls, volumes, a load balancer) on every
# simulated cloud, by changing one line of it. What each cloud's own client changed is found and repaired; what was
# destroyed is gone from the world.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
for tool in jq python3; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
at_exit() { simulator_stop TERM; }
export AWS_REGION=us-east-1 # the infra says which

id_of() { "$prov" state show "$1" -o json | jq -r .id; }
ids() { "$prov" state list -o json | jq -r '.[] | "\(.address) \(.id)"' | sort; }

# Each takes the ids of servers: one gets another name or label, one is stopped, one is deleted; and the firewall of the
# web servers no longer says what it said.
by_hand_hetzner() { # RENAMED STOPPED DELETED
    command -v hcloud >/dev/null || { echo "SKIP: no hcloud"; return 1; }
    hcloud server add-label "$1" by=hand && hcloud server poweroff "$2" && hcloud server delete "$3" &&
        hcloud firewall add-rule --direction in --protocol tcp --port 22 --source-ips 0.0.0.0/0 "$(id_of firewall.web)"
}
by_hand_upcloud() {
    { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q --disable-pip-version-check --timeout 20 \
        --retries 1 upcloud-api==2.9.0; } >"$work/pip" 2>&1 ||
        { echo "SKIP: UpCloud's client cannot be installed: $(tail -1 "$work/pip")"; return 1; }
    "$work/venv/bin/python" "$here/../support/upcloud_drift.py" "${url##*:}" "$1" "$(id_of 'server.web[4]')" "$2" "$3"
}
by_hand_aws() {
    python3 -c 'import boto3' 2>/dev/null || { echo "SKIP: no boto3"; return 1; }
    local ec2=("$here/../support/aws_world.py" "$url" ec2)
    python3 "${ec2[@]}" create_tags "{\"Resources\": [\"$1\"], \"Tags\": [{\"Key\": \"by\", \"Value\": \"hand\"}]}" &&
        python3 "${ec2[@]}" stop_instances "{\"InstanceIds\": [\"$2\"]}" &&
        python3 "${ec2[@]}" terminate_instances "{\"InstanceIds\": [\"$3\"]}" &&
        python3 "${ec2[@]}" authorize_security_group_ingress "{\"GroupId\": \"$(id_of firewall.web)\",
            \"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22, \"CidrIp\": \"0.0.0.0/0\"}"
}

# on CLOUD CONFIG: the whole story; CONFIG is of the provider.
on() {
    local cloud=$1 config=$2 other before
    world=$work/world-$cloud
    simulator_start "$cloud" --speed 100 --rate 0
    simulator_environment
    mkdir "$work/$cloud" && cp "$here/../../workspaces/three-clouds/"* "$work/$cloud" && cd "$work/$cloud" || exit 1
    sed -i "s/^local cloud = \"[a-z]*\"/local cloud = \"$cloud\"/" infra.lua
    other=$(diff infra.lua "$here/../../workspaces/three-clouds/infra.lua" | grep -c '^<')
    [ "$other" -le 1 ] || fail "$other lines differ"
    mkdir environments
    echo "providers: { $cloud: { $config } }" >environments/try.yaml
    export PROV_ENV=try

    run 0 plan
    has "45 to create"
    run 0 apply --yes
    run 0 plan --detailed-exitcode
    has "No changes"
    run 0 drift
    [ "$(simulator_things | grep -cE '^(server|instance) ')" = 30 ] || fail "$cloud: not thirty servers: $(simulator_things)"

    before=$(ids)
    if by_hand_"$cloud" "$(id_of 'server.web[3]')" "$(id_of 'server.lab[1]')" "$(id_of 'server.app[2]')" \
        >"$work/hand" 2>&1; then
        run 3 drift
        for what in 'server.web[3] changed' 'hand"' 'server.lab[1] changed' 'status = "running" -> "stopped"' \
            'server.app[2] gone' 'firewall.web changed'; do
            has "$what"
        done
        run 0 apply --yes
        run 0 plan --detailed-exitcode
        run 0 drift
        [ "$(diff <(echo "$before") <(ids) | grep -c '^[<>]')" = 2 ] ||
            fail "$cloud: more than the deleted server was made anew: $(diff <(echo "$before") <(ids))"
    elif grep -q ^SKIP "$work/hand"; then
        cat "$work/hand"
    else
        fail "$cloud: the client of the cloud failed: $(cat "$work/hand")"
    fi

    run 0 destroy --yes
    [ -z "$(simulator_things)" ] || fail "$cloud: left in the world: $(simulator_things)"
    echo "$cloud: $("$prov" simulate calls --dir "$world" --limit 1000000 -o json | jq length) requests"
    simulator_stop TERM
    unset PROV_ENV
}

[ "$#" -gt 0 ] || set -- hetzner upcloud aws
for cloud; do
    case $cloud in
    hetzner) on hetzner '' ;;
    upcloud) on upcloud 'poll_every: 0.1' ;;
    aws) on aws 'poll: 0.1, patience: 10' ;;
    esac
done
e2e_end
