--- What the servers of the simulated Hetzner Cloud are as real ones; see prov.simulate.machines.

local NONE = require("prov.simulate.cloud").NONE
local ipam = require("prov.machine.ipam")

local function addresses(w, object)
  local out = {}
  for _, kind in ipairs({ "primary_ip", "floating_ip" }) do
    for _, one in ipairs(w:holders(object, kind)) do
      if one.type == "ipv4" then
        out[#out + 1] = one.ip
      end
    end
  end
  return out
end

local function private_addresses(w, object)
  local out = {}
  for _, net in ipairs(object.nets) do
    local network = w:get("network", net.network)
    local range = network and ipam.network(network.ip_range, 8, 30)
    for _, ip in ipairs(range and { net.ip, table.unpack(net.alias_ips or {}) } or {}) do
      out[#out + 1] = ("%s/%d"):format(ip, range.prefix)
    end
  end
  return out
end

local function keys(w, object)
  local out = {}
  for _, id in ipairs(object.keys) do
    local key = w:get("ssh_key", id)
    out[#out + 1] = key and key.public_key
  end
  return out
end

local function is_on(action, object)
  for _, one in ipairs(action.resources) do
    if one.type == "server" and one.id == object.id then
      return true
    end
  end
  return false
end

---@type prov.simulate.MachineForm
return {
  kind = "server",
  running = { running = true, starting = true },
  of = function(w, object)
    local plan, image = w:get("server_type", object.plan), w:get("image", object.image)
    return {
      hostname = object.name,
      image = image and image.name,
      login = { user = "root", keys = keys(w, object) },
      user_data = object.user_data,
      memory = math.floor(plan.memory * (1 << 30)),
      cpus = plan.cores,
      public = addresses(w, object),
      private = private_addresses(w, object),
    }
  end,
  failed = function(w, object, why)
    w:change(object, { state = "off", made = true, locked_until = NONE, next = NONE })
    for _, action in ipairs(w:list("action")) do
      if action.state == "running" and is_on(action, object) then
        w:change(action, {
          state = "error",
          error = { code = "action_failed", message = why },
          ends = w.world:now(),
          next = NONE,
        })
      end
    end
  end,
}
