--- sys/: policies for passwords.

local engine = require("prov.vault.engine")
local passwords = require("prov.vault.passwords")
local policy = require("prov.vault.policy")

local function path_of(req)
  return passwords.FOLDER .. req.params.name
end

local function read(ctx, req)
  local text, e = engine.need(ctx.vault.barrier, path_of(req), "notfound", "there is no password policy '%s'",
    req.params.name)
  return text and { data = { policy = text } }, e
end

local function write(ctx, req)
  local text, e = policy.text(req.data.policy, passwords.parse)
  if not text then
    return nil, e:wrap("invalid password policy")
  end
  return engine.done(ctx.vault.barrier:put(path_of(req), text))
end

local function delete(ctx, req)
  return engine.done(ctx.vault.barrier:delete(path_of(req)))
end

local function list(ctx)
  return engine.listed("password policies", ctx.vault.barrier:list(passwords.FOLDER))
end

local function generate(ctx, req)
  local password, e = passwords.of_policy(ctx.vault, req.params.name)
  return password and { data = { password = password } }, e
end

return {
  { path = "policies/password", doc = "All policies for passwords", list = list },
  { path = "policies/password/{name}", doc = "How passwords are made", read = read, update = write, delete = delete,
    fields = { policy = { type = "string", required = true, doc = "The text: HCL, also as base64" } } },
  { path = "policies/password/{name}/generate", doc = "A password", read = generate },
}
