--- Backends: the ways in which servers of a lab run.
--
-- The lab owns what outlives a run: the folder of a server with its description and files, its
-- address, the networks, the process that forwards ports and fetches packages. A backend makes
-- and ends what runs. It is a table of functions; each gets the folder of a server, may be called
-- at any time, also after a kill in the middle of itself, and again when it succeeded. It finds
-- everything from the folder, keeps nothing in memory and leaves nothing outside of the folder and
-- of the cgroups that are named by it.
--
-- A further backend is one more module with these functions and one more line below.

local M = {}

---@class prov.machine.Backend
---@field obstacle fun(): prov.Err? why it cannot work on this machine, nil when it can; changes nothing
---@field accept fun(want: table): true?, prov.Err? whether it can make a server that is wanted so
---@field start fun(folder: string): any, prov.Err? makes the server run and waits for its SSH;
-- one that runs is fine. Afterwards <folder>/run names its init (core/linux/process.h)
---@field stop fun(folder: string, grace_ms: integer?): any, prov.Err? shuts down in order, after
-- grace_ms by force; stopped is fine. What the server wrote stays
---@field destroy fun(folder: string): any, prov.Err? ends it and removes the folder; gone is fine
---@field limit fun(folder: string): any, prov.Err? brings changed limits to a running server

local MODULES = {
  namespaces = "prov.machine.namespaces",
  podman = "prov.machine.podman",
}

M.DEFAULT = "namespaces"

--- The backend with a name; nil when there is none.
---@param name string?
---@return prov.machine.Backend?
function M.get(name)
  local module = MODULES[name or M.DEFAULT]
  return module and require(module)
end

return M
