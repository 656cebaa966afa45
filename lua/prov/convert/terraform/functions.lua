--- Terraform's functions in prov's expressions. A rule is
--   a text: the same with another name
--   a function(e, node, args) -> text, level: `e` writes expressions; nodes may be made for it
-- `e:call(name, ...)` writes a call of nodes and texts, `e:at(node, level)` an expression for a place.

local M = {}

local function lit(v, at)
  return { node = "lit", value = v, at = at }
end

local function plus(node, n)
  if node.node == "lit" and type(node.value) == "number" then
    return lit(node.value + n, node.at)
  end
  return { node = "binary", sign = n < 0 and "-" or "+", left = node, right = lit(math.abs(n), node.at), at = node.at }
end
M.plus = plus

-- Arguments in another order.
local function order(name, ...)
  local positions = { ... }
  return function(e, _, args)
    local out = {}
    for i, position in ipairs(positions) do
      out[i] = args[position]
    end
    return e:call(name, table.unpack(out))
  end
end

local function itself(e, _, args)
  return e:text(args[1])
end

local function noted(what, todo)
  return function(e, node, args)
    e.scope:note(node, what, todo)
    return e:text(args[1])
  end
end

local function inside(e, node, path)
  -- file("${path.module}/x"): paths are those of the folder anyway
  if path.node == "template" and type(path.parts[1]) == "table" and path.parts[1].node == "attr"
    and path.parts[1].of.node == "var" and path.parts[1].of.name == "path" then
    local rest = table.move(path.parts, 2, #path.parts, 1, {})
    if type(rest[1]) == "string" then
      rest[1] = rest[1]:gsub("^/", "")
    end
    if path.parts[1].name == "cwd" then
      e.scope:refuse(node, "path.cwd is the folder terraform was called in", "give the path as a variable")
    end
    path = #rest == 1 and type(rest[1]) == "string" and lit(rest[1], path.at)
      or { node = "template", parts = rest, at = path.at }
  end
  if path.node == "lit" and type(path.value) == "string" then
    if path.value:match("^[~/]") then
      e.scope:refuse(node, ("the file %s is outside of the folder"):format(path.value),
        "copy it into the workspace, or pass its text as a variable")
    end
    e.files[path.value] = true
    return lit((path.value:gsub("^%./", "")), path.at)
  end
  return path
end

-- What try() looks into, and the key it may lack there.
local function key_of(node)
  if node.node == "attr" then
    return node.of, lit(node.name, node.at)
  elseif node.node == "index" and node.key.node == "lit" and type(node.key.value) == "string" then
    return node.of, node.key
  end
end

local function cut(e, node, args, which, rest)
  if args[2].node ~= "lit" or type(args[2].value) ~= "string" then
    e.scope:refuse(node, ("%s() with a text that is not written out"):format(node.name), "write it with substr")
  end
  local text, n = e:at(args[1], 8), #args[2].value
  return ("if %s(%s, %s) then %s else %s"):format(which, text, e.quote(args[2].value), rest(text, n), text), 0
end

M.RULES = {
  abs = "abs", ceil = "ceil", floor = "floor", max = "max", min = "min", sum = "sum", length = "length",
  coalesce = "coalesce", compact = "compact", concat = "concat", distinct = "distinct", flatten = "flatten",
  keys = "keys", values = "values", merge = "merge", reverse = "reverse", sort = "sort", contains = "contains",
  lower = "lower", upper = "upper", replace = "replace", cidrsubnet = "cidrsubnet", cidrhost = "cidrhost",
  cidrnetmask = "cidrnetmask", sha256 = "sha256", base64encode = "base64", base64decode = "unbase64",
  jsonencode = "json", jsondecode = "unjson", yamlencode = "yaml", yamldecode = "unyaml", lookup = "lookup",
  startswith = "starts_with", endswith = "ends_with", strcontains = "contains", trimspace = "trim",
  tostring = "text", tonumber = "number",
  join = order("join", 2, 1),
  split = order("split", 2, 1),
  indent = order("indent", 2, 1),
  tolist = itself, tomap = itself, tobool = itself,
  toset = function(e, _, args)
    return args[1].node == "tuple" and e:text(args[1]) or e:call("distinct", args[1])
  end,
  nonsensitive = noted("nonsensitive() has no equal: what is secret stays so"),
  sensitive = noted("sensitive() has no equal", "declare the variable it comes from as secret"),
  index = function(e, _, args)
    return e:call("index_of", args[1], args[2]) .. " - 1", 5
  end,
  element = function(e, _, args)
    return e:call("element", args[1], plus(args[2], 1))
  end,
  slice = function(e, _, args)
    return e:call("slice", args[1], plus(args[2], 1), args[3])
  end,
  substr = function(e, _, args)
    local from, length = args[2], args[3]
    if length.node == "lit" and length.value == -1 then
      return e:call("substr", args[1], plus(from, 1), length)
    elseif from.node == "lit" and length.node == "lit" then
      return e:call("substr", args[1], plus(from, 1), lit(from.value + length.value))
    end
    return e:call("substr", args[1], plus(from, 1),
      { node = "binary", sign = "+", left = from, right = length, at = from.at })
  end,
  range = function(e, node, args)
    if #args == 1 then
      return e:call("range", lit(0), plus(args[1], -1))
    elseif args[3] and not (args[3].node == "lit" and type(args[3].value) == "number" and args[3].value > 0) then
      e.scope:refuse(node, "range() with a step that may be negative", "write the numbers")
    end
    return e:call("range", args[1], plus(args[2], -1), args[3])
  end,
  parseint = function(e, node, args)
    if not (args[2] and args[2].value == 10) then
      e.scope:refuse(node, "parseint() of another base than 10", "write the number")
    end
    return e:call("number", args[1])
  end,
  file = function(e, node, args)
    return e:call("file", inside(e, node, args[1]))
  end,
  filebase64 = function(e, node, args)
    return "base64(" .. e:call("file", inside(e, node, args[1])) .. ")"
  end,
  templatefile = function(e, node, args)
    e.scope:note(node, "templatefile(): the file has Terraform's ${ } and %{ }",
      "write {{ }} and {% %} in it (docs/guides/infra.md, Templates)")
    return e:call("template", inside(e, node, args[1]), args[2])
  end,
  chomp = function(e, node, args)
    e.scope:note(node, "chomp() became trim(), which also takes blanks around the text")
    return e:call("trim", args[1])
  end,
  trimprefix = function(e, node, args)
    return cut(e, node, args, "starts_with", function(text, n)
      return ("substr(%s, %d, -1)"):format(text, n + 1)
    end)
  end,
  trimsuffix = function(e, node, args)
    return cut(e, node, args, "ends_with", function(text, n)
      return ("substr(%s, 1, -%d)"):format(text, n + 1)
    end)
  end,
  anytrue = function(e, _, args)
    return e:call("contains", args[1], lit(true))
  end,
  alltrue = function(e, _, args)
    return "not " .. e:call("contains", args[1], lit(false)), 3
  end,
  one = function(e, _, args)
    local list = e:at(args[1], 8)
    return ("if length(%s) > 0 then %s[1] else null"):format(list, list), 0
  end,
  coalescelist = function(e, node, args)
    if #args ~= 2 then
      e.scope:refuse(node, "coalescelist() of other than two lists", "write it with if")
    end
    local first = e:at(args[1], 8)
    return ("if length(%s) > 0 then %s else %s"):format(first, first, e:at(args[2], 0)), 0
  end,
  zipmap = function(e, node, args)
    local function plain(n)
      return n.node == "var" or n.node == "attr" or n.node == "tuple"
    end
    if not plain(args[2]) then
      e.scope:refuse(node, "zipmap() of a list that is made on the way", "write { for i, k in keys => [k] = list[i] }")
    end
    return ("{ for zip_i, zip_k in %s => [zip_k] = %s[zip_i] }"):format(e:at(args[1], 0), e:at(args[2], 8))
  end,
  format = function(e, node, args)
    local form = args[1]
    if form.node ~= "lit" or type(form.value) ~= "string" then
      e.scope:refuse(node, "format() with a form that is not written out", "write the form as a text")
    elseif form.value:find("%%%[") or form.value:find("%%[-+ #0%d%.]*[^-+ #0%d%.sdfvqxXoeEgtbc%%]") then
      e.scope:refuse(node, ("format() with '%s'"):format(form.value), "use %s %d %f %q %x")
    end
    local text = form.value:gsub("%%([-+ #0%d%.]*)[vt]", "%%%1s")
    return e:call("format", lit(text, form.at), table.unpack(args, 2))
  end,
  try = function(e, node, args)
    local of, key = key_of(args[1])
    if #args == 2 and of then
      return e:call("lookup", of, key, args[2])
    end
    e.scope:refuse(node, "try() has no equal", "write lookup(map, key, otherwise) or if ... then ... else")
  end,
}

local ADVICE = {
  timestamp = "there is no clock in an infra: pass the time as a variable",
  plantimestamp = "there is no clock in an infra: pass the time as a variable",
  uuid = "there is no chance in an infra: pass it as a variable",
  bcrypt = "pass the hash as a variable of type secret",
  templatestring = "write it with ${...} or render()",
  can = "write the condition with lookup() or a contract of the variable",
  regex = "check the text with 'pattern' of a variable, or split() it",
  fileset = "name the files",
}

--- What to do without a function.
---@param name string
---@return string
function M.todo(name)
  return ADVICE[name] or "prov's functions: docs/reference/functions.md"
end

return M
