--- SOPS files in YAML, changed in place: the leaves of a text in the order of SOPS's tree, and its metadata.
--
-- Each document is a map. Comments are leaves too; which map they belong to is guessed from their column, as go-yaml
-- does. Aliases cannot be encrypted, for a value is bound to its path: they are written out first.

local comments = require("prov.sops.yaml_comments")
local err = require("prov.err")
local put = require("prov.edit.yaml_text")
local scalar = require("prov.sops.scalar")
local splice = require("prov.edit.yaml_splice")
local tree = require("prov.edit.yaml_tree")
local yaml = require("prov.yaml")

local M = { name = "yaml" }

local unpack = table.unpack

local NONE = {} -- comments of a value that has none

local STYLE = { eol = "\n", step = 4, list_step = 4 }

-- Where lines with the marks --- and ... begin.
local function marks(text)
  local at, nearest = 0, {}
  return function()
    while true do
      local from
      for _, mark in ipairs({ "---", "..." }) do
        if (nearest[mark] or 0) <= at then
          nearest[mark] = at == 0 and text:sub(1, 3) == mark and 1
            or (text:find("\n" .. mark, math.max(at, 1), true) or math.huge) + 1
        end
        from = math.min(from or math.huge, nearest[mark])
      end
      at = from
      if at == math.huge then
        return nil
      elseif text:find("^...%f[%s\0]", at) then
        return at
      end
    end
  end
end

-- A part of a text; the whole is not copied.
local function part(text, from, to)
  return from == 1 and to == #text and text or text:sub(from, to)
end

--- The documents of a text: { from, to }, what stands between the marks.
local function documents(text)
  local out, from = {}, 1
  local function add(to)
    local body = part(text, from, to)
    local is_preamble = #out == 0 and to < #text
    if not is_preamble or body:gsub("%f[^\n\0][%%#][^\n]*", ""):find("%S") then
      out[#out + 1] = { from = from, to = to }
    end
  end
  for at in marks(text) do
    if text:byte(at) == 45 then
      add(at - 1)
      from = at + 3
    else
      local rest = text:sub((text:find("\n", at, true) or #text) + 1)
      if not rest:gsub("#[^\n]*", ""):find("%S") then
        out[#out + 1] = { from = from, to = at - 1 }
        return out
      end
    end
  end
  if from > 1 or text:find("%S") then
    out[#out + 1] = { from = from, to = #text }
  end
  return out
end

local function parse(body, file, line)
  local root, e = tree.build(body)
  if e then
    e.file, e.line = file, e.line and e.line + line
    return nil, e
  end
  if root and root.kind == "scalar" and root.style == "plain" and root.value == "" then -- nothing but comments
    root = nil
  elseif root and root.kind ~= "map" then
    return err.fail("invalid", "%s: SOPS encrypts documents that are maps; this one is a %s", file or "YAML", root.kind)
  end
  return root
end

local is_text = scalar.is_text

-- Type and bytes of a scalar.
local function typed(node, body)
  if node.style ~= "plain" or is_text(node.value) then
    return "str", node.value
  end
  local tag = node.content > node.from and body:sub(node.from, node.content - 1):match("!!(%a+)")
  if tag == "str" then
    return "str", node.value
  end
  local type, plain = scalar.resolve(node.value)
  if tag == "float" and type == "int" then
    type = "float"
  end
  return type, plain
end

-- What an alias stands for, in brackets.
local function flow(node, anchors, depth)
  if depth > 50 then
    error(err.new("limit", "aliases within aliases, too deep"), 0)
  elseif node.kind == "alias" then
    local meant = anchors[node.value]
    if not meant then
      error(err.new("invalid", ("nothing is named &%s before it"):format(node.value)), 0)
    end
    return flow(meant, anchors, depth + 1)
  elseif node.kind == "scalar" then
    return node.text or put.string(node.value, STYLE, nil, "double")
  end
  local out = {}
  for i, item in ipairs(node.items or node.members) do
    out[i] = node.items and flow(item, anchors, depth + 1)
      or put.string(item.key.value, STYLE, nil, "double") .. ": " .. flow(item.value, anchors, depth + 1)
  end
  return node.items and "[" .. table.concat(out, ", ") .. "]" or "{" .. table.concat(out, ", ") .. "}"
end

local function before(a, b)
  return a.from < b.from
end

local function apply(text, edits)
  for i = 2, #edits do
    if before(edits[i], edits[i - 1]) then
      table.sort(edits, before)
      break
    end
  end
  local out, at = {}, 1
  for _, edit in ipairs(edits) do
    out[#out + 1] = text:sub(at, edit.from - 1)
    out[#out + 1] = edit.new
    at = edit.to + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end
M.apply = apply

local function line_of(text, at)
  return select(2, text:sub(1, at - 1):gsub("\n", ""))
end

-- Edits that put a comment behind | or > on a line of its own, above.
local function lift_comment(body, node, offset, edits)
  local from, comment = body:match("^[|>][%d+-]*()[ \t]+(#[^\r\n]*)", node.content)
  if not from then
    return
  end
  local at = tree.line_start(body, node.from)
  local indent, dashes = body:match("^( *)([- ]*)", at)
  edits[#edits + 1] = { from = offset + at, to = offset + at - 1,
    new = indent .. (dashes:find("-", 1, true) and "" or dashes) .. comment .. "\n" }
  edits[#edits + 1] = { from = offset + from, to = offset + tree.line_end(body, from), new = "" }
end

-- An error when a map has a key twice: `sops` does not read such a file.
local function check_keys(node, body, line)
  local seen = {}
  for _, member in ipairs(node.members or {}) do
    local name = member.key.kind == "scalar" and member.key.value or nil
    if name and seen[name] then
      return err.new("invalid", ("the key '%s' stands twice in its map"):format(name), {
        line = line_of(body, member.key.from) + line + 1 })
    end
    seen[name or member] = true
  end
end

-- The text with what aliases stand for in their places, and no comments inside of scalars.
local function normal(text, file)
  local edits = {}
  for _, doc in ipairs(documents(text)) do
    local body = part(text, doc.from, doc.to)
    local line = line_of(text, doc.from)
    local root, e = parse(body, file, line)
    if e then
      return nil, e
    end
    local anchors, count = {}, 0
    comments.each(root or { kind = "none" }, function(node)
      e = e or check_keys(node, body, line)
      if node.kind == "scalar" and node.style == "plain" and typed(node, body) ~= "str" then
        node.text = body:sub(node.content, node.to)
      end
      if node.anchor then
        anchors[node.anchor:sub(2)] = node
      end
      if node.style == "literal" or node.style == "folded" then
        lift_comment(body, node, doc.from - 1, edits)
      end
      if node.kind == "alias" then
        count = count + 1
        local ok, new = pcall(flow, node, anchors, 0)
        if not ok then
          e = err.is(new) and new or error(new, 0)
          return
        end
        edits[#edits + 1] = { from = doc.from + node.from - 1, to = doc.from + node.to - 1, new = new }
      end
    end)
    if e then
      e.file = file
      return nil, e
    end
    if count > 0 then -- no alias, no name: a value with a name would be replaced with it
      comments.each(root, function(node)
        if node.anchor then
          local from = body:find(node.anchor, node.from, true)
          local to = body:match("^ *()", from + #node.anchor) - 1
          edits[#edits + 1] = { from = doc.from + from - 1, to = doc.from + to - 1, new = "" }
        end
      end)
    end
  end
  return apply(text, edits)
end

local FLOATS = { NaN = ".nan", ["+Inf"] = ".inf", ["-Inf"] = "-.inf" }

-- A string as it is written in the place of a node.
local function write_string(plain, leaf)
  local node, doc = leaf.node, leaf.doc
  local hint = node.style ~= "plain" and (not node.in_flow or node.style ~= "double") and node.style or nil
  if not hint and put.is_word(plain) then
    return plain
  end
  local block = hint == "literal" or hint == "folded" or plain:find("\n", 1, true)
  doc.style = doc.style or splice.style(doc.body, doc.root, {})
  local indent = not node.in_flow and (block and comments.column(doc.body, node.parent) or 0) or nil
  return put.string(plain, doc.style, indent, leaf.one_line and block and "double" or hint)
end

-- How a leaf is written where it stands: on one line when a comment is behind it.
local function write(type, plain, leaf)
  if type == "str" and not utf8.len(plain) then
    return nil
  elseif type == "str" or type == "bytes" then
    local text = write_string(plain, leaf)
    local is_other = text == plain and not is_text(text) and scalar.resolve(text) ~= "str"
    return is_other and put.string(plain, STYLE, nil, "double") or text
  elseif type == "comment" then -- of a list: see leaves_of
    return "#" .. plain
  elseif type == "bool" then
    return plain:lower()
  elseif type == "float" then
    return FLOATS[plain] or plain:find(".", 1, true) and plain or plain .. ".0"
  end
  return plain
end

local function comment_leaf(comment, doc, path, above)
  return { kind = "comment", type = "comment", plain = comment.text, path = path,
    comments = above, comments_to = #above, from = doc.offset + comment.from, to = doc.offset + comment.to,
    write = function(type, plain)
      if type == "comment" or not plain:find("\n", 1, true) then
        return "#" .. plain:gsub("\n", doc.eol .. "#")
      end
    end }
end

-- The last byte of a member or item before a comment on its line.
local function before_comment(body, one, node)
  if not node.members and not node.items then
    return one.key and tree.member_to(body, one) or one.to
  end
  local last = tree.line_end(body, one.key and (tree.colon(body, one.key) or one.key.to) or one.from - 1)
  return math.min(last, node.to >= node.from and node.content or last) -- those on the line of its key
end

-- The leaves of a document, which is { body, root, offset, eol }.
local function leaves_of(doc, out)
  local body, offset = doc.body, doc.offset
  local path, depth = {}, 0
  local active, shared = {}, nil -- comments that count; a copy for leaves, which many of them share, as it only grows
  local leaf = { __index = { kind = "value", comments = NONE, write = write, doc = doc } } -- what most are alike in
  local walk
  local function value(node, item, behind)
    if node.kind ~= "scalar" then
      return walk(node)
    end
    local type, plain = typed(node, body)
    if type ~= "null" then
      local found = setmetatable({ type = type, plain = plain, path = { unpack(path, 1, depth) },
        from = offset + node.from, to = offset + node.to, node = node }, leaf)
      if active[1] then
        shared = shared or table.move(active, 1, #active, 1, {})
        found.comments, found.comments_to = shared, #shared
      end
      found.item = item and offset + item or nil
      found.one_line = behind
      out[#out + 1] = found
    end
    return true
  end
  local function walk_commented(branch)
    local rest, next_comment, own, at = branch.comments, 1, #active, depth
    local function comments_until(stop)
      while rest[next_comment] and rest[next_comment].from < stop do
        local text = rest[next_comment].text
        shared = shared or table.move(active, 1, #active, 1, {})
        active[#active + 1], shared[#shared + 1] = text, text
        out[#out + 1] = comment_leaf(rest[next_comment], doc, { unpack(path, 1, at) }, shared)
        next_comment = next_comment + 1
      end
    end
    -- Those before a member or item, and the one behind it on its line, which it says.
    local function around(one, node)
      local last = before_comment(body, one, node)
      comments_until(math.max(last, one.key and one.key.from or one.from))
      local inline = rest[next_comment]
      local behind = inline and inline.inline and tree.line_start(body, inline.from) <= math.max(last, 1)
      if behind then
        comments_until(inline.from + 1)
      end
      return behind
    end
    local function forget()
      for i = #active, own + 1, -1 do
        active[i], shared = nil, nil
      end
    end
    local ok, e = walk(branch, function(one, node)
      return rest[next_comment] and around(one, node)
    end, forget)
    comments_until(math.huge)
    forget()
    return ok, e
  end
  function walk(branch, around, after)
    if not around and branch.comments then
      return walk_commented(branch)
    end
    local list, is_map = branch.members or branch.items, branch.members ~= nil
    -- `sops` writes a comment in a list as one of its items.
    local has_dashes = not is_map and branch.style ~= "flow" and not branch.in_flow
    local above = depth
    depth = is_map and depth + 1 or depth
    for i = 1, #list do
      local one = list[i]
      local key = one.key
      local node = key and one.value or one
      local behind = around and around(one, node)
      if key then
        local kind = key.kind == "scalar" and typed(key, body)
        if kind ~= "str" and key.value ~= "<<" then
          return err.fail("invalid", "line %d: SOPS wants keys that are texts: write \"%s\" in quotes",
            line_of(body, key.from) + 1, key.value)
        end
        path[depth] = key.value
      end
      local ok, e = value(node, has_dashes and tree.dash(body, branch, i), behind)
      if not ok then
        return nil, e
      end
      if after then
        after()
      end
    end
    depth = above
    return true
  end
  return walk(doc.root)
end

--- The text as it can be encrypted.
---@param text string
---@param file? string
---@return string? text
---@return prov.Err? err
function M.prepare(text, file)
  -- For readers of YAML a CR is a line break, for few other programs.
  if text:find("\r", 1, true) and text:gsub("\r\n", ""):find("\r", 1, true) then
    return nil, err.new("invalid", "it has line ends of one CR: write LF", { file = file })
  end
  return normal(text, file)
end

--- The leaves of a text.
---@param text string
---@param file? string
---@param known? prov.YamlNode of M.extract
---@return table[]? leaves
---@return prov.Err? err
function M.leaves(text, file, known)
  local out = {}
  for _, doc in ipairs(documents(text)) do
    local body = part(text, doc.from, doc.to)
    local root, e = known
    if not root then
      root, e = parse(body, file, line_of(text, doc.from))
    end
    if e then
      return nil, e
    end
    if root then
      comments.place(body, root)
      local ok
      ok, e = leaves_of({ body = body, root = root, offset = doc.from - 1,
        eol = body:find("\r\n", 1, true) and "\r\n" or "\n" }, out)
      if not ok then
        e.file = file
        return nil, e
      end
    else
      for _, comment in ipairs(comments.of(body)) do
        out[#out + 1] = { kind = "comment", type = "comment", plain = comment.text, path = {},
          comments = { comment.text }, from = doc.from + comment.from - 1, to = doc.from + comment.to - 1,
          write = function(_, plain)
            return "#" .. plain
          end }
      end
    end
  end
  return out
end

-- The tree without its last member, when that alone was cut off the end of its text.
local function without_last(root, index, body, new)
  if root.style ~= "block" or index ~= #root.members or index == 1 or body:sub(1, #new) ~= new
    or new:byte(-1) ~= 10 then
    return nil
  end
  table.remove(root.members)
  local last = root.members[index - 1]
  local value = last.value.to < last.value.from and tree.colon(new, last.key) == nil and last.key or last.value
  root.to, root.raw_to, root.keeps = value.to, value.raw_to or value.to, value.keeps
  return root
end

--- The metadata of a text, and the text without.
---@param text string
---@param file? string
---@return string? text
---@return table|prov.Err|nil meta nil when there is none
---@return prov.YamlNode? root the tree of the rest, for M.leaves, when it is known
function M.extract(text, file)
  local meta, edits, known = nil, {}, nil
  local docs = documents(text)
  for i, doc in ipairs(docs) do
    local body = part(text, doc.from, doc.to)
    local root, e = parse(body, file, line_of(text, doc.from))
    if e then
      return nil, e
    end
    local member, index
    if root then
      member, index = splice.find_member(root, "sops")
    end
    if member then
      if i == 1 then
        local v
        local from = root.style == "flow" and member.key.from or tree.line_start(body, member.key.from)
        v, e = yaml.decode(body:sub(from, tree.member_to(body, member)), { file = file })
        if v == nil then
          return nil, e
        end
        meta = v.sops
      end
      local new
      if #root.members == 1 and root.style ~= "flow" then -- nothing is left of the document
        new = body:sub(1, tree.line_start(body, member.key.from) - 1)
      else
        new = splice.delete(body, root, index, STYLE)
      end
      if not new then
        return err.fail("unsupported", "%s: comments are in the way of taking the metadata out of the text", file)
      end
      edits[#edits + 1] = { from = doc.from, to = doc.to, new = new }
      known = #docs == 1 and without_last(root, index, body, new) or nil
    end
  end
  return apply(text, edits), meta, known
end

--- The text with metadata, in every document.
---@param text string
---@param meta table
---@return string? text
---@return prov.Err? err
function M.attach(text, meta)
  local edits = {}
  local docs = documents(text)
  if #docs == 0 then
    docs = { { from = #text + 1, to = #text } }
  end
  for _, doc in ipairs(docs) do
    local body = part(text, doc.from, doc.to)
    local root, e = parse(body, nil, 0)
    if e then
      return nil, e
    end
    local new
    if root and root.style == "flow" then
      local last = root.members[#root.members]
      local at = last and tree.member_to(body, last) or root.content
      new = body:sub(1, at) .. (last and ", " or "") .. "sops: " .. put.flow(meta, STYLE) .. body:sub(at + 1)
    else
      local style = root and splice.style(body, root, {}) or STYLE
      if body ~= "" and body:sub(-1) ~= "\n" or doc.from > 1 and body == "" then
        body = body .. style.eol
      end
      new = body .. put.lines({ sops = meta }, style, root and comments.column(body, root) or 0) .. style.eol
      local indent = root and comments.column(body, root) or 0
      if indent > 0 then
        new = body .. (" "):rep(indent) .. put.lines({ sops = meta }, style, indent) .. style.eol
      end
    end
    edits[#edits + 1] = { from = doc.from, to = doc.to, new = new }
  end
  return apply(text, edits)
end

--- The value of a text: of its documents, when it has several.
---@param text string
---@param file? string
---@return any
---@return prov.Err?
function M.value(text, file)
  local v, e = yaml.decode(text, { file = file, all = true })
  if v == nil then
    return nil, e
  end
  return #v == 1 and v[1] or #v == 0 and {} or v
end

--- The text with another value at a path; of several documents in the first.
---@param text string
---@param path (string|integer)[]
---@param v any nil deletes
---@return string? text
---@return prov.Err? err
function M.change(text, path, v)
  local docs = documents(text)
  local doc = docs[1] or { from = 1, to = #text }
  if #docs > 1 and math.type(path[1]) == "integer" then
    doc = docs[path[1]] or doc
    path = table.move(path, 2, #path, 1, {})
  end
  local body = part(text, doc.from, doc.to)
  local edit = require("prov.edit.yaml")
  local new, e
  if v == nil then
    new, e = edit.delete(body, path)
  else
    new, e = edit.set(body, path, v)
  end
  return new and text:sub(1, doc.from - 1) .. new .. text:sub(doc.to + 1), e
end

--- Whether a text has a key that would be taken for metadata.
M.reserved = "sops"

return M
