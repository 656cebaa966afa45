--- What tests/fuzz/guided.lua changes the inputs of: readers of prov that are written in Lua. Each has
---
---   source   a pattern of the files whose lines count
---   words    texts that inputs are changed with
---   seeds()  inputs to begin with
---   new()    -> a function(bytes) -> value | nil, err; it raises when something that must hold does not

local cipher = require("prov.sops.cipher")
local data = require("core.data")
local json = require("prov.kmip.json")
local keys = require("prov.sops.keys")
local message = require("prov.kmip.message")
local sops = require("prov.sops")
local tree = require("prov.kmip.tree")
local ttlv = require("prov.kmip.ttlv")

local M = {}

local item = message.item

-- One item of each type, an unknown tag and an attribute of 1.x.
local function sample()
  return message.request({ 1, 4 }, "Encrypt", {
    item("UniqueIdentifier", "TextString", "key ä"),
    item("CryptographicUsageMask", "Integer", -12),
    item("UsageLimitsTotal", "LongInteger", 1 << 40),
    item("Modulus", "BigInteger", "\0\0\0\0\0\0\1\2"),
    item("BlockCipherMode", "Enumeration", "GCM"),
    item("RandomIV", "Boolean", true),
    item("Data", "ByteString", "\0\255hello"),
    item("InitialDate", "DateTime", 1700000000),
    item("LeaseTime", "Interval", 3600),
    item("TimeStamp", "DateTimeExtended", 1700000000000000),
    item(0x540001, "Enumeration", 7),
    tree.structure("Attribute", {
      item("AttributeName", "TextString", "Cryptographic Algorithm"),
      item("AttributeValue", "Enumeration", "AES"),
    }),
  })
end

M.ttlv = {
  source = "prov/kmip/",
  words = { "\x42\0\x78\1", "\x42\0\x94\7\0\0\0\1", "\x54\0\1\5\0\0\0\4", "\x42\0\x0A\7\0\0\0\4Name",
    "\0\0\0\0\0\0\0\0", "\x42\0\x0B\5\0\0\0\4\0\0\0\2\0\0\0\0" },
  seeds = function()
    return { assert(ttlv.encode(sample())), assert(ttlv.encode(tree.structure("RequestMessage", {}))) }
  end,
  new = function()
    return function(bytes)
      local one, e = ttlv.decode(bytes)
      if not one then
        return nil, e
      end
      assert(ttlv.encode(one) == bytes, "written otherwise than it was read")
      local text = assert(json.encode(one))
      assert(ttlv.encode(assert(json.decode(text))) == bytes, "another item through JSON")
      message.response(one, "Encrypt")
      message.read_attributes(one)
      return true
    end
  end,
}

M.ttlv_json = {
  source = "prov/kmip/",
  words = { '{"tag":"', '"type":"', '"value":', "Structure", "Integer", "LongInteger", "BigInteger", "Enumeration",
    "Boolean", "TextString", "ByteString", "DateTime", "Interval", "DateTimeExtended", '"0x', "0000000000000001", "[",
    "]", "{", "}", ",", "null", "true", "-2147483648", "Encrypt|Decrypt", "2020-01-01T00:00:00Z",
    "CryptographicUsageMask" },
  seeds = function()
    return { assert(json.encode(sample())), '{"tag":"Encrypt","value":[]}',
      '{"tag":"InitialDate","type":"DateTime","value":"2020-02-30T24:00:00.5+01:00"}' }
  end,
  new = function()
    return function(text)
      local one, e = json.decode(text)
      if not one then
        return nil, e
      end
      local again = assert(json.decode(assert(json.encode(one))))
      assert(data.encode(again) == data.encode(one), "another item through JSON")
      local bytes, why = ttlv.encode(one)
      assert(bytes or why.code == "invalid", "not written")
      assert(not bytes or ttlv.decode(bytes) or #bytes > tree.MAX_SIZE, "written, and not read again")
      return true
    end
  end,
}

local KEY = ("k"):rep(32)

local PLAIN = {
  yaml = "# a comment\na: 1\nb:\n  - x\n  - yes\nc_unencrypted: {d: \"q\"}\ne: |\n  text\n  of lines\n",
  json = '{"a": 1, "b": ["x", true, null], "c_unencrypted": {"d": 1.5}}\n',
  dotenv = "# a comment\nA=1\nB=two words\nC_unencrypted=x\n",
  ini = "; a comment\n[one]\na = 1\nb = two words\n[two]\nc_unencrypted = x\n",
  binary = "any\0bytes\255",
}

local function plain_file(format, plain)
  return {
    format = format,
    plain = plain,
    key = KEY,
    cipher = assert(cipher.new(KEY)),
    meta = { age = data.list({ { recipient = "age1", enc = "none" } }), unencrypted_suffix = "_unencrypted" },
  }
end

-- A value whose floats that are whole numbers are integers: SOPS writes 1.0 of JSON as 1.
local function plain_numbers(v)
  if math.type(v) == "float" then
    return math.tointeger(v) or v
  elseif type(v) ~= "table" then
    return v
  end
  local out = {}
  for key, one in pairs(v) do
    out[key] = plain_numbers(one)
  end
  return data.kind(v) == "list" and data.list(out) or out
end

-- Reads a file, with a fixed data key whoever it is for; what was read is encrypted and read again.
local function read_sops(format)
  return function(text)
    keys.open = function()
      return KEY
    end
    local opts = { format = format, file = "f", ignore_mac = true }
    local rest, e = sops.read(text, format, "f")
    local open
    if rest then
      open, e = sops.decrypt(text, opts)
      if open then
        sops.decrypt(text, { format = format, file = "f" })
        sops.value(open, "f")
      end
    else
      open = plain_file(format, text)
    end
    local written, why
    if open then
      written, why = sops.encrypt(open, "f")
    end
    if not written then
      return nil, why or e
    end
    opts.ignore_mac = false
    local again = assert(sops.decrypt(written, opts))
    if format == "yaml" and open.plain:sub(-1) ~= "\n" then
      return true -- a block scalar at the end: SOPS sees no line break there, the reader of YAML one
    end
    local was, is = sops.value(open, "f"), sops.value(again, "f")
    assert(data.encode(plain_numbers(is)) == data.encode(plain_numbers(was)), "other values after encryption")
    return true
  end
end

for format, plain in pairs(PLAIN) do
  M["sops_" .. format] = {
    source = "prov/sops/",
    words = { "sops", "sops:", '"sops":', "sops_", "[sops]", "mac", "ENC[AES256_GCM,data:", ",iv:", ",tag:",
      ",type:str]", "# ", "; ", ": ", "= ", "\n  ", "\n", "- ", "[", "]", "{", "}", '"', "'", "|", ">", "&a ", "*a",
      "!!str ", "---\n", "_unencrypted", "version", "encrypted_regex", "mac_only_encrypted: true", "\\n", "\\u0000",
      "null", "1.5", "~" },
    seeds = function()
      local file = plain_file(format, plain)
      return { plain, assert(sops.encrypt(file, "f")) }
    end,
    new = function()
      return read_sops(format)
    end,
  }
end

return M
