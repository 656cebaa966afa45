--- Changes a YAML text in place: one value is set or deleted, and everything else, with comments, order,
--- quotes, indentation and anchors, stays byte for byte.
--
-- What comes out is read again and compared with the tree that was wanted; when they differ (an alias
-- that means the old value, say) nothing is changed and the error says so.

local data = require("core.data")
local err = require("prov.err")
local path_of = require("prov.path")
local splice = require("prov.edit.yaml_splice")
local tree = require("prov.edit.yaml_tree")
local value = require("prov.value")
local yaml = require("prov.yaml")

local M = {}

-- How the text is read, and what it has to stay: prov.edit.json has another one.
local YAML = { decode = yaml.decode }

local function fail(path, fmt, ...)
  local where = path_of.format(path)
  return nil, err.new("invalid", (where ~= "" and where .. ": " or "") .. fmt:format(...))
end

local function same(a, b)
  return data.encode(a) == data.encode(b)
end

-- The new text when it reads as the tree that was wanted.
local function check(new, want, path, form)
  local got, why = nil, nil
  if new then
    got, why = form.decode(new)
  end
  if got ~= nil and same(got, want) then
    return new
  end
  local e = err.is(why) and why.msg or "another value would change with it"
  local _, failure = fail(path, "cannot be changed in place: %s", new and e or "there are comments in the way")
  failure.code, failure.hint = "unsupported", "edit the file by hand"
  return nil, failure
end

-- Splits a change of a whole map or list into those of what differs.
local function steps(old, new, path, out)
  local function below(key)
    local to = table.move(path, 1, #path, 1, {})
    to[#to + 1] = key
    return to
  end
  local kind = type(new) == "table" and type(old) == "table" and next(new) ~= nil and next(old) ~= nil
    and data.kind(new) == data.kind(old) and data.kind(new)
  if old ~= nil and same(old, new) then
    return out
  elseif kind == "map" then
    for _, key in ipairs(data.keys(new)) do
      steps(old[key], new[key], below(key), out)
    end
    for _, key in ipairs(data.keys(old)) do
      if new[key] == nil then
        out[#out + 1] = { path = below(key) }
      end
    end
  elseif kind == "list" then
    for i, item in ipairs(new) do
      steps(old[i], item, below(i), out)
    end
    for i = #old, #new + 1, -1 do
      out[#out + 1] = { path = below(i) }
    end
  else
    out[#out + 1] = { path = path, value = new }
  end
  return out
end

-- Lists, maps with string keys, and nothing that cannot be written.
local function normal(v)
  if type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = data.kind(v) == "list" and data.list({}) or {}
  for key, item in pairs(v) do
    out[math.type(key) == "integer" and not value.is_list(v) and tostring(key) or key] = normal(item)
  end
  return out
end

-- Sets one value whole; gives the new text and its tree.
local function set_step(text, before, path, v, form)
  local root, e = tree.build(text)
  if e then
    return nil, e
  end
  local new
  new, e = splice.set(text, root, path, v, splice.style(text, root, form))
  if e then
    return nil, e
  end
  local want = path_of.with(before, path, v)
  new, e = check(new, want, path, form)
  return new, new and want or e
end

-- Deletes one value; gives the new text and its tree.
local function delete_step(text, before, path, form)
  local root, e = tree.build(text)
  if not root then
    return nil, e
  end
  local node, used = splice.walk(root, table.move(path, 1, #path - 1, 1, {}))
  local key, index = path[#path], nil
  if used == #path - 1 and node.kind == "map" then
    local _, found = splice.find_member(node, key)
    index = found
  elseif used == #path - 1 and node.kind == "list" then
    index = key
  end
  if not index then
    return fail(path, "comes from an alias or merge key: change what it names")
  end
  local new = splice.delete(text, node, index, splice.style(text, root, form))
  local want = path_of.with(before, path, nil)
  new, e = check(new, want, path, form)
  return new, new and want or e
end

-- Runs the steps one after the other; each is checked.
local function run(text, before, list, form)
  for _, step in ipairs(list) do
    local now, now_tree
    if step.value == nil then
      now, now_tree = delete_step(text, before, step.path, form)
    else
      now, now_tree = set_step(text, before, step.path, step.value, form)
    end
    if not now then
      return nil, now_tree
    end
    text, before = now, now_tree
  end
  return text
end

--- Sets the value at a path; what is missing on the way is made. Over a map or list, only what differs in it
--- is changed.
---@param text string
---@param path (string|integer)[]
---@param v any
---@param form? table
---@return string? text
---@return prov.Err?
function M.set(text, path, v, form)
  form = form or YAML
  local before, why = form.decode(text)
  if before == nil then
    return nil, why
  end
  local e
  path, e = path_of.fit(before, path)
  if not path then
    return nil, e
  end
  v = normal(v == nil and value.null or v)
  local out = steps(path_of.get(before, path), v, path, {})
  local new
  new, e = run(text, before, out, form)
  if not new and #out > 1 then -- parts of it cannot be changed alone
    new, e = run(text, before, { { path = path, value = v } }, form)
  end
  return new, e
end

--- Deletes the value at a path.
---@param text string
---@param path (string|integer)[]
---@param form? table
---@return string? text
---@return prov.Err? err "notfound"
function M.delete(text, path, form)
  form = form or YAML
  local before, why = form.decode(text)
  if before == nil then
    return nil, why
  end
  local e
  path, e = path_of.fit(before, path)
  if not path then
    return nil, e
  elseif #path == 0 or path_of.get(before, path) == nil then
    return err.fail("notfound", "there is no %s", #path == 0 and "path to delete" or path_of.format(path))
  end
  local new
  new, e = delete_step(text, before, path, form)
  return new, not new and e or nil
end

return M
