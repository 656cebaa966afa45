--- Addresses: `[module.<name>["key"].]<kind>.<name>[key]` and `taskserv.<name>@<server address>`.
-- Names of secrets are paths: `secret.db/password`.

local err = require("prov.err")

local M = {}

---@class prov.Address
---@field kind string
---@field name string
---@field key? string|integer
---@field modules? { name: string, key: string|integer? }[]
---@field server? string address, for taskservs

local NAME = "^[%a_][%w_-]*"
local PATH = "^[%a_][%w_/-]*"

--- True for what may stand as a name in an address.
---@param kind? string of what has the name
---@return boolean
function M.is_name(text, kind)
  if type(text) ~= "string" then
    return false
  elseif kind == "secret" then
    return text:match(PATH .. "$") ~= nil and not text:find("//", 1, true) and text:sub(-1) ~= "/"
  end
  return text:match(NAME .. "$") ~= nil
end

--- What to say of something that is no name.
---@param text any
---@param kind? string of what should have had the name
---@return string
function M.no_name(text, kind)
  return ("'%s' cannot be a name: use letters, digits, - and _%s, starting with a letter or _"):format(tostring(text),
    kind == "secret" and ", and / between parts" or "")
end

--- The same as a pattern of JSON Schema (ECMA 262), which stands for the whole text.
---@param kind? string of what has the name
---@param last? string pattern of what may follow the name
---@return string
function M.name_pattern(kind, last)
  local parts = kind == "secret" and "(/[A-Za-z0-9_-]+)*" or ""
  return ("^[A-Za-z_][A-Za-z0-9_-]*%s%s$"):format(parts, last or "")
end

--- Writes a key: 1 gives `[1]`, "a" gives `["a"]`.
---@param key string|integer
---@return string
function M.format_key(key)
  if math.type(key) == "integer" then
    return "[" .. key .. "]"
  end
  return '["' .. key:gsub('[\\"]', "\\%0") .. '"]'
end

local function read_key(text, at)
  local number, stop = text:match("^%[(%d+)%]()", at)
  if number then
    return math.tointeger(number), stop
  end
  if text:sub(at, at + 1) ~= '["' then
    return nil, at
  end
  local out, i = {}, at + 2
  while i <= #text do
    local c = text:sub(i, i)
    if c == '"' then
      if text:sub(i + 1, i + 1) ~= "]" then
        return nil, at
      end
      return table.concat(out), i + 2
    elseif c == "\\" then
      i = i + 1
      c = text:sub(i, i)
    end
    out[#out + 1] = c
    i = i + 1
  end
  return nil, at
end

--- Reads `<name>[key]` at `at`; returns name, key, next position.
local function read_named(text, at, pattern)
  local name = text:match(pattern or NAME, at)
  if not name then
    return nil
  end
  local key, stop = read_key(text, at + #name)
  return name, key, stop
end

local function bad(text)
  return err.fail(
    "invalid",
    "'%s' is not an address; one looks like server.web[1] or taskserv.nginx@server.web",
    text
  )
end

--- Reads an address at the start of text. Returns it and the position behind it.
---@param text string
---@param at? integer
---@return prov.Address? address, integer|prov.Err next position
function M.read(text, at)
  at = at or 1
  local modules
  while text:sub(at, at + 6) == "module." do
    local name, key, stop = read_named(text, at + 7)
    if not name or text:sub(stop, stop) ~= "." then
      return bad(text)
    end
    modules = modules or {}
    modules[#modules + 1] = { name = name, key = key }
    at = stop + 1
  end
  local kind = text:match(NAME, at)
  if not kind or text:sub(at + #kind, at + #kind) ~= "." then
    return bad(text)
  end
  local name, key, stop = read_named(text, at + #kind + 1, kind == "secret" and PATH or nil)
  if not name then
    return bad(text)
  end
  local address = { kind = kind, name = name, key = key, modules = modules }
  if kind == "taskserv" and text:sub(stop, stop) == "@" then
    local server, after = M.read(text, stop + 1)
    if not server then
      return nil, after
    end
    address.server = text:sub(stop + 1, after - 1)
    stop = after
  end
  return address, stop
end

--- Parses a whole address.
---@param text string
---@return prov.Address?, prov.Err?
function M.parse(text)
  local address, stop = M.read(text)
  if not address then
    return nil, stop
  end
  if stop ~= #text + 1 then
    return bad(text)
  end
  return address
end

--- Position behind the key that begins at one, nil when none does.
---@param text string
---@param at integer
---@return integer?
function M.behind_key(text, at)
  local key, stop = read_key(text, at)
  return key ~= nil and stop or nil
end

--- An address without the key at its end: "server.web" for "server.web[1]".
---@param text string
---@return string
function M.base(text)
  local at = text:byte(-1) == 93 and 1 or nil -- of ]
  while at do
    at = text:find("[", at, true)
    local stop = at and M.behind_key(text, at)
    if stop and stop > #text then
      return text:sub(1, at - 1)
    end
    at = stop
  end
  return text
end

--- True when a text is the address of an instance of what another one names: `server.web[1]` of `server.web`.
---@param text string
---@param base string
---@return boolean
function M.is_instance(text, base)
  return M.behind_key(text, #base + 1) == #text + 1 and text:sub(1, #base) == base
end

--- Writes an address.
---@param address prov.Address
---@return string
function M.format(address)
  local out = {}
  for _, module in ipairs(address.modules or {}) do
    out[#out + 1] = "module." .. module.name .. (module.key ~= nil and M.format_key(module.key) or "") .. "."
  end
  out[#out + 1] = address.kind .. "." .. address.name
  if address.key ~= nil then
    out[#out + 1] = M.format_key(address.key)
  end
  if address.server then
    out[#out + 1] = "@" .. address.server
  end
  return table.concat(out)
end

--- A host name from an address: "server.web[2]" -> "web-2", 'server.db["Eu West"]' -> "db-eu-west".
---@param address string
---@return string
function M.short_name(address)
  local name, key = address:match("%.([^.%[]+)%[(.-)%]$")
  name = name or address:match("([^.]+)$") or address
  local text = (key and name .. "-" .. key or name):lower():gsub("[^a-z0-9]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")
  return text ~= "" and text:sub(1, 60) or "x"
end

return M
