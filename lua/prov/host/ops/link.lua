--- op.link: a symbolic link.

local paths = require("prov.host.paths")

return {
  name = "link",
  summary = "A symbolic link with this target",
  doc = "A file or folder at the path is left alone and reported as an error, unless force = true (files only).",
  example = 'op.link { "/etc/nginx/sites-enabled/app", target = "../sites-available/app" }',
  positional = { "path" },
  schema = {
    path = { type = "path", required = true, doc = "where the link is" },
    target = { type = "string", doc = "what it points to; need not exist" },
    force = { type = "bool", default = false, doc = "true: a file at the path is replaced" },
    absent = { type = "bool", default = false, doc = "true: there is no such link" },
  },
  lib = { "FILES" },
  check = function(a)
    if not a.absent and not a.target then
      return "needs target (or absent = true)"
    elseif a.target and a.target:find("\n") then
      return "target holds a newline"
    end
    return a.absent and paths.kept(a.path) or nil
  end,
  title = function(a)
    return a.absent and "no link " .. a.path or ("link %s -> %s"):format(a.path, a.target)
  end,
  emit = function(a)
    return { a.absent and "gone" or "put", a.path, a.target or "", a.force and "1" or "" }
  end,
  sh = [==[
link_check() {
  if [ -L "$2" ]; then
    case $1 in gone) Why=present; return 1 ;; esac
    Lt=$(readlink "$2")
    [ "$Lt" = "$3" ] && return 0
    Why="points to $Lt"
    case $Why in *"$NL"*) Why="points elsewhere" ;; esac
    return 1
  elif [ -e "$2" ]; then
    case $1 in gone) return 0 ;; esac
    if [ -f "$2" ] && [ "$4" ]; then Why="is a file"; return 1; fi
    Why="something else is there"
    return 2
  fi
  case $1 in gone) return 0 ;; esac
  Why=absent
  return 1
}
link_apply() {
  if [ -e "$2" ] || [ -L "$2" ]; then rm -f "$2" || return 1; fi
  case $1 in gone) ;; *) ln -s "$3" "$2" || return 1 ;; esac
  changed "$2"
}
]==],
}
