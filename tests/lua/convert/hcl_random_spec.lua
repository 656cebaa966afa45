-- The reader of HCL and the converter take any text: a tree, or one error with its place.

local changes = require("prov.convert.terraform")
local err = require("prov.err")
local hcl = require("prov.convert.hcl")
local tmp = require("support.tmp")
local tree = require("prov.convert.tree")

local PIECES = { "a", "b", "resource ", '"hcloud_server" ', '"web" ', "variable ", "{", "}", "{\n", "}\n", "\n",
  " = ", "=",
  "==", "(", ")", "[", "]", "[*]", ".*", ".", ",", ":", "?", "...", "=>", "for x in ", " if ", "${", "%{", "%{ if a }",
  "%{ endif }", "~}", "$${", '"', "\\", "\\u12", "<<E\n", "<<-E\n", "\nE\n", "#", "//", "/*", "*/", "1", "1.5", "1e9",
  "-", "!", "&&", "var.a", "local.b", "count.index", "count", "for_each", "locals ", "dynamic ", "content ",
    "each.value",
  "hcloud_server.web", ".id", "module ", "output ", "value", "merge(", "true", "null", "é", "\xff", "\0", "\r\n",
    "\t", " " }

local TEMPLATE = [[
variable "n" { %s }
locals { b = %s }
resource "hcloud_server" "web" {
  %s
  name = %s
  labels = { a = %s }
}
output "o" { value = %s }
]]

local state = 11
local function random(n)
  state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
  return (state >> 33) % n + 1
end

local function soup(most)
  local out = {}
  for i = 1, random(most) do
    out[i] = PIECES[random(#PIECES)]
  end
  return table.concat(out)
end

describe("random HCL", function()
  it("is a tree or an error with its place", function()
    local read, refused = 0, 0
    for _ = 1, 20000 do
      local text = soup(random(4) == 1 and 30 or 5)
      local file, e = hcl.parse(text, "t.tf")
      if file then
        read = read + 1
      else
        refused = refused + 1
        assert(err.is(e) and e.code == "invalid" and e.line and e.column, text)
        local _, breaks = text:gsub("\n", "")
        assert(e.line >= 1 and e.line <= breaks + 1 and e.column >= 1, text)
        assert(not tostring(e):find("%c"), text)
      end
    end
    assert.is_true(read > 300 and refused > 300)
  end)

  local VALUES = { "1", '"a"', "var.n", "local.b", "[1, 2]", "{ a = 1 }", 'x ? "a" : 2', "hcloud_server.web[0].id",
    "hcloud_server.web[*].ipv4_address", "[for x in var.n : x.a if x]", "{ for k, v in var.n : k => v }",
      "merge(local.b)",
    'element(var.n, count.index)', "count.index + 1", "each.value", '"%{ for x in var.n }${x}%{ endfor }"', "length(1)",
    "!var.n", "-var.n", "slice(var.n, 1, 2)", "try(var.n.a, 1)", "format(\"%s\", 1)", "range(3)", "null",
      "substr(1, 2, 3)",
    "file(\"x\")", "zipmap(var.n, var.n)", "one(var.n)", "path.module", "self.x", "data.a.b.c", "terraform.workspace" }
  local META = { "", "count = var.n", "for_each = local.b", "for_each = toset([\"a\"])", "count = 2",
    "depends_on = [a.b]" }

  it("converts, or is refused, and what is written can be read", function()
    local dir = tmp.dir()
    local target = { schema = function() end, catalog = function() return {} end }
    local converted = 0
    for _ = 1, 400 do
      local function one()
        local v = VALUES[random(#VALUES)]
        return random(3) == 1 and ("[%s, %s]"):format(v, VALUES[random(#VALUES)]) or v
      end
      local text = TEMPLATE:format(random(2) == 1 and "default = 1" or "type = list(any)", one(),
        META[random(#META)], one(),
        one(), one())
      tmp.write(dir .. "/main.tf", text)
      local files, notes = changes.convert(dir, target)
      assert(files or notes, text)
      for _, form in ipairs(files and { "yaml", "json", "toml" } or {}) do
        local out, why = tree.encode(files[1].tree, form)
        if not out then -- the only thing that a form cannot say
          assert(form == "toml" and tostring(why):find("is null, which TOML has not", 1, true), tostring(why))
        else
          local v, e = require("prov.formats").get(form):decode(out, { file = "infra" })
          assert(v ~= nil, text .. "\n" .. out .. tostring(e))
          converted = converted + 1
        end
      end
    end
    assert.is_true(converted > 600)
  end)
end)
