--- Routers: route tables, internet gateways and NAT gateways, which are three things at AWS. Their ids say which.

local gateways = require("gateways")
local route_table = require("route_table")

local BODIES = { table = route_table, internet = gateways.internet, nat = gateways.nat }
local PREFIXES = { rtb = "table", igw = "internet", nat = "nat" }

local M = {}

--- The body for an id.
local function of_id(ctx, id)
  local body = BODIES[PREFIXES[id:match("^(%a+)%-")]]
  return body or error(ctx.error("invalid", ("'%s' is no id of a router at AWS"):format(id), {
    hint = "it begins with rtb-, igw- or nat-",
  }))
end

function M.create(ctx, want)
  local place = want.type == "nat" and "subnet" or "network"
  if not want[place] then
    return ctx.fail("invalid", "a router of type %s needs a %s", want.type, place)
  end
  return BODIES[want.type].create(ctx, want)
end

function M.read(ctx, id)
  return of_id(ctx, id).read(ctx, id)
end

function M.update(ctx, id, want)
  return of_id(ctx, id).update(ctx, id, want)
end

function M.delete(ctx, id)
  return of_id(ctx, id).delete(ctx, id)
end

function M.find(ctx, key)
  local type = ctx.want and ctx.want.type
  for _, name in ipairs(type and { type } or { "table", "internet", "nat" }) do
    local found, e = BODIES[name].find(ctx, key)
    if found or e then
      return found, e
    end
  end
end

function M.list(ctx)
  local out = ctx.json.list({})
  for _, name in ipairs({ "table", "internet", "nat" }) do
    local found, e = BODIES[name].list(ctx)
    if not found then
      return nil, e
    end
    table.move(found, 1, #found, #out + 1, out)
  end
  return out
end

return M
