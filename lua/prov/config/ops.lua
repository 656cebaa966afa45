--- What the operations of `prov config` do.

local config_of = require("prov.config")
local data = require("core.data")
local edit = require("prov.config.edit")
local err = require("prov.err")
local fs = require("prov.fs")
local layers = require("prov.config.layers")

local M = {}

local function warn_of_files(ctx)
  for _, e in ipairs(ctx.config:check_files()) do
    ctx.ui.warn("%s", tostring(e))
  end
end

-- Whether a setting has a word in its name or in what it is for.
local function matches(config, key, word)
  word = word:lower()
  return key:lower():find(word, 1, true) or (config:spec_of(key).doc or ""):lower():find(word, 1, true)
end

--- All settings of a group; without one those of prov itself and those somebody has set.
function M.show(ctx, p)
  local config = ctx.config
  if p.group and not config:names(p.group)[1] then
    return nil, (select(2, config:spec(p.group)))
  end
  warn_of_files(ctx)
  local out = data.list({})
  for _, key in ipairs(config:names(p.group)) do
    local shown = not p.set and (p.all or p.group or p.match or config:is_own(key))
    local winner = (not p.match or matches(config, key, p.match)) and (config:winner(key) or {})
    if winner and (shown or (winner.layer or "default") ~= "default") then
      if winner.err then
        ctx.ui.warn("%s", winner.err)
      end
      out[#out + 1] = { key = key, value = winner.value, layer = winner.layer, source = winner.source,
        doc = config:spec_of(key).doc, err = winner.err }
    end
  end
  return out
end

function M.explain(ctx, p)
  local rows, e = ctx.config:explain(p.key)
  for _, row in ipairs(rows or {}) do
    if row.err then
      ctx.ui.warn("%s", row.err)
    end
  end
  return rows, e
end

local function layer_of(ctx, p)
  local environment = ctx.config:environment()
  if p.user then
    return "user"
  elseif environment and not environment:find("^%a[%w_-]*$") then -- it becomes a part of a path
    return err.fail("usage", "'%s' cannot be the name of an environment", environment)
  end
  return environment and "env-defaults" or "workspace"
end

-- Says so when what was set has no effect: a stronger layer has a value.
local function warn_of_stronger(ctx, layer, key)
  for _, row in ipairs(ctx.config:explain(key) or {}) do
    if row.layer == layer then
      return
    elseif row.value ~= nil then
      ctx.ui.warn("%s stays %s: the layer '%s' is stronger than '%s' (%s)", key,
        require("prov.render").scalar(row.value), row.layer, layer, row.source)
      return
    end
  end
end

function M.set(ctx, p)
  local v, e = edit.parse(ctx.config, p.key, p.value)
  if e then
    return nil, e
  end
  local layer, path
  layer, e = layer_of(ctx, p)
  if not layer then
    return nil, e
  end
  path, e = edit.set(ctx.config, layer, p.key, v)
  if path then
    warn_of_stronger(ctx, layer, p.key)
  end
  return path and { key = p.key, value = v, file = path }, e
end

function M.unset(ctx, p)
  local layer, e = layer_of(ctx, p)
  if not layer then
    return nil, e
  end
  local path
  path, e = edit.unset(ctx.config, layer, p.key)
  if not path then
    return nil, e or err.new("notfound", ("the %s layer does not set %s"):format(layer, p.key), {
      hint = ("'prov config explain %s' shows what does"):format(p.key),
    })
  end
  local winner = ctx.config:again():winner(p.key) or {}
  return { key = p.key, value = winner.value, layer = winner.layer }
end

function M.validate(ctx)
  local errs = ctx.config:validate()
  if #errs > 0 then
    return nil, errs
  end
  local files = data.list({})
  for _, slot in ipairs(layers.slots(ctx.config)) do
    files[#files + 1] = not slot.only and slot.path or nil
  end
  return { settings = #ctx.config:names(), files = files }
end

function M.edit(ctx, p)
  if not ctx.interactive then
    return err.fail("usage", "an editor needs a terminal; 'prov config set' needs none")
  end
  local layer, path, e
  layer, e = layer_of(ctx, p)
  if not layer then
    return nil, e
  end
  path, e = edit.edit(ctx.config, layer, require("prov.editor").open, function(errs)
    for _, one in ipairs(errs) do
      ctx.ui.warn("%s", tostring(one))
    end
    return ctx.ui.confirm("Edit it again?")
  end)
  if not path and not e then
    ctx.ui.info("nothing was changed")
    return nil
  end
  return path and { file = path }, e
end

function M.diff(ctx, p)
  local other
  if p.against then
    other = ctx.config:again(p.against)
  else
    other = config_of.open({ env = function() end, registry = ctx.registry })
    other:without_files()
  end
  return edit.diff(other, ctx.config)
end

local writers = {}

function writers.yaml(tree)
  return require("prov.yaml").encode(tree)
end

function writers.toml(tree)
  return require("prov.toml").encode(tree)
end

function writers.json(tree)
  local text, e = require("prov.json").encode(tree, { pretty = true, sorted = true })
  return text and text .. "\n", e
end

function writers.env(_, config, all)
  local out = {}
  for _, key in ipairs(config:names()) do
    local v
    if all then
      v = config:get(key)
    else
      v = config:given(key)
    end
    if v ~= nil then
      local text = type(v) == "table" and require("prov.json").encode(v) or tostring(v)
      out[#out + 1] = ("%s='%s'\n"):format(layers.variable(key), (text:gsub("'", "'\\''")))
    end
  end
  return table.concat(out)
end

function M.export(ctx, p)
  local tree, e = edit.tree(ctx.config, p.all)
  if not tree then
    return nil, e
  end
  return writers[p.format](tree, ctx.config, p.all)
end

function M.schema(ctx)
  local schema = require("prov.schemas").settings(ctx.config)
  schema.title = "Settings of prov"
  local text, e = require("prov.json").encode(schema, { pretty = true, sorted = true })
  return text and text .. "\n", e
end

function M.env(ctx, p)
  if p.group and not ctx.config:names(p.group)[1] then
    return nil, (select(2, ctx.config:spec(p.group)))
  end
  local out = data.list({})
  for i, key in ipairs(ctx.config:names(p.group)) do
    local name = layers.variable(key)
    out[i] = { variable = name, key = key, set = (os.getenv(name) or "") ~= "", doc = ctx.config:spec_of(key).doc }
  end
  return out
end

function M.paths(ctx)
  local out = data.list({})
  for _, place in ipairs(layers.places(ctx.config)) do
    out[#out + 1] = not place.only and { layer = place.layer, path = place.path, exists = fs.exists(place.path) } or nil
  end
  return out
end

return M
