---@meta core.data

--- JSON, YAML and the canonical encoding, and the kinds of values they share. Use prov.json,
--- prov.yaml and prov.value instead, which stand in front of it.
local data = {}

---@class prov.Doc where the values of a YAML text were written
local Doc = {}

--- JSON's and YAML's null: a light userdata, equal to itself only.
data.null = nil

--- Metatable of lists; an empty table without it is a map.
data.list_mt = {}
data.secret_mt = {} -- of `{ value }`
data.unknown_mt = {} -- of `{ type = string?, origins = string[]? }`
data.ref_mt = {} -- of `{ ["@address"] = string, ["@path"] = list }`
data.text_mt = {} -- of a list of strings and references
data.call_mt = {} -- of `{ name, argument, ... }`: a function whose arguments are not known yet

--- Marks a table (a new one by default) as a list.
---@param t? table
---@return table t
function data.list(t) end

--- What a value is: "map", "list", "secret", "unknown", "ref", "text", "call", "null" or its Lua type.
---@param v any
---@return string
function data.kind(v) end

--- The keys of a map, sorted: integers first, then strings by byte.
---@param map table
---@return (string|integer)[]
function data.keys(map) end

--- Reads JSON.
---@param text string
---@param max_bytes? integer
---@return any value
---@return prov.Err? err "invalid" with line and column, "limit"
function data.json_decode(text, max_bytes) end

--- Writes JSON with sorted keys. Marked values stand as the text of tostring.
---@param v any
---@param pretty? boolean
---@return string? text
---@return prov.Err? err "invalid": a function, a list with holes, bytes that are not UTF-8, NaN
function data.json_encode(v, pretty) end

--- Reads YAML.
---@param text string
---@param max_bytes? integer
---@return any value
---@return prov.Doc|prov.Err doc
function data.yaml_decode(text, max_bytes) end

--- Writes YAML with sorted keys.
---@param v any
---@return string? text
---@return prov.Err? err
function data.yaml_encode(v) end

--- The canonical encoding: equal values have equal bytes.
---@param v any
---@return string? bytes
---@return prov.Err? err
function data.encode(v) end

--- The value of a canonical encoding.
---@param bytes string
---@return any value
---@return prov.Err? err "corrupt"
function data.decode(bytes) end

--- Line and column of the value at a path of keys, or of the nearest one above it.
---@param path (string|integer)[]
---@return integer line
---@return integer column
function Doc:at(path) end

--- Frees the document.
function Doc:close() end

return data
