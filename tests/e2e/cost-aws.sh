#!/bin/bash
# What AWS costs, asked of the simulated price list: AWS's own clients read the list, prov cost adds up by it, and what
# it says is what boto3 reads there. What is not known is not 0, and another currency is another sum.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
. "$here/../support/simulator.sh"
aws=/usr/bin/aws python=/usr/bin/python3
for tool in jq "$python"; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
"$python" -c 'import boto3' 2>/dev/null || { echo "SKIP: no python3-boto3"; exit 77; }
skipped=0
at_exit() { simulator_stop KILL; }

simulator_start all --speed 200
simulator_environment
url=$AWS_ENDPOINT_URL
export AWS_REGION=eu-central-1

# --- the price list, for clients of AWS ---
"$python" "$here/../support/simulate/aws_prices.py" "$url" >"$work/prices.json" || fail "boto3: $(cat "$work/prices.json")"
price() { jq -r --arg name "$1" '.[$name]' "$work/prices.json"; }

if [ -x "$aws" ]; then
    said=$("$aws" --endpoint-url "$url" --region us-east-1 pricing get-products --service-code AmazonEC2 --output json --filters \
        Type=TERM_MATCH,Field=instanceType,Value=t3.small Type=TERM_MATCH,Field=regionCode,Value=eu-central-1 \
        Type=TERM_MATCH,Field=operatingSystem,Value=Linux Type=TERM_MATCH,Field=tenancy,Value=Shared \
        Type=TERM_MATCH,Field=capacitystatus,Value=Used |
        jq -r '.PriceList[] | fromjson | .terms.OnDemand[].priceDimensions[].pricePerUnit.USD')
    [ "$(printf '%s\n' "$said" | wc -l)" -eq 1 ] && [ "$(jq -n "$said == $(price t3.small)")" = true ] ||
        fail "aws pricing get-products says '$said', boto3 $(price t3.small)"
else
    echo "SKIP: no aws"
    skipped=$((skipped + 1))
fi

# --- a whole infra ---
cd "$work" && run 0 workspace new shop
cd shop || exit 1
cat >infra.yaml <<'END'
defaults: { provider: aws }
providers:
  aws: { region: eu-central-1 }
networks:
  lan: { cidr: 10.0.0.0/16, subnet: false }
subnets:
  a: { network: "${network.lan}", cidr: 10.0.1.0/24, zone: eu-central-1a }
  b: { network: "${network.lan}", cidr: 10.0.2.0/24, zone: eu-central-1b }
addresses:
  out: {}
  web: { server: "${server.web}" }
routers:
  out: { type: nat, subnet: "${subnet.a}", address: "${address.out}" }
  way: { type: table, network: "${network.lan}", subnets: ["${subnet.b}"], routes: [{ to: 0.0.0.0/0, via: "${router.out}" }] }
servers:
  web: { plan: t3.small, image: debian-12, network: "${subnet.a}", disk: 20 GiB }
  db: { plan: m5.large, image: debian-12, network: "${subnet.b}", public: false }
volumes:
  data: { size: 100 GiB, server: "${server.db}", iops: 4000 }
  log: { size: 500 GiB, type: st1, zone: eu-central-1a }
load_balancers:
  front:
    subnets: ["${subnet.a}", "${subnet.b}"]
    services: [{ protocol: http, listen: 80 }]
    targets: [{ server: "${server.web}" }]
snapshots:
  data: { volume: "${volume.data}" }
END

cost() { # cost NAME: the month of an address in the last answer
    jq -r --arg address "$1" '.rows[] | select(.address == $address) | .month' "$work/out"
}
is() { # is ADDRESS EXPRESSION with names of prices
    local want
    want=$(jq -n --slurpfile p "$work/prices.json" '$p[0] as $p | '"$2")
    [ "$(jq -n "(($(cost "$1") // 0) - $want) | fabs < 0.0001")" = true ] || fail "$1 costs $(cost "$1"), not $want"
}
run 0 cost -o json
is server.web '730 * $p["t3.small"] + 20 * $p.gp3'
is server.db '730 * $p["m5.large"] + 8 * $p.gp3'
is volume.data '100 * $p.gp3 + 1000 * $p.gp3_iops'
is volume.log '500 * $p.st1'
is address.web '730 * $p.address'
is address.out '730 * $p.address'
is router.out '730 * $p.nat'
is load_balancer.front '730 * $p.alb'
is snapshot.data '100 * $p.snapshot'
says() { # says FILTER: of the last answer
    [ "$(jq "$1" "$work/out")" = true ] || fail "not so: $1 in $(cat "$work/out")"
}
says '.unpriced == []'
says '.free == ["network.lan", "router.way", "subnet.a", "subnet.b"]'
says '[.totals[].currency] == ["USD"] and ([.rows[].month] | add) - .totals[0].month < 0.001'
says '.notes[0] | test("Not in them: traffic")'
plans() { jq -r '[.catalog.plans[] | select(.price) | .name] | join(" ")' .prov/catalog/aws.json; }
[ "$(plans)" = "m5.large t3.small" ] || fail "prices were asked of: $(plans)"
jq -S '[.rows[] | {address, month}]' "$work/out" >"$work/whole.json"
run 0 plan --out p.json
run 0 cost p.json -o json
jq -S '[.rows[] | {address, month}]' "$work/out" | diff "$work/whole.json" - || fail "a plan for the infra costs something else"
run 0 cost
has 'Costs nothing: network.lan'
has 'Not in them: traffic'
has 'more than the 0.00 of now'

# --- a rule that knows what was asked ---
"$prov" -c rules.budget.monthly=10 validate >"$work/out" 2>&1 </dev/null
has 'all together cost'

# --- what a plan makes of it ---
run 0 apply --yes
run 0 cost -o json
says '.totals[0].change == 0 and .totals[0].month > 100'
sed -i 's/plan: t3.small/plan: t3.medium/; s/size: 500 GiB/size: 600 GiB/' infra.yaml
run 0 plan --out p.json
run 0 cost p.json -o json
more='730 * ($p["t3.medium"] - $p["t3.small"]) + 100 * $p.st1'
want=$(jq -n --slurpfile p "$work/prices.json" '$p[0] as $p | '"$more")
says "(.totals[0].change - $want) | fabs < 0.001"
says '[.rows[] | select(.change != 0) | .address] == ["server.web", "volume.log"]'
[ "$(plans)" = "m5.large t3.medium t3.small" ] || fail "prices were asked of: $(plans)"

# --- all of them, for whoever chooses ---
run 0 catalog prices
for name in volume_gp3 volume_io2 snapshot address address_idle nat_gateway load_balancer_http load_balancer_tcp dns_zone; do
    has "$name"
done
run 0 catalog plans -o json
says 'all(.rows[]; .price > 0 and .hourly > 0)'

# --- what is not known is not 0 ---
cat >more.yaml <<'END'
servers:
  odd: { plan: x9.huge, image: debian-12 }
  own: { plan: t3.small, image: ami-00000000000000000 }
volumes:
  odd: { size: 10 GiB, type: gp9, zone: eu-central-1a }
END
cp infra.yaml whole.yaml
{ grep -A2 '^defaults' whole.yaml; cat more.yaml; } >infra.yaml
run 0 cost -o json
says '.unpriced | contains(["server.odd", "volume.odd"])'
says '.rows[] | select(.address == "server.own") | .lacking == ["disk"] and .month > 0'
run 0 cost
has 'Unknown, and not counted: disk of server.own'

# --- another currency is another sum ---
{
    printf 'defaults: { provider: hetzner }\nproviders:\n  aws: { region: eu-central-1 }\n  hetzner: {}\n'
    printf 'servers:\n  web: { plan: cpx22, zone: nbg1, image: debian-12 }\n'
    printf '  far: { provider: aws, plan: t3.small, image: debian-12 }\n'
} >infra.yaml
run 0 cost -o json
says '[.totals[].currency] == ["EUR", "USD"]'
says '[.rows[] | select(.address == "server.web") | .currency] == ["USD", "EUR"]'
says '.rows[] | select(.address == "server.web" and .currency == "EUR") | .before == 0 and .month > 0 and .change == .month'
says '.rows[] | select(.address == "server.web" and .currency == "USD") | .month == 0 and .before > 0 and .change == -.before'

cp whole.yaml infra.yaml
run 0 destroy --yes
[ "$skipped" -eq 0 ] || echo "# $skipped part(s) skipped"
e2e_end
