--- auth/userpass: people with a password, of which a digest by Argon2id is kept.

local async = require("prov.async")
local common = require("prov.vault.auth.common")
local crypto = require("core.crypto")
local engine = require("prov.vault.engine")
local err = require("prov.err")

local COSTS = { 3, 65536, 1 } -- passes, KiB, lanes
local SALT, DIGEST = 16, 32
local NOBODY = { salt = ("\0"):rep(SALT), digest = ("\0"):rep(DIGEST), costs = COSTS }
local AT_ONCE = async.semaphore(2) -- each takes 64 MiB
local FAILURES, PAUSE = 5, 900 -- wrong passwords until a user has to wait, and how long, in seconds

local function digest_of(password, salt, costs)
  return AT_ONCE:with(function()
    return async.await(function(resume)
      return crypto.derive("argon2id", password, salt, costs, DIGEST, resume)
    end)
  end)
end

local function path_of(req)
  return "user/" .. req.params.username:lower()
end

local function set_password(record, password)
  local salt, e = crypto.random(SALT)
  if not salt then
    return nil, e
  end
  record.salt, record.costs = salt, COSTS
  record.digest, e = digest_of(password, salt, COSTS)
  return record.digest and true, e
end

local function write(ctx, req)
  local _ <close> = ctx.lock(path_of(req))
  local record, e = ctx.storage:get(path_of(req))
  if e then
    return nil, e
  elseif not record and not req.data.password then
    return err.fail("usage", "missing password")
  end
  record = record or {}
  local ok
  ok, e = common.keep_token_fields(record, req)
  if ok and req.data.password then
    ok, e = set_password(record, req.data.password)
  end
  if ok then
    ok, e = ctx.storage:put(path_of(req), record)
  end
  return ok and {} or nil, e
end

local function read(ctx, req)
  local record, e = engine.need(ctx.storage, path_of(req), "notfound", "there is no user '%s'", req.params.username)
  if not record then
    return nil, e
  end
  record.salt, record.digest, record.costs = nil, nil, nil
  return { data = record }
end

local function login(ctx, req)
  local name = req.params.username:lower()
  local _ <close> = ctx.lock("login " .. name) -- guesses come one after the other, so that all are counted
  local failures = ctx.cache.failures or {}
  ctx.cache.failures = failures
  local failed = failures[name]
  if failed and failed.count >= FAILURES and ctx.now() < failed.at + PAUSE then
    return err.fail("denied", "permission denied")
  end
  local record, e = ctx.storage:get(path_of(req))
  if e then
    return nil, e
  end
  local known = record or NOBODY -- whether there is such a user takes as long to find out
  local digest
  digest, e = digest_of(req.data.password, known.salt, known.costs)
  if not digest then
    return nil, e
  elseif not crypto.equal(digest, known.digest) or not record then
    if record then
      failures[name] = { count = (failed and ctx.now() < failed.at + PAUSE and failed.count or 0) + 1, at = ctx.now() }
    end
    return err.fail("usage", "invalid username or password")
  end
  failures[name] = nil
  return common.grant(record, req.asked.path, { display_name = "userpass-" .. name, meta = { username = name } })
end

local PASSWORD = { password = { type = "string", doc = "The password" } }

return {
  name = "userpass",
  summary = "People with a password",
  paths = {
    { path = "users", doc = "All users", list = function(ctx)
      return engine.listed("users", ctx.storage:list("user/"))
    end },
    { path = "users/{username}", doc = "A user", any_case = true, fields = engine.fields(common.FIELDS, PASSWORD),
      exists = engine.exists(path_of), read = read, update = write, delete = engine.delete(path_of) },
    { path = "users/{username}/password", doc = "Another password", any_case = true, fields = {
      password = { type = "string", required = true, doc = "The password" } }, update = write },
    { path = "users/{username}/policies", doc = "Other policies", any_case = true, fields = common.FIELDS,
      update = write },
    { path = "login/{username}", doc = "A token for a password", open = true, update = login, fields = {
      password = { type = "string", required = true, doc = "The password" } } },
  },
}
