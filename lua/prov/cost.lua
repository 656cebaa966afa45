--- What resources cost by the catalogs of their providers, and what a change of the infra makes of it.

local catalogs = require("prov.catalog")
local data = require("core.data")
local size_of = require("prov.contract.scalars").size
local value = require("prov.value")

local M = {}

local GIB = 1024 * 1024 * 1024
local HOURS = 730 -- of a month, as clouds count them

local function known(v)
  if v ~= nil and not value.is_marked(v) then
    return v
  end
end

local by_name = setmetatable({}, { __mode = "k" }) -- of a list of plans

--- The plan of a server in a catalog.
---@param catalog table
---@param args table
---@return table?
function M.plan(catalog, args)
  local name, plans = known(args.plan), catalog.plans
  if name == nil or type(plans) ~= "table" then
    return nil
  end
  local index = by_name[plans]
  if not index then
    index = {}
    for _, plan in ipairs(plans) do
      index[plan.name] = plan
    end
    by_name[plans] = index
  end
  return index[name]
end

--- A value inside of arguments, "services.1.protocol"; nil when it is not known.
local function at(args, path)
  for step in path:gmatch("[^.]+") do
    if type(args) ~= "table" or value.is_marked(args) then
      return nil
    end
    args = args[math.tointeger(tonumber(step)) or step]
  end
  return known(args)
end

--- A field of a resource: what its arguments say, else what the catalog says of its image, which gives a server its
--- disk when nobody says which.
local function field_of(catalog, args, path)
  local v = at(args, path)
  if v ~= nil or known(args.image) == nil then
    return v
  end
  for _, image in ipairs(type(catalog.images) == "table" and catalog.images or {}) do
    if (image.name == args.image or image.id == args.image) and image[path] ~= nil then
      return image[path]
    end
  end
end

local function number_of(v)
  v = type(v) == "string" and size_of(v) or v
  return math.type(v) and v
end

--- The month of a price in a catalog for something of a size; nil when it goes by a size that is not known.
local function month_of(price, size)
  if type(price) == "number" then
    return price
  elseif type(price) ~= "table" or not (price.base or price.hourly or price.per_gib and size) then
    return nil
  end
  return (price.base or 0) + (price.hourly and not price.base and price.hourly * HOURS or 0)
    + (price.per_gib and size and size / GIB * price.per_gib or 0)
end

--- The month of operations a second that somebody has chosen; nil when they cost something that is not known.
local function month_of_iops(price, iops)
  if iops == nil then
    return 0
  elseif type(price) ~= "table" or not price.per_iops or not math.type(iops) then
    return nil
  end
  return math.max(0, iops - (price.free_iops or 0)) * price.per_iops
end

--- True when the arguments are what a part is for: each of the named ones has the value, or, for false, is not there.
local function applies(when, args)
  for name, want in pairs(when or {}) do
    local have = args[name]
    if want == false then
      if have and not (type(have) == "table" and not value.is_marked(have) and next(have) == nil) then
        return false
      end
    elseif have ~= want then
      return false
    end
  end
  return true
end

--- What a part costs in a month and an hour; nothing when that is not known.
local function part_of(catalog, part, args, plan)
  if part.plan then
    return plan and plan.price, plan and plan.price and (plan.hourly or plan.price / HOURS)
  end
  local missing = false
  local name = part.price:gsub("{(.-)}", function(path)
    local v = field_of(catalog, args, path)
    missing = missing or v == nil
    return tostring(v)
  end)
  local price = not missing and (catalog.prices or {})[name]
  local month = month_of(price, part.size and number_of(field_of(catalog, args, part.size)))
  local more = month_of_iops(price, args[part.iops or false])
  if month and more then
    return month + more, (month + more) / HOURS
  end
end

--- Adds up the parts of a kind: month, hour and the parts that are not known; nothing when its plan is not, or no part.
local function sum_of(catalog, parts, args, plan)
  local month, hour, lacking, some = 0, 0, {}, false
  for _, part in ipairs(parts) do
    if applies(part.when, args) then
      local more, more_hour = part_of(catalog, part, args, plan)
      if more then
        month, hour, some = month + more, hour + more_hour, true
      elseif part.plan then
        return nil
      else
        lacking[#lacking + 1] = part.name
      end
    end
  end
  if not some and lacking[1] then
    return nil
  end
  return month, hour, lacking[1] and lacking or nil
end

--- What a resource costs in a month and in an hour, in the catalog's currency; nil when the catalog has no price, 0
--- when it says that there is nothing to pay.
---@param catalog table see prov.catalog
---@param kind string
---@param args table complete arguments; unknown ones count as absent
---@return number? month, number? hour, string[]? lacking parts that cost something, nobody knows how much
function M.of(catalog, kind, args)
  local plan = M.plan(catalog, args)
  local own = plan and plan.prices and plan.prices[known(args.zone) or ""] or plan
  local parts = type(catalog.parts) == "table" and catalog.parts[kind]
  if parts then
    return sum_of(catalog, parts, args, own)
  elseif plan then
    return own.price, own.price and (own.hourly or own.price / HOURS)
  end
  local price = type(catalog.prices) == "table" and catalog.prices[kind]
  local month = price and month_of(price, number_of(known(args.size)))
  return month, month and (type(price) == "table" and price.hourly or month / HOURS)
end

--- Arguments with more in them.
local function extended(args, name, v)
  return setmetatable({ [name] = v }, { __index = args })
end

--- Arguments with the size that a provider has told of something that is there (a snapshot, an image).
local function sized(args, record)
  local size = args.size == nil and record and record:state().size
  return size and extended(args, "size", size) or args
end

--- Tells things what others say of them: an address that names its server is that server's as much as one that the
--- server names, and a snapshot is as large as its volume.
local function meet(things)
  local by_id = {}
  for address, one in pairs(things) do
    by_id[one.id or address] = one
  end
  local function named(v)
    return value.is_ref(v) and things[(value.parts(v))] or by_id[known(v) or false]
  end
  for _, one in pairs(things) do
    local server = one.kind == "address" and one.args.type ~= "floating" and named(one.args.server)
    if server and server.args.address == nil then
      server.args = extended(server.args, "address", true)
    end
    local volume = one.args.size == nil and named(one.args.volume)
    if volume then
      one.args = extended(one.args, "size", volume.args.size)
    end
  end
  return things
end

--- The things that are there and those there will be: address -> { kind, provider, args, id }.
local function sides(project, saved)
  local before, after, records = {}, {}, project.state.records
  for address, record in pairs(records) do
    if record.provider then
      before[address] = { kind = record.kind, provider = record.provider, args = sized(record:args(), record),
        id = record.id }
    end
  end
  local function put(address, kind, provider, args)
    local record = before[address] and records[address]
    after[address] = { kind = kind, provider = provider, args = sized(args, record), id = record and record.id }
  end
  if not saved then
    for _, one in ipairs(project.infra.resources) do
      put(one.address, one.kind, one.provider, one.args)
    end
    return meet(before), meet(after)
  end
  for address, one in pairs(before) do
    after[address] = { kind = one.kind, provider = one.provider, args = one.args, id = one.id }
  end
  for _, step in ipairs(saved.steps) do
    if step.action == "delete" and not step.replaces then
      after[step.address] = nil
    elseif step.provider and (step.action == "create" or step.action == "update" or step.action == "replace") then
      put(step.address, step.kind, step.provider, (step.node or step).args or {})
    end
  end
  return meet(before), meet(after)
end

--- The plans of each provider's servers: name -> list.
local function plans_of(...)
  local out, seen = {}, {}
  for _, things in ipairs({ ... }) do
    for _, one in pairs(things) do
      local plan = known(one.args.plan)
      local key = plan and one.provider .. "\0" .. plan
      if key and not seen[key] then
        seen[key] = true
        out[one.provider] = out[one.provider] or {}
        table.insert(out[one.provider], plan)
      end
    end
  end
  return out
end

--- A price of each thing, by the catalogs; catalogs are asked for once.
local function pricer(ctx, project, plans)
  local known_catalogs = {}
  return function(one)
    if not one then
      return nil
    end
    local catalog = known_catalogs[one.provider]
    if not catalog then
      local e
      catalog, e = catalogs.priced(project.workspace, project.providers, one.provider, plans[one.provider] or {})
      if e then
        ctx.ui.warn("%s", tostring(e))
      end
      catalog = catalog or {}
      known_catalogs[one.provider] = catalog
    end
    local month, hour, lacking = M.of(catalog, one.kind, one.args)
    return month and { month = month, hour = hour, lacking = lacking, catalog = catalog }
  end
end

--- Adds a row, and what it says to the total of its currency.
local function add(out, address, plan, was, will)
  local catalog = (will or was).catalog
  local currency = catalog.currency or ""
  local before, month, hour = was and was.month or 0, will and will.month or 0, will and will.hour or 0
  out.rows[#out.rows + 1] = {
    address = address, plan = plan, before = before, month = month, hour = hour, change = month - before,
    currency = currency, lacking = will and will.lacking and data.list(will.lacking),
  }
  local total = out.totals[currency] or { currency = currency, before = 0, month = 0, hour = 0, change = 0 }
  out.totals[currency] = total
  total.before, total.month = total.before + before, total.month + month
  total.hour, total.change = total.hour + hour, total.change + month - before
  if catalog.as_of then
    out.as_of[catalog.as_of .. (catalog.source and " (" .. catalog.source .. ")" or "")] = true
  end
  if catalog.note then
    out.notes[catalog.note] = true
  end
end

local function is_free(one)
  return not one or one.month == 0 and not one.lacking
end

local function add_rows(out, address, before, after, price)
  local was, will = price(before), price(after)
  if after and not will or not after and not was then
    out.unpriced[#out.unpriced + 1] = address
    return
  elseif is_free(was) and is_free(will) then
    out.free[#out.free + 1] = address
    return
  end
  if before and after and not was then -- a price of today that is not known any more
    will.lacking = will.lacking or {}
    table.insert(will.lacking, "what it costs now")
  end
  local plan = known((after or before).args.plan)
  if was and will and was.catalog.currency ~= will.catalog.currency then -- it goes from one provider to another
    add(out, address, known(before.args.plan), was, nil)
    add(out, address, plan, nil, will)
  else
    add(out, address, plan, was, will)
  end
end

--- The operation `cost`.
---@async
---@param ctx prov.Ctx
---@param p { plan: string? } file of a saved plan; else the infra
---@return table? { rows, totals, unpriced, free, notes, as_of }
---@return prov.Err?
function M.show(ctx, p)
  local project <close> = assert(require("prov.project").open(ctx, { infra = p.plan and "try" or "need" }))
  local saved, e
  if p.plan then
    saved, e = require("prov.plan.file").load(project.workspace, p.plan, project.state)
    if not saved then
      return nil, e
    end
  end
  local before, after = sides(project, saved)
  local addresses = {}
  for _, side in ipairs({ before, after }) do
    for address in pairs(side) do
      addresses[address] = true
    end
  end
  local out = { rows = {}, totals = {}, unpriced = {}, free = {}, notes = {}, as_of = {} }
  local price = pricer(ctx, project, plans_of(before, after))
  for _, address in ipairs(data.keys(addresses)) do
    add_rows(out, address, before[address], after[address], price)
  end
  local totals = {}
  for _, currency in ipairs(data.keys(out.totals)) do
    totals[#totals + 1] = out.totals[currency]
  end
  return {
    rows = data.list(out.rows),
    totals = data.list(totals),
    unpriced = data.list(out.unpriced),
    free = data.list(out.free),
    notes = data.list(data.keys(out.notes)),
    as_of = data.list(data.keys(out.as_of)),
  }
end

return M
