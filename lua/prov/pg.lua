--- Statements at a PostgreSQL server.

local async = require("prov.async")
local err = require("prov.err")
local pg = require("core.pg")

local M = {}

-- Each one that is under way takes one of the process's four worker threads; files and names need some, too.
local turns = async.semaphore(3)

---@class prov.pg.Options
---@field url string of libpq: postgresql://host/db?sslmode=verify-full
---@field user? string instead of the one in the URL
---@field password? string likewise
---@field timeout? integer ms for everything together; 30 s

--- Executes statements in one transaction: all or none.
---@async
---@param options prov.pg.Options
---@param statements string[]
---@return true?
---@return prov.Err? err "unknown": it may have taken effect; else it has not
function M.exec(options, statements)
  local _ <close> = turns:acquire()
  local ok, e = async.await(function(resume)
    return pg.exec(options, statements, resume)
  end)
  if not ok and e.code == "io" then
    return err.fail("unknown", e.msg)
  end
  return ok, e
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
