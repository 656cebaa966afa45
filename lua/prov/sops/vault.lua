--- Keys of a transit engine in SOPS files: of HashiCorp's Vault, OpenBao or `prov serve vault`. The token is that of
--- VAULT_TOKEN, or of ~/.vault-token; SOPS_HC_VAULT_ALLOWLIST says which addresses may be asked at all.

local base = require("core.base")
local client = require("prov.vault.client")
local err = require("prov.err")

local M = { list = "hc_vault" }

-- Whether a token may go to an address that a file names: in clear only when the user has named it, too.
local function allowed(address)
  local list = os.getenv("SOPS_HC_VAULT_ALLOWLIST") or ""
  if list == "all" then
    return true
  elseif list == "" then
    return client.private(address)
  end
  for prefix in list:gmatch("[^,]+") do
    prefix = prefix:match("^%s*(.-)/*%s*$") .. "/"
    if (address .. "/"):sub(1, #prefix) == prefix then
      return true
    end
  end
  return nil, err.new("denied", ("SOPS_HC_VAULT_ALLOWLIST does not allow %s"):format(address))
end

local function ask(entry, what, given)
  local address = tostring(entry.vault_address)
  local ok, e = allowed(address)
  if not ok then
    return nil, e
  end
  local answer
  answer, e = client.ask(address, { op = "update", data = given,
    path = ("%s/%s/%s"):format(entry.engine_path, what, entry.key_name) })
  if not answer then
    return nil, e
  end
  return type(answer.data) == "table" and answer.data or {}
end

function M.of(entry)
  return { kind = "hc_vault", vault_address = entry.vault_address, engine_path = entry.engine_path,
    key_name = entry.key_name,
    name = ("%s/v1/%s/keys/%s"):format(entry.vault_address, entry.engine_path, entry.key_name) }
end

--- https://HOST:8200/v1/ENGINE/keys/KEY, as SOPS writes it.
function M.parse(text)
  local address, path = text:match("^(https?://[^/?#]+)/v%d+/([^?#]+)$")
  local engine, key = (path or ""):gsub("/+$", ""):match("^(.+)/[^/]+/([^/]+)$")
  if not engine then
    return err.fail("invalid", "a key of a Vault is https://HOST:8200/v1/ENGINE/keys/KEY")
  end
  return M.of({ vault_address = address, engine_path = engine, key_name = key })
end

function M.wrap(recipient, key)
  local made, e = ask(recipient, "encrypt", { plaintext = base.base64(key) })
  if not made then
    return nil, e
  elseif type(made.ciphertext) ~= "string" then
    return err.fail("protocol", "the answer has no ciphertext")
  end
  return { vault_address = recipient.vault_address, engine_path = recipient.engine_path, key_name = recipient.key_name,
    enc = made.ciphertext }
end

function M.unwrap(entry)
  local made, e = ask(entry, "decrypt", { ciphertext = tostring(entry.enc) })
  if not made then
    return nil, e
  end
  local key = type(made.plaintext) == "string" and base.unbase64(made.plaintext)
  if not key then
    return err.fail("protocol", "the answer has no plaintext")
  end
  return key
end

return M
