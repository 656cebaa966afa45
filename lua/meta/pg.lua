---@meta core.pg

--- PostgreSQL, in a shared object that is loaded at first use. Use prov.pg instead.
local pg = {}

--- Executes statements in one transaction on a connection of their own (core/db/pg.h has the codes of errors).
---@param options { url: string, user?: string, password?: string, timeout?: integer } timeout: ms, 30 s
---@param statements string[]
---@param callback fun(ok: true?, err: prov.Err?)
---@return true
function pg.exec(options, statements, callback) end

return pg
