---@meta core.data.xml

--- The XML reader, in a shared object that is loaded at first use. Use prov.xml instead.
local xml = {}

--- Reads XML into a plain tree of maps, lists and strings (core/data/xml.h has the rules).
---@param text string
---@param max_bytes? integer
---@return any value
---@return prov.Doc|prov.Err doc
function xml.decode(text, max_bytes) end

return xml
