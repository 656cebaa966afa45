--- `?name` in the REPL: help for an operation, a group, an extension, a kind or field of a resource, a setting.

local err = require("prov.err")
local ops = require("prov.ops")
local render = require("prov.render")
local suggest = require("prov.suggest")

local M = {}

local KINDS = { "provider", "taskserv", "cluster", "workflow" }

local function words_of(text)
  local words = {}
  for word in text:gsub("^prov%.", ""):gsub("[.%s(){}]+", " "):gmatch("%S+") do
    words[#words + 1] = (word:gsub("_", "-"))
  end
  return words
end

local function operation(text)
  local words = words_of(text)
  local name, used = ops.find(words)
  local cli = require("prov.face.cli.help")
  if name and used == #words then
    return cli.operation(name)
  elseif #words == 1 and ops.names(words[1])[1] then
    return cli.group(words[1])
  end
end

local function extension(session, text)
  for _, kind in ipairs(KINDS) do
    for _, one in ipairs(session.ctx.registry:index(kind)) do
      if one.name == text then
        local shown, e = require("prov.extensions").show(session.ctx.registry, kind, text)
        if not shown then
          error(e, 0)
        end
        return require("prov.face.cli.view.extension").render(shown, session.ctx.term_out, session.ctx)
      end
    end
  end
end

--- "server" or "server.memory": of every provider that has such a kind.
local function resource(session, text)
  local kind, field = text:match("^([%w_-]+)%.?([%w_.-]*)$")
  local out = {}
  for _, one in ipairs(kind and session.ctx.registry:index("provider") or {}) do
    local declaration = session.ctx.registry:get("provider", one.name)
    local known = declaration and declaration.resources or {}
    local spec = known[kind] or known[require("prov.infra.merge").singular(kind) or ""]
    local rows = {}
    for _, row in ipairs(spec and require("prov.contract").describe(spec.schema) or {}) do
      if field == "" or row.name == field then
        rows[#rows + 1] = row
      end
    end
    if rows[1] then
      out[#out + 1] = ("%s of provider %s%s\n"):format(kind, one.name, spec.summary and ": " .. spec.summary or "")
      out[#out + 1] = render.table(rows, { "name", "type", "required", "default", "doc" }, session.ctx.term_out)
    end
  end
  return out[1] and table.concat(out)
end

local function setting(session, text)
  local config = session.ctx.config
  local key = text:gsub("^config%.", "")
  local spec = config:spec_of(key)
  if not spec then
    return nil
  end
  return ("%s (%s): %s\ndefault: %s\n"):format(key, spec.type, spec.doc or "", render.scalar(spec.default))
end

local function names(session)
  local all = session.ctx.config:names()
  table.move(ops.names(), 1, #ops.names(), #all + 1, all)
  table.move(ops.groups(), 1, #ops.groups(), #all + 1, all)
  for _, kind in ipairs(KINDS) do
    for _, one in ipairs(session.ctx.registry:index(kind)) do
      all[#all + 1] = one.name
    end
  end
  return all
end

--- The help for a name.
---@param session table
---@param text string
---@return string?, prov.Err?
function M.about(session, text)
  text = text:match("^%s*(.-)%s*$")
  if text == "" then
    return session.env.help()
  end
  local found = session.own_help(text) or operation(text) or extension(session, text) or resource(session, text)
    or setting(session, text)
  if found then
    return found
  end
  return nil, err.new("notfound", ("nothing is known of '%s'"):format(text), {
    hint = suggest.hint(text, names(session)) or "? alone tells what there is",
  })
end

return M
