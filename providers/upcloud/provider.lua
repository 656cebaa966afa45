--- UpCloud, by its API 1.3.

local LABELS = {
  type = "map",
  of = { type = "string", max = 255 },
  default = {},
  doc = "Labels; keys have 2 to 32 characters and do not begin with _",
  example = "{ team = 'shop' }",
}

local function check_labels(labels)
  for key in pairs(labels) do
    if #key < 2 or #key > 32 or key:find("^_") or key:find("[^\32-\126]") then
      return false, ("the key '%s' must have 2 to 32 printable ASCII characters and not begin with _"):format(key)
    end
  end
  return true
end
LABELS.check = check_labels

local function name(doc, max)
  return {
    type = "string",
    min = 1,
    max = max or 255,
    computed = true,
    doc = doc .. "; made from the address when absent",
  }
end

local ZONE = { type = "string", replace = true, doc = "Zone, such as de-fra1; that of the provider when absent" }

local CHECK = {
  type = "record",
  default = {},
  doc = "How the balancer finds out whether a target serves",
  fields = {
    protocol = { type = "enum", one_of = { "tcp", "http" }, default = "tcp", doc = "How targets are asked" },
    path = { type = "string", default = "/", doc = "With http: what is asked for" },
    interval = { type = "duration", default = 10, min = 1, doc = "Between two checks" },
    expect = { type = "int", default = 200, min = 100, max = 599, doc = "With http: the answer of a healthy target" },
    rise = { type = "int", default = 3, min = 1, doc = "Good answers after which a target is healthy" },
    retries = { type = "int", default = 3, min = 1, doc = "Bad ones after which it is not" },
  },
}

---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "upcloud",
  summary = "Servers, networks and storage of UpCloud",
  config = {
    token = { type = "secret", env = "UPCLOUD_TOKEN", doc = "API token (ucat_...); or username and password" },
    username = { type = "string", env = "UPCLOUD_USERNAME", doc = "API user" },
    password = { type = "secret", env = "UPCLOUD_PASSWORD", doc = "Its password" },
    zone = { type = "string", default = "fi-hel1", doc = "Zone of what names none" },
    endpoint = {
      type = "url",
      env = "UPCLOUD_ENDPOINT",
      default = "https://api.upcloud.com",
      doc = "Another address of the API, such as that of `prov simulate`",
    },
    poll_every = {
      type = "duration",
      default = 0.5,
      min = 0.01,
      doc = "Between looks at what changes its state: one list for all that wait",
    },
    currency = { type = "string", default = "EUR", doc = "Of the account: prices have none in the API" },
  },
  limits = { concurrency = 100 },
  resources = {
    server = {
      body = "server",
      schema = {
        name = name("Host name and title", 128),
        title = { type = "string", max = 255, doc = "Title in the control panel; the name when absent" },
        plan = {
          type = "string",
          default = "1xCPU-1GB",
          check = function(plan, whole)
            if plan == "custom" and not (whole.cpus and whole.memory) then
              return false, "custom needs cpus and memory"
            end
            return true
          end,
          doc = "Size, as `prov catalog plans` lists it; a change stops the server for a moment. `custom` takes cpus "
            .. "and memory",
        },
        cpus = { type = "int", min = 1, max = 128, doc = "With plan custom: processors" },
        memory = { type = "size", min = 1073741824, doc = "With plan custom: memory", example = "4 GiB" },
        zone = ZONE,
        image = {
          type = "string",
          default = "debian-12",
          replace = true,
          doc = "Template it starts from: debian-12, ubuntu-24.04, a title or a UUID (`prov catalog images`)",
        },
        disk = {
          type = "size",
          min = 10737418240,
          doc = "Its own disk; that of the plan when absent. It only grows",
          example = "50 GiB",
        },
        disk_tier = {
          type = "enum",
          one_of = { "maxiops", "standard", "hdd" },
          replace = true,
          doc = "Kind of its disk; that of the plan when absent",
        },
        network = { type = "ref", doc = "Private network to be in; a change stops the server for a moment" },
        private_ip = { type = "ip", computed = true, doc = "Address in that network; a free one when absent" },
        networks = {
          type = "list",
          of = {
            type = "record",
            fields = {
              network = { type = "ref", required = true, doc = "Private network" },
              private_ip = { type = "ip", doc = "Address in it" },
            },
          },
          default = {},
          doc = "Further private networks",
        },
        public = { type = "bool", default = true, replace = true, doc = "Has a public IPv4 address" },
        ipv6 = { type = "bool", default = false, replace = true, doc = "Has a public IPv6 address" },
        utility = { type = "bool", default = false, replace = true, doc = "Is in the zone's utility network" },
        keys = {
          type = "list",
          of = { type = "ref" },
          default = {},
          replace = true,
          doc = "Public keys that may log in as root, besides that of the workspace",
          example = "{ ssh_key.ops }",
        },
        user_data = { type = "string", max = 65535, replace = true, doc = "Cloud-init, read at its first start" },
        placement_group = { type = "ref", doc = "Server group it is in" },
        backups = { type = "bool", default = false, doc = "Daily backups of its storages, of a week; they cost" },
        ptr = { type = "hostname", doc = "Reverse name of its public IPv4 address" },
        labels = LABELS,
      },
      outputs = {
        id = { type = "string", doc = "UUID" },
        ip = { type = "ip", doc = "Public IPv4 address, else the private one" },
        ip6 = { type = "ip", doc = "Public IPv6 address" },
        disk_id = { type = "string", doc = "UUID of its own disk" },
        status = { type = "string", doc = "running, stopped, busy or error" },
        ssh = { type = "map", doc = "host, port and user to reach it by SSH" },
      },
      actions = { "start", "stop", "restart" },
      timeout = { create = 1800, update = 1800, delete = 900 },
    },
    network = {
      body = "network",
      schema = {
        name = name("Name"),
        cidr = { type = "cidr", required = true, replace = true, doc = "Address range", example = "10.0.0.0/24" },
        zone = ZONE,
        router = { type = "ref", doc = "Router it is attached to" },
        gateway = { type = "ip", computed = true, replace = true, doc = "Gateway; the first address when absent" },
        dhcp = { type = "bool", default = true, doc = "Gives addresses out" },
        default_route = { type = "bool", default = false, doc = "Gives the gateway out as default route" },
        dns = { type = "list", of = { type = "ip" }, default = {}, doc = "Name servers given out" },
        labels = LABELS,
      },
      outputs = { id = { type = "string", doc = "UUID" } },
      timeout = { create = 300, delete = 900 },
    },
    router = {
      body = "router",
      schema = {
        name = name("Name"),
        routes = {
          type = "list",
          of = {
            type = "record",
            fields = {
              to = { type = "cidr", required = true, doc = "Range" },
              via = { type = "ip", required = true, doc = "Next hop" },
            },
          },
          default = {},
          doc = "Static routes",
        },
        labels = LABELS,
      },
      outputs = { id = { type = "string", doc = "UUID" } },
      timeout = { create = 300, delete = 300 },
    },
    volume = {
      body = "volume",
      schema = {
        name = name("Title"),
        size = {
          type = "size",
          required = true,
          min = 10737418240,
          doc = "Capacity; it only grows",
          example = "20 GiB",
        },
        zone = ZONE,
        type = {
          type = "enum",
          one_of = { "maxiops", "standard", "hdd" },
          default = "maxiops",
          replace = true,
          doc = "Kind of storage",
        },
        server = { type = "ref", doc = "Server it is attached to" },
        snapshot = { type = "ref", replace = true, doc = "Snapshot or volume it starts as a copy of" },
        encrypted = { type = "bool", default = false, replace = true, doc = "Encrypted at rest" },
        backup_rule = {
          type = "record",
          fields = {
            interval = {
              type = "enum",
              one_of = { "daily", "mon", "tue", "wed", "thu", "fri", "sat", "sun" },
              default = "daily",
              doc = "When: every day, or one of the week",
            },
            time = { type = "string", pattern = "^[0-2]%d[0-5]%d$", default = "0300", doc = "Hour and minute, UTC" },
            retention = { type = "int", min = 1, max = 1095, default = 7, doc = "Days after which one is deleted" },
          },
          doc = "Backups by the clock, which cost; not together with backups of its server",
          example = "{ interval = 'sun', retention = 30 }",
        },
        labels = LABELS,
      },
      outputs = {
        id = { type = "string", doc = "UUID" },
        device = { type = "path", doc = "Its device in the server, which is named after its UUID" },
      },
      timeout = { create = 1800, update = 1800, delete = 900 },
    },
    firewall = {
      body = "firewall",
      schema = {
        name = name("Name in the comments of its rules", 64),
        servers = { type = "list", of = { type = "ref" }, default = {}, doc = "Servers it protects" },
        rules = {
          type = "list",
          of = {
            type = "record",
            fields = {
              direction = { type = "enum", one_of = { "in", "out" }, default = "in", doc = "Of the packets" },
              protocol = { type = "enum", one_of = { "tcp", "udp", "icmp", "any" }, default = "tcp", doc = "Protocol" },
              ports = {
                type = "list",
                of = { type = "union", of = { { type = "port" }, { type = "string", pattern = "^%d+%-%d+$" } } },
                default = {},
                doc = "Ports and ranges, such as 443 and '8000-8010'; all when empty",
              },
              sources = {
                type = "list", of = { type = "cidr" }, default = { "0.0.0.0/0", "::/0" }, doc = "From where",
              },
              destinations = {
                type = "list", of = { type = "cidr" }, default = {}, doc = "Where to; anywhere when empty",
              },
              comment = { type = "string", max = 120, doc = "What it is for" },
            },
          },
          default = {},
          doc = "What may pass. Nothing else comes in; what may go out is everything unless a rule says out",
          example = "- { ports = { 443 } }",
        },
        replies = {
          type = "bool",
          default = true,
          doc = "Lets in what answers the server's own connections: the firewall keeps no track of them, so that this "
            .. "opens the ports from 32768 on for TCP, and UDP from the ports 53 and 123",
        },
      },
      outputs = { id = { type = "string", doc = "A name of prov's own: UpCloud has rules of servers only" } },
      timeout = { create = 600, update = 600, delete = 600 },
    },
    address = {
      body = "address",
      schema = {
        zone = ZONE,
        server = { type = "ref", doc = "Server it leads to" },
        family = { type = "enum", one_of = { "ipv4", "ipv6" }, default = "ipv4", replace = true, doc = "Family" },
        ptr = { type = "hostname", doc = "Reverse name" },
      },
      outputs = { id = { type = "string", doc = "The address" }, ip = { type = "ip", doc = "The address" } },
      timeout = { create = 300, update = 300, delete = 300 },
    },
    ssh_key = {
      body = "ssh_key",
      schema = {
        public_key = {
          type = "string",
          pattern = "^[%w@.-]+ [%w+/=]+.*$",
          required = true,
          replace = true,
          doc = "Public key in OpenSSH's form",
          example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJc0 ops",
        },
      },
      outputs = {
        id = { type = "string", doc = "The key itself: UpCloud keeps none, servers get it when they are made" },
      },
    },
    load_balancer = {
      body = "load_balancer",
      schema = {
        name = name("Name", 64),
        plan = { type = "string", default = "development", doc = "Size" },
        zone = ZONE,
        network = { type = "ref", replace = true, doc = "Private network of its targets" },
        public = { type = "bool", default = true, replace = true, doc = "Can be reached from the internet" },
        services = {
          type = "list",
          of = {
            type = "record",
            fields = {
              protocol = { type = "enum", one_of = { "tcp", "http" }, default = "tcp", doc = "What it understands" },
              listen = { type = "port", required = true, doc = "Its port" },
              port = { type = "port", doc = "Port of the targets; the same when absent" },
              check = CHECK,
            },
          },
          default = {},
          doc = "What it serves",
          example = "- { protocol = 'http', listen = 80, port = 8080 }",
        },
        targets = {
          type = "list",
          of = {
            type = "record",
            fields = {
              server = { type = "ref", doc = "Server, by its address in the network" },
              ip = { type = "ip", doc = "Or any address" },
            },
          },
          default = {},
          doc = "Who answers",
        },
        labels = LABELS,
      },
      outputs = {
        id = { type = "string", doc = "UUID" },
        hostname = { type = "hostname", doc = "Its name in DNS" },
        ip = { type = "ip", doc = "Its public address, once it has one" },
      },
      timeout = { create = 1800, update = 900, delete = 900 },
    },
    placement_group = {
      body = "placement_group",
      schema = {
        name = name("Title"),
        strategy = {
          type = "enum",
          one_of = { "spread", "spread-strict", "none" },
          default = "spread",
          doc = "spread: on different hosts where possible; spread-strict: or not at all",
        },
        labels = LABELS,
      },
      outputs = { id = { type = "string", doc = "UUID" } },
      timeout = { create = 300, delete = 300 },
    },
    snapshot = {
      body = "snapshot",
      schema = {
        name = name("Title", 120),
        volume = { type = "ref", required = true, replace = true, doc = "Volume, or the UUID of a storage" },
        labels = LABELS,
      },
      outputs = { id = { type = "string", doc = "UUID" }, size = { type = "size", doc = "Capacity of what it is of" } },
      timeout = { create = 3600, delete = 900 },
    },
    bucket = {
      body = "bucket",
      schema = {
        name = {
          type = "string",
          min = 3,
          max = 63,
          pattern = "^[%w.,_-]+$",
          computed = true,
          replace = true,
          doc = "Name, unique in its service; made from the address when absent",
        },
        zone = {
          type = "string",
          computed = true,
          replace = true,
          doc = "Zone whose region it is in, such as de-fra1; that of the provider when absent",
        },
        service = {
          type = "string",
          computed = true,
          replace = true,
          doc = "Object storage it is in, by its UUID; when absent that of the workspace in the region, which is made "
            .. "with its first bucket and deleted with its last",
        },
      },
      outputs = {
        id = { type = "string", doc = "SERVICE/NAME" },
        endpoint = { type = "url", doc = "Where S3 clients find it: the address without the name" },
      },
      timeout = { create = 1800, delete = 1800 },
    },
  },
  catalog = require("catalog"),
  account = function(ctx)
    local account, e = require("api").call(ctx, "get", "/account", nil, "account")
    if not account then
      return nil, e
    end
    return {
      name = account.username,
      detail = account.credits and ("%.2f %s of credit"):format(account.credits / 100, ctx.config.currency) or nil,
    }
  end,
}
