local convert = require("prov.convert.terraform")
local notes_of = require("prov.convert.notes")
local tmp = require("support.tmp")
local tree = require("prov.convert.tree")

local ANY = { schema = function() end, catalog = function() return {} end }

-- A target with the resources of a provider that is here.
local function provider(name)
  local found = assert(require("prov.registry").open(nil, { share_dir = os.getenv("PROV_ROOT") }):get("provider", name))
  return { override = name, schema = function() return found.resources end,
    catalog = function() return found.catalog end }
end

local function convert_text(text, target)
  local dir = tmp.dir()
  tmp.write(dir .. "/x.txt", "read by file()\n")
  tmp.write(dir .. "/main.tf", text)
  local files, notes = convert.convert(dir, target or ANY)
  assert(files, tostring(notes))
  local said = {}
  for i, note in ipairs(notes.list) do
    said[i] = notes_of.text(note):gsub("^.*/", "")
  end
  return tree.plain(files[1].tree), said, tree.encode(files[1].tree, "yaml")
end

-- What an expression becomes as the value of an output, in a folder with some names.
local function value_of(text)
  local out, notes = convert_text(([[
variable "n" { type = number }
variable "l" { type = list(string) }
variable "m" { type = map(string) }
variable "x" {}
locals {
  name = "shop"
  tags = { env = local.name, port = 80 }
}
resource "hcloud_network" "lan" { ip_range = "10.0.0.0/16" }
resource "hcloud_server" "web" { count = 2 }
resource "hcloud_server" "db" {}
resource "hcloud_server" "each" { for_each = var.m }
output "o" { value = %s }
]]):format(text))
  return out.outputs and out.outputs.o, notes
end

describe("expressions of Terraform", function()
  for from, to in pairs({
    ["var.n"] = "${var.n}",
    ['"a-${var.x}-$${b}"'] = "a-${var.x}-$${b}",
    ["var.n > 1 && !var.x ? \"a\" : \"b\""] = '${if var.n > 1 and not var.x then "a" else "b"}',
    ["(var.n + 1) * 2"] = "${(var.n + 1) * 2}",
    ["var.n - (2 - 1)"] = "${var.n - (2 - 1)}",
    ["!(var.n == 1) == true"] = "${(not var.n == 1) == true}",
    ["-var.n"] = "${-var.n}",
    ["var.l[0]"] = "${var.l[1]}",
    ["var.l[var.n]"] = "${var.l[var.n + 1]}",
    ['var.m["a"]'] = '${var.m["a"]}',
    ["var.l[*]"] = "${var.l}",
    ["var.x[*].a.b"] = "${[for each_one in var.x => each_one.a.b]}",
    ["var.x.*.a[0]"] = "${[for each_one in var.x => each_one.a][1]}",
    ["[for v in var.l : upper(v) if v != \"\"]"] = '${[for v in var.l if v != "" => upper(v)]}',
    ["{ for key, v in var.m : key => v }"] = "${{ for key_, v in var.m => [key_] = v }}",
    ["[for i, v in var.l : i]"] = "${[for i, v in var.l => i - 1]}",
    ['"%{ for v in var.l }${v},%{ endfor }"'] = '${join([for v in var.l => v .. ","], "")}',
    ['"a%{ if var.x }b%{ else }c%{ endif }"'] = 'a${if var.x then "b" else "c"}',
    ["local.name"] = "${var.name}",
    ["local.tags.port"] = 80,
    ["hcloud_network.lan.id"] = "${network.lan}",
    ["hcloud_network.lan.ip_range"] = "${network.lan.cidr}",
    ["hcloud_server.db.ipv4_address"] = "${server.db.ip}",
    ["hcloud_server.web[0].ipv4_address"] = "${server.web[1].ip}",
    ["hcloud_server.web[*].id"] = "${server.web.id}",
    ["hcloud_server.web.*.ipv4_address[1]"] = "${server.web.ip[2]}",
    ['hcloud_server.each["a"].id'] = '${server.each["a"]}',
    ["values(hcloud_server.each)[*].ipv4_address"] = false,
    ["[for s in hcloud_server.each : s.ipv4_address]"] = "${[for s_ipv4_address in server.each.ip => s_ipv4_address]}",
    ["element(var.l, 1)"] = "${element(var.l, 2)}",
    ["slice(var.l, 1, var.n)"] = "${slice(var.l, 2, var.n)}",
    ["substr(var.x, 2, 3)"] = "${substr(var.x, 3, 5)}",
    ["range(var.n)"] = "${range(0, var.n - 1)}",
    ["range(3)"] = "${range(0, 2)}",
    ['join("-", var.l)'] = '${join(var.l, "-")}',
    ['split(",", var.x)'] = '${split(var.x, ",")}',
    ['format("%02d-%v", var.n, var.x)'] = '${format("%02d-%s", var.n, var.x)}',
    ["try(var.m.a, \"b\")"] = '${lookup(var.m, "a", "b")}',
    ['trimprefix(var.x, "ab")'] = '${if starts_with(var.x, "ab") then substr(var.x, 3, -1) else var.x}',
    ["merge([var.m, { b = 1 }]...)"] = "${merge(var.m, { b = 1 })}",
    ["jsonencode({ a = var.n })"] = "${json({ a = var.n })}",
    ['file("${path.module}/x.txt")'] = '${file("x.txt")}',
  }) do
    it(("%s"):format(from), function()
      local v, notes = value_of(from)
      if to == false then
        assert.is_nil(v)
        assert.are.equal(1, #notes)
      else
        assert.are.equal(to, v)
        assert.are.same({}, notes)
      end
    end)
  end

  for from, why in pairs({
    ["uuid()"] = "the function uuid() has no equal; there is no chance in an infra: pass it as a variable",
    ["random_id.x.hex"] = "there is no resource random_id.x",
    ["hcloud_server.db.backup_window"] = "hcloud_server.db has no 'backup_window' in prov; "
      .. "prov provider show hetzner lists the values of its resources",
    ["hcloud_server.db"] = "the whole of hcloud_server.db as a value; refer to the values that are needed",
    ["terraform.workspace"] = "terraform.workspace; an environment (prov -e prod) with a variable of its own says the "
      .. "same",
    ["each.key"] = "each is only known inside of for_each",
    ["var.nothing"] = "there is no variable 'nothing'",
  }) do
    it(("%s is refused"):format(from), function()
      local v, notes = value_of(from)
      assert.is_nil(v)
      assert.are.equal(1, #notes)
      assert.is_truthy(notes[1]:find("^main.tf:13:22: the output 'o': "), notes[1])
      assert.are.equal(why, (notes[1]:gsub("^.-the output 'o': ", "")))
    end)
  end
end)

describe("resources of Terraform", function()
  it("are resources, with their attachments and rules in them", function()
    local out, notes = convert_text([[
resource "hcloud_server" "web" {
  count       = 2
  name        = "web-${count.index + 1}"
  server_type = "cx22"
  labels      = { n = count.index, app = "shop" }
  network { network_id = hcloud_network.lan.id }
  depends_on  = [hcloud_network_subnet.a]
  lifecycle {
    prevent_destroy = true
    ignore_changes  = [image, labels["x"] ]
  }
}
resource "hcloud_network" "lan" { ip_range = "10.0.0.0/16" }
resource "hcloud_network_subnet" "a" {
  network_id = hcloud_network.lan.id
  ip_range   = cidrsubnet("10.0.0.0/16", 8, 1)
}
resource "hcloud_volume" "data" {
  count = 2
  size  = 20
}
resource "hcloud_volume_attachment" "data" {
  count     = 2
  volume_id = hcloud_volume.data[count.index].id
  server_id = hcloud_server.web[count.index].id
}
resource "hcloud_firewall" "fw" {
  rule {
    direction  = "in"
    protocol   = "tcp"
    port       = "22"
    source_ips = ["0.0.0.0/0"]
  }
  rule {
    direction = "in"
    protocol  = "icmp"
  }
}
resource "hcloud_firewall_attachment" "fw" {
  firewall_id = hcloud_firewall.fw.id
  server_ids  = hcloud_server.web[*].id
}
]])
    assert.are.same({}, notes)
    assert.are.same({ provider = "hetzner" }, out.defaults)
    assert.are.same({ count = 2, name = "web-${index}", plan = "cx22", network = "${network.lan}",
      needs = { "subnet.a" },
      labels = { n = "${text(index - 1)}", app = "shop" },
      lifecycle = { prevent_destroy = true, ignore_changes = { "image", 'labels["x"]' } } }, out.servers.web)
    assert.are.same({ network = "${network.lan}", cidr = '${cidrsubnet("10.0.0.0/16", 8, 1)}' }, out.subnets.a)
    assert.are.same({ count = 2, size = "20 GiB", server = "${server.web[index]}" }, out.volumes.data)
    assert.are.same({ servers = "${server.web.id}",
      rules = { { ports = { 22 }, sources = { "0.0.0.0/0" } }, { protocol = "icmp" } } }, out.firewalls.fw)
  end)

  it("of AWS: security groups of blocks and rules, names in tags, routes", function()
    local out, notes = convert_text([[
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags       = { Name = "shop", env = "prod" }
}
resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id
  ingress {
    from_port   = 8000
    to_port     = 8010
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
resource "aws_security_group_rule" "more" {
  for_each          = toset(["80", "443"])
  type              = "ingress"
  security_group_id = aws_security_group.web.id
  from_port         = each.value
  to_port           = each.value
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
}
resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }
}
resource "aws_internet_gateway" "out" { vpc_id = aws_vpc.main.id }
resource "aws_instance" "web" {
  ami                    = data.aws_ami.debian.id
  instance_type          = "t3.micro"
  vpc_security_group_ids = [aws_security_group.web.id]
  key_name               = "me"
  root_block_device { volume_size = 20 }
}
data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"]
  filter {
    name   = "name"
    values = ["debian-12-*"]
  }
}
]])
    assert.are.same({}, notes)
    assert.are.same({ cidr = "10.0.0.0/16", name = "shop", labels = { env = "prod" }, subnet = false,
      internet = false }, out.networks.main)
    assert.are.equal('${concat([{ ports = ["8000-8010"], sources = ["10.0.0.0/8"] }, '
      .. '{ direction = "out", protocol = "any", destinations = ["0.0.0.0/0"] }], '
      .. '[for part in ["80", "443"] => { ports = [part], sources = ["0.0.0.0/0"] }])}', out.firewalls.web.rules)
    assert.are.same({ type = "table", network = "${network.main}", routes = { { to = "0.0.0.0/0",
      via = "${router.out}" } } },
      out.routers.main)
    assert.are.same({ image = "${data.debian.id}", plan = "t3.micro", firewalls = { "${firewall.web}" },
      keys = { "me" },
      disk = "20 GiB" }, out.servers.web)
    assert.are.same({ kind = "image", sort = "name", pick = "last", where = { owner = "136693071363",
      name = "debian-12-*" } }, out.data.debian)
  end)

  it("of UpCloud: interfaces, templates and rules", function()
    local out, notes = convert_text([[
resource "upcloud_server" "web" {
  hostname = "web"
  zone     = "fi-hel1"
  plan     = "1xCPU-1GB"
  template {
    storage = "Debian GNU/Linux 12"
    size    = 25
  }
  network_interface { type = "public" }
  network_interface {
    type    = "private"
    network = upcloud_network.lan.id
  }
  login { keys = ["ssh-ed25519 AAAA"] }
}
resource "upcloud_network" "lan" {
  name = "lan"
  ip_network {
    address = "10.0.0.0/24"
    dhcp    = true
    family  = "IPv4"
  }
}
resource "upcloud_firewall_rules" "web" {
  server_id = upcloud_server.web.id
  firewall_rule {
    action                 = "accept"
    direction              = "in"
    protocol               = "tcp"
    destination_port_start = "443"
    destination_port_end   = "443"
    source_address_start   = "0.0.0.0"
    source_address_end     = "255.255.255.255"
  }
  firewall_rule {
    action    = "drop"
    direction = "in"
  }
}
]])
    assert.are.same({}, notes)
    assert.are.same({ name = "web", zone = "fi-hel1", plan = "1xCPU-1GB", image = "Debian GNU/Linux 12",
      disk = "25 GiB",
      public = true, network = "${network.lan}", keys = { "ssh-ed25519 AAAA" } }, out.servers.web)
    assert.are.same({ name = "lan", cidr = "10.0.0.0/24", dhcp = true }, out.networks.lan)
    assert.are.same({ servers = { "${server.web}" }, rules = { { ports = { 443 } },
      { action = "drop", protocol = "any" } } }, out.firewalls.web)
  end)

  it("keep the blocks of what becomes a part of another one", function()
    local out, notes = convert_text([[
resource "hcloud_load_balancer" "lb" { load_balancer_type = "lb11" }
resource "hcloud_load_balancer_service" "http" {
  load_balancer_id = hcloud_load_balancer.lb.id
  protocol         = "http"
  listen_port      = 80
  health_check {
    protocol = "http"
    port     = 8080
    interval = 10
    http { path = "/health" }
  }
}
]])
    assert.are.same({}, notes)
    assert.are.same({ { protocol = "http", listen = 80,
      check = { protocol = "http", port = 8080, interval = "10s", path = "/health" } } },
      out.load_balancers.lb.services)
  end)

  it("that have no equal stay as comments, with a note", function()
    local out, notes, text = convert_text([[
# Kept as it is.
resource "random_id" "x" {
  byte_length = 4
}
# The network of all.
resource "hcloud_network" "lan" {
  ip_range = "10.0.0.0/16"
  name     = random_id.x.hex
  strange  = 1
  provisioner "local-exec" {
    command = "true"
  }
}
]])
    assert.are.same({ cidr = "10.0.0.0/16", subnet = false }, out.networks.lan)
    assert.are.same({
      "main.tf:2:1: random_id.x has no equal; leave it to Terraform, or write a provider for it",
      "main.tf:8:14: 'name': it refers to random_id.x, which has no equal",
      "main.tf:9:3: 'strange' of hcloud_network.lan has no equal",
      "main.tf:10:3: the provisioner 'local-exec' of hcloud_network.lan; write a taskserv: prov extension new",
    }, notes)
    assert.are.equal([[
providers:
  hetzner: {}
defaults:
  provider: hetzner
networks:
  # The network of all.
  lan:
    subnet: false
    cidr: 10.0.0.0/16
    # name     = random_id.x.hex
    # provisioner "local-exec" {
    #   command = "true"
    # }
    # strange  = 1
# Kept as it is.
# resource "random_id" "x" {
#   byte_length = 4
# }
]], text)
  end)

  it("of another provider have the fields it has", function()
    local out, notes = convert_text([[
resource "hcloud_network" "lan" {
  name     = "lan"
  ip_range = "10.0.0.0/16"
}
resource "hcloud_server" "web" {
  name        = "www"
  server_type = "cx22"
  image       = "debian-12"
}
resource "hcloud_ssh_key" "me" { public_key = "ssh-ed25519 A" }
]], provider("demo"))
    assert.are.same({ demo = {} }, out.providers)
    assert.are.same({ cidr = "10.0.0.0/16" }, out.networks.lan)
    assert.are.same({ image = "debian-12" }, out.servers.web)
    assert.is_nil(out.keys)
    assert.are.same({
      "main.tf:6:3: the provider demo has no field 'name' of a server; prov provider show demo",
      "main.tf:7:3: the provider demo has no plan 'cx22'; choose one of its catalog: prov provider show demo",
      "main.tf:10:1: the provider demo has no resource for hcloud_ssh_key.me; choose another provider",
    }, notes)
  end)

  it("keep variables, their types and what they must be", function()
    local out, notes = convert_text([[
variable "size" {
  type        = number
  default     = 2
  description = "How many"
  validation {
    condition     = var.size >= 1 && var.size < 10
    error_message = "one to nine"
  }
}
variable "env" {
  validation {
    condition     = contains(["a", "b"], var.env)
    error_message = "a or b"
  }
}
variable "password" {
  type      = string
  sensitive = true
}
variable "nodes" {
  type = map(object({ plan = string, n = optional(number, 1) }))
  validation {
    condition     = length(var.nodes) > 0
    error_message = "at least one"
  }
}
resource "hcloud_network" "lan" {}
]])
    assert.are.same({}, notes)
    assert.are.same({ type = "number", default = 2, doc = "How many", min = 1, max = 9 }, out.inputs.size)
    assert.are.same({ type = "any", required = true, one_of = { "a", "b" } }, out.inputs.env)
    assert.are.same({ type = "secret", required = true }, out.inputs.password)
    assert.are.same({ type = "map", required = true, of = { type = "record", fields = {
      plan = { type = "string", required = true }, n = { type = "number", default = 1 } } } }, out.inputs.nodes)
    assert.are.same({ variable_nodes = { that = "${length(var.nodes) > 0}", message = "at least one" } }, out.checks)
  end)

  it("stand in modules of folders, once each", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/main.tf", [[
module "a" {
  source = "./modules/tier"
  size   = 2
}
module "b" {
  source     = "./modules/tier"
  for_each   = toset(["x"])
  size       = 1
  depends_on = [module.a]
}
module "far" { source = "hashicorp/consul/aws" }
output "ips" { value = module.a.ips }
moved {
  from = hcloud_server.old
  to   = module.a
}
]])
    tmp.write(dir .. "/modules/tier/main.tf", [[
variable "size" {}
resource "hcloud_server" "web" { count = var.size }
output "ips" { value = hcloud_server.web[*].ipv4_address }
]])
    local files, notes = convert.convert(dir, ANY)
    assert.are.equal(2, #files)
    assert.are.equal("modules/tier/module", files[2].name)
    local out = tree.plain(files[1].tree)
    assert.are.same({ a = { source = "./modules/tier", inputs = { size = 2 } },
      b = { source = "./modules/tier", inputs = { size = 1 }, for_each = { "x" }, needs = { "module.a" } } },
        out.modules)
    assert.are.same({ ips = "${module.a.ips}" }, out.outputs)
    assert.are.same({ { from = "server.old", to = "module.a" } }, out.moved)
    assert.are.same({ inputs = { size = { type = "any", required = true } },
      servers = { web = { count = "${var.size}" } },
      outputs = { ips = "${server.web.ip}" } }, tree.plain(files[2].tree))
    assert.are.equal(1, #notes.list)
    assert.is_truthy(notes.list[1].what:find("the module 'far' is not in a folder here", 1, true))
  end)

  it("of override files are notes, and what is declared twice is an error", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/main.tf", 'resource "hcloud_network" "lan" { ip_range = "10.0.0.0/16" }\n')
    tmp.write(dir .. "/a_override.tf", 'resource "hcloud_network" "lan" { ip_range = "10.1.0.0/16" }\n')
    local files, notes = convert.convert(dir, ANY)
    assert.are.same({ cidr = "10.0.0.0/16", subnet = false }, tree.plain(files[1].tree).networks.lan)
    assert.is_truthy(notes_of.text(notes.list[1]):find("a_override.tf:1:1: an override file is not merged", 1, true))
    tmp.write(dir .. "/more.tf", '\nresource "hcloud_network" "lan" {}\n')
    local none, errs = convert.convert(dir, ANY)
    assert.is_nil(none)
    assert.are.equal("more.tf:2:1: resource.hcloud_network.lan is declared twice: also at main.tf:1",
      (tostring(errs[1]):gsub("[^ ]*/", "")))
  end)

  it("are refused when nothing can be converted, and when locals go round", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/main.tf", 'resource "null_resource" "x" {}\n')
    local files, e = convert.convert(dir, ANY)
    assert.is_nil(files)
    assert.are.equal("unsupported", e.code)
    local out, notes = convert_text([[
locals {
  a = local.b
  b = "${local.a}x"
}
resource "hcloud_network" "lan" { name = local.a }
]])
    assert.are.same({ subnet = false }, out.networks.lan)
    assert.is_truthy(notes[1]:find("locals go round in a circle", 1, true))
  end)

  it("with locals that stand for more than there is are refused in no time", function()
    for _, form in ipairs({ "[local.a%d, local.a%d]", "{ x = local.a%d, y = local.a%d }", '"${local.a%d}${local.a%d}"',
      "var.x ? local.a%d : local.a%d", "merge(local.a%d, local.a%d)", "concat(local.a%d, local.a%d)" }) do
      local lines = { "variable \"x\" {}", 'resource "hcloud_network" "lan" {', "  name = local.a40",
        "  labels = local.a40", "}", "locals {", "  a0 = var.x" }
      for i = 1, 40 do
        lines[#lines + 1] = ("  a%d = " .. form):format(i, i - 1, i - 1)
      end
      lines[#lines + 1] = "}\n"
      local before = os.clock()
      local out, notes = convert_text(table.concat(lines, "\n"))
      assert.is_true(os.clock() - before < 2, form)
      assert.is_truthy(notes[1], form)
      assert.is_nil(out.networks.lan.name)
    end
  end)
end)
