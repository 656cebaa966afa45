--- All labs of this machine, whether a workspace still knows them or not.

local data = require("core.data")
local fs = require("prov.fs")
local machine = require("prov.machine")
local conf = require("prov.machine.conf")

local M = {}

local KINDS = { "servers", "networks", "volumes" }

local function ids(lab, kind)
  local list = {}
  for _, row in ipairs(lab:names(kind)) do
    if row.type == "directory" and not row.name:find("^%.") then
      list[#list + 1] = row.name
    end
  end
  table.sort(list)
  return list
end

local function row_of(lab)
  local described = conf.read(lab.dir .. "/lab.conf") or {}
  local row = { name = lab.name, dir = lab.dir, workspace = described.workspace }
  for _, kind in ipairs(KINDS) do
    row[kind] = #ids(lab, kind)
  end
  return row
end

--- The labs in a folder as rows { name, dir, workspace?, servers, networks, volumes }.
---@param dir? string
---@return table[]?, prov.Err?
function M.list(dir)
  local rows = data.list({})
  local entries, e = fs.list(machine.labs_dir(dir))
  if not entries and e.code ~= "notfound" then
    return nil, e
  end
  for _, entry in ipairs(entries or {}) do
    local lab = entry.type == "directory" and machine.lab({ name = entry.name, dir = dir })
    if lab then
      rows[#rows + 1] = row_of(lab)
    end
  end
  table.sort(rows, function(a, b)
    return a.name < b.name
  end)
  return rows
end

--- Deletes all servers, volumes and networks of a lab after the question.
---@async
---@param ctx prov.Ctx
---@param name string
---@param dir? string
---@return table? row what there was
---@return prov.Err?
function M.delete(ctx, name, dir)
  local rows, e = M.list(dir)
  if not rows then
    return nil, e
  end
  local found, names = nil, {}
  for i, row in ipairs(rows) do
    names[i] = row.name
    found = row.name == name and row or found
  end
  if not found then
    return nil, require("prov.suggest").unknown("lab", name, names)
  end
  local ok
  ok, e = ctx.ui.confirm(("Delete %d servers, %d volumes and %d networks of lab '%s'?"):format(
    found.servers, found.volumes, found.networks, name))
  if not ok then
    return nil, e
  end
  local lab = assert(machine.lab({ name = name, dir = dir }))
  for _, kind in ipairs({ "servers", "volumes", "networks" }) do
    for _, id in ipairs(ids(lab, kind)) do
      ok, e = lab[kind:gsub("s$", "") .. "_delete"](lab, id)
      if not ok then
        return nil, e:wrap("delete %s", id)
      end
    end
  end
  ok, e = lab:close_empty()
  return ok and found, e
end

--- Servers of the workspace's lab that its state does not know, and their lab; for doctor.
---@param workspace prov.Workspace
---@param config table of the provider in the infra
---@param known table<string, boolean> ids in the state
---@return string[] ids
---@return string? lab
function M.unknown_servers(workspace, config, known)
  local lab = machine.lab_of({ config = config, workspace = workspace })
  local list = {}
  for _, id in ipairs(lab and ids(lab, "servers") or {}) do
    if not known[id] then
      list[#list + 1] = id
    end
  end
  return list, lab and lab.name
end

return M
