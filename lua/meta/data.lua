---@meta core.data

--- Readers, writers and the canonical encoding. lua/prov/value.lua says what the kinds of values are.
---@class prov.Data
---@field null any JSON's null
---@field list_mt table metatable of lists
local data = {}

--- A parsed document that knows the places of its values.
---@class prov.Doc
local Doc = {}

--- Marks a table as a list, also when it is empty.
---@param t? table
---@return table
function data.list(t) end

--- Names the kind of a value.
---@param v any
---@return string kind "map" "list" "secret" "unknown" "ref" "text" "null" or what type() says
function data.kind(v) end

--- Gives the keys of a map: integers first, then strings by byte.
---@param map table
---@return (string|integer)[]
function data.keys(map) end

--- Encodes a value canonically: the same bytes for the same value, always.
---@param v any
---@return string? bytes
---@return prov.Err? err
function data.encode(v) end

--- Decodes what encode made.
---@param bytes string
---@return any value
---@return prov.Err? err "corrupt"
function data.decode(bytes) end

--- Writes JSON with sorted keys.
---@param v any
---@param pretty? boolean
---@return string? text
---@return prov.Err? err
function data.json_encode(v, pretty) end

--- Reads JSON.
---@param text string
---@param max? integer largest text in bytes
---@return any value
---@return prov.Err? err with line and column
function data.json_decode(text, max) end

--- Writes YAML with sorted keys.
---@param v any
---@return string? text
---@return prov.Err? err
function data.yaml_encode(v) end

--- Reads one YAML document; an empty text is data.null.
---@param text string
---@param max? integer largest text in bytes
---@return any value
---@return prov.Doc|prov.Err doc
function data.yaml_decode(text, max) end

--- Gives the place of the value at a path, or of the nearest one above it that exists.
---@param path (string|integer)[]
---@return integer line
---@return integer column
function Doc:at(path) end

return data
