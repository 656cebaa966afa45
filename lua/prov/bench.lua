--- Quick measurements inside the program, and the benchmarks of the source tree.

local app = require("core.app")
local data = require("core.data")
local err = require("prov.err")
local fs = require("prov.fs")
local uv = require("luv")

local M = {}

local function row(what, amount, unit, ms)
  return {
    what = what,
    amount = ("%d %s"):format(amount, unit),
    time = ("%.1f ms"):format(ms),
    rate = ("%.0f %s/s"):format(amount / ms * 1000, unit),
    ms = ms,
    count = amount,
  }
end

local function timed(fn)
  collectgarbage()
  local start = uv.hrtime()
  fn()
  return (uv.hrtime() - start) / 1e6
end

local function graph()
  local graph_of = require("core.graph")
  local n = 200000
  local g <close> = assert(graph_of.new(n))
  local seed = 12345
  for i = 2, n do
    for _ = 1, 3 do
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      g:edge(seed % (i - 1) + 1, i)
    end
  end
  local ms = timed(function()
    assert(g:critical())
  end)
  return row("graph: order and critical path", n, "nodes", ms)
end

local function sched()
  local graph_of = require("core.graph")
  local n = 100000
  local g <close> = assert(graph_of.new(n))
  for i = 2, n do
    g:edge(i // 2, i)
  end
  local ms = timed(function()
    local s <close> = assert(graph_of.sched(g, { limit = 64 }))
    local running = {}
    for _ = 1, n do
      local id = s:next()
      while id do
        running[#running + 1] = id
        id = s:next()
      end
      s:done(table.remove(running))
    end
  end)
  return row("scheduler: next and done", n, "steps", ms)
end

local function encoding()
  local value = { name = "web", ip = "10.0.0.1", tags = data.list({ "a", "b" }), size = 20, labels = { x = "y" } }
  local n = 50000
  local ms = timed(function()
    for _ = 1, n do
      data.decode(data.encode(value))
    end
  end)
  return row("canonical encoding, there and back", n, "values", ms)
end

local function contracts()
  local contract = require("prov.contract").compile({
    name = { type = "string", required = true },
    size = { type = "size", default = "10 GiB" },
    ports = { type = "list", of = { type = "port" }, default = {} },
    kind = { type = "enum", one_of = { "a", "b" }, default = "a" },
  })
  local n = 50000
  local ms = timed(function()
    for _ = 1, n do
      assert(contract:complete({ name = "web", ports = { 80, 443 } }))
    end
  end)
  return row("contract: check and complete", n, "values", ms)
end

local function store()
  local dir = assert(fs.tempdir("prov-bench"))
  local _ <close> = setmetatable({}, {
    __close = function()
      fs.remove(dir, { recursive = true })
    end,
  })
  local s = assert(require("core.store").open(dir .. "/store", {}))
  local n, bytes = 200, ("x"):rep(200)
  local ms = timed(function()
    for i = 1, n do
      assert(s:commit_sync({ { "node", "server.bench" .. i, "server", bytes } }))
    end
  end)
  s:close()
  return row("store: durable commits, one by one", n, "commits", ms)
end

--- Runs the quick measurements.
---@return table[] rows
function M.quick()
  return data.list({ graph(), sched(), encoding(), contracts(), store() })
end

local function folder()
  local root = app.tree or (app.share_dir and fs.exists(app.share_dir .. "/tests/bench") and app.share_dir)
  if root then
    return root .. "/tests/bench"
  end
  return err.fail("notfound", "the benchmarks are in the source tree, and this prov was not started from one")
end

--- The benchmarks of the source tree.
---@return table[]?
---@return prov.Err?
function M.list()
  local dir, e = folder()
  if not dir then
    return nil, e
  end
  local rows = {}
  for _, entry in ipairs(assert(fs.list(dir))) do
    for _, file in ipairs({ "run.sh", "run.lua" }) do
      if fs.exists(("%s/%s/%s"):format(dir, entry.name, file)) then
        rows[#rows + 1] = { what = entry.name }
        break
      end
    end
  end
  return data.list(rows)
end

--- Runs a benchmark of the source tree on this terminal.
---@async
---@param name string
---@param arguments string[]
---@return { script: string, code: integer }?
---@return prov.Err?
function M.script(name, arguments)
  local dir, e = folder()
  if not dir then
    return nil, e
  end
  local base = dir .. "/" .. name
  local argv
  if fs.exists(base .. "/run.sh") then
    argv = { "sh", base .. "/run.sh" }
  elseif fs.exists(base .. "/run.lua") then
    argv = { app.exe, "internal", "lua", base .. "/run.lua" }
  else
    local names = {}
    for i, one in ipairs(assert(M.list())) do
      names[i] = one.what
    end
    return nil, require("prov.suggest").unknown("benchmark", name, names)
  end
  uv.os_setenv("PROV", app.exe)
  local code
  code, e = require("prov.proc").foreground(table.move(arguments, 1, #arguments, #argv + 1, argv))
  if not code then
    return nil, e
  elseif code ~= 0 then
    return err.fail("failed", "%s ended with exit code %d", name, code)
  end
  return { script = argv[#argv], code = code }
end

return M
