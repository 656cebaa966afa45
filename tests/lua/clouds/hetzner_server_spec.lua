-- Servers of the provider hetzner, its waiting and its errors, request by request against recorded answers.

local async = require("prov.async")
local hetzner = require("support.hetzner")
local json = require("prov.json")
local test = require("support.async").test

local CASES = 27

if not hetzner.shared("fixtures/hetzner") then
  describe("the provider hetzner", function()
    it("does what its API wants", function()
      pending(("SKIP %d cases: the recorded answers are not here"):format(CASES))
    end)
  end)
  return
end

local action, call, done, example, labels = hetzner.action, hetzner.call, hetzner.done, hetzner.example, hetzner.labels
local list, problem, recorded, serve = hetzner.list, hetzner.problem, hetzner.recorded, hetzner.open

local function server(change)
  local s = example("POST_servers_201").server
  s.datacenter, s.labels, s.status = nil, labels(), "running"
  s.name, s.image.name, s.backup_window, s.private_net = "web-1", "debian-12", nil, {}
  s.image.type, s.server_type.name = "system", "cpx22"
  s.public_net.firewalls, s.volumes, s.public_net.floating_ips = {}, {}, {}
  for name, v in pairs(change or {}) do
    s[name] = v
  end
  return s
end

local KEY = { id = 7, name = "prov-spec", public_key = hetzner.USER_KEY, labels = {} }
local KEYS = { "GET /ssh_keys", nil, 200, list("ssh_keys", { KEY }) }

local function wanted(more)
  local body = {
    name = "web-1", server_type = "cpx22", image = "debian-12", location = "fsn1", labels = labels(),
    ssh_keys = { 7 }, public_net = { enable_ipv4 = true, enable_ipv6 = true }, start_after_create = true,
  }
  for name, v in pairs(more or {}) do
    body[name] = v
  end
  return body
end

local FIND = "GET /servers?label_selector=prov-key==k1"

describe("the provider hetzner, servers", function()
  it("creates a server, and waits for its action and the next ones in one question", test(function()
    local created = example("POST_servers_201")
    local api <close>, providers = serve({
      KEYS,
      { "POST /servers", wanted({ labels = labels({ role = "web" }) }), 201, created },
      { "GET /actions?id=1&id=13", nil, 200, list("actions", { action(1, "success"), action(13, "running", {
        code = "action_failed", message = "Action failed", -- as the API's own examples have it: only the status counts
      }) }) },
      { "GET /actions?id=1&id=13", nil, 200, list("actions", { action(1), action(13) }) },
      { "GET /servers/42", nil, 200, { server = server({ labels = labels({ role = "web" }) }) } },
    })
    local want = { plan = "cpx22", image = "debian-12", labels = { role = "web" } }
    local state, e, adopted = call(providers, "server", "create", {}, want)
    api.check()
    assert.is_nil(e)
    assert.same({ "42" }, adopted)
    assert.same({
      id = "42", name = "web-1", plan = "cpx22", zone = "fsn1", image = "debian-12", labels = { role = "web" },
      public = true, ipv6 = true, backups = false, protected = false, ptr = "server01.example.com", ip = "1.2.3.4",
      ip6 = "2001:db8::1", status = "running", ssh = { host = "1.2.3.4", port = 22, user = "root" },
    }, state)
    assert.is_nil((json.encode(state)):find(created.root_password, 1, true))
  end))

  it("makes the workspace's key with the first server, and waits for nothing that is done", test(function()
    local made = example("POST_servers_201")
    made.action.status, made.next_actions = "success", {}
    local api <close>, providers = serve({
      { "GET /ssh_keys", nil, 200, recorded("hcloud-go-json/ssh_key__TestSSHKeyClientList__7.json") },
      { "POST /ssh_keys", {
        name = "prov-spec-0m1n2o3p",
        public_key = hetzner.USER_KEY:gsub(" spec$", ""),
        labels = { ["prov-workspace"] = "spec", ["prov-key"] = "workspace" },
      }, 201, { ssh_key = KEY } },
      { "POST /servers", wanted({ location = "hel1", networks = { 4711 }, firewalls = { { firewall = 38 } } }), 201,
        made },
      { "GET /servers/42", nil, 200, { server = server() } },
    }, { zone = "hel1" })
    local _, e = call(providers, "server", "create", {}, {
      plan = "cpx22", image = "debian-12", network = "4711", firewalls = { "38" },
    })
    api.check()
    assert.is_nil(e)
  end))

  it("gives a server its private address before its first start", test(function()
    local made = example("POST_servers_201")
    made.action.status, made.next_actions, made.server.status = "success", {}, "off"
    local off, up = server({ status = "off" }), server({
      private_net = { { network = 4711, ip = "10.0.0.5", alias_ips = {}, mac_address = "86:00:ff:2a:7d:e1" } },
    })
    up.public_net.ipv4, up.public_net.ipv6 = nil, nil
    local api <close>, providers = serve({
      KEYS,
      { "POST /servers", wanted({
        public_net = { enable_ipv4 = false, enable_ipv6 = false }, start_after_create = false,
      }), 201, made },
      { "GET /servers/42", nil, 200, { server = off } },
      { "POST /servers/42/actions/attach_to_network", { network = 4711, ip = "10.0.0.5" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = off } },
      { "POST /servers/42/actions/poweron", nil, 201, done(2) },
      { "POST /servers/42/actions/enable_backup", nil, 201, done(3) },
      { "POST /servers/42/actions/change_protection", { delete = true, rebuild = true }, 201, done(4) },
      { "GET /servers/42", nil, 200, { server = up } },
    })
    local state, e = call(providers, "server", "create", {}, {
      plan = "cpx22", image = "debian-12", network = "4711", private_ip = "10.0.0.5", public = false, protected = true,
      backups = true,
    })
    api.check()
    assert.is_nil(e)
    assert.equal("10.0.0.5", state.private_ip)
    assert.equal("10.0.0.5", state.ssh.host)
    assert.same({ false, false }, { state.public, state.ipv6 })
  end))

  it("finds a creation that nobody answered by its key, and goes on with it", test(function()
    local api <close>, providers = serve({
      KEYS,
      { "POST /servers", wanted(), 201, function(request)
        request:stream(201, { ["Content-Type"] = "application/json" }) -- cut off
      end },
      { FIND, nil, 200, list("servers", { server() }) },
      { "GET /servers/42/actions?status=running", nil, 200, list("actions", { action(5, "running") }) },
      { "GET /actions?id=5", nil, 200, list("actions", { action(5) }) },
      { "GET /servers/42", nil, 200, { server = server() } },
      { "POST /servers/42/actions/enable_backup", nil, 201, done() },
      { "GET /servers/42", nil, 200, { server = server({ backup_window = "22-02" }) } },
    })
    local state, e, adopted = call(providers, "server", "create", {}, {
      plan = "cpx22", image = "debian-12", backups = true,
    })
    api.check()
    assert.is_nil(e)
    assert.same({ "42" }, adopted)
    assert.is_true(state.backups)
  end))

  it("takes a name that is taken for its own only when the key proves it, and never hammers", test(function()
    local taken = { "POST /servers", wanted(), 409, problem("uniqueness_error", "server name is already used") }
    local api <close>, providers = serve({ KEYS, taken, { FIND, nil, 200, list("servers", {}) } })
    local _, e, adopted = call(providers, "server", "create", {}, { plan = "cpx22", image = "debian-12" })
    api.check()
    assert.equal("exists", e.code)
    assert.matches("server name is already used %(uniqueness_error, request spec%-2%)", tostring(e))
    assert.same({}, adopted)
    local again <close>, more = serve({
      KEYS, taken, { FIND, nil, 200, list("servers", { server() }) },
      { "GET /servers/42/actions?status=running", nil, 200, list("actions", {}) },
      { "GET /servers/42", nil, 200, { server = server() } },
    })
    local state = call(more, "server", "create", {}, { plan = "cpx22", image = "debian-12" })
    again.check()
    assert.equal("42", state.id)
  end))

  it("says what is wrong when there is no place, with the request to ask about", test(function()
    local real = recorded("from-issues/real-exchanges.json")[1]
    real.headers["Content-Length"] = nil -- the server's own
    local api <close>, providers = serve({
      KEYS, { "POST /servers", wanted(), real.status, real.body, real.headers },
    })
    local _, e = call(providers, "server", "create", {}, { plan = "cpx22", image = "debian-12" })
    api.check()
    assert.equal("failed", e.code)
    assert.matches("could not allocate metrics server %(resource_unavailable, request f3a0a45e%-", tostring(e))
    assert.matches("another zone or plan", e.hint)
  end))

  it("waits when the rate is used up, and reads then", test(function()
    local real = recorded("from-issues/real-exchanges.json")[2]
    local api <close>, providers = serve({
      { "GET /servers/42", nil, real.status, real.body, { ["Retry-After"] = "1" } },
      { "GET /servers/42", nil, 200, { server = server() } },
    })
    local state = call(providers, "server", "read", {}, "42")
    api.check()
    assert.equal("42", state.id)
  end))

  it("tries again what the official client tries again, also what is locked or away, and nothing else", test(function()
    local failures = { problem("invalid_input"), problem("forbidden"), problem("protected"), problem("unheard_of") }
    for i = 1, 6 do
      failures[#failures + 1] = recorded(("hcloud-go-json/client_handler_retry__TestRetryPolicy__%d.json"):format(i))
    end
    local codes = { invalid_input = "invalid", forbidden = "denied", protected = "denied", unheard_of = "invalid" }
    for _, failure in ipairs(failures) do -- whatever the status is
      local code = codes[failure.error.code]
      local exchanges = {
        { "GET /servers/42", nil, 400, failure },
        not code and { "GET /servers/42", nil, 200, { server = server() } } or nil,
      }
      local api <close>, providers = serve(exchanges)
      local state, e = call(providers, "server", "read", {}, "42")
      api.check()
      assert.equal(code == nil, state ~= nil, failure.error.code)
      assert.equal(code, e and e.code)
    end
  end))

  it("takes only the API's not_found for gone", test(function()
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 404, problem("not_found", "server with ID '42' not found") },
      { "GET /servers/42", nil, 404, "<html>no route</html>", { ["Content-Type"] = "text/html" } },
      { "GET /servers/42", nil, 401, problem("unauthorized", "unable to authenticate") },
    })
    local state, e = call(providers, "server", "read", {}, "42")
    assert.is_nil(state)
    assert.is_nil(e)
    e = select(2, call(providers, "server", "read", {}, "42"))
    assert.equal("failed", e.code)
    state, e = call(providers, "server", "read", {}, "42")
    assert.is_nil(state)
    api.check()
    assert.equal("denied", e.code)
    assert.matches("prov provider login hetzner", e.hint)
  end))

  it("ends with an action that failed, in its words", test(function()
    local states = {}
    for i, name in ipairs({ "5", "6", "7", "8" }) do
      states[i] = recorded("hcloud-go-json/action_waiter__TestWaitForFunc__" .. name .. ".json")
    end
    table.insert(states[4].actions, action(1509772237))
    local asked = "GET /actions?id=1509772237&id=1509772238"
    local two = list("servers", { server(), server({ id = 9 }) })
    local exchanges = {
      { "GET /servers?label_selector=prov-workspace==spec", nil, 200, two },
      { "DELETE /servers/42", nil, 200, { action = states[1].actions[1], next_actions = { states[1].actions[2] } } },
    }
    for i = 2, 4 do
      exchanges[i + 1] = { asked, nil, 200, states[i] }
    end
    local api <close>, providers = serve(exchanges)
    local _, e = call(providers, "server", "delete", {}, "42")
    api.check()
    assert.equal("failed", e.code)
    assert.matches("Something went wrong with the action %(action_failed%)", tostring(e))
  end))

  it("goes on waiting through an action that is not listed once, and through conflicts", test(function()
    local files = { "action_waiter__TestWaitFor__1", "action_waiter__TestWaitFor__3",
      "action_watch__TestActionClientWatchProgress__2",
      "action_waiter__TestWaitFor__4" }
    local exchanges = { { "POST /servers/42/actions/reboot", nil, 201, { action = action(1509772237, "running") } } }
    for i, file in ipairs(files) do
      exchanges[#exchanges + 1] = { "GET /actions?id=1509772237", nil, i == 3 and 409 or 200,
        recorded("hcloud-go-json/" .. file .. ".json") }
    end
    exchanges[#exchanges + 1] = { "GET /servers/42", nil, 200, { server = server() } }
    local api <close>, providers = serve(exchanges)
    local state, e = call(providers, "server", "action_reboot", {}, "42")
    api.check()
    assert.is_nil(e)
    assert.equal("running", state.status)
  end))

  it("tries again what is locked", test(function()
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = server() } },
      { "POST /servers/42/actions/attach_to_network", { network = 5 }, 423, problem("locked", "server is locked") },
      { "POST /servers/42/actions/attach_to_network", { network = 5 }, 423, problem("locked", "server is locked") },
      { "POST /servers/42/actions/attach_to_network", { network = 5 }, 422, problem("server_already_attached") },
      { "GET /servers/42", nil, 200, { server = server() } },
    })
    local _, e = call(providers, "server", "update", { applied = {} }, "42", {
      plan = "cpx22", image = "debian-12", network = "5",
    })
    api.check()
    assert.is_nil(e)
  end))

  it("changes a server in place, off only for what needs it, and leaves what it was not told of", test(function()
    local before = server({
      server_type = { name = "cpx11" }, private_net = { { network = 9, ip = "10.9.0.2" } },
      protection = { delete = true, rebuild = true }, labels = labels({ old = "1" }),
    })
    before.public_net.firewalls = { { id = 38, status = "applied" } }
    local after = server({ private_net = { { network = 9, ip = "10.9.0.2" } }, backup_window = "22-02" })
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = before } },
      { "PUT /servers/42", { name = "front", labels = labels({ new = "2" }) }, 200, { server = before } },
      { "POST /servers/42/actions/change_protection", { delete = false, rebuild = false }, 201, done() },
      { "GET /servers/42", nil, 200, { server = before } },
      { "GET /servers/42", nil, 200, { server = before } },
      { "POST /servers/42/actions/shutdown", nil, 201, done() },
      { "GET /servers/42", nil, 200, { server = server({ status = "off" }) } },
      { "POST /servers/42/actions/add_to_placement_group", { placement_group = 3 }, 201, done() },
      { "POST /servers/42/actions/change_type", { server_type = "cpx22", upgrade_disk = false }, 201, done() },
      { "GET /servers/42", nil, 200, { server = server({ status = "off" }) } },
      { "POST /servers/42/actions/poweron", nil, 201, done() },
      { "POST /servers/42/actions/enable_backup", nil, 201, done() },
      { "GET /servers/42", nil, 200, { server = before } }, -- which address it has by now
      { "POST /servers/42/actions/change_dns_ptr", { ip = "1.2.3.4", dns_ptr = "www.example.org" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = after } },
    })
    local state, e = call(providers, "server", "update", { applied = { labels = { old = "1" } } }, "42", {
      name = "front", plan = "cpx22", image = "debian-12", labels = { new = "2" }, backups = true,
        placement_group = "3",
      ptr = "www.example.org",
    })
    api.check()
    assert.is_nil(e)
    assert.equal("9", state.network)
  end))

  it("starts a server again when the change it was stopped for fails, and says why", test(function()
    local is = { server = server({ server_type = { name = "cpx11" } }) }
    local off = { server = server({ status = "off" }) }
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, is },
      { "GET /servers/42", nil, 200, is },
      { "GET /servers/42", nil, 200, is },
      { "POST /servers/42/actions/shutdown", nil, 201, done() },
      { "GET /servers/42", nil, 200, off },
      { "POST /servers/42/actions/change_type", { server_type = "cpx22", upgrade_disk = false }, 422,
        problem("invalid_input", "invalid input in field 'server_type'", { fields = {
          { name = "server_type", messages = { "the disk of the new type is smaller" } },
        } }) },
      { "GET /servers/42", nil, 200, off },
      { "POST /servers/42/actions/poweron", nil, 201, done() },
    })
    local _, e = call(providers, "server", "update", { applied = {} }, "42", { plan = "cpx22", image = "debian-12" })
    api.check()
    assert.equal("invalid", e.code)
    assert.matches("field 'server_type'; server_type: the disk of the new type is smaller", tostring(e))
    assert.equal("prov catalog plans hetzner --refresh", e.hint)
  end))

  it("changes public addresses while the server is off: its own go, those of resources stay", test(function()
    local is, none = server(), server()
    is.public_net.ipv4.id, is.public_net.ipv6.id = 101, nil
    none.public_net.ipv4, none.public_net.ipv6 = nil, nil
    is.private_net = { { network = 9, ip = "10.9.0.2" } }
    none.private_net = is.private_net
    local off = { server = server({ status = "off" }) }
    local own = { name = "web-1-ipv4-42", type = "ipv4", assignee_id = 42, assignee_type = "server", labels = labels(),
      auto_delete = true }
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = is } }, -- to none
      { "GET /primary_ips?ip=2001:db8::/64", nil, 200, list("primary_ips", { { id = 102 } }) },
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/101/actions/unassign", nil, 201, done() },
      { "DELETE /primary_ips/101", nil, 204 },
      { "POST /primary_ips/102/actions/unassign", nil, 201, done() },
      { "DELETE /primary_ips/102", nil, 404, problem("not_found") },
      { "GET /servers/42", nil, 200, { server = none } },
      { "GET /servers/42", nil, 200, { server = none } }, -- to a resource, and back
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/77/actions/assign", { assignee_id = 42, assignee_type = "server" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = server({ public_net = { ipv4 = { id = 77, ip = "1.2.3.9" } } }) } },
      { "GET /servers/42", nil, 200, { server = server({ public_net = { ipv4 = { id = 77, ip = "1.2.3.9" } } }) } },
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/77/actions/unassign", nil, 201, done() },
      { "POST /primary_ips", own, 201, { primary_ip = { id = 103 }, action = action(9) } },
      { "GET /servers/42", nil, 200, { server = is } },
    })
    local state, e = call(providers, "server", "update", { applied = {} }, "42", {
      plan = "cpx22", image = "debian-12", public = false, network = "9",
    })
    assert.is_nil(e)
    assert.same({ false, false }, { state.public, state.ipv6 })
    state, e = call(providers, "server", "update", { applied = {} }, "42", {
      plan = "cpx22", image = "debian-12", public = false, address = "primary-77",
    })
    assert.is_nil(e)
    assert.equal("primary-77", state.address)
    state, e = call(providers, "server", "update", { applied = { address = "primary-77" } }, "42", {
      plan = "cpx22", image = "debian-12", ipv6 = false,
    })
    assert.is_nil(e)
    assert.equal("1.2.3.4", state.ip)
    api.check()
  end))

  it("takes away what was applied and is no longer wanted", test(function()
    local before = server({ private_net = { { network = 9, ip = "10.9.0.2" } } })
    before.public_net.firewalls = { { id = 38, status = "applied" }, { id = 39, status = "applied" } }
    local after = server()
    after.public_net.firewalls = { { id = 38, status = "applied" }, { id = 40, status = "pending" } }
    local one = { { type = "server", server = { id = 42 } } }
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = before } },
      { "POST /servers/42/actions/detach_from_network", { network = 9 }, 201, done() },
      { "POST /servers/42/actions/attach_to_network", { network = 8, ip = "10.8.0.9" }, 201, done() },
      { "POST /firewalls/40/actions/apply_to_resources", { apply_to = one }, 201,
        example("POST_firewalls_{id}_actions_apply_to_resources_201", { ["actions.1.status"] = "success" }) },
      { "POST /firewalls/39/actions/remove_from_resources", { remove_from = one }, 201, { actions = {} } },
      { "POST /servers/42/actions/change_dns_ptr", { ip = "1.2.3.4", dns_ptr = json.null }, 201, done() },
      { "GET /servers/42", nil, 200, { server = after } },
    })
    local _, e = call(providers, "server", "update", {
      applied = { network = "9", firewalls = { "38", "39" }, ptr = "old.example.org" },
    }, "42", {
      plan = "cpx22", image = "debian-12", networks = { { network = "8", private_ip = "10.8.0.9" } },
      firewalls = { "40", "38" },
    })
    api.check()
    assert.is_nil(e)
  end))

  it("goes on with a creation that was cut off before its first start", test(function()
    local off = server({ status = "off" })
    off.private_net = { { network = 9, ip = "10.9.0.2" } }
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = server({ status = "initializing" }) } },
      { "GET /servers/42/actions?status=running", nil, 200, list("actions", { action(5, "running") }) },
      { "GET /actions?id=5", nil, 200, list("actions", { action(5) }) },
      { "GET /servers/42", nil, 200, { server = server({ status = "off" }) } },
      { "POST /servers/42/actions/attach_to_network", { network = 9, ip = "10.9.0.2" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = off } },
      { "POST /servers/42/actions/poweron", nil, 201, done() },
      { "GET /servers/42", nil, 200, { server = server({ private_net = off.private_net }) } },
    })
    local state, e = call(providers, "server", "update", { applied = {} }, "42", {
      plan = "cpx22", image = "debian-12", network = "9", private_ip = "10.9.0.2",
    })
    api.check()
    assert.is_nil(e)
    assert.same({ "running", "10.9.0.2" }, { state.status, state.private_ip })
  end))

  it("waits for a server that is leaving, and lists it no more", test(function()
    local leaving = server({ status = "deleting" })
    local api <close>, providers = serve({
      { "GET /servers", nil, 200, list("servers", { leaving, server({ id = 43 }) }) },
      { "GET /servers/42", nil, 200, { server = leaving } },
      { "GET /servers/42", nil, 200, { server = leaving } },
      { "GET /servers/42", nil, 404, problem("not_found") },
    })
    local states = call(providers, "server", "list", {})
    assert.same({ "43" }, { states[1].id, states[2] })
    local state, e = call(providers, "server", "read", {}, "42")
    api.check()
    assert.same({}, { state, e })
  end))

  it("leaves the networks that others attached, unless the list of them is the infra's", test(function()
    local is = server({ private_net = { { network = 9, ip = "10.9.0.2" }, { network = 77, ip = "10.77.0.2" } } })
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = is } },
      { "PUT /servers/42", { name = "web-1", labels = labels({ new = "2" }) }, 200, { server = is } },
      { "GET /servers/42", nil, 200, { server = is } },
      { "GET /servers/42", nil, 200, { server = is } },
      { "POST /servers/42/actions/detach_from_network", { network = 77 }, 201, done() },
      { "GET /servers/42", nil, 200, { server = is } },
    })
    local state, e = call(providers, "server", "update", { applied = { network = "9" } }, "42", {
      plan = "cpx22", image = "debian-12", network = "9", labels = { new = "2" },
    })
    assert.is_nil(e)
    assert.same({ "9" }, { state.network, state.networks })
    state, e = call(providers, "server", "update", { applied = { network = "9" } }, "42", {
      plan = "cpx22", image = "debian-12", network = "9", networks = {},
    })
    assert.is_nil(e)
    assert.same({ { network = "77", private_ip = "10.77.0.2" } }, state.networks)
    api.check()
  end))

  it("tells the main network once, and no name that everybody has", test(function()
    local is = server({ private_net = { { network = 9, ip = "10.9.0.2" }, { network = 77, ip = "10.77.0.2" } } })
    is.public_net.ipv4.dns_ptr = "static.4.3.2.1.clients.your-server.de"
    local api <close>, providers = serve({ { "GET /servers", nil, 200, list("servers", { is }) } })
    local found = call(providers, "server", "list", {})[1]
    api.check()
    assert.equal("9", found.network)
    assert.same({ { network = "77", private_ip = "10.77.0.2" } }, found.networks)
    assert.is_nil(found.ptr)
  end))

  it("knows which firewalls a server has by its labels, and leaves those", test(function()
    local is = server()
    is.public_net.firewalls = { { id = 38, status = "applied" }, { id = 40, status = "applied" } }
    local given = list("firewalls", {
      { id = 38, applied_to = { { type = "server", server = { id = 42 } } } },
      { id = 40, applied_to = { { type = "label_selector", label_selector = { selector = "role=web" } } } },
    })
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = is } },
      { "GET /firewalls", nil, 200, given },
      { "GET /servers/42", nil, 200, { server = is } },
      { "GET /servers/42", nil, 200, { server = is } },
    })
    local found = call(providers, "server", "read", { recorded = { firewalls = { "38" } } }, "42")
    assert.same({ "38" }, found.firewalls)
    local state, e = call(providers, "server", "update", { applied = { firewalls = { "38" } } }, "42", {
      plan = "cpx22", image = "debian-12", firewalls = { "38" },
    })
    api.check()
    assert.is_nil(e)
    assert.same({ "38" }, state.firewalls)
  end))

  it("takes an address for what it was asked for, and names a new one", test(function()
    local before, after = server(), server()
    before.public_net.ipv4.id = 101
    before.public_net.ipv4.dns_ptr = "www.example.org"
    after.public_net.ipv4 = { id = 77, ip = "1.2.3.9", dns_ptr = "static.9.3.2.1.clients.your-server.de" }
    local off = { server = server({ status = "off" }) }
    local api <close>, providers = serve({
      { "GET /servers/42", nil, 200, { server = before } },
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/101/actions/unassign", nil, 201, done() },
      { "DELETE /primary_ips/101", nil, 204 },
      { "POST /primary_ips/77/actions/assign", { assignee_id = 42, assignee_type = "server" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = after } },
      { "POST /servers/42/actions/change_dns_ptr", { ip = "1.2.3.9", dns_ptr = "www.example.org" }, 201, done() },
      { "GET /servers/42", nil, 200, { server = after } },
    })
    local state, e = call(providers, "server", "update", { applied = { ptr = "www.example.org" } }, "42", {
      plan = "cpx22", image = "debian-12", public = false, ipv6 = true, address = "primary-77", ptr = "www.example.org",
    })
    api.check()
    assert.is_nil(e)
    assert.same({ false, "primary-77", "1.2.3.9" }, { state.public, state.address, state.ip })
  end))

  it("deletes the workspace's key before its last server", test(function()
    local ours = "label_selector=prov-workspace==spec"
    local two = list("servers", { server(), server({ id = 43 }) })
    local api <close>, providers = serve({
      { "GET /servers?" .. ours, nil, 200, two },
      { "DELETE /servers/42", nil, 200, done() },
      { "GET /servers?" .. ours, nil, 200, two }, -- one is being deleted, one will be
      { "GET /ssh_keys?" .. ours .. ",prov-key==workspace", nil, 200, list("ssh_keys", { KEY }) },
      { "DELETE /ssh_keys/7", nil, 204 },
      { "DELETE /servers/43", nil, 404, problem("not_found") },
    })
    assert.is_true(call(providers, "server", "delete", {}, "42"))
    assert.is_true(call(providers, "server", "delete", {}, "43"))
    api.check()
  end))

  it("keeps the workspace's key while there are other servers, and when it is not known", test(function()
    local ours = "label_selector=prov-workspace==spec"
    local api <close>, providers = serve({
      { "GET /servers?" .. ours, nil, 200, list("servers", { server() }) },
      { "GET /servers?" .. ours, nil, 200, list("servers", { server(), server({ id = 44 }) }) }, -- a new one
      { "DELETE /servers/42", nil, 200, done() },
    })
    assert.is_true(call(providers, "server", "delete", {}, "42"))
    api.check()
    local other <close>, more = serve({
      { "GET /servers?" .. ours, nil, 403, problem("forbidden") },
      { "DELETE /servers/42", nil, 200, done() },
    })
    assert.is_true(call(more, "server", "delete", {}, "42"))
    other.check()
  end))

  it("reads many servers page by page, in the words that were recorded", test(function()
    local page = list("servers", { server(), server({ id = 43, name = "db-1" }) })
    page.meta.pagination.next_page = 2
    local asked = {}
    local function answer(body)
      return function(request)
        asked[#asked + 1] = request.query
        request:respond(200, { ["Content-Type"] = "application/json" }, json.encode(body))
      end
    end
    local api <close>, providers = serve({
      { "GET /servers", nil, 200, answer(page) },
      { "GET /servers", nil, 200, answer(list("servers", { server({ id = 44,
        image = { id = 4711, type = "snapshot", name = json.null } }) })) },
    })
    local states = call(providers, "server", "list", { recorded_of = function(id)
      return id == "43" and { image = "4711" } or nil
    end })
    api.check()
    assert.same({ "page=1&per_page=50", "page=2&per_page=50" }, asked)
    assert.same({ "42", "43", "44" }, { states[1].id, states[2].id, states[3].id })
    assert.same({ "debian-12", "4711", "4711" }, { states[1].image, states[2].image, states[3].image })
  end))

  it("asks for the actions of all that wait in one question", test(function()
    local api <close>, providers = serve({
      { "POST /servers/1/actions/reboot", nil, 201, { action = action(101, "running") } },
      { "POST /servers/2/actions/reboot", nil, 201, { action = action(102, "running") } },
      { "GET /actions?id=101&id=102", nil, 200, list("actions", { action(101), action(102) }) },
      { "GET /servers/1", nil, 200, { server = server() } },
      { "GET /servers/2", nil, 200, { server = server() } },
    })
    local tasks = {}
    for id = 1, 2 do
      tasks[id] = async.spawn(call, providers, "server", "action_reboot", {}, tostring(id))
      while api.n < id do
        async.sleep(2)
      end
    end
    for _, task in ipairs(tasks) do
      assert.is_table((task:join()))
    end
    assert.equal(5, api.n)
  end))

  it("asks for nothing that the OpenAPI does not know", test(function()
    local problems, skipped = hetzner.openapi_problems()
    if skipped then
      return pending(skipped)
    end
    assert.equal("", problems)
  end))
end)
