--- op.file: a file with these bytes.

local paths = require("prov.host.paths")

return {
  name = "file",
  summary = "A file with exactly these bytes, mode and owner",
  doc = "Replaced in one step (temporary file and rename). A symbolic link at the path becomes a file. "
    .. "Content with a secret in it is never shown in a diff.",
  example = 'op.file { "/etc/motd", text = "welcome\\n", mode = "0644", notify = "restart" }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "absolute path on the host" },
    text = { type = "bytes", doc = "the bytes; also op.text(...) or a secret" },
    mode = { type = "mode", default = "0644", doc = "permission bits, octal" },
    owner = { type = "string", doc = "user name or id; kept as it is when not given" },
    group = { type = "string", doc = "group name or id; kept as it is when not given" },
    validate = { type = "string", doc = "command that must succeed on the new file first; %s is its path" },
    absent = { type = "bool", default = false, doc = "true: there is no such file" },
    secret = { type = "bool", default = false, doc = "true: never shown in a diff" },
  },
  lib = { "FILES" },
  check = function(a)
    if not a.absent and not a.text then
      return "needs text (or absent = true)"
    end
    return a.absent and paths.kept(a.path) or nil
  end,
  title = function(a)
    return (a.absent and "no file " or "file ") .. a.path
  end,
  emit = function(a, c)
    if a.absent then
      return { "gone", a.path }
    end
    local validate = (a.validate or ""):gsub("%%s", '"$1"')
    local content, builtin = c.content(a.text)
    local digest = c.digest(a.text)
    return {
      "put", a.path, tostring(c.file(a.path)), digest, a.mode, a.owner or "", a.group or "",
      content, a.opaque and "1" or "", validate, builtin and "" or digest,
    }
  end,
  -- What the diff of a file that is not there yet is; the host need not send our own bytes back.
  fresh = function(a)
    return not a.absent and not a.opaque and a.text or nil
  end,
  sh = [==[
file_check() {
  case $1 in
    gone) [ -e "$2" ] || [ -L "$2" ] || return 0; [ -d "$2" ] && [ ! -L "$2" ] && { Why="is a folder"; return 2; }
      Why=present; return 1 ;;
  esac
  if [ -L "$2" ]; then Why="is a symbolic link" What=c
  elif [ -d "$2" ]; then Why="is a folder"; return 2
  elif [ ! -e "$2" ]; then Why=absent What=c
  else
    file_look "$3" "$2"
    if [ "$Fsum" != "$4" ]; then Why=content What=c; fi
    file_attr "$5" "$6" "$7"
    [ -z "$What" ] && return 0
  fi
  if [ "$What" != "${What#c}" ] && [ "$Want_diff" ] && [ -z "$9" ] && [ -f "$2" ] && temp; then
    "$8" > "$T/new" && file_diff "$2"
  fi
  return 1
}
file_apply() {
  case $1 in gone) rm -f "$2" && changed "$2"; return ;; esac
  case $What in
    c*) file_put "$2" "$5" "$6" "$7" "${11}" "${10}" "$8" ;;
    *) file_own "$2" "$5" "$6" "$7" && changed "$2" ;;
  esac
}
]==],
}
