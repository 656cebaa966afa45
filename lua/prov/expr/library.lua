--- The library of expressions: what there is to call, by name. See prov.expr.functions for how they are called.

local base = require("core.base")
local data = require("core.data")
local err = require("prov.err")
local net = require("prov.expr.net")
local settings = require("prov.settings")
local value = require("prov.value")

local M = {}

local null, list = value.null, data.list
local MAX_TEXT = 16 * 1024 * 1024
local TOO_LARGE = "the result is too large"

---@class prov.Function
---@field takes string types of its arguments: "text, list?, any..."
---@field doc string
---@field group string
---@field run fun(...): any, string?
---@field shallow? boolean it looks at no item of its arguments: those may be unknown
M.LIST = {}

local group -- of those that are defined next

local function define(name, takes, doc, run, shallow)
  local params, rest, least = {}, nil, 0
  for one in takes:gmatch("[^,%s]+") do
    local kind, mark = one:match("^(%a+)([?.]*)$")
    if mark == "..." then
      rest = kind
    else
      params[#params + 1] = kind
      least = mark == "" and #params or least
    end
  end
  M.LIST[name] = {
    name = name,
    group = group,
    takes = takes,
    doc = doc,
    run = run,
    shallow = shallow,
    params = params,
    rest = rest,
    least = least,
  }
end

local function is_list(v)
  return type(v) == "table" and not value.is_marked(v) and (value.is_list(v) or next(v) == nil)
end

local function is_map(v)
  return type(v) == "table" and not value.is_marked(v) and (not value.is_list(v) or next(v) == nil)
end

local CHECKS = {
  any = function()
    return true
  end,
  text = function(v)
    return type(v) == "string" or type(v) == "number"
  end,
  number = function(v)
    return type(v) == "number"
  end,
  int = function(v)
    return math.type(v) == "integer"
  end,
  bool = function(v)
    return type(v) == "boolean"
  end,
  list = is_list,
  map = is_map,
}

local function kind_of(v)
  if v == nil or v == null then
    return "null"
  end
  local kind = data.kind(v)
  return kind == "string" and ("%q"):format(#v > 40 and v:sub(1, 37) .. "..." or v)
    or (kind == "number" or kind == "boolean") and tostring(v) or "a " .. kind
end

--- A float without a fraction as an integer.
local function number(n)
  return math.type(n) == "float" and n == n and math.tointeger(n) or n
end

local function plain_text(v)
  if v == nil or v == null then
    return ""
  elseif is_list(v) then
    local out = {}
    for i, one in ipairs(v) do
      out[i] = plain_text(one)
    end
    return table.concat(out, ",")
  elseif type(v) == "table" then
    return require("prov.json").encode(v)
  end
  return tostring(v)
end

M.text_of = plain_text

local function equal(a, b)
  if a == nil then
    a = null
  end
  if b == nil then
    b = null
  end
  return a == b or type(a) == "table" and type(b) == "table" and data.encode(a) == data.encode(b)
end

-- Text ------------------------------------------------------------------------------------------

group = "Text"

define("join", "list, text?", "The items with a text between them", function(items, between)
  local out, size = {}, #items * #(between or "")
  for i, one in ipairs(items) do
    out[i] = plain_text(one)
    size = size + #out[i]
  end
  if size > MAX_TEXT then
    return nil, TOO_LARGE
  end
  return table.concat(out, between or "")
end)
define("split", "text, text", "The parts of a text between separators", function(text, between)
  local out, at = list({}), 1
  if between == "" then
    return nil, "the separator is empty"
  end
  while true do
    local from, to = text:find(between, at, true)
    out[#out + 1] = text:sub(at, (from or 0) - 1)
    if not from then
      return out
    end
    at = to + 1
  end
end)
define("lower", "text", "In small letters", string.lower)
define("upper", "text", "In capitals", string.upper)
define("trim", "text", "Without blanks at both ends", function(text)
  return text:match("^%s*(.*%S)") or ""
end)
define("replace", "text, text, text",
  "Every occurrence of the second in the first becomes the third", function(text, from, to)
  if from == "" then
    return nil, "what is replaced is empty"
  end
  local out, at, size = {}, 1, 0
  while true do
    local start, stop = text:find(from, at, true)
    out[#out + 1] = text:sub(at, (start or 0) - 1)
    size = size + #out[#out] + #to
    if size > MAX_TEXT then
      return nil, TOO_LARGE
    elseif not start then
      return table.concat(out, to)
    end
    at = stop + 1
  end
end)
define("substr", "text, int, int?",
  "From one character to another, both counted from 1; -1 is the last", function(text, from, to)
  local length = utf8.len(text)
  if not length then
    return text:sub(from, to or -1)
  end
  to = to or -1
  from = math.max(from < 0 and length + from + 1 or from, 1)
  to = math.min(to < 0 and length + to + 1 or to, length)
  return from <= to and text:sub(utf8.offset(text, from), utf8.offset(text, to + 1) - 1) or ""
end)
define("starts_with", "text, text", "Whether it begins so", function(text, what)
  return text:sub(1, #what) == what
end)
define("ends_with", "text, text", "Whether it ends so", function(text, what)
  return what == "" or text:sub(-#what) == what
end)
define("indent", "text, int", "Every line but the first with so many blanks in front", function(text, n)
  if n < 0 or n > 1000 then
    return nil, "the width is from 0 to 1000"
  end
  local _, lines = text:gsub("\n", "")
  if #text + lines * n > MAX_TEXT then
    return nil, TOO_LARGE
  end
  return (text:gsub("\n([^\n])", "\n" .. (" "):rep(n) .. "%1"))
end)
define("format", "text, any...", "As string.format of Lua: %s %d %5.2f %04d %q %%", function(text, ...)
  local args = table.pack(...)
  local at = 0
  for flags, conversion in text:gmatch("%%([-+ #0%d.]*)(.)") do
    if flags:find("%d%d%d") then
      return nil, "a width has at most two digits"
    elseif conversion ~= "%" then
      at = at + 1
      local v = args[at]
      if at > args.n then
        return nil, ("there is no value for %%%s%s"):format(flags, conversion)
      elseif conversion == "s" or conversion == "q" then
        args[at] = plain_text(v)
      elseif not conversion:find("[dxXefgEG]") then
        return nil, ("there is no %%%s"):format(conversion)
      elseif not tonumber(v) then
        return nil, ("%s is no number"):format(kind_of(v))
      else
        args[at] = number(tonumber(v))
      end
    end
  end
  local ok, done = pcall(string.format, text, table.unpack(args, 1, args.n))
  if not ok then
    return nil, (tostring(done):gsub("^.*%((.*)%)$", "%1"))
  end
  return done
end)
define("text", "any", "As text: a list joined by commas, a map as JSON", plain_text)

-- Lists and maps --------------------------------------------------------------------------------

group = "Lists and maps"

define("length", "any", "Number of items, or of characters", function(v)
  if type(v) == "string" then
    return utf8.len(v) or #v
  elseif type(v) ~= "table" then
    return nil, "only texts, lists and maps have a length"
  elseif is_list(v) and next(v) ~= nil then
    return #v
  end
  local n = 0
  for _ in next, v do
    n = n + 1
  end
  return n
end, true)
define("keys", "map", "The keys, sorted", function(map)
  return list(data.keys(map))
end, true)
define("values", "map", "The values, in the order of their keys", function(map)
  local out = list({})
  for i, key in ipairs(data.keys(map)) do
    out[i] = map[key]
  end
  return out
end, true)
define("merge", "map...", "One map of several; the last wins", function(...)
  local out = {}
  for _, map in ipairs({ ... }) do
    for key, v in next, map do
      out[key] = v
    end
  end
  return out
end, true)
define("lookup", "any, any, any?", "What is at a key, else the third", function(v, key, otherwise)
  local found = type(v) == "table" and v[key]
  if found == nil or found == false and type(v) ~= "table" then
    return otherwise
  end
  return found
end, true)
define("contains", "any, any", "Whether a list has the item, a map the key, a text the part", function(v, what)
  if type(v) == "string" then
    return v:find(plain_text(what), 1, true) ~= nil
  elseif type(v) ~= "table" then
    return nil, "the first is a text, list or map"
  elseif is_map(v) and next(v) ~= nil then
    return v[what] ~= nil
  end
  for _, one in ipairs(v) do
    if equal(one, what) then
      return true
    end
  end
  return false
end)
define("index_of", "list, any", "Where the item stands, from 1; null when it is not there", function(items, what)
  for i, one in ipairs(items) do
    if equal(one, what) then
      return i
    end
  end
end)
define("range", "int, int?, int?", "Numbers: range(3) is 1 2 3, range(2, 8, 3) is 2 5 8", function(first, last, step)
  if last == nil then
    first, last = 1, first
  end
  step = step or 1
  if step == 0 then
    return nil, "the step is 0"
  elseif ((last + 0.0) - first) / step >= settings.infra.numbers then -- in floats, which do not wrap around
    return nil, ("more than %d numbers"):format(settings.infra.numbers)
  end
  local out = list({})
  for n = first, last, step do
    out[#out + 1] = n
  end
  return out
end)
local function flatten(v, out, depth)
  for _, one in ipairs(v) do
    if is_list(one) and (next(one) ~= nil or getmetatable(one)) and depth < 100 then
      flatten(one, out, depth + 1)
    else
      out[#out + 1] = one
    end
  end
  return out
end
define("flatten", "list", "The items of the lists in it, in one list", function(items)
  return flatten(items, list({}), 0)
end)
define("concat", "list...", "One list of several", function(...)
  local out = list({})
  for _, items in ipairs({ ... }) do
    if #out + #items > settings.infra.numbers then
      return nil, ("more than %d items"):format(settings.infra.numbers)
    end
    table.move(items, 1, #items, #out + 1, out)
  end
  return out
end, true)
define("distinct", "list", "Every item once", function(items)
  local out, seen = list({}), {}
  for _, one in ipairs(items) do
    local mark = data.encode(one)
    if not seen[mark] then
      seen[mark] = true
      out[#out + 1] = one
    end
  end
  return out
end)
define("sort", "list", "Numbers or texts in order", function(items)
  local out, kind = list(table.move(items, 1, #items, 1, {})), type(items[1])
  for _, one in ipairs(items) do
    if type(one) ~= kind or kind ~= "number" and kind ~= "string" then
      return nil, "only numbers, or only texts, can be sorted"
    end
  end
  table.sort(out)
  return out
end)
define("reverse", "list", "From the last to the first", function(items)
  local out = list({})
  for i = #items, 1, -1 do
    out[#out + 1] = items[i]
  end
  return out
end, true)
define("slice", "list, int, int?",
  "The items from one place to another, counted from 1; -1 is the last", function(items, from, to)
  to = to or -1
  from = from < 0 and #items + from + 1 or from
  to = to < 0 and #items + to + 1 or to
  return list(table.move(items, math.max(from, 1), math.min(to, #items), 1, {}))
end, true)
define("element", "list, int", "The item at a place; behind the last it begins again", function(items, at)
  if #items == 0 then
    return nil, "the list is empty"
  end
  return items[(at - 1) % #items + 1]
end, true)
define("compact", "list", "Without null and empty texts", function(items)
  local out = list({})
  for _, one in ipairs(items) do
    if one ~= null and one ~= "" then
      out[#out + 1] = one
    end
  end
  return out
end)
define("coalesce", "any...", "The first that is neither null nor an empty text", function(...)
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if v ~= nil and v ~= null and v ~= "" then
      return v
    end
  end
end)

-- Numbers ---------------------------------------------------------------------------------------

group = "Numbers"

local function pick(better)
  return function(...)
    local items = { ... }
    if #items == 1 and is_list(items[1]) then
      items = items[1]
    end
    local best = items[1]
    for _, one in ipairs(items) do
      if type(one) ~= "number" then
        return nil, ("expected numbers, found %s"):format(kind_of(one))
      end
      best = better(one, best) and one or best
    end
    if best == nil then
      return nil, "there is nothing to choose from"
    end
    return best
  end
end
define("min", "any...", "The smallest of numbers or of a list of them", pick(function(a, b)
  return a < b
end))
define("max", "any...", "The largest of numbers or of a list of them", pick(function(a, b)
  return a > b
end))
define("sum", "list", "The numbers added", function(items)
  local total = 0
  for _, one in ipairs(items) do
    if type(one) ~= "number" then
      return nil, ("expected numbers, found %s"):format(kind_of(one))
    end
    total = total + one
  end
  return total
end)
define("abs", "number", "Without its sign", math.abs)
define("floor", "number", "The next whole number below", function(n)
  return number(math.floor(n))
end)
define("ceil", "number", "The next whole number above", function(n)
  return number(math.ceil(n))
end)
define("round", "number", "The nearest whole number", function(n)
  return number(math.floor(n + 0.5))
end)
define("number", "any", "The number a text says", function(v)
  local n = type(v) ~= "boolean" and tonumber(v)
  if not n or n - n ~= 0 then
    return nil, ("%s is no number"):format(kind_of(v))
  end
  return number(n)
end)

-- Networks --------------------------------------------------------------------------------------

group = "Networks"

local function network(text)
  local bytes, bits = net.parse(text)
  if not bits then
    return nil, nil, ("'%s' is not a network such as 10.0.0.0/16"):format(text)
  end
  return net.masked(bytes, bits), bits
end

define("cidrsubnet", "text, int, int", "Network number n (from 0) with so many bits more: "
  .. "cidrsubnet('10.0.0.0/16', 8, 2) is 10.0.2.0/24", function(text, more, n)
  local bytes, bits, why = network(text)
  if not bytes then
    return nil, why
  elseif more < 0 or bits + more > #bytes * 8 then
    return nil, ("%s has no room for %d bits more"):format(text, more)
  elseif n < 0 or more < 62 and n >= 1 << more then
    return nil, ("with %d bits there are no %d networks"):format(more, n + 1)
  end
  return ("%s/%d"):format(net.format(net.add(bytes, n, #bytes * 8 - bits - more)), bits + more)
end)
define("cidrhost", "text, int", "Address number n of a network; -1 is the last", function(text, n)
  local bytes, bits, why = network(text)
  if not bytes then
    return nil, why
  end
  local room = #bytes * 8 - bits
  if n < 0 and room < 62 then
    n = (1 << room) + n
  end
  if n < 0 or room < 62 and n >= 1 << room then
    return nil, ("%s has no address number %d"):format(text, n)
  end
  return net.format(net.add(bytes, n, 0))
end)
define("cidrnetmask", "text", "The mask of an IPv4 network: 255.255.0.0", function(text)
  local bytes, bits, why = network(text)
  if not bytes or #bytes ~= 4 then
    return nil, why or "only networks of IPv4 have a mask"
  end
  return net.format(net.masked({ 255, 255, 255, 255 }, bits))
end)
define("cidrcontains", "text, text", "Whether an address or network lies in a network", function(text, what)
  local bytes, bits, why = network(text)
  if not bytes then
    return nil, why
  end
  local other, narrower = net.parse(what)
  if not other then
    return nil, ("'%s' is neither an address nor a network"):format(what)
  end
  return (narrower or #other * 8) >= bits and net.same_prefix(bytes, other, bits)
end)

-- Encodings -------------------------------------------------------------------------------------

group = "Encodings"

define("base64", "text", "As base64", base.base64)
define("unbase64", "text", "What base64 says", function(text)
  local out = base.unbase64(text)
  if not out then
    return nil, "it is no base64"
  end
  return out
end)
define("sha256", "text", "The SHA-256 of a text, in hex", function(text)
  return require("core.crypto").sha256(text)
end)
define("json", "any", "As JSON, keys sorted", function(v)
  return require("prov.json").encode(v)
end)
define("yaml", "any", "As YAML, keys sorted", function(v)
  return require("prov.yaml").encode(v)
end)
define("unjson", "text", "The value a JSON text says", function(text)
  local v, e = require("prov.json").decode(text)
  if v == nil and e then
    return nil, tostring(e)
  end
  return v
end)
define("unyaml", "text", "The value a YAML text says", function(text)
  local v, e = require("prov.yaml").decode(text)
  if err.is(e) then
    return nil, tostring(e)
  end
  return v
end)

group = "Files and templates"

define("render", "text, map, text?, text?", "A text with {{ }} and {% %} in it, filled; the third says what values are "
  .. "escaped for: shell, yaml, json or none", function(source, vars, target, name)
  local ok, done = pcall(require("prov.template").render, source, vars, target)
  if ok then
    return done
  elseif not err.is(done) then
    error(done, 0)
  end
  return nil, name and done.msg:gsub("^template line (%d+)", (name:gsub("%%", "%%%%")) .. ":%1") or done.msg, done.hint
end)

--- What the operators share with the functions.
M.CHECKS, M.is_list, M.kind_of, M.number, M.equal = CHECKS, is_list, kind_of, number, equal

return M
