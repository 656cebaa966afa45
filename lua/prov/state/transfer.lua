--- A state as a document: JSON that another prov reads, and SurrealQL for a SurrealDB.

local data = require("core.data")
local err = require("prov.err")
local json = require("prov.json")
local state = require("prov.state")
local value = require("prov.value")

local M = {}

local VERSION = 1

--- Exports hold secrets as what they are only when asked; else the text "(secret)".
local function shown(v, secrets)
  if secrets then
    return value.reveal(v)
  end
  return require("prov.plan.file").plain(v)
end

local function record_out(record, secrets)
  return {
    address = record.address,
    kind = record.kind,
    provider = record.provider,
    id = record.id,
    key = record.key,
    tainted = record.tainted,
    needs = data.list(record.needs),
    args = shown(record:args(), secrets),
    state = shown(record:shown(), secrets),
  }
end

local WRITE = {}

function WRITE.json(now, secrets)
  local records = data.list({})
  for i, address in ipairs(now:addresses()) do
    records[i] = record_out(now.records[address], secrets)
  end
  local text, e = json.encode({ format = "prov state", version = VERSION, revision = now.revision, records = records },
    { pretty = true, sorted = true })
  return text and text .. "\n", e
end

--- A record id of SurrealDB: the table is the kind, the key the address in backticks.
local function thing(kind, address)
  return ("%s:`%s`"):format(kind, (address:gsub("[\\`]", "\\%0")))
end

--- SurrealQL: one CREATE for each record, one RELATE for each edge; edges to nothing are left out.
function WRITE.surql(now, secrets)
  local out = { "BEGIN TRANSACTION;" }
  for _, address in ipairs(now:addresses()) do
    local record = now.records[address]
    local fields = record_out(record, secrets)
    fields.id, fields.identity = nil, fields.id -- `id` is the record's own in SurrealDB
    local content, e = json.encode(fields, { sorted = true })
    if not content then
      return nil, e
    end
    out[#out + 1] = ("CREATE %s CONTENT %s;"):format(thing(record.kind, address), content)
  end
  for _, address in ipairs(now:addresses()) do
    local record = now.records[address]
    for _, need in ipairs(record.needs) do
      local to = now.records[need]
      if to then
        out[#out + 1] = ("RELATE %s->%s->%s;"):format(thing(record.kind, address), state.edge_type(address, need),
          thing(to.kind, need))
      end
    end
  end
  out[#out + 1] = "COMMIT TRANSACTION;"
  return table.concat(out, "\n") .. "\n"
end

--- Writes a state as text.
---@param now prov.State
---@param format "json"|"surql"
---@param secrets? boolean write secret values as they are
---@return string?, prov.Err?
function M.export(now, format, secrets)
  return WRITE[format](now, secrets)
end

local SCHEMA = {
  format = { type = "enum", one_of = { "prov state" }, required = true },
  version = { type = "int", min = 1, max = VERSION, required = true },
  revision = { type = "int", min = 0 },
  records = {
    type = "list",
    required = true,
    of = {
      type = "record",
      fields = {
        address = { type = "string", required = true },
        kind = { type = "string", required = true },
        provider = { type = "string" },
        id = { type = "string" },
        key = { type = "string" },
        tainted = { type = "bool" },
        needs = { type = "list", of = { type = "string" }, default = {} },
        args = { type = "map", of = { type = "any" }, default = {} },
        state = { type = "map", of = { type = "any" }, default = {} },
      },
    },
  },
}

--- Reads what the JSON export wrote: a state that is not in the store yet.
---@param text string
---@param file string for messages
---@return prov.State?, prov.Err?
function M.import(text, file)
  local tree, e = json.decode(text, { file = file })
  if e then
    return nil, e
  end
  local done, errs = require("prov.contract").compile(SCHEMA):complete(tree, { file = file })
  if not done then
    return nil, errs[1]
  end
  local records = {}
  for i, one in ipairs(done.records) do
    local parsed
    parsed, e = require("prov.address").parse(one.address)
    if not parsed then
      return nil, e:wrap("%s: records[%d]", file, i)
    elseif records[one.address] then
      return err.fail("invalid", "%s: records[%d]: %s is there twice", file, i, one.address)
    elseif not one.id then
      return err.fail("invalid", "%s: records[%d]: %s has no id", file, i, one.address)
    end
    records[one.address] = state.record(one)
  end
  return state.of(records, done.revision or 0)
end

return M
