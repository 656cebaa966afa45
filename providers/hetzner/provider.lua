--- Hetzner Cloud.

local GIB = 1 << 30

--- "role", "example.org/role": as in Kubernetes.
local function is_label_name(text)
  local prefix, name = text:match("^(.*)/([^/]*)$")
  name = name or text
  return #name <= 63 and name:find("^%w[%w._-]*$") and name:find("%w$")
    and (not prefix or #prefix <= 253 and prefix:find("^%w[%w.-]*$"))
end

local function label_names(labels)
  for name in pairs(labels) do
    if name:match("^prov%-") then
      return false, ("'%s' is a label of prov's own"):format(name), "use a name that does not begin with prov-"
    elseif not is_label_name(name) then
      return false, ("'%s' is no name of a label"):format(name), "letters, digits and ._- in between, at most 63"
    end
  end
  return true
end

local LABELS = {
  type = "map",
  of = { type = "string", regex = "([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?" },
  default = {},
  check = label_names,
  doc = "Labels; values have letters, digits and ._- in between, at most 63",
  example = "{ role = web }",
}

local PROTECTED = {
  type = "bool", default = false,
  doc = "Cannot be deleted, here and elsewhere, until this is taken away",
}

local ZONE = { type = "string", replace = true, doc = "Location, such as fsn1; that of the provider when absent" }

local function name(doc)
  return { type = "string", min = 1, max = 63, doc = doc or "Its name; made from the address when absent" }
end

local ID = { type = "string", doc = "Its number at Hetzner" }

local function whole_gib(size)
  return size % GIB == 0, "must be a whole number of GiB", ("%d GiB or %d GiB"):format(size // GIB, size // GIB + 1)
end

local function one_target(target)
  local n = 0
  for _, field in ipairs({ "server", "ip", "labels" }) do
    n = n + (target[field] ~= nil and 1 or 0)
  end
  return n == 1, "needs one of server, ip and labels"
end

local function has_ports(rule)
  if (rule.protocol == "tcp" or rule.protocol == "udp" or rule.protocol == "any") then
    return true
  end
  return not rule.ports or #rule.ports == 0, ("%s has no ports"):format(rule.protocol)
end

local function has_a_way(is_public, whole)
  return is_public or whole.ipv6 == true or whole.address ~= nil or whole.network ~= nil
    or whole.networks ~= nil and #whole.networks > 0,
    "a server needs a way to it", "a network, or ipv6: true"
end

local function only_floating(_, whole)
  return whole.type == "floating", "is for addresses of type floating only"
end

local function only_primary(value, whole)
  return whole.type == "primary" or not value, "is for addresses of type primary only"
end

---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "hetzner",
  summary = "Hetzner Cloud: servers, networks, volumes, firewalls, addresses, load balancers, DNS",
  config = {
    token = { type = "secret", required = true, env = "HCLOUD_TOKEN", doc = "Token of the project, to read and write" },
    endpoint = {
      type = "url",
      default = "https://api.hetzner.cloud/v1",
      env = "HCLOUD_ENDPOINT",
      doc = "Where the API is; another one for tests",
    },
    zone = { type = "string", default = "fsn1", doc = "Location of what names none" },
  },
  limits = { concurrency = 100, retry = { attempts = 6, base = 0.5, max = 60 } },
  types = {
    rule = {
      type = "record",
      check = has_ports,
      fields = {
        direction = { type = "enum", one_of = { "in", "out" }, default = "in", doc = "Of the connection" },
        protocol = {
          type = "enum", one_of = { "tcp", "udp", "icmp", "esp", "gre", "any" }, default = "tcp",
          doc = "Protocol",
        },
        ports = {
          type = "list",
          of = { type = "union", of = { { type = "port" }, { type = "string", regex = "[0-9]{1,5}-[0-9]{1,5}" } } },
          doc = "Ports and ranges of ports; all when absent",
          example = "{ 443, \"8000-8010\" }",
        },
        sources = { type = "list", of = { type = "cidr" }, doc = "From where, of direction in; anywhere when absent" },
        destinations = {
          type = "list", of = { type = "cidr" },
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
        proxyprotocol = { type = "bool", doc = "Tells targets who the client is" },
        sticky = { type = "bool", doc = "A cookie keeps clients on their target; not of tcp" },
        redirect_http = { type = "bool", doc = "Port 80 leads to this one; of https" },
        certificates = { type = "list", of = { type = "ref" }, doc = "Numbers of certificates at Hetzner; of https" },
        check = {
          type = "record",
          doc = "How a target is known to be well",
          fields = {
            protocol = { type = "enum", one_of = { "tcp", "http" }, doc = "http, but tcp for a service of tcp" },
            port = { type = "port", doc = "Its port; that of the targets when absent" },
            path = { type = "string", doc = "Asked for with http; / when absent" },
            domain = { type = "string", doc = "Host header of the question" },
            status = { type = "list", of = { type = "string" }, doc = "Good answers; 2?? and 3?? when absent" },
            tls = { type = "bool", doc = "Asked with TLS" },
            interval = { type = "duration", min = 3, max = 60, doc = "Between questions; 15 s when absent" },
            timeout = { type = "duration", min = 1, max = 60, doc = "For an answer; 10 s when absent" },
            retries = { type = "int", min = 1, max = 5, doc = "Failures until it is out; 3 when absent" },
          },
        },
      },
    },
    target = {
      type = "record",
      check = one_target,
      example = { labels = "role=web" },
      fields = {
        server = { type = "ref", doc = "A server" },
        ip = { type = "ip", doc = "An address of a dedicated server at Hetzner" },
        labels = { type = "string", doc = "All servers with these labels, as a label selector", example = "role=web" },
        private = { type = "bool", doc = "Over the private network; so when the load balancer is in one" },
      },
    },
  },
  resources = {
    server = {
      body = "server",
      schema = {
        name = {
          type = "string", regex = "[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?",
          doc = "Host name; made from the address when absent",
        },
        plan = { type = "string", required = true, doc = "Server type; a change stops the server", example = "cpx22" },
        upgrade_disk = {
          type = "bool", default = false,
          doc = "A change of the plan makes the disk larger too, for good",
        },
        zone = ZONE,
        image = {
          type = "string", required = true, replace = true,
          doc = "Name or number of an image", example = "debian-12",
        },
        network = { type = "ref", doc = "Private network", example = "${network.lan}" },
        private_ip = { type = "ip", doc = "Its address in the network; the next free one when absent" },
        networks = {
          type = "list",
          of = {
            type = "record",
            fields = {
              network = { type = "ref", required = true, doc = "Private network" },
              private_ip = { type = "ip", doc = "Address in it" },
            },
          },
          doc = "Further private networks",
        },
        keys = { type = "list", of = { type = "ref" }, replace = true, doc = "Public keys besides the workspace's" },
        user_data = { type = "string", max = 32768, replace = true, doc = "cloud-init" },
        labels = LABELS,
        public = {
          type = "bool", default = true, check = has_a_way,
          doc = "Has an IPv4 address on the internet; a change stops it",
        },
        ipv6 = {
          type = "bool",
          default = function(whole)
            return whole.public
          end,
          doc = "Has an IPv6 address on the internet; as public when absent; a change stops the server",
        },
        address = { type = "ref", doc = "Address of type primary that is its public one; a change stops the server" },
        firewalls = { type = "list", of = { type = "ref" }, doc = "Firewalls; or say it there, with servers" },
        placement_group = { type = "ref", doc = "Placement group; a change stops the server" },
        backups = { type = "bool", default = false, doc = "Daily backups, for a fifth of the price" },
        protected = PROTECTED,
        ptr = { type = "hostname", doc = "Reverse name of the IPv4 address" },
      },
      outputs = {
        id = ID,
        ip = { type = "ip", doc = "IPv4 address on the internet" },
        ip6 = { type = "ip", doc = "IPv6 address on the internet: the first one of its network" },
        status = { type = "string", doc = "running, stopped, starting, ..." },
        ssh = { type = "map", doc = "host, port and user" },
      },
      actions = { "start", "stop", "restart", "reboot" },
      timeout = { create = 1800, update = 3600, delete = 900 },
    },
    network = {
      body = "network",
      schema = {
        name = name(),
        cidr = { type = "cidr", required = true, replace = true, doc = "Private IPv4 range", example = "10.0.0.0/16" },
        zone = {
          type = "string", replace = true,
          doc = "Location or network zone of its subnet", example = "eu-central",
        },
        subnet = {
          type = "bool", default = true,
          doc = "Has a subnet of its whole range; not with subnets of their own",
        },
        routes = {
          type = "list",
          of = {
            type = "record",
            fields = {
              to = { type = "cidr", required = true, doc = "Destination" },
              via = { type = "ip", required = true, doc = "A server's address in the network" },
            },
          },
          default = {},
          doc = "Routes",
        },
        expose_routes = { type = "bool", default = false, doc = "The routes reach into a vSwitch too" },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = { id = ID, gateway = { type = "ip", doc = "Where its servers send what is for elsewhere" } },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    subnet = {
      body = "subnet",
      schema = {
        network = { type = "ref", required = true, replace = true, doc = "Network, one with subnet: false" },
        cidr = { type = "cidr", required = true, replace = true, doc = "Range", example = "10.0.1.0/24" },
        zone = { type = "string", replace = true, doc = "Location or network zone" },
        type = {
          type = "enum", one_of = { "cloud", "server", "vswitch" }, default = "cloud", replace = true,
          doc = "For what",
        },
        vswitch = { type = "int", replace = true, doc = "Number of the vSwitch, of type vswitch" },
      },
      outputs = { id = ID, gateway = { type = "ip", doc = "Where its servers send what is for elsewhere" } },
      timeout = { create = 900, delete = 900 },
    },
    volume = {
      body = "volume",
      schema = {
        name = name(),
        size = {
          type = "size", required = true, min = "10 GiB", check = whole_gib,
          doc = "Grows in place", example = "10 GiB",
        },
        zone = ZONE,
        server = { type = "ref", doc = "Server it is attached to" },
        mount = { type = "bool", default = false, doc = "The server mounts it when it is attached" },
        format = {
          type = "enum", one_of = { "ext4", "xfs" }, replace = true,
          doc = "File system that it is made with",
        },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = { id = ID, device = { type = "path", doc = "Its device in the server" } },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    firewall = {
      body = "firewall",
      schema = {
        name = name(),
        servers = { type = "list", of = { type = "ref" }, doc = "Servers it protects" },
        selectors = {
          type = "list", of = { type = "string" }, doc = "All servers with these labels, as label selectors",
          example = "{ \"role=web\" }",
        },
        rules = { type = "list", of = "rule", default = {}, doc = "What may come in; nothing else does. Out goes all "
          .. "unless a rule says what", example = "- { ports = { 443 } }" },
        labels = LABELS,
      },
      outputs = { id = ID },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    address = {
      body = "address",
      schema = {
        name = name(),
        type = {
          type = "enum", one_of = { "floating", "primary" }, default = "floating", replace = true,
          doc = "floating: moves between running servers, which must take it themselves; primary: the server's own",
        },
        family = { type = "enum", one_of = { "ipv4", "ipv6" }, default = "ipv4", replace = true, doc = "IPv4 or IPv6" },
        zone = ZONE,
        server = { type = "ref", doc = "Server it leads to; one of type primary stops it for that" },
        ptr = { type = "hostname", doc = "Reverse name" },
        comment = { type = "string", check = only_floating, doc = "What it is for; of type floating" },
        auto_delete = { type = "bool", check = only_primary, doc = "Goes with its server; of type primary" },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = {
        id = { type = "string", doc = "floating-17 or primary-17" },
        ip = { type = "ip", doc = "The address; of ipv6 the first one of its network" },
      },
      timeout = { create = 900, update = 900, delete = 900 },
    },
    ssh_key = {
      body = "ssh_key",
      schema = {
        name = name(),
        public_key = { type = "string", required = true, replace = true, doc = "In the form of OpenSSH" },
        labels = LABELS,
      },
      outputs = { id = ID, fingerprint = { type = "string", doc = "MD5 in hexadecimal" } },
    },
    load_balancer = {
      body = "load_balancer",
      schema = {
        name = name(),
        plan = { type = "string", default = "lb11", doc = "Type of load balancer" },
        zone = ZONE,
        network = { type = "ref", doc = "Private network" },
        private_ip = { type = "ip", doc = "Its address in the network" },
        public = { type = "bool", default = true, doc = "Is reached from the internet" },
        algorithm = {
          type = "enum", one_of = { "round_robin", "least_connections" }, default = "round_robin",
          doc = "Which target is next",
        },
        services = { type = "list", of = "service", default = {}, doc = "What it listens for",
          example = "- { protocol = http, listen = 80 }" },
        targets = {
          type = "list", of = "target", default = {},
          doc = "Where it goes", example = "- { labels = \"role=web\" }",
        },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = {
        id = ID,
        ip = { type = "ip", doc = "IPv4 address on the internet" },
        ip6 = { type = "ip", doc = "IPv6 address on the internet" },
      },
      timeout = { create = 1800, update = 1800, delete = 900 },
    },
    placement_group = {
      body = "placement_group",
      schema = {
        name = name(),
        strategy = {
          type = "enum", one_of = { "spread" }, default = "spread", replace = true,
          doc = "On different machines",
        },
        labels = LABELS,
      },
      outputs = { id = ID },
    },
    image = {
      body = "image",
      schema = {
        name = { type = "string", max = 255, doc = "Its description; made from the address when absent" },
        server = {
          type = "ref", required = true, replace = true,
          doc = "Server whose disk it is of; stop it first to be sure",
        },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = { id = ID, size = { type = "size", doc = "What is paid for" } },
      timeout = { create = 8000, delete = 900 },
    },
    dns_zone = {
      body = "dns_zone",
      schema = {
        name = { type = "hostname", required = true, replace = true, doc = "The domain", example = "example.org" },
        ttl = { type = "duration", min = 60, doc = "How long answers are kept; an hour when absent" },
        labels = LABELS,
        protected = PROTECTED,
      },
      outputs = {
        id = ID, nameservers = { type = "list", of = { type = "string" },
        doc = "To be told to the registry" },
      },
      timeout = { create = 600, update = 600, delete = 600 },
    },
    dns_record = {
      body = "dns_record",
      schema = {
        zone = { type = "ref", required = true, replace = true, doc = "DNS zone", example = "${dns_zone.main}" },
        name = {
          type = "string", required = true, replace = true,
          doc = "Name in the zone; @ for the zone itself", example = "www",
        },
        type = {
          type = "enum", required = true, replace = true, doc = "Type",
          one_of = {
            "A", "AAAA", "CAA", "CNAME", "DS", "HINFO", "HTTPS", "MX", "NS", "PTR", "RP", "SRV", "SVCB", "TLSA", "TXT",
          },
        },
        values = { type = "list", of = { type = "string" }, min = 1, required = true, doc = "All of its values",
          example = "{ \"192.0.2.1\" }" },
        ttl = { type = "duration", min = 60, doc = "How long answers are kept; as the zone says when absent" },
        labels = LABELS,
        protected = { type = "bool", default = false, doc = "Cannot be changed until this is taken away" },
      },
      outputs = { id = { type = "string", doc = "Such as 42/www/A" } },
      timeout = { create = 600, update = 600, delete = 600 },
    },
  },
  catalog = function(ctx)
    return require("catalog")(ctx)
  end,
  account = function(ctx) -- the API tells no name of the project: one of its lists shows that the token is good
    local found, e = require("api").client(ctx):get("/servers", { per_page = 1 })
    if not found then
      return nil, e
    end
    local n = found.meta and found.meta.pagination and found.meta.pagination.total_entries or 0
    return { detail = ("a project with %d server%s"):format(n, n == 1 and "" or "s") }
  end,
}
