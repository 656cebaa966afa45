--- Pages of lists: `limit` and `cursor`, and the next page as a Link header (RFC 8288).
--
-- Operations that page by themselves return { items..., cursor = "..." }. The cursor is opaque.

local base = require("core.base")

local M = {}

--- True for operations that take a cursor.
---@param op table declaration
---@return boolean
function M.wanted(op)
  return (op.params or {}).cursor ~= nil and op.http.method == "GET"
end

local function escape(text)
  return (text:gsub("[^%w%-._~]", function(char)
    return ("%%%02X"):format(char:byte())
  end))
end

--- Turns what a list operation gave into the list, with a link to the next page.
---@param request prov.http.Incoming
---@param value table { cursor: string?, [integer]: any }
---@param headers table<string, string> filled
---@return table list
function M.next_page(request, _, _, value, headers)
  local cursor = value.cursor
  value.cursor = nil
  if cursor then
    local query = {}
    for pair in request.query:gmatch("[^&]+") do
      if not pair:match("^cursor=") then
        query[#query + 1] = pair
      end
    end
    query[#query + 1] = "cursor=" .. escape(cursor)
    headers.link = ('<%s?%s>; rel="next"'):format(request.path, table.concat(query, "&"))
  end
  return value
end

--- A cursor from what it must tell.
---@param text string
---@return string
function M.cursor(text)
  return (base.base64(text):gsub("=+$", ""):gsub("+", "-"):gsub("/", "_"))
end

return M
