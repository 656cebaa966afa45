--- Servers, networks and volumes on this machine: what the provider `local` is made of.
--
-- A lab is a set of networks with their servers, kept apart from the root network of the
-- machine. Its truth is its folder (machine/lab.lua); how servers run is a backend.

local backends = require("prov.machine.backend")
local err = require("prov.err")
local settings = require("prov.settings")

local M = {}

local DEFAULT_DIR = "/var/lib/prov/local"
local DEFAULT_NETNS = "/run/prov/netns"

--- A short text that differs for different folders (FNV-1a; names only, no security).
local function tag(text)
  local h = 0xcbf29ce484222325
  for i = 1, #text do
    h = (h ~ text:byte(i)) * 0x100000001b3
  end
  return ("%08x"):format((h ~ (h >> 32)) & 0xffffffff)
end

--- The name of a workspace's lab: readable, and its own even when another workspace in another
-- folder has the same name.
---@param workspace { name: string, dir: string }
---@return string
function M.lab_name(workspace)
  local readable = tostring(workspace.name or "lab"):lower():gsub("[^a-z0-9]+", "-"):gsub("^%-+", ""):sub(1, 24)
  return ("%s-%s"):format(readable ~= "" and readable or "lab", tag(workspace.dir or ""))
end

--- The folder that holds the labs.
---@param dir? string as set in the infra
---@return string
function M.labs_dir(dir)
  return dir or os.getenv("PROV_LOCAL_DIR") or settings.machine.folder or DEFAULT_DIR
end

---@class prov.machine.LabOptions
---@field name string
---@field workspace? string its folder, for those who look at the lab
---@field backend? string
---@field dir? string folder of the labs
---@field netns_dir? string
---@field log? fun(text: string)

--- Opens a lab. Nothing is made before the first network is.
---@param opts prov.machine.LabOptions
---@return prov.machine.Lab?
---@return prov.Err?
function M.lab(opts)
  if not opts.name:match("^[a-z0-9][a-z0-9-]*$") or #opts.name > 48 then
    return err.fail("invalid", "lab '%s': a name is 1 to 48 of a-z, 0-9 and '-'", opts.name)
  end
  local backend = opts.backend or backends.DEFAULT
  if not backends.get(backend) then
    return err.fail("invalid", "there is no backend '%s' for local servers", backend)
  end
  return require("prov.machine.lab").open({
    name = opts.name,
    workspace = opts.workspace,
    dir = ("%s/%s"):format(M.labs_dir(opts.dir), opts.name),
    netns = ("%s/%s"):format(opts.netns_dir or DEFAULT_NETNS, opts.name),
    backend = backend,
    log = opts.log or function() end,
  })
end

--- The lab that a provider's ctx belongs to.
---@param ctx table
---@return prov.machine.Lab?
---@return prov.Err?
function M.lab_of(ctx)
  local log = ctx.log
  return M.lab({
    name = ctx.config.lab or M.lab_name(ctx.workspace),
    workspace = ctx.workspace.dir,
    backend = ctx.config.backend,
    dir = ctx.config.dir,
    log = type(log) == "function" and log or type(log) == "table" and log.info or nil,
  })
end

--- Whether this machine can run local servers: a list of findings, each with what to do. A backend
-- that need not be there is a finding that is ok, and says what it would need.
---@async
---@return { name: string, ok: boolean, msg: string, fix: string? }[]
function M.preflight()
  return require("prov.machine.preflight").run()
end

return M
