#!/bin/bash
# kill -9 at writes of the state while a simulated cloud loses answers: what is there in the end is what was wanted, once.
# See tests/support/cloudkill.py; killpoints.sh does the same at every write, without a cloud.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
for tool in cc jq python3; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
at_exit() { simulator_stop TERM; }
export AWS_REGION=eu-north-1
cc -shared -fPIC -O1 -o "$work/killshim.so" "$here/../support/killshim.c" -ldl -lpthread || fail "the library does not build"

# on CLOUD PLAN CONFIG
on() {
    mkdir -p "$work/$1/ws" && cd "$work/$1/ws" || exit 1
    world=$work/$1/world
    simulator_start "$1" --speed 500 --rate 0
    simulator_environment
    echo "name: kill" >prov.yaml
    cat >infra.yaml <<YAML
defaults: { provider: $1 }
providers: { $1: { $3 } }
networks: { lan: { cidr: 10.0.0.0/24 } }
placement_groups: { apart: {} }
ssh_keys: { ops: { public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDVtQNzs7DLOoXHjtgm3Yr4aZFPDLCSlVpBFvNwUr7E ops" } }
servers:
  web: { count: 3, plan: $2, image: debian-12, network: "\${network.lan}", placement_group: "\${placement_group.apart}" }
volumes: { data: { size: 10 GiB, server: "\${server.web[1]}" } }
firewalls: { web: { servers: "\${server.web}", rules: [{ ports: [80, 443] }] } }
addresses: { front: { server: "\${server.web[2]}" } }
load_balancers:
  front:
    network: \${network.lan}
    services: [{ protocol: tcp, listen: 80, port: 8080 }]
    targets: [{ server: "\${server.web[1]}" }, { server: "\${server.web[2]}" }]
YAML
    python3 "$here/../support/cloudkill.py" "$prov" "$work/killshim.so" "$work/$1" "$1" "${KILL_INSTANTS:-8}" ||
        fail "$1: see above"
    simulator_stop TERM
}

[ "$#" -gt 0 ] || set -- hetzner upcloud aws
for cloud; do
    case $cloud in
    hetzner) on hetzner cpx22 'zone: nbg1' ;;
    upcloud) on upcloud 1xCPU-1GB 'zone: fi-hel1, poll_every: 0.05' ;;
    aws) on aws t3.small 'zone: eu-north-1a, poll: 0.05, patience: 10' ;;
    esac
done
e2e_end
