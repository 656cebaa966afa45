--- Whether providers can be used: the credentials there are, the way to the API, and who the account is.

local async = require("prov.async")
local clock = require("prov.clock")
local data = require("core.data")
local err = require("prov.err")

local M = {}

--- One row: who a provider says we are, or why it cannot be used.
local function look(providers, name)
  local began = clock.monotonic()
  local declaration, e = providers:declaration(name)
  if not declaration then
    return { provider = name, ok = false, detail = tostring(e) }
  end
  local ctx
  ctx, e = providers:ctx(name)
  if ctx and not declaration.account then
    return { provider = name, ok = true, detail = "needs no account" }
  end
  local found
  if ctx then
    local ok, given, why = pcall(declaration.account, ctx)
    found = ok and given or nil
    e = ok and why or given
    e = not found and (err.is(e) and e or err.new("failed", tostring(e))) or nil
  end
  local row = { provider = name, ok = found ~= nil, ms = math.floor(clock.monotonic() - began) }
  if found then
    row.account, row.detail = found.name, found.detail
  else
    row.detail = tostring(e) .. (e.hint and "; " .. e.hint or "")
  end
  return row
end

--- The operation `provider check`: all providers at once.
---@async
---@param ctx prov.Ctx
---@param p { name: string[]? }
---@return table[]? rows, prov.Err?
function M.run(ctx, p)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "try" }))
  local names = p.name
  if not (names and names[1]) then
    if project.infra_error then
      return nil, project.infra_error
    end
    names = data.keys(project.infra.providers or {})
  end
  local rows = data.list({})
  local ok, e = async.scope(function(scope)
    for i, name in ipairs(names) do
      scope:spawn(function()
        rows[i] = look(project.providers, name)
        return true
      end)
    end
    return true
  end)
  return ok and rows or nil, e
end

return M
