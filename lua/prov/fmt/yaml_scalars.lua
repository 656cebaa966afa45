--- Scalars of YAML as they are written anew.

local M = {}

--- Anchor and tag of a node, in order.
---@param text string
---@param node prov.YamlNode
---@return { text: string, from: integer }[]
function M.properties(text, node)
  local out, at = {}, node.from
  while at <= node.properties_to do
    local word, behind = text:match("^([&!][^%s,%[%]{}]*)()", at)
    if text:find("^!<", at) then
      word, behind = text:match("^(!<[^>]*>)()", at)
    end
    if word then
      out[#out + 1], at = { text = word, from = at }, behind
    elseif text:byte(at) == 35 then
      at = text:match("^[^\n]*()", at)
    else
      at = at + 1
    end
  end
  return out
end

-- Double quotes, where they say the same without an escape.
local function requoted(source)
  local inner = source:match("^'(.*)'$")
  if not inner or inner:find('["\\]') then
    return source
  end
  return '"' .. inner:gsub("''", "'") .. '"'
end

--- A plain or quoted scalar; the lines behind its first are indented.
---@param text string
---@param node prov.YamlNode
---@param indent integer
---@return string
function M.flow(text, node, indent)
  local source = text:sub(node.content, node.to)
  if node.style == "single" then
    source = requoted(source)
  end
  if not source:find("\n", 1, true) then
    return source
  end
  local out = {}
  for line in (source .. "\n"):gmatch("([^\n]*)\n") do
    local bare = #out == 0 and line or line:gsub("^%s+", "")
    local trimmed = bare:gsub("%s+$", "")
    if trimmed:sub(-1) ~= "\\" then -- an escaped space at the end of a line counts
      bare = trimmed
    end
    out[#out + 1] = (bare == "" or #out == 0) and bare or (" "):rep(indent) .. bare
  end
  return table.concat(out, "\n")
end

-- The lines of a block scalar: { text, to } each, `to` the break that ends it.
local function lines_of(text, from, to)
  local out = {}
  while from <= to do
    local stop = text:find("\n", from, true) or #text + 1
    out[#out + 1] = { text = text:sub(from, stop - 1), to = stop }
    from = stop + 1
  end
  return out
end

--- A block scalar with its lines indented anew.
---@param text string
---@param node prov.YamlNode
---@param column integer of the block it is in
---@param indent integer
---@return string code
---@return integer behind the break that ends its last line
function M.block(text, node, column, indent)
  local mark, flags, at = text:match("^([|>])([%d+-]*)()", node.content)
  local comment = text:match("^[ \t]+(#[^\n]*)", at)
  local digit = flags:match("%d")
  local lines = lines_of(text, (text:find("\n", at, true) or #text) + 1, node.raw_to)
  local old = digit and column + tonumber(digit)
  for _, line in ipairs(lines) do
    old = old or line.text:find("[^ ]") and #line.text:match("^ *")
  end
  old = old or math.huge
  local out = { mark .. (digit and "2" or "") .. (flags:match("[+-]") or "") }
  if comment then
    out[1] = out[1] .. "  " .. comment:gsub("%s+$", "")
  end
  local last = 0
  for i, line in ipairs(lines) do
    local rest = line.text:sub(math.min(old, #line.text) + 1)
    out[i + 1] = rest == "" and "" or (" "):rep(indent) .. rest
    last = rest ~= "" and i or last
  end
  if flags:find("+", 1, true) then
    last = #lines
  end
  local behind = last > 0 and lines[last].to or text:find("\n", at, true) or #text + 1
  return table.concat(out, "\n", 1, last + 1), behind
end

return M
