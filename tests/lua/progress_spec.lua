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
