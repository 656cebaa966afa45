-- The readers in Lua take any text: a value or an error with a place, and what they write is what they read.

local data = require("core.data")
local formats = require("prov.formats")

local PIECES = {
  ini = { "a", "b", " = ", "=", ":", "\n", "\n  ", "\n[", "]", " # ", ";", " ", "\t", "\r\n", "\xFF", "\0", "é",
    "[a]\n" },
  dotenv = { "A", "B", "=", "\n", "export ", "'", '"', "\\", "$", "${A}", "#", " ", "\t", "\r\n", "\xFF", "\0",
    "é", "\nC=" },
}

describe("random texts", function()
  for name, pieces in pairs(PIECES) do
    it("do no harm to " .. name, function()
      local format, state = formats.get(name), 7
      local function random(n)
        state = (state * 6364136223846793005 + 1442695040888963407) & math.maxinteger
        return (state >> 33) % n + 1
      end
      local read, refused = 0, 0
      for _ = 1, 20000 do
        local out = {}
        for i = 1, random(25) do
          out[i] = pieces[random(#pieces)]
        end
        local text = table.concat(out)
        local v, e = format:decode(text, { file = "x" })
        if v == nil then
          refused = refused + 1
          assert(e.code == "invalid" and e.line >= 1 and e.column >= 1 and not e.msg:find("%c"), text)
        else
          read = read + 1
          local again = format:encode(v)
          assert(name == "ini" or again, text) -- INI has no way to write some texts it can read
          assert(not again or data.encode((format:decode(again))) == data.encode(v), text)
        end
      end
      print(("# %s: %d read, %d refused"):format(name, read, refused))
      assert.is_true(read > 500 and refused > 1000)
    end)
  end
end)
