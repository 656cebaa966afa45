--- Real Linux servers on this machine, without a hypervisor.

--- An IPv4 range of a size that a lab has room for, written with its first address.
local function check_range(cidr)
  local parts = {}
  for number in cidr:gmatch("%f[%w]%d+%f[%W]") do
    parts[#parts + 1] = math.tointeger(tonumber(number))
  end
  local a, b, c, d, prefix = table.unpack(parts)
  if cidr:find(":", 1, true) or not prefix or prefix < 16 or prefix > 29 then
    return false, "must be an IPv4 range with a prefix from 16 to 29"
  end
  local address = (a << 24) + (b << 16) + (c << 8) + d
  local first = address & ~((1 << (32 - prefix)) - 1)
  if first ~= address then
    return false, ("the range begins at %d.%d.%d.%d/%d"):format(
      first >> 24, first >> 16 & 255, first >> 8 & 255, first & 255, prefix)
  end
  return true
end

---@type prov.Provider
return {
  kind = "provider",
  api = 1,
  name = "local",
  summary = "Real Linux servers on this machine: namespaces, overlay images, own networks",
  config = {
    backend = {
      type = "enum",
      one_of = { "namespaces", "podman" },
      default = "namespaces",
      doc = "How new servers run: built in, or as containers of podman with runc",
    },
    lab = {
      type = "string",
      pattern = "^[a-z0-9][a-z0-9-]*$",
      doc = "Name of the lab that holds networks and servers; by default made from the workspace's name and folder",
    },
    dir = { type = "path", doc = "Folder for the servers' files, /var/lib/prov/local or $PROV_LOCAL_DIR by default" },
  },
  limits = { concurrency = 10 },
  resources = {
    network = {
      body = "network",
      schema = {
        cidr = {
          type = "cidr",
          replace = true,
          check = check_range,
          doc = "IPv4 range, prefix 16 to 29; a free one is taken when absent",
          example = "10.77.0.0/24",
        },
        nat = {
          type = "bool",
          default = false,
          replace = true,
          doc = "A way out of this machine for TCP and names; none when false",
        },
      },
      outputs = {
        name = { type = "string", doc = "Name of the network" },
        gateway = { type = "ip", doc = "This machine's address in the network" },
        netns = { type = "path", doc = "Network namespace that reaches the network" },
      },
      timeout = { create = 60, delete = 60 },
    },
    server = {
      body = "server",
      schema = {
        network = {
          type = "ref",
          required = true,
          replace = true,
          doc = "Network to be in",
          example = "${network.lan}",
        },
        image = {
          type = "enum",
          one_of = {
            "debian-12", "debian-12-python", "debian-13", "debian-13-python",
            "ubuntu-22.04", "ubuntu-22.04-python", "ubuntu-24.04", "ubuntu-24.04-python",
          },
          default = "debian-12",
          replace = true,
          doc = "debian-12, debian-13, ubuntu-22.04 or ubuntu-24.04; with -python appended, Python is in it",
        },
        hostname = {
          type = "hostname",
          replace = true,
          doc = "Name inside the server; made from its address when absent, such as web-1",
        },
        ip = { type = "ip", replace = true, computed = true, doc = "Fixed address; the next free one when absent" },
        cpus = { type = "number", min = 0.01, doc = "Processor time, 1 is one processor; all when absent" },
        memory = { type = "size", min = 33554432, doc = "Memory limit; none when absent", example = "512MiB" },
        nesting = { type = "bool", default = false, replace = true, doc = "Allows docker or containerd inside" },
        init = {
          type = "enum",
          one_of = { "systemd", "sshd" },
          default = "systemd",
          replace = true,
          doc = "First process; sshd starts no services",
        },
        ports = {
          type = "list",
          of = {
            type = "record",
            fields = {
              host = { type = "port", required = true, doc = "Port of this machine" },
              guest = { type = "port", required = true, doc = "Port of the server" },
            },
          },
          default = {},
          doc = "Ports of this machine's loopback that lead into the server",
          example = "- { host = 8080, guest = 80 }",
        },
        volumes = {
          type = "list",
          of = {
            type = "record",
            fields = {
              volume = { type = "ref", required = true, doc = "Volume to bind" },
              path = { type = "path", required = true, doc = "Where it is in the server" },
            },
          },
          default = {},
          doc = "Volumes bound into the server",
        },
      },
      outputs = {
        private_ip = { type = "ip", doc = "Same as ip" },
        status = { type = "string", doc = "running or stopped" },
        ssh = { type = "map", doc = "host, port, user, host_key and netns to reach it by SSH" },
      },
      actions = { "start", "stop", "restart" },
      timeout = { create = 2100, delete = 120 },
    },
    volume = {
      body = "volume",
      schema = {},
      outputs = {
        name = { type = "string", doc = "Name of the volume" },
        path = { type = "path", doc = "Folder on this machine that holds it" },
      },
      timeout = { create = 60, delete = 300 },
    },
  },
  catalog = {
    images = {
      { name = "debian-12", summary = "Debian 12 bookworm" },
      { name = "debian-13", summary = "Debian 13 trixie" },
      { name = "ubuntu-22.04", summary = "Ubuntu 22.04 jammy, where a mirror is configured" },
      { name = "ubuntu-24.04", summary = "Ubuntu 24.04 noble, where a mirror is configured" },
    },
  },
}
