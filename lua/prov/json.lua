--- JSON, exact: 64 bit integers stay integers, [] and {} stay apart, null is `value.null`.
-- Marked values stand as the text that tostring gives ("(secret)", "${server.web.ip}").

local data = require("core.data")
require("prov.err") -- gives errors of core.data their methods
local value = require("prov.value")
local width = require("prov.render.width")

local M = {}

M.null = data.null

--- Writes a value. Keys are always sorted.
---@param v any
---@param opts? { pretty: boolean?, sorted: boolean? }
---@return string? text, prov.Err?
function M.encode(v, opts)
  return data.json_encode(v, opts and opts.pretty)
end

--- A value whose strings are UTF-8.
local function readable(v)
  if type(v) == "string" then
    return width.utf8(v)
  elseif type(v) ~= "table" or value.is_marked(v) then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    out[readable(key)] = readable(item)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

--- Writes a value that may have strings with any bytes, as servers say them: those that are not UTF-8 become
--- question marks.
---@param v any
---@return string? text, prov.Err?
function M.encode_said(v)
  local text, e = data.json_encode(v)
  if e and e.msg:find("UTF-8", 1, true) then
    return data.json_encode(readable(v))
  end
  return text, e
end

-- What people write that is no JSON, by what Jansson says of it.
local HINTS = {
  { "string or '}' expected near '}'", "no comma stands behind the last member" },
  { "unexpected token near '%]'", "no comma stands behind the last item" },
  { "near '[/#]", "JSON has no comments" },
  { "near '''", "texts stand in double quotes" },
  { "string or '}' expected near '%a", "names of members stand in double quotes" },
  { "invalid token near '%a", "texts stand in double quotes" },
  { "'[}%]]' expected near '[\"%w{[-]", "is a comma missing before it?" },
  { "'[}%]]' expected near end of file", "a bracket is not closed" },
}

local function explain(e, file)
  e.file = file
  for _, one in ipairs(HINTS) do
    if e.msg:find("^not valid JSON: .*" .. one[1]) then
      e.hint = e.hint or one[2]
      break
    end
  end
  return e
end

--- Reads a text. Errors carry line, column and the given file name.
---@param text string
---@param opts? { file: string?, max: integer? }
---@return any value, prov.Err?
function M.decode(text, opts)
  local v, e = data.json_decode(text, opts and opts.max)
  if e then
    return nil, explain(e, opts and opts.file)
  end
  return v
end

--- Reads a text and keeps where each value was written. Null is `value.null`, never nil.
---@param text string
---@param opts? { file: string?, max: integer? }
---@return any value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode_placed(text, opts)
  local v, doc = data.json_decode(text, opts and opts.max, true)
  if v == nil then
    return nil, explain(doc, opts and opts.file)
  end
  return v, function(path)
    return doc:at(path)
  end
end

return M
