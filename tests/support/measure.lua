--- Runs commands and measures them from outside, as whole processes.

local app = require("core.app")
local async = require("prov.async")
local fs = require("prov.fs")
local json = require("prov.json")
local proc = require("prov.proc")

local M = {}

--- Environment of a prov that runs what was built into it, also under PROV_DEV.
M.BUILT_IN = { PROV_DEV = false, PROV_ROOT = false }

--- The program that measures: built with the tests, else built now into `dir`.
---@param dir string
---@return string path
function M.tool(dir)
  local built = app.exe:match("^(.*)/") .. "/measure"
  if fs.exists(built) then
    return built
  end
  local own, here = dir .. "/measure", debug.getinfo(1, "S").source:match("^@(.*)/") or "."
  local made = assert(proc.run({ "cc", "-O2", "-o", own, here .. "/measure.c" }))
  assert(made.code == 0, made.stderr)
  return own
end

--- Runs a command once; its figures, also when it failed.
---@param tool string what M.tool gave
---@param command string[]
---@param opts { dir: string?, env: table?, seconds: integer }
---@return { s: number, cpu: number, mb: number, code: integer } figures seconds of wall and processor time
function M.run(tool, command, opts)
  local argv = table.move(command, 1, #command, 4, { tool, "-q", "--" })
  argv.cwd, argv.env, argv.timeout = opts.dir, opts.env, opts.seconds * 1000
  local result = assert(proc.run(argv))
  local figures = assert(json.decode(result.stdout))
  return {
    s = figures.wall_min / 1000,
    cpu = figures.cpu_median / 1000,
    mb = figures.rss_kib / 1024,
    code = result.code,
  }
end

--- Runs a benchmark as a task; what a script of Lua then returns, which is the exit code.
---@param main function
---@param ... any for main
---@return integer
function M.main(main, ...)
  local _, e = async.run(main, ...)
  if e then
    io.stderr:write(tostring(e), "\n")
    return 1
  end
  return 0
end

return M
