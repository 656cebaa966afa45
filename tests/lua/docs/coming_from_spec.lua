--- docs/guides/coming-from.md is run: what it shows is what is written.

local ansible = require("prov.convert.ansible")
local notes_of = require("prov.convert.notes")
local terraform = require("prov.convert.terraform")
local tmp = require("support.tmp")
local tree = require("prov.convert.tree")

local root = debug.getinfo(1, "S").source:match("^@(.*)/tests/lua/")
local files = require("support.doc_blocks").read(root .. "/docs/guides/coming-from.md")

describe("docs/guides/coming-from.md", function()
  local dir = tmp.dir()
  for name, text in pairs(files) do
    tmp.write(dir .. "/" .. name, text)
  end

  it("shows what Terraform's files become, and the notes", function()
    local target = { schema = function() end, catalog = function() return {} end }
    for _, name in ipairs({ "live", "web" }) do
      local out, notes = terraform.convert(dir .. "/" .. name, target)
      assert.are.equal(files[name .. ".yaml"], tree.encode(out[1].tree, "yaml"))
      local said = {}
      for i, note in ipairs(notes.list) do
        said[i] = notes_of.text(note):sub(#dir + 2) .. "\n"
      end
      assert.are.equal(files[name .. ".notes"] or "", table.concat(said))
    end
  end)

  it("shows what an inventory becomes", function()
    local out = ansible.convert(dir .. "/hosts", {})
    assert.are.equal(files["hosts.yaml"], tree.encode(out[1].tree, "yaml"))
  end)
end)
