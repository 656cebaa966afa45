--- Statements at a PostgreSQL server.

local async = require("prov.async")
local pg = require("core.pg")

local M = {}

---@class prov.pg.Options
---@field url string of libpq: postgresql://host/db?sslmode=verify-full
---@field user? string instead of the one in the URL
---@field password? string likewise
---@field timeout? integer ms for everything together; 30 s

--- Executes statements in one transaction: all or none.
---@async
---@param options prov.pg.Options
---@param statements string[]
---@return true?, prov.Err?
function M.exec(options, statements)
  return async.await(function(resume)
    return pg.exec(options, statements, resume)
  end)
end

--- A name for use in SQL.
---@param name string without zero bytes
---@return string
function M.quote_name(name)
  return '"' .. name:gsub('"', '""') .. '"'
end

--- A text for use in SQL, whatever standard_conforming_strings says.
---@param text string without zero bytes
---@return string
function M.quote_text(text)
  return " E'" .. text:gsub("['\\]", "%0%0") .. "'"
end

return M
