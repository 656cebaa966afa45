--- Terraform's files as trees with places: the native form (.tf) and the JSON form (.tf.json).

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local parser = require("prov.convert.hcl.parser")
local places = require("prov.convert.hcl.places")
local settings = require("prov.settings")

local M = {}

---@class prov.hcl.File
---@field file string
---@field text string
---@field body table
---@field comments { at: integer, text: string }[]
---@field place fun(at: integer): integer, integer line and column

local function problem_at(file, line, column, msg)
  return nil, err.new("invalid", msg, { file = file, line = line, column = column })
end

local function check_size(text, file)
  if #text > settings.convert.file_size then
    return err.fail("limit", "%s has %d bytes, more than %d", file, #text, settings.convert.file_size)
  end
  return true
end

--- Reads a .tf file.
---@param text string
---@param file string shown in messages
---@return prov.hcl.File?, prov.Err?
function M.parse(text, file)
  local ok, e = check_size(text, file)
  if not ok then
    return nil, e
  end
  local place = places.of(text)
  local bad = utf8.len(text) == nil and select(2, utf8.len(text))
  if bad then
    local line, column = place(bad)
    return problem_at(file, line, column, "not valid HCL: this is not UTF-8")
  end
  local body, comments = parser.parse(text)
  if not body then
    local line, column = place(comments.at)
    return problem_at(file, line, column, "not valid HCL: " .. comments.msg)
  end
  return { file = file, text = text, body = body, comments = comments, place = place }
end

-- How many labels stand in front of a body in the JSON form, as maps in maps.
local LABELS = { resource = 2, data = 2, variable = 1, output = 1, module = 1, provider = 1, check = 1,
  action = 2, ephemeral = 2, list = 2, locals = 0, terraform = 0, moved = 0, import = 0, removed = 0 }

local Json = {}
Json.__index = Json

--- The offset of a path's place, for nodes have offsets: of its line's begin and its column.
function Json:at(path)
  local line, column = self.place(path)
  return places.offset(self.starts, line or 1, column or 1)
end

local function below(path, key)
  local out = table.move(path, 1, #path, 1, {})
  out[#out + 1] = key
  return out
end

function Json:keys(map, path)
  local keys = data.keys(map)
  local at = {}
  for _, key in ipairs(keys) do
    at[key] = self:at(below(path, key))
  end
  table.sort(keys, function(a, b)
    return at[a] < at[b] or at[a] == at[b] and a < b
  end)
  return keys
end

--- A value as an expression; texts may hold ${...}.
function Json:value(v, path)
  local at = self:at(path)
  if type(v) == "string" then
    local node, problem = parser.template(v)
    if not node then
      error({ at = at, msg = problem.msg }, 0)
    end
    if node.node == "template" and #node.parts == 1 then
      node = node.parts[1] -- "${x}" alone keeps its type
    end
    return M.move(node, at)
  elseif type(v) ~= "table" or v == require("prov.value").null then
    return { node = "lit", at = at, value = v }
  elseif data.kind(v) == "list" then
    local node = { node = "tuple", at = at, items = {} }
    for i, item in ipairs(v) do
      node.items[i] = self:value(item, below(path, i))
    end
    return node
  end
  local node = { node = "object", at = at, items = {} }
  for _, key in ipairs(self:keys(v, path)) do
    if key ~= "//" then
      local key_node = self:value(key, path)
      node.items[#node.items + 1] = { key = M.move(key_node, at), value = self:value(v[key], below(path, key)) }
    end
  end
  return node
end

--- A map as a body of attributes: which of them are blocks is known to who asks for them.
function Json:body(v, path)
  local body = { at = self:at(path) }
  if type(v) ~= "table" or data.kind(v) ~= "map" then
    error({ at = body.at, msg = "expected an object" }, 0)
  end
  for _, key in ipairs(self:keys(v, path)) do
    if key ~= "//" then
      local here = below(path, key)
      body[#body + 1] = { node = "attribute", at = self:at(here), name = key, value = self:value(v[key], here) }
    end
  end
  return body
end

function Json:blocks(out, kind, v, path, labels)
  if type(v) == "table" and data.kind(v) == "list" then
    for i, item in ipairs(v) do
      self:blocks(out, kind, item, below(path, i), labels)
    end
  elseif #labels < LABELS[kind] then
    if type(v) ~= "table" or data.kind(v) ~= "map" then
      error({ at = self:at(path), msg = ("expected an object of names below '%s'"):format(kind) }, 0)
    end
    for _, key in ipairs(self:keys(v, path)) do
      if key ~= "//" then
        self:blocks(out, kind, v[key], below(path, key), below(labels, key))
      end
    end
  else
    out[#out + 1] = { node = "block", at = self:at(path), type = kind, labels = labels, body = self:body(v, path) }
  end
end

--- Gives every node of an expression one place: those in a text of JSON have none of their own.
function M.move(node, at)
  if type(node) ~= "table" then
    return node
  end
  if node.at then
    node.at = at
  end
  for _, child in pairs(node) do
    if type(child) == "table" and child ~= require("prov.value").null then
      M.move(child, at)
    end
  end
  return node
end

-- A JSON text read by `read(self, tree)`, which raises problems.
local function read_json(text, file, read)
  local ok, e = check_size(text, file)
  if not ok then
    return nil, e
  end
  local tree, place = json.decode_placed(text, { file = file })
  if err.is(place) then
    return nil, place
  end
  if type(tree) ~= "table" or data.kind(tree) ~= "map" then
    return problem_at(file, 1, 1, "a .tf.json file holds an object")
  end
  local to_place, starts = places.of(text)
  local self = setmetatable({ place = place, starts = starts }, Json)
  local done, body = pcall(read, self, tree)
  if not done then
    if type(body) ~= "table" or not body.at then
      error(body, 0)
    end
    local line, column = to_place(body.at)
    return problem_at(file, line, column, body.msg)
  end
  return { file = file, text = text, body = body, comments = {}, place = to_place }
end

--- Reads a .tf.json file.
---@param text string
---@param file string
---@return prov.hcl.File?, prov.Err?
function M.parse_json(text, file)
  return read_json(text, file, function(self, tree)
    local body = { at = 1 }
    for _, key in ipairs(self:keys(tree, {})) do
      if LABELS[key] then
        self:blocks(body, key, tree[key], { key }, {})
      elseif key ~= "//" then
        error({ at = self:at({ key }), msg = ("there is no kind of block '%s'"):format(key) }, 0)
      end
    end
    return body
  end)
end

--- Reads a .tfvars.json file.
---@param text string
---@param file string
---@return prov.hcl.File?, prov.Err?
function M.parse_values(text, file)
  return read_json(text, file, function(self, tree)
    return self:body(tree, {})
  end)
end

return M
