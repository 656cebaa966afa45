--- The fault script of a simulator: which requests go wrong, and how. Data only; the service does what it says.

local contract = require("prov.contract")
local data = require("core.data")
local formats = require("prov.formats")
local fs = require("prov.fs")

local M = {}

--- What may go wrong. `effect`: the request is carried out.
---@type table<string, { effect: boolean, doc: string }>
M.KINDS = {
  lost_request = { effect = false, doc = "the connection is cut before anything is done" },
  lost_answer = { effect = true, doc = "the work is done, and the connection cut instead of the answer" },
  truncated = { effect = true, doc = "the work is done, and the answer ends after `keep` bytes" },
  duplicate = { effect = true, doc = "the request arrives twice; the second answer is given" },
  rate_limit = { effect = false, doc = "the cloud's answer to too many requests, with `retry_after`" },
  unavailable = { effect = false, doc = "503 in the form of the cloud" },
  locked = { effect = false, doc = "the cloud's answer when something is being changed (423, 409, 412)" },
  refuse = { effect = false, doc = "an error with `status`, `code` and `message`" },
  stale = { effect = true, doc = "reads show the world as it was `age` ago" },
  slow_action = { effect = true, doc = "what the request begins takes `by` longer, in the time of the world" },
  failed_action = { effect = true, doc = "what the request begins ends in an error, where the cloud has such a thing" },
  delay = { effect = true, doc = "the answer comes `by` later" },
}

local function names_of(map)
  local out = {}
  for name in pairs(map) do
    out[#out + 1] = name
  end
  table.sort(out)
  return out
end

--- What a script is.
M.SCHEMA = {
  seed = { type = "int", default = 1, doc = "Of the random numbers for `probability`" },
  faults = {
    type = "list",
    required = true,
    doc = "The first that fits a request and is due happens",
    of = {
      type = "record",
      fields = {
        fault = { type = "enum", one_of = names_of(M.KINDS), required = true, doc = "What goes wrong" },
        cloud = { type = "string", doc = "Only at this cloud" },
        method = { type = "string", doc = "Only requests with this method" },
        path = { type = "string", example = "/v1/servers/*", doc = "Only requests to this path; * is anything" },
        operation = { type = "string", example = "create_*", doc = "Only this operation, as in the log of calls" },
        nth = {
          type = "list",
          of = { type = "int", min = 1 },
          doc = "Only these of the requests that fit, counted from 1",
        },
        every = { type = "int", min = 1, doc = "Only each so manieth of the requests that fit" },
        probability = { type = "number", min = 0, max = 1, doc = "Only so often" },
        times = { type = "int", min = 1, doc = "At most so many times" },
        status = { type = "int", min = 400, max = 599, doc = "refuse: the status" },
        code = { type = "string", doc = "refuse: the cloud's code of the error" },
        message = { type = "string", doc = "What the error says" },
        retry_after = { type = "duration", doc = "rate_limit, unavailable: the header Retry-After" },
        age = { type = "duration", doc = "stale: how old; 5s" },
        by = { type = "duration", doc = "slow_action, delay: how much; 30s" },
        keep = { type = "int", min = 0, doc = "truncated: bytes that come; 20" },
      },
    },
  },
}

---@class prov.simulate.Faults
---@field script { seed: integer, faults: table[] }
---@field memory { counts: integer[], fired: integer[], random: integer } what has happened so far
local Faults = {}
Faults.__index = Faults

--- Checks a script.
---@param value any
---@param at? { file: string?, place: function? }
---@return table? script
---@return prov.Err[]? errs
function M.check(value, at)
  if data.kind(value) == "list" then
    value = { faults = value }
  end
  return contract.compile(M.SCHEMA):complete(value, at)
end

--- Reads a script from a file, YAML or JSON: a map with `faults`, or the list alone.
---@async
---@param path string
---@return table? script
---@return prov.Err|prov.Err[]|nil
function M.read(path)
  local text, e = fs.read(path)
  if not text then
    return nil, e
  end
  local format = formats.of_file(path) or formats.get("yaml")
  local value, place = format:decode(text, { file = path })
  if value == nil then
    return nil, place
  end
  return M.check(value, { file = path, place = place })
end

--- Faults that begin anew, or go on with what had happened.
---@param script table checked
---@param memory? table
---@return prov.simulate.Faults
function M.new(script, memory)
  return setmetatable({
    script = script,
    memory = memory or { counts = data.list({}), fired = data.list({}), random = script.seed },
  }, Faults)
end

--- A number from 0 up to 1 (Knuth's MMIX generator): the same ones for the same seed.
local function random(memory)
  memory.random = memory.random * 6364136223846793005 + 1442695040888963407
  return (memory.random >> 11) / (1 << 53)
end

--- True when a text is what a pattern with * says.
local function fits(pattern, text)
  if pattern == nil or pattern == text then
    return true
  end
  local lua = pattern:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return text:find("^" .. lua .. "$") ~= nil
end

local function is_due(fault, memory, i)
  local count = (memory.counts[i] or 0) + 1
  memory.counts[i] = count
  if fault.times and (memory.fired[i] or 0) >= fault.times then
    return false
  elseif fault.every and count % fault.every ~= 0 then
    return false
  elseif fault.probability and random(memory) >= fault.probability then
    return false
  end
  for at, nth in ipairs(fault.nth or {}) do
    if nth == count then
      return true
    elseif at == #fault.nth then
      return false
    end
  end
  return true
end

--- Decides what goes wrong with a request; all faults that fit it are counted.
---@param call { cloud: string, method: string, path: string, operation: string }
---@return table? fault as in the script
function Faults:decide(call)
  local chosen
  local memory = self.memory
  for i, fault in ipairs(self.script.faults) do
    memory.fired[i], memory.counts[i] = memory.fired[i] or 0, memory.counts[i] or 0 -- lists without holes
    if fits(fault.cloud, call.cloud) and fits(fault.method, call.method) and fits(fault.path, call.path)
      and fits(fault.operation, call.operation) and is_due(fault, memory, i) and not chosen then
      chosen = fault
      memory.fired[i] = memory.fired[i] + 1
    end
  end
  return chosen
end

--- The script with how often each fault fitted and happened.
---@return table[]
function Faults:rows()
  local out = data.list({})
  for i, fault in ipairs(self.script.faults) do
    local row = { matched = self.memory.counts[i] or 0, happened = self.memory.fired[i] or 0 }
    for name, value in pairs(fault) do
      row[name] = value
    end
    out[i] = row
  end
  return out
end

return M
