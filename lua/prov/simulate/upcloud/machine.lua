--- What the servers of the simulated UpCloud are as real ones; see prov.simulate.machines.

local NONE = require("prov.simulate.cloud").NONE
local ipam = require("prov.machine.ipam")

local M = {}

--- The image for the title of a template: "Debian GNU/Linux 12 (Bookworm)" -> "debian-12".
---@param title string
---@return string?
function M.image(title)
  local version = title:match("^Debian GNU/Linux (%d+)")
  if version then
    return "debian-" .. version
  end
  version = title:match("^Ubuntu Server (%d+%.%d+)")
  return version and "ubuntu-" .. version
end

local function addresses(w, object)
  local public, private = {}, {}
  for _, interface in ipairs(object.interfaces) do
    local network = w:get("network", interface.network)
    local range = network and ipam.network(network.range.address, 8, 30)
    for _, ip in ipairs(interface.ips) do
      if ip.family == "IPv4" and interface.type == "public" then
        public[#public + 1] = ip.address
      elseif ip.family == "IPv4" and range then
        private[#private + 1] = ("%s/%d"):format(ip.address, range.prefix)
      end
    end
  end
  return public, private
end

---@type prov.simulate.MachineForm
M.form = {
  kind = "server",
  running = { started = true },
  of = function(w, object)
    local public, private = addresses(w, object)
    local keys = type(object.keys) == "table" and object.keys.ssh_key or object.keys
    return {
      hostname = object.hostname,
      image = object.template,
      login = { user = "root", keys = type(keys) == "table" and keys or {} },
      user_data = object.user_data,
      memory = object.memory << 20,
      cpus = object.cores,
      public = public,
      private = private,
    }
  end,
  failed = function(w, object)
    w:change(object, { state = "error", next = NONE })
  end,
}

return M
