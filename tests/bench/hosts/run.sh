#!/bin/bash
# The same operations on N real servers of this machine (provider local): prov, Ansible (Debian's
# ansible-core, pipelining, forks, no facts) and pyinfra: a first run and a run that changes nothing.
# Prints seconds: wall time, processor time of the controller, processor time of all servers; then
# minimum, median and maximum of all runs, and how many times longer than prov the others took.
#   run.sh [N [RUNS]]    needs root, and the lab of the local provider
#   PROV=path PYINFRA=path   tools that are absent are left out, with a word
#   OPS=20               only the first so many operations
#   INIT=systemd|sshd    what boots in the servers; sshd needs no inotify instances, so more fit
#   FORKS=10 TOOLS="prov ansible pyinfra"
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:-prov}
pyinfra=${PYINFRA:-pyinfra}
count=${1:-10}
runs=${2:-3}
ops=${OPS:-20}
forks=${FORKS:-10}
work=$(mktemp -d)
ws=$work/ws
lab=bench-$$
key=$ws/.prov/ssh/id_ed25519
ssh_args="-i $key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
trap '"$prov" -w "$ws" destroy --yes >/dev/null 2>&1; rm -rf "$work"' EXIT
cd "$work"

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
    init: ${INIT:-systemd}
    taskservs: $1
YAML
}

boot() {
    mkdir -p "$ws/extensions/taskservs/test/bench"
    cp "$here/taskserv.lua" "$ws/extensions/taskservs/test/bench/"
    echo "name: $lab" >"$ws/prov.yaml"
    infra_to '{}'
    "$prov" -w "$ws" apply --yes >log 2>&1 || { tail -20 log >&2; exit 1; }
    "$prov" -w "$ws" state show 'server.s[1]' -o json >first.json
    netns=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["state"]["ssh"]["netns"])' first.json)
    for i in $(seq "$count"); do
        "$prov" -w "$ws" state show "server.s[$i]" -o json |
            python3 -c 'import json,sys; print(json.load(sys.stdin)["state"]["ip"])' >>addresses
    done
}

# The operations of the other tools, cut to the first $ops.
others() {
    awk -v n="$ops" '/^    - / { i++ } i > n { exit } { print }' "$here/playbook.yml" >playbook.yml
    awk -v n="$ops" '/^(files|server|apt|systemd)\./ { i++ } i > n { exit } { print }' "$here/deploy.py" >deploy.py
    cp "$here/app.conf.j2" .
    while read -r ip; do
        echo "$ip ansible_user=root ansible_python_interpreter=/usr/bin/python3" >>hosts.ini
    done <addresses
    {
        echo "hosts = ["
        while read -r ip; do
            echo "    ('$ip', {'ssh_user': 'root', 'ssh_key': '$key', 'ssh_strict_host_key_checking': 'no'}),"
        done <addresses
        echo "]"
    } >inventory.py
    cat >ansible.cfg <<CFG
[defaults]
host_key_checking = False
inventory = hosts.ini
[ssh_connection]
pipelining = True
ssh_args = $ssh_args -o ControlMaster=auto -o ControlPersist=30s
CFG
}

reset() {
    while read -r ip; do
        # shellcheck disable=SC2086 # a list
        nsenter --net="$netns" ssh -n $ssh_args "root@$ip" "rm -rf /opt/app; userdel app; groupdel app
            sed -i '/app\$/d; /app.internal/d' /etc/hosts" >/dev/null 2>&1 &
    done <addresses
    wait
}

servers_cpu() { # seconds all servers of the lab have used
    if [ -r "/sys/fs/cgroup/cpuacct/prov/$lab/cpuacct.usage" ]; then
        awk '{ print $1 / 1e9 }' "/sys/fs/cgroup/cpuacct/prov/$lab/cpuacct.usage"
    else
        awk '/^usage_usec/ { print $2 / 1e6 }' "/sys/fs/cgroup/prov/$lab/cpu.stat"
    fi
}

once() { # once NAME WHICH COMMAND...: one line, also into results
    local name=$1 which=$2 failed="" before
    shift 2
    local TIMEFORMAT='%R %U %S'
    before=$(servers_cpu)
    { time "$@" >out 2>&1 || failed=1; } 2>took
    [ -z "$failed" ] || { tail -30 out >&2; exit 1; }
    awk -v n="$name" -v w="$which" -v a="$before" -v b="$(servers_cpu)" '
        { printf "%-8s %-9s wall %6.2f  controller %6.2f  servers %6.2f\n", n, w, $1, $2 + $3, b - a }' took |
        tee -a results
}

must_say() { # must_say TIMES TEXT: what the last command printed, so that no tool does something else
    local seen
    seen=$(grep -cE -- "$2" out || true)
    [ "$seen" -eq "$1" ] || { tail -30 out >&2; echo "'$2' is there $seen times, not $1" >&2; exit 1; }
}

prov_runs() {
    infra_to '{}'
    "$prov" -w "$ws" apply --yes >log 2>&1
    reset
    infra_to "{ bench: { ops: $ops } }"
    once prov first "$prov" -w "$ws" apply --yes
    once prov nochange "$prov" -w "$ws" apply --yes
    must_say 1 "No changes"
}
ansible_runs() {
    command -v ansible-playbook >/dev/null || { echo "ansible  left out: not installed"; return; }
    reset
    once ansible first nsenter --net="$netns" ansible-playbook -f "$forks" playbook.yml
    once ansible nochange nsenter --net="$netns" ansible-playbook -f "$forks" playbook.yml
    must_say "$count" " ok=$ops +changed=0 +unreachable=0 +failed=0"
}
pyinfra_runs() {
    command -v "$pyinfra" >/dev/null || { echo "pyinfra  left out: not installed"; return; }
    reset
    once pyinfra first nsenter --net="$netns" "$pyinfra" -y inventory.py deploy.py
    once pyinfra nochange nsenter --net="$netns" "$pyinfra" -y inventory.py deploy.py
    cp out pyinfra.nochange
}

summary() {
    awk '
        { k = $1 " " $2; if (!(k in n)) order[++kinds] = k
          n[k]++; wall[k, n[k]] = $4; cpu[k, n[k]] = $6; far[k, n[k]] = $8 }
        function row(what, v, k,   i, j, t, a) {
            for (i = 1; i <= n[k]; i++) a[i] = v[k, i] + 0
            for (i = 2; i <= n[k]; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
            middle = a[int((n[k] + 1) / 2)]
            return sprintf("  %s %.2f/%.2f/%.2f", what, a[1], middle, a[n[k]])
        }
        END {
            for (o = 1; o <= kinds; o++) {
                k = order[o]; split(k, part, " ")
                text = row("wall", wall, k)
                m = middle
                if (part[1] == "prov") base[part[2]] = m
                text = text row("controller", cpu, k) row("servers", far, k)
                printf "%-18s%s", k, text
                if (part[1] != "prov" && part[2] in base) printf "  %.1f times prov", m / base[part[2]]
                print ""
            }
        }' results
}

boot
others
echo "$count servers (${INIT:-systemd}), $ops operations, $runs runs, $forks forks"
for _ in $(seq "$runs"); do
    for tool in ${TOOLS:-prov ansible pyinfra}; do "${tool}_runs"; done
done
echo "minimum/median/maximum seconds:"
summary
if [ -n "${KEEP:-}" ]; then cp -r . "$KEEP"; fi
