--- One thing, or a batch of them, as many paths of the transit engine take.

local engines = require("prov.vault.engine")
local err = require("prov.err")

local M = {}

local function do_batch(req, fields, one, strict)
  local input = req.given.batch_input
  if type(input) ~= "table" or #input == 0 then
    return err.fail("usage", "missing batch input to process: 'batch_input' must be a list of maps")
  end
  local results, failed = {}, 0
  for i, given in ipairs(input) do
    local item, out, e
    if type(given) == "table" then
      item, e = engines.read_fields(fields, given)
    else
      e = err.new("usage", "an item must be a map")
    end
    if item then
      out, e = one(item)
    end
    if not out then
      failed, out = failed + 1, { error = tostring(e) }
    end
    out.reference = item and item.reference or ""
    results[i] = out
  end
  local status
  if strict and failed > 0 then
    local other = failed < #results and req.data.partial_failure_response_code
    status = other and other >= 200 and other <= 599 and other or 400
  end
  return { data = { batch_results = results }, status = status }
end

--- Calls one for the fields of the request, or for each item of its batch.
---@param req prov.vault.Request
---@param fields table<string, prov.vault.Field> of an item
---@param one fun(item: table): table?, prov.Err?
---@param strict? boolean the status tells when items failed
---@return prov.vault.Response?, prov.Err?
function M.each(req, fields, one, strict)
  if req.given.batch_input ~= nil then
    return do_batch(req, fields, one, strict)
  end
  local out, e = one(req.data)
  return out and { data = out }, e
end

return M
