--- PEM (RFC 7468): bytes between lines that say what they are.

local base = require("core.base")

local M = {}

--- Writes one block.
---@param label string "CERTIFICATE"
---@param bytes string
---@return string text with a line break at its end
function M.write(label, bytes)
  local lines = base.base64(bytes):gsub(("."):rep(64), "%0\n"):gsub("\n$", "")
  return ("-----BEGIN %s-----\n%s\n-----END %s-----\n"):format(label, lines, label)
end

--- Reads the blocks of a label, in their order; what stands between blocks is no matter.
---@param label string
---@param text string
---@return string[] bytes of each
function M.read(label, text)
  local out = {}
  local name = label:gsub("%p", "%%%0")
  for body in text:gmatch("%-%-%-%-%-BEGIN " .. name .. "%-%-%-%-%-(.-)%-%-%-%-%-END " .. name .. "%-%-%-%-%-") do
    out[#out + 1] = base.unbase64((body:gsub("%s", "")))
  end
  return out
end

return M
