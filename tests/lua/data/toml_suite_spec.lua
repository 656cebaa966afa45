--- The judge of TOML: every case of toml-test, by the lists of both versions.
local data = require("core.data")
local fs = require("prov.fs")
local json = require("prov.json")
local toml = require("prov.toml")

local shared = os.getenv("PROV_SHARED") or (os.getenv("PROV_ROOT") or ".") .. "/../shared"
local root = shared .. "/suites/toml-test/tests"

--- A tagged leaf as it is compared: numbers by what they are, fractions without zeros at the end.
local function normal(leaf)
  local text = leaf.value
  if leaf.type == "float" then
    local v = assert(toml.untagged(leaf))
    text = v ~= v and "nan" or ("%a"):format(v + 0.0) -- -0.0 equals 0.0
  elseif leaf.type:find("time", 1, true) then
    text = text:gsub("(%.%d-)0*([Z+-].*)$", "%1%2"):gsub("(%.%d-)0*$", "%1"):gsub("%.([Z+-])", "%1"):gsub("%.$", "")
  end
  return leaf.type .. " " .. text
end

--- One text per tagged value; equal ones are equal.
local function shape(v)
  if type(v.type) == "string" and type(v.value) == "string" then
    return json.encode(normal(v))
  end
  local out = {}
  if data.kind(v) == "list" then
    for i, item in ipairs(v) do
      out[i] = shape(item)
    end
    return "[" .. table.concat(out, ",") .. "]"
  end
  for _, key in ipairs(data.keys(v)) do
    out[#out + 1] = json.encode(key) .. ":" .. shape(v[key])
  end
  return "{" .. table.concat(out, ",") .. "}"
end

local function files(list, kind)
  local out = {}
  for name in assert(fs.read(root .. "/" .. list)):gmatch("[^\n]+") do
    if name:find("^" .. kind .. "/.*%.toml$") then
      out[#out + 1] = name
    end
  end
  return out
end

--- Our JSON refuses NUL in keys, which one case has: it stands as U+F8FF while JSON is read.
local STAND_IN = "\u{F8FF}"

local function with_nul(v)
  if type(v) == "string" then
    return (v:gsub(STAND_IN, "\0"))
  elseif type(v) ~= "table" then
    return v
  end
  local out = {}
  for key, item in pairs(v) do
    out[with_nul(key)] = with_nul(item)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

local function wanted(name)
  local text = assert(fs.read(root .. "/" .. name:gsub("toml$", "json")))
  local without = text:gsub("\\\\", "\1"):gsub("\\u0000", STAND_IN):gsub("\1", "\\\\")
  return json.decode(text) or with_nul(assert(json.decode(without)))
end

local function report(version, what, good, total, bad)
  print(("toml-test %s %s: %d of %d"):format(version, what, good, total))
  assert.are.equal(total, good, table.concat(bad, "\n"))
  assert.is_true(total > 200)
end

for _, case in ipairs({ { "1.0", "files-toml-1.0.0" }, { "1.1", "files-toml-1.1.0" } }) do
  local version, list = case[1], case[2]
  local opts = { version = version }

  describe("toml-test " .. version, function()
    if not fs.exists(root .. "/" .. list) then
      it("agrees with the suite", function()
        pending(("SKIP %d cases: toml-test is not here"):format(version == "1.0" and 709 or 712))
      end)
      return
    end

    it("reads every valid text", function()
      local good, bad, names = 0, {}, files(list, "valid")
      for _, name in ipairs(names) do
        local v, e = toml.decode(assert(fs.read(root .. "/" .. name)), opts)
        local got = v and shape(toml.tagged(v))
        if got == shape(wanted(name)) then
          good = good + 1
        else
          bad[#bad + 1] = ("%s: %s"):format(name, got or tostring(e))
        end
      end
      report(version, "valid, decode", good, #names, bad)
    end)

    it("writes every valid value so that it reads back", function()
      local good, bad, names = 0, {}, files(list, "valid")
      for _, name in ipairs(names) do
        local want = wanted(name)
        local text, e = toml.encode(assert(toml.untagged(want)))
        local v = text and toml.decode(text)
        if v and shape(toml.tagged(v)) == shape(want) and toml.encode(v) == text then
          good = good + 1
        else
          bad[#bad + 1] = ("%s: %s"):format(name, text or tostring(e))
        end
      end
      report(version, "valid, encode", good, #names, bad)
    end)

    it("refuses every invalid text with a place, on one line", function()
      local good, bad, names = 0, {}, files(list, "invalid")
      for _, name in ipairs(names) do
        local v, e = toml.decode(assert(fs.read(root .. "/" .. name)), opts)
        if v == nil and e.code == "invalid" and e.line and e.column and not e.msg:find("[%c\n]") then
          good = good + 1
        else
          bad[#bad + 1] = ("%s: %s"):format(name, tostring(e))
        end
      end
      report(version, "invalid", good, #names, bad)
    end)
  end)
end
