--- The comments of a YAML document, and the map or list that each belongs to: a guess by columns, as go-yaml makes one.

local tree = require("prov.edit.yaml_tree")

local M = {}

--- Calls fn for every node of a tree, parents first.
---@param node prov.YamlNode
---@param fn fun(node: prov.YamlNode)
function M.each(node, fn)
  fn(node)
  if node.items then
    for _, item in ipairs(node.items) do
      M.each(item, fn)
    end
  elseif node.members then
    for _, member in ipairs(node.members) do
      M.each(member.key, fn)
      M.each(member.value, fn)
    end
  end
end

--- The comments of a body: what stands behind a # between the scalars.
---@param body string
---@param root? prov.YamlNode
---@return { from: integer, to: integer, text: string, column: integer, inline: boolean }[]
function M.of(body, root)
  local spans, out = {}, {}
  if not body:find("#", 1, true) then
    return out
  end
  M.each(root or { kind = "none" }, function(node)
    if (node.kind == "scalar" or node.kind == "alias") and node.to >= node.content then
      spans[#spans + 1] = node
    end
  end)
  local at, from = 1, 0 -- the next # is looked for once: there may be none in a long text
  local function gap(to)
    while true do
      if from < at then
        from = body:find("#", at, true) or #body + 1
      end
      if from > to then
        break
      end
      if from == 1 or body:find("^%s", from - 1) then
        local stop = tree.line_end(body, from)
        local start = tree.line_start(body, from)
        out[#out + 1] = { from = from, to = stop, text = body:sub(from + 1, stop), column = from - start,
          inline = body:sub(start, from - 1):find("%S") ~= nil }
        at = stop + 1
      else
        at = from + 1
      end
    end
  end
  for _, node in ipairs(spans) do
    if node.style == "literal" or node.style == "folded" then -- a comment may stand behind | and >
      gap(node.content - 1)
      local first = tree.line_end(body, node.content)
      at = math.max(at, node.content)
      gap(first)
      at = node.to + 1
    else
      gap(node.content - 1)
      at = node.to + 1
    end
  end
  gap(#body)
  return out
end

--- The column of the members or items of a branch; nil inside of brackets.
---@param body string
---@param branch prov.YamlNode
---@return integer?
function M.column(body, branch)
  local first = branch.members and branch.members[1] and branch.members[1].key or branch.items and branch.items[1]
  if not first or branch.in_flow or branch.style == "flow" then
    return nil
  end
  return tree.column(body, branch.items and branch.content or tree.member_from(body, branch.members[1]))
end

-- The branch of what stands before a comment on its line.
local function inline_branch(body, node, comment, before, behind)
  local line = tree.line_start(body, comment.from)
  return node and node.to >= line and before[1] or behind[#behind]
end

-- The branch whose members or items begin in the column of a comment; those behind it first.
local function same_column(body, comment, before, behind)
  for _, chain in ipairs({ behind, before }) do
    for _, one in ipairs(chain) do
      if M.column(body, one) == comment.column then
        return one
      end
    end
  end
end

--- Gives every comment to a branch, as `branch.comments`.
---@param body string
---@param root prov.YamlNode
function M.place(body, root)
  local list = M.of(body, root)
  if #list == 0 then
    return
  end
  local order = {} -- scalars, with the chain of branches above
  M.each(root, function(node)
    if not node.items and not node.members or #(node.items or node.members) == 0 then
      order[#order + 1] = node
    end
  end)
  local function chain(node)
    local out = {}
    while node do
      if node.items or node.members then
        out[#out + 1] = node
      end
      node = node.parent
    end
    return out
  end
  local i = 0
  for _, comment in ipairs(list) do
    while order[i + 1] and order[i + 1].from < comment.from do
      i = i + 1
    end
    local before, behind = chain(order[i]), chain(order[i + 1])
    local branch
    for _, one in ipairs(before) do -- inside of brackets
      branch = branch or one.style == "flow" and one.to > comment.to and one or nil
    end
    branch = branch or comment.inline and inline_branch(body, order[i], comment, before, behind)
      or same_column(body, comment, before, behind) or behind[1] or before[#before] or root
    branch.comments = branch.comments or {}
    table.insert(branch.comments, comment)
  end
end

return M
