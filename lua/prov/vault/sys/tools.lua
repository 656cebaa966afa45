--- sys/tools: random bytes and digests.

local base = require("core.base")
local crypto = require("core.crypto")
local err = require("prov.err")

local function written(bytes, format)
  return format == "hex" and crypto.hex(bytes) or base.base64(bytes)
end

local FORMAT = { type = "string", default = "base64", one_of = { "base64", "hex" }, doc = "How bytes are written" }
local HASHES = { ["sha2-256"] = "sha256", ["sha2-384"] = "sha384", ["sha2-512"] = "sha512" }

local function random(_, req)
  local count = req.params.bytes and math.tointeger(tonumber(req.params.bytes, 10)) or req.data.bytes
  if not count or count < 1 or count > 131072 then
    return err.fail("usage", "'bytes' must be 1 to 131072")
  end
  local bytes, e = crypto.random(count)
  return bytes and { data = { random_bytes = written(bytes, req.data.format) } }, e
end

local function hash(_, req)
  local name = req.params.algorithm or req.data.algorithm
  if not HASHES[name] then
    return err.fail("usage", "unsupported algorithm %s: sha2-256, sha2-384 or sha2-512", name)
  end
  local bytes, e = crypto.hash(HASHES[name], req.data.input)
  return bytes and { data = { sum = written(bytes, req.given.format or "hex") } }, e
end

local RANDOM = { bytes = { type = "int", default = 32, doc = "How many" }, format = FORMAT }
local HASH = {
  input = { type = "bytes", required = true, doc = "What" },
  algorithm = { type = "string", default = "sha2-256", doc = "How" },
  format = FORMAT,
}

return {
  { path = "tools/random", doc = "Random bytes", fields = RANDOM, update = random },
  { path = "tools/random/{bytes}", doc = "The same", fields = RANDOM, update = random },
  { path = "tools/hash", doc = "A digest", fields = HASH, update = hash },
  { path = "tools/hash/{algorithm}", doc = "The same", fields = HASH, update = hash },
}
