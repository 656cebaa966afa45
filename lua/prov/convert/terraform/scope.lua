--- What names of one Terraform folder mean, and its notes.

local settings = require("prov.settings")

local M = {}


---@class prov.convert.Scope
---@field variables table<string, table> name -> { name, type }
---@field locals table<string, table> name -> expression
---@field resources table<string, table> "hcloud_server.web" -> { kind, name, many, spec }
---@field modules table<string, { name: string, many: string? }>
---@field lookups table<string, table> "data.hcloud_image.x" -> { name, spec }
---@field notes prov.convert.Notes
---@field bound table<string, table> names of loops
---@field many? string "count" or "for_each" of the block that is read
---@field local_use? table where the local stands that is put in: places of its own would be of another file
local Scope = {}
Scope.__index = Scope

--- An empty scope.
---@param notes prov.convert.Notes
---@return prov.convert.Scope
function M.new(notes)
  return setmetatable({ variables = {}, locals = {}, resources = {}, modules = {}, lookups = {}, notes = notes,
    bound = {}, depth = 0 }, Scope)
end

--- Refuses an expression: the field it is in is left out, with a note.
---@param node table
---@param what string
---@param todo? string
function Scope:refuse(node, what, todo)
  error({ refused = true, at = (self.local_use or node).at, what = what, todo = todo }, 0)
end

--- Where a node stands.
---@return { file: string, line: integer?, column: integer? }
function Scope:place(at)
  local line, column = self.file.place(at)
  return { file = self.file.file, line = line, column = column }
end

function Scope:note(node, what, todo)
  self.notes:add(self:place((self.local_use or node).at), what, todo)
end

--- Puts in the value of a local while `read` runs. Locals in locals can stand for more than any memory has.
function Scope:inside_local(use, read, ...)
  self.inlined = (self.inlined or 0) + 1
  if self.inlined > settings.convert.locals then
    self:refuse(use, "the locals in it stand for too many values", "make variables of some of them")
  end
  local before = self.local_use
  self.local_use = before or use
  local a, b = read(...)
  self.local_use = before
  return a, b
end

--- Calls read(...); nil and the reason when it refuses.
function Scope:try(read, ...)
  local depth, bound, use, names = self.depth, self.bound, self.local_use, self.each_as
  local inlined = self.inlined
  self.inlined = inlined or 0
  local done = table.pack(pcall(read, ...))
  self.inlined = inlined and self.inlined -- the outermost call is about a whole block
  if done[1] then
    return table.unpack(done, 2, done.n)
  elseif type(done[2]) ~= "table" or not done[2].refused then
    error(done[2], 0)
  end
  self.depth, self.bound, self.local_use, self.each_as = depth, bound, use, names
  return nil, done[2]
end

--- A loop's names while `read` runs: name -> how it is written.
function Scope:with(names, read)
  local before = self.bound
  self.bound = setmetatable(names, { __index = before })
  local result = read()
  self.bound = before
  return result
end

return M
