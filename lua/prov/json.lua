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

--- Reads a text. Errors carry line, column and the given file name.
---@param text string
---@param opts? { file: string?, max: integer? }
---@return any value, prov.Err?
function M.decode(text, opts)
  local v, e = data.json_decode(text, opts and opts.max)
  if e then
    e.file = opts and opts.file
    return nil, e
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
    doc.file = opts and opts.file
    return nil, doc
  end
  return v, function(path)
    return doc:at(path)
  end
end

return M
