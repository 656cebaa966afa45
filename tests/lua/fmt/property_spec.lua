-- Texts of the suites and of this project, and the same texts with other spaces: formatting keeps what they say
-- (fmt asks itself, these specs ask once more), a formatted text stays as it is, and spaces do not count.

local fmt = require("prov.fmt")
local fs = require("prov.fs")
local tokens = require("prov.fmt.lua_tokens")

local root = os.getenv("PROV_ROOT") or "."
local shared = os.getenv("PROV_SHARED") or root .. "/../shared"
local seed = tonumber(os.getenv("PROV_SEED")) or 20261127
local ROUNDS = tonumber(os.getenv("PROV_ROUNDS")) or 3

local function any(list)
  return list[math.random(#list)]
end

local respaced = {}

-- Between two tokens any blanks, and as many line breaks as there were (two are as many as three).
function respaced.lua(text)
  local script = text:match("^#[^\n]*\n?") or ""
  local out = { script }
  for _, token in ipairs(tokens.read(text:sub(#script + 1))) do
    local gap = any({ " ", "  ", "\t", " \t " })
    if token.breaks > 0 then
      gap = any({ "", " ", "  " }) .. ("\n"):rep(token.breaks > 1 and math.random(2, 4) or 1) .. gap
    end
    out[#out + 1] = gap .. token.text
  end
  return table.concat(out) .. any({ "", "\n", "\n\n" })
end

function respaced.json(text)
  local out, at = {}, 1
  while at <= #text do
    local part = text:match('^"[^"\\]*"', at) or text:match("^%s+", at) or text:match("^[%[%]{},:]", at)
      or text:match("^[^%s%[%]{},:\"]+", at)
    if not part then -- a string with escapes
      local stop = at + 1
      while text:sub(stop, stop) ~= '"' do
        stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      end
      part = text:sub(at, stop)
    end
    at = at + #part
    out[#out + 1] = part:find("%S") and part .. any({ "", " ", "\n", "\t\r\n" }) or " "
  end
  return table.concat(out)
end

-- Other spaces in lines: some texts mean something else then, and do not count.
local function lines(text, change)
  local out = {}
  for line in text:gmatch("[^\n]*\n?") do
    out[#out + 1] = line ~= "" and change(line:match("^([^\n]*)")) .. (line:find("\n") and "\n" or "") or nil
  end
  return table.concat(out)
end

function respaced.toml(text)
  return lines(text, function(line)
    if line == "" then
      return any({ "", "", "\n", "  " })
    end
    return any({ "", "", "  ", "\t" }) .. line:gsub(" = ", function()
      return any({ "=", " = ", "  =\t" })
    end, 1):gsub(", ", function()
      return any({ ",", ",  ", " , " })
    end) .. any({ "", "", " ", "\t " })
  end)
end

function respaced.yaml(text)
  local times, brackets = math.random(3), math.random(2) == 1
  return lines(text, function(line)
    if line == "" then
      return any({ "", "", "\n", "  " })
    end
    line = line:gsub("^ +", function(blanks)
      return blanks:rep(times)
    end)
    if brackets then
      line = line:gsub(", ", function()
        return any({ ",  ", " , " })
      end):gsub(": ", function()
        return any({ ": ", ":   " })
      end)
    end
    return line .. any({ "", "", " ", "\t" })
  end)
end

--- Counts of what was tried.
local function new_counts()
  return { texts = 0, respaced = 0 }
end

local function try(form, text, name, counts)
  local module = require("prov.fmt." .. form)
  if module.check(text) then
    return
  end
  local out, e = fmt.text(form, text)
  assert(out, name .. ": " .. tostring(e))
  assert.are.equal(out, fmt.text(form, out), name)
  counts.texts = counts.texts + 1
  for _ = 1, ROUNDS do
    local other = respaced[form](out)
    if not module.check(other) and module.same(out, other) then
      local again
      again, e = fmt.text(form, other)
      local about = ("%s (PROV_SEED=%d):\n%s"):format(name, seed, other)
      assert(again, about .. tostring(e))
      assert.are.equal(again, fmt.text(form, again), about)
      if not out:find("\\[ \t\r]*\n") then -- spaces behind an escaped line break say nothing, but stay
        assert.are.equal(out, again, about)
      end
      counts.respaced = counts.respaced + 1
    end
  end
end

local function told(name, counts)
  print(("# fmt: %s: %d texts, %d of them with other spaces"):format(name, counts.texts, counts.respaced))
end

local function below(dir, ending, fn)
  for _, entry in ipairs(fs.list(dir) or {}) do
    local path = dir .. "/" .. entry.name
    if entry.name:sub(1, 1) ~= "." and fs.stat(path).type == "directory" then
      below(path, ending, fn)
    elseif entry.name:match(ending) then
      fn(assert(fs.read(path)), path:sub(#root + 2))
    end
  end
end

describe("fmt, of many texts", function()
  before_each(function()
    math.randomseed(seed)
  end)

  it("keeps every valid text of toml-test", function()
    local suite = shared .. "/suites/toml-test/tests"
    if not fs.exists(suite) then
      return pending("SKIP 210 texts: toml-test is not here")
    end
    local counts = new_counts()
    for name in assert(fs.read(suite .. "/files-toml-1.0.0")):gmatch("[^\n]+") do
      if name:find("^valid/.*%.toml$") then
        try("toml", assert(fs.read(suite .. "/" .. name)), name, counts)
      end
    end
    told("toml-test", counts)
    assert.are.equal(210, counts.texts)
    assert.is_true(counts.respaced > 300)
  end)

  it("keeps every text of yaml-test-suite that is read", function()
    local suite = shared .. "/suites/yaml-test-suite"
    if not fs.exists(suite) then
      return pending("SKIP 239 texts: yaml-test-suite is not here")
    end
    local counts = new_counts()
    local function case(dir)
      local text = fs.read(dir .. "/in.yaml")
      if text then
        try("yaml", text, dir:sub(#suite + 2), counts)
      end
    end
    for _, entry in ipairs(fs.list(suite)) do
      if #entry.name == 4 and entry.name ~= "name" and entry.name ~= "tags" then
        case(suite .. "/" .. entry.name)
        for _, inner in ipairs(fs.list(suite .. "/" .. entry.name)) do
          case(suite .. "/" .. entry.name .. "/" .. inner.name)
        end
      end
    end
    told("yaml-test-suite", counts)
    assert.are.equal(239, counts.texts)
    assert.is_true(counts.respaced > 300)
  end)

  it("keeps every text of JSONTestSuite that is read", function()
    local suite = shared .. "/suites/JSONTestSuite/test_parsing"
    if not fs.exists(suite) then
      return pending("SKIP 95 texts: JSONTestSuite is not here")
    end
    local counts = new_counts()
    for _, entry in ipairs(fs.list(suite)) do
      if entry.name:find("^[yi]_") then
        try("json", assert(fs.read(suite .. "/" .. entry.name)), entry.name, counts)
      end
    end
    told("JSONTestSuite", counts)
    assert.is_true(counts.texts >= 95)
  end)

  it("keeps the Lua and YAML of the project, and of its documents", function()
    local lua, yaml = new_counts(), new_counts()
    local dirs = { "providers", "taskservs", "clusters", "workspaces", "lua/prov/fmt", "lua/ops", "tests/lua" }
    for _, dir in ipairs(dirs) do
      below(root .. "/" .. dir, "%.lua$", function(text, name)
        try("lua", text, name, lua)
      end)
      below(root .. "/" .. dir, "%.ya?ml$", function(text, name)
        try("yaml", text, name, yaml)
      end)
    end
    below(root .. "/docs", "%.md$", function(text, name)
      for form, block in text:gmatch("\n```(%l+)\n(.-\n)```") do
        if form == "yaml" then
          try("yaml", block, name, yaml)
        elseif form == "lua" then
          try("lua", block, name, lua)
        end
      end
    end)
    told("Lua of the project", lua)
    told("YAML of the project", yaml)
    assert.is_true(lua.respaced > 300 and yaml.respaced > 50)
  end)
end)
