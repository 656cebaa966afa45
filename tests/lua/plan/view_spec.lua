local view = require("prov.face.cli.view.plan")

local plain = { paint = function(_, _, text)
  return text
end }

local function render(steps)
  local counts = {}
  for _, step in ipairs(steps) do
    step.id = step.action .. " " .. step.address
    step.needs = step.needs or {}
    counts[step.action] = (counts[step.action] or 0) + 1
  end
  return view.render({ steps = steps, counts = counts, changed = #steps > 0 }, plain)
end

describe("the view of a plan", function()
  it("shows lists, maps and what is not known yet without the marks of JSON", function()
    local text = render({
      { action = "create", address = "server.db", changes = {
        { path = "memory", after = 1 << 30, type = "size" },
        { path = "disk", after = 512 * 1000 * 1000, type = "size" },
        { path = "ports", after = { { guest = 80, host = 8080 } } },
        { path = "backends", after = { "(known after apply)", "10.0.0.1" } },
        { path = "password", after = "(secret)", secret = true },
        { path = "what_says_nothing", after = {} },
        { path = "neither_does_this" },
      } },
    })
    assert.matches("+ server.db is created", text, 1, true)
    assert.matches("memory   = 1 GiB", text, 1, true)
    assert.matches("disk     = 512 MB", text, 1, true)
    assert.matches("ports    = [{ guest = 80, host = 8080 }]", text, 1, true)
    assert.matches('backends = [(known after apply), "10.0.0.1"]', text, 1, true)
    assert.matches("password = (secret)", text, 1, true)
  end)

  it("shows before and after of a change, and which one forces a replacement", function()
    local text = render({
      { action = "update", address = "server.a", changes = { { path = "plan", before = "small", after = "big" } } },
    })
    assert.matches('~ plan = "small" -> "big"', text, 1, true)
    text = render({
      { action = "update", address = "server.a", changes = {
        { path = "cidr", before = "10.1.0.0/24", after = "10.2.0.0/24", replace = true },
      } },
    })
    assert.matches("# forces replacement", text, 1, true)
  end)

  it("is no wider than a terminal", function()
    local rules = {
      { direction = "in", ports = { 80, 443 }, protocol = "tcp", sources = { "0.0.0.0/0", "::/0" }, destinations = {} },
      { direction = "in", ports = { 22 }, sources = { "198.51.100.0/24" } },
    }
    local step = { id = "create firewall.web", action = "create", address = "firewall.web", needs = {}, changes = {
      { path = "rules", after = rules },
      { path = "servers", after = { "(known after apply)", "(known after apply)", "(known after apply)" } },
    } }
    local text = view.render({ steps = { step }, counts = { create = 1 }, changed = true },
      { paint = plain.paint, width = 60 })
    assert.matches([[
      + rules   = [
          { direction = "in", ports = [80, 443],
            protocol = "tcp", sources = ["0.0.0.0/0",
            "::/0"] },
          { direction = "in", ports = [22],
            sources = ["198.51.100.0/24"] },
        ]
      + servers = [(known after apply), (known after apply),
          (known after apply)]
]], text, 1, true)
    assert.matches('rules   = [{ direction = "in", ports = [80, 443], protocol', render({ step }), 1, true)
  end)

  it("shows the lines of a text that change", function()
    local function change(before, after)
      return render({
        { action = "update", address = "item.a", changes = { { path = "value", before = before, after = after } } },
      })
    end
    assert.matches("      ~ value\n            a\n          - b\n          + B\n            c\n\n",
      change("a\nb\nc\n", "a\nB\nc\n"), 1, true)
    assert.matches('~ value = "a\\nb\\n" -> (known after apply)', change("a\nb\n", "(known after apply)"), 1, true)
    assert.matches('~ value = "a\\n" -> "b\\n"', change("a\n", "b\n"), 1, true)
    assert.matches("\n          - x\\x1b[31m\n", change("a\nx\27[31m\n", "a\n"), 1, true)
    assert.matches("... and 21 lines more", change("a\n", "a\n" .. ("x\n"):rep(60)), 1, true)
  end)
end)
