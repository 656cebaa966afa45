---@meta core.data

--- JSON, YAML, TOML and the canonical encoding, and the kinds of values they share. Use prov.json,
--- prov.yaml, prov.toml and prov.value instead, which stand in front of it.
local data = {}

---@class prov.Doc where the values of a text were written
local Doc = {}

--- JSON's and YAML's null: a light userdata, equal to itself only.
data.null = nil

--- Metatable of lists; an empty table without it is a map.
data.list_mt = {}
data.secret_mt = {} -- of `{ value }`
data.unknown_mt = {} -- of `{ type = string?, origins = string[]? }`
data.ref_mt = {} -- of `{ ["@address"] = string, ["@path"] = list }`
data.text_mt = {} -- of a list of strings and references
data.time_mt = {} -- of `{ text }`: a date, a time or both
data.call_mt = {} -- of `{ ["@call"] = { name, argument, ... } }`: a function whose arguments are not known yet

--- Marks a table (a new one by default) as a list.
---@param t? table
---@return table t
function data.list(t) end

--- What a value is: "map", "list", "secret", "unknown", "ref", "text", "time", "call", "null" or its Lua type.
---@param v any
---@return string
function data.kind(v) end

--- A new table with the members of a map and room for more: filling it does not let it grow again and again.
--- Metatables are not copied.
---@param map table
---@param room? integer 0 by default
---@return table
function data.copy(map, room) end

--- The keys of a map, sorted: integers first, then strings by byte.
---@param map table
---@return (string|integer)[]
function data.keys(map) end

--- Reads JSON; with `places` the document comes too.
---@param text string
---@param max_bytes? integer
---@param places? boolean
---@return any value
---@return prov.Doc|prov.Err? doc "invalid" with line and column, "limit"
function data.json_decode(text, max_bytes, places) end

--- Writes JSON with sorted keys. Marked values stand as the text of tostring.
---@param v any
---@param pretty? boolean
---@return string? text
---@return prov.Err? err "invalid": a function, a list with holes, bytes that are not UTF-8, NaN
function data.json_encode(v, pretty) end

--- Reads YAML: one document, or with `all` any number, as a list.
---@param text string
---@param max_bytes? integer
---@param all? boolean
---@return any value
---@return prov.Doc|prov.Err doc
function data.yaml_decode(text, max_bytes, all) end

--- Writes YAML with sorted keys.
---@param v any
---@return string? text
---@return prov.Err? err
function data.yaml_encode(v) end

--- The tree of the first document of a text (UTF-8) as it is written; nil alone when it holds none.
---@param text string
---@return prov.YamlNode? root
---@return prov.Err? err
function data.yaml_tree(text) end

--- Reads TOML.
---@param text string
---@param max_bytes? integer
---@param version_1_1? boolean also accept what TOML 1.1 adds
---@param plain? boolean dates and times as strings
---@return table? value
---@return prov.Doc|prov.Err doc
function data.toml_decode(text, max_bytes, version_1_1, plain) end

--- Writes TOML with sorted keys: a document, or what stands behind `key =`, on one line.
---@param v any
---@param is_value? boolean
---@return string? text
---@return prov.Err? err "invalid": null, a root that is no map
function data.toml_encode(v, is_value) end

---@class prov.TomlSpan
---@field kind "comment"|"table"|"element"|"member"|"item"
---@field node integer what it makes; 0 for comments
---@field owner integer of a member or item: the table or list whose header or brackets it is below
---@field from integer
---@field value integer of a member or item: where its value begins
---@field to integer

--- Where everything stands in a TOML text. The root is node 1; nodes[id] is { parent, key }.
---@param text string
---@return { spans: prov.TomlSpan[], nodes: table<integer, { [1]: integer, [2]: string|integer }> }?
---@return prov.Err?
function data.toml_layout(text) end

--- A date, a time or both, marked as such.
---@param text string
---@return table? time nil when TOML has no such date or time
function data.toml_time(text) end

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
