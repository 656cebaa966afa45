#!/bin/bash
# The provider hetzner with a real account, for those who have one: PROV_LIVE=hetzner HCLOUD_TOKEN=... ctest -L live
# One small server, a volume, a network, a firewall and a load balancer for some minutes: under 0.10 EUR. What it makes
# has the label prov-workspace=live-<number> and is deleted whatever happens; the end says so, or what is left.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"

[[ " ${PROV_LIVE:-} " == *" hetzner "* ]] || { echo "SKIP: PROV_LIVE does not name hetzner"; exit 77; }
[ -n "${HCLOUD_TOKEN:-}" ] || { echo "SKIP: there is no HCLOUD_TOKEN"; exit 77; }
name=live-$$
plan=${PROV_LIVE_PLAN:-cx23} zone=${PROV_LIVE_ZONE:-fsn1}
"$prov" workspace new "${work:?}/$name" >/dev/null 2>&1 && cd "$work/$name" || exit 1
at_exit() { # whatever happened
    for _ in 1 2 3; do
        "$prov" destroy --yes >"$work/destroyed" 2>&1 </dev/null && break
        sleep 5
    done
    [ "$("$prov" state list -o name 2>/dev/null | wc -l)" -eq 0 ] ||
        { echo "LEFT: delete what has the label prov-workspace=$name: $(cat "$work/destroyed")"; failures=1; }
}
trap 'e2e_clean; exit $((failures > 0))' EXIT

cat >infra.yaml <<YAML
defaults: { provider: hetzner }
providers: { hetzner: { zone: $zone } }
networks: { $name: { cidr: 10.77.0.0/16 } }
servers: { $name: { plan: $plan, image: debian-12, network: "\${network.$name}", labels: { role: live } } }
volumes: { $name: { size: 10 GiB, server: "\${server.$name}", format: ext4 } }
firewalls: { $name: { selectors: [role=live], rules: [{ ports: [22] }] } }
load_balancers:
  $name: { network: "\${network.$name}", services: [{ protocol: tcp, listen: 22 }], targets: [{ server: "\${server.$name}" }] }
YAML
run 0 apply --yes
run 0 plan
has "No changes"
run 0 drift
sed -i "s/10 GiB/11 GiB/; s/ports: \[22\]/ports: [22, 80]/" infra.yaml
run 0 apply --yes
run 0 plan
has "No changes"
run 0 server stop "$name"
run 0 apply --yes # starts it again
run 0 plan
has "No changes"
run 0 destroy --yes
