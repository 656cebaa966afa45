--- The provider upcloud, request by request: what lists tell, what they leave open, and what nobody asks for twice.

local test = require("support.async").test
local upcloud = require("support.upcloud")

local A, B = "00aaaaaa-0000-4000-8000-000000000001", "00aaaaaa-0000-4000-8000-000000000002"
local LAN, DMZ = "03aaaaaa-0000-4000-8000-000000000001", "03aaaaaa-0000-4000-8000-000000000002"
local DISK = "01aaaaaa-0000-4000-8000-000000000001"
local SERVICE = "12aaaaaa-0000-4000-8000-000000000001"

--- A server as the list of the API has it (by a recording of 2023).
local function row(uuid, change)
  local one = {
    uuid = uuid, hostname = "web-1", title = "web-1", plan = "1xCPU-1GB", core_number = "1", memory_amount = "1024",
    zone = "fi-hel1", state = "started", simple_backup = "no", license = 0, tags = { tag = {} },
    labels = { label = { { key = "team", value = "shop" }, { key = "prov-key", value = "k1" } } },
  }
  for field, v in pairs(change or {}) do
    one[field] = v
  end
  return one
end

local function recorded(uuid, change)
  local state = {
    id = uuid, name = "web-1", plan = "1xCPU-1GB", zone = "fi-hel1", image = "debian-12", keys = {}, networks = {},
    network = LAN, private_ip = "10.0.0.2", public = true, ipv6 = false, utility = false, backups = false,
    ip = "94.237.1.1", ssh = { host = "94.237.1.1", port = 22, user = "root" }, labels = { team = "shop" },
    disk_id = DISK, status = "running",
  }
  for field, v in pairs(change or {}) do
    state[field] = v ~= "none" and v or nil
  end
  return state
end

local function ip(server, address, change)
  local one = { access = "public", address = address, family = "IPv4", server = server, zone = "fi-hel1" }
  for field, v in pairs(change or {}) do
    one[field] = v
  end
  return one
end

local function servers(...)
  return { "GET /server", 200, { servers = { server = { ... } } } }
end

local function addresses(...)
  return { "GET /ip_address", 200, { ip_addresses = { ip_address = { ... } } } }
end

--- The list of networks: { id = { uuids of servers } }.
local function networks(members)
  local out = {}
  for _, id in ipairs({ LAN, DMZ }) do
    local list = {}
    for i, uuid in ipairs(members[id] or {}) do
      list[i] = { uuid = uuid, title = "x" }
    end
    out[#out + 1] = { uuid = id, type = "private", name = "n", zone = "fi-hel1", servers = { server = list } }
  end
  out[#out + 1] = { uuid = "03000000-0000-4000-8044-000000000000", type = "public", name = "p", zone = "fi-hel1" }
  return { "GET /network", 200, { networks = { network = out } } }
end

--- Lists the servers that are recorded: states by id, and the error.
local function list(exchanges, known, kind)
  local api <close>, call = upcloud.open(exchanges)
  local states, e = call(kind or "server", "list", {
    recorded_of = function(id)
      return known[id]
    end,
  })
  api.check()
  local out = {}
  for _, one in ipairs(states or {}) do
    out[one.id] = one
  end
  return states and out, e
end

describe("the servers of upcloud in lists", function()
  it("are as they were read, from three requests for all of them", test(function()
    local known = { [A] = recorded(A), [B] = recorded(B, { private_ip = "10.0.0.3", ip = "94.237.1.2" }) }
    local found = list({
      servers(row(A), row(B), row("00aaaaaa-0000-4000-8000-00000000000f")),
      addresses(ip(A, "94.237.1.1"), ip(B, "94.237.1.2"), ip(A, "10.0.0.2", { access = "private" }),
        ip(B, "94.237.9.9", { floating = "yes" })),
      networks({ [LAN] = { A, B } }),
    }, known)
    assert.same(known, found) -- the third one is nobody's
  end))

  it("tell what a person has changed", test(function()
    local found = list({
      servers(row(A, { title = "hacked", plan = "2xCPU-4GB", state = "stopped", simple_backup = "0100,daily",
        server_group = "0bgroup", labels = { label = {} } })),
      addresses(ip(A, "94.237.1.1", { ptr_record = "evil.example.com" })),
      networks({ [LAN] = { A } }),
    }, { [A] = recorded(A, { ptr = "www.example.com" }) })
    assert.same(recorded(A, {
      title = "hacked", plan = "2xCPU-4GB", status = "stopped", backups = true, placement_group = "0bgroup",
      labels = {}, ptr = "evil.example.com",
    }), found[A])
  end))

  it("are left to a read when they are not where they were", test(function()
    local moved = {
      ["another public address"] = { { ip(A, "94.237.1.9") }, { [LAN] = { A } } },
      ["no public address"] = { {}, { [LAN] = { A } } },
      ["two of them"] = { { ip(A, "94.237.1.1"), ip(A, "94.237.1.2") }, { [LAN] = { A } } },
      ["an IPv6 address"] = { { ip(A, "94.237.1.1"), ip(A, "2a04::1", { family = "IPv6" }) }, { [LAN] = { A } } },
      ["an address of the utility network"] = {
        { ip(A, "94.237.1.1"), ip(A, "10.1.0.1", { access = "utility" }) }, { [LAN] = { A } },
      },
      ["another private address"] = {
        { ip(A, "94.237.1.1"), ip(A, "10.0.0.9", { access = "private" }) }, { [LAN] = { A } },
      },
      ["another network"] = { { ip(A, "94.237.1.1") }, { [DMZ] = { A } } },
      ["one network more"] = { { ip(A, "94.237.1.1") }, { [LAN] = { A }, [DMZ] = { A } } },
      ["nothing at all"] = { {}, {} },
    }
    for what, seen in pairs(moved) do
      local found = list({ servers(row(A)), addresses(table.unpack(seen[1])), networks(seen[2]) }, {
        [A] = recorded(A),
      })
      assert.same({}, found, what)
    end
  end))

  it("need the list of storages only for disks that the infra has a word about", test(function()
    local known = { [A] = recorded(A, { disk = 20 << 30 }), [B] = recorded(B) }
    local exchanges = {
      servers(row(A), row(B)), addresses(ip(A, "94.237.1.1"), ip(B, "94.237.1.1")), networks({ [LAN] = { A, B } }),
      { "GET /storage/private?servers=yes", 200, { storages = { storage = {
        { uuid = DISK, size = 30, tier = "maxiops", type = "normal", title = "d", zone = "fi-hel1" },
      } } } },
    }
    local found = list(exchanges, known)
    assert.equal(30 << 30, found[A].disk)
    assert.is_nil(found[B].disk)
    exchanges[4][3] = { storages = { storage = {} } } -- another disk: a read has to say which
    found = list(exchanges, known)
    assert.is_nil(found[A])
    assert.same(known[B], found[B])
  end))

  it("are read one by one for who may see nothing but servers, and a list that fails is an error", test(function()
    local denied = { "GET /ip_address", 403, upcloud.error("PERMISSION_DENIED") }
    assert.same({}, list({ servers(row(A)), denied }, { [A] = recorded(A) }))
    local found, e = list({ servers(row(A)), { "GET /ip_address", 400, upcloud.error("BAD") } }, { [A] = recorded(A) })
    assert.is_nil(found)
    assert.equal("invalid", e.code)
  end))
end)

describe("a server of upcloud", function()
  local IMAGE = "01000000-0000-4000-8000-000020070100"
  local PLANS = { "GET /plan", 200, { plans = { plan = {
    { name = "1xCPU-1GB", core_number = 1, memory_amount = 1024, storage_size = 25, storage_tier = "maxiops" },
  } } } }

  local function made(change)
    local one = row(A, {
      state = "maintenance", labels = { label = {} },
      networking = { interfaces = { interface = {
        { index = 1, type = "public", mac = "m", network = "n", ip_addresses = { ip_address = {
          { address = "94.237.1.1", family = "IPv4", floating = "no" },
        } } },
      } } },
      storage_devices = { storage_device = {
        { address = "virtio:0", boot_disk = "0", storage = DISK, storage_size = 25, storage_tier = "maxiops" },
        { address = "virtio:1", boot_disk = "0", storage = "01volume", storage_size = 10, storage_tier = "maxiops" },
      } },
    })
    for field, v in pairs(change or {}) do
      one[field] = v
    end
    return one
  end

  it("is made and waited for, and nothing else is asked", test(function()
    local api <close>, call = upcloud.open({
      PLANS, { "POST /server", 202, { server = made() } }, servers(row(A, { state = "maintenance" })), servers(row(A)),
    })
    local state, e = call("server", "create", {}, { image = IMAGE, backups = false })
    api.check()
    assert.is_nil(e)
    assert.same({ "94.237.1.1", DISK, "running" }, { state.ip, state.disk_id, state.status })
  end))

  it("is looked at when the answer has no address yet, or a list does not have it", test(function()
    local empty = made({ networking = { interfaces = { interface = {
      { index = 1, type = "public", mac = "m", network = "n", ip_addresses = { ip_address = {} } },
    } } } })
    local api <close>, call = upcloud.open({
      PLANS, { "POST /server", 202, { server = empty } }, servers(), { "GET /server/" .. A, 200, { server = made() } },
      servers(row(A)), { "GET /server/" .. A, 200, { server = made({ state = "started" }) } },
    })
    local state, e = call("server", "create", {}, { image = IMAGE })
    api.check()
    assert.is_nil(e)
    assert.equal("94.237.1.1", state.ip)
  end))

  local STOP, DELETE = "POST /server/" .. A .. "/stop", "DELETE /server/" .. A .. "?storages=1"
  local DETACH = { "POST /server/" .. A .. "/storage/detach", 200, { server = made() },
    { storage_device = { address = "virtio:1" } } }

  it("is deleted with its own disk, of which the answer to the stop tells", test(function()
    local api <close>, call = upcloud.open({
      { STOP, 200, { server = made({ state = "started" }) } }, servers(row(A)), servers(row(A, { state = "stopped" })),
      DETACH, { DELETE, 204 },
    })
    assert.is_true(call("server", "delete", {}, A))
    api.check()
  end))

  it("is deleted at once when it is stopped already, and gone when it is gone", test(function()
    local api <close>, call = upcloud.open({
      { STOP, 409, upcloud.error("SERVER_STATE_ILLEGAL") },
      { "GET /server/" .. A, 200, { server = made({ state = "stopped" }) } }, DETACH, { DELETE, 204 },
      { STOP, 404, upcloud.error("SERVER_NOT_FOUND") },
    })
    assert.is_true(call("server", "delete", {}, A))
    assert.is_true(call("server", "delete", {}, A))
    api.check()
  end))
end)

describe("the storages of upcloud in lists", function()
  local V = "01aaaaaa-0000-4000-8000-00000000000a"
  local function storages(one)
    one.uuid, one.title, one.size, one.tier, one.zone = V, "data", 20, "maxiops", "fi-hel1"
    one.type, one.state, one.access = "normal", "online", "private"
    return { "GET /storage/private?servers=yes", 200, { storages = { storage = { one } } } }
  end
  local function state(change)
    local out = {
      id = V, name = "data", size = 20 << 30, zone = "fi-hel1", type = "maxiops", encrypted = true,
      labels = { team = "shop" },
    }
    for field, v in pairs(change or {}) do
      out[field] = v
    end
    return out
  end

  it("have their server where the list says so, and are left to a read where it does not", test(function()
    local attached = state({ server = A, device = "/dev/disk/by-id/virtio-01aaaaaa000040008000" })
    local function seen(one, known)
      one.encrypted, one.labels = "yes", { { key = "team", value = "shop" } }
      return list({ storages(one) }, { [V] = known }, "volume")
    end
    assert.same({ [V] = attached }, seen({ servers = { server = { A } } }, attached))
    assert.same({ [V] = state() }, seen({ servers = { server = {} } }, attached))
    assert.same({ [V] = state() }, seen({}, state()))
    assert.same({}, seen({}, attached))
    assert.same({}, seen({ servers = { server = {} } }, state({ backup_rule = { interval = "daily" } })))
  end))

  it("are those that are no server's own disk, when somebody looks for what there is", test(function()
    local function storage(uuid, server)
      return { uuid = uuid, title = "t", size = 10, tier = "maxiops", zone = "fi-hel1", type = "normal",
        state = "online", servers = { server = { server } } }
    end
    local loose = "01aaaaaa-0000-4000-8000-00000000000b"
    local exchanges = { { "GET /storage/private?servers=yes", 200, { storages = { storage = {
      storage(DISK, A), storage(V, A), storage(loose),
    } } } } }
    for _, one in ipairs({ storage(DISK, A), storage(V, A), storage(loose) }) do
      exchanges[#exchanges + 1] = { "GET /storage/" .. one.uuid, 200, { storage = one } }
    end
    exchanges[#exchanges + 1] = { "GET /server/" .. A, 200, { server = row(A, { storage_devices = { storage_device = {
      { storage = V, boot_disk = "0", address = "virtio:1" }, { storage = DISK, boot_disk = "1", address = "virtio:0" },
    } } }) } }
    local server <close>, call = upcloud.open(exchanges)
    local states = assert(call("volume", "list", {}))
    server.check()
    assert.same({ V, loose }, { states[1].id, states[2].id })
    assert.is_nil(states[3])
  end))

  it("are not said to have changed in what rows of older accounts lack", test(function()
    assert.same({ [V] = state() }, list({ storages({}) }, { [V] = state() }, "volume"))
    local found = list({ { "GET /storage/backup", 200, { storages = { storage = {
      { uuid = V, title = "before [k1]", size = 10, type = "backup", state = "online", zone = "fi-hel1" },
    } } } } }, { [V] = { id = V, name = "before", volume = DISK, size = 10 << 30, labels = {} } }, "snapshot")
    assert.equal(DISK, found[V].volume)
  end))
end)

describe("a bucket of upcloud", function()
  local REGIONS = { "GET /object-storage-2/regions", 200, {
    { name = "europe-1", primary_zone = "fi-hel2", zones = { { name = "fi-hel2" }, { name = "fi-hel1" } } },
    { name = "europe-3", primary_zone = "fi-hel1", zones = { { name = "fi-hel1" } } },
  } }
  local function service(change)
    local one = {
      uuid = SERVICE, name = "prov-spec-europe-3", region = "europe-3", operational_state = "running", users = {},
      labels = { { key = "prov-buckets", value = "spec" } },
      endpoints = { { domain_name = "07ftk.upcloudobjects.com", type = "public" } },
    }
    for field, v in pairs(change or {}) do
      one[field] = v
    end
    return one
  end
  local ALL, ONE = "GET /object-storage-2?limit=100&offset=0", "/object-storage-2/" .. SERVICE
  local BUCKETS = "GET " .. ONE .. "/buckets?limit=100&offset=0"
  local function bucket(change)
    local one = { name = "files", deleted = false, total_objects = 0, total_size_bytes = 0 }
    for field, v in pairs(change or {}) do
      one[field] = v
    end
    return one
  end
  local STATE = {
    id = SERVICE .. "/files", name = "files", service = SERVICE, zone = "fi-hel1",
    endpoint = "https://07ftk.upcloudobjects.com",
  }

  it("gets a service of the workspace in the region that is at home in its zone", test(function()
    local api <close>, call = upcloud.open({
      REGIONS,
      { ALL, 200, { service({ labels = {} }), service({ region = "europe-1" }),
        service({ labels = { { key = "prov-buckets", value = "other" } } }) } },
      { "POST /object-storage-2", 201, service({ operational_state = "pending" }), {
        name = "prov-spec-europe-3", region = "europe-3", configured_status = "started",
        labels = { { key = "prov-buckets", value = "spec" } },
        networks = { { name = "public", type = "public", family = "IPv4" } },
      } },
      { "GET " .. ONE, 200, service({ operational_state = "setup-dns" }) },
      { "GET " .. ONE, 200, service() },
      { BUCKETS, 200, { bucket({ name = "other" }), bucket({ deleted = true }) } },
      { "POST " .. ONE .. "/buckets", 201, bucket(), { name = "files" } },
    })
    local state, e = call("bucket", "create", {}, { name = "files" })
    api.check()
    assert.is_nil(e)
    assert.same(STATE, state)
  end))

  it("is never one that is there already", test(function()
    local api <close>, call = upcloud.open({
      { "GET " .. ONE, 200, service() }, { "GET " .. ONE, 200, service() }, { BUCKETS, 200, { bucket() } },
    })
    local _, e = call("bucket", "create", {}, { name = "files", service = SERVICE })
    api.check()
    assert.equal("exists", e.code)
    assert.is_nil(call("bucket", "find", { want = { name = "files" }, failure = e }, "k1"))
    api.check()
  end))

  it("is found by its name, and gone when it is being deleted", test(function()
    local api <close>, call = upcloud.open({
      REGIONS, { ALL, 200, { service() } }, { BUCKETS, 200, { bucket() } },
      { "GET " .. ONE, 200, service() }, { BUCKETS, 200, { bucket({ deleted = true }) } },
      { "GET " .. ONE, 404, upcloud.problem("RESOURCE_NOT_FOUND") },
    })
    assert.same(STATE, (call("bucket", "find", {
      want = { name = "files" }, failure = { code = "timeout" },
    }, "k1")))
    assert.is_nil(call("bucket", "read", {}, STATE.id))
    assert.is_nil(call("bucket", "read", {}, STATE.id))
    api.check()
  end))

  it("keeps its objects: only an empty one is deleted, and the service with the last of them", test(function()
    local api <close>, call = upcloud.open({
      { BUCKETS, 200, { bucket({ total_objects = 3 }) } },
      { BUCKETS, 200, { bucket() } }, { "DELETE " .. ONE .. "/buckets/files", 204 },
      { BUCKETS, 200, { bucket({ deleted = true }) } }, { BUCKETS, 200, {} },
      { "GET " .. ONE, 200, service() }, { BUCKETS, 200, {} }, { "DELETE " .. ONE, 204 },
    })
    local _, e = call("bucket", "delete", {}, STATE.id)
    assert.equal("conflict", e.code)
    assert.is_true(call("bucket", "delete", {}, STATE.id))
    api.check()
  end))

  it("leaves a service that somebody else made, or that has other buckets", test(function()
    for _, after in ipairs({ { service({ labels = {} }) }, { service(), { bucket({ name = "other" }) } } }) do
      local api <close>, call = upcloud.open({
        { BUCKETS, 200, { bucket() } }, { "DELETE " .. ONE .. "/buckets/files", 204 }, { BUCKETS, 200, {} },
        { "GET " .. ONE, 200, after[1] }, after[2] and { BUCKETS, 200, after[2] },
      })
      assert.is_true(call("bucket", "delete", {}, STATE.id))
      api.check()
    end
  end))
end)
