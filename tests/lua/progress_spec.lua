--- The lines of the live view.

local progress = require("prov.face.cli.progress")
local width = require("prov.render.width")

local PLAIN = {
  paint = function(_, _, text)
    return text
  end,
}

local function line(address, note, columns)
  local step = { address = address, action = "install", note = note }
  return progress.step_line(PLAIN, step, "10.6 s", width.of(address), columns)
end

describe("progress", function()
  it("keeps the address whole and cuts what the step is doing", function()
    local text = line("taskserv.pageserver@server.front", "service pageserver running, enabled, and more", 80)
    assert.equal("taskserv.pageserver@server.front installing: service pageserver runni… 10.6 s", text)
    assert.is_true(width.of(text) + 2 <= 80)
  end)

  it("shows the end of an address that has no room", function()
    local text = line("taskserv.pageserver@server.front", "x", 40)
    assert.equal("…ver@server.front installing:… 10.6 s", text)
    assert.is_true(width.of(text) + 2 <= 40)
    assert.is_true(width.of(line(("ä"):rep(60), ("ö"):rep(60), 40)) + 2 <= 40)
  end)
end)

describe("the line of counts", function()
  local N = { total = 38, done = 13, running = 8, failed = 1, skipped = 2, ms = 10900, left = 65000 }

  local function counts(columns, changed)
    return progress.count_line(PLAIN, setmetatable(changed or {}, { __index = N }), columns)
  end

  it("tells all there is on a wide terminal", function()
    assert.equal("13/38 done, 8 running, 14 waiting, 1 failed, 2 skipped, 10.9 s, about 1 min left", counts(80))
    assert.equal("13 done, 8 running, 1 failed, 2 skipped, 10.9 s", counts(80, { total = false, left = false }))
  end)

  it("leaves out what matters least on a narrow one", function()
    assert.equal("13/38 done, 8 running, 1 failed, 10.9 s", counts(40))
    assert.equal("13/38 done, 1 failed", counts(25))
    for columns = 10, 100 do
      assert.is_true(width.of(counts(columns)) <= columns, columns)
    end
  end)

  it("is no more exact about the time left than it can be", function()
    for ms, text in pairs({ [400] = "1 s", [59000] = "59 s", [100000] = "2 min", [5400000] = "1 h 30 min" }) do
      assert.matches("about " .. text .. " left$", counts(200, { left = ms }))
    end
    assert.not_matches("left", counts(200, { left = -5 }))
  end)
end)

describe("a step that waits", function()
  it("says how long and why, until it goes on", function()
    local uv = require("luv")
    local wait = { stop = uv.now() + 11500, reason = "rate limit of x" }
    local step = { address = "server.web", action = "create", wait = wait }
    assert.equal("server.web waiting 12 s: rate limit of x 3.0 s", progress.step_line(PLAIN, step, "3.0 s", 10, 80))
    step.wait.stop = uv.now()
    assert.equal("server.web creating 3.0 s", progress.step_line(PLAIN, step, "3.0 s", 10, 80))
  end)
end)

describe("the live view", function()
  local written, size
  local real = io.stderr

  --- A live progress whose screen is `written`; drawn by hand.
  local function live(total)
    written, size = {}, { 40, 24 }
    rawset(io, "stderr", {
      write = function(_, ...)
        written[#written + 1] = table.concat({ ... })
      end,
      flush = function() end,
    })
    return progress.new({ paint = PLAIN.paint, size = function()
      return size[1], size[2]
    end }, { total = total, live = true })
  end

  after_each(function()
    rawset(io, "stderr", real)
  end)

  it("fits any window, and takes back the rows that a narrower one made of its lines", function()
    local p = live(30)
    for i = 1, 8 do
      p:start(("server.with-a-long-name[%d]"):format(i), "create")
      p:wait(("server.with-a-long-name[%d]"):format(i), "create", { ms = 9000, reason = "rate limit of provider demo" })
    end
    for _, columns in ipairs({ 24, 40, 80, 200 }) do
      size[1] = columns
      written = {}
      p:draw()
      for row in table.concat(written):gsub("\27%[%d*[AJ]\r?", ""):gmatch("[^\n]+") do
        assert.is_true(width.of(row) <= columns, row)
      end
    end
    written, size[1] = {}, 200
    p:draw()
    size[1], written = 30, {}
    p:draw()
    local up = math.tointeger(tonumber(table.concat(written):match("^\27%[(%d+)A")))
    assert.is_true(up > 9) -- 8 steps and the counts, some of them now on several rows
    size[2], written = 6, {}
    p:draw()
    assert.matches("and 5 more", table.concat(written))
    p:close({ status = "done" })
    p:close()
    assert.matches("\27%[%?25h$", table.concat(written))
  end)

  it("is plain lines elsewhere, with long waits told once for all that wait for the same", function()
    written = {}
    rawset(io, "stderr", { write = function(_, text)
      written[#written + 1] = text
    end })
    local p = progress.new({ paint = PLAIN.paint }, { total = 3 })
    for i = 1, 3 do
      p:start("item.i" .. i, "create")
      p:wait("item.i" .. i, "create", { ms = 7000, reason = "provider demo asks to wait" })
    end
    p:wait("item.i1", "create", { ms = 300, reason = "busy" })
    p:fail("item.i2", "create", { code = "failed", msg = "no\n\27[2J" })
    p:skip("item.i3", "create")
    p:done("item.i1", "create", { ms = 5 })
    p:close()
    assert.equal([[
item.i1: creating
item.i1: waiting 7 s: provider demo asks to wait
item.i2: creating
item.i3: creating
failed: item.i2: no\n\x1b[2J
skipped: item.i3
ok: item.i1 created (5 ms)
]], table.concat(written))
  end)
end)
