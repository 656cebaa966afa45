--- What a conversion could not say in prov's language: where it stands, what it is, what to do.

local M = {}

---@class prov.convert.Note
---@field file string
---@field line? integer
---@field column? integer
---@field what string
---@field todo? string

---@class prov.convert.Notes
---@field list prov.convert.Note[]
local Notes = {}
Notes.__index = Notes

--- An empty list.
---@return prov.convert.Notes
function M.new()
  return setmetatable({ list = require("core.data").list({}), seen = {} }, Notes)
end

--- Adds a note; the same one at the same place is kept once.
---@param at { file: string, line: integer?, column: integer? }
---@param what string
---@param todo? string
function Notes:add(at, what, todo)
  local note = { file = at.file, line = at.line, column = at.column, what = what, todo = todo }
  local key = M.text(note)
  if not self.seen[key] then
    self.seen[key] = true
    self.list[#self.list + 1] = note
  end
end

--- Puts the notes into the order of their places.
function Notes:sort()
  table.sort(self.list, function(a, b)
    if a.file ~= b.file then
      return a.file < b.file
    elseif a.line ~= b.line then
      return (a.line or 0) < (b.line or 0)
    elseif a.column ~= b.column then
      return (a.column or 0) < (b.column or 0)
    end
    return a.what < b.what
  end)
end

--- "main.tf:3:5: what; what to do"
---@param note prov.convert.Note
---@return string
function M.text(note)
  local place = note.line and (":%d:%d"):format(note.line, note.column or 1) or ""
  return note.file .. place .. ": " .. note.what .. (note.todo and "; " .. note.todo or "")
end

return M
