--- Looks at everything prov needs and says what is wrong and how to mend it.

local about = require("prov.about")
local err = require("prov.err")
local fs = require("prov.fs")
local settings = require("prov.settings")
local units = require("prov.render.units")
local uv = require("luv")

local M = {}

---@class prov.Finding
---@field area string "program" | "machine" | "workspace" | "extensions"
---@field check string
---@field status "ok"|"warning"|"failed"
---@field detail string?
---@field fix string?

local function add(list, area, check, status, detail, fix)
  list[#list + 1] = { area = area, check = check, status = status, detail = detail, fix = fix }
end

local function program(list)
  local info = about.info()
  add(list, "program", "version", "ok", ("prov %s, Lua %s, libuv %s"):format(info.prov, info.lua, info.libuv))
  for _, module in ipairs({ "core.data", "core.store", "core.graph", "core.net", "core.crypto" }) do
    local ok, raised = pcall(require, module)
    if not ok then
      add(list, "program", module, "failed", (tostring(raised):match("^[^\n]*")),
        "the installation is incomplete: run install.sh again")
    end
  end
  if info.extensions and fs.exists(info.extensions .. "/providers") then
    add(list, "program", "extensions folder", "ok", info.extensions)
  else
    add(list, "program", "extensions folder", "failed", "no providers/ beside the program",
      "run install.sh again, or point PROV_PATH to a folder with providers/ taskservs/ clusters/")
  end
end

local function machine(list)
  local ok, preflight = pcall(require, "prov.machine")
  if not ok then
    add(list, "machine", "local servers", "failed", (tostring(preflight):match("^[^\n]*")))
    return
  end
  for _, finding in ipairs(preflight.preflight()) do
    add(list, "machine", finding.name, finding.ok and "ok" or "warning", finding.msg,
      not finding.ok and finding.fix or nil)
  end
end

local function disk(list, dir)
  local found, e = uv.fs_statfs(dir)
  local free = found and found.bavail * found.bsize
  local least = settings.doctor.free_space
  local text = free and ("%.1f GiB are free"):format(free / (1 << 30)) or tostring(e)
  add(list, "workspace", "disk", free and free >= least and "ok" or "warning", text,
    free and free < least and ("free some; doctor.free_space says %s"):format(units.size(least)) or nil)
end

local function workspace(list, ctx)
  local found, e = ctx:need_workspace()
  if not found then
    add(list, "workspace", "workspace", "warning", tostring(e), e.hint or "prov workspace new NAME makes one")
    return
  end
  add(list, "workspace", "folder", "ok", ("%s (%s)"):format(found.name, found.dir))
  disk(list, found.dir)
  local infra, errs = require("prov.infra").load(found, { registry = ctx.registry })
  if infra then
    add(list, "workspace", "infra", "ok",
      ("%d resource%s, %d task service%s"):format(#infra.resources, #infra.resources == 1 and "" or "s",
        #infra.taskservs, #infra.taskservs == 1 and "" or "s"))
  else
    local first = err.is(errs) and errs or errs[1]
    add(list, "workspace", "infra", "failed", tostring(first), "`prov validate` shows all of it")
  end
  local store
  store, e = found:store()
  if not store then
    add(list, "workspace", "state", "failed", tostring(e), e.hint)
    return
  end
  local records = require("prov.state").load(store)
  local known = {}
  for _, record in pairs(records and records.records or {}) do
    known[tostring(record.id)] = true
  end
  local config = infra and infra.providers["local"] or {}
  local strange, lab = require("prov.machine.labs").unknown_servers(found, config, known)
  if #strange > 0 then
    add(list, "workspace", "local servers", "warning",
      ("lab %s has %d the state does not know: %s"):format(lab, #strange, table.concat(strange, ", ")),
      ("put the lost .prov/ back, or 'prov lab delete %s' deletes everything in it"):format(lab))
  end
  local report
  report, e = store:check()
  local broken = not report and tostring(e) or report.ok == false and "the check found damage"
  add(list, "workspace", "state", broken and "failed" or "ok", broken or ("revision %d"):format(store:head()),
    broken and "restore .prov/ from a backup, then run prov plan" or nil)
end

local function extensions(list, ctx)
  local check, count = require("prov.extensions").check, 0
  for _, kind in ipairs({ "provider", "taskserv", "cluster", "workflow" }) do
    for _, one in ipairs(ctx.registry:index(kind)) do
      local ok, e = check(ctx.registry, kind, one.name)
      count = count + 1
      if not ok then
        add(list, "extensions", kind .. "/" .. one.name, "failed", tostring(e), e.hint or "see " .. one.path)
      end
    end
  end
  add(list, "extensions", "declarations", "ok", count .. " looked at")
end

local PARTS = {
  { "program", program },
  { "machine", machine },
  { "workspace", workspace },
  { "extensions", extensions },
}

--- All findings.
---@async
---@param ctx prov.Ctx
---@param only? string one area
---@return prov.Finding[]
function M.run(ctx, only)
  local list = {}
  for _, part in ipairs(PARTS) do
    if not only or only == part[1] then
      local ok, raised = pcall(part[2], list, ctx)
      if not ok then
        add(list, part[1], "check", "failed", (tostring(raised):match("^[^\n]*")))
      end
    end
  end
  return require("core.data").list(list)
end

return M
