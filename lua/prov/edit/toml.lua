--- Changes values in a TOML text and leaves everything else as it is written: comments, order, style. What
-- comes out reads as exactly the changed tree, or it is an error.
--
-- A path is a list of keys, with numbers from 1 for items. A comment on the line of a value that is
-- deleted, and those inside of it, go with it; comments on lines of their own above it stay.

local Text = require("prov.edit.toml_text")
local data = require("core.data")
local err = require("prov.err")
local path_of = require("prov.path")
local toml = require("prov.toml")

local M = {}

local BOM = "\u{FEFF}"

-- Not data.encode, to which a date is its text.
local function equal(a, b)
  local kind = data.kind(a)
  if kind ~= data.kind(b) or math.type(a) ~= math.type(b) then
    return false
  elseif kind ~= "map" and kind ~= "list" then
    return a == b or a ~= a and b ~= b
  end
  for key, item in pairs(a) do
    if b[key] == nil or not equal(item, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function below(path, key)
  local out = table.move(path, 1, #path, 1, {})
  out[#out + 1] = key
  return out
end

--- A text that is changed step by step. `now` is what it consists of, read when it is asked for.
local Draft = {}

function Draft:__index(name)
  if name ~= "now" then
    return Draft[name]
  end
  local now, e = Text.read(self.text)
  if not now then
    error(e, 0)
  end
  self.now = now
  return now
end

function Draft:put(text)
  self.text, self.now = text, nil
end

local function all_maps(list)
  for _, item in ipairs(list) do
    if data.kind(item) ~= "map" then
      return false
    end
  end
  return true
end

--- Adds an item to a list that exists.
function Draft:add_item(path, index, v)
  local list = self.now:find(path)
  if self.now.written[list] or data.kind(v) == "map" then
    return self:put(self.now:add(list, index, v))
  end
  local all = data.list(table.move(self.now:value(path), 1, #self.now:value(path), 1, {}))
  table.insert(all, index, v)
  self:change(path, all) -- no longer a list of tables, so it cannot stay as [[]]
end

--- Adds what does not exist: v at a path whose last key is new.
function Draft:add(path, v)
  local node, depth = self.now:find(path)
  for i = #path, depth + 2, -1 do
    v = type(path[i]) == "string" and { [path[i]] = v } or data.list({ v })
  end
  local key = path[depth + 1]
  if math.type(key) then
    return self:add_item(table.move(path, 1, depth, 1, {}), key, v)
  end
  self:put(self.now:add(node, key, v))
end

--- Removes what exists, and puts back what is empty above it then.
function Draft:remove(path)
  local above = table.move(path, 1, #path - 1, 1, {})
  local was_list = #above > 0 and data.kind(self.now:value(above)) == "list"
  local shared = math.type(path[#path]) and #self.now:value(above) or nil
  repeat
    self:put(self.now:remove((self.now:find(path))))
    local _, depth = self.now:find(path)
    local gone = depth < #path or shared and #self.now:value(above) < shared
  until gone
  local _, depth = self.now:find(above)
  if depth < #above then
    self:add(above, was_list and data.list({}) or {})
  end
end

function Draft:change_list(path, old, new)
  local first, tail = 1, 0
  while first <= #old and first <= #new and equal(old[first], new[first]) do
    first = first + 1
  end
  while tail <= math.min(#old, #new) - first and equal(old[#old - tail], new[#new - tail]) do
    tail = tail + 1
  end
  local old_end, new_end = #old - tail, #new - tail
  for i = first, math.min(old_end, new_end) do
    self:change(below(path, i), new[i])
  end
  for i = old_end, new_end + 1, -1 do
    self:remove(below(path, i))
  end
  for i = old_end + 1, new_end do
    self:add_item(path, i, new[i])
  end
end

--- Makes what exists at a path equal to v, touching only what differs.
function Draft:change(path, v)
  local old = self.now:value(path)
  if equal(old, v) then
    return
  end
  local node = self.now:find(path)
  local kind = data.kind(v)
  if kind == "map" and data.kind(old) == "map" then
    for _, key in ipairs(data.keys(v)) do
      if old[key] == nil then
        self:add(below(path, key), v[key])
      else
        self:change(below(path, key), v[key])
      end
    end
    for _, key in ipairs(data.keys(old)) do -- last, so that the table does not vanish
      if v[key] == nil then
        self:remove(below(path, key))
      end
    end
    return
  elseif kind == "list" and data.kind(old) == "list" and #old > 0 and #v > 0 then
    if self.now.written[node] or all_maps(v) then
      return self:change_list(path, old, v)
    end
  end
  local text = self.now:replace(node, v)
  if text then
    return self:put(text)
  end
  local above, last = table.move(path, 1, #path - 1, 1, {}), path[#path]
  if math.type(last) then -- with an item that is no table the list cannot stay as [[]]
    local all = data.list(table.move(self.now:value(above), 1, #self.now:value(above), 1, {}))
    all[last] = v
    return self:change(above, all)
  end
  self:remove(path)
  self:add(path, v)
end

--- The value as it reads back from TOML.
local function normal(v)
  local text, e = toml.encode_value(v)
  if not text then
    return nil, e
  end
  return toml.decode("v = " .. text).v
end

--- A copy of the tree with fn(container, last_key) called where the path ends.
local function changed(tree, path, create, fn)
  local function copy(v, depth)
    local key, kind = path[depth], data.kind(v)
    local known = table.move(path, 1, depth - 1, 1, {})
    if kind ~= "map" and kind ~= "list" then
      error(err.new("invalid", ("'%s' is no table: it has nothing below it"):format(path_of.format(known))), 0)
    elseif (kind == "list") ~= (math.type(key) == "integer") then
      local what = kind == "list" and "a list: name an item by its number" or "a table: name a member by its key"
      error(err.new("invalid", ("'%s' is %s"):format(path_of.format(known), what)), 0)
    elseif kind == "list" and (key < 1 or key > #v + 1) then
      error(err.new("notfound", ("'%s' has %d items"):format(path_of.format(known), #v)), 0)
    end
    local out = kind == "list" and data.list({}) or {}
    for k, item in pairs(v) do
      out[k] = item
    end
    if depth == #path then
      fn(out, key)
    elseif out[key] ~= nil then
      out[key] = copy(out[key], depth + 1)
    elseif create then
      out[key] = copy(math.type(path[depth + 1]) and data.list({}) or {}, depth + 1)
    else
      error(err.new("notfound", ("there is no '%s'"):format(path_of.format(below(known, key)))), 0)
    end
    return out
  end
  return copy(tree, 1)
end

--- Reads, calls fn(draft, tree) which returns the tree that is wanted, and checks that it came out.
local function edit(text, path, fn)
  local mark = text:sub(1, #BOM) == BOM and BOM or ""
  local draft = setmetatable({}, Draft)
  local ok, out = pcall(function()
    draft:put(text:sub(#mark + 1))
    local want = fn(draft, draft.now.tree)
    if not equal(toml.decode(draft.text), want) then
      local msg = ("cannot change '%s' without writing the file anew"):format(path_of.format(path))
      error(err.new("unsupported", msg, { hint = "change it by hand" }), 0)
    end
    return mark .. draft.text
  end)
  if ok then
    return out
  elseif not err.is(out) then
    error(out, 0)
  end
  return nil, out
end

local function need(v)
  local wanted, e = v, err.new("invalid", "there is no value to set")
  if v ~= nil then
    wanted, e = normal(v)
  end
  if wanted == nil then
    error(e, 0)
  end
  return wanted
end

--- Sets the value at a path, making the tables above it when they are not there. A number one past the
-- end of a list adds an item.
---@param text string
---@param path (string|integer)[]
---@param v any
---@return string? text, prov.Err?
function M.set(text, path, v)
  return edit(text, path, function(draft, tree)
    local new = need(v)
    if #path == 0 then
      if data.kind(new) ~= "map" then
        error(err.new("invalid", "a TOML document is a map"), 0)
      end
      draft:change(path, new)
      return new
    end
    local want = changed(tree, path, true, function(into, key)
      into[key] = new
    end)
    local _, depth = draft.now:find(path)
    if depth == #path then
      draft:change(path, new)
    else
      draft:add(path, new)
    end
    return want
  end)
end

--- Adds a value at a path that is not there; a number puts an item before the one that has it now.
---@param text string
---@param path (string|integer)[]
---@param v any
---@return string? text, prov.Err?
function M.insert(text, path, v)
  return edit(text, path, function(draft, tree)
    local new = need(v)
    local want = changed(tree, path, true, function(into, key)
      if math.type(key) then
        table.insert(into, key, new)
      elseif into[key] ~= nil then
        error(err.new("exists", ("there is a '%s' already"):format(path_of.format(path))), 0)
      else
        into[key] = new
      end
    end)
    local above = table.move(path, 1, #path - 1, 1, {})
    local _, depth = draft.now:find(above)
    if depth == #above and math.type(path[#path]) then
      draft:add_item(above, path[#path], new)
    else
      draft:add(path, new)
    end
    return want
  end)
end

--- Deletes the value at a path; the table or list above it stays, empty at last.
---@param text string
---@param path (string|integer)[]
---@return string? text, prov.Err?
function M.delete(text, path)
  return edit(text, path, function(draft, tree)
    if #path == 0 then
      draft:change(path, {})
      return {}
    end
    local want = changed(tree, path, false, function(from, key)
      if from[key] == nil then
        error(err.new("notfound", ("there is no '%s'"):format(path_of.format(path))), 0)
      elseif math.type(key) then
        table.remove(from, key)
      else
        from[key] = nil
      end
    end)
    draft:remove(path)
    return want
  end)
end

return M
