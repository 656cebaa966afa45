-- The other kinds of the provider hetzner, and its catalog, request by request against recorded answers.

local hetzner = require("support.hetzner")
local json = require("prov.json")
local test = require("support.async").test

local CASES = 19

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

describe("the provider hetzner", function()
  local ZONES = { "GET /locations", nil, 200, recorded("hcloud-python-json/locations__two_locations_response.json") }

  it("makes a network with a subnet of its whole range in the zone of a location", test(function()
    local made = recorded("hcloud-python-json/networks__network_create_response.json", {
      ["network.subnets"] = { { type = "cloud", ip_range = "10.0.0.0/16", network_zone = "eu-central",
        gateway = "10.0.0.1" } },
      ["network.routes"] = { { destination = "10.100.1.0/24", gateway = "10.0.1.1" } },
      ["network.labels"] = labels(),
    })
    local api <close>, providers = serve({
      ZONES,
      { "POST /networks", {
        name = "lan", ip_range = "10.0.0.0/16", labels = labels(),
        subnets = { { type = "cloud", ip_range = "10.0.0.0/16", network_zone = "eu-central" } },
        routes = { { destination = "10.100.1.0/24", gateway = "10.0.1.1" } },
      }, 201, made },
      { "GET /networks/4711", nil, 200, made },
    })
    local state, e = call(providers, "network", "create", { address = "network.lan" }, {
      cidr = "10.0.0.0/16", zone = "fsn1", routes = { { to = "10.100.1.0/24", via = "10.0.1.1" } },
    })
    api.check()
    assert.is_nil(e)
    assert.same({
      id = "4711", name = "mynet", cidr = "10.0.0.0/16", zone = "fsn1", subnet = true, expose_routes = false,
        labels = {},
      protected = false, gateway = "10.0.0.1", routes = { { to = "10.100.1.0/24", via = "10.0.1.1" } },
    }, state)
  end))

  it("changes routes one by one, and deletes a network", test(function()
    local network = recorded("hcloud-go-json/schema__TestNetworkSchema__25.json", { labels = labels(), name = "web-1",
      subnets = {} })
    local api <close>, providers = serve({
      { "GET /networks/4711", nil, 200, { network = network } },
      { "POST /networks/4711/actions/delete_route", { destination = "10.100.1.0/24", gateway = "10.0.1.1" }, 201,
        done() },
      { "POST /networks/4711/actions/add_route", { destination = "10.100.2.0/24", gateway = "10.0.1.1" }, 201, done() },
      { "POST /networks/4711/actions/change_protection", { delete = true }, 201, done() },
      { "GET /networks/4711", nil, 200, { network = network } },
      { "DELETE /networks/4711", nil, 422, problem("protected", "network is delete protected") },
      { "DELETE /networks/4711", nil, 204 },
    })
    local _, e = call(providers, "network", "update", { applied = {} }, "4711", {
      cidr = "10.0.0.0/16", subnet = false, routes = { { to = "10.100.2.0/24", via = "10.0.1.1" } }, protected = true,
    })
    assert.is_nil(e)
    e = select(2, call(providers, "network", "delete", {}, "4711"))
    assert.equal("denied", e.code)
    assert.matches("protected: false", e.hint)
    assert.is_true(call(providers, "network", "delete", {}, "4711"))
    api.check()
  end))

  it("knows a subnet by its network and range", test(function()
    local network = recorded("hcloud-python-json/networks__network_create_response.json")
    local api <close>, providers = serve({
      { "GET /locations", nil, 200, recorded("hcloud-python-json/locations__two_locations_response.json") },
      { "POST /networks/4711/actions/add_subnet", {
        type = "cloud", ip_range = "10.0.1.0/24", network_zone = "eu-central",
      }, 201, example("POST_networks_{id}_actions_add_subnet_201", { ["action.status"] = "success" }) },
      { "GET /networks/4711", nil, 200, network },
      { "GET /networks/4711", nil, 200, network },
      { "GET /networks/4711", nil, 200, network },
      { "POST /networks/4711/actions/delete_subnet", { ip_range = "10.0.1.0/24" }, 201, done() },
      { "GET /networks/4711", nil, 404, problem("not_found") },
    })
    local want = { network = "4711", cidr = "10.0.1.0/24" }
    local state, e, adopted = call(providers, "subnet", "create", {}, want)
    assert.is_nil(e)
    assert.same({ "4711-10.0.1.0/24" }, adopted)
    assert.equal("10.0.0.1", state.gateway)
    assert.equal("4711-10.0.1.0/24", call(providers, "subnet", "find", { want = want }, "k1").id)
    assert.is_true(call(providers, "subnet", "delete", {}, state.id))
    assert.is_true(call(providers, "subnet", "delete", {}, state.id))
    api.check()
  end))

  it("attaches, grows and moves volumes, and refuses to shrink them", test(function()
    local made = example("POST_volumes_201", { ["volume.labels"] = labels(), ["volume.name"] = "web-1" })
    made.action.status, made.next_actions[1].status = "success", "success"
    local volume = made.volume
    local api <close>, providers = serve({
      { "POST /volumes", { name = "web-1", labels = labels(), size = 42, format = "xfs", server = 12,
        automount = false },
        201, made },
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "POST /volumes/4711/actions/resize", { size = 50 }, 201, done() },
      { "POST /volumes/4711/actions/detach", nil, 201, done() },
      { "POST /volumes/4711/actions/attach", { server = 13, automount = false }, 201, done() },
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "POST /volumes/4711/actions/detach", nil, 201, done() },
      { "DELETE /volumes/4711", nil, 204 },
    })
    local state, e = call(providers, "volume", "create", {}, { size = "42 GiB", server = "12", format = "xfs" })
    assert.is_nil(e)
    assert.same({ 42 << 30, "12", "/dev/disk/by-id/scsi-0HC_Volume_4711" }, { state.size, state.server, state.device })
    e = select(2, call(providers, "volume", "update", {}, "4711", { size = "50 GiB", server = "13", format = "xfs" }))
    assert.is_nil(e)
    e = select(2, call(providers, "volume", "update", {}, "4711", { size = "20 GiB", server = "12", format = "xfs" }))
    assert.equal("invalid", e.code)
    assert.matches("cannot shrink", tostring(e))
    assert.is_true(call(providers, "volume", "delete", {}, "4711"))
    api.check()
  end))

  it("writes rules out for the API, and knows them again", test(function()
    local everywhere = { "0.0.0.0/0", "::/0" }
    local function rule(protocol, port, sources, comment)
      return { direction = "in", protocol = protocol, port = port, source_ips = sources or everywhere,
        destination_ips = {}, description = comment }
    end
    local rules = {
      rule("icmp"), rule("tcp", "22", { "10.0.0.0/8" }, "ssh"), rule("tcp", "443"), rule("tcp", "8000-8010"),
      { direction = "out", protocol = "udp", port = "53", source_ips = {}, destination_ips = { "9.9.9.9/32" } },
    }
    local seen = { id = 38, name = "web-1", labels = labels(), rules = { rules[5], rules[4], rules[1], rules[2],
      rules[3] },
      applied_to = { { type = "server", server = { id = 42 } } } }
    local api <close>, providers = serve({
      { "POST /firewalls", { name = "web-1", labels = labels(), rules = rules,
        apply_to = { { type = "server", server = { id = 42 } } } }, 201,
        { firewall = seen, actions = { action(1, "running"), action(2, "running") } } },
      { "GET /actions?id=1&id=2", nil, 200, list("actions", { action(1), action(2) }) },
      { "GET /firewalls/38", nil, 200, { firewall = seen } },
      { "GET /firewalls/38", nil, 200, { firewall = recorded("hcloud-go-json/schema__TestFirewallSchema__40.json") } },
      { "GET /firewalls/38", nil, 200, { firewall = recorded("hcloud-go-json/schema__TestFirewallSchema__40.json") } },
      { "GET /firewalls/38", nil, 200, { firewall = seen } },
      { "POST /firewalls/38/actions/set_rules", { rules = { rules[3] } }, 201,
        recorded("hcloud-python-json/firewalls__response_set_rules.json") },
      { "POST /firewalls/38/actions/apply_to_resources", { apply_to = { { type = "label_selector",
        label_selector = { selector = "role=web" } } } }, 201, { actions = {} } },
      { "POST /firewalls/38/actions/remove_from_resources", { remove_from = { { type = "server",
        server = { id = 42 } } } },
        201, { actions = {} } },
      { "GET /firewalls/38", nil, 200, { firewall = seen } },
      { "GET /firewalls/38", nil, 200, { firewall = seen } },
      { "POST /firewalls/38/actions/remove_from_resources", { remove_from = { { type = "server",
        server = { id = 42 } } } },
        201, { actions = {} } },
      { "DELETE /firewalls/38", nil, 422, problem("resource_in_use", "firewall is still applied") },
      { "DELETE /firewalls/38", nil, 204 },
    })
    local want = {
      servers = { "42" },
      rules = {
        { ports = { 443, "8000-8010" } }, { protocol = "icmp" }, { ports = { 22 }, sources = { "10.0.0.0/8" },
          comment = "ssh" },
        { direction = "out", protocol = "udp", ports = { 53 }, destinations = { "9.9.9.9/32" } },
      },
    }
    local state, e = call(providers, "firewall", "create", {}, want)
    assert.is_nil(e)
    assert.same(want.rules, state.rules)
    assert.same({ "42" }, state.servers)
    local drifted = call(providers, "firewall", "read", { recorded = state }, "38")
    assert.same({ { direction = "in", protocol = "tcp", ports = { 80 }, comment = "allow http in",
      sources = { "28.239.13.1/32", "28.239.14.0/24", "ff21:1eac:9a3b:ee58:5ca:990c:8bc9:c03b/128" } } }, drifted.rules)
    assert.is_nil(drifted.selectors) -- nobody said here whom it protects by labels
    local all = call(providers, "firewall", "read", {}, "38") -- for one who only looks
    assert.same({ "a=b" }, all.selectors)
    e = select(2, call(providers, "firewall", "update", { applied = want }, "38", {
      rules = { { ports = { 443 } } }, selectors = { "role=web" },
    }))
    assert.is_nil(e)
    assert.is_true(call(providers, "firewall", "delete", {}, "38"))
    api.check()
  end))

  it("keeps floating and primary addresses apart", test(function()
    local floating = example("POST_floating_ips_201", {
      ["floating_ip.labels"] = labels(), ["floating_ip.name"] = "web-1", ["floating_ip.type"] = "ipv4",
      ["floating_ip.description"] = "", ["action.status"] = "success",
    })
    local primary = example("POST_primary_ips_201").primary_ip
    primary.labels, primary.name, primary.assignee_id, primary.auto_delete = labels(), "web-1", nil, false
    local assigned = {}
    for name, v in pairs(primary) do
      assigned[name] = v
    end
    assigned.assignee_id = 42
    local off = { server = { id = 42, status = "off" } }
    local api <close>, providers = serve({
      { "POST /floating_ips", { name = "web-1", labels = labels(), type = "ipv4", server = 42 }, 201, floating },
      { "GET /floating_ips/4711", nil, 200, floating },
      { "GET /floating_ips/4711", nil, 200, floating },
      { "POST /primary_ips", { name = "web-1", labels = labels(), type = "ipv6", assignee_type = "server",
        auto_delete = false,
        location = "fsn1" }, 201, { primary_ip = primary } },
      { "GET /primary_ips/42", nil, 200, { primary_ip = primary } },
      { "GET /servers/42", nil, 200, off }, -- has no such address
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/42/actions/assign", { assignee_id = 42, assignee_type = "server" }, 201, done() },
      { "POST /primary_ips/42/actions/change_dns_ptr", { ip = "2001:db8::1", dns_ptr = "x.example.org" }, 201, done() },
      { "GET /primary_ips/42", nil, 200, { primary_ip = assigned } },
      { "GET /floating_ips?label_selector=prov-key==k1", nil, 200, list("floating_ips", {}) },
      { "GET /primary_ips?label_selector=prov-key==k1", nil, 200, list("primary_ips", { assigned }) },
      { "GET /primary_ips/42", nil, 200, { primary_ip = assigned } },
      { "GET /servers/42", nil, 200, off },
      { "GET /servers/42", nil, 200, off },
      { "POST /primary_ips/42/actions/unassign", nil, 201, done() },
      { "DELETE /primary_ips/42", nil, 204 },
      { "GET /floating_ips", nil, 200, list("floating_ips", {}) },
      { "GET /floating_ips", nil, 200, list("floating_ips", {}) },
      { "GET /primary_ips", nil, 200, list("primary_ips", { primary }) },
    })
    local state, e, adopted = call(providers, "address", "create", {}, { server = "42" })
    assert.is_nil(e)
    assert.same({ "floating-4711" }, adopted)
    assert.equal("floating-4711", state.id)
    state, e, adopted = call(providers, "address", "create", {}, {
      type = "primary", family = "ipv6", server = "42", ptr = "x.example.org",
    })
    assert.is_nil(e)
    assert.same({ "primary-42" }, adopted)
    assert.equal("42", state.server)
    assert.equal("primary-42", call(providers, "address", "find", {}, "k1").id)
    assert.is_true(call(providers, "address", "delete", {}, "primary-42"))
    assert.same({}, (call(providers, "address", "list", { recorded_ids = { "floating-1" } })))
    assert.equal("primary-42", call(providers, "address", "list", {})[1].id)
    api.check()
    e = select(2, call(providers, "address", "read", {}, "17"))
    assert.equal("invalid", e.code)
  end))

  it("stops no server for an address that it has no room for", test(function()
    local primary = example("POST_primary_ips_201").primary_ip
    primary.labels, primary.name, primary.type, primary.assignee_id, primary.auto_delete = labels(), "out", "ipv4", nil,
      false
    local api <close>, providers = serve({
      { "GET /primary_ips/42", nil, 200, { primary_ip = primary } },
      { "GET /servers/12", nil, 200, { server = { id = 12, name = "web", status = "running",
        public_net = { ipv4 = { id = 7, ip = "1.2.3.4" } } } } },
    })
    local _, e = call(providers, "address", "update", {}, "primary-42", { name = "out", type = "primary",
      server = "12" })
    api.check()
    assert.equal("conflict", e.code)
    assert.matches("server 12 %('web'%) has an IPv4 address already", tostring(e))
    assert.matches("public: false", e.hint)
  end))

  it("takes nothing away from what is protected and will not be deleted", test(function()
    local volume = example("POST_volumes_201").volume
    volume.server, volume.protection = 12, { delete = true }
    local primary = example("POST_primary_ips_201").primary_ip
    primary.assignee_id, primary.protection = 12, { delete = true }
    local api <close>, providers = serve({
      { "GET /volumes/4711", nil, 200, { volume = volume } },
      { "GET /primary_ips/42", nil, 200, { primary_ip = primary } },
    })
    for _, case in ipairs({ { "volume", "4711" }, { "address", "primary-42" } }) do
      local _, e = call(providers, case[1], "delete", {}, case[2])
      assert.equal("denied", e.code)
      assert.matches("is protected", tostring(e))
      assert.equal("set 'protected: false' and apply that first", e.hint)
    end
    api.check()
  end))

  it("lists as somebody's own what came with something else", test(function()
    local own, kept = example("POST_primary_ips_201").primary_ip, example("POST_primary_ips_201").primary_ip
    own.assignee_id, own.auto_delete, kept.assignee_id, kept.auto_delete, kept.id = 12, true, 12, false, 43
    local network = { id = 7, name = "lan", ip_range = "10.0.0.0/16", subnets = {
      { ip_range = "10.0.0.0/16", type = "cloud", network_zone = "eu-central", gateway = "10.0.0.1" },
      { ip_range = "10.0.9.0/24", type = "cloud", network_zone = "eu-central", gateway = "10.0.0.1" },
    } }
    local function set(name, kind)
      return { zone = 42, name = name, type = kind, records = {}, labels = {} }
    end
    local api <close>, providers = serve({
      { "GET /floating_ips", nil, 200, list("floating_ips", {}) },
      { "GET /primary_ips", nil, 200, list("primary_ips", { own, kept }) },
      { "GET /networks", nil, 200, list("networks", { network }) },
      { "GET /zones", nil, 200, list("zones", { { id = 42 } }) },
      { "GET /zones/42/rrsets", nil, 200, list("rrsets", { set("@", "SOA"), set("@", "NS"), set("www", "A") }) },
      { "GET /ssh_keys", nil, 200, list("ssh_keys", {
        { id = 1, name = "prov-x", public_key = "ssh-ed25519 AAAA", labels = { ["prov-key"] = "workspace" } },
        { id = 2, name = "me", public_key = "ssh-ed25519 BBBB", labels = {} },
      }) },
    })
    for _, case in ipairs({
      { "address", "primary-43" }, { "subnet", "7-10.0.9.0/24" }, { "dns_record", "42/www/A" }, { "ssh_key", "2" },
    }) do
      local ours = {}
      for _, state in ipairs((call(providers, case[1], "list", {}))) do
        ours[#ours + 1] = not state.not_ours and state.id or nil
      end
      assert.same({ case[2] }, ours)
    end
    api.check()
  end))

  it("makes a key, and knows it again whatever its comment", test(function()
    local key = recorded("hcloud-go-json/ssh_key__TestSSHKeyClientList__7.json").ssh_keys[1]
    local api <close>, providers = serve({
      { "POST /ssh_keys", { name = "web-1", labels = labels(), public_key = "ssh-rsa AAAjjk76kgf...Xt me@here" }, 201,
        { ssh_key = key } },
      { "GET /ssh_keys/1", nil, 200, { ssh_key = key } },
    })
    local want = { public_key = "ssh-rsa AAAjjk76kgf...Xt me@here" }
    local state = call(providers, "ssh_key", "create", {}, want)
    assert.equal(want.public_key, state.public_key)
    assert.equal("b7:2f:30:a0:2f:6c:58:6c:21:04:58:61:ba:06:3b:2c", state.fingerprint)
    assert.equal(want.public_key, call(providers, "ssh_key", "read", { recorded = state }, "1").public_key)
    api.check()
  end))

  it("finds what was made without an answer, and does the rest again that nobody answered", test(function()
    local function cut(request)
      request:stream(201, { ["Content-Type"] = "application/json" })
    end
    local key = { id = 5, name = "web-1", public_key = "ssh-rsa AAAA x", labels = labels() }
    local network = recorded("hcloud-go-json/schema__TestNetworkSchema__25.json", { labels = labels(), name = "web-1" })
    local guarded = recorded("hcloud-go-json/schema__TestNetworkSchema__25.json", { ["protection.delete"] = true })
    local api <close>, providers = serve({
      { "POST /ssh_keys", { name = "web-1", labels = labels(), public_key = "ssh-rsa AAAA x" }, 201, cut },
      { "GET /ssh_keys?label_selector=prov-key==k1", nil, 200, list("ssh_keys", {}) }, -- not seen yet
      { "GET /ssh_keys?label_selector=prov-key==k1", nil, 200, list("ssh_keys", { key }) },
      { "POST /networks", { name = "web-1", labels = labels(), ip_range = "10.0.0.0/16" }, 201, { network = network } },
      { "GET /networks/4711", nil, 200, { network = network } },
      { "POST /networks/4711/actions/change_protection", { delete = true }, 201, cut },
      { "GET /networks/4711", nil, 200, { network = guarded } },
      { "GET /networks/4711", nil, 200, { network = guarded } },
    })
    local state, e, adopted = call(providers, "ssh_key", "create", {}, { public_key = "ssh-rsa AAAA x" })
    assert.is_nil(e)
    assert.equal("5", state.id)
    assert.same({ "5" }, adopted)
    state, e = call(providers, "network", "create", {}, { cidr = "10.0.0.0/16", subnet = false, protected = true })
    assert.is_nil(e)
    assert.is_true(state.protected)
    api.check()
  end))

  it("makes a load balancer with services and targets, and changes only what differs", test(function()
    local made = example("POST_load_balancers_201", { ["load_balancer.labels"] = labels(),
      ["load_balancer.name"] = "web-1" })
    local lb = made.load_balancer
    lb.targets, lb.public_net.enabled, lb.load_balancer_type.name = {}, true, "lb11"
    local http = { protocol = "http", listen_port = 80, destination_port = 8080, proxyprotocol = false,
      http = { sticky_sessions = true }, health_check = { protocol = "http", port = 8080, interval = 15, timeout = 10,
        retries = 3, http = { path = "/health", domain = json.null, status_codes = { "2??", "3??" }, tls = false } } }
    lb.services = { { protocol = "http", listen_port = 80, destination_port = 8080, proxyprotocol = false,
      http = { sticky_sessions = true, cookie_name = "HCLBSTICKY", cookie_lifetime = 300, certificates = {},
        redirect_http = false }, health_check = { protocol = "http", port = 8080, interval = 15, timeout = 10,
          retries = 3,
        http = { path = "/health", domain = "", response = "", status_codes = { "2??", "3??" }, tls = false } } } }
    local with_targets = json.decode(json.encode(lb))
    with_targets.targets = { { type = "server", server = { id = 80 }, use_private_ip = true, health_status = {} },
      { type = "label_selector", label_selector = { selector = "role=web" }, use_private_ip = true } }
    local ssh = { protocol = "tcp", listen_port = 22, destination_port = 22, proxyprotocol = false,
      health_check = { protocol = "tcp", port = 22, interval = 5, timeout = 10, retries = 3 } }
    local api <close>, providers = serve({
      { "POST /load_balancers", { name = "web-1", labels = labels(), load_balancer_type = "lb11", location = "fsn1",
        algorithm = { type = "round_robin" }, public_interface = true, network = 4711, services = { http } }, 201,
          made },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = lb } },
      { "POST /load_balancers/4711/actions/add_target", { type = "label_selector",
        label_selector = { selector = "role=web" },
        use_private_ip = true }, 201, done() },
      { "POST /load_balancers/4711/actions/add_target", { type = "server", server = { id = 80 },
        use_private_ip = true }, 201,
        done() },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = with_targets } },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = with_targets } },
      { "POST /load_balancers/4711/actions/change_type", { load_balancer_type = "lb21" }, 201, done() },
      { "POST /load_balancers/4711/actions/delete_service", { listen_port = 80 }, 201, done() },
      { "POST /load_balancers/4711/actions/add_service", ssh, 201, done() },
      { "POST /load_balancers/4711/actions/remove_target", { type = "server", server = { id = 80 } }, 201, done() },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = with_targets } },
    })
    local want = {
      network = "4711",
      services = { { protocol = "http", listen = 80, port = 8080, sticky = true, check = { path = "/health" } } },
      targets = { { labels = "role=web" }, { server = "80" } },
    }
    local state, e = call(providers, "load_balancer", "create", {}, want)
    assert.is_nil(e)
    assert.same(want.services, state.services)
    assert.same(want.targets, state.targets)
    assert.equal("1.2.3.4", state.ip)
    e = select(2, call(providers, "load_balancer", "update", { applied = want }, "4711", {
      plan = "lb21", network = "4711", services = { { protocol = "tcp", listen = 22, check = { interval = 5 } } },
      targets = { { labels = "role=web" } },
    }))
    assert.is_nil(e)
    api.check()
  end))

  it("takes a load balancer off the internet when its targets have another way, and back", test(function()
    local lb = example("POST_load_balancers_201").load_balancer
    lb.name, lb.labels, lb.load_balancer_type.name, lb.services = "lb", labels(), "lb11", {}
    lb.public_net.enabled, lb.private_net = true, {}
    lb.targets = { { type = "server", server = { id = 80 }, use_private_ip = false } }
    local inside = json.decode(json.encode(lb))
    inside.public_net.enabled, inside.private_net = false, { { network = 9, ip = "10.0.0.2" } }
    inside.targets[1].use_private_ip = true
    local actions = "POST /load_balancers/4711/actions/"
    local function target(private)
      return { type = "server", server = { id = 80 }, use_private_ip = private }
    end
    local api <close>, providers = serve({
      { "GET /load_balancers/4711", nil, 200, { load_balancer = lb } },
      { actions .. "remove_target", target(nil), 201, done() },
      { actions .. "attach_to_network", { network = 9 }, 201, done() },
      { actions .. "add_target", target(true), 201, done() },
      { actions .. "disable_public_interface", nil, 201, done() },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = inside } },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = inside } },
      { actions .. "enable_public_interface", nil, 201, done() },
      { actions .. "remove_target", target(nil), 201, done() },
      { actions .. "detach_from_network", { network = 9 }, 201, done() },
      { actions .. "add_target", target(false), 201, done() },
      { "GET /load_balancers/4711", nil, 200, { load_balancer = lb } },
    })
    for _, want in ipairs({
      { name = "lb", network = "9", public = false, targets = { { server = "80" } } },
      { name = "lb", targets = { { server = "80" } } },
    }) do
      local applied = want.network and {} or { network = "9" }
      local _, e = call(providers, "load_balancer", "update", { applied = applied }, "4711", want)
      assert.is_nil(e)
    end
    api.check()
  end))

  it("makes an image of a server, and a placement group", test(function()
    local made = example("POST_servers_{id}_actions_create_image_201", { ["image.labels"] = labels() })
    local image = made.image
    local ready = json.decode(json.encode(image))
    ready.status = "available"
    local group = example("POST_placement_groups_201")
    local api <close>, providers = serve({
      { "POST /servers/42/actions/create_image", { type = "snapshot", description = "golden", labels = labels() },
        201, made },
      { "GET /images/4711", nil, 200, { image = ready } },
      { "POST /placement_groups", { name = "web-1", labels = labels(), type = "spread" }, 201, group },
      { "DELETE /images/4711", nil, 204 },
    })
    local state, e = call(providers, "image", "create", {}, { name = "golden", server = "42" })
    assert.is_nil(e)
    assert.same({ "my image", math.floor(2.3 * (1 << 30)) }, { state.name, state.size })
    assert.is_nil(state.incomplete)
    assert.equal("897", call(providers, "placement_group", "create", {}, {}).id)
    assert.is_true(call(providers, "image", "delete", {}, "4711"))
    api.check()
  end))

  it("keeps DNS zones and records", test(function()
    local made = { zone = recorded("hcloud-python-json/zones__zone1.json"), action = action(1) }
    made.zone.labels, made.zone.protection.delete = labels(), false
    local set = recorded("hcloud-python-json/zones__zone_rrset1.json")
    local txt = { id = "@/TXT", name = "@", type = "TXT", zone = 42, ttl = json.null, labels = labels(),
      protection = { change = false },
      records = { { value = '"v=spf1 -all"', comment = json.null } } }
    local api <close>, providers = serve({
      { "POST /zones", { name = "example.com", mode = "primary", ttl = 3600, labels = labels() }, 201, made },
      { "GET /zones/42", nil, 200, { zone = made.zone } },
      { "POST /zones/42/rrsets", { name = "@", type = "TXT", records = { { value = '"v=spf1 -all"' } },
        labels = labels() },
        201, { rrset = txt, action = action(1) } },
      { "GET /zones/42/rrsets/@/TXT", nil, 200, { rrset = txt } },
      { "GET /zones/42/rrsets/www/A", nil, 200, { rrset = set } },
      { "PUT /zones/42/rrsets/www/A", { labels = labels() }, 200, { rrset = set } },
      { "POST /zones/42/rrsets/www/A/actions/set_records", { records = { { value = "198.51.100.1" },
        { value = "198.51.100.2" } } },
        201, done() },
      { "POST /zones/42/rrsets/www/A/actions/change_ttl", { ttl = 300 }, 201, done() },
      { "GET /zones/42/rrsets/www/A", nil, 200, { rrset = set } },
      { "GET /zones/42/rrsets?label_selector=prov-key==k1", nil, 200, list("rrsets", { txt }) },
      { "DELETE /zones/42/rrsets/www/A", nil, 201, done() },
      { "DELETE /zones/42", nil, 201, done() },
    })
    local zone, e = call(providers, "dns_zone", "create", {}, { name = "example.com", ttl = "1h" })
    assert.is_nil(e)
    assert.same({ "42", 10800, "hydrogen.ns.hetzner.com." }, { zone.id, zone.ttl, zone.nameservers[1] })
    local record, adopted
    record, e, adopted = call(providers, "dns_record", "create", {}, {
      zone = "42", name = "@", type = "TXT", values = { "v=spf1 -all" },
    })
    assert.is_nil(e)
    assert.same({ "42/@/TXT" }, adopted)
    assert.same({ "v=spf1 -all" }, record.values)
    e = select(2, call(providers, "dns_record", "update", { applied = {} }, "42/www/A", {
      zone = "42", name = "www", type = "A", values = { "198.51.100.2", "198.51.100.1" }, ttl = 300,
    }))
    assert.is_nil(e)
    assert.equal("42/@/TXT", call(providers, "dns_record", "find", { want = { zone = "42" } }, "k1").id)
    assert.is_true(call(providers, "dns_record", "delete", {}, "42/www/A"))
    assert.is_true(call(providers, "dns_zone", "delete", {}, "42"))
    api.check()
  end))

  it("knows a zone by the name that a record was asked for with", test(function()
    local set = { zone = 42, name = "www", type = "A", records = {}, labels = {} }
    local api <close>, providers = serve({
      { "GET /zones/example.org/rrsets/www/A", nil, 200, { rrset = set } },
      { "GET /zones/example.org", nil, 200, { zone = { id = 42, name = "example.org" } } },
      { "GET /zones/example.org/rrsets/www/A", nil, 200, { rrset = set } },
    })
    for _ = 1, 2 do
      local state = call(providers, "dns_record", "read", { recorded = { zone = "example.org" } },
        "example.org/www/A")
      assert.same({ "example.org", "42/www/A" }, { state.zone, state.id })
    end
    api.check()
  end))

  it("tells what the project can have, and asks for it once", test(function()
    local types = { recorded("hcloud-go-json/schema__TestServerTypeSchema__17.json") }
    local answers = {
      ["/v1/server_types"] = list("server_types", types), ["/v1/locations"] = ZONES[4],
      ["/v1/images"] = recorded("hcloud-python-json/images__two_images_response.json"),
      ["/v1/pricing"] = { pricing = recorded("hcloud-go-json/schema__TestPricingSchema__39.json") },
      ["/v1/servers"] = list("servers", {}),
    }
    local function price(location, month, hour)
      return { location = location, price_monthly = { net = month, gross = "9" },
        price_hourly = { net = hour, gross = "9" } }
    end
    types[1].prices = { price("hel1", "0.5000", "0.1"), price("fsn1", "1.0000", "0.2"), price("ash", "4.0000", "0.4") }
    answers["/v1/servers"].meta.pagination.total_entries = 3
    local api = require("prov.http_server").listen({}, function(request)
      hetzner.asked[#hetzner.asked + 1] = { method = "GET", path = request.path, query = request.query }
      local answer = answers[request.path]
      request:respond(answer and 200 or 401, { ["Content-Type"] = "application/json" },
        json.encode(answer or problem("unauthorized")))
    end)
    local providers = hetzner.providers(("http://127.0.0.1:%d/v1"):format(api.port))
    local catalog = assert(providers:declaration("hetzner")).catalog
    local before = #hetzner.asked
    local found = assert(catalog(assert(providers:ctx("hetzner"))))
    assert.equal(found, catalog(assert(providers:ctx("hetzner"))))
    assert.equal(4, #hetzner.asked - before)
    assert.same({ "cx22", 4, 1 << 30, 20 << 30, 1 }, {
      found.plans[1].name, found.plans[1].cpus, found.plans[1].memory, found.plans[1].disk, found.plans[1].price,
    })
    assert.same({ "fsn1", "eu-central" }, { found.zones[1].name, found.zones[1].network_zone })
    assert.equal("4711", found.images[1].id)
    assert.same({ "EUR", 1, 20, 1 }, {
      found.currency, found.prices.volume.per_gib, found.prices.backups.percent_of_server,
      found.prices.address_floating_ipv4.base,
    })
    local cost = require("prov.cost")
    assert.same({ 4, 0.4 }, { cost.of(found, "server", { plan = "cx22", zone = "ash" }) })
    assert.same({ 1, 0.2 }, { cost.of(found, "server", { plan = "cx22" }) }) -- in the provider's zone
    local account = assert(providers:declaration("hetzner")).account
    assert.same({ detail = "a project with 3 servers" }, account(assert(providers:ctx("hetzner"))))
    answers["/v1/servers"] = nil
    local _, e = account(assert(providers:ctx("hetzner")))
    assert.equal("denied", e.code)
    api:close()
  end))

  it("refuses what it cannot be asked, at the field", function()
    local providers = hetzner.providers("http://127.0.0.1:1/v1")
    local resources = assert(providers:declaration("hetzner")).resources
    local function refused(kind, want)
      local _, problems = require("prov.contract").compile(resources[kind].schema):complete(want)
      return tostring(problems and problems[1])
    end
    assert.matches("size: must be a whole number of GiB", refused("volume", { size = "10.5 GiB" }))
    assert.matches("there is no field 'encrypted'", refused("volume", { size = "10 GiB", encrypted = true }))
    assert.matches("labels: 'prov%-key' is a label of prov's own",
      refused("network", { cidr = "10.0.0.0/8", labels = { ["prov-key"] = "x" } }))
    for _, name in ipairs({ "not ok", "-a", "a/", "x/y/z w", ("a"):rep(64) }) do
      assert.matches("is no name of a label", refused("network", { cidr = "10.0.0.0/8", labels = { [name] = "x" } }))
    end
    assert.equal("nil", refused("network", { cidr = "10.0.0.0/8", labels = { ["example.org/a_b"] = "x", a = "" } }))
    assert.matches("public: a server needs a way to it",
      refused("server", { plan = "cx22", image = "debian-12", public = false }))
    assert.equal("nil", refused("server", { plan = "cx22", image = "debian-12", public = false, ipv6 = true }))
    assert.matches("comment: is for addresses of type floating only",
      refused("address", { type = "primary", comment = "x" }))
    assert.matches("icmp has no ports", refused("firewall", { rules = { { protocol = "icmp", ports = { 1 } } } }))
    assert.matches("needs one of server, ip and labels", refused("load_balancer", { targets = { {} } }))
    assert.matches("labels%.a: ", refused("network", { cidr = "10.0.0.0/8", labels = { a = "not ok" } }))
  end)

  it("asks for nothing that the OpenAPI does not know", test(function()
    local problems, skipped = hetzner.openapi_problems()
    if skipped then
      return pending(skipped)
    end
    assert.equal("", problems)
  end))
end)
