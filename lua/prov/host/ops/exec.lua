--- op.exec: a shell command.

-- The name a command has among the pending ones; it must not depend on its place in the recipe.
local function key(command)
  local hash = 0x811c9dc5
  for i = 1, #command do
    hash = ((hash ~ command:byte(i)) * 0x01000193) & 0xffffffff
  end
  return ("run:%08x"):format(hash)
end

return {
  name = "exec",
  summary = "A shell command, guarded so that it runs only when needed",
  doc = "POSIX sh text. With creates, unless or onlyif it runs only when the guard says so (guards run in check mode "
    .. "too, so they must change nothing). With on = { event } it runs only when an op before it notified the "
    .. "event. Without any guard it always runs and counts as a change, unless changes = false. The command travels "
    .. "inside the script: it is on no command line, nor are env and stdin.",
  example = 'op.exec { "createdb app", unless = "psql -lqt | cut -d\\\\| -f1 | grep -qw app", user = "postgres" }',
  positional = { "command" },
  schema = {
    command = { type = "bytes", required = true, doc = "shell text" },
    creates = { type = "path", doc = "does nothing when this exists" },
    unless = { type = "bytes", doc = "does nothing when this command succeeds" },
    onlyif = { type = "bytes", doc = "does nothing when this command fails" },
    on = { type = "list", of = { type = "event" }, default = {}, doc = "runs only when one of these was notified" },
    user = { type = "account", doc = "run as this user (guards too)" },
    cwd = { type = "path", doc = "folder to run in" },
    env = { type = "map", of = { type = "bytes" }, default = {}, doc = "environment variables" },
    stdin = { type = "bytes", doc = "what the command reads" },
    changes = { type = "bool", default = true, doc = "false: running it is no change" },
    title = { type = "string", doc = "shown instead of the command" },
    secret = { type = "bool", default = false, doc = "true: the output is not shown" },
  },
  check = function(a)
    for _, field in ipairs({ "command", "unless", "onlyif", "stdin" }) do
      if a[field] and a[field]:find("\0", 1, true) then
        return field .. " holds a NUL byte"
      end
    end
    for name, value in pairs(a.env) do
      if not tostring(name):find("^[%a_][%w_]*$") then
        return ("env: '%s' is no variable name"):format(name)
      elseif value:find("\0", 1, true) then
        return ("env.%s holds a NUL byte"):format(name)
      end
    end
  end,
  title = function(a)
    local text = a.title or a.command:match("^%s*([^\n]*)") or ""
    return "run " .. (#text > 60 and text:sub(1, 57) .. "..." or text)
  end,
  listens = function(a, event)
    for _, name in ipairs(a.on) do
      if name == event then
        return key(a.command)
      end
    end
  end,
  emit = function(a)
    local word = require("prov.host.quote").word
    local before = {}
    local names = {}
    for name in pairs(a.env) do
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      before[#before + 1] = ("%s=%s; export %s\n"):format(name, word(a.env[name]), name)
    end
    if a.cwd then
      before[#before + 1] = ("cd -- %s || exit 1\n"):format(word(a.cwd))
    end
    local prefix = table.concat(before)
    local function text(body)
      return body and prefix .. body or ""
    end
    local command = a.command
    if a.stdin then
      command = ("printf '%%s' %s | (\n%s\n)"):format(word(a.stdin), command)
    end
    return {
      a.user or "", text(command), a.creates or "", text(a.unless), text(a.onlyif),
      #a.on > 0 and key(a.command) or "", a.changes and "1" or "", a.opaque and "1" or "",
    }
  end,
  sh = [==[
# exec_run USER TEXT: the text in a shell of its own; as another user it goes in by standard input.
exec_run() {
  if [ "$1" ]; then
    printf '%s' "$2" | su -s /bin/sh "$1" -c 'Text=$(cat); exec < /dev/null; cd /; eval "$Text"'
  else
    (eval "$2") < /dev/null
  fi
}
exec_check() {
  if [ "$6" ] && ! is_pending "$6"; then return 0; fi
  if [ "$3" ] && [ -e "$3" ]; then settle "$6"; return 0; fi
  # Called on its own, not inside of `if`: there, set -e in the text would mean nothing.
  if [ "$4" ]; then
    exec_run "$1" "$4"
    Xc=$?
    if [ "$Xc" = 0 ]; then settle "$6"; return 0; fi
  fi
  if [ "$5" ]; then
    exec_run "$1" "$5"
    Xc=$?
    if [ "$Xc" != 0 ]; then settle "$6"; return 0; fi
  fi
  if [ -z "$7" ]; then
    [ "$Mode" = check ] && return 0
    temp || return 2
    exec_run "$1" "$2" > "$T/out" 2>&1
    Xc=$?
    if [ "$Xc" = 0 ]; then settle "$6"; return 0; fi
    Why="exit code $Xc"
    [ "$8" ] && printf '' > "$T/out"
    return 2
  fi
  Why="${6:+notified}"
  Why="${Why:-to run}"
  return 1
}
exec_apply() {
  dirty fpsu
  exec_run "$1" "$2"
  Xc=$?
  if [ "$Xc" = 0 ]; then settle "$6"; return 0; fi
  Why="exit code $Xc"
  [ "$8" ] && printf '' > "$T/out"
  return 1
}
]==],
}
