--- Benchmark: a large file encrypted and decrypted by prov and by age, whole processes in turns.
--   TMPDIR=/dev/shm prov bench age [MIB [ROUNDS]]
-- Each reads the other's file as well, so that none wins by writing something else. To /dev/null leaves out what the
-- kernel takes for the pages of a new file, which is the same for both. Prints a Markdown table.

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../support/?.lua;" .. package.path
local app = require("core.app")
local fs = require("prov.fs")
local measure = require("measure")
local proc = require("prov.proc")

local SECONDS = 600 -- for one command

local function run(dir, argv)
  argv.cwd = dir
  local result = assert(proc.run(argv))
  assert(result.code == 0, result.stderr)
  return result.stdout
end

-- What is measured: its name, and the commands of prov and of age.
local function cases(recipient)
  local prov = function(...)
    return { app.exe, "age", ... }
  end
  return {
    { "encrypt", prov("encrypt", "plain", "-r", recipient, "--out", "prov.age"),
      { "age", "-r", recipient, "-o", "age.age", "plain" } },
    { "decrypt", prov("decrypt", "age.age", "-i", "key.txt", "--out", "prov.out"),
      { "age", "-d", "-i", "key.txt", "-o", "age.out", "prov.age" } },
    { "encrypt, to /dev/null", prov("encrypt", "plain", "-r", recipient), { "age", "-r", recipient, "plain" } },
    { "decrypt, to /dev/null", prov("decrypt", "age.age", "-i", "key.txt"),
      { "age", "-d", "-i", "key.txt", "prov.age" } },
    { "encrypt, armor", prov("encrypt", "plain", "-a", "-r", recipient, "--out", "prov.asc"),
      { "age", "-a", "-r", recipient, "-o", "age.asc", "plain" } },
    { "decrypt, armor", prov("decrypt", "age.asc", "-i", "key.txt", "--out", "prov.out"),
      { "age", "-d", "-i", "key.txt", "-o", "age.out", "prov.asc" } },
  }
end

local function measured(tool, dir, command, opts)
  local figures = measure.run(tool, command, { dir = dir, env = opts, seconds = SECONDS })
  assert(figures.code == 0, table.concat(command, " ") .. " failed")
  return figures
end

--- "1.02 / 1.10 / 1.31" of a figure of the samples, and its least and its median.
local function cell(samples, figure)
  local values = {}
  for i, sample in ipairs(samples) do
    values[i] = sample[figure]
  end
  table.sort(values)
  local median = values[(#values + 1) // 2]
  return ("%.2f / %.2f / %.2f"):format(values[1], median, values[#values]), values[1], median
end

local function row(what, own, peer)
  local cells, ratios = {}, {}
  for _, figure in ipairs({ "s", "cpu" }) do
    local a, a_least, a_median = cell(own, figure)
    local b, b_least, b_median = cell(peer, figure)
    cells[#cells + 1], cells[#cells + 2] = a, b
    ratios[#ratios + 1] = ("%.2f, %.2f"):format(b_least / a_least, b_median / a_median)
  end
  print(("| %s | %s | %s | %s | %s | %s | %s | %.0f, %.0f |"):format(what, cells[1], cells[2], ratios[1], cells[3],
    cells[4], ratios[2], own[1].mb, peer[1].mb))
  io.stdout:flush()
end

local function main(mib, rounds)
  local root = assert(fs.tempdir("prov-bench-age"))
  local _ <close> = setmetatable({}, {
    __close = function()
      fs.remove(root, { recursive = true })
    end,
  })
  if not proc.run({ "age", "--version" }) then
    print("SKIP: 1 of 1 peers is not there (age)")
    return true
  end
  local tool = measure.tool(root)
  run(root, { "sh", "-c", ("head -c %d /dev/urandom >plain"):format(mib << 20) })
  run(root, { app.exe, "age", "keygen", "--out", "key.txt" })
  local recipient = run(root, { "age-keygen", "-y", "key.txt" }):match("%S+")
  print(("| %d MiB | wall, s: prov | age | age to prov | processor, s: prov | age | age to prov | MB: prov, age |")
    :format(mib))
  print("| --- | --- | --- | --- | --- | --- | --- | --- |")
  for _, case in ipairs(cases(recipient)) do
    local own, peer = {}, {}
    for i = 1, rounds do
      own[i] = measured(tool, root, case[2], measure.BUILT_IN)
      peer[i] = measured(tool, root, case[3])
    end
    row(case[1], own, peer)
    for _, out in ipairs({ "prov.out", "age.out" }) do
      if fs.exists(root .. "/" .. out) then
        run(root, { "cmp", "plain", out })
        assert(fs.remove(root .. "/" .. out))
      end
    end
  end
  return true
end

local mib, rounds = ...
return measure.main(main, math.tointeger(mib) or 1024, math.tointeger(rounds) or 5)
