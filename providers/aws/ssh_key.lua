--- Keys: key pairs of EC2. Only public keys go there.

local api = require("api")
local kind = require("kind")

local function state(_, pair, known)
  return {
    id = pair.KeyPairId,
    name = pair.KeyName,
    public_key = known.public_key,
    fingerprint = pair.KeyFingerprint,
    labels = api.labels(pair.Tags),
  }
end

local M = kind.body({
  what = "key", operation = "DescribeKeyPairs", field = "KeyPairs", id = "KeyPairId", filter = "key-pair-id",
  type = "key-pair", state = state,
})

function M.create(ctx, want)
  local pair, e = M.make(ctx, want, "ImportKeyPair", { KeyName = api.name_of(ctx, want),
    PublicKeyMaterial = want.public_key })
  if pair then
    pair, e = M.seen(ctx, pair.KeyPairId)
  end
  return pair and state(ctx, pair, want), e
end

function M.delete(ctx, id)
  local pair, e = M.object(ctx, id)
  if not pair then
    return not e or nil, e
  end
  local ok
  ok, e = api.away(ctx, "DeleteKeyPair", { KeyName = pair.KeyName })
  if not ok then
    return nil, e
  end
  return true
end

return kind.guarded(M)
