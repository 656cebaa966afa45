--- What DNS zones and records share: the calls, and names as Route 53 writes them.

local api = require("api")

local M = {}

--- Calls an operation of Route 53.
function M.call(ctx, operation, params)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  return client:call("route53", operation, params)
end

--- All items of an operation that answers in pages.
function M.all(ctx, operation, params, field)
  local client, e = api.client(ctx)
  if not client then
    return nil, e
  end
  return client:all("route53", operation, params, field)
end

--- An id without the path that some answers have before it: /hostedzone/Z1 is Z1.
function M.id(text)
  return text:match("[^/]+$")
end

--- A name as people write it: Route 53 has a dot behind it, and writes what is not usual as \052.
function M.name(text)
  return (text:gsub("\\(%d%d%d)", function(octal)
    return string.char(tonumber(octal, 8))
  end):gsub("%.$", ""):lower())
end

--- True for the records that Route 53 makes with a zone and keeps.
---@param zone string its name
function M.is_of_zone(set, zone)
  return (set.Type == "NS" or set.Type == "SOA") and M.name(set.Name) == M.name(zone)
end

return M
