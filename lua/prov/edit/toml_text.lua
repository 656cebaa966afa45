--- The text of a TOML file as edits see it: which lines and brackets make which value, and the smallest
-- change of the text that adds, replaces or removes one. Each change is read anew.

local data = require("core.data")
local toml = require("prov.toml")

local ROOT = 1

---@class prov.TomlText
---@field text string
---@field tree table
---@field nodes table<integer, { [1]: integer, [2]: string|integer }> parent and key
---@field children table<integer, table<string|integer, integer>>
---@field written table<integer, prov.TomlSpan> values that stand behind `=` or in []
---@field blocks { span: prov.TomlSpan?, node: integer, last: prov.TomlSpan? }[] headers, the root first
---@field block_of table<integer, table> by the node of the header
---@field members prov.TomlSpan[] members and items
local Text = {}
Text.__index = Text

--- Reads a text.
---@param text string
---@return prov.TomlText? text, prov.Err?
function Text.read(text)
  local tree, e = toml.decode(text)
  if not tree then
    return nil, e
  end
  local layout = assert(data.toml_layout(text))
  local self = setmetatable({
    text = text,
    tree = tree,
    nodes = layout.nodes,
    children = {},
    written = {},
    members = {},
    blocks = { { node = ROOT } },
    block_of = {},
    newline = text:match("\r?\n") or "\n",
  }, Text)
  self.block_of[ROOT] = self.blocks[1]
  for id, node in pairs(layout.nodes) do
    self.children[node[1]] = self.children[node[1]] or {}
    self.children[node[1]][node[2]] = id
  end
  local block = self.blocks[1]
  for _, span in ipairs(layout.spans) do
    if span.kind == "table" or span.kind == "element" then
      block = { span = span, node = span.node, before = (block.last or block.span or { to = 0 }).to }
      self.blocks[#self.blocks + 1] = block
      self.block_of[span.node] = block
    elseif span.kind ~= "comment" then
      self.written[span.node] = span
      self.members[#self.members + 1] = span
      if span.owner == block.node then
        block.last = span
      end
    end
  end
  return self
end

--- The node of a path, or the deepest one above it that exists and its depth.
---@return integer node, integer depth
function Text:find(path)
  local node = ROOT
  for i, key in ipairs(path) do
    local child = (self.children[node] or {})[key]
    if not child then
      return node, i - 1
    end
    node = child
  end
  return node, #path
end

--- The value of a path that exists.
function Text:value(path)
  local v = self.tree
  for _, key in ipairs(path) do
    v = v[key]
  end
  return v
end

function Text:path_of(node)
  local path = {}
  while node ~= ROOT do
    table.insert(path, 1, self.nodes[node][2])
    node = self.nodes[node][1]
  end
  return path
end

--- True when the node is the other one or below it.
function Text:is_below(node, other)
  while node ~= other and node ~= ROOT do
    node = self.nodes[node][1]
  end
  return node == other
end

function Text:line_start(pos)
  while pos > 1 and self.text:byte(pos - 1) ~= 10 do
    pos = pos - 1
  end
  return pos
end

--- Place of the newline that ends the line, or of the last byte of a text without one.
function Text:line_end(pos)
  return self.text:find("\n", pos, true) or #self.text
end

function Text:indent(pos)
  return self.text:match("^[ \t]*", self:line_start(pos))
end

--- True when only blanks stand before the place on its line.
function Text:starts_line(pos)
  return not self.text:sub(self:line_start(pos), pos - 1):find("[^ \t]")
end

--- Where a header begins together with the comment lines right above it.
function Text:top(block)
  local pos = self:line_start(block.span.from)
  while pos > 1 do
    local above = self:line_start(pos - 1)
    if above <= block.before or not self.text:find("^[ \t]*#", above) then
      break
    end
    pos = above
  end
  return pos
end

--- A place of the last line of a header's part: comment lines right below it belong to it, unless they
-- stand right above the next header.
function Text:bottom(block)
  local last = self:line_end((block.last or block.span).to + 1)
  local pos = last
  while self.text:find("^[ \t]*#", pos + 1) do
    pos = self:line_end(pos + 1)
  end
  return self.text:find("^[ \t]*%[", pos + 1) and last or pos
end

--- The next place behind blanks, newlines and comments.
function Text:skip(pos)
  while true do
    local to = select(2, self.text:find("^[ \t\r\n]*", pos))
    if self.text:byte(to + 1) ~= 35 then
      return to + 1
    end
    pos = self:line_end(to + 1)
  end
end

--- The text with the changes { from, to, new } made. New lines end as the file's do.
function Text:with(changes)
  table.sort(changes, function(a, b)
    return a[1] < b[1]
  end)
  local out, at = {}, 1
  for _, change in ipairs(changes) do
    local new = change[3] or ""
    if self.newline == "\r\n" then
      new = new:gsub("\r?\n", "\r\n")
    end
    out[#out + 1] = self.text:sub(at, change[1] - 1)
    out[#out + 1] = new
    at = change[2] + 1
  end
  out[#out + 1] = self.text:sub(at)
  return table.concat(out)
end

--- A change that puts lines behind the line of a place.
function Text:lines_behind(pos, lines)
  local at = self:line_end(pos)
  if at < pos or self.text:byte(at) ~= 10 then -- the file ends without a newline
    return { #self.text + 1, #self.text, (self.text ~= "" and "\n" or "") .. lines }
  end
  return { at + 1, at, lines }
end

--- The map with a value at the end of a path of keys; keys of lists are left out, as headers do.
local function wrapped(path, v)
  for i = #path, 1, -1 do
    if type(path[i]) == "string" then
      v = { [path[i]] = v }
    end
  end
  return v
end

local function joined(path, from)
  local out = {}
  for i = from, #path do
    out[#out + 1] = assert(toml.encode_key(path[i]))
  end
  return table.concat(out, ".")
end

local function all_maps(v)
  for _, item in ipairs(v) do
    if data.kind(item) ~= "map" then
      return false
    end
  end
  return v[1] ~= nil
end

--- True for a map, or a list of nothing but maps, with something in it.
local function has_sections(v)
  local kind = data.kind(v)
  return kind == "map" and next(v) ~= nil or kind == "list" and all_maps(v)
end

--- What stands behind `key =`; on a line of its own it may take several.
local function value_text(v, is_line)
  if is_line and not has_sections(v) and data.kind(v) ~= "map" then
    return assert(toml.encode({ k = v })):match("^k = (.*)\n$")
  end
  return assert(toml.encode_value(v))
end

--- How the members of a table are written: its style for new ones.
function Text:wants_section(parent, v)
  if not has_sections(v) then
    return false
  end
  local inline = false
  for _, child in pairs(self.children[parent] or {}) do
    local span = self.written[child]
    if not span and (self.block_of[child] or not self:dotted(child)) then
      return true
    end
    inline = inline or span and self.text:byte(span.value) == 123
  end
  return parent == ROOT or not inline and #value_text(v) > 60
end

--- The last member below a table whose dotted key makes it, or nil.
function Text:dotted(table_node)
  if not self.dotted_by then
    self.dotted_by = {}
    for _, span in ipairs(self.members) do
      local node = span.kind == "member" and self.nodes[span.node][1] or span.owner
      while node ~= span.owner do
        self.dotted_by[node], node = span, self.nodes[node][1]
      end
    end
  end
  return self.dotted_by[table_node]
end

local function last_block_below(self, node)
  for i = #self.blocks, 1, -1 do
    if self.blocks[i].span and self:is_below(self.blocks[i].node, node) then
      return self.blocks[i]
    end
  end
end

--- Adds sections behind those of a node.
local function add_sections(self, node, lines)
  local block = node ~= ROOT and last_block_below(self, node)
  if not block then
    local gap = self.text == "" and "" or self.text:sub(-1) == "\n" and "\n" or "\n\n"
    return self:with({ { #self.text + 1, #self.text, gap .. lines } })
  end
  return self:with({ self:lines_behind(self:bottom(block), "\n" .. lines) })
end

local function add_line(self, block, line)
  local after = block.last or block.span
  if after then
    return self:with({ self:lines_behind(after.to + 1, self:indent(after.from) .. line .. "\n") })
  elseif not self.blocks[2] then
    return self:with({ self:lines_behind(#self.text + 1, line .. "\n") })
  end
  local top = self:top(self.blocks[2])
  return self:with({ { top, top - 1, line .. "\n\n" } })
end

local function siblings(self, owner)
  local out = {}
  for _, span in ipairs(self.members) do
    if span.owner == owner then
      out[#out + 1] = span
    end
  end
  return out
end

local function add_inline(self, span, line)
  local all = siblings(self, span.node)
  if #all == 0 then
    return self:with({ { span.value, span.to, "{ " .. line .. " }" } })
  end
  return self:with({ { all[#all].to + 1, all[#all].to, ", " .. line } })
end

--- Adds an item at the end of [].
local function append_item(self, span, all, v)
  local last, text = all[#all], value_text(v)
  local place = self:skip(last.to + 1)
  local comma = self.text:sub(place, place) == ","
  local behind = comma and place or last.to
  if not self.text:sub(behind + 1, span.to):find("\n", 1, true) then
    return self:with({ { behind + 1, behind, (comma and " " or ", ") .. text } })
  end
  local at = self:line_end(behind + 1)
  local indent = self:starts_line(last.from) and self:indent(last.from) or self:indent(span.from) .. "  "
  local changes = { { at + 1, at, indent .. text .. (comma and "," or "") .. "\n" } }
  if not comma then
    changes[2] = { behind + 1, behind, "," }
  end
  return self:with(changes)
end

local function add_item(self, span, index, v)
  local all = siblings(self, span.node)
  if #all == 0 then
    local blank = not self.text:sub(span.value + 1, span.to - 1):find("[^ \t]")
    return self:with({ { span.value + 1, blank and span.to - 1 or span.value, value_text(v) } })
  elseif index > #all then
    return append_item(self, span, all, v)
  end
  local from = all[index].from
  local alone = self:starts_line(from) and self:line_start(from) > span.value
  local gap = alone and "\n" .. self:indent(from) or " "
  return self:with({ { from, from - 1, value_text(v) .. "," .. gap } })
end

--- Adds a table to a list of [[]].
local function add_element(self, node, index, v)
  local lines = assert(toml.encode(wrapped(self:path_of(node), data.list({ v }))))
  local before = (self.children[node] or {})[index]
  if not before then
    return add_sections(self, node, lines)
  end
  local top = self:top(self.block_of[before])
  return self:with({ { top, top - 1, lines .. "\n" } })
end

--- The text with a new member or item; a path's last key says where among the items.
---@param parent integer a map or list
---@param key string|integer
---@param v any
---@return string
function Text:add(parent, key, v)
  local path = self:path_of(parent)
  local span = self.written[parent]
  if math.type(key) == "integer" then
    return span and add_item(self, span, key, v) or add_element(self, parent, key, v)
  elseif span then
    return add_inline(self, span, joined({ key }, 1) .. " = " .. value_text(v))
  end
  local dotted = not self.block_of[parent] and self:dotted(parent)
  path[#path + 1] = key
  if dotted then
    local name = joined(path, #self:path_of(dotted.owner) + 1)
    if self.written[dotted.owner] then
      return self:with({ { dotted.to + 1, dotted.to, ", " .. name .. " = " .. value_text(v) } })
    end
    local line = self:indent(dotted.from) .. name .. " = " .. value_text(v, true) .. "\n"
    return self:with({ self:lines_behind(dotted.to + 1, line) })
  elseif self:wants_section(parent, v) then
    return add_sections(self, parent, assert(toml.encode(wrapped(path, v))))
  elseif self.block_of[parent] then
    return add_line(self, self.block_of[parent], joined({ key }, 1) .. " = " .. value_text(v, true))
  end
  for _, block in ipairs(self.blocks) do -- the table has no header of its own yet
    if block.span and self:is_below(block.node, parent) then
      local top = self:top(block)
      path[#path] = nil
      local line = joined({ key }, 1) .. " = " .. value_text(v, true)
      local header = assert(toml.encode(wrapped(path, {})))
      return self:with({ { top, top - 1, header .. line .. "\n\n" } })
    end
  end
end

--- The text with another value behind the `=` or in the place of an item; nil for a table of its own.
---@return string?
function Text:replace(node, v)
  local span = self.written[node]
  if not span then
    return nil
  end
  local new = value_text(v, span.kind == "member" and self.block_of[span.owner] ~= nil)
  local old = self.text:sub(span.value, span.to)
  if type(v) == "string" and old:find("^'[^']") and not v:find("[%c']") then
    new = "'" .. v .. "'" -- the quotes it had
  end
  return self:with({ { span.value, span.to, new } })
end

--- Changes that take a member or item out of its brackets. In [] a comma may stay behind the last.
local function out_of_brackets(self, span)
  local all = siblings(self, span.owner)
  local at = 1
  while all[at] ~= span do
    at = at + 1
  end
  local before, after, box = all[at - 1], all[at + 1], self.written[span.owner]
  local place = self:skip(span.to + 1)
  local comma = self.text:sub(place, place) == "," and place
  local function is_plain(from, to)
    return not self.text:sub(from, to):find("[\n#]")
  end
  if span.kind == "item" and self:starts_line(span.from) and self:line_start(span.from) > box.value then
    local stop = self:line_end((comma or span.to) + 1)
    local rest = self.text:sub((comma or span.to) + 1, stop)
    if is_plain(span.to + 1, comma or span.to) and rest:find("^[ \t]*[#\r\n]") then
      return { { self:line_start(span.from), stop } }
    end
  end
  if after and is_plain(span.to + 1, after.from - 1) then
    return { { span.from, after.from - 1 } }
  elseif not after and before and is_plain(before.to + 1, span.from - 1) then
    return { { before.to + 1, span.to } }
  elseif span.kind == "member" and not before and not after then
    return { { box.value + 1, box.to - 1 } }
  end
  local changes = { { span.from, span.to } }
  if comma then
    changes[2] = { comma, comma }
  end
  return changes
end

--- The text without a value, whatever it is written as. The tables above it may be gone then, too.
---@return string
function Text:remove(node)
  local changes = {}
  local function drop_lines(from, to)
    from, to = self:line_start(from), self:line_end(to + 1)
    changes[#changes + 1] = { from, to }
    return from, to
  end
  local function drop(span)
    if self.block_of[span.owner] then
      drop_lines(span.from, span.to)
    elseif #changes == 0 then -- several of one {} go one by one
      changes = out_of_brackets(self, span)
    end
  end
  if self.written[node] then
    drop(self.written[node])
    return self:with(changes)
  end
  for _, block in ipairs(self.blocks) do
    if block.span and self:is_below(block.node, node) then
      local from, to = drop_lines(block.span.from, (block.last or block.span).to)
      local above = from > 1 and self:line_start(from - 1)
      if above and self.text:find("^[ \t]*\r?\n", above) and (to >= #self.text or self.text:find("^\r?\n", to + 1)) then
        changes[#changes][1] = above -- one empty line is enough
      end
    end
  end
  for _, span in ipairs(self.members) do
    if
      span.kind == "member"
      and self:is_below(span.node, node)
      and span.owner ~= node
      and self:is_below(node, span.owner)
    then
      drop(span)
    end
  end
  return self:with(changes)
end

return Text
