--- Task services on servers outside of a plan: install, check, remove.

local async = require("prov.async")
local contract = require("prov.contract")
local data = require("core.data")
local err = require("prov.err")
local servers = require("prov.servers")
local state_of = require("prov.state")
local value = require("prov.value")
local yaml = require("prov.yaml")

local M = {}

local function address_of(name, server)
  return ("taskserv.%s@%s"):format(name, server)
end

--- "key=value" texts as arguments: each value is YAML ("8080" is a number, "[a, b]" a list).
local function parse_settings(texts)
  local args = {}
  for key, text in pairs(texts or {}) do
    local v, e = yaml.decode(text)
    if v == nil and e and type(e) == "table" then
      return err.fail("usage", "--set %s: %s", key, tostring(e))
    end
    args[key] = v
  end
  return args
end

--- The arguments: those of the infra when it declares this one, changed by the given ones.
local function arguments(project, declaration, address, given)
  local args = {}
  for _, node in ipairs(project.infra.taskservs) do
    if node.address == address then
      args = value.resolve(node.args, function(from, path)
        local record = project.state.records[from]
        return record and state_of.at(record:shown(), path)
      end)
    end
  end
  for key, v in pairs(given) do
    args[key] = v
  end
  if value.has_unknown(args) then
    return err.fail("failed", "%s refers to something that does not exist yet: run prov apply", address)
  end
  return contract.compile(declaration.schema or {}):complete(args)
end

local function commit(project, batch, lock, message)
  batch.message, batch.epoch = message, lock.token
  return async.await(function(resume)
    return project.store:commit(batch, resume)
  end)
end

local function missing_needs(project, declaration, server)
  for _, need in ipairs(declaration.needs or {}) do
    if not project.state.records[address_of(need, server)] then
      return err.new("failed", ("taskserv '%s' needs '%s' on %s first"):format(declaration.name, need, server), {
        hint = ("prov taskserv install %s %s"):format(need, server),
      })
    end
  end
end

local Job = {}

Job.__close = function(job)
  if job.lock then
    job.lock:close()
  end
  job.project:close()
end

--- What is needed to work on one taskserv of one server, under the workspace's lock; a value to close.
local function open(ctx, verb, name, server_name)
  local declaration = assert(ctx.registry:get("taskserv", name))
  local job = setmetatable({ project = assert(require("prov.project").open(ctx, { infra = "try" })) }, Job)
  local e, record
  job.lock, e = job.project:begin("taskserv " .. verb)
  if job.lock then
    record, e = servers.find(job.project, server_name)
  end
  if not record then
    Job.__close(job)
    return nil, e
  end
  job.declaration, job.server, job.address = declaration, record.address, address_of(name, record.address)
  return job
end

--- Runs work(on_event) with progress on one address.
local function with_progress(ctx, address, action, work)
  local progress = ctx.ui.progress({ total = 1, what = action })
  progress:start(address, action)
  local result, e = work(function(event)
    local op = event.op or event
    progress:event(address, action, { title = op.title or op.name or "" })
  end)
  if result then
    progress:done(address, action, {})
  else
    progress:fail(address, action, err.plain(e))
  end
  progress:close()
  return result, e
end

local function report_row(address, status, report)
  return { address = address, status = status, changed = report.changed, ok = report.ok }
end

--- Installs a task service on a server, or configures it anew, and records it.
---@async
---@param ctx prov.Ctx
---@param p { name: string, server: string, set: table<string, string>? }
---@return table? row
---@return prov.Err?
function M.install(ctx, p)
  local job <close> = assert(open(ctx, "install", p.name, p.server))
  local project, declaration, server, address = job.project, job.declaration, job.server, job.address
  local given, e = parse_settings(p.set)
  local args
  if given then
    args, e = arguments(project, declaration, address, given)
  end
  if not args then
    return nil, e
  end
  e = missing_needs(project, declaration, server)
  if e then
    return nil, e
  end
  local report
  report, e = with_progress(ctx, address, "install", function(on_event)
    return project.hosts:apply({ address = address, name = p.name, server = server, args = args }, on_event)
  end)
  local needs = { server }
  for _, need in ipairs(declaration.needs or {}) do
    needs[#needs + 1] = address_of(need, server)
  end
  local record = state_of.record({
    address = address,
    kind = "taskserv",
    id = address,
    needs = needs,
    args = args,
    state = { id = address, changed = report and report.changed or 0 },
    tainted = not report or nil,
  })
  assert(commit(project, state_of.writes(record, project.state.records[address]), job.lock, "install " .. address))
  if not report then
    return nil, e:wrap("install %s", address)
  end
  return report_row(address, "installed", report)
end

--- Removes a task service from a server and forgets it.
---@async
---@param ctx prov.Ctx
---@param p { name: string, server: string }
---@return table? row
---@return prov.Err?
function M.remove(ctx, p)
  local job <close> = assert(open(ctx, "remove", p.name, p.server))
  local project, server, address = job.project, job.server, job.address
  local record = project.state.records[address]
  if not record then
    return err.fail("notfound", "'%s' is not installed on %s, as far as prov knows", p.name, server)
  end
  local ok, e = ctx.ui.confirm(("Remove %s from %s?"):format(p.name, server))
  if not ok then
    return nil, e
  end
  local report
  report, e = with_progress(ctx, address, "remove", function(on_event)
    return project.hosts:remove({ address = address, name = p.name, server = server, args = record:args() }, on_event)
  end)
  if not report then
    return nil, e:wrap("remove %s", address)
  end
  assert(commit(project, state_of.removes(record), job.lock, "remove " .. address))
  return report_row(address, "removed", report)
end

--- The ops of a report with one of two statuses, by their titles.
local function titles(report, first, second)
  local list = {}
  for _, op in ipairs(report.ops) do
    if op.status == first or op.status == second then
      list[#list + 1] = op.title or op.name
    end
  end
  return table.concat(list, "; ")
end

local function check_one(project, record)
  local name, server = record.address:match("^taskserv%.(.-)@(.+)$")
  local node = { address = record.address, name = name, server = server, args = record:args() }
  local report, e = project.hosts:check(node)
  if not report then
    return { address = record.address, status = "failed", detail = tostring(e) }
  end
  local drift = titles(report, "would_change", "failed")
  if drift ~= "" then
    return { address = record.address, status = "drifted", detail = drift }
  end
  report, e = project.hosts:health(node)
  if not report or report.failed > 0 then
    return { address = record.address, status = "failed", detail = report and titles(report, "failed") or tostring(e) }
  end
  return { address = record.address, status = "ok" }
end

--- Compares installed task services with their servers and runs their health checks; changes
-- nothing. Without names all of them.
---@async
---@param ctx prov.Ctx
---@param p { name: string?, server: string? }
---@return table[]? rows { address, status "ok"|"drifted"|"failed", detail }
---@return prov.Err?
function M.check(ctx, p)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "no" }))
  local server, e
  if p.server then
    server, e = servers.find(project, p.server)
    if not server then
      return nil, e
    end
  end
  local wanted = {}
  for _, address in ipairs(project.state:addresses()) do
    local record = project.state.records[address]
    local name, on = address:match("^taskserv%.(.-)@(.+)$")
    if name and (not p.name or name == p.name) and (not server or on == server.address) then
      wanted[#wanted + 1] = record
    end
  end
  if #wanted == 0 and p.name then
    return err.fail("notfound", "'%s' is installed nowhere%s, as far as prov knows", p.name,
      server and " on " .. server.address or "")
  end
  local rows = {}
  local ok
  ok, e = async.scope(function(scope)
    for i, record in ipairs(wanted) do
      scope:spawn(function()
        rows[i] = check_one(project, record)
        return true
      end)
    end
    return true
  end)
  return ok and data.list(rows), e
end

return M
