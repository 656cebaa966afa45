--- op.sysctl: a kernel setting.

return {
  name = "sysctl",
  summary = "A kernel setting, now and after the next boot",
  doc = "Read and written under /proc/sys, kept in /etc/sysctl.d/60-prov-<key>.conf.",
  example = 'op.sysctl { "net.core.somaxconn", value = 1024 }',
  positional = { "key", "value" },
  schema = {
    key = { type = "string", required = true, doc = "dotted name" },
    value = { type = "string", doc = "the value" },
    absent = { type = "bool", default = false, doc = "true: no longer kept (the running value stays)" },
  },
  lib = { "FILES" },
  check = function(a)
    if not a.key:find("^[%w_][%w_.%-/]*$") or a.key:find("%.%.") then
      return "'" .. a.key .. "' is no name of a kernel setting"
    elseif not a.absent and not a.value then
      return "needs value (or absent = true)"
    elseif a.value and a.value:find("[\n%z]") then
      return "value holds a newline or NUL byte"
    end
  end,
  title = function(a)
    return a.absent and "no kept kernel setting " .. a.key or ("kernel setting %s = %s"):format(a.key, a.value)
  end,
  emit = function(a, c)
    local path = ("/etc/sysctl.d/60-prov-%s.conf"):format((a.key:gsub("/", ".")))
    if a.absent then
      return { "gone", path }
    end
    local value = a.value:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
    local line = ("%s = %s\n"):format(a.key, value)
    return {
      "put", path, tostring(c.file(path)), c.digest(line), "/proc/sys/" .. a.key:gsub("%.", "/"), value,
      (c.content(line)),
    }
  end,
  sh = [==[
sysctl_check() {
  case $1 in gone) [ -e "$2" ] || return 0; Why=present; return 1 ;; esac
  [ -e "$5" ] || { Why="this kernel has no such setting"; return 2; }
  # Not the read builtin: it asks byte by byte, and these files answer the first question only.
  sysctl_join $(cat "$5")
  [ "$Yv" = "$6" ] || { Why="is $Yv" What=v; }
  if [ -f "$2" ] && [ ! -L "$2" ]; then
    file_look "$3" "$2"
    [ "$Fsum" = "$4" ] || { Why="$Why${Why:+, }not kept" What=${What}c; }
  else
    Why="$Why${Why:+, }not kept" What=${What}c
  fi
  [ -z "$What" ]
}
sysctl_join() { Yv=$*; }
sysctl_apply() {
  case $1 in gone) rm -f "$2"; return ;; esac
  case $What in *v*) printf '%s\n' "$6" > "$5" || { Why="the kernel refused the value"; return 1; } ;; esac
  case $What in *c*)
    [ -d /etc/sysctl.d ] || mkdir -p /etc/sysctl.d || return 1
    file_put "$2" 644 "" "" "" "" "$7" ;;
  esac
}
]==],
}
