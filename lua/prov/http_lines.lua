--- Header lines of requests and answers.

local M = {}

local Fixed = {}

--- Gives "Name: value" for every field, sorted; a list of values makes a line for each. A name that is no
-- token is a bug of the caller's caller.
---@param headers? table<string, string|string[]> or what M.fixed() gave
---@return string[]
function M.of(headers)
  if getmetatable(headers) == Fixed then
    return headers
  end
  local lines = {}
  for name, value in pairs(headers or {}) do
    if type(name) ~= "string" or not name:match("^[%w!#$%%&'*+.^_`|~-]+$") then
      error("http: header name '" .. tostring(name) .. "' is malformed", 3)
    end
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. tostring(one)
    end
  end
  table.sort(lines)
  return lines
end

--- The lines of fields that many answers have: made once, for M.of() to give again and again.
---@param headers table<string, string|string[]>
---@return table
function M.fixed(headers)
  return setmetatable(M.of(headers), Fixed)
end

return M
