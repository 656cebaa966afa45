--- Benchmark: validate, plan, apply, plan again, of 1,000 to 100,000 resources, prov (demo
-- provider) against Terraform or OpenTofu (terraform_data) where it is installed.
--   prov internal lua tests/bench/plan/run.lua [SHAPES] [SIZES] [TERRAFORM_LIMIT]
-- Prints a Markdown table. Terraform is not run above TERRAFORM_LIMIT (default 2000): it takes
-- minutes there.

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. package.path
local app = require("core.app")
local async = require("prov.async")
local fs = require("prov.fs")
local json = require("prov.json")
local proc = require("prov.proc")
local shapes = require("shapes")

local shape_names, sizes, limit = ...
limit = tonumber(limit) or 2000
local measure = app.exe:match("^(.*)/") .. "/measure"

local function words(text)
  local list = {}
  for word in text:gmatch("[^,]+") do
    list[#list + 1] = word
  end
  return list
end

local function timed(dir, ...)
  local command = { measure, "-q", "--", ... }
  command.cwd, command.timeout = dir, 1800000
  local result = assert(proc.run(command))
  local figures = assert(json.decode(result.stdout))
  figures.ok = result.code == 0
  return figures
end

local function cell(figures)
  if not figures.ok then
    return "failed"
  end
  return ("%.2f s, %d MB"):format(figures.wall_min / 1000, figures.rss_kib // 1024)
end

local function terraform()
  for _, name in ipairs({ "terraform", "tofu" }) do
    local found = proc.run({ "sh", "-c", "command -v " .. name })
    if found and found.code == 0 then
      return name
    end
  end
end

local function row(tool, shape, n, cells)
  print(("| %s | %s | %d | %s |"):format(tool, shape, n, table.concat(cells, " | ")))
end

local function bench_prov(shape, n, dir)
  local prov = app.exe
  shapes.write("prov", shape, n, dir)
  row("prov", shape, n, {
    cell(timed(dir, prov, "-w", dir, "validate")),
    cell(timed(dir, prov, "-w", dir, "plan", "-o", "json")),
    cell(timed(dir, prov, "-w", dir, "apply", "--yes", "-o", "json")),
    cell(timed(dir, prov, "-w", dir, "plan", "-o", "json")),
  })
end

local function bench_terraform(name, shape, n, dir)
  shapes.write("terraform", shape, n, dir)
  assert(proc.run({ name, "init", "-input=false", cwd = dir, timeout = 120000 }))
  row(name, shape, n, {
    cell(timed(dir, name, "validate")),
    cell(timed(dir, name, "plan", "-input=false", "-out=p")),
    cell(timed(dir, name, "apply", "-input=false", "p")),
    cell(timed(dir, name, "plan", "-input=false")),
  })
end

local _, e = async.run(function()
  local root = os.tmpname() .. ".d"
  local tf = terraform()
  print("| tool | shape | resources | validate | plan (create) | apply | plan (no change) |")
  print("| --- | --- | --- | --- | --- | --- | --- |")
  for _, shape in ipairs(words(shape_names or "count,pair,blocks")) do
    for _, size in ipairs(words(sizes or "1000,10000,100000")) do
      local n = math.tointeger(size)
      local dir = ("%s/prov-%s-%d"):format(root, shape, n)
      assert(fs.mkdirp(dir))
      bench_prov(shape, n, dir)
      if tf and n <= limit then
        dir = ("%s/tf-%s-%d"):format(root, shape, n)
        assert(fs.mkdirp(dir))
        bench_terraform(tf, shape, n, dir)
      end
    end
  end
  fs.remove(root, { recursive = true })
  return true
end)
if e then
  io.stderr:write(tostring(e), "\n")
  return 1
end
return 0
