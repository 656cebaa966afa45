---@meta core.store

--- The embedded store: graph, journal, tables and leases of one workspace.
local store = {}

---@class prov.Store
local Store = {}

---@class prov.Batch: any[]
---@field expected? integer commit only when this is the head
---@field epoch? integer commit only while this token holds its lease
---@field message? string

--- Opens the store file, making it when absent.
---@param path string
---@param options? { sealer?: prov.Sealer, readonly?: boolean }
---@return prov.Store?
---@return prov.Err? err "locked", "corrupt", "auth"
function store.open(path, options) end

--- Commits a batch of { "node", id, type, bytes } and its kin; durable when cb comes. Many commits in one
--- turn share one fsync.
---@param batch prov.Batch
---@param cb fun(revision: integer?, err: prov.Err?)
---@return true?
---@return prov.Err? err "conflict", "invalid"
function Store:commit(batch, cb) end

--- Commits and waits, blocking.
---@param batch prov.Batch
---@return integer? revision
---@return prov.Err? err
function Store:commit_sync(batch) end

--- Gives the newest revision.
---@return integer? revision
---@return prov.Err? err
function Store:head() end

--- Lists revisions, newest first.
---@param limit? integer
---@return { revision: integer, time_ms: integer, message: string? }[]?
---@return prov.Err? err
function Store:revisions(limit) end

--- Reads a node as it is, or was at a revision; nil alone when absent.
---@param id string
---@param revision? integer
---@return string? type
---@return string|prov.Err|nil bytes
function Store:node(id, revision) end

--- Lists nodes.
---@param type? string
---@param revision? integer
---@return { id: string, type: string, bytes: string }[]?
---@return prov.Err? err
function Store:nodes(type, revision) end

--- Lists the edges at a node.
---@param id string
---@param side "out"|"in"|"both"
---@param type? string
---@param revision? integer
---@return { from: string, type: string, to: string, bytes: string }[]?
---@return prov.Err? err
function Store:edges(id, side, type, revision) end

--- Lists journal records of a run, or of all.
---@param run? string
---@param from? integer
---@param limit? integer
---@return { seq: integer, run: string, bytes: string }[]?
---@return prov.Err? err
function Store:journal(run, from, limit) end

--- Reads a value of a table; nil alone when absent.
---@param space string
---@param key string
---@return string? bytes
---@return prov.Err? err
function Store:get(space, key) end

--- Lists the values of a table.
---@param space string
---@param prefix? string
---@return { key: string, bytes: string }[]?
---@return prov.Err? err
function Store:scan(space, prefix) end

--- Takes a lease.
---@param name string
---@param owner string
---@param ttl_ms integer
---@param now_ms integer
---@return integer? token
---@return prov.Err? err "locked": data.owner, data.expires, data.token
function Store:claim(name, owner, ttl_ms, now_ms) end

--- Prolongs a lease.
---@param name string
---@param token integer
---@param ttl_ms integer
---@param now_ms integer
---@return true?
---@return prov.Err? err "conflict"
function Store:renew(name, token, ttl_ms, now_ms) end

--- Gives a lease back.
---@param name string
---@param token integer
---@return true?
---@return prov.Err? err "conflict"
function Store:release(name, token) end

--- Lists leases.
---@return { name: string, owner: string, token: integer, expires: integer }[]?
---@return prov.Err? err
function Store:locks() end

--- Counts what is in the store and what is wrong with it.
---@return table<string, integer>? report
---@return prov.Err? err
function Store:check() end

--- Writes a consistent copy while the store is in use.
---@param path string
---@return true?
---@return prov.Err? err
function Store:backup(path) end

--- Closes the store; commits under way still end.
function Store:close() end

return store
