--- Servers. A stop answers "started" and is waited for; what needs a stopped server stops it and starts it again.

local api = require("api")
local images = require("images")
local inventory = require("inventory")
local told = require("server_state")

local M = {}

local DAILY_BACKUPS = "0300,dailies" -- the time is UTC; "dailies" are seven

local function get(ctx, id)
  return api.call(ctx, "get", "/server/" .. id, nil, "server")
end

--- The reverse name of the public address.
local function read_ptr(ctx, state)
  if not (state.ptr and state.public) then
    return state
  end
  local address, e = api.call(ctx, "get", "/ip_address/" .. state.ip, nil, "ip_address")
  if not address then
    return nil, e
  end
  state.ptr = address.ptr_record
  return state
end

function M.read(ctx, id)
  local server, e = get(ctx, id)
  if not server then
    return api.absent(nil, e)
  end
  return read_ptr(ctx, told.state(ctx, server))
end

local function interface(kind, family, network, address)
  local one = { family = family, address = address }
  return { type = kind, network = network, ip_addresses = { ip_address = { one } } }
end

local function interfaces(ctx, want)
  local out = {}
  if want.public then
    out[#out + 1] = interface("public", "IPv4")
  end
  if want.ipv6 then
    out[#out + 1] = interface("public", "IPv6")
  end
  if want.utility then
    out[#out + 1] = interface("utility", "IPv4")
  end
  if want.network then
    out[#out + 1] = interface("private", "IPv4", want.network, want.private_ip)
  end
  for _, one in ipairs(want.networks or {}) do
    out[#out + 1] = interface("private", "IPv4", one.network, one.private_ip)
  end
  return ctx.json.list(out)
end

local function plan_fields(want)
  if want.plan == "custom" then
    return { core_number = tostring(want.cpus), memory_amount = tostring(want.memory // (1 << 20)) }
  end
  return { plan = want.plan }
end

--- The disk a server gets: of the plan's size and tier when nothing else is wanted.
local function disk_of(ctx, want, image)
  local plan, e = images.plan(ctx, want.plan)
  if e then
    return nil, e
  end
  local gib = want.disk and api.gib(want.disk) or plan and plan.storage_size
  return {
    action = "clone",
    storage = image,
    title = api.name(ctx, want) .. "-disk",
    size = gib and gib > 0 and gib or nil,
    tier = want.disk_tier or plan and plan.storage_tier or nil,
  }
end

function M.create(ctx, want)
  local disk
  local image, e = images.find(ctx, want.image)
  if image then
    disk, e = disk_of(ctx, want, image)
  end
  if not disk then
    return nil, e
  end
  local keys = { ctx.user_key }
  for _, key in ipairs(want.keys) do
    keys[#keys + 1] = key
  end
  local server = plan_fields(want)
  server.zone = want.zone or ctx.config.zone
  server.hostname = api.name(ctx, want)
  server.title = want.title or server.hostname
  server.metadata = "yes" -- cloud-init templates refuse to be without
  server.password_delivery = "none"
  server.labels = { label = api.labels(ctx, want.labels, ctx.key) }
  server.login_user = { username = "root", create_password = "no", ssh_keys = { ssh_key = keys } }
  server.user_data = want.user_data
  server.server_group = want.placement_group
  server.simple_backup = want.backups and DAILY_BACKUPS or nil
  server.networking = { interfaces = { interface = interfaces(ctx, want) } }
  server.storage_devices = { storage_device = { disk } }
  local made
  made, e = api.call(ctx, "post", "/server", { server = server }, "server")
  if not made then
    return nil, e
  end
  ctx.adopt(made.uuid)
  return M.settle(ctx, made.uuid, want, made)
end

local function set_ptr(ctx, want, state)
  if not want.ptr or want.ptr == state.ptr then
    return true
  end
  return api.call(ctx, "patch", "/ip_address/" .. state.ip, { ip_address = { ptr_record = want.ptr } })
end

local function has_addresses(server)
  local all = told.interfaces(server)
  for _, one in ipairs(all) do
    if #api.items(one.ip_addresses, "ip_address") == 0 then
      return false
    end
  end
  return #all > 0
end

--- Waits until a server runs, and gives its state with what it was made of. The answer of its creation, when that is
-- at hand, tells its addresses and disk already.
function M.settle(ctx, id, want, made)
  local ok, e = api.wait_server(ctx, id, "started")
  local server
  if ok and made and has_addresses(made) then
    server = made
    server.state = "started"
  elseif ok then
    server, e = get(ctx, id)
  end
  if not server then
    return nil, e
  end
  local state = told.state(ctx, server)
  ok, e = set_ptr(ctx, want, state)
  if not ok then
    return nil, e
  end
  for _, field in ipairs({ "image", "user_data", "keys", "ptr", "disk", "disk_tier" }) do
    state[field] = want[field]
  end
  return state
end

local function all(ctx)
  return api.call(ctx, "get", "/server", nil, "servers", "server")
end

function M.find(ctx, key)
  local servers, e = all(ctx)
  local found
  if servers then
    found, e = api.with_key(ctx, servers, key)
  end
  if not found then
    return nil, e
  end
  local ok
  ok, e = api.wait_server(ctx, found.uuid, found.state == "stopped" and "stopped" or "started")
  if not ok then
    return nil, e
  end
  return M.read(ctx, found.uuid)
end

--- Servers that are recorded, as lists tell them. One that has moved is left out: prov reads what a list lacks.
function M.list(ctx)
  local rows, e = all(ctx)
  if not rows then
    return nil, e
  elseif not ctx.recorded_of then -- who knows none of them wants them in full
    return api.read_all(ctx, M.read, rows)
  end
  local ours, has_disks = {}, false
  for _, row in ipairs(rows) do
    local recorded = ctx.recorded_of(row.uuid)
    ours[#ours + 1] = recorded and { row = row, recorded = recorded } or nil
    has_disks = has_disks or recorded and (recorded.disk or recorded.disk_tier) ~= nil
  end
  local seen, disks
  seen, e = inventory.servers(ctx)
  if seen and has_disks then
    disks, e = inventory.disks(ctx)
  end
  if e and e.code == "denied" then
    return {} -- a subaccount that may see its servers only: they are read one by one
  elseif e then
    return nil, e
  end
  local out = {}
  for _, one in ipairs(ours) do
    local wanted = (one.recorded.disk or one.recorded.disk_tier) and disks or nil
    out[#out + 1] = told.listed(one.row, one.recorded, seen[one.row.uuid], wanted)
  end
  return out
end

local function stopping(how)
  return { stop_server = { stop_type = how, timeout = "120" } }
end

local function stop(ctx, id, how)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/stop", stopping(how))
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "stopped")
end

local function start(ctx, id)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/start", { server = {} })
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "started")
end

--- Runs fn while the server is stopped, and starts it: one that is stopped already is so by an earlier try.
local function stopped(ctx, id, fn)
  local server, e = get(ctx, id)
  if not server then
    return nil, e
  end
  local ok = true
  if server.state ~= "stopped" then
    ok, e = stop(ctx, id, "soft")
  end
  if ok then
    ok, e = fn(server)
  end
  if ok then
    ok, e = start(ctx, id)
  end
  return ok, e
end

--- Takes the server out of networks it should not be in, and puts it into the others.
local function change_networks(ctx, id, server, want)
  local wanted = {}
  for _, one in ipairs(interfaces(ctx, want)) do
    if one.type == "private" then
      wanted[#wanted + 1] = one
    end
  end
  local kept = {}
  for _, has in ipairs(told.privates(server)) do
    local match
    for i, one in ipairs(wanted) do
      local address = one.ip_addresses.ip_address[1].address
      if not match and not kept[i] and one.network == has.network and (not address or address == has.ip) then
        match, kept[i] = i, true
      end
    end
    if not match then
      local ok, e = api.remove(ctx, ("/server/%s/networking/interface/%d"):format(id, has.index))
      if not ok then
        return nil, e
      end
    end
  end
  for i, one in ipairs(wanted) do
    if not kept[i] then
      local ok, e = api.call(ctx, "post", ("/server/%s/networking/interface"):format(id), { interface = one })
      if not ok then
        return nil, e
      end
    end
  end
  return true
end

--- The private networks of `of` as a text; addresses where `want` cares for them.
local function networks_text(ctx, of, want)
  local out = ctx.json.list({ { of.network or "", want.private_ip and of.private_ip or "" } })
  for i, one in ipairs(of.networks or {}) do
    local asked = (want.networks or {})[i]
    out[i + 1] = { one.network, asked and asked.private_ip and one.private_ip or "" }
  end
  return ctx.json.encode(out)
end

function M.update(ctx, id, want, old)
  local server, e = get(ctx, id)
  if not server then
    return nil, e
  end
  local _, key = api.from_labels(server.labels)
  local hostname = api.name(ctx, want)
  local has_backups = told.state(ctx, server).backups
  local body
  body, e = api.call(ctx, "put", "/server/" .. id, { server = {
    hostname = hostname,
    title = want.title or hostname,
    labels = { label = api.labels(ctx, want.labels, key) },
    simple_backup = want.backups ~= has_backups and (want.backups and DAILY_BACKUPS or "no") or nil,
  } })
  if not body then
    return nil, e
  end
  local resized = want.plan ~= server.plan or want.cpus ~= old.cpus or want.memory ~= old.memory
  local moved = networks_text(ctx, want, want) ~= networks_text(ctx, old, want)
  local disk = told.own_disk(server)
  local grown = want.disk and disk and api.gib(want.disk) > disk.storage_size
  if resized or moved or grown then
    local ok
    ok, e = stopped(ctx, id, function(now)
      local done, failure = true, nil
      if resized then
        done, failure = api.call(ctx, "put", "/server/" .. id, { server = plan_fields(want) })
      end
      if done and grown then
        done, failure = api.call(ctx, "put", "/storage/" .. disk.storage, {
          storage = { size = tostring(api.gib(want.disk)) },
        })
      end
      if done and moved then
        done, failure = change_networks(ctx, id, now, want)
      end
      return done, failure
    end)
    if not ok then
      return nil, e
    end
  elseif server.state == "stopped" then
    local ok
    ok, e = start(ctx, id) -- a server of the infra runs
    if not ok then
      return nil, e
    end
  end
  return M.settle(ctx, id, want)
end

--- Stops a server that will be deleted, and gives it; nil alone when it is gone. Most of them run, so that its state
-- is looked at only when it cannot be stopped.
local function halt(ctx, id)
  local client, e = api.client(ctx)
  local body, server
  if client then
    body, e = client:request({
      method = "POST", path = "/server/" .. id .. "/stop", body = stopping("hard"), patience = 0,
    })
    server, e = api.at(ctx, body, e, "server")
  end
  if server then
    local ok
    ok, e = api.wait_server(ctx, id, "stopped")
    return ok and server, e
  elseif e.code == "unavailable" then
    server, e = get(ctx, id)
  end
  if not server then
    return api.absent(nil, e)
  end
  local ok = server.state == "stopped" or server.state == "error"
  if not ok then
    ok, e = stop(ctx, id, "hard")
  end
  return ok and server, e
end

--- Only the disk that was made with the server goes with it: volumes are detached before.
function M.delete(ctx, id)
  local server, e = halt(ctx, id)
  if not server then
    return not e or nil, e
  end
  local own = told.own_disk(server)
  for _, one in ipairs(api.items(server.storage_devices, "storage_device")) do
    if one ~= own then
      local ok
      ok, e = api.call(ctx, "post", ("/server/%s/storage/detach"):format(id), {
        storage_device = { address = one.address },
      })
      if not ok then
        return nil, e
      end
    end
  end
  return api.remove(ctx, "/server/" .. id, { storages = 1 })
end

local function act(fn)
  return function(ctx, id)
    local ok, e = fn(ctx, id)
    if not ok then
      return nil, e
    end
    return M.read(ctx, id)
  end
end

M.action_start = act(start)

M.action_stop = act(function(ctx, id)
  return stop(ctx, id, "soft")
end)

M.action_restart = act(function(ctx, id)
  local body, e = api.call(ctx, "post", "/server/" .. id .. "/restart", {
    restart_server = { stop_type = "soft", timeout = "120", timeout_action = "destroy" },
  })
  if not body then
    return nil, e
  end
  return api.wait_server(ctx, id, "started")
end)

return M
