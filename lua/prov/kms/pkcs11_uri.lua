--- URIs of PKCS#11 (RFC 7512): pkcs11:token=prov;object=kek?module-path=/usr/lib/...so&pin-source=/etc/prov/pin
-- Text in, table out: no file is looked at here.

local err = require("prov.err")

local M = {}

---@class prov.Pkcs11Uri
---@field token? string
---@field manufacturer? string
---@field serial? string
---@field model? string
---@field slot? integer
---@field object string label of the key
---@field id? string bytes; one version of the key
---@field module_path? string
---@field module_name? string
---@field pin_file? string

local SCHEME <const> = "pkcs11:"

-- Attribute -> field of the result; false is known to the RFC and says nothing here.
local PATH <const> = {
  ["token"] = "token",
  ["manufacturer"] = "manufacturer",
  ["serial"] = "serial",
  ["model"] = "model",
  ["object"] = "object",
  ["id"] = "id",
  ["slot-id"] = "slot",
  ["type"] = "type",
  ["library-manufacturer"] = false,
  ["library-description"] = false,
  ["library-version"] = false,
  ["slot-manufacturer"] = false,
  ["slot-description"] = false,
}
local QUERY <const> = {
  ["module-path"] = "module_path",
  ["module-name"] = "module_name",
  ["pin-source"] = "pin_file",
  ["pin-value"] = "pin_value",
}

local function fail(column, fmt, ...)
  local _, e = err.fail("invalid", fmt, ...)
  e.column = column
  return nil, e
end

--- Turns %XX into bytes; the position of one that is none else.
local function unescape(text)
  local bad = text:gsub("%%%x%x", "..."):find("%", 1, true)
  if bad then
    return nil
  end
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

--- What an attribute means, where that is not its text.
local READ <const> = {
  slot = function(value, column)
    local slot = value:match("^%d+$") and math.tointeger(tonumber(value))
    if not slot then
      return fail(column, "slot-id is a number")
    end
    return slot
  end,
  type = function(value, column)
    if value ~= "secret-key" then
      return fail(column, "type is secret-key here, not '%s'", value)
    end
    return value
  end,
  module_path = function(value, column)
    if value:sub(1, 1) ~= "/" then
      return fail(column, "module-path is an absolute path")
    end
    return value
  end,
  module_name = function(value, column)
    if not value:find("^[%w_-]+$") then
      return fail(column, "module-name is a name such as softhsm2; a path is module-path")
    end
    return value
  end,
  pin_file = function(value, column)
    local path = value:gsub("^file:", ""):gsub("^//", "")
    if path:sub(1, 1) ~= "/" then
      return fail(column, "pin-source is an absolute path of a file, or file:/path")
    end
    return path
  end,
  pin_value = function(_, column)
    local _, e = fail(column, "pin-value stands where everybody can read it")
    e.hint = "write the PIN into a file of mode 0600, name that as pin-source, and change the PIN that was written here"
    return nil, e
  end,
}

--- Reads the attributes between two places of the URI into out.
local function attributes(uri, from, to, separator, known, out)
  local at = from
  while at <= to do
    local stop = (uri:find(separator, at, true) or to + 1) - 1
    stop = math.min(stop, to)
    local name, raw = uri:sub(at, stop):match("^([^=]*)=(.*)$")
    if not name then
      return fail(at, "attributes of a PKCS#11 URI are name=value")
    end
    local field = known[name]
    if field == nil and not name:find("^x%-") then
      return fail(at, "'%s' is no attribute of a PKCS#11 URI in this place", name:sub(1, 40))
    end
    if field then
      local value = unescape(raw)
      if not value then
        return fail(at + #name + 1, "%% in a PKCS#11 URI is followed by two hexadecimal digits")
      elseif out[field] ~= nil then
        return fail(at, "'%s' stands twice", name)
      elseif value == "" or field ~= "id" and value:find("\0", 1, true) then
        return fail(at, "'%s' has no value that it can have", name)
      end
      local e
      if READ[field] then
        value, e = READ[field](value, at + #name + 1)
        if value == nil then
          return nil, e
        end
      end
      out[field] = value
    end
    at = stop + 2
  end
  return out
end

--- Reads a URI. Errors tell the column and never the value of a PIN.
---@param uri string
---@return prov.Pkcs11Uri?
---@return prov.Err? err "invalid"
function M.parse(uri)
  if uri:sub(1, #SCHEME) ~= SCHEME then
    return fail(1, "a PKCS#11 URI begins with pkcs11:")
  end
  local mark = uri:find("?", 1, true) or #uri + 1
  local out, e = attributes(uri, #SCHEME + 1, mark - 1, ";", PATH, {})
  if out then
    out, e = attributes(uri, mark + 1, #uri, "&", QUERY, out)
  end
  if not out then
    return nil, e
  end
  if not out.object then
    return fail(mark, "the PKCS#11 URI names no key: object=LABEL is missing")
  elseif not (out.module_path or out.module_name) then
    return fail(mark, "the PKCS#11 URI names no module: module-path=/path/of/module.so or module-name=softhsm2")
  elseif out.module_path and out.module_name then
    return fail(mark, "the PKCS#11 URI has module-path and module-name: one is enough")
  end
  out.type = nil
  return out
end

return M
