--- Benchmark: `prov secret decrypt` and `sops decrypt` of the same file of n values, whole processes in turns.
--   SOPS=PATH prov bench sops [N [ROUNDS]]
-- YAML with three levels and recipients of age, written by `sops` when it is there; without it prov alone is measured,
-- which is said. Both have to print the same values. Prints a Markdown table.

local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/../../support/?.lua;" .. package.path
local app = require("core.app")
local fs = require("prov.fs")
local measure = require("measure")
local proc = require("prov.proc")
local yaml = require("prov.yaml")

local SECONDS = 120 -- for one command
local IN_GROUP, IN_SERVICE = 5, 50

-- The file in plain text: passwords as people have them, of 8 to 40 letters and digits.
local function plain(n)
  local lines, state = {}, 1
  local function random(below)
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return (state >> 8) % below
  end
  local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
  for i = 0, n - 1 do
    if i % IN_SERVICE == 0 then
      lines[#lines + 1] = ("service_%d:"):format(i // IN_SERVICE)
    end
    if i % IN_GROUP == 0 then
      lines[#lines + 1] = ("    group_%d:"):format(i // IN_GROUP % (IN_SERVICE // IN_GROUP))
    end
    local word = {}
    for at = 1, 8 + random(33) do
      local from = random(#letters) + 1
      word[at] = letters:sub(from, from)
    end
    lines[#lines + 1] = ("        key_%d: %s"):format(i % IN_GROUP, table.concat(word))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function run(dir, command)
  command.cwd, command.env, command.timeout = dir, measure.BUILT_IN, SECONDS * 1000
  local result = assert(proc.run(command))
  assert(result.code == 0, result.stderr)
  return result.stdout
end

-- Least, median and most.
local function figures(samples, field)
  local list = {}
  for i, one in ipairs(samples) do
    list[i] = one[field]
  end
  table.sort(list)
  return list[1], list[(#list + 1) // 2], list[#list]
end

local function cell(samples, field)
  local least, median, most = figures(samples, field)
  return ("%.0f / %.0f / %.0f"):format(least * 1000, median * 1000, most * 1000)
end

local function main(n, rounds)
  local root = assert(fs.tempdir("prov-bench-sops"))
  local tool, sops = measure.tool(root), os.getenv("SOPS")
  run(root, { app.exe, "age", "keygen", "--out", "key.txt" })
  local to = run(root, { app.exe, "age", "keygen", "--public", "key.txt" }):match("%S+")
  assert(fs.write_atomic(root .. "/plain.yaml", plain(n), { sync = false }))
  local text = run(root, sops and { sops, "--disable-version-check", "encrypt", "--age", to, "plain.yaml" }
    or { app.exe, "secret", "encrypt", "plain.yaml", "-r", to })
  assert(fs.write_atomic(root .. "/secrets.yaml", text, { sync = false }))
  local env = { PROV_DEV = false, PROV_ROOT = false, SOPS_AGE_KEY_FILE = root .. "/key.txt" }
  local commands = { { "prov secret decrypt", { app.exe, "secret", "decrypt", "secrets.yaml" } } }
  if sops then
    commands[2] = { "sops decrypt", { sops, "--disable-version-check", "decrypt", "secrets.yaml" } }
  end
  local values, samples = {}, {}
  for i, one in ipairs(commands) do
    local argv = table.move(one[2], 1, #one[2], 1, {})
    argv.cwd, argv.env = root, env
    local result = assert(proc.run(argv))
    assert(result.code == 0, result.stderr)
    values[i], samples[i] = assert(yaml.encode(assert(yaml.decode(result.stdout)))), {}
  end
  assert(not values[2] or values[1] == values[2], "prov and sops say different things")
  for round = 1, rounds do
    for i, one in ipairs(commands) do
      samples[i][round] = measure.run(tool, one[2], { dir = root, env = env, seconds = SECONDS })
      assert(samples[i][round].code == 0, one[1] .. " failed")
    end
  end
  print(("| %d values, %.1f MB, %d rounds | ms, least / median / most | ms of processor time | MB |"):format(n,
    #text / 1e6, rounds))
  print("| --- | --- | --- | --- |")
  for i, one in ipairs(commands) do
    print(("| `%s` | %s | %s | %.0f |"):format(one[1], cell(samples[i], "s"), cell(samples[i], "cpu"),
      select(3, figures(samples[i], "mb"))))
  end
  if sops then
    local _, wall = figures(samples[1], "s")
    local _, cpu = figures(samples[1], "cpu")
    local _, their_wall = figures(samples[2], "s")
    local _, their_cpu = figures(samples[2], "cpu")
    print(("\nprov is %.1f times as fast, and takes %.1f times less processor time (medians)"):format(
      their_wall / wall, their_cpu / cpu))
  else
    print("\nSKIP: no sops beside it: SOPS is not the path of its program")
  end
  fs.remove(root, { recursive = true })
  return true
end

local n, rounds = ...
return measure.main(main, math.tointeger(n) or 5000, math.tointeger(rounds) or 15)
