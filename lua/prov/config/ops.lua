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

--- All settings of a group; without one those of prov itself and those somebody has set.
function M.show(ctx, p)
  local config = ctx.config
  if p.group and not config:names(p.group)[1] then
    return nil, (select(2, config:spec(p.group)))
  end
  warn_of_files(ctx)
  local out = data.list({})
  for _, key in ipairs(config:names(p.group)) do
    local own = config:is_own(key)
    local shown = p.all or p.group or own
    local winner = config:winner(key)
    if winner and (shown or winner.layer ~= "default") or not winner and shown then
      winner = winner or {}
      if winner.err then
        ctx.ui.warn("%s from %s: %s", key, winner.source, winner.err)
      end
      out[#out + 1] = { key = key, value = winner.value, layer = winner.layer, source = winner.source,
        doc = config:spec_of(key).doc, err = winner.err }
    end
  end
  return out
end

local function layer_of(ctx, p)
  if p.user then
    return "user"
  elseif ctx.config:environment() then
    return "env-defaults"
  end
  return "workspace"
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
  local path
  local layer = layer_of(ctx, p)
  path, e = edit.set(ctx.config, layer, p.key, v)
  if path then
    warn_of_stronger(ctx, layer, p.key)
  end
  return path and { key = p.key, value = v, file = path }, e
end

function M.unset(ctx, p)
  local layer = layer_of(ctx, p)
  local path, e = edit.unset(ctx.config, layer, p.key)
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
  for i, slot in ipairs(layers.slots(ctx.config)) do
    files[i] = slot.path
  end
  return { settings = #ctx.config:names(), files = files }
end

local function run_editor(path)
  local editor = os.getenv("VISUAL") or os.getenv("EDITOR")
  if not editor or editor == "" then
    editor = "vi"
  end
  local ok, _, code = os.execute(("%s '%s'"):format(editor, (path:gsub("'", "'\\''"))))
  if not ok then
    return err.fail("failed", "the editor '%s' ended with %s", editor, tostring(code))
  end
  return true
end

function M.edit(ctx, p)
  if not ctx.interactive then
    return err.fail("usage", "an editor needs a terminal; 'prov config set' needs none")
  end
  local path, e = edit.edit(ctx.config, layer_of(ctx, p), run_editor, function(errs)
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
  local schema = require("prov.contract").json_schema(ctx.config:contract())
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
  for i, place in ipairs(layers.places(ctx.config)) do
    out[i] = { layer = place.layer, path = place.path, exists = fs.exists(place.path) }
  end
  return out
end

return M
