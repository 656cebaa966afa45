--- Benchmark: validate, plan, apply and plan again, of many resources, prov (demo provider) and
-- Terraform or OpenTofu (terraform_data) in turns. Prints a Markdown table of whole processes.
--   prov bench plan [SHAPES [SIZES [ROUNDS [PEER_LIMIT]]]]
--   prov internal lua tests/bench/plan/run.lua ...
-- The peer is left out above PEER_LIMIT resources, runs once above 1,000, and is stopped when one
-- command takes more than PEER_SECONDS.

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. here .. "/../../support/?.lua;" .. package.path
local app = require("core.app")
local fs = require("prov.fs")
local measure = require("measure")
local proc = require("prov.proc")
local shapes = require("shapes")

local PEER_SECONDS = 90
local WHAT = { "validate", "plan (create)", "apply", "plan (no change)" }
local PEER = { CHECKPOINT_DISABLE = "1", TF_IN_AUTOMATION = "1" }

local function words(text)
  local list = {}
  for word in text:gmatch("[^,]+") do
    list[#list + 1] = word
  end
  return list
end

--- Runs a command; its figures, or a text that says why there are none.
local function timed(tool, dir, env, command)
  local figures = measure.run(tool, command, { dir = dir, env = env, seconds = PEER_SECONDS + 60 })
  if figures.code == 0 then
    return figures
  elseif figures.s > PEER_SECONDS then
    return ("more than %d s"):format(PEER_SECONDS)
  end
  return "failed"
end

local function prov_tool(tool)
  local function prov(...)
    return { app.exe, "-w", ".", ... }
  end
  return {
    name = "prov",
    run = function(dir, at)
      local commands = {
        prov("validate"),
        prov("plan", "-o", "json"),
        prov("apply", "--yes", "-o", "json"),
        prov("plan", "-o", "json"),
      }
      return timed(tool, dir, measure.BUILT_IN, commands[at])
    end,
    prepare = function(shape, n, dir)
      shapes.write("prov", shape, n, dir)
    end,
  }
end

local function peer_tool(tool)
  for _, name in ipairs({ "terraform", "tofu" }) do
    local found = proc.run({ "sh", "-c", "command -v " .. name })
    if found and found.code == 0 then
      local commands = {
        { "validate" },
        { "plan", "-input=false", "-out=p" },
        { "apply", "-input=false", "p" },
        { "plan", "-input=false" },
      }
      return {
        name = name,
        run = function(dir, at)
          local command = { "timeout", "-k", "5", tostring(PEER_SECONDS), name } -- it may not stop when asked
          table.move(commands[at], 1, #commands[at], #command + 1, command)
          return timed(tool, dir, PEER, command)
        end,
        prepare = function(shape, n, dir)
          shapes.write("terraform", shape, n, dir)
          assert(proc.run({ name, "init", "-input=false", cwd = dir, env = PEER, timeout = 120000 }))
        end,
      }
    end
  end
end

--- One fresh workspace through all commands; adds to samples[what].
local function round(tool, shape, n, dir, samples)
  assert(fs.mkdirp(dir))
  tool.prepare(shape, n, dir)
  for at, what in ipairs(WHAT) do
    local figures = tool.run(dir, at)
    samples[what] = samples[what] or {}
    table.insert(samples[what], figures)
    if type(figures) == "string" then
      break -- the next command needs what this one did
    end
  end
  fs.remove(dir, { recursive = true })
end

--- "0.10 / 0.11 / 0.15 s, 48 MB" of samples, and their least time and most memory.
local function cell(samples)
  if not samples then
    return "-"
  end
  local times, mb = {}, 0
  for _, figures in ipairs(samples) do
    if type(figures) == "string" then
      return figures
    end
    times[#times + 1] = figures.s
    mb = math.max(mb, figures.mb)
  end
  table.sort(times)
  local text = #times == 1 and ("%.2f s, %.0f MB"):format(times[1], mb)
    or ("%.2f / %.2f / %.2f s, %.0f MB"):format(times[1], times[(#times + 1) // 2], times[#times], mb)
  return text, times[1], mb
end

local function compare(shape, n, own, peer)
  for _, what in ipairs(WHAT) do
    local text, s, mb = cell(own[what])
    local other, peer_s, peer_mb = "-", nil, nil
    if peer then
      other, peer_s, peer_mb = cell(peer[what])
    end
    local ratio = s and peer_s and ("%.1f, %.1f"):format(peer_s / s, peer_mb / mb) or "-"
    print(("| %s | %d | %s | %s | %s | %s |"):format(shape, n, what, text, other, ratio))
  end
  io.stdout:flush()
end

local function main(shape_names, sizes, rounds, limit)
  local root = assert(fs.tempdir("prov-bench-plan"))
  local tool = measure.tool(root)
  local prov, peer = prov_tool(tool), peer_tool(tool)
  if not peer then
    print("Terraform and OpenTofu are left out: neither is installed.\n")
  end
  local name = peer and peer.name or "peer"
  print(("| shape | resources | what | prov: min / median / max, peak | %s | %s to prov: time, memory |"):format(
    name, name))
  print("| --- | --- | --- | --- | --- | --- |")
  for _, shape in ipairs(words(shape_names)) do
    for _, size in ipairs(words(sizes)) do
      local n = assert(math.tointeger(size), "a size is a number")
      local own, other = {}, {}
      for i = 1, rounds do
        round(prov, shape, n, root .. "/prov", own)
        if peer and n <= limit and (i == 1 or n <= 1000) then
          round(peer, shape, n, root .. "/peer", other)
        end
      end
      compare(shape, n, own, peer and n <= limit and other or nil)
    end
  end
  fs.remove(root, { recursive = true })
  return true
end

local shape_names, sizes, rounds, limit = ...
return measure.main(main, shape_names or "count,pair,blocks", sizes or "1000,10000,100000",
  math.tointeger(rounds) or 3, math.tointeger(limit) or 10000)
