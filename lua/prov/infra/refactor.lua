--- What an infra says about its past: `moved` (another address), `import` (it exists already) and `removed` (prov lets
-- go of it). All three may stay where they are after an apply: what has been done is not done again.

local address = require("prov.address")
local contract = require("prov.contract")
local interpolate = require("prov.infra.interpolate")
local suggest = require("prov.suggest")

local M = {}

local SCHEMAS = {
  moved = {
    from = { type = "string", required = true, doc = "The address it had" },
    to = { type = "string", required = true, doc = "The address it has now" },
  },
  import = {
    to = { type = "string", required = true, doc = "Address of a declared resource" },
    id = { type = "string", required = true, doc = "What its provider calls it" },
  },
  removed = {
    from = { type = "string", required = true, doc = "Address of what prov shall let go of, and not delete" },
  },
}

--- An address of a resource, or of a module with what is in it; nil and why not.
local function check(text)
  if text:match("^module%.") then
    local at = 1
    repeat
      local stop = text:match("^module%.[%a_][%w_-]*()", at)
      stop = stop and address.behind_key(text, stop) or stop
      if stop and stop > #text then
        return true
      end
      at = stop and stop + 1
    until not at or not text:match("^module%.", at)
  end
  local parsed, e = address.parse(text)
  if parsed and parsed.kind == "taskserv" then
    return nil, "a taskserv stays on its server: name the server"
  end
  return parsed ~= nil, e and tostring(e)
end

local function declared(loader, text)
  local block = loader.by_base[text]
  if block then
    return block.keyed and block.instances[1] or block.single
  end
  for _, resource in ipairs(loader.resources) do
    if resource.address == text or resource.address:sub(1, #text + 1) == text .. "."
      or text:match("^module%.") and resource.address:sub(1, #text + 1) == text .. "[" then
      return resource
    end
  end
end

local CHECKS = {}

--- True when the address itself, or what is in the module itself, is declared: not an instance of it.
local function declared_single(loader, text)
  local block = loader.by_base[text]
  if block then
    return block.single ~= nil
  end
  for _, resource in ipairs(loader.resources) do
    if resource.address:sub(1, #text + 1) == text .. "." then
      return true
    end
  end
  return false
end

function CHECKS.moved(loader, one, fail)
  local still = declared
  if address.is_instance(one.to, one.from) then -- it has got a count
    still = declared_single
  end
  if still(loader, one.from) then
    fail({ "from" }, ("%s is still declared: it cannot have moved"):format(one.from))
  elseif one.from == one.to then
    fail({ "to" }, "it is the same address")
  end
end

function CHECKS.import(loader, one, fail)
  local resource
  for _, known in ipairs(loader.resources) do
    if known.address == one.to then
      resource = known
    end
  end
  if not resource then
    local names = {}
    for i, known in ipairs(loader.resources) do
      names[i] = known.address
    end
    fail({ "to" }, ("there is no %s"):format(one.to), suggest.hint(one.to, names)
      or "declare it: what is imported must be in the infra")
  end
  return resource
end

function CHECKS.removed(loader, one, fail)
  if declared(loader, one.from) then
    fail({ "from" }, ("%s is still declared"):format(one.from), "take it out of the infra")
  end
end

--- Checks the lists of a home and adds them to the loader's, addresses in full.
---@param loader prov.InfraLoader
---@param joined table
---@param home prov.Home
function M.add(loader, joined, home)
  for list, schema in next, SCHEMAS do
    for _, item in ipairs(joined[list]) do
      loader.past[#loader.past + 1] = { list = list, schema = schema, item = item, home = home }
    end
  end
end

--- What the lists say, once everything is declared: { moved, import, removed } of { from?, to?, id?, origin }.
---@param loader prov.InfraLoader
---@return table<string, table[]>
function M.run(loader)
  local out = { moved = {}, import = {}, removed = {} }
  local function place(item)
    local line, column, file = item.source.place(item.path)
    return { file = file or item.source.file, line = line, column = column }
  end
  for _, past in ipairs(loader.past) do
    local item, home = past.item, past.home
    local block = { source = item.source, path = item.path, home = home }
    local problems, failed = {}, false
    local function fail(below, msg, hint)
      failed = true
      loader:fail_at(block, below, msg, hint)
    end
    local filled = interpolate.value(item.value, home.scope, problems)
    local done, wrong
    if #problems == 0 then
      done, wrong = contract.compile({ it = { type = "record", fields = past.schema } }).run({ it = filled })
      for _, p in ipairs(wrong or {}) do
        table.remove(p.path, 1)
        problems[#problems + 1] = p
      end
    end
    if #problems > 0 then
      loader:problems(block, problems)
    else
      done = done.it
      for _, field in ipairs({ "from", "to" }) do
        if done[field] then
          local ok, why = check(done[field])
          if not ok then
            fail({ field }, why or ("'%s' is not an address"):format(done[field]))
          end
          done[field] = home.prefix .. done[field]
        end
      end
      if not failed then
        done.resource = CHECKS[past.list](loader, done, fail)
        done.origin = place(item)
        table.insert(out[past.list], done)
      end
    end
  end
  return out
end

return M
