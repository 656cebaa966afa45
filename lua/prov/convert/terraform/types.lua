--- Resources of hcloud, upcloud and aws in Terraform, and what they are in prov: data only.
--
--   kind      of the resource in prov              provider  in prov
--   fields    Terraform's name -> a field's name, or { to, as = a change of prov.convert.terraform.changes }
--   outputs   names of values that references may ask for, where they differ from fields
--   blocks    nested blocks: name -> { to, fields, list = one or more } or { read = a reader of changes }
--   into      the resource is a part of another: { of = field that refers to it, set = { field = to },
--             add = the list it is added to }

local M = {}

local hcloud = {
  hcloud_server = {
    kind = "server",
    fields = {
      name = "name", server_type = "plan", image = "image", location = "zone", datacenter = "zone", ssh_keys = "keys",
      user_data = "user_data", labels = { to = "labels", as = "texts" }, placement_group_id = "placement_group",
      firewall_ids = "firewalls", backups = "backups", delete_protection = "protected",
        rebuild_protection = "protected",
    },
    outputs = { ipv4_address = "ip", ipv6_address = "ip6" },
    blocks = {
      network = { read = "interfaces", network = { "network_id", "subnet_id" }, ip = "ip" },
      public_net = { fields = { ipv4_enabled = "public", ipv6_enabled = "ipv6", ipv4 = "address" }, flat = true },
    },
  },
  hcloud_network = {
    kind = "network",
    fields = { name = "name", ip_range = "cidr", labels = { to = "labels", as = "texts" },
      delete_protection = "protected",
      expose_routes_to_vswitch = "expose_routes" },
    fixed = { subnet = false }, -- subnets are resources of their own
  },
  hcloud_network_subnet = {
    kind = "subnet",
    fields = { network_id = "network", type = "type", network_zone = "zone", ip_range = "cidr",
      vswitch_id = "vswitch" },
    outputs = { gateway = "gateway" },
  },
  hcloud_network_route = {
    into = { of = "network_id", add = "routes", fields = { destination = "to", gateway = "via" } },
  },
  hcloud_server_network = {
    into = { of = "server_id", set = { network_id = "network", subnet_id = "network", ip = "private_ip" } },
    outputs = { ip = "private_ip" },
  },
  hcloud_volume = {
    kind = "volume",
    fields = { name = "name", size = { to = "size", as = "gib" }, server_id = "server", location = "zone",
      format = "format", automount = "mount", labels = { to = "labels", as = "texts" },
        delete_protection = "protected" },
    outputs = { linux_device = "device" },
  },
  hcloud_volume_attachment = {
    into = { of = "volume_id", set = { server_id = "server", automount = "mount" } },
  },
  hcloud_firewall = {
    kind = "firewall",
    fields = { name = "name", labels = { to = "labels", as = "texts" } },
    blocks = {
      rule = { read = "rules", fields = { direction = "direction", protocol = "protocol", port = "port",
        source_ips = "sources", destination_ips = "destinations", description = "comment" } },
      apply_to = { to = "servers", flat_list = "server" },
    },
  },
  hcloud_firewall_attachment = {
    into = { of = "firewall_id", set = { server_ids = "servers" } },
  },
  hcloud_floating_ip = {
    kind = "address",
    fields = { name = "name", type = "family", server_id = "server", home_location = "zone", description = "comment",
      labels = { to = "labels", as = "texts" }, delete_protection = "protected" },
    fixed = { type = "floating" },
    outputs = { ip_address = "ip", ip_network = "cidr" },
  },
  hcloud_primary_ip = {
    kind = "address",
    fields = { name = "name", type = "family", assignee_id = "server", datacenter = "zone", location = "zone",
      labels = { to = "labels", as = "texts" }, auto_delete = "auto_delete", delete_protection = "protected" },
    ignored = { assignee_type = "server" },
    fixed = { type = "primary" },
    outputs = { ip_address = "ip", ip_network = "cidr" },
  },
  hcloud_floating_ip_assignment = {
    into = { of = "floating_ip_id", set = { server_id = "server" } },
  },
  hcloud_load_balancer = {
    kind = "load_balancer",
    fields = { name = "name", load_balancer_type = "plan", location = "zone", network_zone = "network_zone",
      labels = { to = "labels", as = "texts" }, delete_protection = "protected" },
    outputs = { ipv4 = "ip", ipv6 = "ip6", network_ip = "private_ip" },
    blocks = { algorithm = { fields = { type = "algorithm" }, flat = true } },
  },
  hcloud_load_balancer_service = {
    into = { of = "load_balancer_id", add = "services", fields = { protocol = "protocol", listen_port = "listen",
      destination_port = "port", proxyprotocol = "proxyprotocol" },
      blocks = {
        health_check = { to = "check", fields = { protocol = "protocol", port = "port",
          interval = { to = "interval", as = "seconds" }, timeout = { to = "timeout", as = "seconds" },
          retries = "retries" },
          blocks = { http = { fields = { domain = "domain", path = "path", status_codes = "status" }, flat = true } } },
        http = { fields = { sticky_sessions = "sticky", redirect_http = "redirect_http",
          certificates = "certificates" },
          flat = true },
      } },
  },
  hcloud_load_balancer_target = {
    into = { of = "load_balancer_id", add = "targets", fields = { server_id = "server", label_selector = "labels",
      ip = "ip", use_private_ip = "private" }, ignored = { type = "" } },
  },
  hcloud_load_balancer_network = {
    into = { of = "load_balancer_id", set = { network_id = "network", subnet_id = "network", ip = "private_ip" } },
    outputs = { ip = "private_ip" },
  },
  hcloud_ssh_key = {
    kind = "ssh_key",
    fields = { name = "name", public_key = "public_key", labels = { to = "labels", as = "texts" } },
  },
  hcloud_placement_group = {
    kind = "placement_group",
    fields = { name = "name", type = "strategy", labels = { to = "labels", as = "texts" } },
  },
}

local upcloud = {
  upcloud_server = {
    kind = "server",
    fields = {
      hostname = "name", title = "title", zone = "zone", plan = "plan", cpu = "cpus", mem = { to = "memory",
        as = "mib" },
      user_data = "user_data", metadata = "metadata", firewall = "firewall", labels = { to = "labels", as = "texts" },
      tags = "tags", server_group = "placement_group", timezone = "timezone",
    },
    blocks = {
      template = { flat = true, fields = { storage = "image", size = { to = "disk", as = "gib" }, tier = "disk_tier",
        title = "disk_title", encrypt = "disk_encrypted" } },
      network_interface = { read = "interfaces", network = { "network" }, ip = "ip_address", type = "type" },
      storage_devices = { to = "volumes", flat_list = "storage" },
      login = { flat = true, fields = { user = "user", keys = "keys" }, ignored = { create_password = false } },
    },
  },
  upcloud_network = {
    kind = "network",
    fields = { name = "name", zone = "zone", router = "router", labels = { to = "labels", as = "texts" } },
    blocks = {
      ip_network = { flat = true, fields = { address = "cidr", dhcp = "dhcp", gateway = "gateway", dhcp_dns = "dns",
        dhcp_default_route = "default_route" }, ignored = { family = "IPv4" } },
    },
  },
  upcloud_router = {
    kind = "router",
    fields = { name = "name", labels = { to = "labels", as = "texts" } },
    blocks = { static_route = { to = "routes", list = true, fields = { route = "to", nexthop = "via",
      name = "name" } } },
  },
  upcloud_storage = {
    kind = "volume",
    fields = { title = "name", size = { to = "size", as = "gib" }, tier = "type", zone = "zone", encrypt = "encrypted",
      labels = { to = "labels", as = "texts" } },
  },
  upcloud_firewall_rules = {
    kind = "firewall",
    fields = { server_id = { to = "servers", as = "list" } },
    blocks = {
      firewall_rule = { read = "rules", fields = { direction = "direction", protocol = "protocol", action = "action",
        comment = "comment", destination_port_start = "from_port", destination_port_end = "to_port",
        source_address_start = "source_first", source_address_end = "source_last", family = "family" } },
    },
  },
  upcloud_floating_ip_address = {
    kind = "address",
    fields = { zone = "zone", family = "family", access = "access", mac_address = "interface" },
    outputs = { ip_address = "ip" },
  },
  upcloud_server_group = {
    kind = "placement_group",
    fields = { title = "name", members = "servers", anti_affinity_policy = "strategy",
      labels = { to = "labels", as = "texts" } },
  },
  upcloud_loadbalancer = {
    kind = "load_balancer",
    fields = { name = "name", plan = "plan", zone = "zone", network = "network", labels = { to = "labels",
      as = "texts" } },
    ignored = { configured_status = "started" },
    outputs = { dns_name = "hostname" },
    blocks = {
      networks = { to = "networks", list = true, fields = { name = "name", type = "type", family = "family",
        network = "network" } },
    },
  },
  upcloud_loadbalancer_frontend = {
    into = { of = "loadbalancer", add = "services", fields = { name = "name", mode = "protocol", port = "listen",
      default_backend_name = "backend" },
      blocks = { networks = { to = "networks", flat_list = "name" } } },
    outputs = { name = "name" },
  },
  upcloud_loadbalancer_backend = {
    into = { of = "loadbalancer", add = "backends", fields = { name = "name", resolver_name = "resolver" },
      blocks = {
        properties = { to = "check", fields = { health_check_type = "protocol", health_check_url = "path",
          health_check_interval = { to = "interval", as = "seconds" }, timeout_server = { to = "timeout",
            as = "seconds" },
          health_check_rise = "rise", health_check_fall = "retries" } },
      } },
    outputs = { name = "name" },
  },
}

local TAGS = { to = "labels", as = "tags" }

local RULE = { from_port = "from_port", to_port = "to_port", protocol = "protocol", cidr_blocks = "sources",
  ipv6_cidr_blocks = "sources6", security_groups = "groups", description = "comment", self = "self" }

local aws = {
  aws_instance = {
    kind = "server",
    fields = {
      ami = "image", instance_type = "plan", availability_zone = "zone", subnet_id = "network",
      vpc_security_group_ids = "firewalls", security_groups = "firewalls", key_name = { to = "keys", as = "list" },
      user_data = "user_data", user_data_base64 = "user_data_base64", tags = TAGS, private_ip = "private_ip",
      associate_public_ip_address = "public", iam_instance_profile = "profile", placement_group = "placement_group",
      disable_api_termination = "protected", monitoring = "monitoring", ebs_optimized = "ebs_optimized",
      source_dest_check = "source_dest_check",
    },
    outputs = { public_ip = "ip", public_dns = "hostname", private_dns = "private_hostname" },
    blocks = {
      root_block_device = { flat = true, fields = { volume_size = { to = "disk", as = "gib" },
        volume_type = "disk_type",
        encrypted = "disk_encrypted", delete_on_termination = "disk_deleted" } },
      ebs_block_device = { to = "disks", list = true, fields = { device_name = "device", volume_size = { to = "size",
        as = "gib" }, volume_type = "type", encrypted = "encrypted", delete_on_termination = "deleted" } },
    },
  },
  aws_vpc = {
    kind = "network",
    fields = { cidr_block = "cidr", tags = TAGS, enable_dns_hostnames = "dns_hostnames", enable_dns_support = "dns",
      instance_tenancy = "tenancy" },
    fixed = { subnet = false, internet = false },
  },
  aws_subnet = {
    kind = "subnet",
    fields = { vpc_id = "network", cidr_block = "cidr", availability_zone = "zone", map_public_ip_on_launch = "public",
      tags = TAGS },
  },
  aws_security_group = {
    kind = "firewall",
    fields = { name = "name", description = "comment", vpc_id = "network", tags = TAGS },
    blocks = {
      ingress = { read = "rules", fields = RULE, direction = "in" },
      egress = { read = "rules", fields = RULE, direction = "out" },
    },
  },
  aws_security_group_rule = {
    into = { of = "security_group_id", add = "rules", read = "rules", direction_field = "type",
      fields = { from_port = "from_port", to_port = "to_port", protocol = "protocol", cidr_blocks = "sources",
        ipv6_cidr_blocks = "sources6", source_security_group_id = "group", description = "comment", self = "self" } },
  },
  aws_vpc_security_group_ingress_rule = {
    into = { of = "security_group_id", add = "rules", read = "rules", direction = "in",
      fields = { from_port = "from_port", to_port = "to_port", ip_protocol = "protocol", cidr_ipv4 = "source",
        cidr_ipv6 = "source", referenced_security_group_id = "group", description = "comment" } },
  },
  aws_ebs_volume = {
    kind = "volume",
    fields = { availability_zone = "zone", size = { to = "size", as = "gib" }, type = "type", encrypted = "encrypted",
      iops = "iops", snapshot_id = "snapshot", tags = TAGS },
  },
  aws_volume_attachment = {
    into = { of = "volume_id", set = { instance_id = "server", device_name = "device" } },
  },
  aws_eip = {
    kind = "address",
    fields = { instance = "server", tags = TAGS },
    ignored = { domain = "vpc", vpc = true },
    outputs = { public_ip = "ip", allocation_id = "id" },
  },
  aws_eip_association = {
    into = { of = "allocation_id", set = { instance_id = "server" } },
  },
  aws_key_pair = {
    kind = "ssh_key",
    fields = { key_name = "name", public_key = "public_key", tags = TAGS },
    outputs = { key_name = "id" },
  },
  aws_internet_gateway = {
    kind = "router",
    fields = { vpc_id = "network", tags = TAGS },
    fixed = { type = "internet" },
  },
  aws_nat_gateway = {
    kind = "router",
    fields = { subnet_id = "subnet", allocation_id = "address", tags = TAGS, connectivity_type = "access" },
    fixed = { type = "nat" },
  },
  aws_route_table = {
    kind = "router",
    fields = { vpc_id = "network", tags = TAGS },
    fixed = { type = "table" },
    blocks = { route = { to = "routes", list = true, fields = { cidr_block = "to", ipv6_cidr_block = "to",
      gateway_id = "via", nat_gateway_id = "via", network_interface_id = "via", transit_gateway_id = "via",
      vpc_peering_connection_id = "via" } } },
  },
  aws_route = {
    into = { of = "route_table_id", add = "routes", fields = { destination_cidr_block = "to",
      destination_ipv6_cidr_block = "to", gateway_id = "via", nat_gateway_id = "via", transit_gateway_id = "via",
      vpc_peering_connection_id = "via", network_interface_id = "via" } },
  },
  aws_route_table_association = {
    into = { of = "route_table_id", add = "subnets", one = "subnet_id" },
  },
  aws_lb = {
    kind = "load_balancer",
    fields = { name = "name", internal = { to = "public", as = "opposite" }, load_balancer_type = "type",
      subnets = "subnets", security_groups = "firewalls", tags = TAGS, idle_timeout = { to = "timeout",
        as = "seconds" },
      enable_deletion_protection = "protected" },
    outputs = { dns_name = "hostname", arn = "id" },
  },
  aws_placement_group = {
    kind = "placement_group",
    fields = { name = "name", strategy = "strategy", tags = TAGS },
    outputs = { name = "id" },
  },
}
aws.aws_alb = aws.aws_lb
aws.aws_vpc_security_group_egress_rule = { into = setmetatable({ direction = "out" },
  { __index = aws.aws_vpc_security_group_ingress_rule.into }) }

--- Providers that are called otherwise here.
local NAMES = { hcloud = "hetzner" }

--- What a provider of Terraform is called in prov.
---@param name string
---@return string
function M.provider_name(name)
  return NAMES[name] or name
end

--- Every type: name -> what it is here.
M.RESOURCES = {}
for provider, types in pairs({ hcloud = hcloud, upcloud = upcloud, aws = aws }) do
  for name, spec in pairs(types) do
    spec.provider = M.provider_name(provider)
    M.RESOURCES[name] = spec
  end
end

--- Look-ups: fields go to `where`.
M.LOOKUPS = {
  hcloud_image = { kind = "image", fields = { name = "name", with_selector = "labels",
    with_architecture = "architecture",
    most_recent = { pick = "last" } }, outputs = { id = "id", name = "name" } },
  hcloud_network = { kind = "network", fields = { name = "name", id = "id" }, outputs = { id = "id", name = "name",
    ip_range = "cidr" } },
  hcloud_ssh_key = { kind = "ssh_key", fields = { name = "name", id = "id" }, outputs = { id = "id", name = "name",
    public_key = "public_key" } },
  hcloud_server = { kind = "server", fields = { name = "name", id = "id" }, outputs = { id = "id", name = "name",
    ipv4_address = "ip", ipv6_address = "ip6" } },
  hcloud_location = { kind = "zone", fields = { name = "name" }, outputs = { id = "id", name = "name" } },
  hcloud_locations = { kind = "zone", all = true, fields = {}, outputs = { names = "name", location_ids = "id" } },
  upcloud_zone = { kind = "zone", fields = { id = "name", name = "name" }, outputs = { id = "name", name = "name" } },
  upcloud_zones = { kind = "zone", all = true, fields = {}, outputs = { zone_ids = "name" } },
  upcloud_storage = { kind = "image", fields = { name = "name", name_regex = "name", type = "type",
    most_recent = { pick = "last" } }, outputs = { id = "id", name = "name", title = "name" } },
  aws_ami = { kind = "image", fields = { owners = "owner", most_recent = { pick = "last" } }, filters = true,
    outputs = { id = "id", image_id = "id", name = "name" } },
  aws_vpc = { kind = "network", fields = { id = "id", default = "default", cidr_block = "cidr" }, filters = true,
    outputs = { id = "id", cidr_block = "cidr" } },
  aws_subnet = { kind = "subnet", fields = { id = "id", vpc_id = "network", availability_zone = "zone" },
    filters = true,
    outputs = { id = "id", cidr_block = "cidr", vpc_id = "network" } },
  aws_subnets = { kind = "subnet", all = true, fields = {}, filters = true, outputs = { ids = "id" } },
  aws_security_group = { kind = "firewall", fields = { id = "id", name = "name", vpc_id = "network" }, filters = true,
    outputs = { id = "id", name = "name" } },
  aws_availability_zones = { kind = "zone", all = true, fields = { state = "state" }, filters = true,
    outputs = { names = "name", zone_ids = "id" } },
}
for name, spec in pairs(M.LOOKUPS) do
  spec.provider = M.provider_name(name:match("^%a+"))
end

--- Arguments of providers.
M.PROVIDERS = {
  hcloud = { token = "token", endpoint = "endpoint" },
  upcloud = { username = "username", password = "password", token = "token" },
  aws = { region = "region", profile = "profile", access_key = "access_key", secret_key = "secret_key",
    token = "token" },
}

return M
