--- Changes of a YAML text at one place: the bytes of a value are replaced, added or taken out. Whether
--- the result is what was wanted is for prov.edit.yaml to find out.

local data = require("core.data")
local err = require("prov.err")
local path_of = require("prov.path")
local put = require("prov.edit.yaml_text")
local tree = require("prov.edit.yaml_tree")

local M = {}

--- Line breaks and steps of a text: the most usual ones of its own maps and lists.
---@param text string
---@param root? prov.YamlNode
---@param form table
---@return prov.YamlStyle
function M.style(text, root, form)
  local steps, list_steps = {}, {}
  local function walk(node)
    if node.items then
      for _, item in ipairs(node.items) do
        walk(item)
      end
    elseif node.members then
      for _, member in ipairs(node.members) do
        local below = member.value
        if node.style == "block" and below.style == "block" and below.content then
          local step = tree.column(text, below.content) - tree.column(text, member.key.from)
          local counts = below.kind == "list" and list_steps or steps
          counts[step] = (counts[step] or 0) + 1
        end
        walk(below)
      end
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
    json = form.json,
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

--- Follows the path as far as the text goes: the node, and how many keys were used.
---@param root prov.YamlNode
---@param path (string|integer)[]
---@return prov.YamlNode node
---@return integer used
function M.walk(root, path)
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
  local was_flow = node.style == "flow" and (node.items or node.members)[1] ~= nil
  local inline = put.is_scalar(v) or style.json or was_flow
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

-- What stands between members and items in brackets: as between the last ones, when that is no comment.
local function separator(text, node, list)
  local function from(i)
    return node.kind == "list" and list[i].from or tree.member_from(text, list[i])
  end
  local before = list[#list - 1]
  if before then
    local to = node.kind == "list" and before.to or tree.member_to(text, before)
    local gap = text:sub(to + 1, from(#list) - 1)
    return gap:find("^,%s*$") and gap or ", "
  end
  local gap = text:sub(node.content + 1, from(1) - 1)
  return gap:find("^%s*$") and gap:find("\n", 1, true) and "," .. gap or ", "
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
    local new = (node.kind == "map" and put.key(key, style, true) .. ": " or "") .. put.flow(v, style)
    return splice(text, to + 1, to, separator(text, node, list) .. new)
  end
  local column = tree.column(text, node.kind == "list" and node.content or tree.member_from(text, list[1]))
  local new = node.kind == "list" and "-" .. put.behind(v, style, column, true)
    or put.key(key, style, false) .. ":" .. put.behind(v, style, column)
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

--- Sets the value at a path, whole.
---@param text string
---@param root? prov.YamlNode nil when the text holds no document
---@param path (string|integer)[]
---@param v any
---@param style prov.YamlStyle
---@return string? text
---@return prov.Err? err
function M.set(text, root, path, v, style)
  if not root then
    local start = text == "" and "" or text:sub(-1) == "\n" and "" or style.eol
    v = nest(path, 1, v)
    return text .. start .. (put.is_scalar(v) and put.scalar(v, style, 0) or put.lines(v, style, 0)) .. style.eol
  end
  local node, used = M.walk(root, path)
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
    return err.fail("invalid", "%s: is an alias (*%s): change what it names", path_of.format(so_far), node.value)
  elseif node.kind == "map" then
    return append(text, node, key, nest(path, used + 2, v), style)
  elseif node.kind == "list" then
    return append(text, node, nil, nest(path, used + 2, v), style)
  end
  return M.set(text, root, so_far, nest(path, used + 1, v), style)
end

-- A member or item in brackets, with its comma.
local function delete_in_flow(text, node, index)
  local list = node.items or node.members
  local one = list[index]
  local from = node.kind == "list" and one.from or tree.member_from(text, one)
  local to = node.kind == "list" and one.to or tree.member_to(text, one)
  local comma = text:match("^%s*,()", to + 1)
  local start = tree.line_start(text, from)
  local next_line = comma and text:match("^[ \t]*\r?\n()", comma)
  if next_line and text:sub(start, from - 1):find("^[ \t]*$") then -- a line of its own
    return splice(text, start, next_line - 1, "")
  elseif comma then
    return splice(text, from, text:match("^[ \t]*()", comma) - 1, "")
  end
  local before = from
  while before > 1 and text:find("^%s", before - 1) do
    before = before - 1
  end
  if text:sub(before - 1, before - 1) == "," then
    from = before - 1
  elseif #list == 1 and text:find("^ +[%]}]", to + 1) and before < from then -- no padding of nothing
    from, to = before, text:match("^ +()", to + 1) - 1
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

--- Takes one member or item out of a list or map.
---@param text string
---@param node prov.YamlNode
---@param index integer
---@param style prov.YamlStyle
---@return string? text nil when comments are in the way
function M.delete(text, node, index, style)
  if node.in_flow or node.style == "flow" then
    return delete_in_flow(text, node, index)
  elseif #(node.items or node.members) == 1 then
    return replace_in_block(text, node, node.kind == "list" and data.list({}) or {}, style)
  end
  return delete_in_block(text, node, index)
end

--- The member of a map with a key, or its place; merge keys are none.
M.find_member = find_member

return M
