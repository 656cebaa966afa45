--- Answers the questions of times.py with prov.zone and prov.cron, and fails when an answer differs.
-- prov internal lua times.lua QUESTIONS

local cron = require("prov.cron")
local zone = require("prov.zone")

local zones, asked, wrong = {}, 0, 0

local function zone_of(name)
  zones[name] = zones[name] or assert(zone.open(name))
  return zones[name]
end

local answer = {}

function answer.utc(line)
  local name, utc, want = line:match("^(%S+) (%S+) (.*)$")
  local offset, abbreviation, is_dst = zone_of(name):offset(math.tointeger(utc))
  return want, ("%d %s %d"):format(offset, abbreviation, is_dst and 1 or 0)
end

function answer.local_(line)
  local name, seconds, want = line:match("^(%S+) (%S+) (.*)$")
  local year, month, day = zone.date(seconds // 86400)
  local rest = seconds % 86400
  local fields = { year = year, month = month, day = day, hour = rest // 3600, min = rest // 60 % 60, sec = rest % 60 }
  local kind, utc, second = zone_of(name):to_utc(fields)
  return want, ("%s %d %s"):format(kind, utc, second or "-")
end

function answer.cron(line)
  local name, start, want, text = line:match("^(%S+) (%S+) (%S+) (.*)$")
  local spec, runs = assert(cron.parse(text)), {}
  for run in spec:each(zone_of(name), math.tointeger(start), math.maxinteger, 6) do
    runs[#runs + 1] = run
  end
  return want, runs[1] and table.concat(runs, ",") or "-"
end

for line in assert(io.open(arg and arg[1] or ...)):lines() do
  local kind, rest = line:match("^(%l+) (.*)$")
  local want, got = answer[kind == "local" and "local_" or kind](rest)
  asked = asked + 1
  if want ~= got then
    wrong = wrong + 1
    if wrong <= 20 then
      print(("%s\n  got %s"):format(line, got))
    end
  end
end
print(("%d asked, %d wrong"):format(asked, wrong))
os.exit(asked > 0 and wrong == 0)
