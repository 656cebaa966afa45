--- The builder recipes use: op.<name> { ... } gives one op as data.

local args = require("prov.host.args")
local err = require("prov.err")
local suggest = require("prov.suggest")
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

local OF_OP = { op = true } -- what tells these errors from a recipe's own
local OWN = debug.getinfo(1, "S").source

-- Where the recipe made the op: the first frame above the builder that is not of the ops themselves.
local function place()
  local level = 3
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info or info.source == require("prov.host.recipe").SOURCE then
      return nil -- it was the recipe's last call, which leaves no frame
    elseif info.what ~= "C" and info.source ~= OWN and not info.source:find("/host/ops/", 1, true) then
      return { file = info.source:gsub("^@", ""), line = info.currentline }
    end
    level = level + 1
  end
end

local function refuse(at, hint, message, ...)
  error(err.new("invalid", message:format(...), {
    file = at and at.file, line = at and at.line, hint = hint, data = OF_OP,
  }), 0)
end

local function notify_list(name, given, at)
  local notify = given.notify
  if notify == nil then
    return nil
  elseif type(notify) == "string" then
    notify = { notify }
  end
  for _, event in ipairs(notify) do
    if type(event) ~= "string" or not event:find("^[%a_][%w_-]*$") then
      refuse(at, nil, "op.%s: notify must be an event name", name)
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
    local at = place()
    local notify = notify_list(name, given, at)
    local made, more, hint = args.complete(decl, given)
    if not made then
      refuse(at, hint, "op.%s: %s", name, more)
    end
    if decl.becomes then
      made.notify = notify
      local other = decl.becomes(made, M.op)
      if #more > 0 then -- what the other op got is plain by now
        other.secrets, other.args.opaque = more, true
      end
      return other
    end
    return {
      op = name, args = made, secrets = #more > 0 and more or nil, notify = notify, title = decl.title(made), at = at,
    }
  end
end

local builders = { text = text.join, map_text = text.map }

local op_mt = {
  __index = function(_, name)
    if not builders[name] and not known[name] then
      local hint = suggest.hint(tostring(name), M.NAMES) or "ops are: " .. table.concat(M.NAMES, " ")
      refuse(place(), hint, "there is no op '%s'", tostring(name))
    end
    builders[name] = builders[name] or builder(name)
    return builders[name]
  end,
  __newindex = function()
    error("op cannot be changed", 2)
  end,
  __metatable = false,
}

--- What recipes get: op.<name>{...}, op.text(...), op.map_text(value, fn). Each gets one of its own:
-- what it writes into it by force reaches no other.
---@return table
function M.new()
  return setmetatable({}, op_mt)
end

M.op = M.new()

return M
