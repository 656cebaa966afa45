--- Amazon Web Services: EC2, EBS, VPC, Elastic Load Balancing and S3 of one region, and Route 53. Another region is
--- another instance of the provider.

local GIB = 1 << 30

local function labels_are_good(labels)
  for name in pairs(labels) do
    if name == "Name" then
      return false, "the tag Name is the name", "write it into 'name'"
    elseif name:find("^prov%-") or name:lower():find("^aws:") or #name > 128 or name == "" then
      return false, ("'%s' cannot be a label"):format(name), "names have 1 to 128 bytes and begin with neither prov- "
        .. "nor aws:"
    end
  end
  return true
end

local LABELS = {
  type = "map", of = { type = "string", max = 256 }, default = {}, check = labels_are_good, doc = "Tags",
  example = "{ role = web }",
}

--- Route 53 keeps ten tags of a zone.
local function zone_labels_are_good(labels)
  local count = 0
  for _ in pairs(labels) do
    count = count + 1
  end
  if count > 7 then
    return false, "a zone has room for 7 labels", "Route 53 keeps ten tags, and three are prov's"
  end
  return labels_are_good(labels)
end

--- What a record needs, and what is Route 53's own.
local function record_is_whole(kind, whole)
  if (whole.values ~= nil) == (whole.alias ~= nil) then
    return false, "a record has either values or an alias"
  elseif whole.alias and kind ~= "A" and kind ~= "AAAA" then
    return false, "an alias is of type A or AAAA"
  elseif whole.name == "@" and (kind == "NS" or kind == "SOA") then
    return false, "these records of a zone are Route 53's own"
  elseif whole.name == "@" and kind == "CNAME" then
    return false, "the zone itself cannot have a CNAME", "an alias of type A leads to a load balancer"
  end
  return true
end

local function is_in_zone(label)
  return not label:find("%.$") and not label:find("..", 1, true), "is a name in the zone, without that of the zone"
end

local function not_with_alias(_, whole)
  return whole.alias == nil, "an alias has the time of what it leads to"
end

local PROTECTED = {
  type = "bool", default = false,
  doc = "Cannot be deleted, here and elsewhere, until this is taken away",
}

local ZONE = {
  type = "string", replace = true, doc = "Availability zone, such as eu-north-1a",
}

local ID = { type = "string", doc = "Its id at AWS" }

local function name(max, doc)
  return {
    type = "string", min = 1, max = max or 255,
    doc = doc or "Its name, in the tag Name; made from the address when absent",
  }
end

local function fixed_name(max, doc)
  local field = name(max, doc)
  field.replace = true
  return field
end

local function whole_gib(size)
  return size % GIB == 0, "must be a whole number of GiB", ("%d GiB or %d GiB"):format(size // GIB, size // GIB + 1)
end

--- An IPv4 range of a size that AWS gives, written with its first address: AWS would write it so.
local function check_range(cidr)
  local parts = {}
  for i, part in ipairs({ cidr:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)/(%d+)$") }) do
    parts[i] = math.tointeger(tonumber(part))
  end
  local a, b, c, d, prefix = table.unpack(parts)
  if not prefix or prefix < 16 or prefix > 28 then
    return false, "must be an IPv4 range with a prefix from 16 to 28"
  end
  local address = (a << 24) + (b << 16) + (c << 8) + d
  local first = address & ~((1 << (32 - prefix)) - 1)
  return first == address, ("the range begins at %d.%d.%d.%d/%d"):format(first >> 24, first >> 16 & 255,
    first >> 8 & 255, first & 255, prefix)
end

local function has_ports(rule)
  return rule.protocol == "tcp" or rule.protocol == "udp" or not rule.ports or #rule.ports == 0,
    ("%s has no ports"):format(rule.protocol)
end

local function one_target(target)
  return (target.server == nil) ~= (target.ip == nil), "needs one of server and ip"
end

local function one_layer(services)
  local tcp = 0
  for _, service in ipairs(services) do
    tcp = tcp + (service.protocol == "tcp" and 1 or 0)
  end
  return tcp == 0 or tcp == #services, "AWS has no load balancer for tcp and http at once", "make two"
end

local function not_with_tcp(_, whole)
  return not (whole.services[1] and whole.services[1].protocol == "tcp"),
    "AWS lets only load balancers for http choose"
end

local function only_https(certificates, whole)
  return #certificates == 0 or whole.protocol == "https", "are for https only"
end

local function not_both(networks, whole)
  return #networks == 0 or not (whole.network or whole.private_ip), "stand instead of network and private_ip"
end

local function only_nat(_, whole)
  return whole.type == nil or whole.type == "nat", "is for routers of type nat only"
end

local function only_table(_, whole)
  return whole.type == nil or whole.type == "table", "is for routers of type table only"
end

local function one_way(rule)
  if rule.direction == "out" then
    return rule.sources == nil, "a rule of direction out has destinations, not sources"
  end
  return rule.destinations == nil, "a rule of direction in has sources, not destinations"
end

local function good_rule(rule)
  local ok, why = has_ports(rule)
  if ok then
    return one_way(rule)
  end
  return ok, why
end

---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "aws",
  summary = "Amazon Web Services: servers, networks, volumes, firewalls, addresses, load balancers, DNS, buckets",
  config = {
    region = {
      type = "string", env = { "AWS_REGION", "AWS_DEFAULT_REGION" },
      doc = "Region, such as eu-north-1; that of the profile when absent", example = "eu-north-1",
    },
    zone = { type = "string", doc = "Availability zone of what names none; AWS chooses when absent" },
    profile = { type = "string", env = "AWS_PROFILE", doc = "Profile of ~/.aws/config and ~/.aws/credentials" },
    access_key = { type = "string", env = "AWS_ACCESS_KEY_ID", doc = "Access key" },
    secret_key = { type = "secret", env = "AWS_SECRET_ACCESS_KEY", doc = "Its secret" },
    token = { type = "secret", env = "AWS_SESSION_TOKEN", doc = "Session token of temporary credentials" },
    role = { type = "string", doc = "ARN of a role to take on", example = "arn:aws:iam::123456789012:role/prov" },
    external_id = { type = "string", doc = "What the role asks for besides" },
    credential_process = { type = "bool", default = false, doc = "A profile may run its program" },
    endpoint = {
      type = "url", env = "AWS_ENDPOINT_URL",
      doc = "Where all services are, instead of AWS's own; for tests",
    },
    patience = {
      type = "duration", default = "5m",
      doc = "How long to wait for what still holds something that is to be deleted",
    },
    poll = {
      type = "duration", default = 2, min = 0.01,
      doc = "Until AWS is asked whether something is ready; later less often",
    },
  },
  limits = { concurrency = 250, retry = { attempts = 6, base = 0.5, max = 30 } },
  types = {
    rule = {
      type = "record",
      check = good_rule,
      example = { ports = { 443 } },
      fields = {
        direction = { type = "enum", one_of = { "in", "out" }, default = "in", doc = "Of the connection" },
        protocol = {
          type = "enum", one_of = { "tcp", "udp", "icmp", "any" }, default = "tcp",
          doc = "Protocol",
        },
        ports = {
          type = "list",
          of = { type = "union", of = { { type = "port" }, { type = "string", regex = "[0-9]{1,5}-[0-9]{1,5}" } } },
          doc = "Ports and ranges of ports; all when absent",
          example = "{ 443, \"8000-8010\" }",
        },
        sources = {
          type = "list", of = { type = "union", of = { { type = "cidr" }, { type = "ip" }, { type = "ref" } } },
          doc = "From where, of direction in: ranges, other firewalls, prefix lists; anywhere when absent",
        },
        destinations = {
          type = "list", of = { type = "union", of = { { type = "cidr" }, { type = "ip" }, { type = "ref" } } },
          doc = "To where, of direction out; anywhere when absent",
        },
        comment = { type = "string", max = 255, doc = "What it is for" },
      },
    },
    service = {
      type = "record",
      fields = {
        protocol = { type = "enum", one_of = { "tcp", "http", "https" }, required = true, doc = "What it speaks" },
        listen = { type = "port", required = true, doc = "Port of the load balancer" },
        port = { type = "port", doc = "Port of the targets; the same when absent" },
        certificates = {
          type = "list", of = { type = "ref" }, max = 1, check = only_https,
          doc = "ARN of a certificate in ACM; of https",
        },
        check = {
          type = "record",
          doc = "How a target is known to be well",
          fields = {
            protocol = { type = "enum", one_of = { "tcp", "http" }, doc = "http, but tcp for a service of tcp" },
            port = { type = "port", doc = "Its port; that of the targets when absent" },
            path = { type = "string", doc = "Asked for with http; / when absent" },
            interval = { type = "duration", min = 5, max = 300, doc = "Between questions; 30 s when absent" },
            timeout = { type = "duration", min = 2, max = 120, doc = "For an answer" },
            retries = {
              type = "int", min = 2, max = 10,
              doc = "Failures until it is out, and successes until it is in",
            },
          },
        },
      },
    },
    target = {
      type = "record",
      check = one_target,
      example = { server = "${server.web}" },
      fields = {
        server = { type = "ref", doc = "A server" },
        ip = { type = "ip", doc = "An address in the network" },
      },
    },
  },
  resources = {
    server = {
      body = "server",
      schema = {
        name = name(),
        plan = {
          type = "string", required = true,
          doc = "Instance type; a change stops the server", example = "t3.small",
        },
        zone = ZONE,
        image = {
          type = "string", required = true, replace = true,
          doc = "debian-12, debian-13, ubuntu-22.04, ubuntu-24.04, amazon-linux-2023 (the newest there is), or an id",
          example = "debian-12",
        },
        network = {
          type = "ref", replace = true,
          doc = "Network or subnet; the default network of the account when absent", example = "${network.lan}",
        },
        private_ip = { type = "ip", replace = true, doc = "Its address in the network; a free one when absent" },
        networks = {
          type = "list",
          of = {
            type = "record",
            fields = {
              network = { type = "ref", required = true, doc = "Network or subnet" },
              private_ip = { type = "ip", doc = "Address in it" },
            },
          },
          replace = true,
          check = not_both,
          doc = "More than one network instead, all in one zone; such a server gets no public address",
        },
        keys = {
          type = "list", of = { type = "ref" }, replace = true,
          doc = "Public keys besides the workspace's: keys, their names at AWS, or lines of OpenSSH",
        },
        user_data = { type = "string", max = 12288, replace = true, doc = "cloud-init" },
        labels = LABELS,
        public = { type = "bool", default = true, replace = true, doc = "Has an IPv4 address on the internet" },
        address = { type = "ref", doc = "Address that is its public one; or say it there, with server" },
        firewalls = {
          type = "list", of = { type = "ref" },
          doc = "Firewalls; or say it there, with servers. Without any nothing comes in",
        },
        placement_group = { type = "ref", replace = true, doc = "Placement group" },
        disk = {
          type = "size", min = "1 GiB", check = whole_gib,
          doc = "Size of its disk; grows in place", example = "20 GiB",
        },
        disk_type = { type = "string", replace = true, doc = "Type of its disk, such as gp3; the image's when absent" },
        profile = { type = "string", replace = true, doc = "IAM instance profile: a name or an ARN" },
        protected = PROTECTED,
      },
      outputs = {
        id = ID,
        ip = { type = "ip", doc = "IPv4 address on the internet; another one after a stop" },
        status = { type = "string", doc = "running, stopped, starting or stopping" },
        ssh = { type = "map", doc = "host, port, user and host_key" },
      },
      actions = { "start", "stop", "restart" },
      timeout = { create = 1800, update = 3600, delete = 1800 },
    },
    network = {
      body = "network",
      schema = {
        name = name(),
        cidr = {
          type = "cidr", required = true, replace = true, check = check_range,
          doc = "Private IPv4 range, /16 to /28", example = "10.0.0.0/16",
        },
        zone = { type = "string", replace = true, doc = "Availability zone of its subnet; AWS chooses when absent" },
        subnet = {
          type = "bool", default = true,
          doc = "Has a subnet of its whole range; not with subnets of their own",
        },
        internet = { type = "bool", default = true, doc = "Has an internet gateway, and the route to it" },
        labels = LABELS,
      },
      outputs = {
        id = ID,
        subnet_id = { type = "string", doc = "The id of its subnet" },
        default = { type = "bool", doc = "AWS has made it for everybody; for look-ups" },
        gateway = { type = "ip", doc = "Where its servers send what is for elsewhere" },
      },
      timeout = { create = 900, update = 900, delete = 1800 },
    },
    subnet = {
      body = "subnet",
      schema = {
        name = name(),
        network = { type = "ref", required = true, replace = true, doc = "Network, one with subnet: false" },
        cidr = {
          type = "cidr", required = true, replace = true, check = check_range, doc = "Range",
          example = "10.0.1.0/24",
        },
        zone = { type = "string", replace = true, doc = "Availability zone; AWS chooses when absent" },
        labels = LABELS,
      },
      outputs = { id = ID, gateway = { type = "ip", doc = "Where its servers send what is for elsewhere" } },
      timeout = { create = 900, update = 900, delete = 1800 },
    },
    router = {
      body = "router",
      schema = {
        name = name(),
        type = {
          type = "enum", one_of = { "table", "internet", "nat" }, default = "table", replace = true,
          doc = "table: routes of subnets; internet: gateway of a network that has none (internet: false); nat: lets "
            .. "servers without a public address out",
        },
        network = { type = "ref", replace = true, doc = "Network; of table and internet" },
        subnet = { type = "ref", replace = true, check = only_nat, doc = "Subnet it stands in; of nat" },
        address = {
          type = "ref", replace = true, check = only_nat,
          doc = "Its address; of nat, without one only for private networks",
        },
        routes = {
          type = "list",
          of = {
            type = "record",
            fields = {
              to = { type = "cidr", required = true, doc = "Destination" },
              via = {
                type = "string", required = true,
                doc = "internet, or the id of a router, server, network interface or peering",
              },
            },
          },
          check = only_table,
          doc = "Routes; of table",
        },
        subnets = {
          type = "list", of = { type = "ref" }, check = only_table,
          doc = "Subnets that go by these routes; of table",
        },
        labels = LABELS,
      },
      outputs = { id = ID },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    volume = {
      body = "volume",
      schema = {
        name = name(),
        size = {
          type = "size", required = true, min = "1 GiB", check = whole_gib,
          doc = "Grows in place", example = "10 GiB",
        },
        zone = { type = "string", replace = true, doc = "Availability zone; that of its server when absent" },
        server = { type = "ref", doc = "Server it is attached to" },
        type = { type = "string", default = "gp3", doc = "gp3, io2, st1, ..." },
        iops = { type = "int", min = 100, doc = "Operations a second, where the type lets one choose" },
        encrypted = {
          type = "bool", default = false, replace = true,
          doc = "Encrypted by AWS, also where the account does not encrypt everything",
        },
        snapshot = { type = "ref", replace = true, doc = "Snapshot it begins as" },
        labels = LABELS,
      },
      outputs = { id = ID, device = { type = "path", doc = "Its device, as AWS calls it" } },
      timeout = { create = 1800, update = 3600, delete = 1800 },
    },
    firewall = {
      body = "firewall",
      schema = {
        name = fixed_name(255, "Its name; made from the address when absent"),
        network = {
          type = "ref", replace = true,
          doc = "Network; that of its servers, or the default one, when absent",
        },
        comment = { type = "string", max = 255, replace = true, doc = "What it is for" },
        servers = { type = "list", of = { type = "ref" }, doc = "Servers it protects" },
        rules = { type = "list", of = "rule", default = {}, doc = "What may come in; nothing else does. Out goes all "
          .. "unless a rule says what", example = "- { ports = { 443 } }" },
        labels = LABELS,
      },
      outputs = { id = ID },
      timeout = { create = 900, update = 900, delete = 1800 },
    },
    address = {
      body = "address",
      schema = {
        name = name(),
        server = {
          type = "ref",
          doc = "Server it leads to, which gets another address than it had; with taskservs say it there, with address",
        },
        ptr = { type = "hostname", doc = "Reverse name; a record must lead from it to the address first" },
        labels = LABELS,
      },
      outputs = { id = ID, ip = { type = "ip", doc = "The address" } },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    ssh_key = {
      body = "ssh_key",
      schema = {
        name = fixed_name(255, "Its name; made from the address when absent"),
        public_key = { type = "string", required = true, replace = true, doc = "In the form of OpenSSH" },
        labels = LABELS,
      },
      outputs = { id = ID, fingerprint = { type = "string", doc = "As AWS writes it" } },
    },
    load_balancer = {
      body = "load_balancer",
      schema = {
        name = {
          type = "string", regex = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?", replace = true,
          doc = "Its name; made from the address when absent",
        },
        network = { type = "ref", replace = true, doc = "Network; the default one when absent" },
        subnets = {
          type = "list", of = { type = "ref" }, replace = true,
          doc = "Subnets it stands in, each in another zone; one of each zone of the network when absent",
        },
        public = { type = "bool", default = true, replace = true, doc = "Is reached from the internet" },
        firewalls = { type = "list", of = { type = "ref" }, doc = "Firewalls" },
        algorithm = {
          type = "enum", one_of = { "round_robin", "least_connections" }, check = not_with_tcp,
          doc = "Which target is next; not with tcp",
        },
        services = { type = "list", of = "service", min = 1, required = true, check = one_layer,
          doc = "What it listens for: tcp only, or http and https", example = "- { protocol = http, listen = 80 }" },
        targets = {
          type = "list", of = "target", default = {},
          doc = "Where it goes: all servers, or all addresses", example = "- { server = \"${server.web}\" }",
        },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = { id = ID, hostname = { type = "hostname", doc = "Where it is reached; its addresses change" } },
      timeout = { create = 1800, update = 1800, delete = 1800 },
    },
    placement_group = {
      body = "placement_group",
      schema = {
        name = fixed_name(255, "Its name; made from the address when absent"),
        strategy = {
          type = "enum", one_of = { "spread", "cluster", "partition" }, default = "spread", replace = true,
          doc = "On different machines, close together, or in groups",
        },
        labels = LABELS,
      },
      outputs = { id = ID },
    },
    image = {
      body = "image",
      schema = {
        name = {
          type = "string", regex = "[a-zA-Z0-9()./_ -]{3,128}", replace = true,
          doc = "Its name; made from the address when absent",
        },
        server = {
          type = "ref", required = true, replace = true,
          doc = "Server whose disks it is of; stop it first to be sure",
        },
        labels = LABELS,
      },
      outputs = { id = ID },
      timeout = { create = 8000, update = 600, delete = 900 },
    },
    snapshot = {
      body = "snapshot",
      schema = {
        name = name(),
        volume = { type = "ref", required = true, replace = true, doc = "Volume it is of" },
        labels = LABELS,
      },
      outputs = { id = ID, size = { type = "size", doc = "Of the volume" } },
      timeout = { create = 8000, update = 600, delete = 900 },
    },
    dns_zone = {
      body = "dns_zone",
      schema = {
        name = { type = "hostname", required = true, replace = true, doc = "The domain", example = "example.org" },
        comment = { type = "string", max = 256, doc = "What it is for" },
        labels = {
          type = "map", of = { type = "string", max = 256 }, default = {}, check = zone_labels_are_good,
          doc = "Tags, 7 at most", example = "{ role = web }",
        },
      },
      outputs = {
        id = ID, nameservers = { type = "list", of = { type = "string" }, doc = "To be told to the registry" },
      },
      timeout = { create = 600, update = 600, delete = 600 },
    },
    dns_record = {
      body = "dns_record",
      schema = {
        zone = { type = "ref", required = true, replace = true, doc = "DNS zone", example = "${dns_zone.main}" },
        name = {
          type = "string", required = true, replace = true, min = 1, max = 255, check = is_in_zone,
          doc = "Name in the zone; @ for the zone itself, * for all that have no record", example = "www",
        },
        type = {
          type = "enum", required = true, replace = true, check = record_is_whole, doc = "Type",
          one_of = {
            "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SPF", "SRV", "SSHFP", "SVCB",
            "TLSA", "TXT",
          },
        },
        values = {
          type = "list", of = { type = "string", min = 1 }, min = 1, doc = "All of its values",
          example = "{ \"192.0.2.1\" }",
        },
        ttl = {
          type = "duration", check = not_with_alias, max = 2147483647,
          doc = "How long answers are kept; 5 minutes when absent",
        },
        alias = {
          type = "ref", doc = "Load balancer whose addresses it has, instead of values; also for the zone itself",
        },
      },
      outputs = { id = { type = "string", doc = "Such as Z0123456789/www/A" } },
      timeout = { create = 900, update = 900, delete = 600 },
    },
    bucket = {
      body = "bucket",
      schema = {
        name = {
          type = "string", regex = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", replace = true,
          doc = "Its name, the only one of the world; made from the address when absent", example = "shop-3f9a-assets",
        },
        zone = { type = "string", replace = true, doc = "Region; the provider's when absent", example = "eu-west-1" },
        labels = LABELS,
      },
      outputs = { id = ID, endpoint = { type = "url", doc = "Where it is reached" } },
      timeout = { create = 600, update = 600, delete = 600 },
    },
  },
  catalog = function(ctx)
    return require("catalog")(ctx)
  end,
  prices = function(ctx, plans)
    return require("prices")(ctx, plans)
  end,
  account = function(ctx)
    local client, e = require("api").client(ctx)
    local who
    if client then
      who, e = client:call("sts", "GetCallerIdentity", {})
    end
    return who and { name = who.Account, detail = ("%s in %s"):format(who.Arn, client.region) }, e
  end,
}
