--- The API of UpCloud (https://developers.upcloud.com/1.3/): the client, its errors, labels, waiting.
--
-- Booleans are "yes" and "no", numbers of servers are texts; errors are { error = { error_code, error_message } } in
-- the old services and RFC 7807 in the new ones.

local M = {}

M.KEY = "prov-key"

--- Codes of things that are busy: the same request may succeed in a while.
local BUSY = {
  SERVER_STATE_ILLEGAL = true, STORAGE_STATE_ILLEGAL = true, RESOURCE_BUSY = true, SERVICE_STATE_ILLEGAL = true,
}
local PATIENCE = 600

local function meaning(status, body)
  if type(body) ~= "table" then
    return nil
  end
  local old = type(body.error) == "table" and body.error or {}
  local code = old.error_code or tostring(body.type or ""):match("#ERROR_([%w_]+)") or nil
  local words = old.error_message or body.title
  if type(body.invalid_params) == "table" then
    for _, one in ipairs(body.invalid_params) do
      words = ("%s; %s: %s"):format(words or "", tostring(one.name), tostring(one.reason))
    end
  end
  local found = { cloud_code = code, msg = words }
  if status == 404 and (code == nil or code:find("NOT_FOUND")) then
    found.code = "notfound"
  elseif BUSY[code or ""] then
    found.code, found.safe, found.patience = "unavailable", true, PATIENCE
  elseif status == 402 then
    found.code, found.hint = "limit", "the account has no credit left"
  elseif code and (code:find("LIMIT") or code:find("QUOTA")) then
    found.code, found.hint = "limit", "`prov catalog quota` shows the limits of the account"
  elseif code and code:find("RESOURCES_UNAVAILABLE") then
    found.code, found.hint = "failed", "the zone has no room for it now: another plan or zone may have"
  end
  return found
end

--- The client of a provider.
---@async
---@return prov.Api?, prov.Err?
function M.client(ctx)
  return ctx.cached("client", function()
    local config = ctx.config
    local authorization
    if config.token and config.password then
      return ctx.fail("invalid", "provider '%s' has a token and a password: one of them is too much", ctx.provider)
    elseif config.token then
      authorization = "Bearer " .. config.token
    elseif config.username and config.password then
      authorization = "Basic " .. ctx.base64.encode(config.username .. ":" .. config.password)
    else
      return nil, ctx.error("denied", "no credentials for UpCloud", {
        hint = "set UPCLOUD_TOKEN, or UPCLOUD_USERNAME and UPCLOUD_PASSWORD, or run: prov provider login upcloud",
      })
    end
    return ctx.api({
      url = config.endpoint:gsub("/+$", "") .. "/1.3",
      headers = { Authorization = authorization },
      hidden = { "password", "remote_access_password" },
      error = meaning,
    })
  end)
end

--- The value at keys of an answer, so that a shape that is not expected is an error and not a missing field.
---@return any?, prov.Err?
function M.at(ctx, body, e, ...)
  if body == nil then
    return nil, e
  end
  local v = body
  for i = 1, select("#", ...) do
    v = type(v) == "table" and v[select(i, ...)] or nil
  end
  if v == nil then
    return ctx.fail("protocol", "UpCloud's answer has no %s", table.concat({ ... }, "."))
  end
  return v
end

--- Sends a request and gives what is at keys of its answer.
---@async
---@param ctx table
---@param method string "get", "post", ...
---@param path string
---@param sent? table body, or the query of "get" and "delete"
---@return any?, prov.Err?
function M.call(ctx, method, path, sent, ...)
  local client, e = M.client(ctx)
  if not client then
    return nil, e
  end
  local body
  body, e = client[method](client, path, sent)
  return M.at(ctx, body, e, ...)
end

--- Deletes; what is gone already is fine.
---@async
function M.remove(ctx, path, query)
  local ok, e = M.call(ctx, "delete", path, query)
  if not ok and e.code ~= "notfound" then
    return nil, e
  end
  return true
end

--- nil alone for what is gone; for read and delete.
function M.absent(v, e)
  if v == nil and e and e.code == "notfound" then
    return nil
  end
  return v, e
end

--- The name of a thing: as wanted, else made from its address.
---@return string
function M.name(ctx, want)
  if want.name then
    return want.name
  end
  return (ctx.address:gsub("^[%w_-]+%.", "", 1):gsub('%["?([^"%]]*)"?%]', "-%1"):gsub("[^%w.-]+", "-"))
end

--- Labels as a list of { key, value }, with that of the creation.
---@return table[]
function M.labels(ctx, labels, key)
  local out = {}
  for name, v in pairs(labels or {}) do
    out[#out + 1] = { key = name, value = v }
  end
  table.sort(out, function(a, b)
    return a.key < b.key
  end)
  out[#out + 1] = key and { key = M.KEY, value = key } or nil
  return ctx.json.list(out)
end

local function list_of(labels)
  return type(labels) == "table" and (labels.label or labels) or {}
end

--- What prov recorded of a thing, also in a list; {} when it knows nothing.
function M.recorded(ctx, id)
  return ctx.recorded or ctx.recorded_of and ctx.recorded_of(id) or {}
end

--- The labels of a thing without prov's and the cloud's own, and its key.
---@return table<string, string> labels, string? key
function M.from_labels(labels)
  local out, key = {}, nil
  for _, one in ipairs(list_of(labels)) do
    if one.key == M.KEY then
      key = one.value
    elseif one.key:sub(1, 1) ~= "_" then
      out[one.key] = one.value
    end
  end
  return out, key
end

--- The one of a list that has the key; an error when several have it.
function M.with_key(ctx, list, key)
  local found
  for _, one in ipairs(list) do
    local _, own = M.from_labels(one.labels)
    if own == key then
      if found then
        return ctx.fail("conflict", "key %s is on %s and %s", key, found.uuid, one.uuid)
      end
      found = one
    end
  end
  return found
end

--- Sizes are GiB in the API.
function M.gib(size)
  return math.ceil(size / (1 << 30))
end

function M.size(gib)
  return math.tointeger(tonumber(gib)) * (1 << 30)
end

--- What is in an envelope that an answer may leave out.
---@return table[]
function M.items(v, inner)
  return type(v) == "table" and v[inner] or {}
end

---@return table<string, table>
function M.by_uuid(list)
  local out = {}
  for _, one in ipairs(list) do
    out[one.uuid] = one
  end
  return out
end

--- Reads the things of a list one by one; those that are gone by now are left out.
---@async
---@return table[]?, prov.Err?
function M.read_all(ctx, read, rows)
  local states, e = ctx.each(rows, function(row)
    return read(ctx, row.uuid)
  end)
  if not states then
    return nil, e
  end
  local out = {}
  for i = 1, #rows do
    out[#out + 1] = states[i]
  end
  return out
end

--- The storages of the account, with the servers they are at where the list tells them.
---@async
---@return table[]?, prov.Err?
function M.storages(ctx)
  return M.call(ctx, "get", "/storage/private", { servers = "yes" }, "storages", "storage")
end

--- What a list does not have may be too new for it: only a read says that it is gone.
local function add_missing(ctx, found, ids, kind)
  for _, id in ipairs(ids) do
    if not found[id] then
      local one, e = M.call(ctx, "get", ("/%s/%s"):format(kind, id), nil, kind)
      if not one and e.code ~= "notfound" then
        return nil, e
      end
      found[id] = one
    end
  end
  return found
end

--- Waits until `done(state)` gives a value; all who wait for servers (or storages) share one list, so that it may be
-- asked for as often as one of them would ask.
local function watch(ctx, kind, id, path, done)
  return ctx.watch(kind, id, {
    read = function(ids)
      local list, e = M.call(ctx, "get", path, nil, kind .. "s", kind)
      if not list then
        return nil, e
      end
      return add_missing(ctx, M.by_uuid(list), ids, kind)
    end,
    done = done,
    batch = 10000,
    every = ctx.config.poll_every,
    max = ctx.config.poll_every,
    timeout = 1800,
  })
end

--- Waits until a server is in a state: "started", "stopped".
---@async
function M.wait_server(ctx, id, wanted)
  return watch(ctx, "server", id, "/server", function(server)
    if not server then
      return ctx.fail("notfound", "server %s is gone", id)
    elseif server.state == wanted then
      return true
    elseif server.state == "error" then
      return ctx.fail("failed", "server %s is in the state error; UpCloud's support has to look at it", id)
    end
  end)
end

--- Waits until a storage is online, and gives it.
---@async
---@return table?, prov.Err?
function M.wait_storage(ctx, id)
  return watch(ctx, "storage", id, "/storage/private", function(storage)
    if not storage then
      return ctx.fail("notfound", "storage %s is gone", id)
    elseif storage.state == "online" then
      return storage
    elseif storage.state == "error" then
      return ctx.fail("failed", "storage %s is in the state error; UpCloud's support has to look at it", id)
    end
  end)
end

--- Runs fn while nobody else of this provider runs one under the same name.
---@async
function M.alone(ctx, name, fn)
  local result, failure
  ctx.cached("alone " .. name, function()
    result, failure = fn()
    return true
  end, function()
    return false
  end)
  return result, failure
end

return M
