#!/bin/bash
# The same 20 operations on N real servers of this machine (provider local): prov, Ansible (Debian's
# ansible-core, pipelining, as many forks as hosts, no facts) and pyinfra, first run and a run without
# changes. Prints seconds: wall time and processor time of the controller.
#   run.sh [N [RUNS]]    PYINFRA=path of pyinfra; tools that are absent are left out, with a word
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-prov}
count=${1:-10}
runs=${2:-3}
pyinfra=${PYINFRA:-pyinfra}
work=$(mktemp -d)
ws=$work/ws
mkdir -p "$ws/extensions/taskservs/test/bench"
cp "$here/taskserv.lua" "$ws/extensions/taskservs/test/bench/"
cp "$here/playbook.yml" "$here/deploy.py" "$here/app.conf.j2" "$work/"
lab=bench-$$
echo "name: $lab" >"$ws/prov.yaml"
trap '"$prov" -w "$ws" destroy --yes >/dev/null 2>&1; rm -rf "$work"' EXIT

infra_to() { # infra_to TASKSERVS
    cat >"$ws/infra.yaml" <<YAML
providers: { local: { lab: $lab } }
networks: { lan: { provider: local, cidr: 10.77.72.0/24 } }
servers:
  s:
    provider: local
    count: $count
    network: "\${network.lan}"
    image: debian-12-python
    taskservs: $1
YAML
}

infra_to '{}'
"$prov" -w "$ws" apply --yes >"$work/log" 2>&1
"$prov" -w "$ws" state show 'server.s[1]' -o json >"$work/first.json"
netns=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["state"]["ssh"]["netns"])' "$work/first.json")
key=$ws/.prov/ssh/id_ed25519
ssh_args="-i $key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
: >"$work/hosts.ini"
: >"$work/addresses"
for i in $(seq "$count"); do
    "$prov" -w "$ws" state show "server.s[$i]" -o json |
        python3 -c 'import json,sys; print(json.load(sys.stdin)["state"]["ip"])' >>"$work/addresses"
done
while read -r ip; do
    echo "$ip ansible_user=root ansible_python_interpreter=/usr/bin/python3" >>"$work/hosts.ini"
done <"$work/addresses"
{
    echo "hosts = ["
    while read -r ip; do
        echo "    ('$ip', {'ssh_user': 'root', 'ssh_key': '$key', 'ssh_strict_host_key_checking': 'no'}),"
    done <"$work/addresses"
    echo "]"
} >"$work/inventory.py"
cat >"$work/ansible.cfg" <<CFG
[defaults]
host_key_checking = False
inventory = hosts.ini
[ssh_connection]
pipelining = True
ssh_args = $ssh_args -o ControlMaster=auto -o ControlPersist=30s
CFG

reset() {
    while read -r ip; do
        # shellcheck disable=SC2086 # a list
        nsenter --net="$netns" ssh -n $ssh_args "root@$ip" "rm -rf /opt/app; userdel app; groupdel app
            sed -i '/app\$/d; /app.internal/d' /etc/hosts" >/dev/null 2>&1 &
    done <"$work/addresses"
    wait
}

once() { # once NAME WHICH COMMAND...: one line with wall and processor seconds
    local name=$1 which=$2
    shift 2
    local TIMEFORMAT='%R %U %S'
    local failed=
    { time "$@" >"$work/out" 2>&1 || failed=1; } 2>"$work/time"
    [ -z "$failed" ] || { tail -30 "$work/out" >&2; exit 1; }
    awk -v n="$name" -v w="$which" '{ printf "%-8s %-9s wall %6.2f  cpu %6.2f\n", n, w, $1, $2 + $3 }' "$work/time"
}

prov_runs() {
    infra_to '{}'
    "$prov" -w "$ws" apply --yes >"$work/log" 2>&1
    reset
    infra_to '{ bench: {} }'
    once prov first "$prov" -w "$ws" apply --yes
    once prov nochange "$prov" -w "$ws" apply --yes
}
ansible_runs() {
    reset
    once ansible first nsenter --net="$netns" ansible-playbook -f "$count" playbook.yml
    once ansible nochange nsenter --net="$netns" ansible-playbook -f "$count" playbook.yml
}
pyinfra_runs() {
    reset
    once pyinfra first nsenter --net="$netns" "$pyinfra" -y inventory.py deploy.py
    once pyinfra nochange nsenter --net="$netns" "$pyinfra" -y inventory.py deploy.py
}

cd "$work"
echo "$count servers, 20 operations, $runs runs"
for _ in $(seq "$runs"); do
    prov_runs
    if command -v ansible-playbook >/dev/null; then ansible_runs; else echo "ansible  left out: not installed"; fi
    if command -v "$pyinfra" >/dev/null; then pyinfra_runs; else echo "pyinfra  left out: not installed"; fi
done
