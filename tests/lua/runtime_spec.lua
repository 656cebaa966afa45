local app = require("core.app")
local tmp = require("support.tmp")

--- Runs the program under test; returns what it printed (both streams) and its exit code.
local function prov(arguments, environment)
  local pipe = assert(io.popen(("%s %s %s 2>&1"):format(environment or "", app.exe, arguments)))
  local output = pipe:read("a")
  local _, _, code = pipe:close()
  return output, code
end

--- Runs Lua text as a script of the program.
local function script(text, environment)
  return prov("internal lua " .. tmp.write(tmp.dir() .. "/script.lua", text), environment)
end

describe("the program", function()
  it("prints its version without a Lua state", function()
    assert.same({ "prov " .. app.version .. "\n", 0 }, { prov("--version", "PROV_DEV=1 PROV_ROOT=/nonexistent") })
  end)

  it("fails when its output cannot be written", function()
    local _, code = prov("--version >/dev/full")
    assert.equal(1, code)
  end)

  it("names an internal helper that is not there", function()
    local output, code = prov("internal nonsense")
    assert.equal(2, code)
    assert.truthy(output:find("nonsense", 1, true))
  end)

  it("says so when PROV_DEV finds no tree", function()
    local copy = tmp.dir() .. "/prov"
    os.execute(("cp %s %s"):format(app.exe, copy))
    local pipe = assert(io.popen("env -u PROV_ROOT PROV_DEV=1 " .. copy .. " help 2>&1"))
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    assert.equal(1, code)
    assert.truthy(output:find("PROV_ROOT", 1, true))
  end)
end)

describe("prov internal lua", function()
  it("passes arguments and the exit code", function()
    local path = tmp.write(tmp.dir() .. "/s.lua", "print(arg[0] == ... or select('#', ...), ...) return 7")
    local output, code = prov("internal lua " .. path .. " a 'b c'")
    assert.equal("2\ta\tb c\n", output)
    assert.equal(7, code)
  end)

  it("reports a raise with a traceback", function()
    local output, code = script("local function f() error('oh no') end\nf()")
    assert.equal(1, code)
    assert.truthy(output:find("oh no", 1, true))
    assert.truthy(output:find("traceback", 1, true))
  end)

  it("reports a syntax error and a file that is not there", function()
    local output, code = script("local = 1")
    assert.equal(1, code)
    assert.truthy(output:find("script.lua:1:", 1, true))
    local _, missing = prov("internal lua /nonexistent/file.lua")
    assert.equal(1, missing)
    local _, none = prov("internal lua")
    assert.equal(2, none)
  end)

  it("refuses compiled Lua", function()
    local path = tmp.write(tmp.dir() .. "/c.lua", string.dump(function() end))
    local output, code = prov("internal lua " .. path)
    assert.equal(1, code)
    assert.truthy(output:find("binary", 1, true))
  end)

  it("goes on after a callback raised, and then fails", function()
    local output, code = script([[
      local uv = require("luv")
      local a, b = uv.new_timer(), uv.new_timer()
      a:start(0, 0, function() a:close() error("in a callback") end)
      b:start(5, 0, function() b:close() print("went on") end)
      uv.run()
    ]])
    assert.equal(1, code)
    assert.truthy(output:find("in a callback", 1, true))
    assert.truthy(output:find("went on", 1, true))
  end)

  it("does not die of a closed pipe", function()
    local pipe = assert(io.popen(app.exe .. " internal lua " .. tmp.write(tmp.dir() .. "/s.lua", [[
      for _ = 1, 100000 do io.write("yes\n") end
      io.stderr:write("still here\n")
      return 5
    ]]) .. " 2>&1 >&- | cat", "r"))
    assert.equal("still here\n", pipe:read("a"))
    pipe:close()
  end)
end)

describe("modules", function()
  it("are looked for in the binary and named when missing", function()
    local ok, message = pcall(require, "prov.no_such_module")
    assert.is_false(ok)
    assert.truthy(message:find("no built-in module 'prov.no_such_module'", 1, true))
  end)

  it("come from the tree with PROV_DEV and from the binary without", function()
    local tree = tmp.dir()
    tmp.write(tree .. "/lua/prov/main.lua", "return function() return 0 end")
    tmp.write(tree .. "/lua/prov/script.lua", "return function() print('from the tree') return 0 end")
    local output = script("print('from the binary')", "PROV_DEV=1 PROV_ROOT=" .. tree)
    assert.equal("from the tree\n", output)
    local plain = io.popen("env -u PROV_DEV -u PROV_ROOT " .. app.exe .. " internal lua "
      .. tmp.write(tree .. "/s.lua", "print(require('core.app').tree)"))
    assert.equal("nil\n", plain:read("a"))
    plain:close()
  end)

  it("are all in the binary, as they are in the tree", function()
    for path in io.popen("cd " .. app.tree .. "/lua && find prov ops -name '*.lua' | sort"):lines() do
      local built = app.embedded(path)
      assert.is_string(built, path .. " is not in the binary")
      local text = assert(io.open(app.tree .. "/lua/" .. path)):read("a")
      local chunk = string.dump(assert(load(text, "@lua/" .. path, "t")))
      assert.is_true(built == chunk, path .. " is another one in the binary")
    end
    assert.is_nil(app.embedded("prov/no_such_file.lua"))
    assert.is_nil(app.embedded("meta/graph.lua"))
  end)

  it("load heavy libraries only when asked", function()
    local output, code = script([[
      require("prov.err") require("prov.async")
      local function heavy()
        local found = ""
        for line in io.lines("/proc/self/maps") do
          found = found .. (line:match("libcurl") or line:match("libssh") or line:match("libcrypto") or "")
        end
        return found
      end
      assert(heavy() == "", "loaded too early: " .. heavy())
      require("core.crypto")
      assert(heavy():find("libcrypto"), "core.crypto works without libcrypto?")
      assert(not heavy():find("libcurl"), "core.crypto pulled in libcurl")
    ]])
    assert.equal("", output)
    assert.equal(0, code)
  end)

  it("leave the globals and the standard library as Lua makes them", function()
    local output, code = script([[
      local names = {}
      for name in pairs(_G) do names[#names + 1] = name end
      table.sort(names)
      print(table.concat(names, " "))
    ]])
    assert.equal(0, code)
    assert.equal("_G _VERSION arg assert collectgarbage coroutine debug dofile error getmetatable io ipairs load "
      .. "loadfile math next os package pairs pcall print rawequal rawget rawlen rawset require select setmetatable "
      .. "string table tonumber tostring type utf8 warn xpcall\n", output)
  end)
end)

describe("app.handles", function()
  it("counts what keeps the loop alive", function()
    local uv = require("luv")
    local before = app.handles().timer or 0
    local timer, quiet = uv.new_timer(), uv.new_timer()
    quiet:unref()
    assert.equal(before + 1, app.handles().timer)
    timer:close()
    quiet:close()
    assert.equal(before, app.handles().timer or 0)
  end)
end)
