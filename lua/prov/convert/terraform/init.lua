--- Terraform's files as an infra of prov, with its modules.

local err = require("prov.err")
local folders = require("prov.convert.terraform.folder")
local fs = require("prov.fs")
local module_of = require("prov.convert.terraform.module")
local notes_of = require("prov.convert.notes")
local settings = require("prov.settings")

local M = {}


---@class prov.convert.Run
---@field notes prov.convert.Notes
---@field target table
---@field modules table<string, table> by folder: { path, tree }
---@field converted integer resources, modules and look-ups that have an equal
local Run = {}
Run.__index = Run

--- Where a module's folder is written: as it lies below the root, else by its name.
local function module_path(run, real)
  local below = real:sub(1, #run.root + 1) == run.root .. "/" and real:sub(#run.root + 2) or nil
  local path = below or "modules/" .. real:match("[^/]*$")
  local try, n = path, 1
  while run.paths[try] do
    n = n + 1
    try = path .. "-" .. n
  end
  run.paths[try] = true
  return try
end

--- Remembers the files that file() and template() of a folder read: they belong beside what is written.
function Run:copies_of(folder, files, below)
  local names = {}
  for name in pairs(files) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local path = folder.dir .. "/" .. name
    local stat = fs.stat(path)
    if stat and stat.type == "file" and not name:find("..", 1, true) then
      self.copies[#self.copies + 1] = { from = path, to = below .. name:gsub("^%./", "") }
    else
      self.notes:add({ file = path }, "the file that an expression reads is not there", "put it beside the infra")
    end
  end
end

--- A module by its folder, converted once.
---@return { path: string, tree: prov.convert.Map }?, prov.Err|prov.Err[]?
function Run:module(path)
  local real, e = fs.realpath(path)
  if not real then
    return nil, e
  end
  local known = self.modules[real]
  if known == false then
    return err.fail("cycle", "modules that use each other in a circle: %s", path)
  elseif known then
    return known
  elseif self.module_count >= settings.convert.modules then
    return err.fail("limit", "more than %d modules", settings.convert.modules)
  end
  local folder
  folder, e = folders.read(path)
  if not folder then
    return nil, e
  end
  self.module_count = self.module_count + 1
  self.modules[real] = false
  local made = { path = module_path(self, real) }
  local files
  made.tree, files = module_of.convert(self, folder, false)
  self:copies_of(folder, files, made.path .. "/")
  self.modules[real] = made
  self.order[#self.order + 1] = made
  return made
end

--- Converts a folder or file.
---@param path string
---@param target { override: string?, schema: function, catalog: function }
---@return { name: string, tree: prov.convert.Map }[]? files, names without ending
---@return prov.convert.Notes|prov.Err|prov.Err[] notes
---@return { from: string, to: string }[]? copies files that are read, and where they belong
function M.convert(path, target)
  local folder, e = folders.read(path)
  if not folder then
    return nil, e
  end
  local run = setmetatable({ notes = notes_of.new(), target = target, modules = {}, order = {}, paths = {}, copies = {},
    module_count = 0,
    converted = 0, root = assert(fs.realpath(folder.dir)) }, Run)
  run.modules[run.root] = false
  local out, read = module_of.convert(run, folder, true)
  run:copies_of(folder, read, "")
  run.notes:sort()
  if run.converted == 0 then
    return nil, err.new("unsupported", ("nothing in %s could be converted"):format(path), {
      hint = "hcloud, upcloud and aws resources can: docs/guides/coming-from.md",
      data = #run.notes.list > 0 and { notes = run.notes.list } or nil,
    })
  end
  local files = { { name = "infra", tree = out } }
  for _, made in ipairs(run.order) do
    files[#files + 1] = { name = made.path .. "/module", tree = made.tree }
  end
  return files, run.notes, run.copies
end

return M
