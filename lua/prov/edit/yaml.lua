--- Changes a YAML text in place: one value is set or deleted, and everything else, with comments, order,
--- quotes, indentation and anchors, stays byte for byte.
--
-- What comes out is read again and compared with the tree that was wanted; when they differ (an alias
-- that means the old value, say) nothing is changed and the error says so.

local data = require("core.data")
local err = require("prov.err")
local path_of = require("prov.path")
local put = require("prov.edit.yaml_text")
local tree = require("prov.edit.yaml_tree")
local value = require("prov.value")
local yaml = require("prov.yaml")

local M = {}

local function fail(path, fmt, ...)
  local where = path_of.format(path)
  return nil, err.new("invalid", (where ~= "" and where .. ": " or "") .. fmt:format(...))
end

-- The most usual step of the text's own maps and lists.
local function style_of(text, root)
  local steps, list_steps = {}, {}
  local function walk(node)
    for _, member in ipairs(node.members or {}) do
      local below = member.value
      if node.style == "block" and below.style == "block" and below.content then
        local step = tree.column(text, below.content) - tree.column(text, member.key.from)
        local counts = below.kind == "list" and list_steps or steps
        counts[step] = (counts[step] or 0) + 1
      end
      walk(below)
    end
    for _, item in ipairs(node.items or {}) do
      walk(item)
    end
  end
  if root then
    walk(root)
  end
  local function most(counts, least, default)
    local best, count = default, 0
    for step, n in pairs(counts) do
      if step >= least and (n > count or n == count and step < best) then
        best, count = step, n
      end
    end
    return best
  end
  local step = most(steps, 1, 2)
  return {
    eol = text:find("\r\n", 1, true) and "\r\n" or "\n",
    step = step,
    list_step = most(list_steps, 0, step),
  }
end

local function splice(text, from, to, new)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

local function find_member(map, key)
  for i, member in ipairs(map.members) do
    if member.key.value == key and not (key == "<<" and member.key.style == "plain") then
      return member, i
    end
  end
end

-- Follows the path as far as the text goes: the node, and how many keys were used.
local function walk(root, path)
  local node = root
  for i, key in ipairs(path) do
    local below
    if node.kind == "map" then
      local member = find_member(node, key)
      below = member and member.value
    elseif node.kind == "list" then
      below = math.type(key) == "integer" and node.items[key] or nil
    end
    if not below then
      return node, i - 1
    end
    node = below
  end
  return node, #path
end

-- The value of the rest of a path that is not there yet.
local function nest(path, from, v)
  for i = #path, from, -1 do
    v = math.type(path[i]) == "integer" and data.list({ v }) or { [path[i]] = v }
  end
  return v
end

-- A node in the tree of its parent: the position of it there and what it hangs on.
local function holder(text, node)
  local parent = node.parent
  if not parent then
    return nil
  elseif parent.kind == "list" then
    for i, item in ipairs(parent.items) do
      if item == node then
        return { index = i, dash = tree.dash(text, parent, i), indent = tree.column(text, parent.content) }
      end
    end
  end
  for i, member in ipairs(parent.members) do
    if member.value == node then
      return { index = i, member = member, colon = tree.colon(text, member.key),
        indent = tree.column(text, tree.member_from(text, member)) }
    end
  end
end

local function with_anchor(node, text)
  return node.anchor and node.anchor .. " " .. text or text
end

-- A node inside of brackets.
local function replace_in_flow(text, node, v, style)
  local new = with_anchor(node, put.flow(v, style, node.style))
  if node.to >= node.from then
    return splice(text, node.from, node.to, new)
  end
  local at = holder(text, node)
  if at.member and not at.colon then
    return splice(text, at.member.key.to + 1, at.member.key.to, ": " .. new)
  end
  return splice(text, node.from, node.from - 1, " " .. new)
end

-- Comment and spaces behind a byte, up to the end of its line.
local function tail(text, at)
  local stop = tree.line_end(text, at + 1)
  local rest = text:sub(at + 1, stop)
  return rest:find("^[ \t]*#") and rest or "", stop
end

-- Head: the dash or colon that the node hangs on, or the begin of the root.
local function replace_in_block(text, node, v, style)
  local at = holder(text, node)
  local indent = at and at.indent or -style.step
  local head = at and (at.colon or at.dash) or node.from - 1
  local inline = put.is_scalar(v) or node.style == "flow" and next(v) ~= nil and (node.items or node.members)[1]
  local is_block = node.style == "block"
  local on_own_lines = node.to >= node.from and tree.line_start(text, node.content) > head
  local anchor = node.anchor and " " .. node.anchor or ""
  if inline then
    local new = put.is_scalar(v) and put.scalar(v, style, math.max(indent, 0), node.style)
      or put.flow(v, style, node.style)
    if not at then
      return splice(text, node.from, node.to, with_anchor(node, new))
    elseif not (is_block and on_own_lines) then
      if node.to < node.from then
        return splice(text, head + 1, head, " " .. new)
      end
      local rest = is_block and tail(text, node.to) or ""
      return splice(text, node.from, node.to + #rest, with_anchor(node, new))
    end
    -- Comments between the key and its collection stay, behind the value.
    local start = tree.line_start(text, node.content)
    local between = text:sub((node.properties_to or head) + 1, start - 1):gsub("%s*$", "")
    local _, stop = tail(text, node.to)
    local body, comment = new:match("^([^\r\n]*)(.*)$")
    local first, others = between:match("^([^\r\n]*)(.*)$")
    if comment ~= "" and others ~= "" then
      return nil
    end
    return splice(text, head + 1, stop, anchor .. " " .. body .. first .. comment .. others)
  end
  if not at then
    local start = tree.line_start(text, node.content)
    local new = put.lines(v, style, 0)
    local before = text:sub(start, node.from - 1):find("%S") and style.eol or ""
    return splice(text, node.from, node.to, before .. new)
  elseif on_own_lines then
    local column = tree.column(text, node.content)
    if column <= indent and data.kind(v) ~= "list" then
      column = indent + style.step
    end
    local start = tree.line_start(text, node.content)
    local _, stop = tail(text, node.to)
    return splice(text, start, stop, (" "):rep(column) .. put.lines(v, style, column))
  end
  local rest, stop = "", math.max(node.to, head)
  if node.style ~= "literal" and node.style ~= "folded" then
    rest, stop = tail(text, stop)
    stop = rest == "" and math.max(node.to, head) or stop
  end
  local body, more = put.behind(v, style, indent, at.dash ~= nil and not at.member):match("^([^\r\n]*)(.*)$")
  return splice(text, head + 1, stop, anchor .. body .. rest .. more)
end

local function replace(text, node, v, style)
  if node.in_flow then
    return replace_in_flow(text, node, v, style)
  end
  return replace_in_block(text, node, v, style)
end

-- A new member or item at the end of a collection.
local function append(text, node, key, v, style)
  local list = node.items or node.members
  local flow = node.in_flow or node.style == "flow"
  if #list == 0 then
    local one = node.kind == "list" and data.list({ v }) or { [key] = v }
    if node.in_flow then
      return splice(text, node.content + 1, node.content, put.flow(one, style):sub(2, -2))
    end
    return replace_in_block(text, node, one, style)
  end
  local last = list[#list]
  local to = node.kind == "list" and last.to or tree.member_to(text, last)
  if flow then
    local new = put.flow(v, style)
    return splice(text, to + 1, to, ", " .. (node.kind == "map" and put.key(key, true) .. ": " or "") .. new)
  end
  local column = tree.column(text, node.kind == "list" and node.content or tree.member_from(text, list[1]))
  local new = node.kind == "list" and "-" .. put.behind(v, style, column, true)
    or put.key(key, false) .. ":" .. put.behind(v, style, column)
  new = (" "):rep(column) .. new
  if node.keeps and node.raw_to > to then
    local before = text:sub(node.raw_to, node.raw_to) ~= "\n" and style.eol or ""
    return splice(text, node.raw_to + 1, node.raw_to, before .. new .. style.eol)
  end
  local stop = tree.line_end(text, to + 1)
  if text:sub(to, to) == "\n" then
    stop = to - 1
  end
  return splice(text, stop + 1, stop, style.eol .. new)
end

-- Sets a value that is not a map over a map or a list over a list: those go member by member.
local function set_one(text, root, path, v, style)
  if not root then
    local start = text == "" and "" or text:sub(-1) == "\n" and "" or style.eol
    v = nest(path, 1, v)
    return text .. start .. (put.is_scalar(v) and put.scalar(v, style, 0) or put.lines(v, style, 0)) .. style.eol
  end
  local node, used = walk(root, path)
  if used == #path then
    if not node.parent and node.to < node.from then -- a document that holds nothing
      local new = put.is_scalar(v) and put.scalar(v, style, 0) or put.lines(v, style, 0)
      local at = tree.column(text, node.from) == 0 and node.from or tree.line_end(text, node.from) + 1
      local before = at > 1 and text:sub(at - 1, at - 1) ~= "\n" and style.eol or ""
      return splice(text, at, at - 1, before .. new .. style.eol)
    end
    return replace(text, node, v, style)
  end
  local key, so_far = path[used + 1], table.move(path, 1, used, 1, {})
  if node.kind == "alias" then
    return fail(so_far, "is an alias (*%s): change what it names", node.value)
  elseif node.kind == "map" then
    return append(text, node, key, nest(path, used + 2, v), style)
  elseif node.kind == "list" then
    return append(text, node, nil, nest(path, used + 2, v), style)
  end
  return set_one(text, root, so_far, nest(path, used + 1, v), style)
end

-- The value at a path of a tree, for what is known to be there.
local function at_path(v, path, count)
  for i = 1, count or #path do
    if type(v) ~= "table" then
      return nil
    end
    v = v[path[i]]
  end
  return v
end

-- Checks the path against the tree and gives it as the tree has it: keys of maps are strings.
local function fit(v, path)
  local out = {}
  for i, key in ipairs(path) do
    local kind = v == nil and "nothing" or data.kind(v)
    if kind == "list" then
      if math.type(key) ~= "integer" then
        return fail(out, "is a list: it has items [1] to [%d], not '%s'", #v, tostring(key))
      elseif key < 1 or key > #v + 1 then
        return fail(out, "has %d items, there is no [%d]", #v, key)
      end
    elseif kind == "map" then
      key = tostring(key)
    elseif kind ~= "null" and kind ~= "nothing" then
      return fail(out, "is a %s, nothing can be in it", kind)
    end
    out[i] = key
    v = type(v) == "table" and v[key] or nil
  end
  return out
end

-- A copy of the tree with the change.
local function changed(v, path, i, new)
  if i > #path then
    return new
  end
  local key = path[i]
  local out
  if type(v) == "table" then
    out = setmetatable(table.move(v, 1, #v, 1, {}), getmetatable(v))
    for k, item in pairs(v) do
      out[k] = item
    end
  else
    out = math.type(key) == "integer" and data.list({}) or {}
  end
  if new == nil and i == #path and value.is_list(out) then
    table.remove(out, key)
  else
    out[key] = changed(out[key], path, i + 1, new)
  end
  return out
end

local function same(a, b)
  return data.encode(a) == data.encode(b)
end

-- The new text when it reads as the tree that was wanted.
local function check(new, want, path)
  local got, why = nil, nil
  if new then
    got, why = yaml.decode(new)
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

local function one_step(text, path, v)
  local before, why = yaml.decode(text)
  if before == nil then
    return nil, why
  end
  local root, e = tree.build(text)
  if e then
    return nil, e
  end
  local new
  new, e = set_one(text, root, path, v, style_of(text, root))
  if e then
    return nil, e
  end
  return check(new, changed(before, path, 1, v), path)
end

-- A member or item in brackets, with its comma.
local function delete_in_flow(text, node, index)
  local list = node.items or node.members
  local one = list[index]
  local from = node.kind == "list" and one.from or tree.member_from(text, one)
  local to = node.kind == "list" and one.to or tree.member_to(text, one)
  local comma = text:match("^%s*,()", to + 1)
  if comma then
    return splice(text, from, text:match("^[ \t]*()", comma) - 1, "")
  end
  local before = from
  while before > 1 and text:find("^%s", before - 1) do
    before = before - 1
  end
  if text:sub(before - 1, before - 1) == "," then
    from = before - 1
  end
  return splice(text, from, to, "")
end

local function delete_in_block(text, node, index)
  local list = node.items or node.members
  local function from_of(i)
    return node.kind == "list" and tree.dash(text, node, i) or node.kind == "map" and tree.member_from(text, list[i])
  end
  local one, from = list[index], from_of(index)
  if not from then
    return nil
  end
  local to = node.kind == "list" and math.max(one.to, from) or tree.member_to(text, one)
  local start = tree.line_start(text, from)
  local _, stop = tail(text, to)
  if text:sub(start, from - 1):find("^ *$") then
    local behind = text:match("^\r?\n()", stop + 1)
    if not behind and start > 1 then -- the last line, without a break: the one before it goes
      start = text:sub(start - 2, start - 1) == "\r\n" and start - 2 or start - 1
    end
    return splice(text, start, (behind or stop + 1) - 1, "")
  end
  local next_from = index < #list and from_of(index + 1)
  if not next_from then
    return nil
  elseif text:sub(stop + 1, next_from - 1):find("#", 1, true) then -- its comments go to lines of their own
    return splice(text, from - 1, stop, "")
  end
  return splice(text, from, next_from - 1, "")
end

--- Sets the value at a path; what is missing on the way is made. Over a map or list, only what differs in it
--- is changed.
---@param text string
---@param path (string|integer)[]
---@param v any
---@return string? text
---@return prov.Err?
function M.set(text, path, v)
  local before, why = yaml.decode(text)
  if before == nil then
    return nil, why
  end
  local e
  path, e = fit(before, path)
  if not path then
    return nil, e
  end
  v = normal(v == nil and value.null or v)
  local out = steps(at_path(before, path), v, path, {})
  local function run(list)
    local now, failure = text, nil
    for _, step in ipairs(list) do
      if step.value == nil then
        now, failure = M.delete(now, step.path)
      else
        now, failure = one_step(now, step.path, step.value)
      end
      if not now then
        return nil, failure
      end
    end
    return now
  end
  local new
  new, e = run(out)
  if not new and #out > 1 then -- parts of it cannot be changed alone
    new, e = run({ { path = path, value = v } })
  end
  if not new then
    return nil, e
  end
  return check(new, changed(before, path, 1, v), path)
end

--- Deletes the value at a path.
---@param text string
---@param path (string|integer)[]
---@return string? text
---@return prov.Err? err "notfound"
function M.delete(text, path)
  local before, why = yaml.decode(text)
  if before == nil then
    return nil, why
  end
  local e
  path, e = fit(before, path)
  if not path then
    return nil, e
  elseif #path == 0 or at_path(before, path) == nil then
    return err.fail("notfound", "there is no %s", #path == 0 and "path to delete" or path_of.format(path))
  end
  local root
  root, e = tree.build(text)
  if not root then
    return nil, e
  end
  local node, used = walk(root, table.move(path, 1, #path - 1, 1, {}))
  local key, index = path[#path], nil
  if used == #path - 1 and node.kind == "map" then
    local _, found = find_member(node, key)
    index = found
  elseif used == #path - 1 and node.kind == "list" then
    index = key
  end
  if not index then
    return fail(path, "comes from an alias or merge key: change what it names")
  end
  local new
  if node.in_flow or node.style == "flow" then
    new = delete_in_flow(text, node, index)
  elseif #(node.items or node.members) == 1 then
    new = replace_in_block(text, node, node.kind == "list" and data.list({}) or {}, style_of(text, root))
  else
    new = delete_in_block(text, node, index)
  end
  return check(new, changed(before, path, 1, nil), path)
end

return M
