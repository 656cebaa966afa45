--- The builder recipes use: op.<name> { ... } gives one op as data.

local args = require("prov.host.args")
local err = require("prov.err")
local text = require("prov.host.text")

local M = {}

--- All ops, in the order of the guide.
M.NAMES = {
  "pkg", "repo", "file", "template", "line", "block", "dir", "link", "user", "group", "service", "sysctl", "exec",
  "download", "archive", "wait", "port", "http", "command",
}

local known = {}
for _, name in ipairs(M.NAMES) do
  known[name] = true
end

--- The declaration of an op.
---@param name string
---@return table?
function M.declaration(name)
  return known[name] and require("prov.host.ops." .. name) or nil
end

local function notify_list(name, given)
  local notify = given.notify
  if notify == nil then
    return nil
  elseif type(notify) == "string" then
    notify = { notify }
  end
  for _, event in ipairs(notify) do
    if type(event) ~= "string" or not event:find("^[%a_][%w_-]*$") then
      error(err.new("invalid", ("op.%s: notify must be an event name"):format(name)), 0)
    end
  end
  return notify
end

local function builder(name)
  local decl = M.declaration(name)
  return function(given)
    if type(given) ~= "table" then
      given = { given }
    end
    local notify = notify_list(name, given)
    local made, more = args.complete(decl, given)
    if not made then
      error(err.new("invalid", ("op.%s: %s"):format(name, more), { hint = decl.example }), 0)
    end
    if decl.becomes then
      made.notify = notify
      local other = decl.becomes(made, M.op)
      if #more > 0 then -- what the other op got is plain by now
        other.secrets, other.args.opaque = more, true
      end
      return other
    end
    return { op = name, args = made, secrets = #more > 0 and more or nil, notify = notify, title = decl.title(made) }
  end
end

--- What recipes get: op.<name>{...}, op.text(...), op.map_text(value, fn).
M.op = setmetatable({ text = text.join, map_text = text.map }, {
  __index = function(self, name)
    if not known[name] then
      error(err.new("invalid", ("there is no op '%s'"):format(tostring(name)), {
        hint = "ops are: " .. table.concat(M.NAMES, " "),
      }), 0)
    end
    local fn = builder(name)
    rawset(self, name, fn)
    return fn
  end,
})

return M
