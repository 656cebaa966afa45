--- Parts of the simulated Hetzner Cloud.

local certificate = require("prov.simulate.hetzner.certificate")
local lists = require("prov.simulate.hetzner.lists")

-- Made with openssl, which also said what is in it.
local PEM = [[
-----BEGIN CERTIFICATE-----
MIIB4DCCAYagAwIBAgIUNum/QxIPadn++WuJviQmbd3i8LUwCgYIKoZIzj0EAwIw
LDEYMBYGA1UEAwwPd3d3LmV4YW1wbGUub3JnMRAwDgYDVQQKDAdFeGFtcGxlMB4X
DTI2MTEyNzIxNDUxMloXDTM2MTEyNDIxNDUxMlowLDEYMBYGA1UEAwwPd3d3LmV4
YW1wbGUub3JnMRAwDgYDVQQKDAdFeGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEI4utyPUrA4tNm9mokFqkedjf6JJu8ppmGzxJiyvyciu1u6ZYhNlqUCTa
yR79VycL25jmDDH12Clnll6M+ahxOqOBhTCBgjAdBgNVHQ4EFgQU5ozzCPkvGaOU
7X1RfoA7NHy6R8MwHwYDVR0jBBgwFoAU5ozzCPkvGaOU7X1RfoA7NHy6R8MwDwYD
VR0TAQH/BAUwAwEB/zAvBgNVHREEKDAmgg93d3cuZXhhbXBsZS5vcmeCDSouZXhh
bXBsZS5uZXSHBAoAAAEwCgYIKoZIzj0EAwIDSAAwRQIhAItzL6oXVUxZ65RDuLh8
myj1ScYRSeEmlFRgbV3DbSCcAiAXBqVele7BahGVft9EJH2MtxVy+9jr9pn0CQZg
Urb1xw==
-----END CERTIFICATE-----
]]

describe("label selectors", function()
  local function fits(selector, labels)
    local test = lists.selector(selector)
    return test and test(labels)
  end

  it("mean what the API says", function()
    local labels = { env = "prod", ["a.b/c"] = "x-1", empty = "" }
    for selector, wanted in pairs({
      ["env"] = true,
      ["!env"] = false,
      ["!other"] = true,
      ["env=prod"] = true,
      ["env==prod"] = true,
      ["env = prod"] = true,
      ["env=dev"] = false,
      ["env!=dev"] = true,
      ["other!=dev"] = true,
      ["empty="] = true,
      ["a.b/c=x-1"] = true,
      ["env in (dev,prod)"] = true,
      ["env in (dev, test)"] = false,
      ["env notin (dev,test)"] = true,
      ["other notin (dev)"] = true,
      ["other in (dev)"] = false,
      ["env=prod,!other"] = true,
      ["env in (dev,prod),a.b/c!=x-1"] = false,
    }) do
      assert.are.equal(wanted, fits(selector, labels), selector)
    end
  end)

  it("are refused when they are none", function()
    for _, selector in ipairs({ "=", "a=b=c", "a in", "a in b", "a,,b", "in (a)", "a b" }) do
      assert.is_nil(lists.selector(selector), selector)
    end
  end)
end)

describe("certificates", function()
  it("are read", function()
    local found = certificate.read(PEM)
    assert.are.equal("2026-11-27T21:45:12+00:00", found.from)
    assert.are.equal("2036-11-24T21:45:12+00:00", found.to)
    assert.are.same({ "www.example.org", "*.example.net" }, { found.names[1], found.names[2] })
    assert.are.equal(2, #found.names)
    assert.are.equal("2b:18:7a:8d:c5:22:95:69:df:bf:86:ed:49:b0:7f:fa:2a:5c:a3:df:ba:2e:a6:5c:80:1f:bc:9c:15:a3:f1:9a",
      found.fingerprint)
  end)

  it("that are broken are none", function()
    assert.is_nil(certificate.read(""))
    assert.is_nil(certificate.read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"))
    local body = PEM:match("CERTIFICATE%-+\n(.*)\n%-+END")
    for cut = 1, #body, 7 do
      certificate.read("-----BEGIN CERTIFICATE-----\n" .. body:sub(1, cut) .. "\n-----END CERTIFICATE-----")
    end
  end)
end)

describe("where a new thing is to be", function()
  local kit = require("prov.simulate.hetzner.kit")
  local kinds = {
    location = { { id = 1, name = "fsn1" }, { id = 2, name = "hel1" } },
    server = { { id = 7, name = "web", zone = "hel1" } },
  }
  local w = {
    get = function(_, kind, id)
      for _, one in ipairs(kinds[kind]) do
        if one.id == id then
          return one
        end
      end
    end,
    list = function(_, kind)
      return kinds[kind]
    end,
  }

  it("is with a server, else in a location", function()
    assert.are.same({ "hel1", kinds.server[1] }, { kit.place(w, { server = 7 }, "server", "location") })
    assert.are.same({ "fsn1" }, { kit.place(w, { location = "fsn1" }, "server", "location") })
    assert.are.same({ "fsn1", kinds.server[1] },
      { kit.place(w, { server = 7, home_location = "1" }, "server", "home_location") }) -- who calls compares them
  end)

  it("is refused in the words of the API", function()
    local function wire(body)
      local zone, e = kit.place(w, body, "assignee_id", "location")
      assert.is_nil(zone)
      local details = e.wire.details
      return { e.wire.status, details and details.fields[1].name or e.wire.code }
    end
    assert.are.same({ 404, "not_found" }, wire({ assignee_id = 8 }))
    assert.are.same({ 422, "location" }, wire({ assignee_id = 7, location = "mars" }))
    assert.are.same({ 422, "location" }, wire({}))
  end)
end)
