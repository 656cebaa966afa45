--- Checks and completes the arguments of an op against its schema.
--
-- The schema has the shape of prov.contract's, with a few types more that only hosts have:
-- bytes (any string), path (absolute), mode, account, unit, package, event, name.

local suggest = require("prov.suggest")
local text = require("prov.host.text")

local M = {}

local PATTERN = {
  account = { "^[%w_][%w_.-]*%$?$", "a user or group name" },
  unit = { "^[%w@_.:\\][%w@_.:\\-]*$", "a service name" },
  package = { "^[%w][%w+._-]*:?[%w]*$", "a package name" },
  event = { "^[%a_][%w_-]*$", "an event name (letters, digits, - and _)" },
  name = { "^[%w][%w_. -]*$", "a name (letters, digits, - _ . and spaces)" },
}

local check -- of one value

local function shown(value)
  return type(value) == "table" and "a table" or type(value) == "string" and ("'%s'"):format(value) or tostring(value)
end

local function range_text(rule)
  if rule.min and rule.max then
    return (" from %d to %d"):format(rule.min, rule.max)
  end
  return rule.min and " of at least " .. rule.min or ""
end

local function check_string(kind, value)
  if type(value) == "number" and kind ~= "path" then
    value = tostring(value)
  end
  if type(value) ~= "string" then
    return nil, ("must be a string, not a %s"):format(type(value))
  end
  local pattern = PATTERN[kind]
  if pattern and not value:find(pattern[1]) then
    return nil, ("'%s' is not %s"):format(value, pattern[2])
  elseif kind == "path" then
    if value:sub(1, 1) ~= "/" then
      return nil, ("'%s' is not an absolute path"):format(value)
    elseif value:find("[\n%z]") then
      return nil, "the path holds a newline or NUL byte"
    end
  elseif kind == "string" and value:find("%z") then
    return nil, "holds a NUL byte"
  end
  return value
end

local function check_mode(value)
  local digits = type(value) == "string" and value:match("^0*([0-7]?[0-7][0-7][0-7])$")
  if not digits then
    return nil, ("'%s' is not a mode; write it as a string of octal digits, such as \"0644\""):format(tostring(value))
  end
  return digits
end

local function check_many(rule, value, pairs_of)
  if type(value) ~= "table" then
    return nil, ("must be a %s, not a %s"):format(rule.type, type(value))
  end
  local out = {}
  for key, item in pairs_of(value) do
    local checked, why = check(rule.of, item)
    if checked == nil then
      return nil, ("%s: %s"):format(tostring(key), why)
    end
    out[key] = checked
  end
  return out
end

function check(rule, value)
  local kind = rule and rule.type
  if kind == nil then
    return value
  elseif kind == "bool" then
    if type(value) ~= "boolean" then
      return nil, "must be true or false, not " .. shown(value)
    end
    return value
  elseif kind == "int" then
    local number = math.tointeger(value)
    if not number or rule.min and number < rule.min or rule.max and number > rule.max then
      return nil, ("must be a whole number%s, not %s"):format(range_text(rule), shown(value))
    end
    return number
  elseif kind == "number" then
    if type(value) ~= "number" or rule.min and value < rule.min then
      return nil, ("must be a number%s, not %s"):format(range_text(rule), shown(value))
    end
    return value
  elseif kind == "enum" then
    for _, one in ipairs(rule.one_of) do
      if one == value then
        return value
      end
    end
    local hint = type(value) == "string" and suggest.hint(value, rule.one_of)
    return nil, ("must be one of: %s; not %s%s"):format(table.concat(rule.one_of, ", "), shown(value),
      hint and (" (%s)"):format(hint) or "")
  elseif kind == "list" then
    return check_many(rule, value, ipairs)
  elseif kind == "map" then
    return check_many(rule, value, pairs)
  elseif kind == "mode" then
    return check_mode(value)
  end
  return check_string(kind, value)
end

-- Every name an op takes, for "did you mean".
local function names_of(schema)
  local names = { "notify" }
  for field in pairs(schema) do
    names[#names + 1] = field
  end
  return names
end

--- Gives the completed arguments, all secrets in them, and whether there are any.
-- `given` may hold positional values first.
---@param decl table the op's declaration
---@param given table
---@return table? args
---@return string|table why, or the secrets (a list of strings)
---@return string? hint
function M.complete(decl, given)
  local named, secrets = {}, {}
  if decl.rest then
    local rest = {}
    for i, value in ipairs(given) do
      rest[i] = value
    end
    named[decl.rest] = #rest > 0 and rest or given[decl.rest]
  else
    for i, value in ipairs(given) do
      local field = decl.positional and decl.positional[i]
      if not field then
        return nil, ("takes %d unnamed arguments"):format(decl.positional and #decl.positional or 0), decl.example
      end
      named[field] = value
    end
  end
  for field, value in pairs(given) do
    if type(field) == "string" and field ~= "notify" then
      if not decl.schema[field] then
        local hint = suggest.hint(field, names_of(decl.schema))
      return nil, ("there is no '%s'%s"):format(field, hint and (" (%s)"):format(hint) or "")
      end
      named[field] = value
    end
  end
  local out = {}
  for field, rule in pairs(decl.schema) do
    local value = text.reveal(named[field], secrets)
    if value == nil then
      value = rule.default
    end
    if value == nil and rule.required then
      return nil, ("needs %s (%s)"):format(field, rule.doc or rule.type), decl.example
    elseif value ~= nil then
      local checked, why = check(rule, value)
      if checked == nil then
        return nil, ("%s: %s"):format(field, text.mask(why, secrets))
      end
      out[field] = checked
    end
  end
  out.opaque = out.secret or #secrets > 0
  local why = decl.check and decl.check(out)
  if why then
    return nil, why
  end
  return out, secrets
end

return M
