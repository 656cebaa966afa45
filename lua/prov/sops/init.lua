--- SOPS files: encrypted values in YAML, JSON, INI, environment files and files of any bytes, that `sops` reads and
--- writes as well. The text of a file is changed in place, so its order, comments and style stay.
--
-- A store (prov.sops.yaml and its like) knows the leaves and the metadata of a text; prov.sops.cipher the values,
-- prov.sops.keys the data key, prov.sops.rules what is encrypted.

local cipher = require("prov.sops.cipher")
local collector = require("prov.collector")
local crypto = require("core.crypto")
local data = require("core.data")
local err = require("prov.err")
local keys = require("prov.sops.keys")
local path_of = require("prov.path")
local rules = require("prov.sops.rules")
local suggest = require("prov.suggest")

local M = {}

--- The version of `sops` whose format this is.
M.VERSION = "3.13.2"

local MUCH = 2 * 1024 * 1024
local GROWTH = 24 -- bytes that are made, and live to the end, for one of a text

local STORES = { yaml = "yaml", json = "json", dotenv = "dotenv", ini = "ini", binary = "json" }
local ENDINGS = { yaml = "yaml", yml = "yaml", json = "json", env = "dotenv", ini = "ini" }
local ONLY_ENCRYPTED = "\x8a\x3f\xd2\xad\x54\xce\x66\x52\x7b\x10\x34\xf3\xd1\x47\xbe\x0b\x0b\x97\x5b\x3b\xf4\x4f\x72"
  .. "\xc6\xfd\xad\xec\x81\x76\xf2\x7d\x69"

--- The names of the formats.
M.FORMATS = { "yaml", "json", "dotenv", "ini", "binary" }

--- The format of a file by its name; what is no other is binary.
---@param path string
---@return string
function M.format_of(path)
  return ENDINGS[path:match("%.(%w+)$") or ""] or "binary"
end

---@class prov.SopsFile an open SOPS file
---@field format string
---@field plain string the text without metadata and encryption
---@field meta table
---@field key string the data key
---@field cipher table

local function store_of(format)
  local name = STORES[format]
  if not name then
    local e = suggest.unknown("format", format, M.FORMATS)
    e.code = "usage"
    return nil, e
  end
  return require("prov.sops." .. name)
end

local function fail_at(e, leaf, file)
  e.file = e.file or file
  e.msg = path_of.format(leaf.path) .. ": " .. e.msg
  return nil, e
end

-- A comment belongs to a map that was guessed; others are tried when it was another one.
local function open_comment(box, leaf, leaves)
  local plain = box:open(leaf.plain, leaf.path)
  if plain then
    return plain
  end
  local tried = {}
  for _, other in ipairs(leaves) do
    for length = 0, #other.path do
      local path = table.move(other.path, 1, length, 1, {})
      local name = table.concat(path, "\0")
      if not tried[name] then
        tried[name] = true
        plain = box:open(leaf.plain, path)
        if plain then
          return plain
        end
      end
    end
  end
end

local function mac_of(meta)
  local hasher = assert(crypto.hasher("sha512"))
  if M.is_true(meta.mac_only_encrypted) then
    hasher:add(ONLY_ENCRYPTED)
  end
  return hasher
end

--- Whether a flag of metadata is set; formats without types have a text.
---@param v any
---@return boolean
function M.is_true(v)
  return v == true or v == "true"
end

local function hex(bytes)
  return (bytes:gsub(".", function(char)
    return ("%02X"):format(char:byte())
  end))
end

local function check_mac(meta, box, hasher, file)
  local said = type(meta.mac) == "string" and meta.mac or ""
  local want = box:open(said, tostring(meta.lastmodified))
  local got = hex(assert(hasher:finish()))
  if want and crypto.equal(want, got) then
    return true
  end
  local msg = want and "the values are not those that were encrypted: one was changed, moved or taken away"
    or "the MAC of the file was changed, or is missing"
  return nil, err.new("auth", msg, { file = file,
    hint = "take the file from where it was right, or look at it with --ignore-mac" })
end

-- Opens every leaf: those that change, with what they say now, checked by the MAC.
local function open_leaves(leaves, meta, box, opts)
  local chosen, e = rules.chooser(meta)
  if not chosen then
    e.file = opts.file
    return nil, e
  end
  local hasher <close>, edits, only = mac_of(meta), {}, M.is_true(meta.mac_only_encrypted)
  for _, leaf in ipairs(leaves) do
    local is_chosen = chosen(leaf)
    if leaf.kind == "comment" then
      local plain = is_chosen and cipher.is_encrypted(leaf.plain) and open_comment(box, leaf, leaves)
      if plain then
        leaf.plain = plain
        edits[#edits + 1] = leaf
      end
    else
      if is_chosen and leaf.plain ~= "" then
        local plain, type = box:open(leaf.plain, leaf.path)
        if not plain then
          return fail_at(type, leaf, opts.file)
        end
        leaf.plain, leaf.type = plain, type
        edits[#edits + 1] = leaf
      end
      if (is_chosen or not only) and leaf.type ~= "comment" then
        hasher:add(leaf.plain)
      end
    end
  end
  if not opts.ignore_mac then
    local ok
    ok, e = check_mac(meta, box, hasher, opts.file)
    if not ok then
      return nil, e
    end
  end
  return edits
end

-- The text with what leaves say now.
local function apply(store, text, leaves, file)
  for _, leaf in ipairs(leaves) do
    leaf.new = leaf.write(leaf.type, leaf.plain, leaf)
    if not leaf.new then
      return fail_at(err.new("invalid", "the format has no way to write this value"), leaf, file)
    elseif leaf.type == "comment" and leaf.item then
      leaf.from = leaf.item
    end
  end
  return store.apply(text, leaves)
end

--- Reads the metadata of a text.
---@param text string
---@param format string
---@param file string for errors
---@return string? rest
---@return table|prov.Err meta "invalid": it is not encrypted
---@return any known what the format's store knows of the rest already
function M.read(text, format, file)
  local store, e = store_of(format)
  if not store then
    return nil, e
  end
  local rest, meta, known = store.extract(text, file)
  if not rest then
    return nil, meta
  elseif type(meta) ~= "table" or data.kind(meta) ~= "map" then
    return nil, err.new("invalid", "there are no metadata of SOPS in it: it is not encrypted, or not in the format "
      .. format, { file = file })
  end
  return rest, meta, known
end

--- Decrypts a text.
---@async
---@param text string
---@param opts { format: string, file: string, identities: string[]?, ignore_mac: boolean? }
---@return prov.SopsFile?
---@return prov.Err? err "auth", "invalid", "corrupt"
function M.decrypt(text, opts)
  collector.allow(math.min(#text, MUCH) * GROWTH // 1024)
  local rest, meta, known = M.read(text, opts.format, opts.file)
  if not rest then
    return nil, meta
  end
  local store = store_of(opts.format)
  local key, e = keys.open(meta, keys.finder(opts.identities), opts.file)
  if not key then
    return nil, e
  end
  local box, leaves, edits
  box, e = cipher.new(key)
  if not box then
    return nil, e
  end
  leaves, e = store.leaves(rest, opts.file, known)
  if not leaves then
    return nil, e
  end
  edits, e = open_leaves(leaves, meta, box, opts)
  if not edits then
    return nil, e
  end
  local plain
  if opts.format == "binary" then
    for _, leaf in ipairs(leaves) do
      plain = #leaf.path == 1 and leaf.path[1] == "data" and leaf.plain or plain
    end
    if not plain then
      return nil, err.new("invalid", "the text 'data', that holds the bytes, is missing", { file = opts.file })
    end
  else
    plain, e = apply(store, rest, edits, opts.file)
    if not plain then
      return nil, e
    end
  end
  return { format = opts.format, plain = plain, meta = meta, key = key, cipher = box }
end

-- The text to encrypt, and its leaves.
local function prepare(store, plain, format, file)
  if format == "binary" then
    local text = '{\n\t"data": ""\n}\n'
    local leaves = assert(store.leaves(text))
    leaves[1].plain = plain
    return text, leaves
  end
  local text, e = store.prepare(plain, file)
  if not text then
    return nil, e
  end
  local leaves
  leaves, e = store.leaves(text, file)
  if not leaves then
    return nil, e
  end
  local msg = "%s is where the metadata of SOPS stand: it is encrypted already, or has a key of that name"
  local _, found = store.extract(text, file)
  if found ~= nil then -- that may have no leaf: null
    return nil, err.new("invalid", msg:format(store.reserved), { file = file })
  end
  for _, leaf in ipairs(leaves) do
    local first = leaf.path[1]
    if leaf.kind == "value" and first and (format == "dotenv" and first:find("^sops_") or first == store.reserved) then
      return nil, err.new("invalid", msg:format(first), { file = file })
    end
  end
  return text, leaves
end

--- Encrypts a text with the data key and metadata that are given. Values that the cipher opened before stay as they
--- were written.
---@param open prov.SopsFile with `plain`
---@param file string for errors
---@return string? text
---@return prov.Err? err
function M.encrypt(open, file)
  local store, e = store_of(open.format)
  if not store then
    return nil, e
  end
  local text, leaves = prepare(store, open.plain, open.format, file)
  if not text then
    return nil, leaves
  end
  local meta = data.copy(open.meta)
  local chosen
  chosen, e = rules.chooser(meta)
  if not chosen then
    return nil, e
  end
  local hasher <close>, edits, only = mac_of(meta), {}, M.is_true(meta.mac_only_encrypted)
  for _, leaf in ipairs(leaves) do
    local is_chosen = chosen(leaf)
    if leaf.kind == "value" and (is_chosen or not only) then
      hasher:add(leaf.plain)
    end
    if is_chosen and leaf.plain ~= "" then
      local sealed
      sealed, e = open.cipher:seal(leaf.type, leaf.plain, leaf.path)
      if not sealed then
        return fail_at(e, leaf, file)
      end
      leaf.type, leaf.plain = leaf.kind == "comment" and "comment" or "str", sealed
      edits[#edits + 1] = leaf
    elseif open.format == "binary" then -- a file that says so: the value is not in the text yet
      edits[#edits + 1] = leaf
    end
  end
  text, e = apply(store, text, edits, file)
  if not text then
    return nil, e
  end
  meta.lastmodified = os.date("!%Y-%m-%dT%H:%M:%SZ")
  meta.version = M.VERSION
  meta.mac, e = open.cipher:seal("str", hex(assert(hasher:finish())), meta.lastmodified)
  if not meta.mac then
    return nil, e
  end
  return store.attach(text, meta)
end

--- A file to be encrypted: a new data key, wrapped for the recipients of a rule.
---@async
---@param plain string
---@param format string
---@param rule table { groups, shamir_threshold?, mac_only_encrypted?, ...choice }
---@return prov.SopsFile?
---@return prov.Err? err
function M.create(plain, format, rule)
  local key, e = keys.generate()
  if not key then
    return nil, e
  end
  local open = { format = format, plain = plain, key = key }
  open.cipher, e = cipher.new(key)
  if not open.cipher then
    return nil, e
  end
  open.meta, e = keys.wrap(key, rule.groups, rule.shamir_threshold)
  if not open.meta then
    return nil, e
  end
  if format ~= "binary" then -- which is one value, and encrypted whatever the rule says, as `sops` does
    local some = false
    for _, choice in ipairs(rules.CHOICES) do
      if (rule[choice] or "") ~= "" then
        open.meta[choice], some = rule[choice], true
      end
    end
    if not some then
      open.meta.unencrypted_suffix = "_unencrypted"
    end
  end
  open.meta.mac_only_encrypted = rule.mac_only_encrypted or nil
  return open
end

--- Gives an open file other recipients, and a new data key when it is to have one.
---@async
---@param open prov.SopsFile
---@param groups (string|prov.sops.Recipient)[][]
---@param threshold? integer
---@param new_key boolean
---@return prov.SopsFile?
---@return prov.Err? err
function M.rewrap(open, groups, threshold, new_key)
  local key, e = open.key
  if new_key then
    key, e = keys.generate()
    if not key then
      return nil, e
    end
  end
  local wrapped
  wrapped, e = keys.wrap(key, groups, threshold)
  if not wrapped then
    return nil, e
  end
  keys.clear(open.meta)
  for name, list in pairs(wrapped) do
    open.meta[name] = list
  end
  if new_key then
    open.key = key
    open.cipher, e = cipher.new(key)
  end
  return open.cipher and open, e
end

--- The value of a plain text.
---@param open prov.SopsFile
---@param file string
---@return any
---@return prov.Err? err
function M.value(open, file)
  if open.format == "binary" then
    return open.plain
  end
  return store_of(open.format).value(open.plain, file)
end

--- Whether the rule of an open file encrypts the value at a path.
---@param open prov.SopsFile of a format that has paths
---@param path string[]
---@param file string for errors
---@return boolean?
---@return prov.Err? err "notfound"
function M.hides(open, path, file)
  local chosen, e = rules.chooser(open.meta)
  local leaves
  if chosen then
    leaves, e = store_of(open.format).leaves(open.plain, file)
  end
  local name = table.concat(path, "\0")
  for _, leaf in ipairs(leaves or {}) do
    if leaf.kind == "value" and table.concat(leaf.path, "\0") == name then
      return chosen(leaf)
    end
  end
  return nil, e or err.new("notfound", "there is no " .. path_of.format(path), { file = file })
end

-- Whether YAML and JSON can say it.
local function is_text(v)
  if type(v) == "string" then
    return utf8.len(v) ~= nil
  end
  for key, one in pairs(type(v) == "table" and v ~= data.null and v or {}) do
    if not is_text(key) or not is_text(one) then
      return false
    end
  end
  return true
end

--- Changes one value of an open file; nil deletes.
---@param open prov.SopsFile
---@param path (string|integer)[]
---@param v any
---@return true?
---@return prov.Err? err
function M.change(open, path, v)
  if open.format == "binary" then
    return err.fail("usage", "a file of bytes has no paths in it")
  elseif (open.format == "yaml" or open.format == "json") and not is_text(v) then
    return nil, err.new("invalid", "the value is no text in UTF-8", { hint = "encode the bytes, as base64 does" })
  end
  local new, e = store_of(open.format).change(open.plain, path, v)
  if not new then
    return nil, e
  end
  open.plain = new
  return true
end

return M
