#!/bin/bash
# prov convert: Terraform and Ansible in, an infra that validates out; notes, exit codes, all forms; infra out as JSON.
set -u
here=$(cd "$(dirname "$0")" && pwd)
prov=${PROV:?path of the prov binary}
. "$here/../support/e2e.sh"
cd "$work" || exit 1

# convert EXIT ARGUMENTS...: the result is in $work/out, notes and errors in $work/err.
convert() {
    local want=$1 got
    shift
    "$prov" convert "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] || fail "prov convert $*: exit $got, not $want: $(cat "$work/err")"
}
said() { grep -qF -- "$1" "$work/err" || fail "no '$1' in: $(cat "$work/err")"; }

# What the plain language says already: three kinds, counts, references, an attachment.
mkdir plain
cat >plain/main.tf <<'EOF'
terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
  }
}

# The network of all servers.
resource "hcloud_network" "lan" {
  ip_range = "10.0.1.0/24"
}

resource "hcloud_server" "web" {
  count = 3
  image = "debian-12"
  network {
    network_id = hcloud_network.lan.id
  }
}

resource "hcloud_server" "db" {
  image      = "debian-12"
  depends_on = [hcloud_network.lan]
  labels     = { tier = "data" }
}

resource "hcloud_volume" "data" {
  size = 20
}

resource "hcloud_volume_attachment" "data" {
  volume_id = hcloud_volume.data.id
  server_id = hcloud_server.db.id
}

output "addresses" {
  value = hcloud_server.web[*].ipv4_address
}
EOF
for form in yaml toml json lua; do
    convert 0 terraform plain --provider demo --to "$form" --out "$form" --strict
    grep -qv "^next: " err && fail "$form: notes: $(cat err)"
    grep -qx "next: cd $form; prov workspace new .; prov validate" err || fail "$form: not what to do next: $(cat err)"
    echo "name: $form" >"$form/prov.yaml"
    run 0 validate -w "$form"
    has "valid: 6 resources, 0 task services, 1 output"
    "$prov" plan -w "$form" -o json >"$form.json" 2>/dev/null || fail "$form: no plan"
    jq -e '[.steps[] | select(.action == "create")] | length == 6' "$form.json" >/dev/null || fail "$form: not 6 creates"
    jq -S '[.steps[] | {address, action, changes}]' "$form.json" >"$form.steps"
    cmp -s yaml.steps "$form.steps" || fail "$form: another plan than YAML: $(diff yaml.steps "$form.steps")"
done
grep -q "# The network of all servers." yaml/infra.yaml || fail "the comment is gone"
convert 1 terraform plain --provider demo --out yaml
said "yaml/infra.yaml is there already"
convert 0 terraform plain --provider demo --out yaml --force
convert 0 terraform plain/main.tf
grep -q "provider: hetzner" out || fail "the provider is not hetzner: $(cat out)"

# Files that expressions read go along.
mkdir -p reads/keys
echo "ssh-ed25519 AAAA" >reads/keys/me.pub
printf 'resource "hcloud_ssh_key" "me" {\n  public_key = file("${path.module}/keys/me.pub")\n}\n' >reads/main.tf
convert 0 terraform reads --out written --strict
cmp -s reads/keys/me.pub written/keys/me.pub || fail "the key did not go along: $(cat out)"
grep -qF 'public_key: ${file("keys/me.pub")}' written/infra.yaml || fail "no file(): $(cat written/infra.yaml)"

# What has no equal is a note with its place, or an error when that is asked for.
cat >plain/more.tf <<'EOF'
resource "random_pet" "name" {}
EOF
convert 0 terraform plain --provider demo
said "plain/more.tf:1:1: random_pet.name has no equal; leave it to Terraform, or write a provider for it"
grep -q '^# resource "random_pet" "name" {}' out || fail "no comment: $(cat out)"
convert 0 terraform plain --provider demo -o json
jq -e '.notes[0].line == 1 and (.files | length) == 1' out >/dev/null || fail "not the data: $(cat out)"
convert 1 terraform plain --provider demo --strict
said "plain/more.tf:1:1: random_pet.name has no equal"
[ -s out ] && fail "wrote in spite of --strict: $(cat out)"
mkdir nothing
cp plain/more.tf nothing/
convert 1 terraform nothing
said "nothing in nothing could be converted"
echo 'resource "a" "b" {' >plain/broken.tf
convert 1 terraform plain
said "plain/broken.tf:1:18: not valid HCL: what begins here is not closed: a } is missing"
convert 4 terraform missing
convert 4 terraform plain --provider nobody

# Inventories.
cat >hosts.ini <<'EOF'
[web]
web[01:03]
[db]
db1
[prod:children]
web
db
EOF
convert 0 ansible hosts.ini --provider demo --out inventory --strict
echo "name: inventory" >inventory/prov.yaml
run 0 validate -w inventory
has "valid: 4 resources"
cat >hosts.yaml <<'EOF'
all:
  children:
    prod:
      children:
        web: { hosts: { "web[01:03]": } }
        db: { hosts: { db1: } }
EOF
convert 0 ansible hosts.ini --provider demo -o json
jq -r '.files[0].text' out | "$prov" data decode yaml | jq -S . >ini.json
convert 0 ansible hosts.yaml --provider demo -o json
jq -r '.files[0].text' out | "$prov" data decode yaml | jq -S . >yaml.json
cmp -s ini.json yaml.json || fail "INI and YAML differ: $(diff ini.json yaml.json)"

# The infra as JSON is an infra with the same plan.
mkdir lang
echo "name: lang" >lang/prov.yaml
cat >lang/infra.lua <<'EOF'
local servers = {}
for i = 1, 2 do
  servers["web" .. i] = { network = network.lan, labels = { n = text("of ", network.lan.id), plain = "${network.lan}" } }
end
return { defaults = { provider = "demo" }, networks = { lan = {} }, servers = servers, outputs = { ip = server.web1.ip } }
EOF
convert 0 json -w lang --out json2
grep -q '"network": "${network.lan}"' json2/infra.json || fail "no reference: $(cat json2/infra.json)"
echo "name: lang" >json2/prov.yaml
"$prov" plan -w lang -o json 2>/dev/null | jq -S '[.steps[] | {address, action, changes}]' >a.plan
"$prov" plan -w json2 -o json 2>/dev/null | jq -S '[.steps[] | {address, action, changes}]' >b.plan
[ "$(jq length a.plan)" = 3 ] || fail "no plan of three steps: $(cat a.plan)"
cmp -s a.plan b.plan || fail "another plan: $(diff a.plan b.plan)"
echo 'return { servers = { web = { provider = "demo", plan = function() return "x" end } } }' >lang/infra.lua
convert 1 json -w lang
said "infra.lua:1:49: servers.web.plan has a function, which only Lua can say"

# With variables, modules and expressions.
mkdir -p rich/modules/tier
cat >rich/main.tf <<'EOF'
variable "size" {
  type    = number
  default = 2
}
locals {
  app  = "shop"
  tags = { app = local.app }
}
resource "hcloud_network" "lan" {
  ip_range = cidrsubnet("10.0.0.0/16", 8, 1)
}
module "front" {
  source  = "./modules/tier"
  size    = var.size
  network = hcloud_network.lan.id
  tags    = merge(local.tags, { tier = "front" })
}
resource "hcloud_server" "db" {
  for_each = toset(["a", "b"])
  image    = var.size > 1 ? "debian-12" : "debian-13"
  labels   = { name = "${local.app}-${each.key}", n = var.size * 2 }
  lifecycle {
    prevent_destroy = true
  }
}
resource "hcloud_volume" "data" {
  count = var.size
  size  = 10 * (count.index + 1)
}
output "front" {
  value = [for ip in module.front.ips : "http://${ip}/"]
}
EOF
cat >rich/modules/tier/main.tf <<'EOF'
variable "size" {}
variable "network" {}
variable "tags" { default = {} }
resource "hcloud_server" "node" {
  count  = var.size
  labels = var.tags
  network {
    network_id = var.network
  }
}
output "ips" {
  value = hcloud_server.node[*].ipv4_address
}
EOF
for form in yaml toml json lua; do
    convert 0 terraform rich --provider demo --to "$form" --out "rich-$form" --strict
    echo "name: rich" >"rich-$form/prov.yaml"
    run 0 validate -w "rich-$form"
    has "valid: 7 resources, 0 task services, 1 output"
    "$prov" plan -w "rich-$form" -o json 2>/dev/null | jq -S '[.steps[] | {address, action, changes}]' >"rich-$form.plan"
    cmp -s rich-yaml.plan "rich-$form.plan" || fail "$form: another plan: $(diff rich-yaml.plan "rich-$form.plan")"
done
jq -e '.[] | select(.address == "volume.data[2]") | .changes[] | select(.path == "size") | .after == 21474836480' \
    rich-yaml.plan >/dev/null || fail "volume.data[2] is not 20 GiB: $(cat rich-yaml.plan)"
e2e_end
