--- What the instances of the simulated AWS are as real ones; see prov.simulate.machines.

local base = require("core.base")
local catalog = require("prov.simulate.aws.catalog")
local interfaces = require("prov.simulate.aws.interfaces")
local ipam = require("prov.machine.ipam")
local kit = require("prov.simulate.aws.kit")

local M = {}

-- what the names of images begin with, the real image, who logs in there
local SYSTEMS = {
  { "^debian%-(%d+)%-", "debian-%s", "admin", "Debian" },
  { "^ubuntu/.*%-(%d+%.%d+)%-", "ubuntu-%s", "ubuntu", "Ubuntu" },
}

--- The real image for one of AWS's, and the user whom its cloud-init makes; nil when there is none.
---@param image prov.simulate.Object
---@return { image: string, user: string, gecos: string }?
function M.system(image)
  for _, row in ipairs(image.owner ~= kit.ACCOUNT and SYSTEMS or {}) do
    local version = image.name:match(row[1])
    if version then
      return { image = row[2]:format(version), user = row[3], gecos = row[4] }
    end
  end
end

--- Public addresses, and private ones in the range of the VPC: its subnets reach each other.
local function addresses(call, instance)
  local public, private = {}, {}
  for _, interface in ipairs(interfaces.of_instance(call, instance)) do
    local vpc = call.w:get("vpc", interface.vpc)
    public[#public + 1] = interfaces.public_ip(call, interface)
    private[#private + 1] = vpc and ("%s/%d"):format(interface.ip, ipam.network(vpc.cidr, 16, 28).prefix)
  end
  return public, private
end

---@type prov.simulate.MachineForm
M.form = {
  kind = "instance",
  running = { running = true },
  gone = { terminated = true },
  of = function(w, instance)
    local call = { w = w, region = instance.region }
    local system = M.system(w:get("image", instance.image))
    local public, private = addresses(call, instance)
    local row = catalog.type(instance.plan)
    local first = interfaces.of_instance(call, instance)[1]
    return {
      hostname = kit.private_name(instance.region, first.ip),
      image = system.image,
      login = { user = system.user, gecos = system.gecos, keys = { instance.public_key } },
      user_data = instance.user_data and base.unbase64(instance.user_data),
      memory = row[4] << 20,
      cpus = row[2],
      public = public,
      private = private,
    }
  end,
  failed = function(w, instance, why)
    require("prov.simulate.aws.instances").fail({ w = w, region = instance.region }, instance, why)
  end,
}

return M
