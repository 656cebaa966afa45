--- op.dir: a folder.

local paths = require("prov.host.paths")

return {
  name = "dir",
  summary = "A folder with this mode and owner",
  doc = "Folders above it are made too. absent = true removes the whole tree.",
  example = 'op.dir { "/srv/app", mode = "0750", owner = "app", group = "app" }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "absolute path on the host" },
    mode = { type = "mode", doc = "permission bits, octal; 0755 for a new one" },
    owner = { type = "string", doc = "user name or id" },
    group = { type = "string", doc = "group name or id" },
    absent = { type = "bool", default = false, doc = "true: remove it with everything in it" },
  },
  lib = { "FILES" },
  check = function(a)
    return a.absent and paths.kept(a.path, true) or nil
  end,
  title = function(a)
    return (a.absent and "no folder " or "folder ") .. a.path
  end,
  emit = function(a, c)
    if a.absent then
      return { "gone", a.path }
    end
    return { "put", a.path, tostring(c.file(a.path)), a.mode or "", a.owner or "", a.group or "" }
  end,
  sh = [==[
dir_check() {
  case $1 in
    gone) [ -e "$2" ] || [ -L "$2" ] || return 0; Why=present; return 1 ;;
  esac
  if [ ! -e "$2" ] && [ ! -L "$2" ]; then Why=absent; return 1; fi
  [ -d "$2" ] || { Why="is no folder"; return 2; }
  file_look "$3" "$2"
  file_attr "$4" "$5" "$6"
  [ -z "$What" ]
}
dir_apply() {
  case $1 in gone) rm -rf "$2" && changed "$2"; return ;; esac
  if [ -d "$2" ]; then file_own "$2" "$4" "$5" "$6" && dirty f; return; fi
  mkdir -p ${4:+-m "$4"} "$2" || return 1
  Fo=$5 Fg=$6
  file_ours "${2%/*}"
  file_own "$2" "" "$Fo" "$Fg" && dirty f
}
]==],
}
