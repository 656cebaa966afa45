--- Compiles a list of ops into one POSIX sh script.

local err = require("prov.err")
local op = require("prov.host.op")
local quote = require("prov.host.quote")
local shell = require("prov.host.shell")
local suggest = require("prov.suggest")

local M = {}

local LIBS = { "FILES", "TEXTS", "FETCH", "UNITS", "PACKAGES", "ACCOUNTS" }

-- Collects what the ops ask the host about, so that it is asked once.
local function context()
  local c = { files = {}, texts = {}, units = {}, names = {}, seen = {}, contents = {}, wants_accounts = false }

  local function numbered(list, value)
    local id = list[value]
    if not id then
      id = #list + 1
      list[id], list[value] = value, id
    end
    return id
  end

  function c.file(path)
    return numbered(c.files, path)
  end

  function c.text(path)
    return numbered(c.texts, path)
  end

  function c.unit(name)
    return numbered(c.units, name)
  end

  function c.packages(names)
    for _, name in ipairs(names) do
      numbered(c.names, name)
    end
  end

  function c.accounts()
    c.wants_accounts = true
  end

  function c.digest(bytes)
    return require("core.crypto").sha256(bytes)
  end

  -- The function that prints the bytes, and whether it is one builtin, whose status can be trusted.
  function c.content(bytes)
    local name = ("Content_%d"):format(#c.contents + 1)
    local command, builtin = quote.printer(bytes)
    c.contents[#c.contents + 1] = ("%s() {\n%s\n}\n"):format(name, command)
    return name, builtin
  end

  return c
end

-- Which pending keys an event stands for in this recipe.
local function keys_of(ops, event)
  local keys = {}
  for index, item in ipairs(ops) do
    local decl = op.declaration(item.op)
    local key = decl.listens and decl.listens(item.args, event, index)
    if key then
      keys[#keys + 1] = key
    end
  end
  return keys
end

-- An error about an op, with the line of the recipe that made it.
local function refused(item, message, ...)
  local at = item.at or {}
  return nil, err.new("invalid", message:format(...), { file = at.file, line = at.line, data = { op = true } })
end

local function events_of(ops)
  local names = {}
  for _, item in ipairs(ops) do
    for key, value in pairs(item.args.on or {}) do
      names[#names + 1] = type(key) == "string" and key or value
    end
  end
  return names
end

local function notify_of(ops, item)
  local all = {}
  for _, event in ipairs(item.notify or {}) do
    local keys = keys_of(ops, event)
    if #keys == 0 then
      local hint = suggest.hint(event, events_of(ops))
      return refused(item, "%s: notify = '%s', but no op listens to it with on%s", item.title, event,
        hint and (" (%s)"):format(hint) or "")
    end
    table.move(keys, 1, #keys, #all + 1, all)
  end
  return table.concat(all, " ")
end

-- True when the op may have to act on a notification that comes after it.
local function listens(item)
  return item.args.on and next(item.args.on) ~= nil
end

local function emit_ops(ops, c)
  local calls, late = {}, {}
  for index, item in ipairs(ops) do
    local decl = type(item) == "table" and op.declaration(item.op)
    if not decl then
      return err.fail("invalid", "op %d of the recipe is no op; build it with op.<name> { ... }", index)
    end
    local notify, e = notify_of(ops, item)
    if not notify then
      return nil, e
    end
    local ok, words = pcall(decl.emit, item.args, c)
    if not ok then
      if type(words) == "table" and words.bad then
        return refused(item, "%s: %s", item.title, words.bad)
      end
      error(words, 0)
    end
    calls[index] = ("op %d %s %s %s\n"):format(index, item.op, quote.word(notify), quote.words(words))
    if listens(item) then
      late[#late + 1] = calls[index]
    end
  end
  return table.concat(calls), table.concat(late)
end

local function library(ops)
  local parts, wanted, done = { shell.PRELUDE }, {}, {}
  for _, item in ipairs(ops) do
    for _, lib in ipairs(op.declaration(item.op).lib or {}) do
      wanted[lib] = true
    end
  end
  for _, lib in ipairs(LIBS) do
    if wanted[lib] then
      parts[#parts + 1] = shell[lib]
    end
  end
  for _, item in ipairs(ops) do
    local decl = op.declaration(item.op)
    if not done[item.op] then
      done[item.op] = true
      parts[#parts + 1] = type(decl.sh) == "function" and decl.sh() or decl.sh
    end
  end
  return table.concat(parts)
end

local function probes(c)
  local lines = {}
  if #c.files > 0 then
    lines[#lines + 1] = "files_probe " .. quote.words(c.files)
  end
  if #c.texts > 0 then
    lines[#lines + 1] = "texts_probe " .. quote.words(c.texts)
  end
  if #c.names > 0 then
    lines[#lines + 1] = "packages_probe " .. quote.words(c.names)
  end
  if #c.units > 0 then
    lines[#lines + 1] = "units_probe " .. quote.words(c.units)
  end
  if c.wants_accounts then
    lines[#lines + 1] = "accounts_probe"
  end
  return table.concat(lines, "\n")
end

local MAIN = [==[
main() {
exec 3>&1 < /dev/null > /dev/null 2>&1
%s
Systemd= Pm=
[ -d /run/systemd/system ] && Systemd=1
for P in apt-get apk dnf; do command -v $P > /dev/null && { Pm=${P%%-get}; break; }; done
sweep
printf '\n' >&3
say b
pending_load
for E in $Ev; do say n "$E"; done
%s
%s
%s
say e
}
main
exit 0
]==]

--- Makes the script. Its report lines are read by prov.host.report.
---@param ops table[] made with op.<name>{...}
---@param opts table mode, name, diff, state as in prov.host.run; token and nonce
---@return string? script
---@return prov.Err?
function M.compile(ops, opts)
  local mode = opts.mode or "apply"
  if mode ~= "apply" and mode ~= "check" then
    return err.fail("invalid", "mode must be apply or check")
  end
  local c = context()
  local calls, late = emit_ops(ops, c)
  if not calls then
    return nil, late
  end
  local name = (opts.name or "recipe"):gsub("[^%w_.-]", "_"):gsub("^%.+", "_")
  local settings = ("Tok=%s Nonce=%s Mode=%s Rid=%s State=%s Want_diff=%s Notify=%s"):format(
    opts.token, opts.nonce, mode, name, quote.word(opts.state or "/var/lib/prov"), opts.diff ~= false and "1" or "",
    mode == "check" and "w" or "n")
  return library(ops) .. table.concat(c.contents) .. MAIN:format(settings, probes(c), calls, late)
end

return M
