--- sys/: policies for passwords.

local err = require("prov.err")
local passwords = require("prov.vault.passwords")

local function get(ctx, name)
  local text, e = ctx.vault.barrier:get(passwords.FOLDER .. name)
  if not text and not e then
    return err.fail("notfound", "there is no password policy '%s'", name)
  end
  return text, e
end

local function read(ctx, req)
  local text, e = get(ctx, req.params.name)
  return text and { data = { policy = text } }, e
end

local function write(ctx, req)
  local text = req.data.policy
  local policy, e = passwords.parse(text)
  if not policy then
    local plain = require("core.base").unbase64(text)
    policy = plain and passwords.parse(plain)
    if not policy then
      return nil, e:wrap("invalid password policy")
    end
    text = plain
  end
  local ok
  ok, e = ctx.vault.barrier:put(passwords.FOLDER .. req.params.name, text)
  return ok and {} or nil, e
end

local function delete(ctx, req)
  local ok, e = ctx.vault.barrier:delete(passwords.FOLDER .. req.params.name)
  return ok and {} or nil, e
end

local function list(ctx)
  local names, e = passwords.list(ctx.vault)
  if names and #names == 0 then
    return err.fail("notfound", "there are no password policies")
  end
  return names and { data = { keys = names } }, e
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
