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
--   prices            { kind = price of one | { base?, per_gib? } } for a month
--   quotas            { kind = most }
-- `also` has further texts that mean an entry.
-- Sizes are bytes or texts such as "4 GiB", prices are for a month in the currency, without tax.

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

local function ask(providers, declaration, name)
  local ctx, e = providers:ctx(name)
  if not ctx then
    return nil, e
  end
  local ok, given, why = pcall(declaration.catalog, ctx)
  if not ok then
    given, why = nil, given
  end
  if given == nil then
    why = err.is(why) and why or err.new("failed", tostring(why or "it gave no catalog"))
    return nil, why:wrap("catalog of provider '%s'", name)
  end
  return given
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
  given, e = ask(providers, declaration, name)
  if not given then
    return kept, e
  end
  local text = json.encode({ asked = os.time(), catalog = given })
  local ok = text and fs.mkdirp(workspace.state_dir .. "/catalog", 448)
  if ok then
    ok, e = fs.write_atomic(path_of(workspace, name), text)
  end
  return given, not ok and e or nil
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
---@return table? { list, provider, rows, searched?, currency, as_of, source }
---@return prov.Err?
function M.show(ctx, p)
  local project <close> = assert(require("prov.project").open(ctx, { infra = "try" }))
  local name, e = p.provider, nil
  if not name then
    name, e = project:default_provider()
  end
  local catalog
  if name then
    catalog, e = M.of(project.workspace, project.providers, name, p)
  end
  if not catalog then
    return nil, e
  elseif e then
    ctx.ui.warn("%s; this is what it said before", tostring(e))
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
  }
end

return M
