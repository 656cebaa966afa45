--- SOPS files of environment variables, which SOPS reads line by line: NAME=value and # comments, no quotes; \n in a
--- value is a line break.

local data = require("core.data")
local err = require("prov.err")
local flatten = require("prov.sops.flatten")
local yaml = require("prov.sops.yaml")

local M = { name = "dotenv", reserved = "sops_", apply = yaml.apply }

local function lines(text)
  local at = 1
  return function()
    if at <= #text then
      local from, stop = at, (text:find("\n", at, true) or #text + 1)
      at = stop + 1
      return from, stop - 1, text:sub(from, stop - 1)
    end
  end
end

local function write(_, plain)
  return (plain:gsub("\n", "\\n"))
end

local function comment(_, plain)
  return not plain:find("\n", 1, true) and "#" .. plain or nil
end

--- The leaves of a text.
---@param text string
---@param file? string
---@return table[]? leaves
---@return prov.Err? err
function M.leaves(text, file)
  local out, active, number = {}, {}, 0
  for from, to, line in lines(text) do
    number = number + 1
    if line:sub(1, 1) == "#" then
      active[#active + 1] = line:sub(2)
      out[#out + 1] = { kind = "comment", type = "comment", plain = line:sub(2), path = {}, from = from, to = to,
        comments = active, comments_to = #active, write = comment }
    elseif line ~= "" then
      local name = line:match("^([^=]*)=")
      if not name then
        return nil, err.new("invalid", "a line is NAME=value or a # comment", { file = file, line = number })
      end
      out[#out + 1] = { kind = "value", type = "str", plain = (line:sub(#name + 2):gsub("\\n", "\n")), path = { name },
        from = from + #name + 1, to = to, comments = active, write = write }
      active = {}
    end
  end
  return out
end

--- The text as it can be encrypted.
---@param text string
---@return string? text
---@return prov.Err? err
function M.prepare(text)
  return text
end

--- The metadata of a text, and the text without.
---@param text string
---@return string? text
---@return table|prov.Err|nil meta
function M.extract(text)
  local found, edits = {}, {}
  for from, to, line in lines(text) do
    local name, value = line:match("^sops_([^=]*)=(.*)$")
    if name then
      found[#found + 1] = { name, (value:gsub("\\n", "\n")) }
      edits[#edits + 1] = { from = from, to = to + 1, new = "" }
    end
  end
  return yaml.apply(text, edits), #found > 0 and flatten.unflatten(found) or nil
end

--- The text with metadata.
---@param text string
---@param meta table
---@return string? text
---@return prov.Err? err
function M.attach(text, meta)
  local out = { text }
  if text ~= "" and text:sub(-1) ~= "\n" then
    out[2] = "\n"
  end
  for _, pair in ipairs(flatten.flatten(meta, "sops_")) do
    out[#out + 1] = ("%s=%s\n"):format(pair[1], write(nil, pair[2]))
  end
  return table.concat(out)
end

--- The value of a text.
---@param text string
---@param file? string
---@return any
---@return prov.Err?
function M.value(text, file)
  local list, e = M.leaves(text, file)
  local out = {}
  for _, leaf in ipairs(list or {}) do
    if leaf.kind == "value" then
      out[leaf.path[1]] = leaf.plain
    end
  end
  return list and out, e
end

--- The text with another value at a path.
---@param text string
---@param path (string|integer)[]
---@param v any nil deletes
---@return string? text
---@return prov.Err? err
function M.change(text, path, v)
  local name = path[1]
  if #path ~= 1 or type(name) ~= "string" or name:find("[=\n#]") or type(v) == "table" and v ~= data.null then
    return err.fail("invalid", "an environment file has names and texts only")
  end
  local plain = v ~= nil and write(nil, v == data.null and "" or tostring(v))
  for from, to, line in lines(text) do
    if line:sub(1, #name + 1) == name .. "=" then
      return yaml.apply(text, { plain and { from = from + #name + 1, to = to, new = plain }
        or { from = from, to = to + 1, new = "" } })
    end
  end
  if not plain then
    return err.fail("notfound", "there is no %s", name)
  end
  return text .. (text ~= "" and text:sub(-1) ~= "\n" and "\n" or "") .. name .. "=" .. plain .. "\n"
end

return M
