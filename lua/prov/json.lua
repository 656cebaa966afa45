--- JSON, exact: 64 bit integers stay integers, [] and {} stay apart, null is `value.null`.
-- Marked values stand as the text that tostring gives ("(secret)", "${server.web.ip}").

local data = require("core.data")
require("prov.err") -- gives errors of core.data their methods
require("prov.value")

local M = {}

M.null = data.null

--- Writes a value. Keys are always sorted.
---@param v any
---@param opts? { pretty: boolean?, sorted: boolean? }
---@return string? text, prov.Err?
function M.encode(v, opts)
  return data.json_encode(v, opts and opts.pretty)
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

return M
