--- op.group: a local group.

return {
  name = "group",
  summary = "A local group",
  example = 'op.group { "app", system = true }',
  positional = { "name" },
  schema = {
    name = { type = "account", required = true, doc = "group name" },
    gid = { type = "int", min = 0, doc = "numeric id" },
    system = { type = "bool", default = false, doc = "true: a system group (id below 1000)" },
    absent = { type = "bool", default = false, doc = "true: there is no such group" },
  },
  lib = { "ACCOUNTS" },
  title = function(a)
    return (a.absent and "no group " or "group ") .. a.name
  end,
  emit = function(a, c)
    c.accounts()
    return { a.absent and "gone" or "put", a.name, a.gid and tostring(a.gid) or "", a.system and "1" or "" }
  end,
  sh = [==[
group_check() {
  is_dirty u && accounts_probe
  if account_line "$Gr" "$2"; then
    case $1 in gone) Why=present; return 1 ;; esac
    Gn= Gi=${Line#*:*:} Gi=${Gi%%:*}
    [ -z "$3" ] || [ "$3" = "$Gi" ] && return 0
    Why="gid $Gi -> $3"
    return 1
  fi
  case $1 in gone) return 0 ;; esac
  Gn=1 Why=absent
  return 1
}
group_apply() {
  dirty uf
  case $1 in gone)
    if command -v groupdel > /dev/null; then groupdel "$2"; else delgroup "$2"; fi
    return ;;
  esac
  Go=
  if ! command -v groupadd > /dev/null; then
    [ "$Gn" ] || { Why="this host cannot change groups (no groupmod)"; return 1; }
    [ "$4" ] && Go=-S
    addgroup $Go ${3:+-g "$3"} "$2"
  elif [ "$Gn" ]; then
    [ "$4" ] && Go=-r
    groupadd $Go ${3:+-g "$3"} "$2"
  else
    groupmod -g "$3" "$2"
  fi
}
]==],
}
