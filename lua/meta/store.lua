---@meta core.store

--- What prov knows, durable in one file: a graph with its past revisions, a journal by run,
--- key/value spaces and locks. Rows are lists in the order their type names.
local store = {}

---@class prov.Store
local Store = {}

---@class prov.StoreReport
---@field head integer
---@field nodes integer
---@field edges integer
---@field dangling integer edges that point to no node
---@field journal integer
---@field keys integer
---@field locks integer
---@field old_versions integer
---@field file_size integer bytes
---@field used_size integer bytes
---@field errors integer
---@field first_error? string

--- Operations of a batch: { "node", id, type, bytes }, { "del_node", id }, { "edge", from, type, to, bytes? },
--- { "del_edge", from, type, to }, { "journal", run, bytes }, { "del_journal", run }, { "put", space, key, bytes },
--- { "del", space, key }, { "del_range", space, prefix?, before? } (keys with the prefix that come before the key).
---@alias prov.StoreBatch { expected?: integer, epoch?: integer, message?: string, [integer]: string[] }
---@alias prov.NodeRow { [1]: string, [2]: string, [3]: string } id, type, bytes
---@alias prov.EdgeRow { [1]: string, [2]: string, [3]: string, [4]: string } from, type, to, bytes
---@alias prov.JournalRow { [1]: integer, [2]: string, [3]: string } seq, run, bytes
---@alias prov.LockRow { [1]: string, [2]: string, [3]: integer, [4]: integer } name, owner, token, expires

--- Opens the store in the file at path, making it unless readonly. One process opens a file once.
---@param path string
---@param options? { sealer?: prov.Sealer, readonly?: boolean, map_size?: integer }
---@return prov.Store? store
---@return prov.Err? err "auth" (wrong or no key), "unsupported" (newer format), "corrupt", "locked", "notfound"
function store.open(path, options) end

--- Puts the file at path .. "-new" in place of the store at path; who has the old one open cannot
--- write any more.
---@param path string
---@return true? ok
---@return prov.Err? err
function store.swap(path) end

--- Applies a batch whole or not at all; it is on disk when cb(revision) comes. Batches queued
--- meanwhile share one fsync; one that fails does not touch the others.
---@param batch prov.StoreBatch
---@param cb fun(revision: integer?, err: prov.Err?) err "conflict", "notfound", "io"
---@return true? queued
---@return prov.Err? err "invalid", "limit", "denied"; cb is not called then
function Store:commit(batch, cb) end

--- Like commit, and waits. Batches queued before go first.
---@param batch prov.StoreBatch
---@return integer? revision
---@return prov.Err? err
function Store:commit_sync(batch) end

--- The newest revision, 0 when there is none.
---@return integer? revision
---@return prov.Err? err
function Store:head() end

--- The oldest revision that is kept, 0 when there is none.
---@return integer? revision
---@return prov.Err? err
function Store:oldest() end

--- Revisions, newest first: { revision, milliseconds since 1970, message }.
---@param limit? integer
---@return { [1]: integer, [2]: integer, [3]: string }[]? rows
---@return prov.Err? err
function Store:revisions(limit) end

--- A node, as it was at `revision` when one is given; nil when there was none.
---@param id string
---@param revision? integer
---@return string? type
---@return string|prov.Err? bytes
function Store:node(id, revision) end

--- Nodes in order of id.
---@param type? string
---@param revision? integer
---@return prov.NodeRow[]? rows
---@return prov.Err? err
function Store:nodes(type, revision) end

--- Edges at a node, those that leave it first.
---@param id string
---@param direction? "out"|"in"|"both" default both
---@param type? string
---@param revision? integer
---@return prov.EdgeRow[]? rows
---@return prov.Err? err
function Store:edges(id, direction, type, revision) end

--- Records of a run, or of all runs, from sequence number `from` on.
---@param run? string
---@param from? integer
---@param limit? integer
---@return prov.JournalRow[]? rows
---@return prov.Err? err
function Store:journal(run, from, limit) end

--- The value of a key, nil when there is none.
---@param space string
---@param key string
---@return string? bytes
---@return prov.Err? err
function Store:get(space, key) end

--- Keys of a space that start with prefix, in order: { key, bytes }. `after`: only those greater
--- than it, or less than it with `reverse`, which reads from the greatest key down. What is left
--- out by `after` and `limit` is not read.
---@param space string
---@param prefix? string
---@param opts? { after?: string, limit?: integer, reverse?: boolean }
---@return { [1]: string, [2]: string }[]? rows
---@return prov.Err? err
function Store:scan(space, prefix, opts) end

--- Takes a lock; each claim gets a larger token than all before.
---@param name string
---@param owner string
---@param ttl_ms integer
---@param now_ms integer
---@return integer? token
---@return prov.Err? err "locked": data.owner, data.expires, data.token
function Store:claim(name, owner, ttl_ms, now_ms) end

--- Extends a lock.
---@param name string
---@param token integer
---@param ttl_ms integer
---@param now_ms integer
---@return true? ok
---@return prov.Err? err "conflict": the token no longer holds it
function Store:renew(name, token, ttl_ms, now_ms) end

--- Gives a lock back; commits with its token as epoch fail from then on.
---@param name string
---@param token integer
---@return true? ok
---@return prov.Err? err "conflict"
function Store:release(name, token) end

--- Locks by name, expired ones too.
---@return prov.LockRow[]? rows
---@return prov.Err? err
function Store:locks() end

--- Reads every record and compares the indexes. errors is 0 when all is well, else first_error
--- says what the first one is.
---@return prov.StoreReport? report
---@return prov.Err? err
function Store:check() end

--- Writes a consistent copy to a new file while others go on.
---@param path string
---@return true? ok
---@return prov.Err? err "exists"
function Store:backup(path) end

--- Puts a copy in place of the store's file: sealed anew, without free space, with the newest
--- `keep` revisions only. Close the store afterwards and open it again: writing to it is refused.
---@param how? { sealer?: prov.Sealer, keep?: integer, epoch?: integer } epoch: token of a lock that must be held
---@return true? ok
---@return prov.Err? err "conflict", "corrupt", "io"
function Store:rewrite(how) end

--- Writes what is queued and closes the file.
function Store:close() end

return store
