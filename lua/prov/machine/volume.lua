--- The volumes of a lab: folders of this machine that are bound into servers; methods of
-- prov.machine.Lab.

local err = require("prov.err")
local fs = require("prov.fs")

local function volume_state(lab, id, described)
  return { id = id, name = described.name or id:gsub("%-%x+$", ""), path = lab:folder("volumes", id) .. "/data" }
end

return function(Lab)
  ---@async
  ---@param want { key: string, name: string }
  ---@param adopt? fun(id: string)
  function Lab:volume_create(want, adopt)
    local id, described
    do
      local lock <close>, e = self:lock()
      if not lock then
        return nil, e
      end
      self:sweep()
      id, described = self:by_key("volumes", want.key)
      if not id then
        id, described = self:appear("volumes", want.name, function()
          return { name = want.name, key = want.key }, { folders = { { "data", 493 } } }
        end)
      end
      if not id then
        return nil, described
      end
    end
    local ok, e = self:keep("volumes", id)
    if not ok then
      return nil, e
    end
    if adopt then
      adopt(id)
    end
    return volume_state(self, id, described)
  end

  ---@async
  function Lab:volume_read(id)
    local described, e = self:get("volumes", id)
    if not described and (not e or e.code ~= "corrupt") then
      return nil, e
    end
    return volume_state(self, id, described or {}) -- the folder has all that matters of it
  end

  ---@async
  function Lab:volume_find(key)
    local id, described = self:by_key("volumes", key)
    return id and volume_state(self, id, described) or nil
  end

  ---@async
  function Lab:volume_list()
    local states = {}
    for id, described in pairs(self:all("volumes")) do
      states[#states + 1] = volume_state(self, id, described)
    end
    table.sort(states, function(a, b)
      return a.id < b.id
    end)
    return states
  end

  --- Removes a volume with what is on it; refused while a server has it.
  ---@async
  function Lab:volume_delete(id)
    local described, damage = self:get("volumes", id)
    if damage and damage.code ~= "corrupt" then
      return nil, damage
    end
    if described or damage then
      local lock <close>, e = self:lock()
      if not lock then
        return nil, e
      end
      for server, other in pairs(self:all("servers")) do
        for _, line in ipairs(other.volume) do
          if line:find(self:folder("volumes", id) .. "/data:", 1, true) == 1 then
            local name = described and described.name or id
            return err.fail("conflict", "volume '%s' is in use by the server '%s'", name, server)
          end
        end
      end
      local ok
      ok, e = fs.rename(self:folder("volumes", id), ("%s/volumes/.gone-%s"):format(self.dir, id))
      if not ok then
        return nil, e
      end
    end
    return self:close_empty()
  end
end
