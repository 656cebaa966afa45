--- YAML 1.2, core schema: one document (or, with `all`, a list of them), keys are strings, repeated
-- keys and unknown tags are errors, anchors and merge keys are expanded up to a limit.

local data = require("core.data")
require("prov.err") -- gives errors of core.data their methods
require("prov.value")

local M = {}

--- Reads a text. An empty one is `value.null`.
---@param text string
---@param opts? { file: string?, max: integer?, all: boolean? }
---@return any value
---@return (fun(path: (string|integer)[]): integer, integer)|prov.Err positions line and column of a path
function M.decode(text, opts)
  local v, doc = data.yaml_decode(text, opts and opts.max, opts and opts.all)
  if v == nil then
    doc.file = opts and opts.file
    return nil, doc
  end
  return v, function(path)
    return doc:at(path)
  end
end

--- Writes a value. Keys are sorted; what YAML 1.1 readers mistake is quoted.
---@param v any
---@return string? text, prov.Err?
function M.encode(v)
  return data.yaml_encode(v)
end

return M
