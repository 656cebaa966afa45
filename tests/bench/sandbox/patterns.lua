-- The bounded pattern functions beside those of Lua, and a file run in the sandbox beside the same file alone.
-- usage: prov internal lua tests/bench/sandbox/patterns.lua
local bounded = require("core.sandbox")

local line = ("server-%02d.example.test 10.0.0.%d/24 plan=2xCPU-4GB zone=fi-hel1"):rep(1)
local text = (line .. "\n"):rep(200)

local CASES = {
  { "find a literal", "find", { line, "plan=", 1, true } },
  { "find without specials", "find", { text, "nowhere" } },
  { "match a whole name", "match", { "web-server-01", "^%l[%w-]*$" } },
  { "match an address", "match", { "10.0.0.200/24", "^(%d+)%.(%d+)%.(%d+)%.(%d+)/(%d+)$" } },
  { "match key and value", "match", { "  plan = 2xCPU-4GB", "^%s*([%w_]+)%s*=%s*(.-)%s*$" } },
  { "match late in a text", "match", { text .. "end: 7", "end: (%d+)" } },
  { "gsub a letter", "gsub", { text, "-", "_" } },
  { "gsub with captures", "gsub", { text, "(%w+)=(%w+)", "%2=%1" } },
  { "gsub with a function", "gsub", { line, "%w+", string.upper } },
  { "gsub of spaces", "gsub", { "  trimmed  ", "^%s+", "" } },
}

local function best(fn, args, n)
  local least = math.huge
  for _ = 1, 7 do
    local started = os.clock()
    for _ = 1, n do
      fn(table.unpack(args, 1, 4))
    end
    least = math.min(least, (os.clock() - started) / n)
  end
  return least
end

local function words(gmatch)
  return function(s)
    local n = 0
    for _ in gmatch(s, "%w+") do
      n = n + 1
    end
    return n
  end
end

local function row(name, theirs, ours)
  print(("%-26s %10.3f us %10.3f us %6.2fx"):format(name, theirs * 1e6, ours * 1e6, ours / theirs))
end

print(("%-26s %13s %13s"):format("", "Lua", "sandbox"))
for _, case in ipairs(CASES) do
  local n = #case[3][1] > 1000 and 200 or 20000
  row(case[1], best(string[case[2]], case[3], n), best(bounded[case[2]], case[3], n))
end
row("gmatch of words", best(words(string.gmatch), { text }, 50), best(words(bounded.gmatch), { text }, 50))

local source = [[
  local out = {}
  for i = 1, 20000 do
    local name = ("web-%d"):format(i)
    out[name] = { plan = "2xCPU-4GB", zone = "fi-hel1", tags = { "web", name:match("%d+$") }, size = i * 2 }
  end
  return out
]]
local sandbox = require("prov.sandbox")
row("a file of 20,000 servers", best(assert(load(source)), {}, 1), best(function()
  return assert(sandbox.run(source, "infra.lua", sandbox.env()))
end, {}, 1))
