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

--- What a resource costs in a month and in an hour, in the catalog's currency; nil when the catalog has no price.
---@param catalog table see prov.catalog
---@param kind string
---@param args table complete arguments; unknown ones count as absent
---@return number? month, number? hour
function M.of(catalog, kind, args)
  local plan = M.plan(catalog, args)
  if plan then
    local own = plan.prices and plan.prices[known(args.zone) or ""] or plan
    return own.price, own.price and (own.hourly or own.price / HOURS)
  end
  local price = type(catalog.prices) == "table" and catalog.prices[kind]
  if type(price) == "table" then
    local size = known(args.size)
    size = type(size) == "string" and size_of(size) or size
    local month = (price.base or 0) + (math.type(size) and price.per_gib and size / GIB * price.per_gib or 0)
    return month, price.hourly or month / HOURS
  elseif type(price) == "number" then
    return price, price / HOURS
  end
end

--- The things that are there and those there will be: address -> { kind, provider, args }.
local function sides(project, saved)
  local before, after = {}, {}
  for address, record in pairs(project.state.records) do
    if record.provider then
      before[address] = { kind = record.kind, provider = record.provider, args = record:args() }
    end
  end
  if not saved then
    for _, one in ipairs(project.infra.resources) do
      after[one.address] = { kind = one.kind, provider = one.provider, args = one.args }
    end
    return before, after
  end
  for address, one in pairs(before) do
    after[address] = one
  end
  for _, step in ipairs(saved.steps) do
    if step.action == "delete" and not step.replaces then
      after[step.address] = nil
    elseif step.provider and (step.action == "create" or step.action == "update" or step.action == "replace") then
      after[step.address] = { kind = step.kind, provider = step.provider, args = step.args or {} }
    end
  end
  return before, after
end

--- A price of each thing, by the catalogs; catalogs are asked for once.
local function pricer(ctx, project)
  local known_catalogs = {}
  return function(one)
    local catalog = one and known_catalogs[one.provider]
    if one and not catalog then
      local e
      catalog, e = catalogs.of(project.workspace, project.providers, one.provider)
      if e then
        ctx.ui.warn("%s", tostring(e))
      end
      catalog = catalog or {}
      known_catalogs[one.provider] = catalog
    end
    if one then
      local month, hour = M.of(catalog, one.kind, one.args)
      return month, hour, catalog
    end
  end
end

local function add_row(out, address, before, after, price)
  local was = price(before)
  local month, hour, catalog = price(after)
  if before and not was and not month or after and not month and not was then
    out.unpriced[#out.unpriced + 1] = address
    return
  elseif not was and not month then
    return
  end
  catalog = catalog or select(3, price(before))
  local currency = catalog.currency or ""
  out.rows[#out.rows + 1] = {
    address = address,
    plan = known((after or before).args.plan),
    before = was or 0,
    month = month or 0,
    hour = hour or 0,
    change = (month or 0) - (was or 0),
    currency = currency,
  }
  local total = out.totals[currency] or { currency = currency, before = 0, month = 0, hour = 0, change = 0 }
  out.totals[currency] = total
  total.before, total.month = total.before + (was or 0), total.month + (month or 0)
  total.hour, total.change = total.hour + (hour or 0), total.change + (month or 0) - (was or 0)
  if catalog.as_of then
    out.as_of[catalog.as_of .. (catalog.source and " (" .. catalog.source .. ")" or "")] = true
  end
end

--- The operation `cost`.
---@async
---@param ctx prov.Ctx
---@param p { plan: string? } file of a saved plan; else the infra
---@return table? { rows, totals, unpriced, as_of }
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
  local out, price = { rows = {}, totals = {}, unpriced = {}, as_of = {} }, pricer(ctx, project)
  for _, address in ipairs(data.keys(addresses)) do
    add_row(out, address, before[address], after[address], price)
  end
  local totals = {}
  for _, currency in ipairs(data.keys(out.totals)) do
    totals[#totals + 1] = out.totals[currency]
  end
  return {
    rows = data.list(out.rows),
    totals = data.list(totals),
    unpriced = data.list(out.unpriced),
    as_of = data.list(data.keys(out.as_of)),
  }
end

return M
