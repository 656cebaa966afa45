--- The templates of op.template: {{ name }}, {{# name }}...{{/ name }}, {{^ name }}...{{/ name }}.

local err = require("prov.err")

local M = {}

local function fail(line, fmt, ...)
  error(err.new("invalid", ("template line %d: "):format(line) .. fmt:format(...)), 0)
end

-- The template as a list of strings and { kind, name, line, children... }.
local function parse(source)
  local root = {}
  local stack, node, at, line = {}, root, 1, 1
  while true do
    local from, to, kind, name = source:find("{{([#^/]?)%s*([%w_.-]+)%s*}}", at)
    local plain = source:sub(at, from and from - 1)
    if plain:find("{{", 1, true) then
      local before = plain:sub(1, plain:find("{{", 1, true))
      fail(line + select(2, before:gsub("\n", "")), "'{{' without a name and '}}'")
    end
    node[#node + 1] = plain
    if not from then
      break
    end
    line = line + select(2, plain:gsub("\n", ""))
    -- A section tag alone on its line takes the line with it.
    if kind ~= "" and (plain == "" and at == 1 or plain:sub(-1) == "\n" or plain == "" and node.fresh) then
      if source:sub(to + 1, to + 1) == "\n" then
        to, line = to + 1, line + 1
      end
    end
    if kind == "/" then
      if node.name ~= name then
        fail(line, "{{/ %s }} closes nothing", name)
      end
      node = table.remove(stack)
    elseif kind == "" then
      node[#node + 1] = { kind = "value", name = name, line = line }
    else
      local child = { kind = kind, name = name, line = line }
      node[#node + 1] = child
      stack[#stack + 1], node = node, child
    end
    at = to + 1
  end
  if #stack > 0 then
    fail(node.line, "{{%s %s }} is not closed", node.kind, node.name)
  end
  return root
end

local function look(scopes, name)
  if name == "." then
    return scopes[#scopes]
  end
  local first, rest = name:match("^([^.]+)%.?(.*)$")
  for i = #scopes, 1, -1 do
    local value = type(scopes[i]) == "table" and scopes[i][first]
    if value ~= nil and value ~= false or type(scopes[i]) == "table" and scopes[i][first] == false then
      for key in rest:gmatch("[^.]+") do
        value = type(value) == "table" and (value[key] == nil and value[math.tointeger(key)] or value[key]) or nil
      end
      return value
    end
  end
  return nil
end

local render

local function section(node, scopes, out)
  local value = look(scopes, node.name)
  local shown = value ~= nil and value ~= false and not (type(value) == "table" and next(value) == nil)
  if node.kind == "^" then
    if not shown then
      render(node, scopes, out)
    end
  elseif shown then
    local items = type(value) == "table" and #value > 0 and value or { value }
    for _, item in ipairs(items) do
      scopes[#scopes + 1] = item
      render(node, scopes, out)
      scopes[#scopes] = nil
    end
  end
end

function render(node, scopes, out)
  for _, part in ipairs(node) do
    if type(part) == "string" then
      out[#out + 1] = part
    elseif part.kind == "value" then
      local value = look(scopes, part.name)
      if value == nil then
        fail(part.line, "'%s' has no value", part.name)
      elseif type(value) == "table" then
        fail(part.line, "'%s' is a list or map", part.name)
      end
      out[#out + 1] = tostring(value)
    else
      section(part, scopes, out)
    end
  end
end

--- Renders a template; raises an err when it is wrong or a name has no value.
---@param source string
---@param vars table
---@return string
function M.render(source, vars)
  local out = {}
  render(parse(source), { vars }, out)
  return table.concat(out)
end

return M
