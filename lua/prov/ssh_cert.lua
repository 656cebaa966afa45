--- Certificates of SSH: a public key, who may log in with it or which host it is, and until when, signed by an
--- authority (OpenSSH, PROTOCOL.certkeys).

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")

local M = {}

local KINDS = { user = 1, host = 2 }
local SUFFIX = "-cert-v01@openssh.com"

-- Keys that certificates are made of, by the type in their line.
local TYPES = {
  ["ssh-ed25519"] = true, ["ssh-rsa"] = true, ["ecdsa-sha2-nistp256"] = true, ["ecdsa-sha2-nistp384"] = true,
  ["ecdsa-sha2-nistp521"] = true, ["sk-ssh-ed25519@openssh.com"] = true,
  ["sk-ecdsa-sha2-nistp256@openssh.com"] = true,
}

local POINTS = { nistp256 = 65, nistp384 = 97, nistp521 = 133 } -- bytes

--- What a certificate says.
---@class prov.ssh.CertFacts
---@field kind "user"|"host"
---@field id string what servers write into their logs
---@field principals string[] users, or names of the host; none stands for all
---@field serial integer
---@field valid_after integer seconds since 1970
---@field valid_before integer
---@field options? table<string, string> critical ones: force-command, source-address
---@field extensions? table<string, string> "permit-pty" = ""

-- Whether the bytes are a whole key of their type.
local function is_whole(kind, line, wire)
  if kind == "ssh-ed25519" or kind == "ssh-rsa" then
    local key <close>, e = crypto.pkey_ssh(line)
    return key and true, e and e:wrap("not a public key of SSH")
  elseif kind:find("^ecdsa") then
    local ok, _, curve, point, after = pcall(string.unpack, ">s4s4s4", wire)
    local size = curve and curve == kind:match("nistp%d+$") and POINTS[curve]
    if not (ok and size == #point and point:byte() == 4 and after == #wire + 1) then
      return err.fail("invalid", "not a public key of SSH: no point of its curve")
    end
  end
  return true -- of those in hardware only their makers know
end

--- The parts of a public line.
---@param line string "ssh-ed25519 AAAA... comment"
---@return { type: string, wire: string, comment: string }?, prov.Err? err "invalid"
function M.key(line)
  local kind, text, comment = line:match("^%s*(%S+)%s+(%S+)%s*([^\r\n]*)")
  local wire = text and base.unbase64(text)
  if not wire or #wire < 4 + #kind or wire:sub(1, 4 + #kind) ~= (">s4"):pack(kind) then
    return err.fail("invalid", "not a public key of SSH: ssh-ed25519 AAAA...")
  end
  return { type = kind, wire = wire, comment = comment }
end

-- { name = data } as certificates have it: sorted, data in a string of its own, or empty
local function options(map)
  local names, out = {}, {}
  for name in pairs(map or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local data = map[name]
    out[i] = (">s4s4"):pack(name, data == "" and "" or (">s4"):pack(data))
  end
  return table.concat(out)
end

local function signature(key, text)
  local kind = key:type()
  if kind == "ed25519" then
    local raw, e = key:sign("ed25519", text)
    return raw and (">s4s4"):pack("ssh-ed25519", raw), e
  end
  local raw, e = key:sign("rsa-pkcs1", text, "sha512")
  return raw and (">s4s4"):pack("rsa-sha2-512", raw), e
end

--- Signs a certificate.
---@param facts prov.ssh.CertFacts
---@param line string public key
---@param authority prov.Pkey with its secret half, of Ed25519 or RSA
---@return string? line of the certificate, for a file name-cert.pub
---@return prov.Err? err "invalid", "unsupported": the type of a key
function M.sign(facts, line, authority)
  local key, e = M.key(line)
  if not key then
    return nil, e
  elseif not TYPES[key.type] then
    return err.fail("unsupported", "keys of type %s get no certificate", key.type)
  end
  local whole
  whole, e = is_whole(key.type, line, key.wire)
  if not whole then
    return nil, e
  end
  local signer
  signer, e = authority:public("wire")
  if not signer then
    return nil, e
  end
  local principals = {}
  for i, name in ipairs(facts.principals) do
    principals[i] = (">s4"):pack(name)
  end
  -- sk-ssh-ed25519@openssh.com becomes sk-ssh-ed25519-cert-v01@openssh.com
  local kind = key.type:gsub("@openssh%.com$", "") .. SUFFIX
  local text = (">s4s4"):pack(kind, crypto.random(32)) .. key.wire:sub(5 + #key.type)
    .. (">I8I4s4s4I8I8s4s4s4s4"):pack(facts.serial, KINDS[facts.kind], facts.id, table.concat(principals),
      facts.valid_after, facts.valid_before, options(facts.options), options(facts.extensions), "", signer)
  local signed
  signed, e = signature(authority, text)
  if not signed then
    return nil, e
  end
  return ("%s %s%s"):format(kind, base.base64(text .. (">s4"):pack(signed)),
    key.comment ~= "" and " " .. key.comment or "")
end

return M
