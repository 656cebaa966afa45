--- The rules about firewalls, in the forms that clouds have: selectors, ranges, sources that are left out.

local example = require("prov.validate.example")
local registry = require("prov.registry")
local rules = require("prov.rules")

local SERVER = "plan: cpx22, image: debian-12"

local function findings(id, infra)
  for _, rule in ipairs(rules.built_in()) do
    if rule.id == id then
      local out = {}
      for i, finding in ipairs(assert(example.run(rule, "defaults: { provider: hetzner }\n" .. infra,
        registry.open(nil, { path = "" })))) do
        out[i] = finding.message
      end
      return out
    end
  end
  error("no rule " .. id)
end

local function web(labels, more)
  return ("servers:\n  web: { %s, labels: { %s }%s }\n"):format(SERVER, labels, more or "")
end

describe("the rules about firewalls", function()
  it("know the servers that labels select, and firewalls that servers name", function()
    local selecting = "firewalls: { web: { selectors: [\"role=web,tier\"], rules: [{ ports: [443] }] } }\n"
    assert.equal(0, #findings("firewall-missing", selecting .. web("role: web")))
    assert.equal(1, #findings("firewall-missing", selecting .. web("role: db")))
    assert.equal(1, #findings("firewall-missing", selecting .. web("")))
    assert.equal(0, #findings("firewall-empty", selecting .. web("role: web")))
    local named = "firewalls: { web: { rules: [{ ports: [443] }] } }\n"
    assert.equal(0, #findings("firewall-missing", named .. web("", ", firewalls: [\"${firewall.web}\"]")))
    assert.equal(0, #findings("firewall-empty", named .. web("", ", firewalls: [\"${firewall.web}\"]")))
    assert.equal(1, #findings("firewall-empty", named .. web("")))
  end)

  it("take a source that is left out for everybody, and look into ranges", function()
    local function of(rule)
      return ("firewalls: { web: { selectors: [\"role=web\"], rules: [%s] } }\n"):format(rule)
    end
    assert.same({ "SSH is open to everybody" }, findings("ssh-open", of("{ ports: [\"20-30\"] }")))
    assert.same({}, findings("ssh-open", of("{ ports: [\"20-30\"], sources: [10.0.0.0/8] }")))
    assert.same({}, findings("ssh-open", of("{ direction: out, ports: [22] }")))
    assert.same({ "port 5432 (PostgreSQL) is open to everybody" },
      findings("inner-port-open", of("{ ports: [\"5000-6000\"] }")))
  end)

  it("see that a range lets a service in", function()
    local function blocked(ports)
      local infra = ("firewalls: { web: { selectors: [\"role=web\"], rules: [%s] } }\n"):format(ports)
      return #findings("firewall-blocks", infra
        .. web("role: web", ", taskservs: { nginx: { port: 8080 } }"))
    end
    assert.equal(0, blocked("{ ports: [\"8000-8100\"] }"))
    assert.equal(0, blocked("{ protocol: any }"))
    assert.equal(1, blocked("{ ports: [\"9000-9100\"] }"))
    assert.equal(1, blocked("{ protocol: icmp }"))
  end)
end)
