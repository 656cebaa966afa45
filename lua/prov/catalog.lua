--- What providers offer: plans, zones, images, prices, quotas. Declared as a table, or asked for by `catalog(ctx)` and
-- kept for a while in the workspace, so that checks need no network.
--
--   currency          "EUR"
--   as_of, source     of prices that stand in a file: "2026-11-01" and where they were read
--   plans             { { name, cpus, memory, disk?, price?, hourly?, prices? = { zone = { price, hourly } },
--                     architecture?, deprecated?, replaced_by? } }
--   zones             { { name, also?, city?, country? } }
--   images            { { name, id?, also?, family?, version?, deprecated?, replaced_by? } }
--   unlisted          { list = pattern }: texts that mean something that the list does not have
--   prices            { name = price of one | { base? | hourly?, per_gib?, per_iops?, free_iops? } }: the name of
--                     a kind, or one that `parts` use
--   parts             { kind = { { name, price | plan = true, size?, iops?, when? } } }: what a kind costs when it is
--                     not the price of its own name; an empty list: nothing. `price` is a name in prices, with
--                     arguments in it: "volume_{type}"; `plan` is the price of its plan; `size` and `iops` name
--                     arguments; `when` has the arguments it is for, false for one that is not there
--   note              what the prices are, and what is not in them
--   quotas            { kind = most }
-- `also` has further texts that mean an entry.
-- Sizes are bytes or texts such as "4 GiB", prices are for a month in the currency, without tax. A provider whose
-- prices are many tells them apart from the rest, by `prices(ctx, plans)`: see M.priced.

local err = require("prov.err")
local fs = require("prov.fs")
local json = require("prov.json")
local settings = require("prov.settings")

local M = {}

M.LISTS = { "plans", "zones", "images", "prices", "quotas" }

local function path_of(workspace, name)
  return ("%s/catalog/%s.json"):format(workspace.state_dir, name)
end

--- The catalog a workspace has kept, and when it was asked for; nothing when there is none.
---@param workspace { state_dir: string }
---@param name string of the provider or its instance
---@return table? catalog, integer? seconds since 1970
function M.kept(workspace, name)
  local text = workspace.state_dir and fs.read(path_of(workspace, name))
  local kept = text and json.decode(text)
  if type(kept) == "table" and type(kept.catalog) == "table" and math.type(kept.asked) == "integer" then
    return kept.catalog, kept.asked
  end
end

--- What is known of a provider's catalog without asking anybody.
---@param declaration table of the provider
---@param workspace { state_dir: string }?
---@param name string of the provider or its instance
---@return table?
function M.known(declaration, workspace, name)
  if type(declaration.catalog) == "table" then
    return declaration.catalog
  end
  return declaration.catalog and workspace and M.kept(workspace, name) or nil
end

--- What a function of a provider says: `catalog`, or `prices` of some plans.
local function ask(providers, declaration, name, what, ...)
  local ctx, e = providers:ctx(name)
  if not ctx then
    return nil, e
  end
  local ok, given, why = pcall(declaration[what], ctx, ...)
  if not ok then
    given, why = nil, given
  end
  if given == nil then
    why = err.is(why) and why or err.new("failed", tostring(why or "it gave none"))
    return nil, why:wrap("%s of provider '%s'", what, name)
  end
  return given
end

local function keep(workspace, name, catalog, asked)
  local text, e = json.encode({ asked = asked, catalog = catalog })
  local ok = text and fs.mkdirp(workspace.state_dir .. "/catalog", 448)
  if ok then
    ok, e = fs.write_atomic(path_of(workspace, name), text)
  end
  return not ok and e or nil
end

--- The catalog of a provider: its table, else what was kept and is not too old, else what it says now. When it cannot
--- be asked, an old one is better than none: it comes with the error.
---@async
---@param workspace prov.Workspace
---@param providers prov.Providers
---@param name string
---@param opts? { refresh: boolean? }
---@return table? catalog
---@return prov.Err? err
function M.of(workspace, providers, name, opts)
  local declaration, e = providers:declaration(name)
  if not declaration then
    return nil, e
  elseif type(declaration.catalog) ~= "function" then
    return declaration.catalog or {}
  end
  local kept, asked = M.kept(workspace, name)
  if kept and not (opts and opts.refresh) and os.time() - asked < settings.catalog.keep then
    return kept
  end
  local given
  given, e = ask(providers, declaration, name, "catalog")
  if not given then
    return kept, e
  end
  return given, keep(workspace, name, given, os.time())
end

--- The plans whose prices nobody has asked for yet; nil when that is none, and false for all there are.
local function unasked(priced, plans)
  if priced == true then
    return nil
  elseif not plans then
    return false
  end
  local out = {}
  for _, plan in ipairs(plans) do
    out[#out + 1] = not (priced and priced[plan]) and plan or nil
  end
  return (out[1] or not priced) and out or nil
end

--- The catalog with its prices. A provider that declares `prices` is asked for those of the plans that are wanted and
--- were not asked for yet, and of what is no plan; they are kept in the catalog as long as that is.
---@async
---@param workspace prov.Workspace
---@param providers prov.Providers
---@param name string
---@param plans? string[] all when absent
---@param opts? { refresh: boolean? }
---@return table? catalog without prices when they cannot be had: then with the error
---@return prov.Err? err
function M.priced(workspace, providers, name, plans, opts)
  local catalog, e = M.of(workspace, providers, name, opts)
  local declaration = providers:declaration(name)
  local missing = catalog and declaration.prices and unasked(catalog.priced, plans)
  if missing == nil then
    return catalog, e
  end
  local given, failure = ask(providers, declaration, name, "prices", missing or nil)
  if not given then
    return catalog, failure
  end
  for _, plan in ipairs(catalog.plans or {}) do
    for field, v in pairs(given.plans[plan.name] or {}) do
      plan[field] = v
    end
  end
  for _, field in ipairs({ "currency", "prices", "parts", "note" }) do
    catalog[field] = given[field]
  end
  catalog.priced = not missing or catalog.priced or {}
  for _, plan in ipairs(missing or {}) do
    catalog.priced[plan] = true
  end
  local _, asked = M.kept(workspace, name)
  return catalog, e or keep(workspace, name, catalog, asked or os.time())
end

-- Prices and quotas are maps: rows for people.
local function rows_of(list, entries)
  if list ~= "prices" and list ~= "quotas" then
    return entries
  end
  local rows = {}
  for _, kind in ipairs(require("core.data").keys(entries)) do
    local one, row = entries[kind], { name = kind }
    if type(one) == "table" then
      for field, v in pairs(one) do
        row[field] = v
      end
    else
      row[list == "prices" and "price" or "most"] = one
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function says(row, words)
  for _, word in ipairs(words) do
    local found = false
    for _, v in pairs(row) do
      found = found or type(v) ~= "table" and tostring(v):lower():find(word, 1, true) ~= nil
    end
    if not found then
      return false
    end
  end
  return true
end

--- The operation `catalog`.
---@async
---@param ctx prov.Ctx
---@param p { what: string, provider: string?, search: string?, refresh: boolean? }
---@return table? { list, provider, rows, searched?, currency, as_of, source, note }
---@return prov.Err?
function M.show(ctx, p)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "try" }))
  local name, e = p.provider, nil
  if not name then
    name, e = project:default_provider()
  end
  local catalog
  if name and (p.what == "plans" or p.what == "prices") then
    catalog, e = M.priced(project.workspace, project.providers, name, nil, p)
  elseif name then
    catalog, e = M.of(project.workspace, project.providers, name, p)
  end
  if not catalog then
    return nil, e
  elseif e then
    ctx.ui.warn("%s; this is what is known", tostring(e))
  end
  local list = p.what == "quota" and "quotas" or p.what
  local rows, words = {}, {}
  for word in (p.search or ""):lower():gmatch("%S+") do
    words[#words + 1] = word
  end
  for _, row in ipairs(rows_of(list, catalog[list] or {})) do
    rows[#rows + 1] = says(row, words) and row or nil
  end
  return {
    list = list,
    provider = name,
    searched = words[1] and true or nil,
    rows = require("core.data").list(rows),
    currency = catalog.currency,
    as_of = catalog.as_of,
    source = catalog.source,
    note = catalog.note,
  }
end

return M
