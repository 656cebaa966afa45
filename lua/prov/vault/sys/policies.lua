--- sys/: policies, and what they allow.

local data = require("core.data")
local engine = require("prov.vault.engine")
local err = require("prov.err")
local policy = require("prov.vault.policy")
local tokens = require("prov.vault.tokens")

local FOLDER = "core/policy/"
local FIELDS = { policy = { type = "string", default = "", doc = "The text: HCL or JSON, also as base64" } }

local function names(ctx)
  local list, e = ctx.vault.barrier:list(FOLDER)
  if not list then
    return nil, e
  end
  list[#list + 1] = "root"
  table.sort(list)
  return data.list(list)
end

local function name_of(req)
  return req.params.name:lower()
end

local function list(ctx)
  local all, e = names(ctx)
  return all and { data = { keys = all, policies = all } }, e
end

local function read(ctx, req)
  local name = name_of(req)
  local text, e = ctx.vault.barrier:get(FOLDER .. name)
  if name == "root" then
    text = ""
  end
  if not text then
    return nil, e or err.new("notfound", ("No policy named: %s"):format(name))
  end
  return { data = { name = name, policy = text, rules = text } }
end

local function write(ctx, req)
  local name = name_of(req)
  if name == "root" or name == "response-wrapping" then
    return err.fail("usage", "cannot update %q policy", name)
  end
  local text, e = policy.text(req.data.policy, policy.parse)
  if not text then
    return nil, e:wrap("failed to parse policy")
  end
  local ok
  ok, e = ctx.vault.barrier:put(FOLDER .. name, text)
  ctx.vault:forget_policies()
  return engine.done(ok, e)
end

local function delete(ctx, req)
  local name = name_of(req)
  if name == "root" or name == "default" or name == "response-wrapping" then
    return err.fail("usage", "cannot delete %q policy", name)
  end
  local ok, e = ctx.vault.barrier:delete(FOLDER .. name)
  ctx.vault:forget_policies()
  return engine.done(ok, e)
end

local function capabilities_for(ctx, req, token)
  local acl, e = ctx.vault:acl(token.policies)
  if not acl then
    return nil, e
  end
  local paths = req.data.paths or req.data.path or {}
  if #paths == 0 then
    return err.fail("usage", "'paths' is missing: what to look at")
  end
  local out = {}
  for _, path in ipairs(paths) do
    out[path] = data.list(acl:capabilities((path:gsub("^/", ""))))
  end
  out.capabilities = out[paths[1]]
  return { data = out }
end

local function capabilities_self(ctx, req)
  return capabilities_for(ctx, req, req.token)
end

local function capabilities(ctx, req)
  local token = tokens.get(ctx.vault, tokens.id_of(ctx.vault, req.data.token or ""))
  if not token then
    return err.fail("usage", "invalid token")
  end
  return capabilities_for(ctx, req, token)
end

local function capabilities_accessor(ctx, req)
  local token, e = tokens.by_accessor(ctx.vault, req.data.accessor or "")
  if not token then
    return nil, e
  end
  return capabilities_for(ctx, req, token)
end

-- Why something is allowed, or is not.
local function explain(ctx, req)
  local acl, e = ctx.vault:acl(req.data.policies)
  if not acl then
    return nil, e
  end
  local yes, why, rule = acl:check(req.data.capability, req.data.path, { given = req.data.data })
  local others = data.list({})
  for _, each in ipairs(acl.rules) do
    if each ~= rule and req.data.path:find(each.pattern) then
      others[#others + 1] = ("path \"%s\" of %s"):format(each.path, table.concat(each.policies, ", "))
    end
  end
  return { data = {
    allowed = yes, why = why, path = req.data.path, capability = req.data.capability, rule = rule and rule.path or nil,
    capabilities = data.list(acl:capabilities(req.data.path)), less_specific = others,
  } }
end

local PATHS = {
  path = { type = "texts", doc = "The path" },
  paths = { type = "texts", doc = "The paths" },
  token = { type = "string", doc = "Of whom" },
  accessor = { type = "string", doc = "Of whose token" },
}

local paths = {
  { path = "capabilities-self", doc = "What the token may do with paths", fields = PATHS, update = capabilities_self },
  { path = "capabilities", doc = "What a token may do with paths", fields = PATHS, update = capabilities },
  { path = "capabilities-accessor", doc = "The same, by accessor", fields = PATHS, update = capabilities_accessor },
  { path = "policies/explain", doc = "Why policies allow something, or do not", update = explain, fields = {
    policies = { type = "texts", required = true, doc = "Names of the policies" },
    path = { type = "string", required = true, doc = "The path" },
    capability = { type = "string", default = "read", one_of = policy.CAPABILITIES, doc = "What is to be done" },
    data = { type = "map", doc = "Parameters it is done with" },
  } },
}
for _, base in ipairs({ "policies/acl", "policy" }) do
  paths[#paths + 1] = { path = base, doc = "All policies", list = list, read = list }
  paths[#paths + 1] = { path = base .. "/{name}", doc = "A policy", any_case = true, fields = FIELDS, read = read,
    update = write, delete = delete }
end
return paths
